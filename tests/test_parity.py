"""Own numbers against golden outputs of the published code (tests/golden/README.md)."""

import numpy as np
import pytest
import torch
from helpers import GOLDEN, published_state

import drpose_core as dr
from drpose_core.losses import weighted_mpjpe
from drpose_core.model import CLIP
from drpose_core.sources.h36m import TEST_SUBJECTS, TRAIN_SUBJECTS


@pytest.fixture(scope="module")
def golden():
    return {name: torch.from_numpy(value) for name, value in np.load(GOLDEN / "model.npz").items()}


@pytest.fixture(scope="module", params=["dcgct", "htnet"])
def lifter(request):
    return request.param


@pytest.fixture(scope="module")
def model(lifter):
    return dr.load_published(published_state(lifter), lifter)


def close(own, golden, tolerance=1e-5):
    """Relative to the largest golden value: an error of 1e-5 of a metre-sized pose, not of a
    coordinate that happens to be near 0.
    """
    assert own.shape == golden.shape
    error = (own - golden).abs().max() / golden.abs().max()
    assert error < tolerance, f"relative difference {error:.2e}"


def test_initial_pose(model, lifter, golden):
    close(model.initial_pose(golden["input_2d"][:, 0]), golden[f"{lifter}/initial_pose"][:, 0])


def test_denoiser(model, lifter, golden):
    kp2d, x_t, t = golden["input_2d"][:, 0], golden["target_3d"], golden[f"{lifter}/t"]
    with torch.no_grad():
        x0 = model.denoiser(
            x_t, golden[f"{lifter}/initial_pose"][:, 0], model.denoiser.condition(kp2d, t)
        )
    close(x0, golden[f"{lifter}/denoised"])


@pytest.mark.parametrize(
    "name, seed, flip_test",
    [
        ("flip/H1_K1_T1000", 111, True),
        ("flip/H3_K4_T1000", 134, True),
        ("flip/H5_K2_T50", 152, True),
        ("noflip/H3_K4_T1000", 134, False),
    ],
)
def test_sampling(name, seed, flip_test, lifter, golden):
    reference = golden[f"{lifter}/ddim_{name}"].squeeze(3).transpose(0, 1)  # (K, B, H, J, 3)
    h, k, timesteps = (int(part[1:]) for part in name.split("/")[1].split("_"))
    model = dr.load_published(published_state(lifter, timesteps), lifter)
    noise = np.random.RandomState(seed).standard_normal((k, 4, h, 1, 17, 3)).astype(np.float32)
    noise = torch.from_numpy(noise).squeeze(3)
    kp2d = golden["input_2d"][:, 0]
    published = dr.Sampling.published(h, k)
    own = dr.sample_poses(model, kp2d, published, flip_test=flip_test, noise=noise)
    close(own[..., 1:, :], reference[..., 1:, :])
    assert (own[..., 0, :] == 0).all()
    # The chain itself keeps joint 0 as the network gives it.
    draws = iter(noise)
    chain = dr.ddim(
        dr.denoise_fn(model, kp2d, flip_test=flip_test),
        next(draws),
        model.schedule,
        k,
        noise_sampler=lambda x: next(draws),
    )
    close(torch.stack([step.x0 for step in chain]), reference)


def test_schedule(golden):
    for timesteps in (1000, 50):
        close(
            dr.CosineSchedule(timesteps).alpha_bar,
            golden[f"schedule/alphas_cumprod/T{timesteps}"],
            1e-12,
        )
    for name in ("K1_T1000", "K4_T1000", "K2_T50"):
        steps, timesteps = (int(part[1:]) for part in name.split("_"))
        assert (
            dr.CosineSchedule(timesteps).timesteps(steps)
            == golden[f"schedule/times/{name}"].tolist()
        )


def test_forward_diffusion(golden):
    noise = torch.from_numpy(
        np.random.RandomState(55).standard_normal((5, 1, 17, 3)).astype(np.float32)
    )
    x0 = golden["target_3d"][:1].expand(5, -1, -1, -1)
    x_t = dr.CosineSchedule().add_noise(x0, golden["q_sample/t"], noise)
    close(x_t.clamp(-CLIP, CLIP), golden["q_sample/x_t"])


def test_losses(golden):
    pred, target = golden["dcgct/denoised"], golden["target_3d"]
    close(weighted_mpjpe(pred, target), golden["loss/weighted_mpjpe"])
    close(dr.mpjpe(pred, target).mean(), golden["loss/mpjpe"])


@pytest.fixture(scope="module")
def golden_data():
    return {
        name: torch.from_numpy(value) if value.dtype.kind in "fi" else value
        for name, value in np.load(GOLDEN / "data.npz").items()
    }


def published_order(poses):
    """Row index and mirrored flag of the published training set: each sequence and camera, then the
    same mirrored.
    """
    index = [
        rows
        for s in range(len(poses.sequences))
        for rows in [torch.nonzero(poses.sequence == s)[:, 0]] * 2
    ]
    mirrored = [torch.full_like(rows, i % 2, dtype=torch.bool) for i, rows in enumerate(index)]
    return torch.cat(index), torch.cat(mirrored)


@pytest.mark.parametrize("keypoints", ["cpn_ft_h36m_dbb", "gt"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_loader(keypoints, split, golden_data):
    reference = {
        name.split("/")[-1]: value
        for name, value in golden_data.items()
        if name.startswith(f"loader/{keypoints}/{split}/")
    }
    poses = dr.h36m_poses(
        GOLDEN / "h36m_mini",
        keypoints=keypoints,
        subjects={"train": TRAIN_SUBJECTS, "test": TEST_SUBJECTS}[split],
    )
    index, mirrored = (
        published_order(poses)
        if split == "train"
        else (torch.arange(len(poses)), torch.zeros(len(poses), dtype=torch.bool))
    )
    assert len(index) == reference["length"]
    index, mirrored = index[reference["rows"]], mirrored[reference["rows"]]
    plain, other = poses[index], poses[index].flipped()

    def rows(name):
        flag = mirrored.view(-1, *[1] * (getattr(plain, name).ndim - 1))
        return torch.where(flag, getattr(other, name), getattr(plain, name))

    target = reference["target_3d"][:, 0]
    close(rows("root"), target[:, 0])
    close(rows("pose3d")[:, 1:], target[:, 1:])
    close(rows("intrinsics"), reference["camera"])
    if split == "train":
        close(rows("kp2d"), reference["input_2d"][:, 0])
    else:
        close(plain.kp2d, reference["input_2d"][:, 0, 0])
        close(other.kp2d, reference["input_2d"][:, 1, 0])
    names = [poses.sequences[s].split("/") for s in plain.sequence]
    assert [name[0] for name in names] == reference["subject"].tolist()
    assert [name[1] for name in names] == reference["action"].tolist()
    assert [int(name[2]) for name in names] == reference["camera_index"].tolist()
    assert [poses.actions[a] for a in plain.action] == [
        name.split(" ")[0] for name in reference["action"]
    ]


def test_batches_give_the_published_training_set(golden_data):
    """As a set, an augmented epoch is what the published loader yields: every pose and every pose
    mirrored.
    """
    poses = dr.h36m_poses(GOLDEN / "h36m_mini", subjects=TRAIN_SUBJECTS)
    rows = torch.cat(
        [
            batch.kp2d
            for batch in dr.batches(
                poses, 100, shuffle=True, augment=True, generator=dr.generator(0)
            )
        ]
    )
    expected = torch.cat([poses.kp2d, poses.flipped().kp2d])
    assert len(rows) == len(expected) == 1152
    assert torch.equal(
        rows.flatten(1)[rows.flatten(1)[:, 10].argsort()],
        expected.flatten(1)[expected.flatten(1)[:, 10].argsort()],
    )


def test_scores(golden_data):
    d = {
        name.removeprefix("metrics/"): value
        for name, value in golden_data.items()
        if name.startswith("metrics/")
    }
    # (B, T, H, J, 3), (B, 1, J, 3)
    pred, target = (d["prediction"].squeeze(3).clone(), d["target"][:, None, 0].clone())
    pred[..., 0, :] = 0
    target[..., 0, :] = 0
    reprojected = dr.project(pred + d["trajectory"][:, None, :, :], d["camera"])
    close(reprojected, d["reprojection"].squeeze(3), 1e-5)
    reprojection_error = (reprojected - d["input_2d"][:, None, 0][:, :, None]).norm(dim=-1)
    for align, protocol, tolerance in ((False, "mpjpe", 1e-5), (True, "p_mpjpe", 1e-4)):
        scores = dr.hypothesis_errors(
            pred, target, reprojection_error=reprojection_error, align=align
        )
        assert set(scores) == {"p_avg", "p_best", "j_best", "j_avg"}
        for name, value in scores.items():
            close(value.T * 1000, d[f"{name}/{protocol}"], tolerance)
            names = np.array([name.split(" ")[0] for name in d["action"]])
            for action in np.unique(names):
                of_action = value[torch.from_numpy(names == action)].mean(0) * 1000
                close(of_action, d[f"{name}/by_action/{action}"][int(align)], tolerance)

"""The three sources: what a human figure, a detector and a motion-capture reader must get right."""

from pathlib import Path

import numpy as np
import pytest
import tiny_cmu
import torch

import drpose_core as dr
from drpose_core.skeleton import bone_lengths
from drpose_core.sources.cmu import joint_positions, read_amc, read_asf, resample
from drpose_core.sources.detector_model import CROP, SPREAD, detect
from drpose_core.sources.synthetic import figure
from drpose_core.sources.synthetic.actions import ACTIONS
from drpose_core.sources.synthetic.movement import mirror_motion

T = np.arange(0, 8, 0.02)


def perform(action, seed):
    rng = np.random.default_rng([seed, 99])
    body = figure.draw_body(rng)
    motion = ACTIONS[action](rng, T, body)
    return body, motion, figure.joints_in_motion(body, motion)


def angle(a, b, c):
    """Flexion at b of the chain a-b-c: 0 when straight."""
    u, v = b - a, c - b
    return np.arccos(
        np.clip((u * v).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1), -1, 1)
    )


@pytest.mark.parametrize("action", ACTIONS)
def test_the_figure_moves_like_a_body(action):
    for seed in range(4):
        body, _, joints = perform(action, seed)
        lengths = bone_lengths(torch.from_numpy(joints))
        assert (lengths.amax(0) - lengths.amin(0)).max() < 1e-9  # bones are rigid
        for hip, knee, foot in ((1, 2, 3), (4, 5, 6)):
            flexion = angle(*(joints[:, j] for j in (hip, knee, foot)))
            assert (
                flexion.min() > figure.KNEE_FLEXION[0] - 1e-6
                and flexion.max() < figure.KNEE_FLEXION[1] + 1e-6
            )
        for shoulder, elbow, wrist in ((11, 12, 13), (14, 15, 16)):
            flexion = angle(*(joints[:, j] for j in (shoulder, elbow, wrist)))
            assert (
                flexion.min() > figure.ELBOW_FLEXION[0] - 1e-6
                and flexion.max() < figure.ELBOW_FLEXION[1] + 1e-6
            )
        assert joints[..., 2].min() > 0.02  # nothing below the floor
        feet = joints[:, [6, 3]]
        assert (feet[..., 2].min(1) < body.ankle + 0.12).all()  # one foot is always near the floor
        # A foot that stands does not slide (seated people may shuffle theirs a little).
        standing = (feet[1:, :, 2] < body.ankle + 1e-6) & (feet[:-1, :, 2] < body.ankle + 1e-6)
        slide = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=-1) / 0.02
        if not action.startswith(("Sit", "Eat", "Smoking")):
            assert not standing.any() or slide[standing].max() < 0.05
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) / 0.02
        assert speed.max() < 11  # metres per second: no joint jumps


@pytest.mark.parametrize("action", ["Walking", "Phoning", "SittingDown"])
def test_the_mirrored_twin_does_the_mirrored_motion(action):
    body, motion, joints = perform(action, 1)
    twin = figure.joints_in_motion(body, mirror_motion(motion))
    # flip mirrors the first coordinate, the twin the second
    across = torch.from_numpy(twin[..., [1, 0, 2]])
    assert np.allclose(dr.flip(across).numpy()[..., [1, 0, 2]], joints, atol=1e-9)


def test_synthetic_set_has_the_promised_size_and_split():
    train, test = dr.synthetic_poses("train"), dr.synthetic_poses("test")
    assert len(train) >= 60_000 and len(test) >= 15_000
    assert (
        train.actions == list(ACTIONS)
        and len(set(train.sequences)) == len(train.sequences) == 5 * 15 * 2 * 4
    )
    assert {s.split("/")[0] for s in train.sequences} == {
        "S1",
        "S5",
        "S6",
        "S7",
        "S8",
    } and "synthetic" in train.source
    for poses in (train, test):
        assert (
            (poses.pose3d[:, 0] == 0).all()
            and (poses.pose3d.abs() < 1.1).float().mean() > 0.9999
            and poses.root[:, 2].min() > 1.5
        )
        assert (poses.kp2d.abs() < 1).all(-1).all(-1).float().mean() > 0.99  # in the picture
    statures = bone_lengths(train.pose3d[::5000]).sum(-1)
    assert statures.max() / statures.min() > 1.05  # people differ


def test_the_seed_decides_and_both_inputs_share_the_poses():
    options = {"stride": 25, "seconds": 2, "takes": 1}
    a, b, c = (dr.synthetic_poses("test", seed=s, **options) for s in (0, 0, 1))
    assert torch.equal(a.kp2d, b.kp2d) and not torch.equal(a.pose3d, c.pose3d)
    exact = dr.synthetic_poses("test", seed=0, keypoints="exact", **options)
    assert torch.equal(exact.pose3d, a.pose3d) and (exact.confidence == 1).all()
    projected = dr.project(exact.pose3d + exact.root[:, None], exact.intrinsics)
    assert torch.allclose(projected, exact.kp2d, atol=1e-5)


def test_a_stride_picks_frames():
    every = dr.synthetic_poses("test", stride=1, seconds=2, takes=1, keypoints="exact")
    some = dr.synthetic_poses("test", stride=10, seconds=2, takes=1, keypoints="exact")
    assert torch.equal(every.pose3d[every.frame % 10 == 0], some.pose3d)


def test_detector_statistics():
    kp2d = np.tile(np.random.default_rng(0).uniform(-0.3, 0.3, (1, 1, 17, 2)), (4000, 8, 1, 1))
    seen, confidence = detect(kp2d, 0.1, np.random.default_rng(1))
    pixel = 1.25 * (kp2d.max(2) - kp2d.min(2)).max() / CROP
    error = np.linalg.norm(seen - kp2d, axis=-1) / pixel
    # of a 2D Gaussian; robust to the tail
    spread = np.median(error, (0, 1)) / np.sqrt(2 * np.log(2))
    assert np.allclose(spread, SPREAD, rtol=0.15)
    # wrists and ankles
    assert error[..., [13, 16, 3, 6]].mean() > 1.5 * error[..., [0, 7, 8, 9]].mean()
    assert (
        error > 6 * np.array(SPREAD)
    ).mean() > 0.002  # a heavy tail: a Gaussian has 1.5e-8 there
    # Now and then the arms are exchanged: the wrists stand where the other one is.
    exchanged = np.linalg.norm(seen[..., 13, :] - kp2d[..., 16, :], axis=-1) < 10 * pixel
    assert 0.004 < exchanged.mean() < 0.02
    assert (
        confidence[error > 20].mean() < 0.4 < 0.85 < confidence[error < 3].mean()
        and confidence.min() >= 0
        and confidence.max() <= 1
    )
    neighbours = np.corrcoef(
        (seen - kp2d)[1:, ..., 0, 0].ravel(), (seen - kp2d)[:-1, ..., 0, 0].ravel()
    )[0, 1]
    assert 0.2 < neighbours < 0.6  # errors last longer than a tenth of a second


def test_detector_noise_belongs_to_the_recording():
    """No recording shares its noise with another, in the other split least of all, and none depends
    on what else is loaded.
    """
    options = {"stride": 25, "seconds": 2, "takes": 1}
    sets = {
        split: [dr.synthetic_poses(split, keypoints=k, **options) for k in ("detected", "exact")]
        for split in ("train", "test")
    }
    first = {split: seen.frame == 0 for split, (seen, _) in sets.items()}
    noise = torch.cat(
        [(seen.kp2d - exact.kp2d)[first[split]].flatten(1) for split, (seen, exact) in sets.items()]
    )
    size = torch.cat(
        [
            (e.kp2d.amax(1) - e.kp2d.amin(1)).amax(-1, keepdim=True)[first[split]]
            for split, (_, e) in sets.items()
        ]
    )
    apart = torch.cdist(noise / size, noise / size) + torch.eye(len(noise))
    assert len(noise) == 7 * 15 * 4 and apart.min() > 0.01


def test_a_recording_is_the_same_whatever_else_is_loaded(tmp_path):
    for subject in ("07", "08"):
        tiny_cmu.write_subject(tmp_path, subject, takes=1, frames=60)
    both, one = dr.cmu_poses(tmp_path), dr.cmu_poses(tmp_path, subjects=("08",))
    rows = torch.tensor([both.sequences[s].startswith("08") for s in both.sequence])
    assert torch.equal(both.kp2d[rows], one.kp2d) and torch.equal(both.root[rows], one.root)


def matrix(x, y, z):
    """Rotation about fixed axes, x first; degrees. Written out factor by factor."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians([x, y, z])), np.sin(np.radians([x, y, z]))
    return (
        np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    )


def test_cmu_forward_kinematics_one_frame_at_a_time(tmp_path):
    place = tiny_cmu.write_subject(tmp_path, "07")
    skeleton = read_asf(place / "07.asf")
    own = joint_positions(skeleton, read_amc(place / "07_01.amc", skeleton))
    values, scale = tiny_cmu.channels(60, seed=1), 0.0254 / 0.45

    def end(name, frame):
        """(position, rotation) of a bone's end, by recursion to the root."""
        if name == "root":
            return values["root"][frame, :3] * scale, matrix(*values["root"][frame, 3:])
        parent, direction, length, axis, dof = tiny_cmu.BONES[name]
        start, turn = end(parent, frame)
        angles = dict(zip(dof, values[name][frame])) if dof else {}
        c = matrix(*axis)
        turn = turn @ c @ matrix(*(angles.get(k, 0) for k in ("rx", "ry", "rz"))) @ c.T
        return start + turn @ np.array(direction) * length * scale, turn

    for frame in (0, 17, 59):
        for joint, bone in (
            (1, "rhipjoint"),
            (3, "rtibia"),
            (6, "ltibia"),
            (8, "thorax"),
            (10, "head"),
            (13, "lradius"),
            (16, "rradius"),
        ):
            x, y, z = end(bone, frame)[0]
            assert np.allclose(own[frame, joint], [x, -z, y], atol=1e-5), bone
    assert np.allclose(own[:, 0], (own[:, 1] + own[:, 4]) / 2)


def test_cmu_poses_are_rigid_resampled_and_seen(tmp_path):
    for subject in ("07", "08"):
        tiny_cmu.write_subject(tmp_path, subject, frames=121)
    poses = dr.cmu_poses(tmp_path, keypoints="exact")
    assert len(poses.sequences) == 2 * 2 * 4 and poses.actions == [
        "07_01",
        "07_02",
        "08_01",
        "08_02",
    ]
    assert (
        poses.frame.max() + 1
    ) == 51  # 121 frames at 120 Hz are one second: frames 0 to 50 at 50 Hz
    thigh = (poses.pose3d[:, 5] - poses.pose3d[:, 4]).norm(dim=-1)
    assert (thigh / (7.2 * np.linalg.norm((0.34, -0.94, 0)) * 0.0254 / 0.45) - 1).abs().max() < 2e-3
    assert torch.allclose(
        dr.project(poses.pose3d + poses.root[:, None], poses.intrinsics), poses.kp2d, atol=1e-5
    )
    train, test = dr.load_poses("cmu", "train", tmp_path), dr.load_poses("cmu", "test", tmp_path)
    assert {s.split("/")[0] for s in train.sequences} == {"07"} and {
        s.split("/")[0] for s in test.sequences
    } == {"08"}


def test_resampling_keeps_a_straight_motion():
    line = np.arange(25)[:, None, None] * np.ones((1, 17, 3))
    assert np.allclose(resample(line)[:, 0, 0], np.arange(11) * 2.4)
    assert resample(line[:1]).shape == (1, 17, 3)


REAL = Path(__file__).parents[2] / "shared" / "cmu"


@pytest.mark.skipif(
    not REAL.is_dir(),
    reason="real CMU files stay with the developers; the made-up subject above covers the reader",
)
@pytest.mark.parametrize(
    "take, left, right",
    [("01_08", 0.4040, 0.4196), ("02_01", 0.4286, 0.4283), ("03_01", 0.4042, 0.3899)],
)
def test_real_cmu_femurs(take, left, right):
    subject = take.split("_")[0]
    skeleton = read_asf(REAL / subject / f"{subject}.asf")
    joints = joint_positions(skeleton, read_amc(REAL / subject / f"{take}.amc", skeleton))
    for (hip, knee), expected in (((4, 5), left), ((1, 2), right)):
        thigh = np.linalg.norm(joints[:, knee] - joints[:, hip], axis=-1)
        assert np.ptp(thigh) < 1e-6 and abs(thigh[0] - expected) < 5e-5
    # upright
    assert joints[..., 10, 2].mean() > joints[..., 0, 2].mean() > joints[..., 3, 2].mean()


def test_h36m_mini_by_hand():
    """One recording re-derived from the raw arrays with numpy."""
    folder = Path(__file__).parent / "golden" / "h36m_mini"
    poses = dr.h36m_poses(folder, subjects=("S9",), stride=3)
    raw3d = np.load(folder / "data_3d_h36m.npz", allow_pickle=True)["positions_3d"].item()["S9"][
        "Walking 1"
    ]
    raw2d = np.load(folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz", allow_pickle=True)[
        "positions_2d"
    ].item()["S9"]["Walking 1"]
    rows = poses[poses.sequence == poses.sequences.index("S9/Walking 1/1")]
    assert (
        rows.frame.tolist() == list(range(0, 24, 3)) and rows.actions[rows.action[0]] == "Walking"
    )
    camera = dr.h36m_cameras("S9")[1]
    assert np.allclose(rows.kp2d.numpy(), raw2d[1][:24:3] / 500 - 1, atol=1e-6)
    rotation = matrix_of(camera.quaternion.double().numpy())
    seen = (
        raw3d[::3][:, [0, 1, 2, 3, 6]] - camera.translation.numpy()
    ) @ rotation  # rows times R = R^-1 times columns
    assert np.allclose((rows.pose3d + rows.root[:, None])[:, :5].numpy(), seen, atol=1e-4)


def matrix_of(q):
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )

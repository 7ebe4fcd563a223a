"""Films: what must hold whatever the weights, and every formula a second time."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.explorer import HypothesisExplorer
from drpose_core.explorer.film_samples import FilmSamples
from drpose_core.explorer.samples import Wish
from drpose_core.films import (
    CausalFilmDRPose,
    FilmDCGCT,
    FilmDRPose,
    FilmStream,
    When,
    correlated,
    denoise_film,
    film_lifting_loss,
    film_loss,
    hypothesis_scores,
    motion_scores,
    one_euro,
    per_film,
    runs,
    sample_film,
    savitzky_golay,
    windows,
    with_film_poses,
)
from drpose_core.films.model import INITIAL_MEMORY
from drpose_core.films.sampling import depending, triangle
from drpose_core.losses import JOINT_WEIGHTS
from drpose_core.skeleton import BONES, J, flip

SMALL = {"lifter": "mlp", "channels": 16, "depth": 2, "heads": 2, "dropout": 0.0}


class Plain(torch.nn.Sequential):
    """A lifter that costs nothing."""

    def __init__(self):
        super().__init__(
            torch.nn.Flatten(), torch.nn.Linear(2 * J, 3 * J), torch.nn.Unflatten(1, (J, 3))
        )


def film_model(frames=5, memory=0.2, *, kind=FilmDRPose, gate=0.3, lifter=Plain, **changes):
    """A small one, whose branch over the frames is open unless gate is 0."""
    torch.manual_seed(0)
    image = dr.DRPose(dr.ModelConfig(**SMALL | changes), lifter and lifter()).eval()
    model = kind.of(image, frames=frames, memory=memory)
    for layer in model.denoiser.layers:
        layer.frames.modulation.bias.data[2 * model.config.channels :] = gate
    return model


def some_poses(parts, seed=0, start=0):
    """Random poses as runs of frames: parts is a list of (sequence, [frames])."""
    g, n = dr.generator(seed), sum(len(frames) for _, frames in parts)
    pose = torch.randn(n, J, 3, generator=g) * 0.3
    return dr.PoseSet(
        kp2d=torch.randn(n, J, 2, generator=g) * 0.3,
        pose3d=pose - pose[:, :1],
        root=torch.tensor([0.0, 0, 4]).expand(n, 3),
        intrinsics=torch.tensor([2.0, 2, 0, 0, 0, 0, 0, 0, 0]).expand(n, 9),
        action=torch.zeros(n, dtype=torch.int64),
        sequence=torch.tensor([s for s, frames in parts for _ in frames]),
        frame=torch.tensor([start + f for _, frames in parts for f in frames]),
        actions=["moving"],
    )


def clip(frames=5, clips=2, hypotheses=3, channels=16, seed=0):
    """What a denoiser is given: x_t, x_init, kp2d, when; all frames there, unevenly spaced."""
    g = dr.generator(seed)
    seconds = torch.rand(clips, frames, generator=g).cumsum(1)
    return (
        torch.randn(clips, hypotheses, frames, J, 3, generator=g),
        torch.randn(clips, frames, J, 3, generator=g),
        torch.randn(clips, frames, J, 2, generator=g) * 0.3,
        When(seconds - seconds[:, :1], torch.ones(clips, frames, dtype=torch.bool)),
    )


def denoised(model, x_t, x_init, kp2d, when):
    t = torch.full((len(kp2d),), 300)
    with torch.no_grad():
        return model.denoiser(x_t, x_init, model.denoiser.condition(kp2d, t), when)


# --- the network


@pytest.mark.parametrize("skip", [0.0, 0.1])
def test_a_new_film_model_is_its_image_model_bit_for_bit(skip):
    torch.manual_seed(1)
    image = dr.DRPose(dr.ModelConfig(**SMALL | {"skip": skip})).eval()
    model = FilmDRPose.of(image, frames=5)
    x_t, x_init, kp2d, when = clip()
    t = torch.tensor([300, 7])
    with torch.no_grad():
        found = model.clean(x_t, x_init, model.denoiser.condition(kp2d, t), t, when)
        per_frame = t.repeat_interleave(5)
        cond = image.denoiser.condition(kp2d.flatten(0, 1), per_frame)
        images = x_t.transpose(1, 2).flatten(0, 1)
        by_frame = image.clean(images, x_init.flatten(0, 1), cond, per_frame)
    assert torch.equal(found, by_frame.unflatten(0, (2, 5)).transpose(1, 2))
    assert torch.equal(
        dr.sample_poses(model, kp2d[0], hypotheses=3), dr.sample_poses(image, kp2d[0], hypotheses=3)
    )
    opened = film_model(skip=skip)
    assert not torch.allclose(denoised(opened, x_t, x_init, kp2d, when), found, atol=1e-3)


def test_a_film_of_one_frame_is_an_image_whatever_was_trained():
    model = film_model(frames=1)
    x_t, x_init, kp2d, when = clip(frames=1)
    t = torch.tensor([300, 300])
    with torch.no_grad():
        cond = model.denoiser.condition(kp2d[:, 0], t)
        image = model.denoiser(x_t[:, :, 0], x_init[:, 0], cond)
    assert torch.equal(denoised(model, x_t, x_init, kp2d, when)[:, :, 0], image)
    # and so is a frame whose neighbours are all missing
    x_t, x_init, kp2d, when = clip()
    there = torch.zeros(2, 5, dtype=torch.bool)
    there[:, 3] = True
    found = denoised(model, x_t, x_init, kp2d, When(when.seconds, there))
    with torch.no_grad():
        cond = model.denoiser.condition(kp2d[:, 3], t)
        image = model.denoiser(x_t[:, :, 3], x_init[:, 3], cond)
    assert torch.allclose(found[:, :, 3], image, atol=1e-5)


def test_a_missing_frame_changes_nothing_for_others():
    model = film_model()
    x_t, x_init, kp2d, when = clip()
    there = when.there.clone()
    there[0, 2] = False
    before = denoised(model, x_t, x_init, kp2d, When(when.seconds, there))
    for x in (x_t[0, :, 2], x_init[0, 2], kp2d[0, 2]):
        x.mul_(-3)
    after = denoised(model, x_t, x_init, kp2d, When(when.seconds, there))
    others = [0, 1, 3, 4]
    assert torch.equal(before[:, :, others], after[:, :, others])
    assert not torch.equal(before[0, :, 2], after[0, :, 2])
    seen = denoised(model, x_t, x_init, kp2d, when)
    assert not torch.allclose(seen[0, :, others], after[0, :, others], atol=1e-4), (
        "it was looked at"
    )
    # leaving it out is the same
    kept = [x[:1].index_select(axis, torch.tensor(others)) for x, axis in ((x_t, 2), (x_init, 1), (kp2d, 1))]  # fmt: skip
    without = denoised(model, *kept, When(*(x[:1, others] for x in When(when.seconds, there))))
    assert torch.allclose(without[0], after[0][:, others], atol=1e-5)


def test_a_causal_model_does_not_know_what_comes():
    x_t, x_init, kp2d, when = clip()
    for kind, causal in ((FilmDRPose, False), (CausalFilmDRPose, True)):
        model = film_model(kind=kind)
        before = denoised(model, x_t, x_init, kp2d, when)
        later = [x.clone() for x in (x_t, x_init, kp2d)]
        later[0][:, :, 3:] *= -2
        later[1][:, 3:] *= -2
        later[2][:, 3:] *= -2
        after = denoised(model, *later, when)
        assert torch.equal(before[:, :, :3], after[:, :, :3]) == causal
        assert not torch.allclose(before[:, :, 3:], after[:, :, 3:])


def test_hypotheses_and_clips_do_not_see_each_other():
    model = film_model()
    x_t, x_init, kp2d, when = clip()
    found, order = denoised(model, x_t, x_init, kp2d, when), [2, 0, 1]
    assert torch.allclose(denoised(model, x_t[:, order], x_init, kp2d, when), found[:, order], atol=1e-5)  # fmt: skip
    alone = denoised(model, x_t[1:, :1], x_init[1:], kp2d[1:], When(*(x[1:] for x in when)))
    assert torch.allclose(alone, found[1:, :1], atol=1e-5)


def test_only_differences_of_time_count_and_they_do():
    model = film_model()
    x_t, x_init, kp2d, when = clip()
    found = denoised(model, x_t, x_init, kp2d, when)
    moved = denoised(model, x_t, x_init, kp2d, When(when.seconds + 3.7, when.there))
    assert torch.allclose(moved, found, atol=1e-4)
    slower = denoised(model, x_t, x_init, kp2d, When(2 * when.seconds, when.there))
    assert not torch.allclose(slower, found, atol=1e-3)
    backwards = [0, 1, 2, 4, 3]  # frames in another order, with their times
    mixed = denoised(
        model, x_t[:, :, backwards], x_init[:, backwards], kp2d[:, backwards],
        When(*(x[:, backwards] for x in when)),
    )  # fmt: skip
    assert torch.allclose(mixed, found[:, :, backwards], atol=1e-5)


def test_attention_over_frames_by_hand():
    """One head, joint by joint, with cosines written out."""
    model = film_model(heads=1, channels=4)
    branch = model.denoiser.layers[0].frames.f
    g = dr.generator(1)
    x = torch.randn(3, 1, J, 4, generator=g)  # one clip of three frames
    seconds, there = torch.tensor([[0.0, 0.04, 0.2]]), torch.tensor([[True, True, True]])
    speeds = [2 * math.pi / 0.1, 2 * math.pi / 10]
    with torch.no_grad():
        found = branch(x, When(seconds, there))
        q, k, v = (
            branch.qkv(x).numpy().astype(float)[:, 0].reshape(3, J, 3, 4).transpose(2, 0, 1, 3)
        )

        def turned(z, f):
            a, b = complex(z[0], z[2]), complex(z[1], z[3])
            return a * np.exp(1j * speeds[0] * seconds[0, f].item()), b * np.exp(1j * speeds[1] * seconds[0, f].item())  # fmt: skip

        for f in range(3):
            for j in (0, 5):
                weight, total = {}, 1.0  # exp(0) for looking at nothing
                for other in {0, 1, 2} - {f}:
                    score = sum((a * b.conjugate()).real for a, b in zip(turned(q[f, j], f), turned(k[other, j], other)))  # fmt: skip
                    weight[other] = math.exp(score / 2)
                    total += weight[other]
                y = sum(w / total * v[other, j] for other, w in weight.items())
                by_hand = branch.proj.weight.numpy() @ y
                assert np.allclose(found[f, 0, j].numpy(), by_hand, atol=1e-5)
    with pytest.raises(ValueError, match="multiple of 2 heads"):
        film_model(channels=6, heads=2)
    with pytest.raises(ValueError, match=r"pass Clips.when\(\)"):
        denoised(model, *clip(channels=4)[:3], None)


# --- clips


def slow_windows(parts, length, stride, gap):
    """Lists of (sequence, frame), None for what is missing."""
    found = []
    for sequence, frames in parts:
        run = []
        for frame in [*sorted(frames), None]:
            if run and (frame is None or frame - run[-1] > gap):
                first = 0
                while True:
                    first = min(first, max(len(run) - length, 0))
                    some = [(sequence, f) for f in run[first : first + length]]
                    found.append(some + [None] * (length - len(some)))
                    if first + length >= len(run):
                        break
                    first += stride
                run = []
            run.append(frame)
    return found


@pytest.mark.parametrize("length, stride", [(5, 5), (5, 3), (4, 1), (1, 1), (9, 2), (30, 15)])
def test_windows_against_a_slow_loop(length, stride):
    parts = [
        (0, [*range(0, 23, 2)]),  # every second frame
        (2, [5, 6, 7, 9, 10, 36, 40, 90]),  # gaps, of which 26 frames are too long at 50 Hz
        (1, [100]),
        (3, [*range(7)]),
    ]
    poses = some_poses(parts)
    poses = poses[torch.randperm(len(poses), generator=dr.generator(3))]
    clips = windows(poses, length, stride)
    found = [
        [(int(poses.sequence[r]), int(poses.frame[r])) if there else None for r, there in zip(rows, seen)]
        for rows, seen in zip(clips.rows.tolist(), clips.there.tolist())
    ]  # fmt: skip
    assert sorted(found, key=str) == sorted(slow_windows(parts, length, stride, 25), key=str)
    assert set(clips.rows[clips.there].tolist()) == set(range(len(poses)))
    assert clips.there[:, 0].all() and (triangle(clips) > 0).equal(clips.there)
    when = clips.when()
    assert (when.seconds.diff(dim=1) >= 0).all() and (when.seconds[:, 0] == 0).all()
    n = int((clips.there.sum(1)).argmax())
    expected = (poses.frame[clips.rows[n]] - poses.frame[clips.rows[n, 0]]) / 50
    assert torch.allclose(when.seconds[n], expected)


def test_clips_are_what_training_takes():
    poses = some_poses([(0, range(20)), (1, range(3))])
    clips = windows(poses, 5, 2)
    assert clips[1:3].poses is poses and len(clips[clips.there.all(1)]) == len(clips) - 1
    frames = clips[2:4].frames()
    assert torch.equal(frames.kp2d, poses.kp2d[clips.rows[2:4].flatten()])
    mirrored = clips[2:4].mirrored_where(torch.tensor([False, True]))
    assert torch.equal(mirrored.frames().pose3d[:5], frames.pose3d[:5])
    assert torch.equal(mirrored.frames().pose3d[5:], flip(frames.pose3d[5:]))
    assert torch.equal(mirrored[1:].frames().kp2d, flip(frames.kp2d[5:]))
    twice = mirrored.mirrored_where(torch.tensor([True, True]))
    assert twice.mirrored.tolist() == [True, False]
    every = list(dr.batches(clips, 4, augment=True, shuffle=True, generator=dr.generator(0)))
    assert sum(map(len, every)) == 2 * len(clips) and sum(int(b.mirrored.sum()) for b in every) == len(clips)  # fmt: skip
    assert clips.describe() == poses.describe() | {"clips": len(clips), "frames": 5}
    late = some_poses([(0, range(20))], start=10**7)
    assert torch.allclose(windows(late, 5).when().seconds[1], torch.arange(5) / 50, atol=1e-7)
    for bad in ({"length": 0}, {"stride": 6}, {"stride": 0}, {"fps": 0.0}, {"gap": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            windows(poses, **{"length": 5} | bad)
    with pytest.raises(ValueError, match="empty"):
        windows(poses[:0])


# --- noise


def test_correlated_noise_is_an_ar1_process():
    """Variance 1 at every frame, correlation exp(-seconds / memory), uneven frames and all."""
    seconds = torch.tensor([0.0, 0.04, 0.08, 0.2, 0.6]).expand(40_000, 5)
    white = torch.randn(40_000, 5, 1, 1, generator=dr.generator(0), dtype=torch.float64)
    for memory in (0.05, 0.2, 1.0):
        found = correlated(white, seconds, memory)[..., 0, 0]
        covariance = found.T @ found / len(found)
        apart = (seconds[0][:, None] - seconds[0]).abs().double()
        assert torch.allclose(covariance, torch.exp(-apart / memory), atol=0.03)
    assert correlated(white, seconds, 0.0) is white
    repeated = correlated(white[:10], torch.tensor([[0.0, 0.1, 0.1, 0.1, 0.1]]).expand(10, 5), 0.2)
    assert torch.equal(repeated[:, 1], repeated[:, 4]), "the same moment, the same noise"


def test_the_noise_of_a_film():
    parts = [(0, range(0, 300, 2)), (1, [*range(50), *range(100, 150)]), (2, [0])]
    poses = some_poses(parts)
    noise = per_film(poses, 0.2, seed=4)
    whole = next(noise(range(len(poses)), range(2000), (1,)))[..., 0].double()  # (N, H)
    assert whole.shape == (251, 2000)
    assert torch.allclose(whole.square().mean(1), torch.ones(251).double(), atol=0.15)

    def correlation(a, b):
        return (whole[a] * whole[b]).mean().item()

    assert correlation(10, 11) == pytest.approx(math.exp(-0.04 / 0.2), abs=0.07)
    assert correlation(160, 165) == pytest.approx(math.exp(-0.1 / 0.2), abs=0.07)
    assert abs(correlation(149, 150)) < 0.07 and abs(correlation(199, 200)) < 0.07, "other runs"
    white = next(per_film(poses, 0.0)(range(251), range(2000), (1,)))[..., 0]
    assert abs((white[10] * white[11]).mean()) < 0.07

    draws = noise(range(251), range(3), (J, 3))
    first, second = next(draws), next(draws)
    assert not torch.allclose(first, second)
    part = noise([200, 3, 64], range(1, 3), (J, 3))
    assert torch.equal(next(part), first[[200, 3, 64], 1:]), "a part is a part of the whole"
    assert torch.equal(next(part), second[[200, 3, 64], 1:])
    order = torch.randperm(251, generator=dr.generator(0))
    mixed = next(per_film(poses[order], 0.2, seed=4)(range(251), range(3), (J, 3)))
    assert torch.equal(mixed, first[order]), "the order of the rows does not matter"


# --- training


@pytest.mark.parametrize("skip", [0.0, 0.1])
def test_the_loss_by_hand(skip):
    model = film_model(frames=4, skip=skip)
    poses = some_poses([(0, range(4)), (1, [0, 2, 5])])
    clips = windows(poses, 4)
    found = film_loss(model, clips, generator=dr.generator(3))
    g = dr.generator(3)
    if skip:
        even = torch.randint(1000, (2,), generator=g)
        ratio = math.log(0.08) + 1.2 * torch.randn(2, generator=g)
        alpha = model.schedule.alpha_bar
        near = torch.stack([(((1 - alpha) / alpha).sqrt().log() < r).sum() for r in ratio])
        t = torch.where(torch.rand(2, generator=g) < 0.5, near.clamp(max=999), even)
    else:
        t = torch.randint(1000, (2,), generator=g)
    white, shake = (torch.randn(2, 4, J, 3, generator=g) for _ in range(2))
    together = torch.rand(2, 1, generator=g) >= 0.1
    total = 0.0
    for n, frames in enumerate(([0, 1, 2, 3], [4, 5, 6, 6])):
        seconds = poses.frame[frames].float() / 50
        batch = poses[frames]
        noise, own = [white[n, 0]], [shake[n, 0]]
        for f in range(1, 4):
            dt = (seconds[f] - seconds[f - 1]).item()
            a, b = math.exp(-dt / 0.2), math.exp(-dt / INITIAL_MEMORY)
            noise.append(a * noise[-1] + math.sqrt(1 - a * a) * white[n, f])
            own.append(b * own[-1] + math.sqrt(1 - b * b) * shake[n, f])
        alpha = model.schedule.alpha_bar[t[n]].item()
        x_t = math.sqrt(alpha) * batch.pose3d + math.sqrt(1 - alpha) * torch.stack(noise)
        initial = model.initial_pose(batch.kp2d) + 0.06 * torch.stack(own)
        seen = clips.there[n : n + 1] & together[n]
        when = When((seconds - seconds[0])[None], seen)
        cond = model.denoiser.condition(batch.kp2d[None], t[n : n + 1])
        error = model.clean(x_t[None, None], initial[None], cond, t[n : n + 1], when)[0, 0] - batch.pose3d  # fmt: skip

        def size(e, n=n, alpha=alpha):
            distance = e.norm(dim=-1)
            if not skip:
                return (distance * torch.tensor(JOINT_WEIGHTS)).mean().item()
            if t[n] >= 300:
                distance = distance / (0.17 / 3)
            else:
                v = alpha * skip**2 + 1 - alpha
                gain = max(skip * math.sqrt((1 - alpha) / v), 0.02)
                distance = ((distance / gain) ** 2 + 1).sqrt() - 1
            return (distance * torch.tensor(JOINT_WEIGHTS)).mean().item()

        count = int(clips.there[n].sum())
        moved = [(error[f] - error[f - 1]) / (seconds[f] - seconds[f - 1]) * 0.04 for f in range(1, count)]  # fmt: skip
        total += sum(size(error[f]) for f in range(count)) / count / 2
        total += 2.0 * sum(map(size, moved)) / len(moved) / 2
    assert found.item() == pytest.approx(total, rel=1e-4)
    image = dr.calibrated_loss if skip else dr.denoising_loss
    assert film_loss(model, poses, generator=dr.generator(1)) == image(model, poses, generator=dr.generator(1))  # fmt: skip


def test_the_share_of_a_process_adds_up():
    """Two halves of a batch, drawn as one process would, have the whole's mean."""
    from drpose_core.support.shares import Share, share_of_batch

    model, poses = film_model(frames=4), some_poses([(n, range(4)) for n in range(6)])
    clips, g = windows(poses, 4), dr.generator(1)
    whole = film_loss(model, clips, generator=g)
    halves = []
    for first, last in ((0, 3), (3, 6)):
        with share_of_batch(Share(first, last, 6, dr.generator(1))):
            halves.append(film_loss(model, clips[first:last], generator=dr.generator(9)))
    assert torch.stack(halves).mean().item() == pytest.approx(whole.item(), rel=1e-5)


def test_training_teaches():
    """Of poses that stand still, with keypoints that jump, the branch learns to look around."""
    still = some_poses([(n, range(0, 20, 2)) for n in range(8)])
    pose = still.pose3d[::10].repeat_interleave(10, 0)
    jump = 0.05 * torch.randn(80, J, 2, generator=dr.generator(0))
    still = replace(still, pose3d=pose, kp2d=pose[..., :2] / 4 + jump)
    model = film_model(gate=0.0)
    clips = windows(dr.with_initial_poses(model, still), 5)
    config = dr.TrainConfig(epochs=25, batch_size=8, lr=3e-3)
    losses = [step.loss.item() for step in dr.train(model, film_loss, clips, config)]
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
    assert all(layer.frames.modulation.bias.abs().max() > 0 for layer in model.denoiser.layers)
    model.eval()
    found = sample_film(model, still, hypotheses=2, steps=3)
    alone = dr.sample_poses(model, still.kp2d, hypotheses=2, steps=3)[-1]
    speeds = [motion_scores(x.mean(1), still)["velocity error"] for x in (found, alone)]
    assert speeds[0] < 0.9 * speeds[1], "neighbours make it calm"


def test_training_in_a_folder_resumes(tmp_path):
    poses, models = some_poses([(0, range(20)), (1, range(8))]), []
    config = dr.TrainConfig(epochs=2, batch_size=4)
    for folder, stop in (("a", 99), ("b", 4), ("b", 99)):
        models.append(film_model(gate=0.0))
        clips = windows(dr.with_initial_poses(models[-1], poses), 5)
        for step in dr.train_in(tmp_path / folder, models[-1], film_loss, clips, config):
            if step.step == stop:
                break
    whole, _, resumed = (model.state_dict() for model in models)
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    with pytest.raises(ValueError, match="another training"):
        list(dr.train_in(tmp_path / "b", film_model(), film_loss, windows(poses, 4), config))


# --- sampling


def test_a_short_film_is_one_clip():
    model = film_model(frames=8)
    poses = dr.with_initial_poses(model, some_poses([(0, range(6))]))
    how = dr.Sampling(hypotheses=2, steps=3, flip_test=False)
    found = sample_film(model, poses, how)
    noise = next(per_film(poses, 0.2)(range(6), range(2), (J, 3))).transpose(0, 1)[None]
    clips = windows(poses, 6)
    cond = {}

    def denoise(x, t):
        time = torch.tensor([t])
        cond[t] = model.denoiser.condition(poses.kp2d[None], time)
        with torch.no_grad():
            x0 = model.clean(x, poses.initial[None, :, 0], cond[t], t, clips.when())
        return x0.clamp(-1.1, 1.1)

    *_, last = dr.ddim(denoise, noise, model.schedule, 3, spacing="quadratic", eta=0.0)
    by_hand = last.x0[0].transpose(0, 1).clone()
    by_hand[..., 0, :] = 0
    assert torch.allclose(found, by_hand, atol=1e-5) and len(cond) == 3


def test_clips_are_joined_in_every_step_by_a_slow_loop():
    model, poses = film_model(frames=5), some_poses([(0, range(11)), (1, range(2))])
    poses = dr.with_initial_poses(model, poses)
    how = dr.Sampling(hypotheses=3, steps=2)
    clips = windows(poses, 5, 3)
    assert clips.rows[:, 0].tolist() == [0, 3, 6, 11]
    x = torch.randn(13, 3, J, 3, generator=dr.generator(0))
    found = denoise_film(model, clips, how)(x, 200)
    total, weight = torch.zeros_like(x), torch.zeros(13)
    for rows in ([0, 1, 2, 3, 4], [3, 4, 5, 6, 7], [6, 7, 8, 9, 10], [11, 12]):
        seconds = (poses.frame[rows] - poses.frame[rows[0]])[None] / 50
        when = When(seconds, torch.ones(1, len(rows), dtype=torch.bool))
        passes = []
        for side, turn in ((0, lambda z: z), (1, flip)):
            cond = model.denoiser.condition(turn(poses.kp2d[rows])[None], torch.tensor([200]))
            with torch.no_grad():
                x_t = turn(x[rows].transpose(0, 1))[None]
                x0 = model.clean(x_t, poses.initial[rows, side][None], cond, 200, when)[0]
            passes.append(turn(x0))
        for f, row in enumerate(rows):
            w = min(f + 1, 5 - f)
            total[row] += w * (passes[0][:, f] + passes[1][:, f]) / 2
            weight[row] += w
    assert torch.allclose(found, (total / weight[:, None, None, None]).clamp(-1.1, 1.1), atol=1e-5)


@pytest.mark.parametrize("eta, solver", [(0.0, "ddim"), (1.0, "ddim"), (0.0, "dpm")])
def test_a_part_of_a_film_is_a_part_of_the_whole(eta, solver):
    model = film_model(frames=5)
    poses = some_poses([(0, range(60)), (1, range(9))])
    poses = poses[torch.randperm(69, generator=dr.generator(2))]
    how = {"hypotheses": 2, "steps": 3, "eta": eta, "solver": solver}
    whole = sample_film(model, poses, **how)
    assert whole.shape == (69, 2, J, 3) and not whole[:, :, 0].any()
    for rows in (range(0, 7), [30], [5, 68, 2]):
        assert torch.allclose(sample_film(model, poses, rows=rows, **how), whole[list(rows)], atol=1e-4)  # fmt: skip
    clips = depending(windows(poses, 5), torch.tensor([30]), 3)
    needed = clips.rows.unique()
    assert len(needed) < 40 and 30 in needed
    assert torch.equal(clips.compact().poses.kp2d, poses.kp2d[needed])
    assert torch.equal(clips.compact().frames().kp2d, clips.frames().kp2d)
    # the order of the rows, and a second film, change nothing
    order = torch.randperm(69, generator=dr.generator(3))
    assert torch.allclose(sample_film(model, poses[order], **how), whole[order], atol=1e-4)
    other = poses[poses.sequence == 0]
    assert torch.allclose(sample_film(model, other, **how), whole[poses.sequence == 0], atol=1e-4)


def test_settings_of_sampling_are_those_of_images():
    """start, widen and a closed gate as sample_poses has them, with the same noise."""
    model = film_model(frames=5, gate=0.0)
    poses = some_poses([(0, range(12))])
    noise = per_film(poses, 0.2, seed=2)
    for how in ({}, {"start": 300}, {"widen": 1.4}, {"flip_test": False}, {"eta": 0.5}):
        how = {"hypotheses": 3, "steps": 3} | how
        film = sample_film(model, poses, seed=2, **how)
        images = dr.sample_poses(model, poses.kp2d, noise=noise, **how)[-1]
        assert torch.allclose(film, images, atol=1e-4), how
    fewer = sample_film(model, poses, seed=2, hypotheses=2, steps=3)
    assert torch.allclose(fewer, sample_film(model, poses, seed=2, hypotheses=4, steps=3)[:, :2], atol=1e-4)  # fmt: skip


def test_causal_films_do_not_know_what_comes():
    model = film_model(frames=5, kind=CausalFilmDRPose)
    poses = some_poses([(0, range(30))])
    # up to frame 9 nothing that is filmed later matters, joined clips and all
    changed = replace(poses, kp2d=torch.cat([poses.kp2d[:10], -poses.kp2d[10:]]))
    before, after = (sample_film(model, p, hypotheses=2, steps=3) for p in (poses, changed))
    assert torch.equal(before[:10], after[:10]) and not torch.allclose(before[10:], after[10:])


@pytest.mark.parametrize(
    "how", [{}, {"eta": 1.0}, {"solver": "dpm"}, {"flip_test": False, "widen": 1.5}], ids=str
)
def test_a_stream_gives_a_causal_models_film_frame_by_frame(how):
    """Three films of one clip each, one after a pause: what comes has no part in what was."""
    model = film_model(frames=5, kind=CausalFilmDRPose)
    poses = some_poses([(0, [0, 2, 3, 7, 8, 40, 41]), (1, range(4))])
    how = {"hypotheses": 3, "steps": 3} | how
    stream = FilmStream(model, seed=4, fps=25, **how)
    found = torch.stack([stream.push(poses[[n]]) for n in range(len(poses))])
    expected = sample_film(model, poses, seed=4, fps=25, **how)
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_stream_of_any_length_looks_at_the_frames_of_a_clip():
    """With a film lifter, by hand: the last frame of a clip whose states are known."""
    model, steps = film_model(frames=3, lifter=film_lifter, memory=0.0), 2
    poses = some_poses([(0, range(6))])
    how = {"hypotheses": 2, "steps": steps, "flip_test": False}
    stream = FilmStream(model, seed=4, **how)
    times = model.schedule.timesteps(steps, "quadratic")
    states, initials, a = [], [], model.schedule.alpha_bar
    for n in range(len(poses)):
        rows = list(range(max(0, n - 2), n + 1))
        clip = windows(poses[rows], len(rows))
        with torch.no_grad():
            initial = model.lifter(poses.kp2d[rows][None], clip.when())[0, -1]
        initials.append(initial)
        x = next(per_film(poses, 0.0, 4)([n], range(2), (J, 3)))[0]
        mine = []
        for now, after in pairwise(times):
            mine.append(x)
            x_t = torch.stack([*(states[row][len(mine) - 1] for row in rows[:-1]), x], dim=1)
            with torch.no_grad():
                cond = model.denoiser.condition(poses.kp2d[rows][None], torch.tensor([now]))
                start = torch.stack(initials[-3:])[None]
                x0 = model.clean(x_t[None], start, cond, now, clip.when())[0, :, -1]
            x0 = x0.clamp(-1.1, 1.1)
            if after >= 0:
                noise = (x - a[now].sqrt() * x0) / (1 - a[now]).sqrt()
                x = a[after].sqrt() * x0 + (1 - a[after]).sqrt() * noise
        states.append(mine)
        x0[:, 0] = 0
        assert torch.allclose(stream.push(poses[[n]]), x0.float(), atol=1e-4)


def test_a_stream_says_what_it_takes():
    model = film_model(frames=3)
    poses, stream = some_poses([(0, [4, 3]), (0, [60])]), FilmStream(model, hypotheses=1, steps=1)
    with pytest.raises(ValueError, match="one pose at a time, got 3"):
        stream.push(poses)
    stream.push(poses[[0]])
    with pytest.raises(ValueError, match="frame 3 comes after frame 4"):
        stream.push(poses[[1]])
    assert stream.push(poses[[2]]).shape == (1, J, 3)
    with pytest.raises(ValueError, match="looks like pixels"):
        stream.push(replace(poses[[2]], kp2d=poses.kp2d[[2]] + 500))


def test_a_stream_of_single_frames_remembers_its_noise():
    model, poses = film_model(frames=1), some_poses([(0, range(4))])
    stream = FilmStream(model, hypotheses=2, steps=2)
    found = torch.stack([stream.push(poses[[n]]) for n in range(4)])
    assert torch.allclose(found, sample_film(model, poses, hypotheses=2, steps=2), atol=1e-5)
    with pytest.raises(ValueError, match="frame 1 comes after frame 3"):
        stream.push(poses[[1]])


def test_film_models_are_kept_and_work_as_image_models(tmp_path):
    for kind in (FilmDRPose, CausalFilmDRPose):
        model = film_model(frames=5, memory=0.1, kind=kind, lifter=None)
        dr.save_checkpoint(tmp_path / "film.safetensors", model)
        again = dr.load_checkpoint(tmp_path / "film.safetensors")
        assert type(again) is kind and again.config == model.config
        assert again.config.frames == 5 and again.config.memory == 0.1
        poses = some_poses([(0, range(9))])
        assert torch.equal(sample_film(again, poses, hypotheses=2), sample_film(model, poses, hypotheses=2))  # fmt: skip
        assert dr.evaluate(again, poses, hypotheses=2, steps=2).error_mm.notna().all()
    with pytest.raises(ValueError, match="made of a drpose model, this one is film-causal"):
        FilmDRPose.of(model)
    for bad in ({"frames": 0}, {"memory": -1.0}, {"frames": 2.5}):
        with pytest.raises(ValueError, match=f"ModelConfig.{next(iter(bad))} must be"):
            dr.ModelConfig(**bad)


# --- scores


def test_scores_of_a_motion_known_in_closed_form():
    """A pose that moves as 1, t, t^2 and t^3, and errors of known derivatives; uneven frames."""
    frame = torch.tensor([0, 2, 4, 6, 8, 10])
    poses = some_poses([(0, frame.tolist())])
    still = poses.pose3d[:1].expand(6, J, 3)
    poses = replace(poses, pose3d=still.contiguous())
    t = frame.double() / 50
    away = torch.zeros(6, J, 3)
    away[:, 5, 2] = (0.5 * t + 2.0 * t**2 + 4.0 * t**3).float()  # joint 5 alone: a foot's parent
    found = motion_scores(poses.pose3d + away, poses)
    assert found["MPJPE"] == pytest.approx(1000 * away[:, 5, 2].mean().item() / J, rel=1e-4)
    middle = (t[1:] + t[:-1]) / 2
    h = 0.04
    velocity = 0.5 + 4.0 * middle + 12.0 * middle**2 + 4.0 * h**2 / 4  # of a central difference
    assert found["velocity error"] == pytest.approx(1000 * velocity.mean().item() / J, rel=1e-4)
    inner = t[1:-1]
    assert found["acceleration error"] == pytest.approx(
        (4 + 24 * inner).mean().item() / J, rel=1e-3
    )
    assert found["jitter"] == pytest.approx(24.0 / J, rel=1e-2)
    lengths = []
    for a, b in BONES:
        pose = (poses.pose3d + away).double().numpy()
        lengths.append(np.std(np.linalg.norm(pose[:, a] - pose[:, b], axis=-1)))
    assert found["bone change"] == pytest.approx(1000 * np.mean(lengths), rel=1e-4)
    truth = motion_scores(poses.pose3d, poses)
    assert all(abs(value) < 1e-3 for value in truth.values())


def test_nothing_is_measured_across_runs_and_each_frame_counts_once():
    parts = [(0, range(6)), (1, [*range(4), *range(100, 103)]), (2, [7])]
    poses = some_poses(parts)
    pose = poses.pose3d + 0.01 * torch.randn(14, J, 3, generator=dr.generator(1))
    found = motion_scores(pose, poses)
    assert found["MPJPE"] == pytest.approx(1000 * dr.mpjpe(pose, poses.pose3d).mean().item())
    assert found["P-MPJPE"] == pytest.approx(1000 * dr.p_mpjpe(pose, poses.pose3d).mean().item())
    error = pose - poses.pose3d
    pieces = [error[0:6], error[6:10], error[10:13], error[13:14]]
    for name, order, unit in (("velocity error", 1, 1000), ("acceleration error", 2, 1)):
        differences = torch.cat(
            [p.diff(n=order, dim=0) if len(p) > order else p[:0] for p in pieces]
        )
        by_hand = (differences * 50**order).norm(dim=-1).mean().item()
        assert found[name] == pytest.approx(unit * by_hand, rel=1e-4)
    mixed = torch.randperm(14, generator=dr.generator(2))
    assert motion_scores(pose[mixed], poses[mixed]) == pytest.approx(found, rel=1e-5)
    one = motion_scores(pose[13:], poses[13:])
    assert math.isnan(one["velocity error"]) and one["MPJPE"] > 0
    # turned cameras change no score that is taken in the film's own
    turn = torch.linalg.qr(torch.randn(14, 3, 3, generator=dr.generator(3)))[0]
    turn = turn * torch.linalg.det(turn)[:, None, None]
    seen = replace(poses, pose3d=poses.pose3d @ turn.mT, rotation=turn)
    assert motion_scores(pose @ turn.mT, seen) == pytest.approx(found, rel=1e-3)


def test_best_per_clip_needs_one_hypothesis_for_all_its_frames():
    poses = some_poses([(0, range(6)), (1, range(3))])
    off = torch.zeros(9, 2, J, 3)  # hypothesis 0 is right in even frames, 1 in odd ones
    for n in range(9):
        off[n, (n + 1) % 2, :, 0] = 0.1 if n < 6 else 0.2
    found = hypothesis_scores(poses.pose3d[:, None] + off, poses, length=4)
    assert found["best per frame"] == pytest.approx(0, abs=1e-4)
    # clips of 4, 2 and 3 frames: the better hypothesis is wrong by 0.1 in half, half, by 0.2 in a third
    assert found["best per clip"] == pytest.approx(1000 * (2 * 0.1 + 0.1 + 0.2) / 9, rel=1e-4)
    assert found["spread"] == pytest.approx(1000 * (6 * 0.05 + 3 * 0.1) / 9, rel=1e-4)
    # each pair of frames: the hypotheses' velocities differ by twice the step, 0.1 or 0.2 in 20 ms
    assert found["spread of velocity"] == pytest.approx(1000 * (5 * 5.0 + 2 * 10.0) / 7, rel=1e-3)
    g = dr.generator(0)
    fair = torch.randn(300, 11, J, 3, generator=g)
    many = replace(some_poses([(0, range(300))]), pose3d=fair[:, 0] - fair[:, 0, :1])
    calibrated = hypothesis_scores(fair[:, 1:] - fair[:, 1:, :1], many)
    assert calibrated["ECE"] == pytest.approx(calibrated["ECE floor"], abs=0.03)


def test_smoothing_by_hand():
    poses = some_poses([(0, range(0, 40, 2)), (1, [0, 2, 4])])
    pose = poses.pose3d
    smooth = one_euro(pose, poses, cutoff=1.5, beta=3.0)
    for j, c in ((3, 0), (16, 2)):
        value, speed = pose[0, j, c].item(), 0.0
        for n in range(1, 20):
            new = pose[n, j, c].item()
            speed += ((new - value) / 0.04 - speed) * (0.04 / (0.04 + 1 / (2 * math.pi)))
            tau = 1 / (2 * math.pi * (1.5 + 3.0 * abs(speed)))
            value += (new - value) * (0.04 / (0.04 + tau))
            assert smooth[n, j, c].item() == pytest.approx(value, abs=1e-5)
    assert torch.equal(smooth[20], pose[20]), "a run starts afresh"
    smooth = savitzky_golay(pose, poses, length=7, order=2)
    for n in range(3, 17):
        x = np.arange(-3, 4)
        fit = np.polyfit(x, pose[n - 3 : n + 4].flatten(1).numpy().astype(float), 2)[-1]
        assert np.allclose(smooth[n].flatten().numpy(), fit, atol=1e-5)
    assert torch.allclose(smooth[20:], pose[20:], atol=1e-5), "three frames are a parabola"
    line = torch.linspace(0, 1, 23)[:, None, None, None].expand(23, 2, J, 3).contiguous()
    assert torch.allclose(savitzky_golay(line, poses)[:20], line[:20], atol=1e-5)
    assert len(runs(poses)) == 2


# --- predictions


def test_the_explorer_samples_a_film_model_clip_by_clip():
    """One clip is sample_film's; seven frames in clips of five are two, the last moved back."""
    how = dr.Sampling(3, 2)
    poses = some_poses([(0, [0, 2, 4, 6]), (1, range(7))])
    model = film_model(frames=5)
    samples = FilmSamples(model, poses, fps=25)
    short = sample_film(model, poses, how, rows=range(4), seed=7, fps=25)
    for row in (2, 0, 1, 3):
        shown = samples.take(Wish(row, how.but(hypotheses=2), 7, step=2))
        assert bool(shown.seconds) == (row == 2), "the clip is sampled at once"
        assert torch.allclose(shown.hypotheses, short[row, :2], atol=1e-5)
        assert torch.equal(shown.pose.kp2d, poses.kp2d[[row]])
    more = samples.take(Wish(1, how, 7, step=2))
    assert more.seconds and torch.allclose(more.hypotheses, short[1], atol=1e-5)
    explorer = HypothesisExplorer(model, poses, how, seed=7, fps=25)
    assert torch.allclose(explorer.hypotheses, short[0], atol=1e-5)
    alone = dr.sample_poses(model, poses.kp2d[:1], how, noise=dr.per_hypothesis(7))[-1, 0]
    assert torch.allclose(HypothesisExplorer(model, poses, how, seed=7).hypotheses, alone)
    clips = [list(range(4, 9)), list(range(6, 11))]
    for row in reversed(range(4, 11)):  # the second clip first: it holds frames of the first
        rows = clips[0] if row in clips[0] else clips[1]
        alone = windows(poses[rows], 5, fps=25)
        alone = replace(alone, poses=dr.with_initial_poses(model, alone.poses))
        x = per_film(poses, 0.2, 7, fps=25)(rows, range(3), (J, 3))
        chain = dr.ddim(
            denoise_film(model, alone, how), next(x), model.schedule, 2, eta=0.0,
            spacing="quadratic",
        )  # fmt: skip
        *_, last = chain
        expected = last.x0[rows.index(row)]
        expected[:, 0] = 0
        shown = samples.take(Wish(row, how, 7, step=2))
        assert torch.allclose(shown.hypotheses, expected, atol=1e-5)


def test_predict_uses_a_film_model_where_there_is_a_film(tmp_path, monkeypatch):
    from drpose_core import prediction

    model, poses = film_model(frames=5), some_poses([(0, range(30)), (1, range(8))])
    whole = sample_film(model, poses, hypotheses=2, steps=2, fps=25.0, seed=3)
    how = {"hypotheses": 2, "steps": 2, "seed": 3}
    monkeypatch.setattr(prediction, "FRAMES_AT_ONCE", 12)
    parts = list(dr.predict(model, poses, fps=25.0, keep=tmp_path / "kept", **how))
    assert [len(part) for part in parts] == [12, 12, 12, 2]
    assert torch.allclose(dr.joined(parts).hypotheses, whole, atol=1e-4)
    first = next(iter(dr.predict(model, poses, fps=25.0, keep=tmp_path / "kept", **how)))
    assert torch.equal(first.hypotheses, parts[0].hypotheses)
    assert len(list((tmp_path / "kept").glob("*.npz"))) == 4
    images = dr.joined(dr.predict(model, poses, **how)).hypotheses
    assert not torch.allclose(images, whole, atol=1e-3), "without fps each is a picture"
    image = dr.DRPose(model.config.__class__(**SMALL), Plain()).eval()
    plain, told = (dr.joined(dr.predict(image, poses, fps=fps, **how)) for fps in (None, 25.0))
    assert torch.equal(plain.hypotheses, told.hypotheses), "an image model sees pictures"


# --- a lifter of films


def film_lifter(gate=0.3):
    torch.manual_seed(0)
    lifter = FilmDCGCT(channels=32, narrow=16, depth=2, heads=2).eval()
    for branch in lifter.branches:
        branch.gate.data[:] = gate
    return lifter


def test_a_new_film_lifter_is_dcgct_bit_for_bit():
    torch.manual_seed(1)
    image = dr.build_lifter("dcgct").eval()
    lifter = FilmDCGCT.of(image)
    *_, kp2d, when = clip()
    with torch.no_grad():
        assert torch.equal(lifter(kp2d, when), image(kp2d.flatten(0, 1)).unflatten(0, (2, 5)))
        assert torch.equal(lifter(kp2d[0]), image(kp2d[0]))


def test_a_film_lifter_looks_at_other_frames_and_alone_at_none():
    lifter = film_lifter()
    *_, kp2d, when = clip()
    with torch.no_grad():
        together, alone = lifter(kp2d, when), lifter(kp2d.flatten(0, 1)).unflatten(0, (2, 5))
        assert not torch.allclose(together, alone, atol=1e-3)
        moved = kp2d.clone()
        moved[:, 4] += 0.5
        assert not torch.allclose(lifter(moved, when)[:, 0], together[:, 0], atol=1e-5)
        gone = when._replace(there=when.there & (torch.arange(5) < 4))
        assert torch.allclose(lifter(moved, gone)[:, :4], lifter(kp2d, gone)[:, :4], atol=1e-6)


def test_initial_poses_of_a_film_are_the_weighted_mean_over_its_clips():
    """By hand: every clip through the lifter, frames weighed 1 2 3 2 1."""
    model = film_model(lifter=film_lifter)
    poses = some_poses([(0, range(12)), (1, range(3))])
    clips = windows(poses, 5)
    found = with_film_poses(model, clips).poses.initial
    for side, kp2d in enumerate((poses.kp2d, flip(poses.kp2d))):
        total, weight = torch.zeros(len(poses), J, 3), torch.zeros(len(poses))
        for rows, there, seconds in zip(clips.rows, clips.there, clips.when().seconds):
            with torch.no_grad():
                pose = model.lifter(kp2d[rows][None], When(seconds[None], there[None]))[0]
            for place, row in enumerate(rows.tolist()):
                if there[place]:
                    w = min(place + 1, 5 - place)
                    total[row] += w * pose[place]
                    weight[row] += w
        assert torch.allclose(found[:, side], total / weight[:, None, None], atol=1e-5)
    known = replace(poses, initial=torch.zeros(len(poses), 2, J, 3))
    assert not with_film_poses(model, windows(known, 5)).poses.initial.any()


def test_a_part_of_a_film_is_a_part_of_the_whole_with_a_film_lifter_too():
    model = film_model(lifter=film_lifter)
    poses = some_poses([(0, range(30))])
    how = {"hypotheses": 2, "steps": 2, "seed": 3}
    whole = sample_film(model, poses, **how)
    part = sample_film(model, poses, rows=[11, 12], **how)
    assert torch.allclose(part, whole[11:13], atol=1e-5)


def test_a_film_lifter_learns_from_clips(poses):
    torch.manual_seed(0)
    lifter = film_lifter(0.0).train()
    clips = windows(poses[poses.sequence < 4], 5)
    config = dr.TrainConfig(epochs=8, batch_size=8)
    losses = [step.loss.item() for step in dr.train(lifter, film_lifting_loss, clips, config)]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert all(branch.gate.abs().sum() > 0 for branch in lifter.branches)

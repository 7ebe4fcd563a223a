"""Films: what must hold whatever the weights, and every formula a second time."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.films import (
    CausalFilmDRPose,
    FilmDRPose,
    When,
    correlated,
    denoise_film,
    film_loss,
    hypothesis_scores,
    motion_scores,
    one_euro,
    per_film,
    runs,
    sample_film,
    savitzky_golay,
    windows,
)
from drpose_core.films.model import INITIAL_MEMORY
from drpose_core.films.sampling import depending, triangle
from drpose_core.losses import JOINT_WEIGHTS
from drpose_core.skeleton import BONES, J, flip

SMALL = {"lifter": "mlp", "channels": 16, "depth": 2, "heads": 2, "dropout": 0.0}


def film_model(frames=5, memory=0.2, *, kind=FilmDRPose, gate=0.3, **changes):
    """A small one, whose branch over the frames is open unless gate is 0."""
    torch.manual_seed(0)
    model = kind.of if gate is None else kind.of  # the same weights whatever the gate
    model = model(dr.DRPose(dr.ModelConfig(**SMALL | changes)).eval(), frames=frames, memory=memory)
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
        for n, frame in enumerate([*sorted(frames), None]):
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
        when = When((seconds - seconds[0])[None], clips.there[n : n + 1])
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

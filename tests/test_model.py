"""The model as a whole: symmetries, replay, chunks, who is trained and who is not."""

import pytest
import torch

import drpose_core as dr
from drpose_core import model as model_module
from drpose_core.losses import JOINT_WEIGHTS
from drpose_core.skeleton import J


def noise_for(steps, batch, hypotheses, seed=0):
    return torch.randn(steps, batch, hypotheses, J, 3, generator=dr.generator(seed))


def test_mirrored_picture_and_noise_give_the_mirrored_poses(small_model, poses):
    kp2d, noise = poses.kp2d[:3], noise_for(3, 3, 4)
    plain = dr.sample_poses(small_model, kp2d, hypotheses=4, steps=3, noise=noise)
    mirrored = dr.sample_poses(
        small_model, dr.flip(kp2d), hypotheses=4, steps=3, noise=dr.flip(noise)
    )
    assert torch.allclose(dr.flip(mirrored), plain, atol=1e-4)
    without = dr.sample_poses(
        small_model, kp2d, hypotheses=4, steps=3, noise=noise, flip_test=False
    )
    assert not torch.allclose(without, plain, atol=1e-3)


def test_the_mirrored_pass_is_a_pass_of_its_own(small_model, poses):
    """Batched with the plain one it gives what with_flip gives of two separate denoise functions."""
    kp2d, x = poses.kp2d[:3], torch.randn(3, 4, J, 3, generator=dr.generator(0))
    plain, mirrored = (
        dr.denoise_fn(small_model, k, flip_test=False) for k in (kp2d, dr.flip(kp2d))
    )
    for t in (900, 5):
        both = dr.denoise_fn(small_model, kp2d)(x, t)
        assert torch.allclose(both, dr.with_flip(plain, mirrored, dr.flip)(x, t), atol=1e-5)


def test_hypotheses_do_not_see_each_other(small_model, poses):
    kp2d, noise = poses.kp2d[:2], noise_for(3, 2, 5)
    together = dr.sample_poses(small_model, kp2d, hypotheses=5, steps=3, noise=noise)
    order = torch.tensor([3, 1, 4, 0, 2])
    shuffled = dr.sample_poses(small_model, kp2d, hypotheses=5, steps=3, noise=noise[:, :, order])
    assert torch.allclose(shuffled, together[:, :, order], atol=1e-4)
    one = dr.sample_poses(small_model, kp2d[1:], hypotheses=1, steps=3, noise=noise[:, 1:, 2:3])
    assert torch.allclose(one[:, 0, 0], together[:, 1, 2], atol=1e-4)


def test_chunks_change_nothing(small_model, poses, monkeypatch):
    kp2d, noise = poses.kp2d[:7], noise_for(2, 7, 3)
    whole = dr.sample_poses(small_model, kp2d, hypotheses=3, steps=2, noise=noise)
    for chunk in (1, 4, 9):
        monkeypatch.setattr(model_module, "CHUNK", chunk)
        assert torch.allclose(
            dr.sample_poses(small_model, kp2d, hypotheses=3, steps=2, noise=noise), whole, atol=1e-4
        )


def test_more_hypotheses_and_more_steps_keep_what_was_drawn(small_model, poses):
    kp2d = poses.kp2d[:2]

    def sample(hypotheses, steps):
        return dr.sample_poses(
            small_model,
            kp2d,
            hypotheses=hypotheses,
            steps=steps,
            noise=dr.per_hypothesis(7),
        )

    assert torch.allclose(sample(3, 2), sample(6, 2)[:, :, :3], atol=1e-4)
    # The first estimate depends on the start noise alone, and that does not depend on the number of
    # steps.
    assert torch.allclose(sample(3, 2)[0], sample(3, 5)[0], atol=1e-4)


def test_a_later_start_begins_with_the_noised_initial_pose(small_model, poses):
    kp2d, noise = poses.kp2d[:3], noise_for(4, 3, 2)
    times = {"spacing": "quadratic", "start": 300}
    chain = {"steps": 4, **times, "eta": 1.0}
    sampled = dr.sample_poses(small_model, kp2d, hypotheses=2, **chain, noise=noise)
    x = small_model.schedule.add_noise(
        small_model.initial_pose(kp2d, flip_test=True)[:, None], 300, noise[0]
    )
    draws = iter(noise[1:])
    denoise = dr.denoise_fn(small_model, kp2d)
    *_, last = dr.ddim(
        denoise, x, small_model.schedule, noise_sampler=lambda x: next(draws), **chain
    )
    assert last.k == 4 and torch.allclose(last.x0[..., 1:, :], sampled[-1][..., 1:, :], atol=1e-4)
    mirrored = dr.sample_poses(
        small_model, dr.flip(kp2d), hypotheses=2, **chain, noise=dr.flip(noise)
    )
    assert torch.allclose(dr.flip(mirrored), sampled, atol=1e-4)
    attached = dr.with_initial_poses(small_model, poses[:3]).initial
    again = dr.sample_poses(small_model, kp2d, hypotheses=2, **chain, noise=noise, initial=attached)
    assert torch.allclose(again, sampled, atol=1e-5)
    plain = dr.sample_poses(small_model, kp2d, hypotheses=2, **chain, noise=noise, flip_test=False)
    x = small_model.schedule.add_noise(small_model.initial_pose(kp2d)[:, None], 300, noise[0])
    assert torch.allclose(
        dr.denoise_fn(small_model, kp2d, flip_test=False)(x, 300)[..., 1:, :],
        plain[0, ..., 1:, :],
        atol=1e-4,
    )
    few = {"hypotheses": 2, "steps": 2, "spacing": [300, 20], "noise": noise[:2]}
    given = dr.sample_poses(small_model, kp2d, start=300, **few)
    pure = dr.sample_poses(small_model, kp2d, **few)
    assert not torch.allclose(given, pure, atol=1e-3), "times alone begin with pure noise"


def test_no_two_hypotheses_share_their_noise():
    draws = torch.stack(
        [
            torch.randn(8, generator=g)
            for seed in (0, 1, 2**31)
            for g in dr.hypothesis_generators(seed, 200)
        ]
    )
    assert len(torch.unique(draws, dim=0)) == 600


def test_one_seed_replays(small_model, poses):
    kp2d = poses.kp2d[:2]
    a, b = (dr.sample_poses(small_model, kp2d, noise=dr.per_pose(1)) for _ in range(2))
    assert torch.equal(a, b) and a.shape == (8, 2, 20, J, 3) and (a[..., 0, :] == 0).all()


def test_sampling_ignores_and_restores_training_mode(small_model, poses):
    kp2d, noise = poses.kp2d[:2], noise_for(2, 2, 2)
    quiet = dr.sample_poses(small_model, kp2d, hypotheses=2, steps=2, noise=noise)
    small_model.train()
    assert torch.equal(
        dr.sample_poses(small_model, kp2d, hypotheses=2, steps=2, noise=noise), quiet
    )
    assert small_model.training and not small_model.lifter.training and not quiet.requires_grad


def test_training_the_denoiser_leaves_the_lifter_alone(small_model, poses):
    before = {name: value.clone() for name, value in small_model.state_dict().items()}
    steps = dr.train(small_model, dr.denoising_loss, poses, dr.TrainConfig(epochs=1, batch_size=64))
    for _ in zip(range(2), steps):
        pass
    for name, value in small_model.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("lifter."), name


@pytest.mark.parametrize("initial_noise", [0, 0.03])
def test_the_loss_by_hand(initial_noise, small_model, poses):
    """One pose at a time, with the same draws."""
    batch = poses[:4]
    g = dr.generator(5)
    t = torch.randint(1000, (4,), generator=g)
    noise, shake = torch.randn(4, J, 3, generator=g), torch.randn(4, J, 3, generator=g)
    weights = torch.tensor(JOINT_WEIGHTS)
    total = 0.0
    for n in range(4):
        a = small_model.schedule.alpha_bar[t[n]].float()
        x_t = (a.sqrt() * batch.pose3d[n] + (1 - a).sqrt() * noise[n]).clamp(-1.1, 1.1)
        kp2d = batch.kp2d[n : n + 1]
        initial = small_model.lifter(kp2d) + initial_noise * shake[n]
        x0 = small_model.denoiser(
            x_t[None, None], initial, small_model.denoiser.condition(kp2d, t[n : n + 1])
        )
        total += (weights * (x0[0, 0] - batch.pose3d[n]).square().sum(-1).sqrt()).mean()
    loss = dr.denoising_loss(
        small_model, batch, generator=dr.generator(5), initial_noise=initial_noise
    )
    assert torch.allclose(loss, total / 4, rtol=1e-4)


def test_any_function_may_be_the_lifter(poses):
    model = dr.DRPose(
        dr.ModelConfig(depth=1),
        lifter=lambda kp2d: torch.cat([kp2d, torch.zeros_like(kp2d[..., :1])], -1),
    )
    assert dr.sample_poses(model, poses.kp2d[:2], steps=1, hypotheses=2).shape == (1, 2, 2, J, 3)


def test_registered_lifters_are_built_by_name(monkeypatch):
    monkeypatch.setitem(dr.LIFTERS, "flat", lambda: torch.nn.Linear(2, 3))
    assert isinstance(dr.DRPose(dr.ModelConfig(lifter="flat", depth=1)).lifter, torch.nn.Linear)


def test_a_ddim_of_ones_own_gives_the_same_poses(small_model, poses):
    kp2d, noise = poses.kp2d[:2], noise_for(3, 2, 2)
    draws = iter(noise)
    chain = dr.ddim(
        dr.denoise_fn(small_model, kp2d),
        next(draws),
        small_model.schedule,
        3,
        noise_sampler=lambda x: next(draws),
    )
    by_hand = torch.stack([step.x0 for step in chain])
    assert torch.allclose(
        by_hand[..., 1:, :],
        dr.sample_poses(small_model, kp2d, dr.Sampling.published(2, 3), noise=noise)[..., 1:, :],
    )


def test_untrained_denoiser_is_tame(poses):
    """Its output is of the size of a pose, so that training starts from a sensible loss."""
    torch.manual_seed(1)
    model = dr.DRPose().eval()
    assert dr.denoising_loss(model, poses[:32], generator=dr.generator(0)) < 5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; none here")
def test_the_gpu_replays_the_cpu(small_model, poses):
    kp2d, noise = poses.kp2d[:3], noise_for(3, 3, 4)
    here = dr.sample_poses(small_model, kp2d, hypotheses=4, steps=3, noise=noise)
    there = dr.sample_poses(
        small_model.to("cuda"), kp2d.to("cuda"), hypotheses=4, steps=3, noise=noise
    ).cpu()
    assert torch.allclose(here, there, atol=1e-3)

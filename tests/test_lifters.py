"""Any initial model: the registered ones, functions, predictions from files, and models that have
none of their own.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.training import steps_per_epoch

KINDS = [name for name in dr.LIFTERS if name != "elsewhere"]


@pytest.mark.parametrize("name", KINDS)
def test_every_lifter_learns_with_the_same_loop(name, poses):
    torch.manual_seed(0)
    lifter = dr.build_lifter(name)
    some = poses[:64]
    losses = [
        float(step.loss)
        for step in dr.train(lifter, dr.lifting_loss, some, dr.TrainConfig(epochs=6, batch_size=32))
    ]
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
    assert lifter.eval()(some.kp2d).shape == (64, 17, 3)


@pytest.mark.parametrize("name", ("dcgct", "htnet"))
def test_bfloat16_computes_nearly_the_same_poses_and_gradients(name, poses):
    torch.manual_seed(0)
    lifter, some = dr.build_lifter(name).eval(), poses[:64]

    def outcome(bf16):
        lifter.bf16 = bf16
        lifter.zero_grad()
        pose = lifter(some.kp2d)
        (pose - some.pose3d).norm(dim=-1).mean().backward()
        assert all(p.dtype == p.grad.dtype == torch.float32 for p in lifter.parameters())
        return pose.detach(), torch.cat([p.grad.flatten() for p in lifter.parameters()])

    (exact, slope), (coarse, coarse_slope) = outcome(False), outcome(True)
    assert coarse.dtype == torch.float32
    assert 0 < (coarse - exact).norm(dim=-1).mean() < 0.02 * exact.norm(dim=-1).mean()
    assert torch.cosine_similarity(slope, coarse_slope, dim=0) > 0.999


def test_one_pose_left_over_does_not_stop_batchnorm(poses):
    steps = list(
        dr.train(
            dr.build_lifter("mlp"),
            dr.lifting_loss,
            poses[:33],
            dr.TrainConfig(epochs=2, batch_size=16, mirror=False),
        )
    )
    assert len(steps) == 2 * steps_per_epoch(33, dr.TrainConfig(batch_size=16, mirror=False)) == 4


def test_the_mlp_is_the_published_one():
    """Martinez et al. 2017: two blocks of width 1024, 4.29 million weights for 16 joints; the count
    for 17 by hand.
    """
    layer = 1024 * 1024 + 1024 + 2 * 1024
    expected = (34 * 1024 + 1024 + 2 * 1024) + 4 * layer + (1024 * 51 + 51)
    mlp = dr.build_lifter("mlp")
    assert sum(p.numel() for p in mlp.parameters()) == expected
    kp2d = torch.randn(5, 17, 2)
    mlp.eval()
    x = kp2d.flatten(1)

    def relu_norm(linear, norm, x):
        return torch.relu(norm(linear(x)))

    x = relu_norm(mlp[1], mlp[2], x)
    for block in (mlp[5], mlp[6]):
        x = x + relu_norm(
            block.layers[4], block.layers[5], relu_norm(block.layers[0], block.layers[1], x)
        )
    assert torch.allclose(mlp[7](x).view(5, 17, 3), mlp(kp2d))


@pytest.mark.parametrize("flip_test", [True, False])
def test_initial_poses_take_the_lifters_place(small_model, poses, flip_test):
    """Attached, passed along or made on the way: the same numbers, in losses, samples and tables."""
    some = poses[:6]
    attached = dr.with_initial_poses(small_model, some)
    assert dr.with_initial_poses(small_model, attached) is attached
    blind = dr.DRPose(replace(small_model.config, lifter="elsewhere")).eval()
    blind.denoiser.load_state_dict(small_model.denoiser.state_dict())
    both = {"hypotheses": 2, "steps": 2, "flip_test": flip_test}

    def draw():
        return dr.generator(1)

    expected = dr.sample_poses(small_model, some.kp2d, **both, noise=dr.per_pose(1))
    noise = dr.per_pose(1)
    assert torch.allclose(
        dr.sample_poses(blind, some.kp2d, **both, noise=noise, initial=attached.initial),
        expected,
        atol=1e-5,
    )
    loss = dr.denoising_loss(small_model, some, generator=draw())
    assert torch.allclose(dr.denoising_loss(blind, attached, generator=draw()), loss)
    assert torch.allclose(
        dr.denoising_loss(blind, attached.flipped(), generator=draw()),
        dr.denoising_loss(small_model, some.flipped(), generator=draw()),
    )
    tables = [
        dr.evaluate(model, which, **both)
        for model, which in ((small_model, some), (blind, attached))
    ]
    assert np.allclose(tables[0].error_mm, tables[1].error_mm, atol=1e-2)


def test_training_on_attached_poses_equals_training_on_the_lifter(poses):
    some, states = poses[:48], []
    for attach in (False, True):
        torch.manual_seed(2)
        model = dr.DRPose(dr.ModelConfig(depth=1, lifter="mlp"))
        data = dr.with_initial_poses(model, some) if attach else some
        assert data.initial is not None or not attach
        list(dr.train(model, dr.denoising_loss, data, dr.TrainConfig(epochs=2, batch_size=16)))
        states.append(model.state_dict())
    for name, value in states[0].items():
        assert torch.allclose(value, states[1][name], atol=1e-5), name


def test_one_predicted_pose_serves_the_mirrored_pass_mirrored(small_model, poses):
    kp2d, predicted = poses.kp2d[:3], poses.pose3d[:3]
    both = torch.stack([predicted, dr.flip(predicted)], dim=1)
    one, two = (
        dr.sample_poses(small_model, kp2d, noise=dr.per_pose(0), initial=x)
        for x in (predicted, both)
    )
    assert torch.equal(one, two)
    with pytest.raises(
        ValueError, match=r"initial must be \(B, J, 3\) or \(B, 2, J, 3\) with B = 3"
    ):
        dr.sample_poses(small_model, kp2d, initial=predicted[:2])


def test_a_model_without_a_lifter_says_so_and_keeps(poses, tmp_path):
    model = dr.DRPose(dr.ModelConfig(lifter="elsewhere", depth=1)).eval()
    with pytest.raises(ValueError, match="has no lifter of its own: attach them"):
        dr.sample_poses(model, poses.kp2d[:2])
    dr.save_checkpoint(tmp_path / "e.safetensors", model)
    again = dr.load_checkpoint(tmp_path / "e.safetensors")
    assert torch.equal(again.denoiser.time1.weight, model.denoiser.time1.weight)


def test_initial_poses_come_along(poses, tmp_path):
    model = dr.DRPose(dr.ModelConfig(depth=1, lifter="mlp")).eval()
    attached = dr.with_initial_poses(model, poses[:9])
    attached.save(tmp_path / "p.npz")
    again = dr.PoseSet.load(tmp_path / "p.npz")
    assert (
        torch.equal(again.initial, attached.initial)
        and again.keypoints == "detected"
        and again.skeleton == "synthetic figure"
    )
    assert torch.equal(attached.flipped().initial[:, 0], attached.initial[:, 1])
    assert torch.allclose(
        dr.with_initial_poses(model, poses[:9].flipped()).initial,
        attached.flipped().initial,
        atol=1e-5,
    )

"""The calibrated loss by hand, and the preconditioned head in closed form."""

import math

import pytest
import torch

import drpose_core as dr
from drpose_core import losses
from drpose_core.skeleton import J


@pytest.fixture
def skipping():
    torch.manual_seed(0)
    return dr.DRPose(dr.ModelConfig(lifter="mlp", depth=1, skip=0.1, dropout=0.0)).eval()


def test_the_calibrated_loss_by_hand(skipping, poses):
    """One pose and joint at a time, with the same draws."""
    batch, g = poses[:6], dr.generator(5)
    even = torch.randint(1000, (6,), generator=g)
    ratio = math.log(0.08) + 1.2 * torch.randn(6, generator=g)
    first = torch.rand(6, generator=g) < 0.5
    noise, shake = torch.randn(6, J, 3, generator=g), torch.randn(6, J, 3, generator=g)
    bar = skipping.schedule.alpha_bar
    sigma = ((1 - bar) / bar).sqrt().log()
    total, s = 0.0, 0.1
    for n in range(6):
        near = min(int((sigma < ratio[n].double()).sum()), 999)
        t = near if first[n] else int(even[n])
        a = bar[t].item()
        v = a * s * s + 1 - a
        x_t = math.sqrt(a) * batch.pose3d[n] + math.sqrt(1 - a) * noise[n]
        kp2d = batch.kp2d[n : n + 1]
        initial = skipping.lifter(kp2d) + losses.INITIAL_NOISE * shake[n]
        condition = skipping.denoiser.condition(kp2d, torch.tensor([t]))
        out = skipping.denoiser((x_t / math.sqrt(v))[None, None], initial, condition)[0, 0]
        gain = s * math.sqrt(1 - a) / math.sqrt(v)
        x0 = s * s * math.sqrt(a) / v * x_t + gain * out
        for joint in range(J):
            far = (x0[joint] - batch.pose3d[n, joint]).norm().item()
            unit = max(gain, 0.02)
            one = 3 * far / 0.17 if t >= 300 else math.sqrt((far / unit) ** 2 + 1) - 1
            total += losses.JOINT_WEIGHTS[joint] * one / (6 * J)
    found = dr.calibrated_loss(skipping, batch, generator=dr.generator(5))
    assert found.item() == pytest.approx(total, rel=1e-4)


def test_the_skip_keeps_what_has_no_noise_and_drops_what_is_noise_alone():
    """c_skip and c_out at the ends of the chain; a perfect linear answer where the network is 0."""
    schedule, x = dr.CosineSchedule(), torch.randn(2, 1, J, 3, generator=dr.generator(0))
    keep, gain, size = schedule.preconditioning(x, 0, 0.1)
    assert keep.item() == pytest.approx(1, abs=0.02) and gain.item() < 0.01
    keep, gain, size = schedule.preconditioning(x, 999, 0.1)
    assert abs(keep.item()) < 1e-3 and gain.item() == pytest.approx(0.1, rel=1e-3)
    assert size.item() == pytest.approx(1, rel=1e-3)
    # keep x_t is the mean of N(0, 0.1^2) given x_t: check by regression on draws.
    a = schedule.alpha_bar[400].item()
    x0 = 0.1 * torch.randn(200_000, generator=dr.generator(1))
    x_t = math.sqrt(a) * x0 + math.sqrt(1 - a) * torch.randn(200_000, generator=dr.generator(2))
    keep = schedule.preconditioning(x, 400, 0.1)[0].item()
    assert keep == pytest.approx(((x_t * x0).mean() / x_t.square().mean()).item(), rel=0.05)


def test_a_model_with_a_skip_trains_samples_and_reloads(skipping, poses, tmp_path):
    data = dr.with_initial_poses(skipping, poses[:64])
    config = dr.TrainConfig(epochs=15, batch_size=32)
    steps = [s.loss.item() for s in dr.train(skipping, dr.calibrated_loss, data, config)]
    assert sum(steps[-5:]) < sum(steps[:5])
    dr.save_checkpoint(tmp_path / "m.safetensors", skipping)
    again = dr.load_checkpoint(tmp_path / "m.safetensors")
    assert again.config.skip == 0.1 and again.denoiser.blend is None
    one, two = (dr.sample_poses(m, poses.kp2d[:2], hypotheses=3) for m in (skipping.eval(), again))
    assert torch.allclose(one, two, atol=1e-5) and torch.isfinite(one).all()
    mirrored = dr.sample_poses(again, dr.flip(poses.kp2d[:2]), hypotheses=3, noise=_mirrored)
    assert torch.allclose(dr.flip(mirrored), one, atol=1e-4), "mirror images give mirror images"


def _mirrored(rows, hypotheses, shape):
    return (dr.flip(x) for x in dr.per_hypothesis(0)(rows, hypotheses, shape))

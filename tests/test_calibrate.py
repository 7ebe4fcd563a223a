"""Widened hypotheses, and the factor that calibrate finds, against samplers whose spread is known."""

import math

import pytest
import torch

import drpose_core as dr
from drpose_core.calibration import _minimum
from drpose_core.widening import widened


def test_widened_by_hand():
    x = torch.randn(2, 5, 17, 3, generator=dr.generator(0))
    for factor in (0, 0.5, 1, 2.5):
        moved = widened(x, factor)
        for n in range(2):
            for h in range(5):
                mean = sum(x[n]) / 5
                assert torch.allclose(moved[n, h], mean + factor * (x[n, h] - mean), atol=1e-5)
    order = torch.tensor([3, 0, 4, 1, 2])
    assert torch.allclose(widened(x[:, order], 3), widened(x, 3)[:, order], atol=1e-6)
    assert torch.equal(widened(x[:, :1], 7), x[:, :1]) and widened(x, 1) is x
    mirror = dr.flip(widened(x, 2))
    assert torch.allclose(widened(dr.flip(x), 2), mirror, atol=1e-6)


@pytest.mark.parametrize("at", [0.3, 1.0, 2.0, 7.0])
def test_the_minimum_of_a_convex_function(at):
    assert _minimum(lambda x: abs(x - at) + (x - at) ** 2) == pytest.approx(at, rel=2e-3)


@pytest.fixture
def tiny_model():
    """Nothing is trained: what a factor does is the same for all weights."""
    torch.manual_seed(0)
    return dr.DRPose(dr.ModelConfig(lifter="mlp", channels=8, depth=1)).eval()


def test_sampling_is_widened_last(tiny_model, poses):
    few = poses[:3].kp2d
    plain = dr.sample_poses(tiny_model, few, hypotheses=4, steps=2)
    wide = dr.sample_poses(tiny_model, few, hypotheses=4, steps=2, widen=2.5)
    assert torch.allclose(wide, widened(plain, 2.5), atol=1e-6)
    assert torch.allclose(wide.mean(2), plain.mean(2), atol=1e-6)
    assert not wide[..., 0, :].any()


def test_calibrate_undoes_a_spread_that_is_wrong(monkeypatch, tiny_model, poses):
    """Hypotheses a third as spread as they are wrong want a factor of 3, and a little more because
    40 of them are nearer to their own mean than to their center. In 51 dimensions distances hardly
    vary, so that the energy score is a difference of two roots, with a minimum in closed form.
    """
    draws, size, many = dr.generator(1), 0.03, 40

    def sampler(model, kp2d, sampling, **kind):
        rows = list(kind["rows"])
        center = poses.pose3d[rows] + size * torch.randn(len(rows), 17, 3, generator=draws)
        spread = size / 3 * torch.randn(len(rows), many, 17, 3, generator=draws)
        return (center[:, None] + spread)[None]

    monkeypatch.setattr("drpose_core.calibration.sample_poses", sampler)
    before = tiny_model.sampling
    factor = dr.calibrate(tiny_model, poses, hypotheses=many)
    share = 1 - 1 / many
    assert factor == pytest.approx(math.sqrt((9 + 1 / many) / (2 * share**2 - share)), rel=0.01)
    assert tiny_model.sampling == before.but(hypotheses=many, widen=factor)
    record = tiny_model.record["calibration"]
    assert record["energy_mm"][1] < record["energy_mm"][0]
    ideal = 1000 * size * math.sqrt(51) * (math.sqrt(2) - math.sqrt(2) / 2)
    assert record["energy_mm"][1] == pytest.approx(ideal, rel=0.03)


def test_a_checkpoint_keeps_the_factor_and_its_story(tmp_path, tiny_model, poses):
    some = poses[:20]
    factor = dr.calibrate(tiny_model, some, hypotheses=3, steps=1)
    dr.save_checkpoint(tmp_path / "a.safetensors", tiny_model)
    loaded = dr.load_checkpoint(tmp_path / "a.safetensors")
    assert loaded.sampling.widen == factor != 1
    assert loaded.record["calibration"]["subjects"] == some.subjects()
    given = {"hypotheses": 3, "steps": 1}
    wide = dr.sample_poses(loaded, some.kp2d, **given)
    assert torch.allclose(
        wide, widened(dr.sample_poses(loaded, some.kp2d, **given, widen=1), factor), atol=1e-5
    )


def test_scores_on_the_same_subjects_are_said_to_be_too_good(tiny_model, poses, recwarn):
    dr.calibrate(tiny_model, poses[:20], hypotheses=2, steps=1)
    dr.evaluate(tiny_model, poses[:5], widen=1)
    assert not recwarn.list, "without the factor nothing was fitted"
    with pytest.warns(UserWarning, match=f"fitted on {poses[:5].subjects()[0]}, who are among"):
        dr.evaluate(tiny_model, poses[:5])


def test_what_cannot_be_calibrated_is_refused(tiny_model, poses):
    with pytest.raises(ValueError, match="two hypotheses"):
        dr.calibrate(tiny_model, poses[:5], hypotheses=1)
    with pytest.raises(ValueError, match="0 poses"):
        dr.calibrate(tiny_model, poses[:0])
    with pytest.raises(ValueError, match="widen must be"):
        dr.Sampling(widen=-1)

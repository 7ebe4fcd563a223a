"""Calibration against a loop, against samplers whose answer is known, and against published values."""

import math

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.scores import covered_whole, dispersion
from drpose_core.scores.dispersion import squares


def ece(hypotheses, target):
    hits = dr.covered(hypotheses, target).sum(0)
    return dr.calibration_error(dr.calibration_curve(hits, len(target), hypotheses.shape[1]))


@pytest.mark.parametrize(
    "count, published", [(5, 0.154), (10, 0.080), (20, 0.044), (50, 0.019), (200, 0.005)]
)
def test_a_perfect_sampler_scores_its_floor(count, published):
    x = torch.randn(1500, count + 1, 17, 3, generator=dr.generator(4))
    found = ece(x[:, 1:], x[:, 0])
    assert found["ece"] == pytest.approx(published, abs=0.006) and found["floor"] == pytest.approx(
        published, abs=0.003
    )
    assert abs(found["confidence"]) < 0.01


def test_a_collapsed_sampler_scores_one_half():
    found = ece(torch.zeros(50, 10, 17, 3), torch.randn(50, 17, 3, generator=dr.generator(0)))
    assert found["ece"] == pytest.approx(0.5) and found["confidence"] > 0.4


@pytest.mark.parametrize("scale, sign", [(0.5, 1), (2.0, -1)])
def test_the_sign_tells_over_from_under_confident(scale, sign):
    x = torch.randn(400, 21, 17, 3, generator=dr.generator(5))
    found = ece(scale * x[:, 1:], x[:, 0])
    assert found["ece"] > 2 * found["floor"] and np.sign(found["confidence"]) == sign


def test_by_hand():
    hypotheses = torch.randn(30, 6, 17, 3, generator=dr.generator(1))
    target = torch.randn(30, 17, 3, generator=dr.generator(2))
    w = np.zeros((16, 21))
    for j in range(1, 17):
        for b in range(30):
            x = hypotheses[b, :, j].double().numpy()
            c = np.median(x, axis=0)
            d, t = np.linalg.norm(x - c, axis=-1), np.linalg.norm(target[b, j].double().numpy() - c)
            for i in range(21):
                w[j - 1, i] += np.quantile(d, i / 20) > t
    curve = dr.calibration_curve(dr.covered(hypotheses, target).sum(0), 30, 6)
    # one hit may fall either way in float32
    assert np.allclose(curve.covered, np.median(w / 30, axis=0), atol=0.02)
    assert dr.calibration_error(curve)["ece"] == pytest.approx(
        np.abs(np.median(w / 30, axis=0) - np.linspace(0, 1, 21)).mean(), abs=0.005
    )


# Whole poses


def whole_curve(hypotheses, target):
    whole = covered_whole(hypotheses, target).sum(0)
    hits = dr.covered(hypotheses, target).sum(0)
    many = hypotheses.shape[1]
    return dr.calibration_curve(hits, len(target), many, whole=whole)


def test_ranks_of_whole_poses_by_hand():
    x = torch.randn(12, 7, 17, 3, generator=dr.generator(6)).double()
    hypotheses, target = x[:, 1:], x[:, 0]
    found = covered_whole(hypotheses, target)
    for b in range(12):

        def outward(i, b=b):
            return sum(float((x[b, i] - x[b, k]).norm()) for k in range(7))

        rank = sum(outward(i) < outward(0) for i in range(1, 7))
        for q in range(21):
            assert bool(found[b, q]) == ((rank + 0.5) / 7 <= q / 20 + 1e-6)


@pytest.mark.parametrize("count", [2, 5, 20])
def test_truths_of_the_same_distribution_reach_the_floor(count):
    """Whatever the distribution: here two far modes, and joints that move together."""
    draws = dr.generator(7)
    x = 0.1 * torch.randn(3000, count + 1, 1, 3, generator=draws).expand(-1, -1, 17, -1)
    x = x + (torch.rand(3000, count + 1, 1, 1, generator=draws) < 0.3).float()
    x = x + 0.01 * torch.randn(3000, count + 1, 17, 3, generator=draws)
    found = dr.calibration_error(whole_curve(x[:, 1:], x[:, 0]))
    assert found["whole"] == pytest.approx(found["whole_floor"], abs=0.02)


def test_joints_that_spread_apart_are_seen_in_whole_poses_alone():
    """Every joint has the right spread, but the truth's joints move together and the hypotheses'
    do not.
    """
    draws = dr.generator(8)
    target = torch.randn(2000, 1, 3, generator=draws).expand(-1, 17, -1)
    found = dr.calibration_error(whole_curve(torch.randn(2000, 20, 17, 3, generator=draws), target))
    assert found["ece"] == pytest.approx(found["floor"], abs=0.01)
    assert found["whole"] > found["whole_floor"] + 0.1


# Error against spread


def summed(hypotheses, target, confidence=None):
    found = squares(hypotheses, target, confidence)
    return dispersion({name: x.double().sum(0) for name, x in found.items()}, len(target))


@pytest.mark.parametrize("count", [2, 5, 50])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_ratio_is_that_of_the_distributions(count, scale):
    x = torch.randn(6000, count + 1, 17, 3, generator=dr.generator(9))
    # the mean of count hypotheses is off by their own spread too
    expected = math.sqrt((1 + scale**2 / count) / (1 + 1 / count)) / scale
    table = summed(scale * x[:, 1:], x[:, 0])
    assert table.ratio.to_numpy() == pytest.approx(expected, rel=0.04)
    assert table["by"].tolist() == ["all"] + 16 * ["joint"] + 3 * ["axis"]


def test_dispersion_by_axis_and_confidence():
    draws = dr.generator(10)
    target, x = (torch.randn(3000, n, 17, 3, generator=draws) for n in (1, 20))
    x[..., 2] *= 0.25
    confidence = torch.full((3000, 17), 0.9)
    confidence[:, 4], x[:, :, 4] = 0.1, x[:, :, 4] * 4
    table = summed(x, target[:, 0], confidence).set_index("name")
    assert table.ratio["z, away from the camera"] > 2 * table.ratio["x, across"]
    seen = table[table["by"] == "confidence"]
    assert seen.joints.tolist() == [3000, 16 * 3000]
    assert seen.spread_mm.iloc[0] > 3 * seen.spread_mm.iloc[1]
    # one hypothesis says nothing of its spread
    assert summed(x[:, :1], target[:, 0]).ratio.isna().all()

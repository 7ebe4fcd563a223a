"""Calibration against a loop, against samplers whose answer is known, and against published values."""

import numpy as np
import pytest
import torch

import drpose_core as dr


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

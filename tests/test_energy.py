"""The energy score against a slow loop, closed forms, and what makes it proper."""

import math

import pytest
import torch

import drpose_core as dr
from drpose_core.scores import energy_score


def test_by_hand():
    x = torch.randn(2, 4, 17, 3, generator=dr.generator(0)).double()
    y = torch.randn(2, 17, 3, generator=dr.generator(1)).double()
    for n in range(2):
        error = sum(float((h - y[n]).square().sum()) ** 0.5 for h in x[n]) / 4
        pairs = [(a, b) for a in range(4) for b in range(4) if a != b]
        apart = sum(float((x[n, a] - x[n, b]).square().sum()) ** 0.5 for a, b in pairs) / 12
        assert energy_score(x, y)[n].item() == pytest.approx(error - apart / 2)
    joints = torch.stack([energy_score(x[:, :, j : j + 1], y[:, j : j + 1]) for j in range(17)])
    assert torch.allclose(energy_score(x, y, by_joint=True), joints.mean(0))


def test_a_gaussian_in_closed_form():
    """Of N(0, s^2) and y = 0 on a line: s (sqrt(2 / pi) - 1 / sqrt(pi))."""
    x = torch.zeros(40, 500, 1, 3, dtype=torch.float64)
    x[..., 0] = 0.3 * torch.randn(40, 500, 1, generator=dr.generator(2), dtype=torch.float64)
    found = energy_score(x, torch.zeros(40, 1, 3, dtype=torch.float64)).mean().item()
    assert found == pytest.approx(0.3 * (math.sqrt(2 / math.pi) - 1 / math.sqrt(math.pi)), rel=0.02)


def test_neither_too_little_nor_too_much_spread_pays():
    """Hypotheses and ground truth from one Gaussian score best; the number of hypotheses, their
    order and a common movement change nothing.
    """
    draws = dr.generator(3)
    truth = 0.1 * torch.randn(400, 17, 3, generator=draws)
    x = 0.1 * torch.randn(400, 20, 17, 3, generator=draws)
    scores = {s: energy_score(s * x, truth).mean().item() for s in (0.3, 0.7, 1.0, 1.4, 2.0)}
    assert min(scores, key=scores.get) == 1.0
    few = energy_score(x[:, :5], truth).mean().item()
    assert few == pytest.approx(scores[1.0], rel=0.01)
    order = torch.randperm(20, generator=draws)
    assert torch.allclose(energy_score(x[:, order], truth), energy_score(x, truth), atol=1e-5)
    assert torch.allclose(energy_score(x + 1, truth + 1), energy_score(x, truth), atol=1e-4)


def test_one_hypothesis_is_its_error_and_others_joints_are_refused():
    x, y = torch.randn(3, 1, 17, 3, generator=dr.generator(4)), torch.zeros(3, 17, 3)
    assert torch.allclose(energy_score(x, y), x.flatten(1).norm(dim=-1))
    with pytest.raises(ValueError, match=r"hypotheses must be \(..., H, J, 3\)"):
        energy_score(x[:, :, :16], y)

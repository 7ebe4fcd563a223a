"""Scores against slow numpy re-derivations, and what must not change them."""

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.metrics import procrustes_align


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=dr.generator(seed), dtype=torch.float64)


def rotation(seed=0):
    q, _ = torch.linalg.qr(draw(3, 3, seed=seed))
    return q * torch.det(q).sign()


def align_slowly(pred, target):
    """Kabsch with scale, one pose at a time, in numpy."""
    p, q = pred - pred.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(p.T @ q)
    d = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    r = u @ d @ vt
    return np.trace(np.diag(s) @ d) / (p**2).sum() * p @ r + target.mean(0)


def test_every_score_by_hand():
    pred, target, reprojection = draw(4, 6, 17, 3), draw(4, 17, 3, seed=1), draw(4, 6, 17, seed=2).abs()
    for align in (False, True):
        scores = dr.hypothesis_errors(pred, target, reprojection_error=reprojection, align=align)
        for b in range(4):
            t = target[b].numpy()
            poses = [align_slowly(p.numpy(), t) if align else p.numpy() for p in pred[b]]
            errors = np.array([[np.sqrt(((p[j] - t[j]) ** 2).sum()) for j in range(17)] for p in poses])
            mean = pred[b].mean(0).numpy()
            mean = align_slowly(mean, t) if align else mean
            assert np.isclose(scores["p_avg"][b], np.linalg.norm(mean - t, axis=-1).mean())
            assert np.isclose(scores["p_best"][b], min(e.mean() for e in errors))
            assert np.isclose(scores["j_best"][b], np.mean([errors[:, j].min() for j in range(17)]))
            assert np.isclose(scores["j_avg"][b], np.mean([errors[reprojection[b, :, j].argmin(), j] for j in range(17)]))


def test_scores_without_a_camera_leave_j_avg_out():
    assert set(dr.hypothesis_errors(draw(5, 17, 3), draw(17, 3))) == {"p_avg", "p_best", "j_best"}


def test_leading_axes_broadcast():
    pred, target = draw(3, 4, 5, 17, 3), draw(4, 17, 3, seed=1)
    scores = dr.hypothesis_errors(pred, target)
    assert scores["p_avg"].shape == (3, 4)
    assert torch.equal(scores["p_best"][2], dr.hypothesis_errors(pred[2], target)["p_best"])


def test_the_order_of_hypotheses_does_not_matter():
    pred, target, reprojection = draw(4, 6, 17, 3), draw(4, 17, 3, seed=1), draw(4, 6, 17, seed=2).abs()
    order = torch.randperm(6, generator=dr.generator(0))
    a = dr.hypothesis_errors(pred, target, reprojection_error=reprojection)
    b = dr.hypothesis_errors(pred[:, order], target, reprojection_error=reprojection[:, order])
    assert all(torch.allclose(a[name], b[name]) for name in a)


def test_one_hypothesis_has_one_score():
    scores = dr.hypothesis_errors(draw(4, 1, 17, 3), draw(4, 17, 3, seed=1), reprojection_error=draw(4, 1, 17).abs(), align=True)
    assert all(torch.allclose(value, scores["p_avg"]) for value in scores.values())


def test_p_mpjpe_ignores_similarity_but_not_mirroring():
    target = draw(4, 17, 3)
    moved = 0.3 * target @ rotation() + draw(1, 3, seed=5)
    assert dr.p_mpjpe(moved, target).max() < 1e-12
    assert dr.p_mpjpe(target * torch.tensor([-1.0, 1, 1]), target).min() > 0.1
    pred = draw(4, 17, 3, seed=1)
    assert torch.allclose(dr.p_mpjpe(pred @ rotation(1) * 2 + 1, target), dr.p_mpjpe(pred, target))
    assert torch.allclose(dr.p_mpjpe(pred @ rotation(2), target @ rotation(2)), dr.p_mpjpe(pred, target))


@pytest.mark.parametrize("name", ["one point", "a line", "a plane"])
def test_p_mpjpe_of_degenerate_poses(name):
    target = draw(17, 3).float()
    pred = draw(17, 3, seed=1).float()
    pred = {"one point": torch.ones(17, 3), "a line": pred[:, :1] * torch.tensor([1.0, 2, 3]), "a plane": pred * torch.tensor([1.0, 1, 0])}[
        name
    ]
    error = dr.p_mpjpe(pred, target)
    assert torch.isfinite(error)
    # The best similarity is at least as good as putting every joint at the centre, in the squares it minimises.
    centre = target - target.mean(0)
    assert (procrustes_align(pred, target) - target).square().sum() <= centre.square().sum() * (1 + 1e-5)


def test_alignment_is_optimal():
    """No similarity near the closed-form one fits better."""
    pred, target = draw(17, 3), draw(17, 3, seed=1)
    aligned = procrustes_align(pred, target)
    best = (aligned - target).square().sum()
    for seed in range(50):
        small = torch.matrix_exp((skew := 0.02 * draw(3, 3, seed=seed)) - skew.T)
        nudged = aligned @ small * (1 + 0.02 * draw(1, seed=seed)) + 0.01 * draw(3, seed=seed + 100)
        assert (nudged - target).square().sum() >= best

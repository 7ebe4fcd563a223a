"""Scores against slow numpy re-derivations, and what must not change them."""

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.scores.metrics import area_under_curve, bone_asymmetry, share_within
from drpose_core.scores.procrustes import aligned_errors, procrustes_align


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
    pred = draw(4, 6, 17, 3)
    target = draw(4, 17, 3, seed=1)
    reprojection = draw(4, 6, 17, seed=2).abs()
    for align in (False, True):
        scores = dr.hypothesis_errors(pred, target, reprojection_error=reprojection, align=align)
        for b in range(4):
            t = target[b].numpy()
            poses = [align_slowly(p.numpy(), t) if align else p.numpy() for p in pred[b]]
            errors = np.array(
                [[np.sqrt(((p[j] - t[j]) ** 2).sum()) for j in range(17)] for p in poses]
            )
            mean = pred[b].mean(0).numpy()
            mean = align_slowly(mean, t) if align else mean
            assert np.isclose(scores["p_avg"][b], np.linalg.norm(mean - t, axis=-1).mean())
            assert np.isclose(scores["p_best"][b], min(e.mean() for e in errors))
            assert np.isclose(scores["j_best"][b], np.mean([errors[:, j].min() for j in range(17)]))
            assert np.isclose(
                scores["j_avg"][b],
                np.mean([errors[reprojection[b, :, j].argmin(), j] for j in range(17)]),
            )


def test_scores_without_a_camera_leave_j_avg_out():
    assert set(dr.hypothesis_errors(draw(5, 17, 3), draw(17, 3))) == {"p_avg", "p_best", "j_best"}


def test_leading_axes_broadcast():
    pred, target = draw(3, 4, 5, 17, 3), draw(4, 17, 3, seed=1)
    scores = dr.hypothesis_errors(pred, target)
    assert scores["p_avg"].shape == (3, 4)
    assert torch.equal(scores["p_best"][2], dr.hypothesis_errors(pred[2], target)["p_best"])


def test_the_order_of_hypotheses_does_not_matter():
    pred = draw(4, 6, 17, 3)
    target = draw(4, 17, 3, seed=1)
    reprojection = draw(4, 6, 17, seed=2).abs()
    order = torch.randperm(6, generator=dr.generator(0))
    a = dr.hypothesis_errors(pred, target, reprojection_error=reprojection)
    b = dr.hypothesis_errors(pred[:, order], target, reprojection_error=reprojection[:, order])
    assert all(torch.allclose(a[name], b[name]) for name in a)


def test_one_hypothesis_has_one_score():
    scores = dr.hypothesis_errors(
        draw(4, 1, 17, 3),
        draw(4, 17, 3, seed=1),
        reprojection_error=draw(4, 1, 17).abs(),
        align=True,
    )
    assert all(torch.allclose(value, scores["p_avg"]) for value in scores.values())


def test_p_mpjpe_ignores_similarity_but_not_mirroring():
    target = draw(4, 17, 3)
    moved = 0.3 * target @ rotation() + draw(1, 3, seed=5)
    assert dr.p_mpjpe(moved, target).max() < 1e-12
    assert dr.p_mpjpe(target * torch.tensor([-1.0, 1, 1]), target).min() > 0.1
    pred = draw(4, 17, 3, seed=1)
    assert torch.allclose(dr.p_mpjpe(pred @ rotation(1) * 2 + 1, target), dr.p_mpjpe(pred, target))
    assert torch.allclose(
        dr.p_mpjpe(pred @ rotation(2), target @ rotation(2)), dr.p_mpjpe(pred, target)
    )


@pytest.mark.parametrize("name", ["one point", "a line", "a plane"])
def test_p_mpjpe_of_degenerate_poses(name):
    target = draw(17, 3).float()
    pred = draw(17, 3, seed=1).float()
    pred = {
        "one point": torch.ones(17, 3),
        "a line": pred[:, :1] * torch.tensor([1.0, 2, 3]),
        "a plane": pred * torch.tensor([1.0, 1, 0]),
    }[name]
    error = dr.p_mpjpe(pred, target)
    assert torch.isfinite(error)
    # The best similarity is at least as good as putting every joint at the centre, in the squares
    # it minimises.
    centre = target - target.mean(0)
    assert (procrustes_align(pred, target) - target).square().sum() <= centre.square().sum() * (
        1 + 1e-5
    )


def test_alignment_is_optimal():
    """No similarity near the closed-form one fits better."""
    pred, target = draw(17, 3), draw(17, 3, seed=1)
    aligned = procrustes_align(pred, target)
    best = (aligned - target).square().sum()
    for seed in range(50):
        small = torch.matrix_exp((skew := 0.02 * draw(3, 3, seed=seed)) - skew.T)
        nudged = aligned @ small * (1 + 0.02 * draw(1, seed=seed)) + 0.01 * draw(3, seed=seed + 100)
        assert (nudged - target).square().sum() >= best


HARD = {
    "as people are": lambda g: (torch.randn(400, 17, 3, generator=g) * 0.3, 0.02),
    "far off": lambda g: (torch.randn(400, 17, 3, generator=g) * 0.3, 3.0),
    "mirrored": lambda g: (
        torch.randn(400, 17, 3, generator=g) * 0.3 * torch.tensor([-1.0, 1, 1]),
        0.02,
    ),
    "flat": lambda g: (torch.randn(400, 17, 3, generator=g) * torch.tensor([0.5, 0.2, 1e-4]), 0.0),
    "nearly a line": lambda g: (
        torch.randn(400, 17, 3, generator=g) * torch.tensor([1.0, 1e-3, 1e-4]),
        1e-4,
    ),
    "huge and tiny": lambda g: (torch.randn(400, 17, 3, generator=g) * 1e4, 1e2),
}


@pytest.mark.parametrize("name", HARD)
def test_the_closed_form_agrees_with_decompositions(name):
    """float32 in: every joint's error within 0.01 mm of numpy's float64 answer, for poses a metre
    large.
    """
    g = dr.generator(3)
    base, noise = HARD[name](g)
    target = base * (torch.tensor([-1.0, 1, 1]) if name == "mirrored" else 1)
    turn = torch.linalg.qr(torch.randn(400, 3, 3, generator=g))[0]
    turn = turn * torch.det(turn).sign()[:, None, None]
    pred = (
        (base @ turn) * (0.5 + torch.rand(400, 1, 1, generator=g))
        + noise * torch.randn(400, 17, 3, generator=g)
        + 0.7
    )
    errors, aligned = aligned_errors(pred, target), procrustes_align(pred, target)
    size = target.abs().max().item()
    for n in range(400):
        t = target[n].double().numpy()
        slow = align_slowly(pred[n].double().numpy(), t)
        assert np.abs(errors[n].numpy() - np.linalg.norm(slow - t, axis=-1)).max() < 1e-5 * size
        assert np.abs(aligned[n].numpy() - slow).max() < 1e-5 * size


def test_two_equally_good_rotations_still_have_an_answer():
    """A mirrored pose whose two weaker axes are equal: the least squares are unique, the rotation
    is not.
    """
    axes = torch.tensor([[2.0, 0, 0], [-2, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    mirrored = axes * torch.tensor([1.0, 1, -1])
    square = (procrustes_align(mirrored + 1e-8, axes) - axes).square().sum()
    slow = (
        (align_slowly(mirrored.double().numpy(), axes.double().numpy()) - axes.numpy()) ** 2
    ).sum()
    assert square == pytest.approx(slow, rel=1e-5) and torch.isfinite(dr.p_mpjpe(mirrored, axes))


@pytest.mark.parametrize("size", [1e-25, 1e-6, 1e6, 1e20])
def test_alignment_of_any_size(size):
    target = draw(5, 17, 3).float()
    assert dr.p_mpjpe(target * size, target).max() < 1e-5
    assert dr.p_mpjpe(target, target * size).max() < 1e-5 * size


def test_no_alignment_of_numbers_that_are_none():
    with pytest.raises(ValueError, match="poses hold NaN or infinite numbers: no alignment exists"):
        dr.p_mpjpe(torch.full((17, 3), float("nan")), torch.zeros(17, 3))


def test_shares_and_areas_by_hand():
    errors = torch.tensor([[0.0, 0.149, 0.151, 0.02]])
    assert share_within(errors).item() == pytest.approx(2 / 3)
    area = np.mean(
        [np.mean([e < t / 1000 for e in (0.149, 0.151, 0.02)]) for t in range(0, 151, 5)]
    )
    assert area_under_curve(errors).item() == pytest.approx(area)


def test_asymmetry_sees_one_long_arm():
    pose = draw(17, 3)
    symmetric = (pose + dr.flip(pose)) / 2
    assert bone_asymmetry(symmetric) < 1e-12
    longer = symmetric.clone()
    # left forearm 60 mm longer
    longer[13] += 0.06 * (symmetric[13] - symmetric[12]) / (symmetric[13] - symmetric[12]).norm()
    assert bone_asymmetry(longer).item() == pytest.approx(0.06 / 6)

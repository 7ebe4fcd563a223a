"""One answer out of many, each by a slow loop; the root from the picture alone."""

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.cameras import undistort
from drpose_core.scores.aggregation import ANSWERS, reprojection_errors


@pytest.fixture(scope="module")
def some(poses):
    """Five poses, seven hypotheses each around the truth, and exact 2D."""
    few = poses[torch.arange(0, len(poses), 97)]
    noise = 0.05 * torch.randn(len(few), 7, 17, 3, generator=dr.generator(0))
    noise[:, :, 0] = 0
    exact = dr.project(few.pose3d + few.root[:, None], few.intrinsics)
    return few, few.pose3d[:, None] + noise, exact


def test_the_root_is_found_from_an_exact_picture(some):
    few, hypotheses, exact = some
    assert (dr.estimate_root(few.pose3d, exact, few.intrinsics) - few.root).norm(
        dim=-1
    ).max() < 2e-3
    each = dr.estimate_root(hypotheses, exact[:, None], few.intrinsics)
    for b in range(len(few)):
        for h in range(7):
            alone = dr.estimate_root(hypotheses[b, h][None], exact[b][None], few.intrinsics[b])
            assert torch.allclose(alone[0], each[b, h], atol=1e-3)


def test_the_root_is_the_least_squares_solution(some):
    """Against numpy's lstsq on the equations themselves, for a pose that does not fit its picture
    exactly.
    """
    few, hypotheses, _ = some
    for b in range(len(few)):
        rays = undistort(few.kp2d[b : b + 1], few.intrinsics[b])[0].double().numpy()
        x = hypotheses[b, 0].double().numpy()
        rows, right = [], []
        for j in range(17):
            for axis in (0, 1):
                rows.append([axis == 0, axis == 1, -rays[j, axis]])
                right.append(rays[j, axis] * x[j, 2] - x[j, axis])
        solution = np.linalg.lstsq(np.array(rows, dtype=float), np.array(right), rcond=None)[0]
        own = dr.estimate_root(hypotheses[b : b + 1, 0], few.kp2d[b : b + 1], few.intrinsics[b])[0]
        assert np.allclose(own.numpy(), solution, atol=2e-3)


def test_nobody_stands_behind_the_camera(some):
    """A pose mirrored through the camera fits the picture perfectly, from behind; and a pose of one
    point has a place too.
    """
    few, _, exact = some
    for pose in (-few.pose3d, torch.zeros_like(few.pose3d)):
        root = dr.estimate_root(pose, exact, few.intrinsics)
        assert (pose[..., 2] + root[:, None, 2]).min() > 0.09
    both = torch.stack([-few.pose3d, few.pose3d], dim=1)
    for how in ("jpma", "weighted"):
        answer = dr.aggregate(both, how, kp2d=exact, intrinsics=few.intrinsics)
        assert dr.mpjpe(answer, few.pose3d).max() < 0.03, how


def test_undistorting_is_projecting_backwards():
    for camera in dr.h36m_cameras("S1"):
        rays = torch.rand(500, 2, generator=dr.generator(1)) * 0.8 - 0.4
        points = torch.cat([rays, torch.ones(500, 1)], dim=-1) * 4
        assert (
            undistort(dr.project(points, camera.intrinsics), camera.intrinsics) - rays
        ).abs().max() < 1e-6


def test_a_picture_of_one_point_has_no_distance():
    with pytest.raises(ValueError, match="fall in one point"):
        dr.estimate_root(
            torch.randn(1, 17, 3), torch.zeros(1, 17, 2), dr.h36m_cameras("S1")[0].intrinsics
        )


def test_every_answer_by_hand(some):
    few, hypotheses, _ = some
    camera = {"kp2d": few.kp2d, "intrinsics": few.intrinsics}
    own = {how: dr.aggregate(hypotheses, how, **camera) for how in ANSWERS}
    x = hypotheses.numpy()
    for b in range(len(few)):
        assert np.allclose(own["mean"][b], x[b].mean(0), atol=1e-6)
        assert np.allclose(own["median"][b], np.median(x[b], axis=0), atol=1e-6)
        distance = [
            sum(np.linalg.norm(x[b, h] - x[b, i], axis=-1).mean() for i in range(7))
            for h in range(7)
        ]
        assert np.array_equal(own["medoid"][b], x[b, int(np.argmin(distance))])
        roots = [
            dr.estimate_root(hypotheses[b, h][None], few.kp2d[b][None], few.intrinsics[b])
            for h in range(7)
        ]
        error = np.stack(
            [
                (dr.project(hypotheses[b, h][None] + roots[h], few.intrinsics[b]) - few.kp2d[b])
                .norm(dim=-1)[0]
                .numpy()
                for h in range(7)
            ]
        )
        for j in range(17):
            order = np.argsort(error[:, j])
            assert np.allclose(own["jpma"][b, j], x[b, order[0], j], atol=1e-6)
            weights = np.exp(-200 * error[order[:5], j])
            assert np.allclose(
                own["weighted"][b, j],
                (weights[:, None] * x[b, order[:5], j]).sum(0) / weights.sum(),
                atol=1e-4,
            )


@pytest.mark.parametrize("how", ANSWERS)
def test_answers_do_not_depend_on_the_order_and_know_only_one(how, some):
    few, hypotheses, _ = some
    camera = {"kp2d": few.kp2d, "intrinsics": few.intrinsics}
    shuffled = hypotheses[:, torch.randperm(7, generator=dr.generator(2))]
    assert torch.allclose(
        dr.aggregate(shuffled, how, **camera), dr.aggregate(hypotheses, how, **camera), atol=1e-6
    )
    assert torch.allclose(
        dr.aggregate(hypotheses[:, :1], how, **camera), hypotheses[:, 0], atol=1e-6
    )


def test_the_true_root_may_be_given(some):
    few, _, exact = some
    errors = reprojection_errors(few.pose3d[:, None], exact, few.intrinsics, root=few.root)
    assert errors.max() < 1e-6


def test_aggregation_says_what_it_lacks(some):
    _, hypotheses, _ = some
    with pytest.raises(
        ValueError,
        match="unknown aggregation 'best': choose from mean, median, medoid, jpma, weighted",
    ):
        dr.aggregate(hypotheses, "best")
    with pytest.raises(ValueError, match="'jpma' compares reprojections: pass kp2d and intrinsics"):
        dr.aggregate(hypotheses, "jpma")
    with pytest.raises(
        ValueError, match=r"must be \(B, H, 17, 3\), got \(7, 17, 3\): for one image"
    ):
        dr.aggregate(hypotheses[0])

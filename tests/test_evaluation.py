"""The table of scores against a slow loop over poses."""

import pytest
import torch

import drpose_core as dr


@pytest.fixture
def scored(small_model, poses):
    some = poses[torch.arange(0, len(poses), 17)]
    return some, dr.evaluate(small_model, some, hypotheses=3, steps=2, seed=4)


def test_every_row_by_hand(small_model, scored):
    poses, table = scored
    expected = {}
    for n in range(len(poses)):
        one = poses[n]
        noise = torch.randn(2, 3, 17, 3, generator=dr.generator(4, n))[:, None]
        samples = dr.sample_poses(small_model, one.kp2d, hypotheses=3, steps=2, noise=noise)
        action = poses.actions[one.action[0]]
        initial = (small_model.initial_pose(one.kp2d) + dr.flip(small_model.initial_pose(dr.flip(one.kp2d)))) / 2
        initial[:, 0] = 0
        for protocol, align in (("MPJPE", False), ("P-MPJPE", True)):
            error = dr.p_mpjpe(initial, one.pose3d) if align else dr.mpjpe(initial, one.pose3d)
            expected.setdefault((action, 0, protocol, "initial"), []).append(1000 * error.item())
            for step in (1, 2):
                x = samples[step - 1, 0]
                reprojection = (dr.project(x + one.root, one.intrinsics[0]) - one.kp2d).norm(dim=-1)
                scores = dr.hypothesis_errors(x, one.pose3d[0], reprojection_error=reprojection, align=align)
                for name, value in scores.items():
                    expected.setdefault((action, step, protocol, name), []).append(1000 * value.item())
    assert len(table) == len(expected)
    for row in table.itertuples():
        values = expected[row.action, row.step, row.protocol, row.score]
        assert row.poses == len(values) and row.error_mm == pytest.approx(sum(values) / len(values), rel=1e-4)
        assert row.oracle == (row.score in ("p_best", "j_best", "j_avg"))


def test_batches_change_nothing(small_model, scored):
    poses, table = scored
    again = dr.evaluate(small_model, poses, hypotheses=3, steps=2, seed=4, batch_size=5)
    assert (again.error_mm - table.error_mm).abs().max() < 1e-2
    assert (dr.evaluate(small_model, poses, hypotheses=3, steps=2, seed=5).error_mm - table.error_mm).abs().max() > 1e-2


def test_the_glance_averages_actions_at_the_last_step(scored):
    _, table = scored
    glance = dr.table(table)
    last = table[(table.step == 2) & (table.protocol == "P-MPJPE") & (table.score == "j_best")]
    assert glance["P-MPJPE"]["j_best"] == pytest.approx(last.error_mm.mean())
    assert glance["oracle"].to_dict() == {"initial": False, "p_avg": False, "p_best": True, "j_best": True, "j_avg": True}


def test_stored_predictions_are_not_touched(poses):
    stored = torch.ones(4, 17, 3)
    model = dr.DRPose(dr.ModelConfig(depth=1), lifter=lambda kp2d: stored[: len(kp2d)])
    dr.evaluate(model, poses[:4], hypotheses=1, steps=1, flip_test=False)
    assert (stored == 1).all()

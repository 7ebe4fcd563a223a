"""The table of scores against a slow loop over poses."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import drpose_core as dr
from drpose_core.evaluation import forget
from drpose_core.skeleton import JOINTS, MARKED

HONEST = ("median", "medoid", "jpma", "weighted")


@pytest.fixture
def scored(small_model, poses):
    some = poses[torch.arange(0, len(poses), 17)]
    return some, dr.evaluate(small_model, some, hypotheses=3, steps=2, seed=4)


def test_every_row_by_hand(small_model, scored):
    poses, table = scored
    expected = {}
    for n in range(len(poses)):
        one = poses[n]
        streams = dr.hypothesis_generators(4, 3)
        noise = [torch.stack([torch.randn(17, 3, generator=g) for g in streams]) for _ in "01"]
        noise = torch.stack(noise)[:, None]
        samples = dr.sample_poses(small_model, one.kp2d, hypotheses=3, steps=2, noise=noise)
        action = poses.actions[one.action[0]]
        initial = (
            small_model.initial_pose(one.kp2d)
            + dr.flip(small_model.initial_pose(dr.flip(one.kp2d)))
        ) / 2
        initial[:, 0] = 0
        for protocol, align in (("MPJPE", False), ("P-MPJPE", True)):
            error = dr.p_mpjpe(initial, one.pose3d) if align else dr.mpjpe(initial, one.pose3d)
            expected.setdefault((action, 0, protocol, "initial"), []).append(1000 * error.item())
            for step in (1, 2):
                x = samples[step - 1, 0]
                reprojection = (dr.project(x + one.root, one.intrinsics[0]) - one.kp2d).norm(dim=-1)
                scores = dr.hypothesis_errors(
                    x, one.pose3d[0], reprojection_error=reprojection, align=align
                )
                answers = {
                    how: dr.aggregate(x[None], how, kp2d=one.kp2d, intrinsics=one.intrinsics)[0]
                    for how in HONEST
                }
                if step == 2:  # the last
                    scores |= {
                        how: dr.p_mpjpe(y, one.pose3d[0]) if align else dr.mpjpe(y, one.pose3d[0])
                        for how, y in answers.items()
                    }
                for name, value in scores.items():
                    expected.setdefault((action, step, protocol, name), []).append(
                        1000 * value.item()
                    )
    assert len(table) == len(expected)
    for row in table.itertuples():
        values = expected[row.action, row.step, row.protocol, row.score]
        assert row.poses == len(values) and row.error_mm == pytest.approx(
            sum(values) / len(values), rel=1e-4
        )
        assert row.oracle == (row.score in ("p_best", "j_best", "j_avg"))


def test_joints_that_are_left_out_do_not_count(small_model, poses):
    """Nonsense in the joints left out changes nothing, and the rest is what its joints have."""
    some = poses[::40]
    how = {"hypotheses": 3, "steps": 2, "joints": MARKED}
    found = dr.assess(small_model, some, **how)
    nonsense = some.pose3d.clone()
    nonsense[:, 7:11] = 9.0
    again = dr.assess(small_model, replace(some, pose3d=nonsense), **how)
    for name in ("scores", "joints", "calibration", "dispersion", "summary"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name))
    drawn = dr.sample_poses(small_model, some.kp2d, hypotheses=3, steps=2)[-1]
    mean, truth = drawn.mean(1)[:, MARKED], some.pose3d[:, MARKED]
    table = dr.table(found.scores, over="frames")
    assert table.MPJPE["p_avg"] == pytest.approx(
        1000 * dr.mpjpe(mean, truth).mean().item(), rel=1e-5
    )
    assert table["P-MPJPE"]["p_avg"] == pytest.approx(
        1000 * dr.p_mpjpe(mean, truth).mean().item(), rel=1e-5
    )
    energy = 1000 * dr.energy_score(drawn[..., MARKED, :], truth).mean().item()
    assert found.summary.set_index("quantity").value[
        "energy score, whole pose (proper: lower is better)"
    ] == pytest.approx(energy, rel=1e-5)
    assert [*found.joints.joint] == [JOINTS[j] for j in MARKED]
    everything = dr.assess(small_model, some, hypotheses=3, steps=2)
    shared = everything.joints[everything.joints.joint.isin(found.joints.joint)]
    pd.testing.assert_frame_equal(found.joints, shared.reset_index(drop=True))
    with pytest.raises(ValueError, match="joints must name at least three besides the hip"):
        dr.assess(small_model, some, joints=[0, 1, 99])


def test_batches_change_nothing(small_model, scored):
    poses, table = scored
    again = dr.evaluate(small_model, poses, hypotheses=3, steps=2, seed=4, batch_size=5)
    assert (again.error_mm - table.error_mm).abs().max() < 1e-2
    assert (
        dr.evaluate(small_model, poses, hypotheses=3, steps=2, seed=5).error_mm - table.error_mm
    ).abs().max() > 1e-2


def test_the_glance_averages_actions_at_the_last_step(scored):
    _, table = scored
    glance = dr.table(table)
    last = table[(table.step == 2) & (table.protocol == "P-MPJPE") & (table.score == "j_best")]
    assert glance["P-MPJPE"]["j_best"] == pytest.approx(last.error_mm.mean())
    honest = {
        "initial": False,
        "median": False,
        "medoid": False,
        "jpma": False,
        "weighted": False,
        "p_avg": False,
    }
    assert glance["oracle"].to_dict() == honest | {"p_best": True, "j_best": True, "j_avg": True}
    assert list(glance.oracle) == sorted(glance.oracle), "honest scores come first"
    weights = last.poses / last.poses.sum()
    every = dr.table(table, every_step=True)
    for (score, step), row in every.iterrows():
        part = table[(table.score == score) & (table.step == step) & (table.protocol == "MPJPE")]
        assert pytest.approx(part.error_mm.mean()) == row.MPJPE
    assert glance.columns.name == "mm, mean over actions"
    assert dr.table(table, over="frames").columns.name == "mm, mean over frames"
    assert dr.table(table, over="frames")["P-MPJPE"]["j_best"] == pytest.approx(
        (weights * last.error_mm).sum()
    )
    with pytest.raises(ValueError, match="unknown mean over 'poses': choose from actions, frames"):
        dr.table(table, over="poses")


def test_the_papers_table_peeks_and_says_so(scored):
    _, table = scored
    paper = dr.paper_table(table)
    for (protocol, score), row in paper.iterrows():
        cells = table[(table.protocol == protocol) & (table.score == score)]
        by_step = {step: part.error_mm.mean() for step, part in cells.groupby("step")}
        assert row["mean over actions"] == pytest.approx(min(by_step.values()))
        step = row["step picked on the test set"]
        assert by_step[step] == min(by_step.values())
        part = cells[cells.step == step].set_index("action").error_mm
        assert all(row[action] == pytest.approx(part[action]) for action in part.index)
    assert paper.oracle.tolist() == [
        score != "initial" for score in paper.index.get_level_values("score")
    ]
    assert set(paper.index.get_level_values("score")) == {
        "initial",
        "p_avg",
        "p_best",
        "j_best",
        "j_avg",
    }


class Interrupted(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_was(small_model, scored, tmp_path, monkeypatch):
    """To the last digit, and without doing again what was done; another model or other settings
    start afresh.
    """
    from drpose_core import evaluation

    poses, _ = scored
    settings = {"hypotheses": 3, "steps": 2, "seed": 4, "batch_size": 7}
    whole = dr.evaluate(small_model, poses, **settings)
    original, calls = evaluation.sample_poses, []

    def sample(*arguments, **more):
        calls.append(1)
        if len(calls) == 3:
            raise Interrupted
        return original(*arguments, **more)

    monkeypatch.setattr(evaluation, "sample_poses", sample)
    with pytest.raises(Interrupted):
        dr.evaluate(small_model, poses, **settings, resume=tmp_path / "run")
    assert len(list(tmp_path.iterdir())) == 1
    resumed = dr.evaluate(small_model, poses, **settings, resume=tmp_path / "run")
    assert resumed.equals(whole)
    assert len(calls) == 3 + len(range(0, len(poses), 7)) - 2
    again = dr.evaluate(small_model, poses, **settings, resume=tmp_path / "run")
    assert again.equals(whole) and len(calls) == 3 + len(range(0, len(poses), 7)) - 2, (
        "what is done is not done again"
    )
    forget(tmp_path / "run")
    assert not list(tmp_path.iterdir())

    calls[:] = [1]
    with pytest.raises(Interrupted):
        dr.evaluate(small_model, poses, **settings, resume=tmp_path / "run")
    other = dr.evaluate(small_model, poses, **(settings | {"seed": 5}), resume=tmp_path / "run")
    assert other.equals(dr.evaluate(small_model, poses, **(settings | {"seed": 5})))


def test_what_was_kept_belongs_to_its_model_poses_and_settings(small_model, poses):
    from drpose_core.evaluation import _file

    def kept(model, poses, settings):
        return _file(Path("run"), model, poses, (settings,), 0).name

    some, settings = poses[:5], {"seed": 1}
    original = kept(small_model, some, settings)
    assert kept(small_model, some, settings) == original
    others = [kept(small_model, some, {"seed": 2}), kept(small_model, poses[1:6], settings)]
    for name in ("intrinsics", "root", "frame", "kp2d"):
        others.append(kept(small_model, replace(some, **{name: getattr(some, name) + 1}), settings))
    functions = [
        dr.DRPose(
            small_model.config, lifter=lambda kp2d, i=i: torch.full((len(kp2d), 17, 3), float(i))
        )
        for i in (0, 1)
    ]
    for model in functions:
        model.denoiser.load_state_dict(small_model.denoiser.state_dict())
        others.append(kept(model, some, settings))
    shorter = dr.DRPose(replace(small_model.config, timesteps=500))
    shorter.load_state_dict(small_model.state_dict())
    others.append(kept(shorter, some, settings))
    assert len({original, *others}) == 1 + len(others)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut off"])
def test_a_damaged_file_of_a_run_gets_a_sentence(content, small_model, poses, tmp_path):
    settings = {"hypotheses": 1, "steps": 1, "resume": tmp_path / "run"}
    dr.evaluate(small_model, poses[:2], **settings)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    with pytest.raises(
        ValueError,
        match=r"run-\w+-0.npz cannot be read .*: delete it to start this evaluation from scratch",
    ):
        dr.evaluate(small_model, poses[:2], **settings)


def test_bad_requests_get_a_sentence_before_any_work(small_model, poses):
    with pytest.raises(ValueError, match="hypotheses and steps must be at least 1, got 0 and 8"):
        dr.evaluate(small_model, poses[:2], hypotheses=0)
    dead = replace(poses[:9], kp2d=poses.kp2d[:9].index_fill(0, torch.tensor([4]), 0.1))
    with pytest.raises(
        ValueError,
        match=r"1 of 9 poses have all 2D joints at one point, the first is row 4 \(S9/\w+ \d/\d, frame \d+\): leave them out",
    ):
        dr.evaluate(small_model, dead)
    numpy = dr.evaluate(
        small_model,
        poses[:2],
        hypotheses=np.int64(1),
        steps=np.int64(2),
        spacing=np.array([900, 20]),
    )
    assert numpy.equals(
        dr.evaluate(small_model, poses[:2], hypotheses=1, steps=2, spacing=[900, 20])
    )


def test_a_random_draw_has_no_velocity(small_model, poses):
    draw = poses[torch.randperm(len(poses), generator=dr.generator(0))[:40]]
    assert (
        not dr.assess(small_model, draw, hypotheses=1, steps=1)
        .summary.quantity.str.contains("MPJVE")
        .any()
    )


def test_the_last_step_alone(small_model, scored):
    poses, table = scored
    last = dr.evaluate(small_model, poses, hypotheses=3, steps=2, seed=4, every_step=False)
    expected = table[table.step.isin([0, 2])].reset_index(drop=True)
    assert last[["action", "step", "protocol", "score"]].equals(
        expected[["action", "step", "protocol", "score"]]
    )
    assert (last.error_mm - expected.error_mm).abs().max() < 1e-3


def test_the_other_measures_by_hand(small_model, poses):
    """On consecutive frames, so that there is a velocity; batches of four cut through them."""
    some = poses[torch.arange(3, 12)]
    found = dr.assess(small_model, some, hypotheses=4, steps=1, seed=2, batch_size=4)
    x = dr.sample_poses(small_model, some.kp2d, hypotheses=4, steps=1, noise=dr.per_hypothesis(2))[
        -1
    ]
    mean, truth = x.mean(1), some.pose3d
    value = found.summary.set_index("quantity").value
    errors = (mean - truth).norm(dim=-1)
    assert np.allclose(found.joints.mean_mm, 1000 * errors.mean(0), atol=1e-2)
    assert np.allclose(
        found.joints.spread_mm, 1000 * x.std(1, correction=0).norm(dim=-1).mean(0), atol=1e-2
    )
    assert value["PCK at 150 mm, mean pose"] == pytest.approx(
        100 * (errors[:, 1:] < 0.15).float().mean().item(), abs=1e-3
    )
    follows = [n for n in range(1, 9) if some.sequence[n] == some.sequence[n - 1]]
    frames = int(some.frame[follows[0]] - some.frame[follows[0] - 1])
    speed = np.mean(
        [
            ((mean[n] - mean[n - 1]) - (truth[n] - truth[n - 1])).norm(dim=-1).mean().item()
            / frames
            for n in follows
        ]
    )
    assert 0 < len(follows) < 8, "the rows should hold an end of a sequence"
    assert value[f"MPJVE over {frames} frames of 50 Hz, mean pose"] == pytest.approx(
        1000 * speed, rel=1e-3
    )
    variance = x.var(1, correction=0).sum((0, 1))
    assert value["share of the spread along the camera's axis"] == pytest.approx(
        100 * (variance[2] / variance.sum()).item(), rel=1e-3
    )
    # (9, 4, 16)
    lengths = np.array(
        [[[(p[j] - p[i]).norm().item() for i, j in dr.BONES] for p in pose] for pose in x]
    )
    assert value["spread of bone lengths over hypotheses"] == pytest.approx(
        1000 * lengths.std(axis=1).mean(), rel=1e-3
    )
    pairs = [(1, 4), (2, 5), (3, 6), (14, 11), (15, 12), (16, 13)]

    def bone(pose, child):
        return (pose[child] - pose[{j: i for i, j in dr.BONES}[child]]).norm().item()

    uneven = np.mean(
        [[abs(bone(pose, right) - bone(pose, left)) for right, left in pairs] for pose in mean]
    )
    assert value["left/right difference of bones, mean pose"] == pytest.approx(
        1000 * uneven, rel=1e-3
    )
    pixels = []
    for n in range(9):
        for pose in x[n]:
            root = dr.estimate_root(pose[None], some.kp2d[n][None], some.intrinsics[n])
            pixels.append(
                (dr.project(pose[None] + root, some.intrinsics[n])[0] - some.kp2d[n])
                .norm(dim=-1)
                .mean()
                .item()
                * 500
            )
    name = "2D reprojection error, root estimated"
    assert value[name] == pytest.approx(np.mean(pixels), rel=1e-3)
    area = np.mean([(errors[:, 1:] < t / 1000).float().mean().item() for t in range(0, 151, 5)])
    assert value["AUC, 0 to 150 mm, mean pose"] == pytest.approx(100 * area, rel=1e-3)
    curve = dr.calibration_curve(dr.covered(x, truth).sum(0), 9, 4)
    # one of nine poses may fall either way
    assert np.allclose(found.calibration.covered, curve.covered, atol=0.12)
    assert "  ECE of a perfect sampler with this H" in value


def test_processes_share_the_poses_and_agree_to_the_last_digit(small_model, poses, tmp_path):
    import subprocess
    import sys

    some = poses[torch.arange(0, len(poses), 23)]
    some.save(tmp_path / "p.npz")
    dr.save_checkpoint(tmp_path / "m.safetensors", small_model)
    code = f"""
import drpose_core as dr, torch
from drpose_core.support import distributed_run
torch.set_num_threads(1)
with distributed_run() as rank:
    model, poses = dr.load_checkpoint(r"{tmp_path}/m.safetensors"), dr.PoseSet.load(r"{tmp_path}/p.npz")
    table = dr.evaluate(model, poses, hypotheses=2, steps=2, batch_size=4)
    table.to_csv(rf"{tmp_path}/{{rank}}.csv")
    dr.evaluate(model, poses[:3], hypotheses=1, steps=1, batch_size=4)  # one batch: the second process has nothing to do
"""
    (tmp_path / "run.py").write_text(code)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    # torchrun sets this itself for several processes; threads change the rounding
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    for count, name in ((2, "two"), (1, "one")):
        done = subprocess.run(
            [*launch, str(count), str(tmp_path / "run.py")], capture_output=True, text=True, env=env
        )
        assert done.returncode == 0, done.stderr[-2000:]
        (tmp_path / "0.csv").rename(tmp_path / f"{name}.csv")
    assert (
        (tmp_path / "1.csv").read_text()
        == (tmp_path / "two.csv").read_text()
        == (tmp_path / "one.csv").read_text()
    )


def test_stored_predictions_are_not_touched(poses):
    stored = torch.ones(4, 17, 3)
    model = dr.DRPose(dr.ModelConfig(depth=1), lifter=lambda kp2d: stored[: len(kp2d)])
    dr.evaluate(model, poses[:4], hypotheses=1, steps=1, flip_test=False)
    assert (stored == 1).all()

"""Predictions from files: both layouts, matched to the poses whatever their order, and a sentence
for every mismatch.
"""

import numpy as np
import pytest
import torch
from helpers import MINI

import drpose_core as dr


@pytest.fixture(scope="module")
def truth():
    """The small Human3.6M set, every second frame; its truth plus a mark of each row serves as
    predictions.
    """
    return dr.h36m_poses(MINI, keypoints="gt", stride=2)


def marked(poses):
    return poses.pose3d + torch.arange(len(poses)).view(-1, 1, 1) * 1e-5


def test_rows_are_found_whatever_the_order(truth, tmp_path):
    order = torch.randperm(len(truth), generator=dr.generator(0))
    shuffled = truth[order]
    dr.save_predictions(tmp_path / "p.npz", shuffled, marked(truth)[order])
    some = truth[torch.randperm(len(truth), generator=dr.generator(1))[: len(truth) // 2]]
    where = {(int(s), int(f)): n for n, (s, f) in enumerate(zip(truth.sequence, truth.frame))}
    expected = torch.stack(
        [marked(truth)[where[int(s), int(f)]] for s, f in zip(some.sequence, some.frame)]
    )
    found = dr.with_predictions(some, tmp_path / "p.npz")
    assert torch.equal(found.initial[:, 0], expected) and torch.equal(
        found.initial[:, 1], dr.flip(expected)
    )


def per_camera(poses, values):
    """{subject: {action: [camera]}} of arrays over all frames, filled one pose at a time."""
    content = {}
    for n in range(len(poses)):
        subject, action, camera = poses.sequences[poses.sequence[n]].split("/")
        views = content.setdefault(subject, {}).setdefault(
            action, [np.full((200, 17, 3), np.nan, np.float32) for _ in range(4)]
        )
        views[int(camera)][int(poses.frame[n])] = values[n].numpy()
    return content


def write(path, content):
    np.savez(path, positions_3d=np.array(content, dtype=object))


def test_the_layout_of_the_2d_files(truth, tmp_path):
    write(tmp_path / "p.npz", per_camera(truth, marked(truth)))
    assert torch.equal(dr.with_predictions(truth, tmp_path / "p.npz").initial[:, 0], marked(truth))


def test_refining_predictions_of_another_model(truth, tmp_path):
    """A model without a lifter samples around the file's poses: at K = 1 with an untrained blend,
    near them in x and y.
    """
    dr.save_predictions(tmp_path / "p.npz", truth, truth.pose3d)
    some = dr.with_predictions(truth[:4], tmp_path / "p.npz")
    model = dr.DRPose(dr.ModelConfig(lifter="elsewhere", depth=1)).eval()
    table = dr.table(dr.evaluate(model, some, hypotheses=1, steps=1))
    assert table.MPJPE["initial"] == 0  # the file held the truth
    assert table.MPJPE["p_avg"] > 0


def flat(truth, **changes):
    names = np.array([truth.sequences[i].split("/") for i in truth.sequence.tolist()])
    columns = dict(zip(("subject", "action", "camera"), names.T)) | {
        "frame": truth.frame.numpy(),
        "pose3d": truth.pose3d.numpy(),
    }
    return {name: value for name, value in (columns | changes).items() if value is not None}


BAD = {
    "nothing there": (None, r"p.npz not found: data/README.md shows the two layouts"),
    "text": (b"hello", r"p.npz cannot be read"),
    "a column missing": (lambda t: flat(t, camera=None), r"holds action, frame, pose3d, subject, not subject, action, camera, frame, pose3d or positions_3d"),
    "a column too short": (lambda t: flat(t, camera=np.array(["0"])), r"camera should have one entry for each of the \d+ poses"),
    "frames as text": (lambda t: flat(t, frame=t.frame.numpy().astype(str)), r"frame should hold integers"),
    "16 joints": (lambda t: flat(t, pose3d=t.pose3d.numpy()[:, 1:]), r"pose3d should be numbers \(poses, 17, 3\), it is \(\d+, 16, 3\)"),
    "millimetres": (lambda t: flat(t, pose3d=1000 * t.pose3d.numpy()), r"the joints are up to \d+ from the root, \d+ as a rule: metres are needed"),
    "feet": (lambda t: flat(t, pose3d=0.1 * t.pose3d.numpy()), r"as a rule: metres are needed"),
    "one in millimetres": (lambda t: flat(t, pose3d=t.pose3d.numpy() * np.where(np.arange(len(t)) == 5, 1000, 1)[:, None, None].astype(np.float32)), r"metres are needed"),
    "not relative": (lambda t: flat(t, pose3d=(t.pose3d + t.root[:, None]).numpy()), r"not relative to joint 0: subtract"),
    "y up": (lambda t: flat(t, pose3d=t.pose3d.numpy() * [1, -1, 1]), r"do not look like the 2D input \(correlation -?0.\d+\)"),
    "NaN": (lambda t: flat(t, pose3d=t.pose3d.numpy() * np.nan), r"NaN or infinite"),
    "twice": (lambda t: flat(t, frame=t.frame.numpy() * 0), r"holds two predictions for S9, \w+ ?\d*, \d, 0"),
    "another subject": (lambda t: flat(t, subject=np.full(len(t), "S1")), r"lacks predictions for \d+ of \d+ poses, the first of them subject S9, .*frame 0; it has S1/"),
    "one frame missing": (lambda t: flat(t[torch.arange(len(t)) != 3]), r"lacks predictions for 1 of \d+ poses, the first of them subject S9, action \w+.*, camera 0, frame 6"),
    "cameras no list": (lambda t: {"positions_3d": np.array({"S9": {"Walking 1": 3}}, dtype=object)}, r"S9/Walking 1 should be a list of cameras, it is int"),
    "no actions": (lambda t: {"positions_3d": np.array({"S9": [1]}, dtype=object)}, r"positions_3d is no dictionary of subjects and actions"),
    "a camera of 2D": (lambda t: {"positions_3d": np.array({"S9": {"Walking 1": [np.zeros((5, 17, 2))]}}, dtype=object)}, r"S9/Walking 1/0 should be numbers \(poses, 17, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_predictions_get_a_sentence(name, truth, tmp_path):
    content, sentence = BAD[name]
    if isinstance(content, bytes):
        (tmp_path / "p.npz").write_bytes(content)
    elif content:
        np.savez(tmp_path / "p.npz", **content(truth))
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        dr.with_predictions(truth, tmp_path / "p.npz")


def test_poses_without_names_cannot_be_matched(truth, tmp_path):
    from dataclasses import replace

    dr.save_predictions(tmp_path / "p.npz", truth, truth.pose3d)
    with pytest.raises(ValueError, match=r"sequence '0' is not named"):
        dr.with_predictions(replace(truth, sequences=None), tmp_path / "p.npz")


@pytest.mark.parametrize("mistake", ["none", "rows shuffled", "left and right swapped", "mirrored"])
def test_plausible_poses_of_other_pictures_are_noticed(mistake, poses, tmp_path):
    from drpose_core.skeleton import MIRRORED

    wrong = {
        "none": lambda x: (
            x
            + 0.05
            * torch.randn(x.shape, generator=dr.generator(1))
            * (torch.arange(17) > 0)[:, None]
        ),
        "rows shuffled": lambda x: x[torch.randperm(len(x), generator=dr.generator(0))],
        "left and right swapped": lambda x: x[:, MIRRORED],
        "mirrored": dr.flip,
    }[mistake]
    dr.save_predictions(tmp_path / "p.npz", poses, wrong(poses.pose3d))
    if mistake == "none":
        assert len(dr.with_predictions(poses, tmp_path / "p.npz")) == len(poses)
    else:
        with pytest.raises(ValueError, match="do not look like the 2D input"):
            dr.with_predictions(poses, tmp_path / "p.npz")

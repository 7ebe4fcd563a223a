"""Figures: what is drawn, in which colours, on which axes."""

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

import drpose_core as dr
from drpose_core import plots
from drpose_core.keypoints.conversion import to_h36m
from drpose_core.keypoints.formats import FORMATS
from drpose_core.skeleton import BONES


@pytest.fixture
def pose():
    return torch.randn(17, 3, generator=torch.Generator().manual_seed(0))


def bones_of(trace):
    """(bones, 2 ends, 3) of a trace: every third point is a gap."""
    points = np.stack([np.asarray(trace[axis], dtype=float) for axis in "xyz"], -1).reshape(
        -1, 3, 3
    )
    assert np.isnan(points[:, 2]).all()
    return points[:, :2]


def test_a_pose_stands_upright_in_metres(pose):
    figure = plots.pose_figure(pose, title="A", source="made up")
    drawn = bones_of(figure.data[0])
    expected = torch.stack([pose[:, 0], pose[:, 2], -pose[:, 1]], -1).numpy()  # x, depth, up
    for bone, (i, j) in zip(drawn, BONES):
        assert np.allclose(bone, expected[[i, j]], atol=1e-3)
    scene = figure.layout.scene
    assert [scene[a].title.text for a in ("xaxis", "yaxis", "zaxis")] == [
        "x (m)",
        "depth (m)",
        "up (m)",
    ]
    spans = {a: scene[f"{a}axis"].range[1] - scene[f"{a}axis"].range[0] for a in "xyz"}
    scale = [scene.aspectratio[a] / spans[a] for a in "xyz"]
    assert np.allclose(scale, scale[0])  # a metre is a metre in every direction
    assert figure.layout.title.subtitle.text == "made up"


def test_sides_have_their_colours(pose):
    trace = plots.pose_figure(pose).data[0]
    for bone, (_, child) in enumerate(BONES):
        assert trace.line.color[3 * bone] == {True: 0.0, False: 0.5}[
            child in (4, 5, 6, 11, 12, 13)
        ] or child in (1, 2, 3, 14, 15, 16)
        assert child not in (1, 2, 3, 14, 15, 16) or trace.line.color[3 * bone] == 1.0
    assert [c[1] for c in trace.line.colorscale] == [
        plots.LEFT_COLOR,
        plots.MIDDLE_COLOR,
        plots.RIGHT_COLOR,
    ]


def test_hypotheses_are_one_trace_and_oracles_are_named(pose):
    figure = plots.hypotheses_figure(
        pose + torch.zeros(20, 1, 1), truth=pose, initial=pose, best=pose, kp2d=pose[:, :2]
    )
    names = [t.name for t in figure.data if isinstance(t, go.Scatter3d)]
    assert names == ["20 hypotheses", "initial pose", "best hypothesis (oracle)", "ground truth"]
    assert [t.name for t in plots.hypotheses_figure(pose + torch.zeros(20, 1, 1), truth=pose).data][
        1
    ] == "mean of 20"
    assert len(bones_of(next(t for t in figure.data if t.name == "20 hypotheses"))) == 20 * 16
    assert any(isinstance(t, go.Scatter) for t in figure.data)


def test_steps_have_a_slider_that_needs_no_kernel(pose):
    samples = pose * torch.tensor([3.0, 2.0, 1.0])[:, None, None, None] + torch.zeros(3, 4, 1, 1)
    figure = plots.steps_figure(samples, [900, 300, 10], truth=pose)
    assert [f.name for f in figure.frames] == ["1 (t = 900)", "2 (t = 300)", "3 (t = 10)"]
    assert [s.args[0][0] for s in figure.layout.sliders[0].steps] == [f.name for f in figure.frames]
    assert np.allclose(bones_of(figure.data[1]), 3 * bones_of(figure.frames[2].data[1]), atol=1e-2)


def test_a_gallery_does_not_overlap(pose):
    figure = plots.gallery_figure(pose[None].expand(7, -1, -1) * 3, list("abcdefg"), columns=3)
    x = [np.asarray(t.x, dtype=float) for t in figure.data if t.mode == "lines"]
    width = 3 * float(np.ptp(pose[:, 0].numpy()))
    centers = np.asarray(figure.data[-1].x, dtype=float)
    assert (
        np.diff(np.unique(centers)).min() > width
        and np.nanmax(np.concatenate(x)) < figure.layout.xaxis.range[1]
    )


def test_wrong_number_of_times(pose):
    with pytest.raises(ValueError, match="one time per step: got 2 times for 1 steps"):
        plots.steps_figure(pose[None, None], [5, 1])


def test_one_hypothesis_is_a_pose_in_its_colours(pose):
    figure = plots.hypotheses_figure(pose[None], truth=pose)
    assert [trace.name for trace in figure.data] == ["pose", "ground truth"] and figure.data[
        0
    ].line.colorscale is not None


@pytest.mark.parametrize("form", FORMATS)
def test_the_conversion_figure_names_every_joint_of_both(form):
    rng = np.random.default_rng(0)
    names = FORMATS[form].joints
    keypoints = rng.uniform(0, 900, (len(names), 2))
    kp2d, _ = to_h36m(keypoints, np.ones(len(names)), form)
    figure = plots.conversion_figure(keypoints, kp2d, form, title="t", source="s")
    text = [annotation.text for annotation in figure.layout.annotations]
    assert sorted(text[2 : 2 + len(names)]) == sorted(f"{n} {name}" for n, name in enumerate(names))
    assert sorted(text[2 + len(names) :]) == sorted(
        f"{n} {name}" for n, name in enumerate(dr.JOINTS)
    )
    left, right = (trace for trace in figure.data if trace.mode == "markers")
    assert np.allclose(np.stack([left.x, left.y], 1), keypoints) and np.allclose(
        np.stack([right.x, right.y], 1), kp2d
    )
    assert [figure.layout[axis].scaleanchor for axis in ("yaxis", "yaxis2")] == ["x", "x2"], (
        "nobody is squeezed"
    )
    made = [name for name, symbol in zip(dr.JOINTS, right.marker.symbol) if symbol == "square"]
    assert made == ([] if form == "h36m17" else ["hip", "spine", "thorax", "neck", "head"])
    longer = np.concatenate([keypoints, keypoints])  # a whole-body format begins with it
    assert len(plots.conversion_figure(longer, kp2d, form).data) == len(figure.data)
    with pytest.raises(ValueError, match=f"{form} has keypoints"):
        plots.conversion_figure(keypoints[:5], kp2d, form)
    with pytest.raises(ValueError, match="unknown keypoint format 'mpii'"):
        plots.conversion_figure(keypoints, kp2d, "mpii")

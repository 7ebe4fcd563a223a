"""Figures: what is drawn, in which colours, on which axes."""

import base64
import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from PIL import Image

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


def test_the_photo_lies_behind_the_joints_where_its_pixels_are(tmp_path):
    rng = np.random.default_rng(0)
    kp2d = rng.uniform(0, 60, (17, 2))
    Image.new("RGB", (90, 60), "red").save(tmp_path / "red.png")
    figure = plots.conversion_figure(kp2d, kp2d, "h36m17", picture=tmp_path / "red.png")
    for image, axes in zip(figure.layout.images, ("x y", "x2 y2"), strict=True):
        assert f"{image.xref} {image.yref}" == axes and image.layer == "below"
        assert (image.x, image.y, image.sizex, image.sizey) == (0, 0, 90, 60)
        content = base64.b64decode(image.source.removeprefix("data:image/png;base64,"))
        assert Image.open(io.BytesIO(content)).getpixel((80, 50)) == (255, 0, 0)


def seen(scene, poses):
    """Where plotly's camera (45 degrees) sees poses (..., 3), -1 to 1 in a square view: (..., 2)."""
    middle = [sum(scene[f"{a}axis"]["range"]) / 2 for a in "xyz"]
    metre = scene["aspectratio"]["x"] / np.ptp(scene["xaxis"]["range"])
    points = (plots.upright(np.asarray(poses)) - middle) * metre
    eye, center = (np.array(list(scene["camera"][k].values())) for k in ("eye", "center"))
    forward = (center - eye) / np.linalg.norm(center - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    sight = points - eye
    depth = sight @ forward
    assert (depth > 0).all()
    across = np.stack([sight @ right, sight @ np.cross(right, forward)], -1)
    return across / depth[..., None] / np.tan(np.radians(22.5))


@pytest.mark.parametrize("size", [(1, 1, 1), (0.2, 1, 0.1), (1, 0.1, 1), (3, 1, 1), (1, 1, 4)])
def test_poses_fill_the_view_and_stand_on_the_floor(size):
    rng = np.random.default_rng(0)
    poses = rng.uniform(-1, 1, (5, 17, 3)) * size + [0.3, 0, 0.1]
    scene = plots.scene(poses)
    place = seen(scene, poses)
    assert np.abs(place).max() < 0.9
    corners = np.stack(np.meshgrid(scene["xaxis"]["range"], scene["yaxis"]["range"]), -1)
    low = scene["zaxis"]["range"][0]
    floor = np.array([[x, -low, depth] for x, depth in corners.reshape(-1, 2)])
    everything = np.concatenate([place.reshape(-1, 2), seen(scene, floor)])
    assert 0.75 < np.ptp(everything, axis=0).max() / 2 < 0.95, "as close as the view allows"
    assert low < -poses[..., 1].max() < low + 0.05, "the lowest joint is on the floor"
    lengths = [np.ptp(scene[f"{a}axis"]["range"]) for a in "xyz"]
    scale = np.array(list(scene["aspectratio"].values())) / lengths
    assert np.allclose(scale, scale[0])


def test_a_score_has_one_colour_in_all_figures():
    names = ["mean of 20", "mlp", "best of 20 (oracle)", "initial pose", "bestiary", "ground truth"]
    bars = plots.joint_error_figure({name: [1.0] for name in names}, ["hip"])
    colors = dict(zip(names, (trace.marker.color for trace in bars.data)))
    assert colors["mean of 20"] == plots.MEAN_COLOR and colors["ground truth"] == plots.TRUTH_COLOR
    assert colors["best of 20 (oracle)"] == plots.BEST_COLOR
    assert colors["initial pose"] == plots.INITIAL_COLOR
    sides = {plots.LEFT_COLOR, plots.RIGHT_COLOR, plots.MIDDLE_COLOR}
    assert len(set(colors.values()) | sides) == len(names) + len(sides)
    table = pd.DataFrame({"x": 1, "error_mm": 1.0, "score": [*names, *"abcdefg"]})
    curves = plots.curve_figure(table, "x", "error_mm", color="score").data
    looks = {(trace.line.color, trace.line.dash) for trace in curves}
    assert len(looks) == len(curves) and {colors["mlp"]} <= {color for color, _ in looks}


def test_numbers_in_a_heat_map_are_dark_on_light():
    table = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]])
    (heat,) = plots.heat_figure(table).data
    assert heat.textfont.color == "#222222"
    for _, color in heat.colorscale:
        red, green, blue = (int(color[n : n + 2], 16) / 255 for n in (1, 3, 5))
        assert 0.21 * red + 0.72 * green + 0.07 * blue > 0.6

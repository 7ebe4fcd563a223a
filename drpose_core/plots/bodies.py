"""Poses -> plotly figures: in space, beside their 2D input, step by step."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..skeleton import BONES, LEFT, RIGHT, J
from .look import (
    BEST_COLOR,
    INITIAL_COLOR,
    LEFT_COLOR,
    MEAN_COLOR,
    MIDDLE_COLOR,
    RIGHT_COLOR,
    TRUTH_COLOR,
    dressed,
)

_SIDES = [0.0 if child in LEFT else 1.0 if child in RIGHT else 0.5 for _, child in BONES]
_SCALE = [[0, LEFT_COLOR], [0.5, MIDDLE_COLOR], [1, RIGHT_COLOR]]
EYE = {"x": 0.85, "y": -1.85, "z": 0.40}  # from beside the camera, a little above


def pose_figure(pose, *, title: str = "", source: str = "") -> go.Figure:
    """One pose (J, 3) in 3D."""
    pose = as_poses(pose, 2)
    figure = go.Figure([skeleton_trace(pose, "pose", width=7, markers=True)]).update_layout(
        showlegend=False
    )
    return _in_space(figure, pose, title, source)


def hypotheses_figure(
    hypotheses, *, kp2d=None, truth=None, initial=None, best=None, title: str = "", source: str = ""
) -> go.Figure:
    """Hypotheses (H, J, 3) thin, their mean thick; the truth, the initial pose and the best
    hypothesis (an oracle), each (J, 3), if given.

    kp2d (J, 2), the 2D input, is drawn beside them.
    """
    hypotheses = as_poses(hypotheses, 3)
    everything = np.concatenate(
        [hypotheses, *(as_poses(x, 2)[None] for x in (truth, initial, best) if x is not None)]
    )
    # Where the best is shown, the mean would hide it; one pose alone is its own mean.
    traces = _hypothesis_traces(hypotheses)[: 1 if best is not None else 2]
    if len(hypotheses) == 1:
        traces = [skeleton_trace(hypotheses[0], "pose", width=6, markers=True)]
    for pose, name, color in (
        (initial, "initial pose", INITIAL_COLOR),
        (best, "best hypothesis (oracle)", BEST_COLOR),
        (truth, "truth", TRUTH_COLOR),
    ):
        if pose is not None:
            traces.append(skeleton_trace(as_poses(pose, 2), name, width=6, color=color))
    figure = go.Figure(traces) if kp2d is None else _beside(kp2d, traces, "hypotheses")
    return _in_space(figure, everything, title, source)


def steps_figure(
    samples, times: Sequence[int], *, truth=None, title: str = "", source: str = ""
) -> go.Figure:
    """Hypotheses after each denoising step, (K, H, J, 3), with a slider over the K times; lives in
    HTML without a kernel.
    """
    samples = as_poses(samples, 4)
    if len(times) != len(samples):
        raise ValueError(f"one time per step: got {len(times)} times for {len(samples)} steps")
    extra = (
        []
        if truth is None
        else [skeleton_trace(as_poses(truth, 2), "truth", width=6, color=TRUTH_COLOR)]
    )
    figure = go.Figure([*_hypothesis_traces(samples[0]), *extra])
    names = [f"{k} (t = {t})" for k, t in enumerate(times, start=1)]
    figure.frames = [
        go.Frame(name=name, data=_hypothesis_traces(poses), traces=[0, 1])
        for name, poses in zip(names, samples)
    ]
    everything = (
        samples.reshape(-1, J, 3)
        if truth is None
        else np.concatenate([samples.reshape(-1, J, 3), as_poses(truth, 2)[None]])
    )
    _in_space(figure, everything, title, source)
    return _with_slider(figure, names, "step ")


def motion_figure(poses, names: Sequence[str], *, title: str = "", source: str = "") -> go.Figure:
    """A sequence of poses (T, J, 3) with a slider over its T names and a play button."""
    poses = as_poses(poses, 3)
    figure = go.Figure([skeleton_trace(poses[0], "pose", width=7, markers=True)]).update_layout(
        showlegend=False
    )
    figure.frames = [
        go.Frame(name=name, data=[skeleton_trace(pose, "pose", width=7, markers=True)])
        for name, pose in zip(names, poses)
    ]
    _in_space(figure, poses, title, source)
    play = {
        "label": "▶ play",
        "method": "animate",
        "args": [None, {"frame": {"duration": 100, "redraw": True}, "fromcurrent": True}],
    }
    pause = {
        "label": "❚❚",
        "method": "animate",
        "args": [[None], {"mode": "immediate", "frame": {"duration": 0, "redraw": False}}],
    }
    buttons = {
        "type": "buttons",
        "direction": "left",
        "buttons": [play, pause],
        "x": 0.0,
        "y": 0.0,
        "xanchor": "left",
        "yanchor": "top",
    }
    figure.update_layout(updatemenus=[{**buttons, "pad": {"t": 30}}])
    return _with_slider(figure, list(names), "frame ", x=0.16)


def pair_figure(kp2d, pose3d, *, exact2d=None, title: str = "", source: str = "") -> go.Figure:
    """The 2D input (J, 2) in screen units beside the 3D pose (J, 3); exact2d, the true projection,
    in grey below the input.
    """
    pose3d = as_poses(pose3d, 2)
    figure = _beside(
        kp2d,
        [skeleton_trace(pose3d, "pose", width=7, markers=True).update(showlegend=False)],
        "3D pose",
        exact2d=exact2d,
    )
    return _in_space(figure, pose3d, title, source)


def gallery_figure(
    poses, names: Sequence[str], *, columns: int = 5, title: str = "", source: str = ""
) -> go.Figure:
    """Many poses (N, J, 3) side by side as the camera sees them, without perspective; one name
    each.
    """
    poses = as_poses(poses, 3)
    figure = go.Figure()
    extent = np.ptp(poses[..., :2], axis=1).max(0)
    wide, tall = max(1.5, 1.1 * extent[0]), max(2.1, 1.1 * extent[1] + 0.3)
    places = np.array([[wide * (n % columns), tall * (n // columns)] for n in range(len(poses))])
    flat = (
        poses[..., :2]
        - (poses[..., :2].max(1, keepdims=True) + poses[..., :2].min(1, keepdims=True)) / 2
        + places[:, None]
    )
    for name, bones, color in BONE_GROUPS:
        x, y = (np.concatenate([gapped(pose[:, axis], bones) for pose in flat]) for axis in (0, 1))
        figure.add_scatter(x=x, y=y, mode="lines", line={"color": color, "width": 3.5}, name=name)
    head = flat[:, 10]
    figure.add_scatter(
        x=head[:, 0],
        y=head[:, 1],
        mode="markers",
        marker={"size": 9, "color": MIDDLE_COLOR},
        showlegend=False,
    )
    figure.add_scatter(
        x=places[:, 0],
        y=places[:, 1] + tall / 2 - 0.1,
        mode="text",
        text=list(names),
        showlegend=False,
        textfont={"size": 13},
    )
    rows = -(-len(poses) // columns)
    figure.update_xaxes(visible=False, range=[-wide / 2, (columns - 0.5) * wide])
    figure.update_yaxes(visible=False, range=[(rows - 0.5) * tall, -tall / 2], scaleanchor="x")
    return dressed(
        figure, title, source, height=190 + int(rows * min(420, tall / wide * 1000 / columns))
    )


# --- how a skeleton becomes lines
# --------


def as_poses(x, axes: int, coordinates: int = 3) -> np.ndarray:
    x = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x, dtype=float)
    if x.ndim != axes or x.shape[-2:] != (J, coordinates):
        leading = {2: "", 3: "H, ", 4: "K, H, "}[axes]
        raise ValueError(f"expected ({leading}J, {coordinates}) with J = {J}, got {x.shape}")
    return x


def upright(poses: np.ndarray) -> np.ndarray:
    """Camera frame (x right, y down, z forward) -> plotly's (x, depth, up)."""
    return np.stack([poses[..., 0], poses[..., 2], -poses[..., 1]], axis=-1)


def gapped(values: np.ndarray, bones=BONES) -> np.ndarray:
    """(J,) -> both ends of every bone and a gap: one trace draws them all."""
    return np.array([v for i, j in bones for v in (values[i], values[j], np.nan)])


BONE_GROUPS = (
    ("middle", [b for b in BONES if b[1] not in LEFT + RIGHT], MIDDLE_COLOR),
    ("right", [b for b in BONES if b[1] in RIGHT], RIGHT_COLOR),
    ("left", [b for b in BONES if b[1] in LEFT], LEFT_COLOR),
)


def skeleton_trace(
    poses: np.ndarray,
    name: str,
    *,
    width: float,
    color=None,
    opacity=1.0,
    markers=False,
    hover=True,
) -> go.Scatter3d:
    """All bones of poses (..., J, 3) as one trace; coloured by side unless a colour is given."""
    points = upright(poses).reshape(-1, J, 3).round(4)
    x, y, z = (
        np.concatenate([gapped(pose[:, axis]) for pose in points] or [np.zeros(0)])
        for axis in range(3)
    )
    sides = np.tile(np.repeat(_SIDES, 3), len(points))
    line = (
        {"width": width, "color": color}
        if color
        else {"width": width, "color": sides, "colorscale": _SCALE, "cmin": 0, "cmax": 1}
    )
    marker = {"size": 3.5, "color": sides, "colorscale": _SCALE, "cmin": 0, "cmax": 1}
    return go.Scatter3d(
        x=x, y=y, z=z, name=name, mode="lines+markers" if markers else "lines", line=line,
        marker=marker if markers else None,
        opacity=opacity, hoverinfo="name" if hover else "skip",
    )  # fmt: skip


def _hypothesis_traces(hypotheses: np.ndarray) -> list[go.Scatter3d]:
    mean = f"mean of {len(hypotheses)}"
    return [
        skeleton_trace(
            hypotheses,
            f"{len(hypotheses)} hypotheses",
            width=3,
            opacity=max(0.15, min(0.6, 8 / len(hypotheses))),
            hover=False,
        ),
        skeleton_trace(hypotheses.mean(0), mean, width=6, color=MEAN_COLOR),
    ]


def _flat_bones(kp2d: np.ndarray, name: str, color: str | None = None) -> list[go.Scatter]:
    groups = [(name, BONES, color)] if color else BONE_GROUPS
    return [
        go.Scatter(
            x=gapped(kp2d[:, 0], bones), y=gapped(kp2d[:, 1], bones), name=label,
            mode="lines+markers", line={"color": c, "width": 3},
            marker={"size": 6}, showlegend=True,
        )
        for label, bones, c in groups
    ]  # fmt: skip


def _beside(kp2d, traces: list[go.Scatter3d], name: str, exact2d=None) -> go.Figure:
    """The 2D input on the left, traces in space on the right."""
    figure = make_subplots(
        1,
        2,
        specs=[[{"type": "xy"}, {"type": "scene"}]],
        column_widths=[0.4, 0.6],
        subplot_titles=("2D input", name),
    )
    if exact2d is not None:
        figure.add_traces(
            _flat_bones(as_poses(exact2d, 2, 2), "exact projection", color="#B0B0B0"),
            rows=1,
            cols=1,
        )
    figure.add_traces(_flat_bones(as_poses(kp2d, 2, 2), "input"), rows=1, cols=1)
    figure.add_traces(traces, rows=1, cols=2)
    figure.update_xaxes(title="screen x", zeroline=False)
    figure.update_yaxes(title="screen y", autorange="reversed", scaleanchor="x", zeroline=False)
    return figure


def _in_space(figure: go.Figure, poses: np.ndarray, title: str, source: str) -> go.Figure:
    """Axes in metres, equal in all directions, tightly around all the poses drawn."""
    points = upright(poses).reshape(-1, 3)
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2 * 1.08, 0.30 * (high - low).max())
    axes = {
        axis: {
            "title": name,
            "range": [m - h, m + h],
            "backgroundcolor": "#F7F7F7",
            "gridcolor": "#DDDDDD",
            "zeroline": False,
            "dtick": 0.5,
        }
        for axis, name, m, h in zip(
            ("xaxis", "yaxis", "zaxis"), ("x (m)", "depth (m)", "up (m)"), middle, half
        )
    }
    ratio = dict(zip("xyz", 1.15 * half / half.max()))
    figure.update_scenes(
        aspectmode="manual",
        aspectratio=ratio,
        camera={"eye": EYE, "center": {"x": 0, "y": 0, "z": -0.12}},
        uirevision="keep",
        **axes,
    )
    return dressed(figure, title, source, height=600)


def _with_slider(figure: go.Figure, names: list[str], prefix: str, *, x: float = 0.0) -> go.Figure:
    options = {
        "mode": "immediate",
        "frame": {"duration": 0, "redraw": True},
        "transition": {"duration": 0},
    }
    steps = [{"label": name, "method": "animate", "args": [[name], options]} for name in names]
    figure.update_layout(
        sliders=[
            {
                "steps": steps,
                "currentvalue": {"prefix": prefix},
                "x": x,
                "len": 1 - x,
                "pad": {"t": 20},
            }
        ]
    )
    return figure

"""How a skeleton becomes lines: traces of bones, in 3D and over a picture."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..skeleton import BONES, LEFT, RIGHT, J
from .look import LEFT_COLOR, MEAN_COLOR, MIDDLE_COLOR, RIGHT_COLOR, dressed
from .scene import scene, upright

_SIDES = [0.0 if child in LEFT else 1.0 if child in RIGHT else 0.5 for _, child in BONES]
_SCALE = [[0, LEFT_COLOR], [0.5, MIDDLE_COLOR], [1, RIGHT_COLOR]]


def as_poses(x, axes: int, coordinates: int = 3) -> np.ndarray:
    x = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x, dtype=float)
    if x.ndim != axes or x.shape[-2:] != (J, coordinates):
        leading = {2: "", 3: "H, ", 4: "K, H, "}[axes]
        raise ValueError(f"expected ({leading}J, {coordinates}) with J = {J}, got {x.shape}")
    return x


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
    marker = {"size": 5, "color": sides, "colorscale": _SCALE, "cmin": 0, "cmax": 1}
    return go.Scatter3d(
        x=x, y=y, z=z, name=name, mode="lines+markers" if markers else "lines", line=line,
        marker=marker if markers else None,
        opacity=opacity, hoverinfo="name" if hover else "skip",
    )  # fmt: skip


def hypothesis_traces(hypotheses: np.ndarray) -> list[go.Scatter3d]:
    mean = f"mean of {len(hypotheses)}"
    return [
        skeleton_trace(
            hypotheses,
            f"{len(hypotheses)} hypotheses",
            width=4,
            opacity=max(0.15, min(0.6, 8 / len(hypotheses))),
            hover=False,
        ),
        skeleton_trace(hypotheses.mean(0), mean, width=3, color=MEAN_COLOR),
    ]


def flat_bones(kp2d: np.ndarray, name: str, color: str | None = None) -> list[go.Scatter]:
    groups = [(name, BONES, color)] if color else BONE_GROUPS
    return [
        go.Scatter(
            x=gapped(kp2d[:, 0], bones), y=gapped(kp2d[:, 1], bones), name=label,
            mode="lines+markers", line={"color": c, "width": 5},
            marker={"size": 8}, showlegend=True,
        )
        for label, bones, c in groups
    ]  # fmt: skip


def beside(kp2d, traces: list[go.Scatter3d], name: str, exact2d=None) -> go.Figure:
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
            flat_bones(as_poses(exact2d, 2, 2), "exact projection", color="#B0B0B0"),
            rows=1,
            cols=1,
        )
    figure.add_traces(flat_bones(as_poses(kp2d, 2, 2), "input"), rows=1, cols=1)
    figure.add_traces(traces, rows=1, cols=2)
    figure.update_xaxes(title="screen x", zeroline=False)
    figure.update_yaxes(
        title="screen y", autorange="reversed", scaleanchor="x", zeroline=False, automargin=True
    )
    return figure


def in_space(figure: go.Figure, poses: np.ndarray, title: str, source: str) -> go.Figure:
    """The scenes of a figure fitted to all the poses drawn, with titles."""
    figure.update_scenes(**scene(poses), uirevision="keep")
    alone = figure.layout.showlegend is False  # its row is free
    dressed(figure, title, source, height=600 if alone else 640)
    sides = {"l": 10, "r": 10, "b": 10}
    return figure.update_layout(margin=sides | ({"t": 70} if alone else {}))


def with_slider(figure: go.Figure, names: list[str], prefix: str, *, x: float = 0.0) -> go.Figure:
    options = {
        "mode": "immediate",
        "frame": {"duration": 0, "redraw": True},
        "transition": {"duration": 0},
    }
    steps = [{"label": name, "method": "animate", "args": [[name], options]} for name in names]
    slider = {
        "steps": steps,
        "currentvalue": {"prefix": prefix},
        "x": x,
        "len": 1 - x,
        "pad": {"t": 20},
    }
    return figure.update_layout(sliders=[slider], margin={"l": 50, "r": 50})

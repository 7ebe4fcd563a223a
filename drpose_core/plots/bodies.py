"""Poses -> plotly figures: in 3D, beside their 2D input, step by step."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..skeleton import J
from .look import (
    BEST_COLOR,
    INITIAL_COLOR,
    MIDDLE_COLOR,
    TRUTH_COLOR,
    dressed,
)
from .skeletons import (
    BONE_GROUPS,
    as_poses,
    beside,
    gapped,
    hypothesis_traces,
    in_space,
    skeleton_trace,
    with_slider,
)


def pose_figure(pose, *, title: str = "", source: str = "") -> go.Figure:
    """One pose (J, 3) in 3D."""
    pose = as_poses(pose, 2)
    figure = go.Figure([skeleton_trace(pose, "pose", width=10, markers=True)]).update_layout(
        showlegend=False
    )
    return in_space(figure, pose, title, source)


def hypotheses_figure(
    hypotheses, *, kp2d=None, truth=None, initial=None, best=None, title: str = "", source: str = ""
) -> go.Figure:
    """Hypotheses (H, J, 3) and their mean, with the ground truth, the initial pose and the best
    hypothesis (an oracle), each (J, 3), if given. With the best hypothesis the mean is left out.

    kp2d (J, 2), the 2D input, is drawn beside them.
    """
    hypotheses = as_poses(hypotheses, 3)
    everything = np.concatenate(
        [hypotheses, *(as_poses(x, 2)[None] for x in (truth, initial, best) if x is not None)]
    )
    # Where the best is shown, the mean would hide it; one pose alone is its own mean.
    traces = hypothesis_traces(hypotheses)[: 1 if best is not None else 2]
    if len(hypotheses) == 1:
        traces = [skeleton_trace(hypotheses[0], "pose", width=10, markers=True)]
        traces[0].showlegend = False  # its colours are the sides'
    where = "hypotheses" if len(hypotheses) > 1 else "3D pose"
    for pose, name, color in (
        (initial, "initial pose", INITIAL_COLOR),
        (best, "best hypothesis (oracle)", BEST_COLOR),
        (truth, "ground truth", TRUTH_COLOR),
    ):
        if pose is not None:
            traces.append(skeleton_trace(as_poses(pose, 2), name, width=6, color=color))
    figure = go.Figure(traces) if kp2d is None else beside(kp2d, traces, where)
    return in_space(figure, everything, title, source)


def steps_figure(
    samples, times: Sequence[int], *, truth=None, title: str = "", source: str = ""
) -> go.Figure:
    """Hypotheses after each denoising step, (K, H, J, 3), with a slider over the K times; the page
    needs no kernel.
    """
    samples = as_poses(samples, 4)
    if len(times) != len(samples):
        raise ValueError(f"one time per step: got {len(times)} times for {len(samples)} steps")
    extra = (
        []
        if truth is None
        else [skeleton_trace(as_poses(truth, 2), "ground truth", width=6, color=TRUTH_COLOR)]
    )
    figure = go.Figure([*hypothesis_traces(samples[0]), *extra])
    names = [f"{k} (t = {t})" for k, t in enumerate(times, start=1)]
    figure.frames = [
        go.Frame(name=name, data=hypothesis_traces(poses), traces=[0, 1])
        for name, poses in zip(names, samples)
    ]
    everything = (
        samples.reshape(-1, J, 3)
        if truth is None
        else np.concatenate([samples.reshape(-1, J, 3), as_poses(truth, 2)[None]])
    )
    in_space(figure, everything, title, source)
    return with_slider(figure, names, "step ")


def motion_figure(poses, names: Sequence[str], *, title: str = "", source: str = "") -> go.Figure:
    """A sequence of poses (T, J, 3) with a slider over its T names and a play button."""
    poses = as_poses(poses, 3)
    figure = go.Figure([skeleton_trace(poses[0], "pose", width=10, markers=True)]).update_layout(
        showlegend=False
    )
    figure.frames = [
        go.Frame(name=name, data=[skeleton_trace(pose, "pose", width=10, markers=True)])
        for name, pose in zip(names, poses)
    ]
    in_space(figure, poses, title, source)
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
    return with_slider(figure, list(names), "frame ", x=0.16)


def pair_figure(kp2d, pose3d, *, exact2d=None, title: str = "", source: str = "") -> go.Figure:
    """The 2D input (J, 2) in screen units beside the 3D pose (J, 3). exact2d: the exact projection,
    in grey behind the input.
    """
    pose3d = as_poses(pose3d, 2)
    figure = beside(
        kp2d,
        [skeleton_trace(pose3d, "pose", width=10, markers=True).update(showlegend=False)],
        "3D pose",
        exact2d=exact2d,
    )
    return in_space(figure, pose3d, title, source)


def gallery_figure(
    poses, names: Sequence[str], *, columns: int = 5, title: str = "", source: str = ""
) -> go.Figure:
    """Many poses (N, J, 3) side by side, as the camera sees them but without perspective; one name
    each.
    """
    poses = as_poses(poses, 3)
    columns = min(columns, len(poses))
    rows = -(-len(poses) // columns)
    extent = np.ptp(poses[..., :2], axis=1).max(0)
    wide, tall = max(0.9, 1.15 * extent[0]), 1.05 * max(1.0, extent[1]) + 0.25
    places = np.array([[wide * (n % columns), tall * (n // columns)] for n in range(len(poses))])
    centres = (poses[..., :2].max(1) + poses[..., :2].min(1)) / 2
    flat = poses[..., :2] - centres[:, None] + places[:, None]
    figure = go.Figure()
    for name, bones, color in BONE_GROUPS:
        x, y = (np.concatenate([gapped(pose[:, axis], bones) for pose in flat]) for axis in (0, 1))
        line = {"color": color, "width": 5}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, name=name)
    head = {"size": 13, "color": MIDDLE_COLOR}
    figure.add_scatter(
        x=flat[:, 10, 0], y=flat[:, 10, 1], mode="markers", marker=head, showlegend=False
    )
    figure.add_scatter(
        x=places[:, 0],
        y=places[:, 1] + tall / 2 - 0.08,
        mode="text",
        text=list(names),
        showlegend=False,
        textfont={"size": 14},
    )
    figure.update_xaxes(visible=False, range=[-wide / 2, (columns - 0.5) * wide])
    # The names hang a little below the bodies' cells.
    low = (rows - 0.5) * tall + 0.05
    figure.update_yaxes(visible=False, range=[low, -tall / 2 + 0.1], scaleanchor="x")
    row = min(420, tall / wide * 1000 / columns)  # pixels, for a page about 1000 wide
    dressed(figure, title, source, height=140 + int(rows * row))
    return figure.update_layout(margin={"l": 10, "r": 10, "b": 15})

"""The explorer's figure: hypotheses in 3D, their reprojections over the 2D input, and error and
spread for each joint. One trace per layer.

A *view* is the data of all layers, trace name -> {"x", "y"[, "z"]}: what changes when a slider
moves. The widget and the saved page use the same names.
"""

import numpy as np
import plotly.graph_objects as go

from ..plots import (
    BEST_COLOR,
    BONE_GROUPS,
    INITIAL_COLOR,
    LEFT_COLOR,
    MEAN_COLOR,
    MIDDLE_COLOR,
    RIGHT_COLOR,
    TRUTH_COLOR,
    as_poses,
    dressed,
    gapped,
    scene,
    skeleton_trace,
    upright,
)
from ..skeleton import BONES, JOINTS, LEFT, RIGHT, J

PICKED_COLOR = "#F0C800"
_EYE = (1.35, -1.05, 0.45)  # rather from the side, where hypotheses differ
CLICKABLE = (
    "hypotheses", "reprojections",
    "2D input, left", "2D input, right", "2D input, middle",
    "error of the answer", "spread",
)  # fmt: skip
PER_POSE = 48  # points of one skeleton in a gapped trace: two ends and a gap for each of 16 bones


def explorer_view(
    kp2d,
    hypotheses,
    reprojected,
    *,
    answer,
    initial,
    truth=None,
    best=None,
    picked: int | None = None,
    joint: int | None = None,
    trail=None,
) -> dict[str, dict[str, np.ndarray]]:
    """Arrays -> view: kp2d (J, 2) screen units, hypotheses (H, J, 3) metres, reprojected (H, J, 2)
    screen units; poses (J, 3) or None.

    picked and joint are the numbers of a hypothesis and of a joint to highlight; trail (T, H, 3) is
    where that joint was, one line for each hypothesis.
    """
    hypotheses = as_poses(hypotheses, 3)
    reprojected = as_poses(reprojected, 3, 2)
    kp2d = as_poses(kp2d, 2, 2)
    answer = as_poses(answer, 2)
    picked = None if picked is None or picked >= len(hypotheses) else picked
    view = {
        "hypotheses": _space(hypotheses),
        "mean": _space(hypotheses.mean(0, keepdims=True)),
        "answer": _space(answer[None]),
    }
    view["initial pose"] = _space(as_poses(initial, 2)[None])
    for name, pose in (("ground truth", truth), ("best (oracle)", best)):
        view[name] = _space(np.empty((0, J, 3)) if pose is None else as_poses(pose, 2)[None])
    view["picked hypothesis"] = _space(hypotheses[[] if picked is None else [picked]])
    points = upright(hypotheses)[:, [] if joint is None else joint].reshape(-1, 3)
    view["picked joint"] = dict(zip("xyz", points.T.round(4)))
    view["trail"] = _lines([] if trail is None else upright(np.asarray(trail)).swapaxes(0, 1))
    view["reprojections"] = _flat(reprojected)
    for side, pairs, _ in BONE_GROUPS:
        view[f"2D input, {side}"] = {"x": gapped(kp2d[:, 0], pairs), "y": gapped(kp2d[:, 1], pairs)}
    view["picked reprojection"] = _flat(reprojected[[] if picked is None else [picked]])
    flat = np.concatenate([reprojected, kp2d[None]])[:, [] if joint is None else joint].reshape(
        -1, 2
    )
    view["picked joint, 2D"] = {"x": flat[:, 0].round(5), "y": flat[:, 1].round(5)}
    errors = (
        np.zeros(0)
        if truth is None
        else 1000 * np.linalg.norm(answer - as_poses(truth, 2), axis=-1)
    )
    view["error of the answer"] = {"x": list(JOINTS[: len(errors)]), "y": errors.round(2)}
    spread = 1000 * np.linalg.norm(hypotheses.std(0), axis=-1)
    view["spread"] = {"x": list(JOINTS), "y": spread.round(2)}
    above = [] if joint is None else [max(spread[joint], errors[joint] if len(errors) else 0.0)]
    view["picked joint, bars"] = {"x": [] if joint is None else [JOINTS[joint]], "y": above}
    return view


def explorer_figure(view: dict, *, title: str = "", source: str = "") -> go.Figure:
    """The figure of a view; its axes are set by fit_axes."""
    styles = _styles()
    figure = go.Figure([style | view[name] | {"name": name} for name, style in styles.items()])
    dressed(figure, title, source, height=680)
    # A layer switched off in the legend and a view turned by hand stay so when data change.
    figure.update_layout(
        uirevision="keep",
        autosize=True,
        margin={"l": 10, "r": 20, "b": 60},
        barmode="group",
        hovermode="closest",
    )
    figure.update_layout(
        scene={"domain": {"x": [0, 0.58], "y": [0, 1]}, "uirevision": "keep"},
        xaxis={"domain": [0.64, 1], "title": "screen x", "zeroline": False},
        yaxis={"domain": [0.46, 1], "title": "screen y", "zeroline": False, "scaleanchor": "x"},
        xaxis2={"domain": [0.64, 1], "anchor": "y2", "tickangle": -50, "tickfont": {"size": 10}},
        yaxis2={"domain": [0, 0.28], "anchor": "x2", "title": "mm", "rangemode": "tozero"},
    )
    for text, y in (("2D input and reprojections", 1.0), (bars_title(view), 0.29)):
        figure.add_annotation(
            text=text,
            x=0.82,
            y=y,
            xref="paper",
            yref="paper",
            xanchor="center",
            yanchor="bottom",
            showarrow=False,
        )
    return figure


def bars_title(view: dict) -> str:
    """The title above the bars: without a ground truth there are no errors."""
    errors = len(view["error of the answer"]["y"])
    return "error of the answer (dark), spread (light)" if errors else "spread of the hypotheses"


def _styles() -> dict[str, dict]:
    """How each layer is drawn, from the bottom to the top."""
    space = {"mode": "lines", "type": "scatter3d"}
    sides = np.tile(
        np.repeat(
            [0.0 if child in LEFT else 1.0 if child in RIGHT else 0.5 for _, child in BONES], 3
        ),
        200,
    )
    colors = {
        "color": sides,
        "colorscale": [[0, LEFT_COLOR], [0.5, MIDDLE_COLOR], [1, RIGHT_COLOR]],
        "cmin": 0,
        "cmax": 1,
    }
    flat = {"mode": "lines", "type": "scatter", "showlegend": False}
    dot = {"color": PICKED_COLOR, "line": {"width": 1, "color": "#000000"}}
    return {
        "hypotheses": space | {"line": {"width": 4, **colors}, "opacity": 0.45,
            "hoverinfo": "none"},
        "initial pose": space | {"line": {"width": 5, "color": INITIAL_COLOR},
            "visible": "legendonly"},
        "best (oracle)": space | {"line": {"width": 6, "color": BEST_COLOR},
            "visible": "legendonly"},
        "mean": space | {"line": {"width": 5, "color": MEAN_COLOR, "dash": "dot"},
            "visible": "legendonly"},
        "answer": space | {"line": {"width": 4, "color": MEAN_COLOR}},
        "ground truth": space | {"line": {"width": 6, "color": TRUTH_COLOR}},
        "picked hypothesis": space | {"line": {"width": 9, "color": PICKED_COLOR},
            "showlegend": False},
        "picked joint": space | {"mode": "markers", "marker": {"size": 5, **dot},
            "showlegend": False},
        "trail": space | {"line": {"width": 3, "color": PICKED_COLOR}, "opacity": 0.6,
            "hoverinfo": "none", "showlegend": False},
        "reprojections": flat | {"line": {"width": 1, "color": "#8C8C8C"}, "opacity": 0.5,
            "hoverinfo": "none"},
        **{
            f"2D input, {side}": flat | {"mode": "lines+markers", "line": {"width": 4,
                "color": color}, "marker": {"size": 7, "color": color}}
            for side, _, color in BONE_GROUPS
        },
        "picked reprojection": flat | {"line": {"width": 4, "color": PICKED_COLOR}},
        "picked joint, 2D": flat | {"mode": "markers", "marker": {"size": 7, **dot}},
        "error of the answer": {"type": "bar", "marker": {"color": "#404040"}, "xaxis": "x2",
            "yaxis": "y2", "showlegend": False},
        "spread": {"type": "bar", "marker": {"color": "#B0B0B0"}, "xaxis": "x2", "yaxis": "y2",
            "showlegend": False},
        "picked joint, bars": flat | {"mode": "markers", "marker": {"size": 9, **dot},
            "xaxis": "x2", "yaxis": "y2"},
    }  # fmt: skip


def fit_axes(figure: go.Figure, poses, kp2d) -> go.Figure:
    """Axes and floor around all poses (N, J, 3) and keypoints (N, J, 2) that will be shown, with
    room for hypotheses. If there is a camera already, it stays, because the user may have turned
    the view.
    """
    flat = as_poses(kp2d, 3, 2).reshape(-1, 2)
    margin = 0.08 * np.ptp(flat, axis=0).max() + 1e-3
    (left, top), (right, bottom) = (flat.min(0) - margin).tolist(), (flat.max(0) + margin).tolist()
    space = scene(as_poses(poses, 3), eye=_EYE, room=0.1)
    if figure.layout.scene.camera.eye.x is not None:
        del space["camera"]
    return figure.update_layout(
        scene=space,
        xaxis={"range": [left, right]},
        yaxis={"range": [bottom, top]},
    )


def clicked(name: str, point: int) -> tuple[int | None, int]:
    """The hypothesis (None if it is not one) and the joint that a clicked point belongs to.

    name: one of the CLICKABLE layers.
    """
    if name in ("hypotheses", "reprojections"):
        bone, end = divmod(point % PER_POSE, 3)
        return point // PER_POSE, BONES[bone][min(end, 1)]
    for side, pairs, _ in BONE_GROUPS:
        if name == f"2D input, {side}":
            return None, pairs[point // 3][min(point % 3, 1)]
    return None, point  # bars: one per joint


def _space(poses: np.ndarray) -> dict[str, np.ndarray]:
    trace = skeleton_trace(poses, "", width=1)
    return {"x": trace.x, "y": trace.y, "z": trace.z}


def _lines(lines) -> dict[str, np.ndarray]:
    """Lines (N, T, 3), a gap after each."""
    gap = np.full((1, 3), np.nan)
    points = np.concatenate([np.empty((0, 3)), *(part for line in lines for part in (line, gap))])
    return dict(zip("xyz", points.T.round(4)))


def _flat(poses: np.ndarray) -> dict[str, np.ndarray]:
    return {
        axis: np.concatenate([gapped(pose[:, i]) for pose in poses] or [np.zeros(0)]).round(5)
        for i, axis in enumerate("xy")
    }

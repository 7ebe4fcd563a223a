"""The keypoints of a detector beside the Human3.6M joints computed from them."""

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..keypoints import FORMATS
from ..skeleton import BONES, JOINTS
from .look import LEFT_COLOR, MIDDLE_COLOR, RIGHT_COLOR, dressed
from .photo import photo
from .skeletons import BONE_GROUPS, as_poses


def conversion_figure(
    keypoints,
    kp2d,
    format: str,
    *,
    picture: str | Path | None = None,
    title: str = "",
    source: str = "",
) -> go.Figure:
    """One person's keypoints (K, 2) as a detector of the format has them, in pixels, and beside
    them Human3.6M's joints kp2d (17, 2), which are also drawn in grey behind the keypoints.

    Joints are named. Squares are joints that are computed from several keypoints. picture: the path
    of the photo that the keypoints are of, shown behind both.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown keypoint format {format!r}: choose from {', '.join(FORMATS)}")
    title_of, names, bones, recipe = FORMATS[format]
    points, made = np.asarray(keypoints, dtype=float)[: len(names)], as_poses(kp2d, 2, 2)
    if points.shape != (len(names), 2):
        raise ValueError(f"{format} has keypoints ({len(names)}, 2), got {np.shape(keypoints)}")
    place = dict(zip(names, points))
    figure = make_subplots(
        1,
        2,
        subplot_titles=(f"{title_of} (grey: Human3.6M's)", FORMATS["h36m17"].title),
        horizontal_spacing=0.02,
    )
    everything = np.concatenate([points, made])
    middle = (everything.max(0) + everything.min(0)) / 2
    reach = 0.53 * np.ptp(everything, axis=0).max()
    _lines(figure, [[made[a], made[b]] for a, b in BONES], "#CCCCCC", 1)

    def side(bone):
        return next((s for s in ("left", "right") if all(s in name for name in bone)), "middle")

    for kind, color in (("left", LEFT_COLOR), ("right", RIGHT_COLOR), ("middle", MIDDLE_COLOR)):
        _lines(figure, [[place[a], place[b]] for a, b in bones if side((a, b)) == kind], color, 1)
    for _, pairs, color in BONE_GROUPS:
        _lines(figure, [[made[a], made[b]] for a, b in pairs], color, 2)
    _names(figure, points, names, ["circle"] * len(names), middle, reach, 1)
    _names(
        figure,
        made,
        JOINTS,
        ["circle" if recipe[name] == {name: 1.0} else "square" for name in JOINTS],
        middle,
        reach,
        2,
    )
    figure.update_xaxes(visible=False, range=[middle[0] - 1.25 * reach, middle[0] + 1.25 * reach])
    figure.update_yaxes(visible=False, range=[middle[1] + reach, middle[1] - reach])
    if picture is not None:
        url, width, height = photo(picture)
        behind = {"source": url, "x": 0, "y": 0, "sizex": width, "sizey": height}
        behind |= {"sizing": "stretch", "layer": "below", "opacity": 0.6}
        for column in (1, 2):
            figure.add_layout_image(behind, row=1, col=column)
        figure.update_annotations(bgcolor="rgba(255, 255, 255, 0.7)")
    for column, axis in ((1, "x"), (2, "x2")):  # a pixel is as high as it is wide
        figure.update_yaxes(scaleanchor=axis, row=1, col=column)
    return dressed(figure, title, source, height=600).update_layout(
        showlegend=False, margin={"l": 10, "r": 10, "t": 110, "b": 10}
    )


def _lines(figure: go.Figure, segments: list, color: str, column: int, width: float = 4) -> None:
    points = np.array([point for a, b in segments for point in (a, b, (np.nan, np.nan))]).reshape(
        -1, 2
    )
    line = {"color": color, "width": width}
    figure.add_scatter(
        x=points[:, 0], y=points[:, 1], mode="lines", line=line, hoverinfo="skip", row=1, col=column
    )


def _names(
    figure: go.Figure,
    points,
    names: tuple[str, ...],
    symbols: list[str],
    middle,
    reach: float,
    column: int,
) -> None:
    """Joints as dots, their names in a row on either side, in the order of height, and thin lines
    between.
    """
    text = np.array([f"{n} {name}" for n, name in enumerate(names)])
    order = np.argsort(points[:, 0], kind="stable")
    for half, sign in ((order[: len(order) // 2], -1), (order[len(order) // 2 :], 1)):
        half = half[np.argsort(points[half, 1], kind="stable")]
        height = middle[1] + np.linspace(-0.93, 0.93, len(half)) * reach
        height = (
            height + points[half, 1].clip(middle[1] - reach, middle[1] + reach)
        ) / 2  # evenly apart, and drawn to their joints
        for n in range(1, len(half)):
            height[n] = max(height[n], height[n - 1] + 0.075 * reach)
        at = np.stack([np.full(len(half), middle[0] + 0.72 * sign * reach), height], axis=1)
        _lines(figure, list(zip(points[half], at)), "#BBBBBB", column, width=1)
        for (x, y), name in zip(at, text[half]):
            figure.add_annotation(
                x=x,
                y=y,
                text=name,
                showarrow=False,
                xanchor="right" if sign < 0 else "left",
                font={"size": 11.5},
                row=1,
                col=column,
            )
    marker = {"size": 7, "color": "#333333", "symbol": symbols}
    figure.add_scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        marker=marker,
        hovertext=text,
        hoverinfo="text",
        row=1,
        col=column,
    )

"""Scores -> plotly figures: bars, curves, calibration."""

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from .look import SERIES_COLORS, dressed, look_of


def joint_error_figure(
    errors_mm: Mapping[str, Sequence[float]],
    names: Sequence[str],
    *,
    title: str = "",
    source: str = "",
) -> go.Figure:
    """Bars of mean error per joint in mm: label -> J values."""
    looks = look_of(list(errors_mm))
    figure = go.Figure(
        [
            go.Bar(name=label, x=list(names), y=list(v), marker_color=look["color"])
            for look, (label, v) in zip(looks, errors_mm.items())
        ]
    )
    figure.update_yaxes(title="mean error (mm)")
    return dressed(figure, title, source)


def curve_figure(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    color: str | None = None,
    title: str = "",
    source: str = "",
    log_x: bool = False,
) -> go.Figure:
    """Curves of column y over column x of a tidy table, one for each value of column color. The
    names of the columns become axis titles.
    """
    groups = [("", table)] if color is None else list(table.groupby(color, sort=False))
    figure = go.Figure()
    for (name, rows), look in zip(groups, look_of([name for name, _ in groups])):
        mode = "lines" if len(rows) > 40 else "lines+markers"
        figure.add_scatter(
            x=rows[x],
            y=rows[y],
            name=str(name),
            mode=mode,
            line=look | {"width": 3},
            marker={"size": 8},
            showlegend=color is not None,
        )
    figure.update_xaxes(title=x.replace("_mm", " (mm)"))
    if log_x:
        figure.update_xaxes(type="log", tickvals=sorted(set(table[x]))[:12])
    figure.update_yaxes(title=y.replace("_mm", " (mm)"))
    return dressed(figure, title, source)


def calibration_figure(curve: pd.DataFrame, *, title: str = "", source: str = "") -> go.Figure:
    """The curve of calibration.calibration_curve against the diagonal and against what a fair
    sampler with as many hypotheses shows.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="ideal, as H grows",
        line={"color": "#B0B0B0", "dash": "dot"},
    )
    figure.add_scatter(
        x=curve["quantile"],
        y=curve.fair,
        mode="lines",
        name="fair at this H",
        line={"color": "#666666", "dash": "dash"},
    )
    figure.add_scatter(
        x=curve["quantile"],
        y=curve.covered,
        mode="lines+markers",
        name="this model",
        line={"color": SERIES_COLORS[0], "width": 3},
    )
    figure.add_annotation(
        x=0.8, y=0.02, text="below: over-confident", showarrow=False, font={"color": "#777777"}
    )
    figure.update_xaxes(
        title="quantile of the hypotheses' spread", range=[-0.02, 1.02], constrain="domain"
    )
    figure.update_yaxes(title="share of ground truths within", range=[-0.02, 1.02], scaleanchor="x")
    return dressed(figure, title, source, height=720)


def heat_figure(
    table: pd.DataFrame, *, title: str = "", source: str = "", unit: str = "mm"
) -> go.Figure:
    """A table of numbers, index by columns, as colours with the numbers written in; lower is
    lighter.
    """
    text = table.map(lambda value: f"{value:.1f}")
    names = {"x": [str(c) for c in table.columns], "y": [str(i) for i in table.index]}
    figure = go.Figure(
        go.Heatmap(
            z=table.to_numpy(),
            text=text,
            texttemplate="%{text}",
            textfont={"size": 16, "color": "#222222"},
            colorscale=[[0, "#FFFFE5"], [1, "#FDAE61"]],  # light enough for dark numbers
            colorbar={"title": unit},
            xgap=3,
            ygap=3,
            **names,
        )
    )
    figure.update_xaxes(title=table.columns.name or "", type="category")
    figure.update_yaxes(
        title=table.index.name or "", type="category", autorange="reversed", ticklabelstandoff=6
    )
    return dressed(figure, title, source)

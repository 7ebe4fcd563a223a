"""Error against spread -> one figure that tells over- from under-confidence at a glance."""

import pandas as pd
import plotly.graph_objects as go

from .look import TRUTH_COLOR, dressed

OVER_COLOR, UNDER_COLOR = "#BB4430", "#4477AA"


def dispersion_figure(table: pd.DataFrame, *, title: str = "", source: str = "") -> go.Figure:
    """How many times further the mean pose is off than the hypotheses spread, of scores.dispersion:
    bars to the right are over-confident, bars to the left under-confident; 1 is calibrated.
    """
    shown = table.dropna(subset="ratio").iloc[::-1]
    names = shown["name"].where(shown["by"] != "confidence", "confidence " + shown["name"])
    figure = go.Figure(
        go.Bar(
            y=[shown["by"], names],
            x=shown.ratio - 1,
            base=1,
            orientation="h",
            marker_color=[OVER_COLOR if ratio > 1 else UNDER_COLOR for ratio in shown.ratio],
            customdata=shown[["error_mm", "spread_mm", "ratio"]],
            hovertemplate="error %{customdata[0]:.0f} mm, spread %{customdata[1]:.0f} mm: "
            "%{customdata[2]:.2f}<extra></extra>",
        )
    )
    figure.add_vline(x=1, line={"color": TRUTH_COLOR, "width": 2})
    for x, text, color in (
        (0.0, "under-confident", UNDER_COLOR),
        (1.0, "over-confident", OVER_COLOR),
    ):
        figure.add_annotation(
            xref="paper", yref="paper", x=x, y=1.04, text=text, showarrow=False, font_color=color
        )
    low, high = min(0.5, shown.ratio.min()), max(2.0, shown.ratio.max())
    figure.update_xaxes(
        title="error of the mean pose / spread of the hypotheses (both rms)",
        range=[low - 0.1, high + 0.1],
    )
    return dressed(figure, title, source, height=640)

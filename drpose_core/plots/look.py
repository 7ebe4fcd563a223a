"""The look that all figures share."""

import re

import plotly.graph_objects as go

# Okabe and Ito's palette, told apart by colour-blind readers and in grey print.
LEFT_COLOR, RIGHT_COLOR, MIDDLE_COLOR = "#0072B2", "#D55E00", "#5A5A5A"
TRUTH_COLOR, INITIAL_COLOR, MEAN_COLOR, BEST_COLOR = "#009E73", "#CC79A7", "#222222", "#E69F00"
_ROLES = {  # what a label begins with: the colour that it has in every figure
    "initial": INITIAL_COLOR,
    "mean": MEAN_COLOR,
    "best": BEST_COLOR,
    "ground truth": TRUTH_COLOR,
}
# Anything else: mostly Paul Tol's muted palette; none is the colour of a side or a role.
SERIES_COLORS = ("#332288", "#56B4E9", "#882255", "#999933", "#44AA99", "#CC6677")
_TITLE, _LEGEND, _TOP = 18, 66, 120  # pixels from the upper edge


def look_of(labels: list[str]) -> list[dict]:
    """Colour and dash of curves or bars with these labels: a role has its own colour ("mean of 20",
    "initial pose"); the others take six colours in order, then the same dashed, then dotted.
    """
    looks, others = [], 0
    for label in labels:
        role = next((r for r in _ROLES if re.match(rf"{r}\b", str(label))), None)
        number, others = others, others + (role is None)
        dash = "solid" if role else ("solid", "dash", "dot")[number // 6 % 3]
        looks.append({"color": _ROLES[role] if role else SERIES_COLORS[number % 6], "dash": dash})
    return looks


def dressed(figure: go.Figure, title: str, source: str, *, height: int = 450) -> go.Figure:
    """Titles, legend and margins, in rows from the top: title, source, legend, then the plot. The
    paper is white, so that a figure reads the same in light and dark themes.
    """
    return figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 60, "r": 40, "t": _TOP, "b": 60},
        title={
            "text": title,
            "x": 0,
            "pad": {"l": 16, "t": _TITLE},
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "subtitle": {"text": source, "font": {"size": 12, "color": "#666666"}},
        },
        legend={
            "bgcolor": "rgba(0,0,0,0)",
            "orientation": "h",
            "xref": "container",
            "x": 0.01,
            "xanchor": "left",
            "yref": "container",
            "y": 1 - _LEGEND / height,
            "yanchor": "top",
        },
        font={"family": "Arial, sans-serif", "size": 14, "color": "#222222"},
    )

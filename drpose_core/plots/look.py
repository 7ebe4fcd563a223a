"""The look that all figures share."""

import plotly.graph_objects as go

# Okabe and Ito's palette, told apart by colour-blind readers and in grey print.
LEFT_COLOR, RIGHT_COLOR, MIDDLE_COLOR = "#0072B2", "#D55E00", "#5A5A5A"
TRUTH_COLOR, INITIAL_COLOR, MEAN_COLOR, BEST_COLOR = "#009E73", "#CC79A7", "#000000", "#E69F00"
_LINES = (LEFT_COLOR, RIGHT_COLOR, TRUTH_COLOR, INITIAL_COLOR, BEST_COLOR, MIDDLE_COLOR)


def line(number: int) -> dict:
    """Colour and dash of the curve with this number: six colours, then the same dashed, then
    dotted.
    """
    return {"color": _LINES[number % 6], "dash": ("solid", "dash", "dot")[number // 6 % 3]}


def dressed(figure: go.Figure, title: str, source: str, *, height: int = 450) -> go.Figure:
    """Titles, margins, legend; white paper, so that it reads the same in light and dark themes."""
    return figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 60, "r": 50, "t": 130, "b": 60},
        title={
            "text": title,
            "x": 0.02,
            "yref": "container",
            "y": 0.96,
            "yanchor": "top",
            "subtitle": {"text": source, "font": {"size": 12, "color": "#777777"}},
        },
        legend={"orientation": "h", "y": 1.06, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        font={"family": "Arial, sans-serif", "size": 13},
    )

"""Training curves: a figure of losses and validation scores, and one that redraws itself in the
notebook during training.
"""

from collections.abc import Callable, Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .look import dressed, look_of

COLUMNS = ("epoch", "step", "loss", "lr", "seconds")  # of history(); what follows was validated


def losses_figure(
    histories: pd.DataFrame | Mapping[str, pd.DataFrame], *, title: str = "", source: str = ""
) -> go.Figure:
    """Losses over steps and, beside them, the validation scores after each epoch. Several runs by
    name have one colour each.
    """
    histories = {"": histories} if isinstance(histories, pd.DataFrame) else histories
    scores = list(
        dict.fromkeys(name for h in histories.values() for name in h.columns if name not in COLUMNS)
    )
    figure = make_subplots(
        1,
        1 + len(scores),
        subplot_titles=("training loss", *(name.replace("_mm", " (mm)") for name in scores)),
    )
    for (name, rows), line in zip(histories.items(), look_of(list(histories))):
        look = {"name": name or "loss", "legendgroup": name, "line": line}
        smooth = rows.loss.rolling(max(1, len(rows) // 40), min_periods=1).mean()
        faint = {"opacity": 0.25, "showlegend": False, "hoverinfo": "skip"}
        figure.add_scatter(x=rows.step, y=rows.loss, mode="lines", row=1, col=1, **look | faint)
        mode = "lines" if len(rows) > 5 else "lines+markers"
        figure.add_scatter(
            x=rows.step, y=smooth, mode=mode, showlegend=len(histories) > 1, row=1, col=1, **look
        )
        for column, score in enumerate(scores, 2):
            if score in rows:
                seen = rows.dropna(subset=[score])
                figure.add_scatter(
                    x=seen.step,
                    y=seen[score],
                    mode="lines+markers",
                    showlegend=False,
                    row=1,
                    col=column,
                    **look,
                )
    figure.update_xaxes(title="step", rangemode="tozero")
    return dressed(figure, title, source, height=430)


def live_losses(*, title: str = "", source: str = "") -> Callable[[pd.DataFrame], None]:
    """A function that draws a history in the notebook's cell; each call replaces the last figure.
    It is made for train_in's watch.

    It needs nothing from the kernel's memory, because the history comes from the run's folder: it
    also works after a restart. Other outputs of the cell are cleared too.
    """
    from IPython.display import clear_output, display  # plots are of use without a notebook

    def draw(history: pd.DataFrame) -> None:
        figure = losses_figure(history, title=title, source=source)
        clear_output(
            wait=True
            # an update of the old figure in place would not be drawn: plotly's part of JupyterLab
            # leaves it as it is
        )
        display(figure)

    return draw

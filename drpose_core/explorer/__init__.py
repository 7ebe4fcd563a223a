"""Hypotheses under your hands: widgets around sampling and plots. Needs plotly and ipywidgets."""

from .figure import clicked, explorer_figure, explorer_view, fit_axes
from .stick_figure import StickFigure
from .widget import HypothesisExplorer

__all__ = [
    "HypothesisExplorer",
    "StickFigure",
    "clicked",
    "explorer_figure",
    "explorer_view",
    "fit_axes",
]

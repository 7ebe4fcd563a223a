"""Layers on the joints of a skeleton: graph convolutions, attention, dropout; what they read."""

from .dropout import Dropout
from .graph import Attention, ChebConv, LearnedGraph
from .keypoints import WIDTHS, columns
from .precision import bfloat16

__all__ = [
    "WIDTHS",
    "Attention",
    "ChebConv",
    "Dropout",
    "LearnedGraph",
    "bfloat16",
    "columns",
]

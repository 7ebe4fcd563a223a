"""Layers on the joints of a skeleton: graph convolutions, attention, dropout."""

from .dropout import Dropout
from .graph import Attention, ChebConv, LearnedGraph
from .precision import bfloat16

__all__ = [
    "Attention",
    "ChebConv",
    "Dropout",
    "LearnedGraph",
    "bfloat16",
]

"""The residual MLP of Martinez et al. 2017, "A simple yet effective baseline": the small example of
a lifter.
"""

import torch
from torch import nn

from ..layers import WIDTHS, Dropout
from ..skeleton import J


class Residual(nn.Module):
    """x + two rounds of linear layer, BatchNorm, ReLU and dropout; (B, width) -> (B, width)."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.layers = nn.Sequential(
            *(layer for _ in range(2) for layer in _round(width, width, dropout))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class ResidualMLP(nn.Sequential):
    """kp2d (B, J, 2) screen units -> pose (B, J, 3) metres, camera frame, all joints at once and
    without a skeleton. With confidence=True, kp2d (B, J, 3) has the detector's confidence too.
    """

    def __init__(
        self, width: int = 1024, blocks: int = 2, dropout: float = 0.5, confidence: bool = False
    ):
        body = (Residual(width, dropout) for _ in range(blocks))
        super().__init__(
            nn.Flatten(),
            *_round(WIDTHS[confidence] * J, width, dropout),
            *body,
            nn.Linear(width, 3 * J),
            nn.Unflatten(1, (J, 3)),
        )
        self.confidence = confidence


def _round(inputs: int, width: int, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(), Dropout(dropout)

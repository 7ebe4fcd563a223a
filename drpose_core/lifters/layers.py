"""Layers that both published initial models are built of."""

import torch
from torch import nn
from torch.nn import functional as F

from ..layers import Dropout
from ..support import own_rows


class DropPath(nn.Module):
    """Skip a residual branch for a random part of the batch (Huang et al. 2016)."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        ones = [1] * (x.ndim - 1)

        def draw(n, _):
            return torch.empty(n, *ones, dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)

        keep = own_rows(draw, len(x))
        return x * (keep / (1 - self.p))


class Mlp(nn.Module):
    """fc1, GELU, dropout, fc2, dropout."""

    def __init__(self, channels: int, hidden: int, dropout: float = 0.1):
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(x)))))

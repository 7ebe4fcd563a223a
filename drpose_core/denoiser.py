"""The GCN-transformer that cleans a noisy pose, given initial pose, 2D pose and time."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import WIDTHS, Attention, ChebConv, Dropout, LearnedGraph, bfloat16, columns
from .skeleton import J


class Norm(nn.Module):
    """Normalise the channels by mean and unbiased standard deviation, (x - mean) / (std + 1e-6),
    then scale and shift them.

    LayerNorm's fused kernel does most of it: it divides by the biased deviation, and gives its
    inverse, from which the rest follows.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        """x (B, H, J, C); the condition's scale and shift (B, 1, J, C) -> norm(x) (1 + scale) +
        shift.
        """
        channels, scale = x.shape[-1], 1 + scale
        unbiased = math.sqrt((channels - 1) / channels)
        y, _, inverse = torch.native_layer_norm(x, (channels,), None, None, 1e-12)
        y = y * (unbiased / (1 + 1e-6 * unbiased * inverse))
        return torch.addcmul(self.bias * scale + shift, y, self.weight * scale)


class Modulated(nn.Module):
    """h + gate * f(norm(h) * (1 + scale) + shift), with shift, scale and gate from the condition
    (adaLN; Peebles and Xie 2023).
    """

    def __init__(self, channels: int, f: nn.Module, dropout: float):
        super().__init__()
        self.f, self.norm, self.dropout = f, Norm(channels), Dropout(dropout)
        self.modulation = nn.Linear(channels, 3 * channels)

    def forward(self, h: torch.Tensor, cond: torch.Tensor, *more) -> torch.Tensor:
        """more: what f is given besides."""
        # (B, 1, J, C): once per image, not per hypothesis
        shift, scale, gate = self.modulation(cond).chunk(3, dim=-1)
        return torch.addcmul(h, gate, self.dropout(self.f(self.norm(h, scale, shift), *more)))


class Layer(nn.Module):
    """Attention and learned graph, both modulated, then a residual pair of Chebyshev layers."""

    def __init__(self, channels: int, heads: int, dropout: float):
        super().__init__()
        self.attention = Modulated(
            channels, Attention(channels, heads, attention_dropout=dropout), dropout
        )
        self.graph = Modulated(channels, LearnedGraph(channels, 2 * channels), dropout)
        self.cheb1 = ChebConv(channels, channels)
        self.cheb2 = ChebConv(channels, channels)
        self.dropout = Dropout(dropout)

    def forward(self, h: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        h = self.graph(self.attention(h, cond), cond)
        # relu(dropout(relu(y))) of the published code equals dropout(relu(y)): dropout only scales
        # or zeroes.
        y = self.dropout(F.relu_(self.cheb1(h)))
        return h + self.dropout(F.relu_(self.cheb2(y)))


class Blend(nn.Module):
    """Weigh refined against initial x and y coordinates, joint by joint; the depth stays the
    refined one's.
    """

    def __init__(self, hidden: int = 1024):
        super().__init__()
        self.fc1 = nn.Linear(6 * J, hidden)
        self.fc2 = nn.Linear(hidden, 2 * J)
        self.dropout = Dropout(0.5)

    def forward(self, refined: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
        both = torch.cat([refined, initial], dim=-1).flatten(-2)  # (..., J * 6)
        weight = torch.sigmoid(self.fc2(self.dropout(F.gelu(self.fc1(both))))).unflatten(-1, (J, 2))
        xy = weight * refined[..., :2] + (1 - weight) * initial[..., :2]
        return torch.cat([xy, refined[..., 2:]], dim=-1)


class Denoiser(nn.Module):
    """(x_t, initial pose, condition) -> x0. The condition comes from condition(kp2d, t), once per
    image and step.

    Two switches for speed, in training and in sampling: denoiser.bf16 = True computes the layers in
    bfloat16 (torch.autocast), and denoiser.compile() merges their element-wise work (it needs a C++
    compiler). benchmarks/sampling.py says what they bring and cost.
    """

    bf16 = False

    def __init__(
        self,
        channels: int = 96,
        depth: int = 5,
        heads: int = 4,
        dropout: float = 0.0,
        *,
        blend: bool = True,
        confidence: bool = False,
    ):
        super().__init__()
        self.confidence = confidence
        self.time1 = nn.Linear(channels, 2 * channels)
        self.time2 = nn.Linear(2 * channels, channels)
        self.embed_kp2d = ChebConv(WIDTHS[confidence], channels)
        self.embed = ChebConv(6, channels)
        self.layers = nn.ModuleList(Layer(channels, heads, dropout) for _ in range(depth))
        self.output = ChebConv(channels, 3)
        self.blend = Blend() if blend else None  # published; None: the output as it is
        half = channels // 2
        frequencies = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def condition(self, kp2d: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """kp2d (B, J, 2) in screen units, or (B, J, 3) with the detector's confidence, and t (B,)
        -> condition (B, 1, J, C), the same for every hypothesis.
        """
        angles = t[:, None] * self.frequencies
        # (B, C)
        time = self.time2(F.silu(self.time1(torch.cat([angles.sin(), angles.cos()], dim=-1))))
        return (time[:, None] + self.embed_kp2d(columns(kp2d, confidence=self.confidence)))[:, None]

    def forward(
        self, x_t: torch.Tensor, x_init: torch.Tensor, cond: torch.Tensor, *more
    ) -> torch.Tensor:
        """x_t (B, H, J, 3), x_init (B, J, 3), cond (B, 1, J, C) -> x0 (B, H, J, 3).

        more: what its layers are given besides (films/denoiser.py).
        """
        initial = x_init[:, None].expand_as(x_t)
        h = self.embed(torch.cat([initial, x_t], dim=-1))  # (B, H, J, C)
        active = F.silu(cond)
        with bfloat16(h, self.bf16):
            for layer in self.layers:
                h = layer(h, active, *more)
        y = self.output(h)
        return y if self.blend is None else self.blend(y, initial)

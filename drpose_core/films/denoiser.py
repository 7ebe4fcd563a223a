"""The denoiser that sees time: each layer of the image denoiser, then the other frames."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..denoiser import Denoiser, Layer, Modulated
from .clips import When

PERIODS = (0.1, 10.0)  # seconds that the shortest and the longest rotation of a position take


class FrameAttention(nn.Module):
    """Attention of a joint over the other frames of its clip. Rows are frames, one clip after the
    other: x (B F, H, J, C) -> the same shape.

    Positions are seconds, as rotations of queries and keys (Su et al. 2021, RoFormer), so that any
    frame rate and any gap will do. A frame may look at nothing, for which a key of zeros stands,
    and does not look at itself, which the residual around this holds: a frame alone gets exactly
    nothing, and a film of one frame is an image.
    """

    def __init__(self, channels: int, heads: int, causal: bool):
        super().__init__()
        if channels % (2 * heads):
            raise ValueError(
                f"channels must be a multiple of 2 heads for films, got {channels} and {heads}"
            )
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels, bias=False)  # nothing seen adds nothing
        short, long = (math.log(2 * math.pi / period) for period in PERIODS)
        speeds = torch.linspace(short, long, channels // heads // 2).exp()  # radians a second
        self.register_buffer("speeds", speeds, persistent=False)

    def forward(self, x: torch.Tensor, when: When) -> torch.Tensor:
        clips, frames = when.there.shape
        channels = x.shape[-1]
        # (B, H J, heads, F, C / heads) each
        q, k, v = (
            self.qkv(x)
            .view(clips, frames, -1, 3, self.heads, channels // self.heads)
            .permute(3, 0, 2, 4, 1, 5)
        )
        angles = (when.seconds[:, None, None, :, None] * self.speeds).to(x)  # (B, 1, 1, F, pairs)
        cos, sin = angles.cos().to(q), angles.sin().to(q)
        scores = rotated(q, cos, sin) @ rotated(k, cos, sin).mT * q.shape[-1] ** -0.5
        scores = scores.masked_fill(~self.visible(when), -torch.inf)
        # the key of zeros: its score is 0, its value adds nothing
        y = F.pad(scores, (0, 1)).softmax(-1)[..., :-1] @ v
        return self.proj(y.permute(0, 3, 1, 2, 4).reshape(x.shape))

    def visible(self, when: When) -> torch.Tensor:
        """Which frames each looks at: (B, 1, 1, F, F)."""
        frames = when.there.shape[1]
        others = ~torch.eye(frames, dtype=torch.bool, device=when.there.device)
        others = others.tril() if self.causal else others
        return (when.there[:, None] & others)[:, None, None]


def rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Halves of the channels as pairs of coordinates, each pair turned by its angle."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class FilmLayer(Layer):
    """A layer of the image denoiser, and a branch over the frames whose gate starts at zero: until
    it is trained the layer computes what the image's does.
    """

    def __init__(self, channels: int, heads: int, dropout: float, causal: bool):
        super().__init__(channels, heads, dropout)
        self.frames = Modulated(channels, FrameAttention(channels, heads, causal), dropout)
        with torch.no_grad():
            self.frames.modulation.weight[2 * channels :] = 0
            self.frames.modulation.bias[2 * channels :] = 0

    def forward(
        self, h: torch.Tensor, cond: torch.Tensor, when: When | None = None
    ) -> torch.Tensor:
        h = super().forward(h, cond)
        return h if when is None else self.frames(h, cond, when)


class FilmDenoiser(Denoiser):
    """The denoiser for clips of F frames, with a branch over the frames in every layer; given
    images, or clips of one frame, it is the image denoiser.

    causal: a frame looks only at those before it, as when a camera is filming.
    """

    def __init__(
        self,
        channels: int = 96,
        depth: int = 5,
        heads: int = 4,
        dropout: float = 0.0,
        *,
        blend: bool = True,
        confidence: bool = False,
        causal: bool = False,
    ):
        super().__init__(channels, depth, heads, dropout, blend=blend, confidence=confidence)
        self.layers = nn.ModuleList(
            FilmLayer(channels, heads, dropout, causal) for _ in range(depth)
        )

    def condition(self, kp2d: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """kp2d (B, F, J, 2 or 3) and t (B,), one time a clip -> (B, 1, F, J, C); images as in
        Denoiser.
        """
        if kp2d.ndim == 3:
            return super().condition(kp2d, t)
        clips, frames = kp2d.shape[:2]
        cond = super().condition(kp2d.flatten(0, 1), t.repeat_interleave(frames))
        return cond.unflatten(0, (clips, frames)).transpose(1, 2)

    def forward(
        self,
        x_t: torch.Tensor,
        x_init: torch.Tensor,
        cond: torch.Tensor,
        when: When | None = None,
    ) -> torch.Tensor:
        """x_t (B, H, F, J, 3), x_init (B, F, J, 3), cond (B, 1, F, J, C) -> x0 (B, H, F, J, 3);
        images as in Denoiser. Raises ValueError for clips without when.
        """
        if x_t.ndim == 4:
            return super().forward(x_t, x_init, cond)
        if when is None:
            raise ValueError("clips need to be told when their frames are: pass Clips.when()")
        clips, _, frames = x_t.shape[:3]
        x_t, cond = (x.transpose(1, 2).flatten(0, 1) for x in (x_t, cond))  # frames as images
        more = (when,) if frames > 1 else ()
        x0 = super().forward(x_t, x_init.flatten(0, 1), cond, *more)
        return x0.unflatten(0, (clips, frames)).transpose(1, 2)

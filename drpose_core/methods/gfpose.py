"""GFPose: a score network for poses, conditioned on what is known of them (Ci et al. 2023).

Joints of the picture that are NaN are not known: one network lifts (all joints known), completes
(some), and generates (none). To denoise a 3D pose, begin with it: initial=pose, start=50.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from ..data import PoseSet
from ..layers import Dropout, bfloat16, columns
from ..model import DRPose
from ..settings import ModelConfig, Sampling
from ..skeleton import J
from ..support import constant, own_rows
from .subvp import SPREAD, SubVP, reverse_sde

PARTS = ((1, 2, 3), (4, 5, 6), (11, 12, 13), (14, 15, 16), (7, 8, 9, 10))  # limbs and trunk
HIDDEN = 0.1  # how often training hides the whole picture, each of its parts, each joint
METRES = 2.2  # that a screen unit spans at the person's place, 5 m from a Human3.6M camera
GROUP, EMBEDDING = 32, 512  # channels that are normalised together; numbers that tell the time
WIDTH = 3 * J


class Conditioned(nn.Module):
    """Linear maps of h, the time and the condition, added; normalised, active, dropped out."""

    def __init__(self, inputs: int, channels: int, dropout: float):
        super().__init__()
        self.h = nn.Linear(inputs, channels)
        self.time = nn.Linear(EMBEDDING, channels, bias=False)
        self.known = nn.Linear(channels, channels, bias=False)
        self.norm, self.dropout = nn.GroupNorm(channels // GROUP, channels), Dropout(dropout)

    def forward(self, h: torch.Tensor, time: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """h (B, H, inputs), time (B, 1, E), known (B, 1 or H, C) -> (B, H, C)."""
        h = self.h(h) + (self.time(time) + self.known(known))
        return self.dropout(F.silu(self.norm(h.flatten(0, 1)).view_as(h)))


class ScoreNetwork(nn.Module):
    """Residual MLP that gives the noise in a pose, with the methods of Denoiser.

    difference: it is told how far the noisy pose is from the picture, coordinate by coordinate, 0
    where a joint is not known (as published). Otherwise the picture itself and which joints are
    known.
    """

    bf16 = False

    def __init__(self, channels: int, depth: int, dropout: float, *, difference: bool):
        super().__init__()
        self.difference = difference
        self.time = nn.Linear(EMBEDDING, EMBEDDING)
        self.embed_known = nn.Linear(WIDTH, channels)
        self.embed = Conditioned(WIDTH, channels, dropout)
        self.blocks = nn.ModuleList(
            nn.ModuleList(Conditioned(channels, channels, dropout) for _ in range(2))
            for _ in range(depth)
        )
        self.output = nn.Linear(channels, WIDTH)
        half = EMBEDDING // 2
        frequencies = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def condition(self, kp2d: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """kp2d (B, J, 2), NaN where not known, and t (B,) -> (B, 1, 3 J + E): where joints are,
        which are known, the time.

        Joints are relative to the hip and in poses' units, so that a pose can be compared with
        them; in the hip's place, which is the origin of every pose, stands where the person is.
        """
        kp2d = columns(kp2d, confidence=False)
        seen = kp2d.isfinite().all(-1)
        if ((~seen[:, 0]) & seen.any(-1)).any():
            raise ValueError("the hip can be hidden only with all other joints: it is the origin")
        place = torch.cat([kp2d[:, :1], kp2d[:, 1:] - kp2d[:, :1]], dim=1) * (METRES / SPREAD)
        place = torch.where(seen[..., None], place, 0.0)
        angles = t[:, None] * self.frequencies
        time = F.silu(self.time(torch.cat([angles.sin(), angles.cos()], dim=-1)))
        return torch.cat([place.flatten(1), seen.to(time), time], dim=-1)[:, None]

    def forward(self, y: torch.Tensor, x_init: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        """y (B, H, J, 3) in spreads of poses, cond from condition -> noise (B, H, J, 3); x_init is
        not looked at.
        """
        place, seen, time = cond.split([2 * J, J, EMBEDDING], dim=-1)
        if self.difference:
            far = y[..., :2] - place.unflatten(-1, (J, 2))
            far = torch.cat(
                [far, torch.zeros_like(y[..., 2:])], dim=-1
            )  # of depth nothing is known
            known = (far * seen[..., None]).flatten(2)
        else:
            known = torch.cat([place, seen], dim=-1)
        with bfloat16(y, self.bf16):
            known = F.silu(self.embed_known(known))
            h = self.embed(y.flatten(2), time, known)
            for first, second in self.blocks:
                h = h + second(first(h, time, known), time, known)
        return self.output(h.to(y)).unflatten(-1, (J, 3))


def score_loss(
    model: "GFPose", batch: PoseSet, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Half the squared error of the noise, summed over coordinates, mean over poses and times drawn
    evenly; no unit. Joints, parts and whole pictures are hidden at random.
    """
    batch.require_truth("score_loss")
    x0, schedule = batch.pose3d, model.schedule
    on = generator.device if generator is not None else x0.device

    def drawn(draw) -> torch.Tensor:
        return own_rows(draw, len(x0), generator).to(x0.device)

    t = drawn(lambda n, g: torch.randint(len(schedule), (n,), generator=g, device=on))
    noise = drawn(lambda n, g: torch.randn(n, J, 3, dtype=x0.dtype, generator=g, device=on))
    hidden = drawn(
        lambda n, g: hidden_joints(torch.rand(n, 1 + len(PARTS) + J, generator=g, device=on))
    )
    kp2d = batch.kp2d.masked_fill(hidden[..., None], torch.nan)
    y = model.scaled(schedule.add_noise(x0, t, noise), t)[:, None]
    found = model.denoiser(y, y, model.denoiser.condition(kp2d, t))[:, 0]
    return (found - noise).square().sum((1, 2)).mean() / 2


def hidden_joints(u: torch.Tensor) -> torch.Tensor:
    """Even random numbers (B, 1 + parts + J) -> which joints are hidden (B, J); the hip only with
    the whole picture.
    """
    whole, parts, joints = (u < HIDDEN).split([1, len(PARTS), J], dim=1)
    member = constant(
        tuple(tuple(j in part for j in range(J)) for part in PARTS), torch.float32, u.device
    )
    hidden = joints | (parts.float() @ member > 0)
    hidden[:, 0] = False
    return hidden | whole


class GFPose(DRPose):
    """Scores of poses under the sub-VP SDE. The lifter gives the baseline of tables and nothing
    else.

    Sampled by Euler-Maruyama ("sde", as published with 1000 steps), by Euler's steps of the
    probability flow ("ode"), by the published shortcut for a single answer ("pflow", see
    reverse_sde), or by DRPose's solvers, which need fewer steps. The network's errors add up along
    chains without noise: prefer ddim with eta = 1 to eta = 0, as docs/methods.md shows.
    """

    method = "gfpose"
    loss = score_loss
    hides = True
    difference = True

    def __init__(
        self,
        config: ModelConfig | None = None,
        lifter: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ):
        super().__init__(config, lifter)
        self.sampling = Sampling(steps=25, spacing="linear", eta=1.0)

    @classmethod
    def published(cls, **changes) -> ModelConfig:
        """The published size."""
        size = {"channels": 1024, "depth": 2, "dropout": 0.25}
        return ModelConfig(**(size | changes), method=cls.method)

    def parts(self, config: ModelConfig) -> tuple[nn.Module, SubVP]:
        if config.channels % GROUP:
            raise ValueError(
                f"channels must be a multiple of {GROUP} for {self.method}, got {config.channels}"
            )
        size = (config.channels, config.depth, config.dropout)
        return ScoreNetwork(*size, difference=self.difference), SubVP(config.timesteps)

    def solvers(self, eta: float, noise_sampler) -> dict[str, Callable[..., Iterator]]:
        return super().solvers(eta, noise_sampler) | {
            "sde": partial(reverse_sde, share=1.0, noise_sampler=noise_sampler),
            "ode": partial(reverse_sde, share=0.5),
            "pflow": partial(reverse_sde, share=1.0),
        }

    def scaled(self, x_t: torch.Tensor, t: int | torch.Tensor) -> torch.Tensor:
        """x_t as the SDE has it, in spreads of poses; what the network sees."""
        size = self.schedule.size(t).to(x_t)
        return x_t * (size.view(-1, *[1] * (x_t.ndim - 1)) if size.ndim else size)

    def clean(
        self, x_t: torch.Tensor, x_init: torch.Tensor, cond: torch.Tensor, t: int | torch.Tensor
    ) -> torch.Tensor:
        signal, spread = self.schedule.signal_and_noise(x_t, t)
        return (x_t - spread * self.denoiser(self.scaled(x_t, t), x_init, cond)) / signal


class GFPoseConcatenated(GFPose):
    """GFPose whose network is told the picture, and which joints are known, as they are."""

    method = "gfpose-concat"
    difference = False

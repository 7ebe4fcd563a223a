"""DRPose: a frozen lifter and the denoiser that refines its poses, built from a ModelConfig."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import torch
from torch import nn

from .data import PoseSet
from .denoiser import Denoiser
from .diffusion import CosineSchedule, Schedule, Step, ddim, dpm_solver
from .lifters import build_lifter
from .losses import denoising_loss
from .skeleton import J, flip, mirror_mean

CLIP = 1.1  # metres: what the network sees and says stays within +-CLIP
# Poses per network pass on a CPU: enough for fast matrix products, few enough for the cache.
CHUNK = 160
CARD_CHUNK = 16384  # on a GPU: about a gigabyte
# ddim and dpm (DPM-Solver++ 2M) for every method; midpoint for flow matching; sde, ode and pflow
# for GFPose
Solver = Literal["ddim", "dpm", "euler", "midpoint", "sde", "ode", "pflow"]


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build a DRPose; saved in every checkpoint."""

    lifter: str = "dcgct"  # the initial model: dcgct, htnet, mlp, or a name registered in LIFTERS
    channels: int = 96  # width of the denoiser
    depth: int = 5  # its layers
    heads: int = 4  # of its attention
    dropout: float = 0.1  # in its layers, while training
    timesteps: int = 1000  # T, levels of noise
    # 0: the network gives the clean pose, blended with the initial one, as published. Above 0: it
    # gives what to add to the noisy pose (DRPose.clean); metres, the spread of poses that is meant
    skip: float = 0.0
    method: str = "drpose"  # or another name in METHODS: film, flow, gfpose, ...
    frames: int = 1  # that the method film sees at once
    memory: float = 0.0  # seconds over which the noise of its films remembers itself

    def __post_init__(self):
        limits = {"channels": (4, 4096), "depth": (1, 100), "heads": (1, 256), "frames": (1, 1024)}
        for name, (low, high) in (limits | {"timesteps": (1, 100_000)}).items():
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ValueError(
                    f"ModelConfig.{name} must be an integer from {low} to {high}, got {value!r}"
                )
        if self.channels % self.heads or self.channels % 2:
            raise ValueError(
                f"ModelConfig.channels must be even and a multiple of heads, got {self.channels} "
                f"and {self.heads}"
            )
        if not 0 <= self.skip < 10:
            raise ValueError(f"ModelConfig.skip must be 0 or some 0.1 m, got {self.skip!r}")
        if not 0 <= self.memory < 100:
            raise ValueError(f"ModelConfig.memory must be some 0.2 s or 0, got {self.memory!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(
                f"ModelConfig.dropout must be at least 0 and below 1, got {self.dropout!r}"
            )


@dataclass(frozen=True)
class Sampling:
    """How hypotheses are sampled. The defaults are the recommended settings; a checkpoint may have
    recommended settings of its own (DRPose.sampling).
    """

    hypotheses: int = 20  # H
    steps: int = 8  # K
    # "linear", "quadratic", "log-snr", or the times themselves (CosineSchedule.timesteps)
    spacing: str | tuple[int, ...] = "quadratic"
    # begin at this time with the initial pose, noised; None: at the top, with pure noise
    start: int | None = None
    eta: float = 0.0  # how much noise each step of ddim adds: 1 as published, 0 none
    solver: Solver = "ddim"  # dpm: DPM-Solver++ 2M; others belong to other methods (METHODS)
    flip_test: bool = True  # average with the mirrored pass in every step
    # hypotheses are moved to this many times their distance from their mean (calibrate fits it)
    widen: float = 1.0

    def __post_init__(self):
        if not isinstance(self.spacing, str):
            object.__setattr__(self, "spacing", tuple(int(t) for t in self.spacing))
        for name in ("hypotheses", "steps"):
            object.__setattr__(self, name, int(getattr(self, name)))
        if self.hypotheses < 1 or self.steps < 1:
            raise ValueError(
                f"hypotheses and steps must be at least 1, got {self.hypotheses} and {self.steps}"
            )
        object.__setattr__(self, "start", None if self.start is None else int(self.start))
        for name in ("eta", "widen"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta must lie between 0 and 1, got {self.eta:g}")
        if not 0 <= self.widen < 100:
            raise ValueError(f"widen must be at least 0 and below 100, got {self.widen:g}")
        if self.solver not in get_args(Solver):
            raise ValueError(
                f"unknown solver {self.solver!r}: choose from {', '.join(get_args(Solver))}"
            )
        if self.solver != "ddim" and self.eta:
            raise ValueError(
                f"eta belongs to ddim, not to {self.solver}: eta must be 0 with it, got "
                f"{self.eta:g}"
            )

    @classmethod
    def published(cls, hypotheses: int = 5, steps: int = 5) -> "Sampling":
        """The sampling of the published code: evenly spaced steps that add noise."""
        return cls(hypotheses, steps, spacing="linear", eta=1.0)

    def but(self, **changes) -> "Sampling":
        """The same settings with some changed. If the times of the steps are given, their number
        follows.
        """
        times = changes.get("spacing")
        if isinstance(times, str) and not isinstance(self.spacing, str) and "steps" not in changes:
            raise ValueError(f"spacing={times!r} in place of times: give steps too")
        if times is not None and not isinstance(times, str):
            changes = {"steps": len(times)} | changes
        if unknown := sorted(set(changes) - set(self.__dataclass_fields__)):
            raise TypeError(
                f"unknown setting of sampling: {', '.join(unknown)}; there are "
                f"{', '.join(self.__dataclass_fields__)}"
            )
        return replace(self, **changes)


class DRPose(nn.Module):
    """A lifter (B, J, 2) -> (B, J, 3), frozen and always in eval mode, and the denoiser that
    refines its poses.

    lifter: any module or function; None builds config.lifter, untrained. Another method is a
    subclass that replaces some of the parts marked so, registered in METHODS (methods/).
    """

    method = "drpose"  # replaced: its name, as in ModelConfig.method
    loss = denoising_loss  # replaced: what is minimised, (model, batch, *, generator) -> scalar
    hides = False  # replaced: whether joints of kp2d that are NaN stand for joints not seen

    def __init__(
        self,
        config: ModelConfig | None = None,
        lifter: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ):
        super().__init__()
        self.config = config = config or ModelConfig(method=self.method)
        if config.method != self.method:
            raise ValueError(
                f"{type(self).__name__} is the method {self.method!r}, and its config says "
                f"{config.method!r}: use build_model(config)"
            )
        self.lifter = build_lifter(config.lifter) if lifter is None else lifter
        self.denoiser, self.schedule = self.parts(config)
        self.sampling = Sampling()  # the settings it is best used with
        self.record: dict = {}  # what its checkpoint says of its training; empty without one
        if isinstance(self.lifter, nn.Module):
            self.lifter.requires_grad_(False)
        self.train(self.training)

    def parts(self, config: ModelConfig) -> tuple[nn.Module, Schedule]:
        """Replaced: a new network, with the methods of Denoiser, and the levels of noise."""
        size = (config.channels, config.depth, config.heads, config.dropout)
        return Denoiser(*size, blend=not config.skip), CosineSchedule(config.timesteps)

    def solvers(
        self, eta: float, noise_sampler: Callable[[torch.Tensor], torch.Tensor]
    ) -> dict[str, Callable[..., Iterator[Step]]]:
        """Replaced: the solvers by name, each called as solver(denoise, x, schedule, steps, *,
        spacing, start); noise_sampler(x) gives the noise that ends a step.
        """
        return {"ddim": partial(ddim, eta=eta, noise_sampler=noise_sampler), "dpm": dpm_solver}

    def train(self, mode: bool = True) -> "DRPose":
        """Training mode for the denoiser only: dropout in the frozen lifter would only add noise to
        its poses.
        """
        super().train(mode)
        if isinstance(self.lifter, nn.Module):
            self.lifter.eval()
        return self

    @torch.no_grad()
    def initial_pose(self, kp2d: torch.Tensor, *, flip_test: bool = False) -> torch.Tensor:
        """The lifter's pose (B, J, 3), a new tensor; joint 0 is not moved to the origin.

        flip_test averages it with the mirrored pass, as sampling does, for a fair comparison with
        refined poses.
        """
        if flip_test:
            return mirror_mean(lifted_pair(self, kp2d))
        pose = torch.cat([self.lifter(part) for part in kp2d.split(chunk_size(kp2d))])
        if pose.shape != (*kp2d.shape[:-1], 3):
            raise ValueError(
                f"the lifter returned {tuple(pose.shape)} for {tuple(kp2d.shape)}: a lifter maps "
                f"(B, {J}, 2) to (B, {J}, 3)"
            )
        return pose

    def clean(self, x_t: torch.Tensor, x_init: torch.Tensor, cond: torch.Tensor, t, *more):
        """Replaced: the network's clean pose x0 of x_t at time t, an int or (B,); shapes, and what
        more there may be, as in Denoiser.

        With a skip (ModelConfig), the network is preconditioned as in EDM (Karras et al. 2022,
        table 1): with little noise the answer is x_t itself and a small correction, so that the
        network need not reproduce what it is given.
        """
        if not self.config.skip:
            return self.denoiser(x_t.clamp(-CLIP, CLIP), x_init, cond, *more)
        keep, gain, size = self.schedule.preconditioning(x_t, t, self.config.skip)
        return keep * x_t + gain * self.denoiser(x_t / size, x_init, cond, *more)


def with_initial_poses(model: DRPose, poses: PoseSet) -> PoseSet:
    """The set with the lifter's poses attached (PoseSet.initial): the poses of a frozen lifter need
    to be computed only once.

    A set that has initial poses already is returned unchanged.
    """
    if poses.initial is not None:
        return poses
    return replace(poses, initial=lifted_pair(model, poses.kp2d))


def lifted_pair(model: DRPose, kp2d: torch.Tensor) -> torch.Tensor:
    """The lifter's poses of the pictures and of their mirror images, (B, 2, J, 3)."""
    with evaluating(model):
        return torch.stack([model.initial_pose(kp2d), model.initial_pose(flip(kp2d))], dim=1)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout and no gradients inside; the model's mode is restored after."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def chunk_size(x: torch.Tensor) -> int:
    """Poses per network pass where x lies."""
    return CARD_CHUNK if x.device.type == "cuda" else CHUNK

"""DRPose: a frozen lifter and the denoiser that refines its poses, built from a ModelConfig."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from .data import PoseSet
from .denoiser import Denoiser
from .diffusion import CosineSchedule, Schedule, Step, ddim, dpm_solver
from .lifters import build_lifter, lift
from .losses import denoising_loss
from .settings import ModelConfig, Sampling
from .skeleton import J, flip, mirror_mean

CLIP = 1.1  # metres: what the network sees and says stays within +-CLIP
# Poses per network pass on a CPU: enough for fast matrix products, few enough for the cache.
CHUNK = 160
CARD_CHUNK = 16384  # on a GPU: about a gigabyte


class DRPose(nn.Module):
    """A lifter, keypoints (B, J, 2) -> poses (B, J, 3), frozen and always in eval mode, and the
    denoiser that refines its poses. Both may read the confidence too (ModelConfig.confidence).

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
        if lifter is None:
            lifter = build_lifter(config.lifter, confidence=config.confidence)
        self.lifter = lifter
        self.denoiser, self.schedule = self.parts(config)
        self.sampling = Sampling()  # the settings it is best used with
        self.record: dict = {}  # what its checkpoint says of its training; empty without one
        if isinstance(self.lifter, nn.Module):
            self.lifter.requires_grad_(False)
        self.train(self.training)

    def parts(self, config: ModelConfig) -> tuple[nn.Module, Schedule]:
        """Replaced: a new network, with the methods of Denoiser, and the levels of noise."""
        size = (config.channels, config.depth, config.heads, config.dropout)
        denoiser = Denoiser(*size, blend=not config.skip, confidence=config.confidence)
        return denoiser, CosineSchedule(config.timesteps)

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

        kp2d (B, J, 2), or (B, J, 3) with the detector's confidence (PoseSet.observed).

        flip_test averages it with the mirrored pass, as sampling does, for a fair comparison with
        refined poses.
        """
        if flip_test:
            return mirror_mean(lifted_pair(self, kp2d))
        pose = torch.cat([lift(self.lifter, part) for part in kp2d.split(chunk_size(kp2d))])
        if pose.shape != (*kp2d.shape[:-1], 3):
            raise ValueError(
                f"the lifter returned {tuple(pose.shape)} for {len(kp2d)} pictures: a lifter maps "
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
    return replace(poses, initial=lifted_pair(model, poses.observed))


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

"""DRPose for films as a method: its network, its loss, and how it is made of an image model."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from ..data import PoseSet
from ..diffusion import CosineSchedule
from ..losses import (
    INITIAL_NOISE,
    JOINT_WEIGHTS,
    calibrated_loss,
    calibrated_size,
    calibrated_times,
    denoising_loss,
)
from ..model import DRPose
from ..settings import ModelConfig
from ..support import constant, own_rows
from .clips import Clips, When
from .denoiser import FilmDenoiser
from .noise import correlated

ALONE = 0.1  # of the clips are trained as images, whose frames do not see each other
MOTION = 2.0  # weight of errors of the way moved in STEP, against those of places
STEP = 0.04  # seconds
INITIAL_MEMORY = 0.5  # seconds over which the errors of a lifter remember themselves


def film_loss(
    model: nn.Module,
    batch: Clips | PoseSet,
    *,
    generator: torch.Generator | None = None,
    initial_noise: float = INITIAL_NOISE,
    motion: float = MOTION,
) -> torch.Tensor:
    """The loss of the image model over clips, one time a clip: denoising_loss, or calibrated_loss
    for a model with a skip. Errors of the way that a joint moves in 40 ms count too, times motion.

    The noise remembers itself over model.config.memory seconds; that of initial poses, whose
    errors in a film are alike from frame to frame, over INITIAL_MEMORY. Missing frames do not
    count. In one clip of ten no frame sees another, so that the model stays one of images too. A
    PoseSet is a batch of images.
    """
    if isinstance(batch, PoseSet):
        loss = calibrated_loss if model.config.skip else denoising_loss
        return loss(model, batch, generator=generator, initial_noise=initial_noise)
    batch.poses.require_truth("film_loss")
    frames, when = batch.frames(), batch.when()
    x0, kp2d = (x.unflatten(0, batch.rows.shape) for x in (frames.pose3d, frames.observed))
    on = generator.device if generator is not None else x0.device

    def normal(n, draws):
        return torch.randn(n, *x0.shape[1:], dtype=x0.dtype, generator=draws, device=on)

    def drawn(draw):
        return own_rows(draw, len(x0), generator).to(x0.device)

    times = calibrated_times(model.schedule) if model.config.skip else _even(model.schedule)
    t = drawn(lambda n, draws: times(n, draws, on))
    noise = correlated(drawn(normal), when.seconds, model.config.memory)
    x_t = model.schedule.add_noise(x0, t, noise)
    x_init = model.initial_pose(frames.observed) if frames.initial is None else frames.initial[:, 0]
    x_init = x_init.unflatten(0, batch.rows.shape)
    if initial_noise:
        shake = correlated(drawn(normal), when.seconds, INITIAL_MEMORY)
        x_init = x_init + initial_noise * shake
    together = drawn(lambda n, draws: torch.rand(n, 1, generator=draws, device=on)) >= ALONE
    seen = When(when.seconds, when.there & together)
    cond = model.denoiser.condition(kp2d, t)
    error = model.clean(x_t[:, None], x_init, cond, t, seen)[:, 0] - x0
    value = mean_where(_size(model, error, t), when.there)
    if motion and x0.shape[1] > 1:
        way, both = moved(error, when)
        value = value + motion * mean_where(_size(model, way, t), both)
    return value


def _even(schedule) -> Callable:
    return lambda n, draws, on: torch.randint(len(schedule), (n,), generator=draws, device=on)


def _size(model: nn.Module, error: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """(B, F, J) of errors (B, F, J, 3)."""
    if model.config.skip:
        return calibrated_size(model, error, t)
    return error.norm(dim=-1) * constant(JOINT_WEIGHTS, error.dtype, error.device)


def moved(error: torch.Tensor, when: When) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors (B, F, J, 3) of places -> those of the way that a joint moves in STEP seconds, (B,
    F - 1, J, 3), and where both frames are there, (B, F - 1).
    """
    both = when.there[:, 1:] & when.there[:, :-1]
    seconds = when.seconds.diff(dim=1).clamp_min(STEP / 100)[..., None, None]
    return error.diff(dim=1) / seconds * STEP, both


def mean_where(size: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """The mean over clips of their mean over frames that are there."""
    return ((size.mean(-1) * there).sum(1) / there.sum(1).clamp_min(1)).mean()


class FilmDRPose(DRPose):
    """DRPose that looks at config.frames frames at once, with noise that remembers itself over
    config.memory seconds. sample_film samples films with it; to sample_poses and all else it is an
    image model.
    """

    method = "film"
    loss = film_loss
    causal = False

    def parts(self, config: ModelConfig) -> tuple[FilmDenoiser, CosineSchedule]:
        size = (config.channels, config.depth, config.heads, config.dropout)
        more = {"blend": not config.skip, "confidence": config.confidence, "causal": self.causal}
        return FilmDenoiser(*size, **more), CosineSchedule(config.timesteps)

    @classmethod
    def of(cls, image: DRPose, *, frames: int = 27, memory: float = 0.2) -> "FilmDRPose":
        """A film model with the weights, lifter and sampling of an image model, that gives the
        same poses until it is trained. Raises ValueError for another method than drpose.
        """
        if image.method != DRPose.method:
            raise ValueError(f"a film model is made of a drpose model, this one is {image.method}")
        config = replace(image.config, method=cls.method, frames=frames, memory=memory)
        model = cls(config, image.lifter)
        lacking = model.denoiser.load_state_dict(image.denoiser.state_dict(), strict=False)
        assert not lacking.unexpected_keys and all(".frames." in k for k in lacking.missing_keys)
        model.sampling = image.sampling
        where = next(image.denoiser.parameters())
        return model.to(where.device, where.dtype).train(image.training)


class CausalFilmDRPose(FilmDRPose):
    """FilmDRPose whose frames look only at those before them."""

    method = "film-causal"
    causal = True

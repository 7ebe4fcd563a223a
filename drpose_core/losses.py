"""Training losses: functions (module, batch, *, generator) -> scalar.

A model here is a DRPose, or that of another method (methods/).
"""

import math

import torch
from torch import nn

from .data import PoseSet
from .lifters import lift
from .scores import mpjpe
from .skeleton import J
from .support import constant, own_rows

JOINT_WEIGHTS = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)
# Metres. A lifter is better on the poses it was trained on than on new people, and a denoiser that
# saw only the former trusts it too much; benchmarks/refinement.py has the figures.
INITIAL_NOISE = 0.06
# Of calibrated_loss: metres about which half of the noise-to-signal ratios lie, and their spread in
# the logarithm; the share of the schedule from which the distance counts as it is.
RATIO, RATIO_SPREAD, LATE = 0.08, 1.2, 0.3
TYPICAL = 0.17 / 3  # metres by which that distance is divided
LEAST_GAIN = 0.02  # metres, the least unit of errors before


def weighted_mpjpe(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over poses and joints of joint weight * distance, in metres; limbs have larger weights.

    pred, target (..., J, 3).
    """
    return ((pred - target).norm(dim=-1) * constant(JOINT_WEIGHTS, pred.dtype, pred.device)).mean()


def lifting_loss(
    lifter: nn.Module, batch: PoseSet, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Mean joint error of a lifter on a batch, metres.

    It draws no random numbers; the argument generator is there because all losses have it.
    """
    batch.require_truth("lifting_loss")
    return mpjpe(lift(lifter, batch.observed), batch.pose3d).mean()


def denoising_loss(
    model: nn.Module,
    batch: PoseSet,
    *,
    generator: torch.Generator | None = None,
    initial_noise: float = INITIAL_NOISE,
) -> torch.Tensor:
    """Add noise of a random time to each pose of a batch, denoise it once, and return the weighted
    joint error (Kang et al. 2024, section 2.3).

    initial_noise (metres) is the standard deviation of the noise added to each coordinate of the
    initial pose, so that the denoiser learns to correct it.
    """

    def times(n, draws, on):
        return torch.randint(len(model.schedule), (n,), generator=draws, device=on)

    pred, _ = denoised(model, batch, times, generator, initial_noise)
    return weighted_mpjpe(pred, batch.pose3d)


def calibrated_loss(
    model: nn.Module,
    batch: PoseSet,
    *,
    generator: torch.Generator | None = None,
    initial_noise: float = INITIAL_NOISE,
) -> torch.Tensor:
    """A denoising loss for hypotheses whose spread matches their errors; for models with a skip
    (ModelConfig). It has no unit: errors are relative to what remains to be learnt at their time.

    Half of the times are drawn where the chain decides between the plausible poses: there the
    noise-to-signal ratio is log-normal around 80 mm. The other times are drawn evenly. From time
    LATE on, the loss is the distance, which gives the best single answer. Below LATE the errors are
    in units of c_out (Karras et al. 2022), and the loss is pseudo-Huber: small errors are squared,
    because a sampler needs the mean, and large ones are not. docs/recipes.md has the numbers.
    """
    if not model.config.skip:
        raise ValueError("calibrated_loss needs a model with a skip, as ModelConfig(skip=0.1)")
    times = calibrated_times(model.schedule)
    pred, t = denoised(model, batch, times, generator, initial_noise)
    return calibrated_size(model, pred - batch.pose3d, t).mean()


def calibrated_times(schedule):
    """The draw of calibrated_loss: (n, generator, device) -> times (n,)."""

    def times(n, draws, on):
        even = torch.randint(len(schedule), (n,), generator=draws, device=on)
        ratio = math.log(RATIO) + RATIO_SPREAD * torch.randn(n, generator=draws, device=on)
        near = torch.searchsorted(-0.5 * torch.logit(schedule.alpha_bar.to(on)), ratio.double())
        first = torch.rand(n, generator=draws, device=on) < 0.5
        return torch.where(first, near.clamp(max=len(schedule) - 1), even)

    return times


def calibrated_size(model: nn.Module, error: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """What calibrated_loss makes of errors (B, ..., J, 3) at times (B,): (B, ..., J)."""
    _, gain, _ = model.schedule.preconditioning(error, t, model.config.skip)
    distance = error.norm(dim=-1)
    near = ((distance / gain[..., 0].clamp_min(LEAST_GAIN)).square() + 1).sqrt() - 1
    late = (t >= LATE * len(model.schedule)).view(-1, *[1] * (distance.ndim - 1))
    weights = constant(JOINT_WEIGHTS, error.dtype, error.device)
    return weights * torch.where(late, distance / TYPICAL, near)


def denoised(
    model: nn.Module, batch: PoseSet, times, generator: torch.Generator | None, initial_noise: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The model's clean poses (B, J, 3) of noised ones, and the times (B,) they were noised to."""
    batch.require_truth("a denoising loss")
    x0 = batch.pose3d
    on = generator.device if generator is not None else x0.device

    def normal(n, draws):
        return torch.randn(n, J, 3, dtype=x0.dtype, generator=draws, device=on)

    t = own_rows(lambda n, draws: times(n, draws, on), len(x0), generator).to(x0.device)
    noise = own_rows(normal, len(x0), generator).to(x0.device)
    x_t = model.schedule.add_noise(x0, t, noise)
    x_init = model.initial_pose(batch.observed) if batch.initial is None else batch.initial[:, 0]
    if initial_noise:
        x_init = x_init + initial_noise * own_rows(normal, len(x0), generator).to(x0.device)
    condition = model.denoiser.condition(batch.observed, t)
    return model.clean(x_t[:, None], x_init, condition, t)[:, 0], t

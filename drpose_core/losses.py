"""What is minimised in training: a loss is a function (module, batch, *, generator) -> scalar."""

import torch
from torch import nn

from .data import PoseSet
from .model import CLIP, DRPose
from .scores import mpjpe
from .skeleton import J
from .support import constant, own_rows

JOINT_WEIGHTS = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)
# Metres. A lifter is better on the poses it was trained on than on new people, and a denoiser that
# saw only the former trusts it too much; benchmarks/refinement.py has the figures.
INITIAL_NOISE = 0.06


def weighted_mpjpe(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over poses and joints of joint weight * distance, in metres; limbs weigh more.

    pred, target (..., J, 3).
    """
    return ((pred - target).norm(dim=-1) * constant(JOINT_WEIGHTS, pred.dtype, pred.device)).mean()


def lifting_loss(
    lifter: nn.Module, batch: PoseSet, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Mean joint error of a lifter on a batch, metres.

    Draws nothing; generator is there so that all losses are called alike.
    """
    batch.require_truth("lifting_loss")
    return mpjpe(lifter(batch.kp2d), batch.pose3d).mean()


def denoising_loss(
    model: DRPose,
    batch: PoseSet,
    *,
    generator: torch.Generator | None = None,
    initial_noise: float = INITIAL_NOISE,
) -> torch.Tensor:
    """Noise each pose of a batch to a random step, denoise it once, return the weighted joint
    error (Kang et al. 2024, section 2.3).

    initial_noise (metres) is the spread of what is added to each coordinate of the initial pose, so
    that the denoiser learns to mend it.
    """
    batch.require_truth("denoising_loss")
    steps, x0 = len(model.schedule), batch.pose3d
    on = generator.device if generator is not None else x0.device

    def times(n, draws):
        return torch.randint(steps, (n,), generator=draws, device=on)

    def normal(n, draws):
        return torch.randn(n, J, 3, dtype=x0.dtype, generator=draws, device=on)

    t = own_rows(times, len(x0), generator).to(x0.device)
    noise = own_rows(normal, len(x0), generator).to(x0.device)
    x_t = model.schedule.add_noise(x0, t, noise).clamp(-CLIP, CLIP)
    x_init = model.initial_pose(batch.kp2d) if batch.initial is None else batch.initial[:, 0]
    if initial_noise:
        x_init = x_init + initial_noise * own_rows(normal, len(x0), generator).to(x0.device)
    pred = model.denoiser(x_t[:, None], x_init, model.denoiser.condition(batch.kp2d, t))
    return weighted_mpjpe(pred[:, 0], x0)

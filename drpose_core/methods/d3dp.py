"""D3DP's way: the same denoiser without an initial pose. What is the initial pose worth?"""

import torch
from torch import nn

from ..denoiser import Denoiser
from ..diffusion import Schedule
from ..model import DRPose
from ..settings import ModelConfig


class NoInitialPose(DRPose):
    """DRPose whose denoiser knows the picture from the 2D joints alone (after D3DP, Shan et al.
    2023, with DRPose's network in place of theirs).

    The lifter gives the baseline of tables, and where a later start begins; nothing else.
    """

    method = "d3dp"

    def parts(self, config: ModelConfig) -> tuple[nn.Module, Schedule]:
        _, schedule = super().parts(config)
        size = (config.channels, config.depth, config.heads, config.dropout)
        # there is nothing to blend with
        return Denoiser(*size, blend=False, confidence=config.confidence), schedule

    def clean(
        self, x_t: torch.Tensor, x_init: torch.Tensor, cond: torch.Tensor, t: int | torch.Tensor
    ) -> torch.Tensor:
        return super().clean(x_t, torch.zeros_like(x_init), cond, t)

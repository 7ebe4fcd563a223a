"""Hypotheses moved away from their mean, or towards it, by one factor."""

import torch


def widened(hypotheses: torch.Tensor, factor: float) -> torch.Tensor:
    """Hypotheses (..., H, J, 3) at factor times their distance from their mean; the mean stays.

    1 returns them as they are. A single hypothesis is its own mean and does not move.
    """
    if factor == 1:
        return hypotheses
    return torch.lerp(hypotheses.mean(-3, keepdim=True), hypotheses, factor)

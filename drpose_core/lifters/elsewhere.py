"""The lifter of a model that refines predictions made elsewhere: it has none of its own."""

import torch
from torch import nn


class Elsewhere(nn.Module):
    """Stands where a lifter would; the initial poses come with the data (PoseSet.initial,
    sample_poses(initial=...)).
    """

    def forward(self, kp2d: torch.Tensor) -> torch.Tensor:
        raise ValueError(
            "this model refines poses predicted elsewhere and has no lifter of its own: "
            "attach them to the poses with with_predictions(poses, file), or pass "
            "sample_poses(..., initial=poses)"
        )

"""What networks read of 2D joints: x, y and, if they are made for it, the detector's confidence."""

import torch

XY, SEEN = 2, 3  # columns of keypoints: x and y; and how sure the detector is, 0 to 1


def columns(kp2d: torch.Tensor, wanted: int) -> torch.Tensor:
    """Keypoints (..., J, 2) or (..., J, 3) with as many columns as wanted; a confidence that is not
    given is 1.
    """
    if kp2d.shape[-1] == wanted:
        return kp2d
    if wanted == XY:
        return kp2d[..., :XY].contiguous()
    return torch.cat([kp2d, torch.ones_like(kp2d[..., :1])], dim=-1)

"""What networks read of 2D joints: x, y and, if they are made for it, the detector's confidence."""

import torch

WIDTHS = {False: 2, True: 3}  # columns of keypoints, without and with the confidence


def columns(kp2d: torch.Tensor, *, confidence: bool) -> torch.Tensor:
    """Keypoints (..., J, 2) or (..., J, 3) with or without their third column, the confidence; one
    that is not given is 1. Raises ValueError for any other width.
    """
    if kp2d.shape[-1] not in WIDTHS.values():
        raise ValueError(
            f"keypoints are (..., J, 2), or (..., J, 3) with the confidence, got "
            f"{tuple(kp2d.shape)}"
        )
    if kp2d.shape[-1] == WIDTHS[confidence]:
        return kp2d
    if confidence:
        return torch.cat([kp2d, torch.ones_like(kp2d[..., :1])], dim=-1)
    return kp2d[..., :2].contiguous()

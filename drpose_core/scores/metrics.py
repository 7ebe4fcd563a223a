"""Scores of poses and of hypotheses; metres in, metres out.

Nothing here moves joint 0: errors are of poses as they are.
"""

import torch

from ..skeleton import BONES, LEFT, RIGHT, bone_lengths
from .procrustes import aligned_errors


def mpjpe(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean per-joint position error. pred, target (..., J, 3), leading axes broadcast -> (...)."""
    return joint_errors(pred, target).mean(-1)


def p_mpjpe(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """MPJPE after the best similarity transform of pred.

    pred, target (..., J, 3), leading axes broadcast -> (...).
    """
    return aligned_errors(pred, target).mean(-1)


def joint_errors(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Distance per joint. pred, target (..., J, 3), leading axes broadcast -> (..., J)."""
    if pred.shape[-1] != 3 or pred.shape[-2:] != target.shape[-2:]:
        raise ValueError(
            f"poses must be (..., J, 3) with the same J, got {tuple(pred.shape)} and "
            f"{tuple(target.shape)}"
        )
    return (pred - target).norm(dim=-1)


def hypothesis_errors(
    pred: torch.Tensor,
    target: torch.Tensor,
    *,
    reprojection_error: torch.Tensor | None = None,
    align: bool = False,
) -> dict[str, torch.Tensor]:
    """Scores of hypotheses pred (..., H, J, 3) against target (..., J, 3): each (...), metres;
    leading axes broadcast.

    p_avg: the error of the mean pose. p_best: of the best hypothesis (an oracle: the ground truth
    picks it). j_best: of the best hypothesis for each joint (an oracle). j_avg, if
    reprojection_error (..., H, J) is given: for each joint, of the hypothesis that reprojects
    closest to the 2D input (JPMA; Shan et al. 2023); partly an oracle if the reprojection used the
    true root. align=True: after Procrustes alignment of each hypothesis (P-MPJPE); choices are then
    made by the aligned errors.
    """
    if pred.ndim < 3 or pred.shape[-2:] != target.shape[-2:]:
        raise ValueError(
            f"hypotheses must be (..., H, J, 3) and the truth (..., J, 3), got {tuple(pred.shape)} "
            f"and {tuple(target.shape)}"
        )
    mean = pred.mean(-3)
    # (..., H, J)
    errors = (aligned_errors if align else joint_errors)(pred, target[..., None, :, :])
    scores = {
        "p_avg": p_mpjpe(mean, target) if align else mpjpe(mean, target),
        "p_best": errors.mean(-1).amin(-1),
        "j_best": errors.amin(-2).mean(-1),
    }
    if reprojection_error is not None:
        if reprojection_error.shape[-2:] != errors.shape[-2:]:
            raise ValueError(
                f"reprojection_error must be (..., H, J), got {tuple(reprojection_error.shape)} "
                f"for {tuple(errors.shape)}"
            )
        nearest = reprojection_error.argmin(-2, keepdim=True).expand(
            *errors.shape[:-2], 1, errors.shape[-1]
        )
        scores["j_avg"] = errors.gather(-2, nearest).squeeze(-2).mean(-1)
    return scores


def share_within(errors: torch.Tensor, threshold: float = 0.15) -> torch.Tensor:
    """PCK: share of joints nearer than threshold (metres), joint 0 left out, which is right by
    definition. errors (..., J) -> (...).

    150 mm is the threshold of Mehta et al. 2017 (MPI-INF-3DHP).
    """
    return (errors[..., 1:] < threshold).to(errors.dtype).mean(-1)


def area_under_curve(errors: torch.Tensor) -> torch.Tensor:
    """AUC: the mean of share_within over the thresholds 0, 5, ..., 150 mm (Mehta et al. 2017).
    errors (..., J) -> (...).
    """
    return torch.stack(
        [share_within(errors, threshold / 1000) for threshold in range(0, 155, 5)]
    ).mean(0)


def bone_asymmetry(pose: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of |left bone - right bone|, in metres; people are symmetric, nothing is
    aligned. pose (..., J, 3) -> (...).
    """
    lengths = bone_lengths(pose)
    left = [n for n, (_, child) in enumerate(BONES) if child in LEFT]
    right = [n for n, (_, child) in enumerate(BONES) if child in RIGHT]
    return (lengths[..., left] - lengths[..., right]).abs().mean(-1)

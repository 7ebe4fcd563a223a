"""Scores of poses and of hypotheses; metres in, metres out. Nothing here moves joint 0: errors are of poses as they are."""

import torch


def mpjpe(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean per-joint position error. pred, target (..., J, 3), leading axes broadcast -> (...)."""
    return joint_errors(pred, target).mean(-1)


def p_mpjpe(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """MPJPE after the best similarity transform of pred. pred, target (..., J, 3), leading axes broadcast -> (...)."""
    return mpjpe(procrustes_align(pred, target), target)


def joint_errors(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Distance per joint. pred, target (..., J, 3), leading axes broadcast -> (..., J)."""
    if pred.shape[-1] != 3 or pred.shape[-2:] != target.shape[-2:]:
        raise ValueError(f"poses must be (..., J, 3) with the same J, got {tuple(pred.shape)} and {tuple(target.shape)}")
    return (pred - target).norm(dim=-1)


def procrustes_align(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """pred moved, turned and scaled (never mirrored) to be nearest to target in the least-squares sense; shapes as in mpjpe.

    Where all joints of pred fall together no turn helps, and every joint goes to the target's centre. Source: Umeyama 1991, eq. 34-42.
    """
    pred, target = torch.broadcast_tensors(pred, target)
    if not (torch.isfinite(pred).all() and torch.isfinite(target).all()):
        raise ValueError("poses hold NaN or infinite numbers: no alignment exists")
    # Float64 inside: squared lengths of a few millimetres are lost beside metres in float32.
    p, q = pred.double(), target.double()
    p_center, q_center = p.mean(-2, keepdim=True), q.mean(-2, keepdim=True)
    p, q = p - p_center, q - q_center
    u, s, vh = torch.linalg.svd(p.mT @ q)
    sign = torch.ones_like(s)
    sign[..., 2] = torch.det(u @ vh).sign()  # a reflection would fit better: give up the weakest axis instead
    rotation = u @ (sign[..., None] * vh)  # row vectors: p @ rotation
    scale = (s * sign).sum(-1) / p.square().sum((-2, -1)).clamp_min(torch.finfo(p.dtype).tiny)
    return (scale[..., None, None] * (p @ rotation) + q_center).to(pred.dtype)


def hypothesis_errors(
    pred: torch.Tensor, target: torch.Tensor, *, reprojection_error: torch.Tensor | None = None, align: bool = False
) -> dict[str, torch.Tensor]:
    """Scores of hypotheses pred (..., H, J, 3) against target (..., J, 3): each (...), metres; leading axes broadcast.

    p_avg: of the mean pose. p_best: of the best hypothesis (an oracle: it is picked by the truth). j_best: of the best hypothesis joint by
    joint (an oracle). j_avg, given reprojection_error (..., H, J): joint by joint the hypothesis that reprojects nearest to the 2D input
    (JPMA; Shan et al. 2023); an oracle too, by half, if the reprojection used the true root.
    align=True: after Procrustes alignment of each hypothesis (P-MPJPE); choices are then made among the aligned errors.
    """
    if pred.ndim < 3 or pred.shape[-2:] != target.shape[-2:]:
        raise ValueError(f"hypotheses must be (..., H, J, 3) and the truth (..., J, 3), got {tuple(pred.shape)} and {tuple(target.shape)}")
    mean = pred.mean(-3)
    errors = joint_errors(procrustes_align(pred, target[..., None, :, :]) if align else pred, target[..., None, :, :])  # (..., H, J)
    scores = {
        "p_avg": p_mpjpe(mean, target) if align else mpjpe(mean, target),
        "p_best": errors.mean(-1).amin(-1),
        "j_best": errors.amin(-2).mean(-1),
    }
    if reprojection_error is not None:
        if reprojection_error.shape[-2:] != errors.shape[-2:]:
            raise ValueError(f"reprojection_error must be (..., H, J), got {tuple(reprojection_error.shape)} for {tuple(errors.shape)}")
        nearest = reprojection_error.argmin(-2, keepdim=True).expand(*errors.shape[:-2], 1, errors.shape[-1])
        scores["j_avg"] = errors.gather(-2, nearest).squeeze(-2).mean(-1)
    return scores

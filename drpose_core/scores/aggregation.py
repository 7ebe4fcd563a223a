"""Many hypotheses -> one pose as the answer, without the ground truth."""

import torch

from ..cameras import estimate_root, project
from ..skeleton import J

ANSWERS = ("mean", "median", "medoid", "jpma", "weighted")
BEST = 5  # "weighted" averages over this number of hypotheses
# and lets a weight fall by e for every 1 / 200 screen units (2.5 pixels of 1000) of reprojection
# error
SHARPNESS = 200.0


def aggregate(
    hypotheses: torch.Tensor,
    how: str = "mean",
    *,
    kp2d: torch.Tensor | None = None,
    intrinsics: torch.Tensor | None = None,
    root: torch.Tensor | None = None,
) -> torch.Tensor:
    """One pose (B, J, 3) from hypotheses (B, H, J, 3), metres, relative to joint 0. No choice uses
    the ground truth.

    mean: of all hypotheses. median: of each coordinate. medoid: the hypothesis with the smallest
    summed MPJPE to all others. The other two compare reprojections with the 2D input and need kp2d
    (B, J, 2) and intrinsics (9,) or (B, 9); estimate_root gives the position of each hypothesis,
    or root (B, 3) does: with the true root, as in the papers, the answer is half an oracle. jpma:
    for each joint, the hypothesis that reprojects closest (Shan et al. 2023). weighted: for each
    joint, the mean of the 5 closest, weighted by exp(-200 * error) (after the RPEA of FMPose3D,
    Wang et al. 2026).
    """
    if how not in ANSWERS:
        raise ValueError(f"unknown aggregation {how!r}: choose from {', '.join(ANSWERS)}")
    if hypotheses.ndim != 4 or hypotheses.shape[2:] != (J, 3) or not hypotheses.shape[1]:
        raise ValueError(
            f"hypotheses must be (B, H, {J}, 3), got {tuple(hypotheses.shape)}: for one image, "
            "hypotheses[None]"
        )
    if how == "mean":
        return hypotheses.mean(1)
    if how == "median":
        # torch.median would take the lower of the two middle ones
        return hypotheses.quantile(0.5, dim=1)
    if how == "medoid":
        images = max(1, 4_000_000 // hypotheses.shape[1] ** 2)
        return torch.cat([_medoid(part) for part in hypotheses.split(images)])
    if kp2d is None or intrinsics is None:
        raise ValueError(f"aggregation {how!r} compares reprojections: pass kp2d and intrinsics")
    error = reprojection_errors(hypotheses, kp2d, intrinsics, root=root)  # (B, H, J)
    best, index = error.topk(
        1 if how == "jpma" else min(BEST, error.shape[1]), dim=1, largest=False
    )
    nearest = hypotheses.gather(1, index[..., None].expand(*index.shape, 3))
    weights = torch.softmax(-SHARPNESS * best, dim=1)
    return (weights[..., None] * nearest).sum(1)


def _medoid(hypotheses: torch.Tensor) -> torch.Tensor:
    joints = hypotheses.transpose(1, 2)  # (B, J, H, 3)
    # (B, H)
    total = sum(
        torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").sum(-1)
        for x in joints.unbind(1)
    )
    return hypotheses[torch.arange(len(hypotheses), device=hypotheses.device), total.argmin(1)]


def reprojection_errors(
    hypotheses: torch.Tensor,
    kp2d: torch.Tensor,
    intrinsics: torch.Tensor,
    *,
    root: torch.Tensor | None = None,
) -> torch.Tensor:
    """Distance in screen units between the joints' reprojections and the 2D input: (B, H, J, 3),
    (B, J, 2), (9,) or (B, 9) -> (B, H, J).

    root (B, 3) or (B, H, 3): where the hips stand; None estimates it for each hypothesis. With the
    true root the result is half an oracle.
    """
    if root is None:
        root = estimate_root(hypotheses, kp2d[:, None], intrinsics)
    root = root if root.ndim == 3 else root[:, None]
    return (project(hypotheses + root[:, :, None], intrinsics) - kp2d[:, None]).norm(dim=-1)

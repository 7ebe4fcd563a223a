"""A batch of sampled hypotheses -> every number that evaluation adds up, pose by pose."""

from dataclasses import dataclass

import torch

from ..data import PoseSet
from ..skeleton import bone_lengths
from .aggregation import ANSWERS, aggregate, reprojection_errors
from .calibration import covered, covered_whole
from .dispersion import squares
from .energy import energy_score
from .metrics import (
    area_under_curve,
    bone_asymmetry,
    hypothesis_errors,
    joint_errors,
    mpjpe,
    p_mpjpe,
    share_within,
)

CHOICES = ("p_avg", "p_best", "j_best", "j_avg")
HONEST = ("initial", *ANSWERS[1:])  # the mean is p_avg


@dataclass(frozen=True)
class Previous:
    """Which poses of a batch have the frame before them in the row before: mask (B,), and how many
    frames lie between, (B,).
    """

    mask: torch.Tensor
    gap: torch.Tensor


def score_batch(
    batch: PoseSet,
    samples: torch.Tensor,
    initial: torch.Tensor,
    previous: Previous,
    chosen: list[int],
) -> dict[str, torch.Tensor]:
    """Numbers of each pose, (B, ...), metres unless said: samples (K, B, H, J, 3), initial (B, J,
    3), both with joint 0 at the origin. chosen: the joints whose errors count, J' of them; what
    needs no ground truth is of all joints.

    errors (B, 2, K, 4): CHOICES under MPJPE and P-MPJPE. answers (B, 2, 5): HONEST poses of the
    last step. joints (B, 3, J'): errors of the initial and the mean pose, spread of the hypotheses.
    pck, auc, velocity (B, 2): initial and mean; velocity (metres a frame) is 0 where pairs (B,) is.
    variance (B, 2): of all coordinates, of depth. bones, asymmetry (B,): spread of bone lengths;
    left against right in the mean pose. reprojection (B,): screen units, root estimated. covered
    (B, J' - 1, 21), covered_whole (B, 21), squares and squares_seen: calibration, dispersion.
    """
    every, mean = samples[-1], samples[-1].mean(1)
    # As published, j_avg reprojects from the true root.
    reprojection = torch.stack(
        [reprojection_errors(x, batch.kp2d, batch.intrinsics, root=batch.root) for x in samples]
    )[..., chosen]
    errors = [
        hypothesis_errors(
            samples[..., chosen, :],
            batch.pose3d[:, chosen],
            reprojection_error=reprojection,
            align=align,
        )
        for align in (False, True)
    ]
    camera = {"kp2d": batch.kp2d, "intrinsics": batch.intrinsics}
    answers = [initial, *(aggregate(every, how, **camera) for how in HONEST[1:])]
    poses = torch.stack(answers, dim=1)[..., chosen, :]
    variance = every.var(1, correction=0).sum(1)  # (B, 3)
    hypotheses, target = every[..., chosen, :], batch.pose3d[:, chosen]
    two = torch.stack([initial, mean], dim=1)[..., chosen, :]
    off = joint_errors(two, target[:, None])
    seen = None if batch.confidence is None else batch.confidence[:, chosen]
    step = two.diff(dim=0) - target[:, None].diff(dim=0)
    velocity = torch.zeros_like(off[..., 0])
    velocity[1:] = step.norm(dim=-1).mean(-1) / previous.gap[1:, None].clamp_min(1)
    return {
        "errors": torch.stack(
            [torch.stack([e[name].T for name in CHOICES], dim=-1) for e in errors], dim=1
        ),
        "answers": torch.stack(
            [mpjpe(poses, target[:, None]), p_mpjpe(poses, target[:, None])], dim=1
        ),
        "joints": torch.cat([off, hypotheses.std(1, correction=0).norm(dim=-1)[:, None]], dim=1),
        "pck": share_within(off),
        "auc": area_under_curve(off),
        "velocity": velocity * previous.mask[:, None],
        "pairs": previous.mask,
        "variance": torch.stack([variance.sum(-1), variance[:, 2]], dim=-1),
        "bones": bone_lengths(every).std(1, correction=0).mean(-1),
        "asymmetry": bone_asymmetry(mean),
        "reprojection": reprojection_errors(every, **camera).mean((1, 2)),
        "covered": covered(hypotheses, target),
        "covered_whole": covered_whole(hypotheses, target),
        **squares(hypotheses, target, seen),
        "energy": torch.stack(
            [energy_score(hypotheses, target, by_joint=joint) for joint in (False, True)], dim=-1
        ),
    }

"""The energy score: one number that falls only if hypotheses are nearer to the ground truth, or
spread as far as they are wrong.
"""

import torch


def energy_score(
    hypotheses: torch.Tensor, target: torch.Tensor, *, by_joint: bool = False
) -> torch.Tensor:
    """E|X - y| - E|X - X'| / 2 of hypotheses (..., H, J, 3) and target (..., J, 3): (...), metres.

    A proper score: its mean is smallest for the distribution of the ground truth, so both too
    little and too much spread make it worse. | | is the length of the whole pose as one vector;
    by_joint: of each joint, averaged over joints. X and X' are always two different hypotheses, so
    the number of hypotheses does not bias the mean; with a single one only its error remains.
    Source: Gneiting and Raftery 2007, Strictly proper scoring rules, eq. 22.
    """
    if hypotheses.ndim < 3 or hypotheses.shape[-2:] != target.shape[-2:]:
        raise ValueError(
            f"hypotheses must be (..., H, J, 3) and the ground truth (..., J, 3), got "
            f"{tuple(hypotheses.shape)} and {tuple(target.shape)}"
        )
    if by_joint:  # each joint is a pose of one joint
        one = energy_score(
            hypotheses.movedim(-2, 0)[..., None, :], target.movedim(-2, 0)[..., None, :]
        )
        return one.mean(0)
    x, y = hypotheses.flatten(-2), target.flatten(-2)
    error = (x - y[..., None, :]).norm(dim=-1).mean(-1)
    many = x.shape[-2]
    if many == 1:
        return error
    pairs = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").sum((-2, -1))
    return error - pairs / (2 * many * (many - 1))

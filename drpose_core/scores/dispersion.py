"""Spread against error: are the hypotheses as far apart as their mean is wrong, and where not?"""

import math

import pandas as pd
import torch

from ..skeleton import JOINTS

AXES = ("x, across", "y, down", "z, away from the camera")
# of the detector's confidence; the first bin holds the joints that were not seen
BINS = (0.0, 0.15, 0.5, 0.8)


def squares(
    hypotheses: torch.Tensor, target: torch.Tensor, confidence: torch.Tensor | None = None
) -> dict[str, torch.Tensor]:
    """What dispersion() needs of hypotheses (B, H, J, 3) and target (B, J, 3), to be summed over
    poses: squared error of the mean and variance, (B, 2, J, 3), square metres.

    Both are expected to be equal if truth and hypotheses come from one distribution: the variance
    is the unbiased one, the error is freed from what a mean of only H adds. With a single
    hypothesis the variance is 0. confidence (B, J): also their sums over the joints in each of
    BINS and the number of those, (B, 3, 4).
    """
    many = hypotheses.shape[1]
    off = (hypotheses.mean(1) - target).square() / (1 + 1 / many)
    variance = hypotheses.var(1, correction=1) if many > 1 else torch.zeros_like(off)
    found = {"squares": torch.stack([off, variance], dim=1)}
    if confidence is not None:
        bins = torch.bucketize(confidence, confidence.new_tensor(BINS[1:]), right=True)
        member = torch.nn.functional.one_hot(bins, len(BINS)).to(off)  # (B, J, 4)
        parts = torch.stack([off.sum(-1), variance.sum(-1), torch.ones_like(off[..., 0])], dim=1)
        found["squares_seen"] = parts @ member
    return found


def dispersion(
    totals: dict[str, torch.Tensor], poses: int, joints: tuple[str, ...] = JOINTS
) -> pd.DataFrame:
    """Root mean square error and spread from summed squares(), by joint, by axis and by the
    detector's confidence. joints: the names of those that squares() was given, the hip first; it
    is where the others are measured from and does not count.

    Columns: by, name, joints (how many were averaged), error_mm, spread_mm, ratio (error /
    spread: 1 is calibrated, above 1 over-confident).
    """
    error, variance = totals["squares"][:, 1:]  # (J - 1, 3) each
    count = len(error) * poses
    rows = [("all", "all", count, error.sum(), variance.sum())]
    rows += [
        ("joint", name, poses, error[j].sum(), variance[j].sum())
        for j, name in enumerate(joints[1:])
    ]
    rows += [("axis", AXES[a], count, error[:, a].sum(), variance[:, a].sum()) for a in range(3)]
    for n, (off, spread, count) in enumerate(totals.get("squares_seen", torch.zeros(3, 0)).T):
        upper = f" to {BINS[n + 1]:g}" if n + 1 < len(BINS) else " and more"
        name = f"{BINS[n]:g}{upper}"
        rows.append(("confidence", name, round(float(count)), off, spread))
    found = []
    for by, name, count, off, spread in rows:
        if count:
            off, spread = (1000 * float(x / count) ** 0.5 for x in (off, spread))
            found.append((by, name, count, off, spread, off / spread if spread else math.nan))
    columns = ["by", "name", "joints", "error_mm", "spread_mm", "ratio"]
    return pd.DataFrame(found, columns=columns).round({"error_mm": 4, "spread_mm": 4, "ratio": 4})

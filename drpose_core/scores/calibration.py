"""Are the hypotheses as spread out as they are wrong? Calibration after Pierzchlewicz et al. 2022
(arXiv 2210.11179).
"""

from functools import cache

import pandas as pd
import torch

QUANTILES = torch.linspace(0, 1, 21)


def covered(hypotheses: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Whether the truth lies within each quantile of the hypotheses' own spread: (B, H, J, 3), (B,
    J, 3) -> (B, J - 1, 21) booleans.

    Around the coordinate-wise median of a joint's hypotheses: is the truth nearer than the
    q-quantile of their distances? Joint 0 is left out.
    """
    center, levels = _center_and_levels(hypotheses[..., 1:, :])
    return (levels > (target[..., 1:, :] - center).norm(dim=-1)).permute(1, 2, 0)


def covered_whole(hypotheses: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Whether the truth, as a whole pose, lies within each central share of its hypotheses: (B, H,
    J, 3), (B, J, 3) -> (B, 21) booleans.

    The truth joins its H hypotheses, and all H + 1 are ranked by their mean distance to the
    others, central ones first. If truth and hypotheses come from one distribution every rank is
    equally likely, for any H from 2 on, and however joints depend on each other; an over-confident
    sampler's truths come last. Source: the energy pre-rank of Allen et al. 2024 (Assessing the
    calibration of multivariate probabilistic forecasts), after Gneiting et al. 2008.
    """
    middle = (more_central(hypotheses, target) + 0.5) / (hypotheses.shape[1] + 1)  # of the step
    return middle[:, None] <= QUANTILES.to(middle.device) + 1e-6


def more_central(hypotheses: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How many of the hypotheses (B, H, J, 3) are nearer to all the others than the truth
    (B, J, 3) is: (B,) from 0 to H.
    """
    together = torch.cat([target[:, None], hypotheses], dim=1).flatten(2)
    apart = torch.cdist(together, together, compute_mode="donot_use_mm_for_euclid_dist")
    outward = apart.sum(-1)  # (B, H + 1)
    return (outward[:, 1:] < outward[:, :1]).sum(1)


def calibration_curve(
    hits: torch.Tensor, poses: int, hypotheses: int, *, whole: torch.Tensor | None = None
) -> pd.DataFrame:
    """The curve from summed covered(): hits (J - 1, 21) over n poses with H hypotheses
    each; whole (21,): covered_whole() summed.

    Columns: quantile, covered (share of poses, median over joints), fair (what a perfectly
    calibrated sampler with as many hypotheses shows); with whole also covered_whole and
    fair_whole, of whole poses. A curve below fair is over-confident.
    """
    if poses < 1:
        raise ValueError("a calibration curve needs poses")
    share = (hits.double() / poses).quantile(0.5, dim=0).cpu()
    curve = {"quantile": QUANTILES.double(), "covered": share, "fair": fair_curve(hypotheses)}
    if whole is not None:
        ranks = hypotheses + 1
        curve["covered_whole"] = whole.double().cpu() / poses
        curve["fair_whole"] = (ranks * QUANTILES.double() + 0.5 + 1e-6).floor() / ranks
    return pd.DataFrame(curve)


def calibration_error(curve: pd.DataFrame) -> dict[str, float]:
    """Of a curve: ece (mean distance from the diagonal), floor (that of a perfectly calibrated
    sampler with as many hypotheses), and confidence (mean of fair - covered: above 0 is
    over-confident); whole and whole_floor, those of whole poses, where the curve has them. Compare
    an ece with its floor, and only at equal H.
    """

    def distance(column):
        return float((curve[column] - curve["quantile"]).abs().mean())

    found = {
        "ece": distance("covered"),
        "floor": distance("fair"),
        "confidence": float((curve["fair"] - curve["covered"]).mean()),
    }
    if "covered_whole" in curve:
        found |= {"whole": distance("covered_whole"), "whole_floor": distance("fair_whole")}
    return found


def fair_curve(hypotheses: int, *, trials: int = 20_000, truths: int = 64) -> torch.Tensor:
    """covered() of a sampler whose hypotheses and truth come from one Gaussian, (21,) float64: by
    simulation, always with the same draws.

    It is not the diagonal: a few hypotheses know their own centre and quantiles only roughly. Each
    trial's hypotheses meet many truths.
    """
    if hypotheses < 1:
        raise ValueError(f"hypotheses must be at least 1, got {hypotheses}")
    return _simulated(hypotheses, trials, truths).clone()


@cache
def _simulated(hypotheses: int, trials: int, truths: int) -> torch.Tensor:
    """fair_curve, which takes a second or so, computed once."""
    draws, hits = torch.Generator().manual_seed(0), torch.zeros(len(QUANTILES), dtype=torch.float64)
    at_once = max(1, 200_000 // (hypotheses + truths))
    for start in range(0, trials, at_once):
        x = torch.randn(min(at_once, trials - start), hypotheses + truths, 3, generator=draws)
        center, levels = _center_and_levels(x[:, :hypotheses])
        distance = (x[:, hypotheses:] - center[:, None]).norm(dim=-1)
        hits += (levels[:, :, None] > distance).sum((1, 2), dtype=torch.float64)
    return hits / (trials * truths)


def _center_and_levels(hypotheses: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Coordinate-wise median (B, ..., 3) of (B, H, ..., 3), and the quantiles of the distances from
    it (21, B, ...).
    """
    # torch.median would take the lower of the two middle ones
    center = hypotheses.quantile(0.5, dim=1)
    return center, (hypotheses - center[:, None]).norm(dim=-1).quantile(
        QUANTILES.to(hypotheses), dim=1
    )

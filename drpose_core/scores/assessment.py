"""Summed scores -> the tables of an assessment."""

from dataclasses import dataclass

import pandas as pd
import torch

from ..skeleton import JOINTS
from .batch import CHOICES, HONEST
from .calibration import calibration_curve, calibration_error
from .dispersion import dispersion
from .tables import ORACLES

# Of a millimetre in tables: what lies below is the rounding of float32, which changes with the
# number of threads.
DIGITS = 4
PROTOCOLS = ("MPJPE", "P-MPJPE")
COLUMNS = ["action", "step", "protocol", "score", "error_mm", "poses", "oracle"]
WHO = ("initial pose", "mean pose")


@dataclass(frozen=True)
class Assessment:
    """What assess measures; every table says its units, and which scores are oracles."""

    scores: pd.DataFrame  # evaluate's table
    joints: pd.DataFrame  # joint, initial_mm, mean_mm, spread_mm
    calibration: pd.DataFrame  # quantile, covered, fair, covered_whole
    dispersion: pd.DataFrame  # error against spread by joint, axis, confidence (scores/dispersion)
    summary: pd.DataFrame  # quantity, value, unit


def assessment(
    totals: dict[str, torch.Tensor],
    actions: list[str],
    counts: torch.Tensor,
    *,
    steps: int,
    hypotheses: int,
    gap: int,
    joints: tuple[str, ...] = JOINTS,
) -> Assessment:
    """Tables of the sums of score_batch's numbers, (actions, ...) each, over counts (actions,)
    poses; gap: frames between consecutive poses, 0 where there are none; joints: the names of
    those whose errors were counted.
    """
    rows = [
        row
        for a, action in enumerate(actions)
        if counts[a]
        for row in _scores(totals, a, action, int(counts[a]), steps)
    ]
    total = {name: value.sum(0) for name, value in totals.items()}
    n = int(counts.sum())
    means = (1000 * total["joints"] / n).round(decimals=DIGITS).tolist()
    by_joint = pd.DataFrame(dict(zip(("initial_mm", "mean_mm", "spread_mm"), means)))
    by_joint.insert(0, "joint", joints)
    curve = calibration_curve(total["covered"], n, hypotheses, whole=total["covered_whole"])
    against = dispersion(total, n, joints)
    quantities = _quantities(total, n, gap)
    spread = ("spread of the hypotheses, mean over joints", by_joint.spread_mm[1:].mean(), "mm")
    energy = 1000 * total["energy"] / n
    energies = [
        ("energy score, whole pose (proper: lower is better)", energy[0], "mm"),
        ("energy score, mean over joints", energy[1], "mm"),
    ]
    ratio = ("error against spread (1: calibrated, above: over-confident)", against.ratio[0], "")
    summary = [*quantities, spread, *energies, *_calibration(curve, hypotheses), ratio]
    summary = [(name, round(float(value), DIGITS), unit) for name, value, unit in summary]
    summary = pd.DataFrame(summary, columns=["quantity", "value", "unit"])
    return Assessment(pd.DataFrame(rows, columns=COLUMNS), by_joint, curve, against, summary)


def _scores(totals: dict, a: int, action: str, poses: int, steps: int) -> list[tuple]:
    """The rows of one action: the initial pose first, then step by step."""
    errors, answers = totals["errors"][a], totals["answers"][a]  # (2, K, 4) and (2, 5)
    every, rows = errors.shape[1], []
    for p, protocol in enumerate(PROTOCOLS):
        cells = [
            (0 if name == "initial" else steps, name, answers[p, s])
            for s, name in enumerate(HONEST)
        ]
        cells += [
            (steps - every + k + 1, name, errors[p, k, s])
            for k in range(every)
            for s, name in enumerate(CHOICES)
        ]
        for step, name, total in sorted(cells, key=lambda cell: cell[0]):
            error_mm = round(1000 * total.item() / poses, DIGITS)
            rows.append((action, step, protocol, name, error_mm, poses, name in ORACLES))
    return rows


def _quantities(total: dict, n: int, gap: int) -> list[tuple]:
    """Quantity, value and unit, of the numbers that are means over all poses."""
    found = [(f"PCK at 150 mm, {who}", 100 * total["pck"][i] / n, "%") for i, who in enumerate(WHO)]
    found += [
        (f"AUC, 0 to 150 mm, {who}", 100 * total["auc"][i] / n, "%") for i, who in enumerate(WHO)
    ]
    if total["pairs"] > 0:
        velocity = 1000 * total["velocity"] / total["pairs"]
        name = f"MPJVE over {gap} frames of 50 Hz"
        found += [(f"{name}, {who}", velocity[i], "mm/frame") for i, who in enumerate(WHO)]
    pixels = 500 * total["reprojection"] / n
    whole, depth = total["variance"]
    share = 100 * depth / whole if whole > 0 else torch.zeros(())
    return [
        *found,
        ("left/right difference of bones, mean pose", 1000 * total["asymmetry"] / n, "mm"),
        ("share of the spread along the camera's axis", share, "%"),
        ("spread of bone lengths over hypotheses", 1000 * total["bones"] / n, "mm"),
        ("2D reprojection error, root estimated", pixels, "pixels of 1000"),
    ]


def _calibration(curve: pd.DataFrame, hypotheses: int) -> list[tuple]:
    fit = calibration_error(curve)
    return [
        (f"calibration error (ECE), H = {hypotheses}", fit["ece"], ""),
        ("  ECE of a perfect sampler with this H", fit["floor"], ""),
        ("  over-confidence (negative: under-confident)", fit["confidence"], ""),
        ("calibration error of whole poses", fit["whole"], ""),
        ("  that of a perfect sampler with this H", fit["whole_floor"], ""),
    ]

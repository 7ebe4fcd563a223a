"""One number that makes hypotheses as sure as they ought to be: how far they are widened."""

import math
from dataclasses import asdict

import torch
from tqdm import tqdm

from .data import PoseSet
from .model import DRPose, with_initial_poses
from .sampling import sample_poses
from .scores import energy_score
from .settings import Sampling
from .support import per_hypothesis
from .widening import widened

AT_ONCE = 2560  # hypotheses sampled at a time
LEAST, MOST = 0.25, 8.0  # factors that are looked at
GOLDEN = (math.sqrt(5) - 1) / 2


def calibrate(
    model: DRPose, poses: PoseSet, sampling: Sampling | None = None, *, seed: int = 0, **overrides
) -> float:
    """Find the factor on the hypotheses' distance from their mean (Sampling.widen) with the least
    mean energy score on poses, and give it to the model; returns the factor.

    poses: of people whom the model was not trained on and is not scored on afterwards; some 500
    are enough. model.sampling is then the sampling used with the factor, so that sample_poses takes
    it (widen=1 switches it off), and model.record["calibration"] says how it was found;
    save_checkpoint keeps both. sampling and overrides as in sample_poses, from two hypotheses on.
    The score is a convex function of the factor: golden-section search finds its minimum. Raises
    ValueError for an empty set, one without ground truth, and a single hypothesis.
    """
    poses.require_truth("calibrate")
    sampling = (sampling or model.sampling).but(**overrides).but(widen=1)
    if not len(poses) or sampling.hypotheses < 2:
        raise ValueError(
            f"calibrate needs poses and at least two hypotheses, got {len(poses)} poses and "
            f"{sampling.hypotheses}"
        )
    hypotheses, size = [], max(1, AT_ONCE // sampling.hypotheses)
    for first in tqdm(range(0, len(poses), size), "calibrate", leave=False):
        batch = with_initial_poses(model, poses[first : first + size])
        rows = range(first, first + len(batch))
        noise = per_hypothesis(seed)
        drawn = sample_poses(
            model, batch.observed, sampling, noise=noise, initial=batch.initial, rows=rows
        )
        hypotheses.append(drawn[-1])
    return keep_factor(model, torch.cat(hypotheses), poses, sampling, seed)


def keep_factor(
    model: DRPose, hypotheses: torch.Tensor, poses: PoseSet, sampling: Sampling, seed: int
) -> float:
    """Fit the factor to hypotheses (N, H, J, 3) of poses that were sampled with widen=1, and give
    it to the model as calibrate does; for films, whose hypotheses sample_film draws.
    """

    def score(factor: float) -> float:
        return energy_score(widened(hypotheses, factor), poses.pose3d).double().mean().item()

    factor = round(_minimum(score), 3)
    model.sampling = sampling.but(widen=factor)
    model.record["calibration"] = {
        "widen": factor,
        "energy_mm": [round(1000 * score(f), 2) for f in (1, factor)],  # before, after
        "subjects": poses.subjects(),
        "poses": len(poses),
        "sampling": asdict(sampling),
        "seed": seed,
    }
    return factor


def _minimum(score) -> float:
    """Where a convex function of the logarithm's range LEAST to MOST is least."""
    low, high = math.log(LEAST), math.log(MOST)
    while high - low > 1e-3:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if score(math.exp(left)) < score(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)

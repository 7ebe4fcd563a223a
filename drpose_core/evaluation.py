"""A PoseSet and a model -> a tidy table of errors."""

import warnings
from collections.abc import Sequence

import pandas as pd
import torch
from tqdm import tqdm

from .cameras import project
from .data import PoseSet
from .metrics import hypothesis_errors, mpjpe, p_mpjpe
from .model import DRPose, sample_poses, with_initial_poses
from .runtime import generator
from .skeleton import J, flip

# Scores that the truth has a hand in: a best hypothesis is picked by it; j_avg reprojects from the true root.
ORACLES = ("p_best", "j_best", "j_avg")


def evaluate(
    model: DRPose,
    poses: PoseSet,
    *,
    hypotheses: int = 5,
    steps: int = 5,
    flip_test: bool = True,
    spacing: str | Sequence[int] = "linear",
    batch_size: int = 64,
    seed: int = 0,
) -> pd.DataFrame:
    """Sample hypotheses for every pose and score them: one row for each action, step, protocol and score.

    Columns: action, step (0 for the score "initial", the lifter's own pose, flip-averaged if flip_test; the last step is the result),
    protocol ("MPJPE", "P-MPJPE"), score ("initial", "p_avg", "p_best", "j_best", "j_avg"), error_mm (mean over the action's poses), poses
    (their number), oracle (whether the truth had a hand in the score). The noise belongs to (seed, row of the pose), so that batch_size
    changes nothing. Raises ValueError for an empty set; warns if the model was trained on other keypoints or another skeleton.
    """
    if not len(poses) or batch_size < 1:
        raise ValueError(f"evaluate needs poses and a batch_size of at least 1, got {len(poses)} poses and {batch_size}")
    for sentence in wrong_pairing(model.record, poses):
        warnings.warn(sentence, stacklevel=2)
    device = poses.device
    names = ("initial", "p_avg", "p_best", "j_best", "j_avg")
    totals = torch.zeros(len(poses.actions), steps + 1, 2, len(names), dtype=torch.float64, device=device)
    for start in tqdm(range(0, len(poses), batch_size), desc="evaluate", leave=False):
        rows = torch.arange(start, min(start + batch_size, len(poses)))
        batch = with_initial_poses(model, poses[rows.to(device)])
        initial = batch.initial.clone()
        initial[:, :, 0] = 0
        initial = (initial[:, 0] + flip(initial[:, 1])) / 2 if flip_test else initial[:, 0]
        noise = torch.stack([torch.randn(steps, hypotheses, J, 3, generator=generator(seed, n)) for n in rows.tolist()], dim=1)
        chains = {"hypotheses": hypotheses, "steps": steps, "spacing": spacing, "noise": noise, "initial": batch.initial}
        samples = sample_poses(model, batch.kp2d, flip_test=flip_test, **chains)
        pixels = project((samples + batch.root[:, None, None]).transpose(0, 1), batch.intrinsics).transpose(0, 1)
        reprojection = (pixels - batch.kp2d[:, None]).norm(dim=-1)  # (K, B, H, J)
        scores = torch.zeros(len(batch), steps + 1, 2, len(names), dtype=torch.float64, device=device)
        for protocol, align in enumerate((False, True)):
            scores[:, 0, protocol, 0] = (p_mpjpe if align else mpjpe)(initial, batch.pose3d).double()
            errors = hypothesis_errors(samples, batch.pose3d, reprojection_error=reprojection, align=align)
            for column, name in enumerate(names[1:], start=1):
                scores[:, 1:, protocol, column] = errors[name].T.double()
        totals.index_add_(0, batch.action, scores)
    counts = torch.bincount(poses.action, minlength=len(poses.actions)).cpu()
    means_mm = totals.cpu() * 1000 / counts.clamp_min(1)[:, None, None, None]
    rows = [
        (action, step, protocol, name, means_mm[a, step, p, s].item(), int(counts[a]), name in ORACLES)
        for a, action in enumerate(poses.actions)
        if counts[a]
        for step in range(steps + 1)
        for p, protocol in enumerate(("MPJPE", "P-MPJPE"))
        for s, name in enumerate(names)
        if (step == 0) == (name == "initial")
    ]
    return pd.DataFrame(rows, columns=["action", "step", "protocol", "score", "error_mm", "poses", "oracle"])


def wrong_pairing(record: dict, poses: PoseSet) -> list[str]:
    """Sentences on how poses differ in kind from those a model was trained on, by its record; none if they do not, or nothing is known."""
    train = record.get("train")
    if not isinstance(train, dict):
        return []
    sentences = []
    kinds = {"keypoints": "the scores mix the model's error with the change of its input", "skeleton": "the scores include where joints sit"}
    for kind, consequence in kinds.items():
        trained, given = train.get(kind, "unknown"), getattr(poses, kind)
        if trained != given and "unknown" not in (trained, given):
            sentences.append(f"wrong pairing of model and poses: trained on {kind} {trained!r}, given {given!r}; {consequence}")
    return sentences


def table(scores: pd.DataFrame) -> pd.DataFrame:
    """The result of evaluate at a glance: mean over actions in mm at the last step, a row per score, a column per protocol."""
    last = scores[scores.step.isin([0, scores.step.max()])]
    means = last.groupby(["score", "protocol"], sort=False).error_mm.mean().unstack()
    means.insert(0, "oracle", [name in ORACLES for name in means.index])
    return means.rename_axis(columns=None)

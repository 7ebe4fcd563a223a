"""A PoseSet and a model -> tables of scores, in one pass over the poses, whose memory does not grow
with their number.
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import distributed
from tqdm import tqdm

from .data import PoseSet
from .experiments import fingerprint
from .model import DRPose, sample_poses, with_initial_poses
from .scores import (
    CHOICES,
    HONEST,
    ORACLES,
    Previous,
    calibration_curve,
    calibration_error,
    score_batch,
)
from .skeleton import JOINTS, J, flip
from .support import generator, process, written_whole

# sums are counted in nanometres as integers: their order cannot change a digit, so shards and
# resumed runs agree
UNIT = 1e-9
# of a millimetre in tables; what lies below is the rounding of float32, which changes with the
# number of threads
DIGITS = 4
AT_ONCE = 500_000  # hypotheses times steps held at a time


@dataclass(frozen=True)
class Assessment:
    """What assess measures; every table says its units, and which scores are oracles."""

    scores: pd.DataFrame  # evaluate's table
    joints: pd.DataFrame  # joint, initial_mm, mean_mm, spread_mm
    calibration: pd.DataFrame  # quantile, covered, fair
    summary: pd.DataFrame  # quantity, value, unit


def evaluate(model: DRPose, poses: PoseSet, **settings) -> pd.DataFrame:
    """Sample hypotheses for every pose and score them: one number a row. Settings are those of
    assess.

    Columns: action, step (0 for the score "initial", the lifter's own pose, flip-averaged if
    flip_test; the last step is the result), protocol ("MPJPE", "P-MPJPE"), score, error_mm (mean
    over the action's poses), poses (their number), oracle (whether the truth had a hand in the
    score). Scores of every step: p_avg (the mean), p_best, j_best, j_avg; of the last step also
    median, medoid, jpma, weighted (aggregation.aggregate). tables.table and paper_table show it at
    a glance.
    """
    return assess(model, poses, **settings).scores


def assess(
    model: DRPose,
    poses: PoseSet,
    *,
    hypotheses: int = 5,
    steps: int = 5,
    flip_test: bool = True,
    spacing: str | Sequence[int] = "linear",
    start: int | None = None,
    eta: float = 1.0,
    every_step: bool = True,
    batch_size: int | None = None,
    seed: int = 0,
    resume: str | Path | None = None,
) -> Assessment:
    """Everything that is measured, in one pass. The noise belongs to (seed, row of the pose), so
    that batches change nothing but rounding.

    every_step=False scores the last step alone. batch_size None fits memory. resume: the stem of a
    file that keeps what is done, so that the same call continues, or answers at once when all is
    done; forget(resume) deletes it. Under torch.distributed the processes share the poses and all
    get the same result. Raises ValueError for an empty set and for pictures of a single point;
    warns if the model was trained on other keypoints or another skeleton.
    """
    hypotheses, steps, seed = int(hypotheses), int(steps), int(seed)
    spacing = spacing if isinstance(spacing, str) else [int(t) for t in spacing]
    if hypotheses < 1 or steps < 1:
        raise ValueError(f"hypotheses and steps must be at least 1, got {hypotheses} and {steps}")
    batch_size = (
        max(1, min(64, AT_ONCE // (hypotheses * steps))) if batch_size is None else int(batch_size)
    )
    if not len(poses) or batch_size < 1:
        raise ValueError(
            f"evaluate needs poses and a batch_size of at least 1, got {len(poses)} poses and "
            f"{batch_size}"
        )
    pointlike = (poses.kp2d.amax(1) - poses.kp2d.amin(1)).amax(-1) < 1e-4
    if pointlike.any():
        first = int(pointlike.nonzero()[0])
        raise ValueError(
            f"{int(pointlike.sum())} of {len(poses)} poses have all 2D joints in one point, the "
            f"first is row {first} "
            f"({poses.sequences[poses.sequence[first]]}, frame {int(poses.frame[first])}): leave "
            "them out, poses[mask]"
        )
    for sentence in wrong_pairing(model.record, poses):
        warnings.warn(sentence, stacklevel=3)
    chain = {
        "hypotheses": hypotheses,
        "steps": steps,
        "spacing": spacing,
        "start": start,
        "eta": eta,
        "flip_test": flip_test,
    }
    rank, world = process()
    settings = chain | {
        "bf16": model.denoiser.bf16,
        "seed": seed,
        "every_step": every_step,
        "batch_size": batch_size,
        "world": world,
    }
    kept = _Kept(_file(Path(resume), model, poses, settings, rank) if resume else None)
    starts = range(0, len(poses), batch_size)[rank::world]
    counts = torch.bincount(poses.action, minlength=len(poses.actions)).cpu()
    gap = _gaps(poses)
    sums = kept.sums
    alone = len(starts) < 2 or rank > 0  # one batch has no progress to show
    for number in (
        bar := tqdm(
            range(kept.done, len(starts)),
            "evaluate",
            len(starts),
            initial=kept.done,
            leave=False,
            disable=alone,
        )
    ):
        first = starts[number]
        overlap = int(first > 0 and gap[first] > 0)  # a velocity needs the frame before
        rows = torch.arange(first - overlap, min(first + batch_size, len(poses)))
        batch = with_initial_poses(model, poses[rows.to(poses.device)])
        noise = torch.stack(
            [
                torch.randn(steps, hypotheses, J, 3, generator=generator(seed, n))
                for n in rows.tolist()
            ],
            dim=1,
        )
        samples = sample_poses(model, batch.kp2d, **chain, noise=noise, initial=batch.initial)
        samples = samples if every_step else samples[-1:]
        initial = batch.initial.clone()
        initial[:, :, 0] = 0
        initial = (initial[:, 0] + flip(initial[:, 1])) / 2 if flip_test else initial[:, 0]
        here = gap[rows].to(poses.device)
        for name, value in score_batch(batch, samples, initial, Previous(here > 0, here)).items():
            value = (value[overlap:].double() / UNIT).round().long().cpu()
            total = sums.setdefault(
                name, torch.zeros(len(poses.actions), *value.shape[1:], dtype=torch.int64)
            )
            total.index_add_(0, batch.action[overlap:].cpu(), value)
        kept.keep(number + 1)
        seen = min(first + batch_size, len(poses))
        done = number * batch_size + seen - first
        p_avg = sums["errors"][:, 0, -1, 0].sum().item() * UNIT * 1000 / done
        bar.set_postfix_str(f"p_avg {p_avg:.1f} mm")
    if world > 1:
        shares = [None] * world
        distributed.all_gather_object(
            shares, sums
        )  # a process may have had no batch, and then no sums
        sums = {
            name: sum(share[name] for share in shares if share)
            for name in next(share for share in shares if share)
        }
    every = int(gap.max())
    return _assessment(
        {name: total.double() * UNIT for name, total in sums.items()},
        poses.actions,
        counts,
        steps,
        hypotheses,
        every,
    )


def forget(resume: str | Path) -> None:
    """Delete what assess kept under a stem, of this run and of older ones with other settings."""
    for path in Path(resume).parent.glob(f"{Path(resume).name}-*-*.npz"):
        path.unlink(missing_ok=True)


def wrong_pairing(record: dict, poses: PoseSet) -> list[str]:
    """Sentences on how poses differ in kind from those a model was trained on, by its record; none
    if they do not, or nothing is known.
    """
    train = record.get("train")
    if not isinstance(train, dict):
        return []
    sentences = []
    kinds = {
        "keypoints": "the scores mix the model's error with the change of its input",
        "skeleton": "the scores include where joints sit",
    }
    for kind, consequence in kinds.items():
        trained, given = train.get(kind, "unknown"), getattr(poses, kind)
        if trained != given and "unknown" not in (trained, given):
            sentences.append(
                f"wrong pairing of model and poses: trained on {kind} {trained!r}, given "
                f"{given!r}; {consequence}"
            )
    return sentences


def _assessment(
    sums: dict[str, torch.Tensor],
    actions: list[str],
    counts: torch.Tensor,
    steps: int,
    hypotheses: int,
    gap: int,
) -> Assessment:
    """Tables of the summed numbers, (actions, ...) each; gap: frames between consecutive poses."""
    every = sums["errors"].shape[2]
    rows = []
    for a, action in enumerate(actions):
        if not counts[a]:
            continue
        for p, protocol in enumerate(("MPJPE", "P-MPJPE")):
            cells = [
                (0 if name == "initial" else steps, name, sums["answers"][a, p, s])
                for s, name in enumerate(HONEST)
            ]
            cells += [
                (steps - every + k + 1, name, sums["errors"][a, p, k, s])
                for k in range(every)
                for s, name in enumerate(CHOICES)
            ]
            for step, name, total in sorted(cells, key=lambda cell: cell[0]):
                rows.append(
                    (
                        action,
                        step,
                        protocol,
                        name,
                        round(1000 * total.item() / int(counts[a]), DIGITS),
                        int(counts[a]),
                        name in ORACLES,
                    )
                )
    scores = pd.DataFrame(
        rows, columns=["action", "step", "protocol", "score", "error_mm", "poses", "oracle"]
    )
    total = {name: value.sum(0) for name, value in sums.items()}
    n = int(counts.sum())
    joints = pd.DataFrame(
        dict(
            zip(
                ("initial_mm", "mean_mm", "spread_mm"),
                (1000 * total["joints"] / n).round(decimals=DIGITS).tolist(),
            )
        )
    )
    joints.insert(0, "joint", JOINTS)
    curve = calibration_curve(total["covered"], n, hypotheses)
    fit = calibration_error(curve)
    quantities = [
        (f"PCK at 150 mm, {who}", 100 * total["pck"][i] / n, "%")
        for i, who in enumerate(("initial pose", "mean pose"))
    ]
    quantities += [
        (f"AUC, 0 to 150 mm, {who}", 100 * total["auc"][i] / n, "%")
        for i, who in enumerate(("initial pose", "mean pose"))
    ]
    if total["pairs"] > 0:
        pairs = total["pairs"]
        quantities += [
            (
                f"MPJVE over {gap} frames of 50 Hz, {who}",
                1000 * total["velocity"][i] / pairs,
                "mm/frame",
            )
            for i, who in enumerate(("initial pose", "mean pose"))
        ]
    quantities += [
        ("left/right difference of bones, mean pose", 1000 * total["asymmetry"] / n, "mm"),
        ("spread of the hypotheses, mean over joints", joints.spread_mm[1:].mean(), "mm"),
        (
            "share of the spread along the camera's axis",
            100 * total["variance"][1] / total["variance"][0].clamp_min(UNIT),
            "%",
        ),
        ("spread of bone lengths over hypotheses", 1000 * total["bones"] / n, "mm"),
        (
            "2D reprojection error, root estimated",
            500 * total["reprojection"] / n,
            "pixels of 1000",
        ),
        (f"calibration error (ECE), H = {hypotheses}", fit["ece"], ""),
        ("  ECE of a perfect sampler with this H", fit["floor"], ""),
        ("  over-confidence (negative: under-confident)", fit["confidence"], ""),
    ]
    summary = pd.DataFrame(
        [(name, round(float(value), DIGITS), unit) for name, value, unit in quantities],
        columns=["quantity", "value", "unit"],
    )
    return Assessment(scores, joints, curve, summary)


def _gaps(poses: PoseSet) -> torch.Tensor:
    """Frames between each row and the one before, (N,), 0 where that is not the next frame of its
    sequence at the set's own rate.

    All 0 unless most rows follow each other: a random draw of poses has no velocities, whatever
    happens to lie side by side.
    """
    gap = torch.zeros(len(poses), dtype=torch.int64)
    ahead = (poses.frame[1:] - poses.frame[:-1]).cpu()
    ahead[(poses.sequence[1:] != poses.sequence[:-1]).cpu() | (ahead < 0)] = 0
    if (ahead > 0).any():
        gap[1:] = torch.where(ahead == ahead[ahead > 0].mode().values, ahead, 0)
    return gap if 2 * int((gap > 0).sum()) > len(poses) else torch.zeros_like(gap)


def _file(resume: Path, model: DRPose, poses: PoseSet, settings: dict, rank: int) -> Path:
    """Named by all that the sums depend on; a lifter that is no module is known by what it says of
    a few poses.
    """
    says = with_initial_poses(model, poses[:32]).initial
    digits = fingerprint(settings, asdict(model.config), model.denoiser, poses, says)
    return resume.with_name(f"{resume.name}-{digits}-{rank}.npz")


class _Kept:
    """The sums of a run so far, in a file if one is given."""

    def __init__(self, path: Path | None):
        self.path = path
        self.sums: dict[str, torch.Tensor] = {}
        self.done = 0
        if path and path.is_file():
            try:
                with np.load(path, allow_pickle=False) as file:
                    self.sums = {
                        name: torch.from_numpy(file[name]) for name in file.files if name != "done"
                    }
                    self.done = int(file["done"])
            except Exception as error:  # a damaged file can fail in any way
                raise ValueError(
                    f"{path} cannot be read ({' '.join(str(error).split())}): delete it to start "
                    "this evaluation afresh"
                ) from None

    def keep(self, done: int) -> None:
        if self.path:
            with written_whole(self.path) as temporary, open(temporary, "wb") as file:
                np.savez(
                    file, done=done, **{name: value.numpy() for name, value in self.sums.items()}
                )

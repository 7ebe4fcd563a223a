"""A PoseSet and a model -> tables of scores, in one pass over the poses, whose memory does not grow
with their number.
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from .data import PoseSet
from .experiments import fingerprint
from .model import DRPose, with_initial_poses
from .sampling import sample_poses
from .scores import Assessment, ExactSums, Previous, assessment, score_batch
from .settings import Sampling
from .skeleton import JOINTS, J
from .support import Noise, as_noise, process, read_npz, write_npz

AT_ONCE = 500_000  # hypotheses times steps held at a time


def evaluate(
    model: DRPose, poses: PoseSet, sampling: Sampling | None = None, **settings
) -> pd.DataFrame:
    """Sample hypotheses for every pose and score them; one number per row. The arguments are those
    of assess.

    Columns: action; step (0 for the score "initial", the lifter's own pose, averaged with the
    mirrored pass if flip_test; the last step is the result); protocol ("MPJPE", "P-MPJPE"); score;
    error_mm (mean over the poses of the action); poses (their number); oracle (whether the ground
    truth chose). Every step has the scores p_avg (the mean), p_best, j_best and j_avg; the last one
    also median, medoid, jpma and weighted (aggregate). table and paper_table summarise them.
    """
    return assess(model, poses, sampling, **settings).scores


def assess(
    model: DRPose,
    poses: PoseSet,
    sampling: Sampling | None = None,
    *,
    every_step: bool = True,
    batch_size: int | None = None,
    seed: int = 0,
    noise: Noise | torch.Tensor | None = None,
    joints: Sequence[int] | None = None,
    resume: str | Path | None = None,
    **overrides,
) -> Assessment:
    """Measure everything in one pass over poses with a ground truth.

    sampling and overrides as in sample_poses. noise: None is per_hypothesis(seed), which gives the
    hypotheses that sample_poses, predict and the explorer give for the same seed. every_step=False
    scores only the last step. batch_size: None chooses by memory; it changes results only by
    rounding. joints: whose errors count, such as skeleton.MARKED for a data set that does not have
    the others; the hip is always one of them. resume: the stem of a file that saves what is done,
    so that the same call resumes, or returns at once when all is done; forget(resume) deletes it.
    Under torch.distributed the processes share the poses, and all get the same result. Raises
    ValueError for a set that is empty or has no ground truth, and for pictures whose 2D joints
    coincide; warns if the model was trained on other keypoints or another skeleton.
    """
    sampling, seed = (sampling or model.sampling).but(**overrides), int(seed)
    if batch_size is None:
        batch_size = max(1, min(64, AT_ONCE // (sampling.hypotheses * sampling.steps)))
    batch_size = int(batch_size)
    _check(poses, batch_size)
    chosen = _chosen(joints)
    for sentence in [*wrong_pairing(model.record, poses), *_fitted_on(model, poses, sampling)]:
        warnings.warn(sentence, stacklevel=3)
    rank, world = process()
    path = None
    if resume:
        how = (asdict(sampling), model.denoiser.bf16, seed, noise, every_step, batch_size, world)
        how += (chosen,) if joints is not None else ()
        path = _file(Path(resume), model, poses, how, rank)
    sums, begin = _kept(path, len(poses.actions))
    noise = as_noise(noise, seed)
    starts = range(0, len(poses), batch_size)[rank::world]
    gap, seen = _gaps(poses), begin * batch_size
    alone = len(starts) < 2 or rank > 0  # one batch has no progress to show
    progress = {"total": len(starts), "initial": begin, "leave": False, "disable": alone}
    for number in (bar := tqdm(range(begin, len(starts)), "evaluate", **progress)):
        first = starts[number]
        overlap = int(first > 0 and gap[first] > 0)  # a velocity needs the frame before
        rows = torch.arange(first - overlap, min(first + batch_size, len(poses)))
        batch = with_initial_poses(model, poses[rows.to(poses.device)])
        samples = sample_poses(
            model, batch.observed, sampling, noise=noise, initial=batch.initial, rows=rows.tolist()
        )
        initial = batch.initial_pose(flip_test=sampling.flip_test)
        here = gap[rows].to(poses.device)
        samples = samples if every_step else samples[-1:]
        numbers = score_batch(batch, samples, initial, Previous(here > 0, here), chosen)
        sums.add({name: x[overlap:] for name, x in numbers.items()}, batch.action[overlap:])
        seen += len(rows) - overlap
        p_avg = sums.totals()["errors"][:, 0, -1, 0].sum().item() / seen
        bar.set_postfix_str(f"p_avg {1000 * p_avg:.1f} mm")
        if path:
            write_npz(path, done=number + 1, **{name: x.numpy() for name, x in sums.sums.items()})
    if world > 1:
        sums.gather()
    counts = torch.bincount(poses.action, minlength=len(poses.actions)).cpu()
    size = {"steps": sampling.steps, "hypotheses": sampling.hypotheses, "gap": int(gap.max())}
    size["joints"] = tuple(JOINTS[joint] for joint in chosen)
    return assessment(sums.totals(), poses.actions, counts, **size)


def forget(resume: str | Path) -> None:
    """Delete what assess kept under a stem, of this run and of older ones with other settings."""
    for path in Path(resume).parent.glob(f"{Path(resume).name}-*-*.npz"):
        path.unlink(missing_ok=True)


def wrong_pairing(record: dict, poses: PoseSet) -> list[str]:
    """Sentences on how poses differ in kind from those a model was trained on, by its record; none
    if they do not, or nothing is known.
    """
    sentences = []
    train = record.get("train")
    if not isinstance(train, dict):
        return sentences
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


def _fitted_on(model: DRPose, poses: PoseSet, sampling: Sampling) -> list[str]:
    """A sentence if the factor on the spread (calibrate) was fitted on subjects of these poses."""
    fitted = model.record.get("calibration")
    subjects = fitted.get("subjects", ()) if isinstance(fitted, dict) else ()
    both = sorted({*subjects} & {*poses.subjects()})
    if not both or sampling.widen == 1:
        return []
    return [
        f"the spread of the hypotheses was fitted on {', '.join(both)}, who are among these poses: "
        "its scores here are too good; widen=1 scores the model without it"
    ]


def _chosen(joints: Sequence[int] | None) -> list[int]:
    """The joints whose errors count, sorted, the hip first."""
    chosen = sorted({0, *map(int, range(J) if joints is None else joints)})
    if len(chosen) < 4 or chosen[0] < 0 or chosen[-1] >= J:
        raise ValueError(
            f"joints must name at least three besides the hip, by their numbers up to {J - 1}, got "
            f"{joints}"
        )
    return chosen


def _check(poses: PoseSet, batch_size: int) -> None:
    """What cannot be scored is refused before any work."""
    if not len(poses) or batch_size < 1:
        raise ValueError(
            f"evaluate needs poses and a batch_size of at least 1, got {len(poses)} poses and "
            f"{batch_size}"
        )
    poses.require_truth("evaluate")
    pointlike = (poses.kp2d.amax(1) - poses.kp2d.amin(1)).amax(-1) < 1e-4
    if pointlike.any():
        first = int(pointlike.nonzero()[0])
        where = f"{poses.sequences[poses.sequence[first]]}, frame {int(poses.frame[first])}"
        raise ValueError(
            f"{int(pointlike.sum())} of {len(poses)} poses have all 2D joints at one point, the "
            f"first is row {first} ({where}): leave them out, poses[mask]"
        )


def _kept(path: Path | None, actions: int) -> tuple[ExactSums, int]:
    """The sums so far and the number of batches in them."""
    if path is None or not path.is_file():
        return ExactSums(actions), 0
    try:
        arrays = read_npz(path)
        done = int(arrays.pop("done"))
        return ExactSums(actions, {name: torch.from_numpy(x) for name, x in arrays.items()}), done
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}): delete it to start this evaluation from scratch"
        ) from None


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


def _file(resume: Path, model: DRPose, poses: PoseSet, how: tuple, rank: int) -> Path:
    """Named by all that the sums depend on; a lifter that is no module is known by what it says of
    a few poses.
    """
    says = with_initial_poses(model, poses[:32]).initial
    digits = fingerprint(list(how), asdict(model.config), model.denoiser, poses, says)
    return resume.with_name(f"{resume.name}-{digits}-{rank}.npz")

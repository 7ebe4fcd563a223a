"""Poses of pictures without a ground truth: hypotheses, the answer chosen among them, how far they
spread, and where the person stands.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

from .cameras import estimate_root
from .data import PoseSet
from .experiments import fingerprint
from .films import FilmDRPose, sample_film
from .keypoints import picture_frame
from .model import DRPose, with_initial_poses
from .sampling import sample_poses
from .scores import aggregate, reprojection_errors
from .settings import Sampling
from .skeleton import J
from .support import Noise, as_noise, read_npz, write_npz

AT_ONCE = 2560  # hypotheses sampled at a time
FRAMES_AT_ONCE = 2000  # of a film, by a film model
STRANGE_FIT = 0.15  # misfit above which no pose was found that looks like the keypoints
_ARRAYS = ("hypotheses", "pose3d", "spread", "root", "misfit")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions for N poses. Metres, in the frame of the picture's own camera: x to the right, y
    down, z away from the camera.

    Add root to a pose, hypothesis or answer to get its position in front of the camera. The
    distance depends on the camera's field of view, and on the person being as tall as those that
    the model was trained on.
    """

    poses: PoseSet  # the pictures' keypoints
    hypotheses: torch.Tensor  # (N, H, J, 3) relative to joint 0
    pose3d: torch.Tensor  # (N, J, 3) the answer, relative to joint 0
    spread: torch.Tensor  # (N, J) root mean square distance of the hypotheses from their mean
    root: torch.Tensor  # (N, 3) where joint 0 of the answer is, as estimate_root has it
    # (N,) mean distance of the answer's joints, projected, from the keypoints seen; in sizes of the
    # person (see predict)
    misfit: torch.Tensor

    def __len__(self) -> int:
        return len(self.pose3d)

    def rows(self, index) -> "Prediction":
        """Some of the poses, for an index that a PoseSet takes."""
        arrays = {name: getattr(self, name)[index] for name in _ARRAYS}
        return Prediction(poses=self.poses[index], **arrays)


def predict(
    model: DRPose,
    poses: PoseSet,
    sampling: Sampling | None = None,
    *,
    answer: str = "mean",
    seed: int = 0,
    noise: Noise | torch.Tensor | None = None,
    keep: str | Path | None = None,
    fps: float | None = None,
    **overrides,
) -> Iterator[Prediction]:
    """Predict poses batch by batch, so that memory stays bounded; joined(predict(...)) gives all of
    them at once.

    poses: from Keypoints.poses, or any PoseSet; its ground truth is not used. sampling and
    overrides as in sample_poses. answer: an argument of aggregate. noise: None is
    per_hypothesis(seed), so that in a film, with eta = 0, a hypothesis changes only as the input
    does. keep: a folder that saves each finished batch; after an interruption, the same call
    resumes from there (forget deletes it). fps: the rate at which poses.frame counts, if the poses
    are of a film; a film model then sees each frame with its neighbours (sample_film). misfit
    compares a projected pose with its keypoints, in units of the root mean square distance of a
    person's joints from their mean; above STRANGE_FIT, no pose was found that matches the
    keypoints. Raises ValueError for an empty set and for arguments that do not fit together.
    """
    if not len(poses):
        raise ValueError("nothing to predict: the set of poses is empty")
    sampling = (sampling or model.sampling).but(**overrides)
    film = fps is not None and isinstance(model, FilmDRPose)
    size = FRAMES_AT_ONCE if film else max(1, AT_ONCE // sampling.hypotheses)
    starts = range(0, len(poses), size)
    stem = None
    if keep is not None:
        how = [asdict(sampling), answer, seed, noise, model.denoiser.bf16, size]
        how += [fps] if film else []
        says = with_initial_poses(model, poses[:32]).initial
        stem = Path(keep) / fingerprint(how, model.config, model.denoiser, poses, says)
    noise = noise if film else as_noise(noise, seed)
    # No least interval: what was kept is there at once, and must show before the first new batch.
    progress = {"disable": len(starts) < 2, "leave": False, "mininterval": 0}
    for number, first in enumerate(tqdm(starts, "predict", **progress)):
        batch = poses[first : first + size]
        path = stem and stem.with_name(f"{stem.name}-{number:06d}.npz")
        if path and (kept := _kept(path, batch, sampling.hypotheses)) is not None:
            yield kept
            continue
        rows = range(first, first + len(batch))
        if film:
            found = sample_film(model, poses, sampling, fps=fps, rows=rows, noise=noise, seed=seed)
        else:
            found = sample_poses(
                model, batch.observed, sampling, noise=noise, initial=batch.initial, rows=rows
            )[-1]
        found = _in_own_frame(batch, found, answer)
        if path:
            write_npz(path, **{name: getattr(found, name).numpy() for name in _ARRAYS})
        yield found


def joined(parts) -> Prediction:
    """Join several predictions, as predict yields them, into one."""
    parts = list(parts)
    if not parts:
        raise ValueError("nothing to join")
    sets = [part.poses for part in parts]
    columns = {name: torch.cat([getattr(s, name) for s in sets]) for name in sets[0].tensors()}
    arrays = {name: torch.cat([getattr(part, name) for part in parts]) for name in _ARRAYS}
    return Prediction(poses=replace(sets[0], **columns), **arrays)


def forget(keep: str | Path) -> None:
    """Delete what predict kept in a folder, and the folder if nothing else is in it."""
    keep = Path(keep)
    for path in keep.glob("*.npz"):
        if re.fullmatch(r"[0-9a-f]{16}-\d{6,}\.npz", path.name):
            path.unlink(missing_ok=True)
    if keep.is_dir() and not any(keep.iterdir()):
        keep.rmdir()


def _in_own_frame(batch: PoseSet, samples: torch.Tensor, answer: str) -> Prediction:
    pose = aggregate(samples, answer, kp2d=batch.kp2d, intrinsics=batch.intrinsics)
    root = estimate_root(pose, batch.kp2d, batch.intrinsics)
    # (N, J)
    off = reprojection_errors(pose[:, None], batch.kp2d, batch.intrinsics, root=root)[:, 0]
    seen = torch.ones_like(off) if batch.confidence is None else (batch.confidence > 0).to(off)
    size = (batch.kp2d - batch.kp2d.mean(1, keepdim=True)).square().sum(-1).mean(-1).sqrt()
    misfit = (off * seen).sum(1) / seen.sum(1).clamp_min(1) / size
    spread = samples.var(1, correction=0).sum(-1).sqrt()
    if batch.rotation is not None:
        samples, pose, root = (picture_frame(x, batch.rotation) for x in (samples, pose, root))
    return Prediction(batch.to("cpu"), *(x.cpu() for x in (samples, pose, spread, root, misfit)))


def _kept(path: Path, batch: PoseSet, hypotheses: int) -> Prediction | None:
    """What an earlier call kept of a batch; None if there is nothing, or nothing that can be read,
    which is then computed again.
    """
    if not path.is_file():
        return None
    try:
        kept = read_npz(path)
        arrays = {name: torch.from_numpy(kept[name]) for name in _ARRAYS}
        if arrays["hypotheses"].shape != (len(batch), hypotheses, J, 3):
            raise ValueError(f"it has {tuple(arrays['hypotheses'].shape)}")
        return Prediction(batch.to("cpu"), **arrays)
    except (ValueError, KeyError, TypeError) as error:
        warnings.warn(f"{path} cannot be read ({error}): computed again", stacklevel=3)
        return None

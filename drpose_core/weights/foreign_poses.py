"""Initial poses that another model predicted, read from a file and matched to a PoseSet by subject,
action, camera and frame.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..data import PoseSet
from ..skeleton import J, flip
from ..support import read_pickled_npz, write_npz

COLUMNS = ("subject", "action", "camera", "frame", "pose3d")
KEY = "positions_3d"
REMEDY = "data/README.md shows the two layouts, save_predictions writes one"
# "subject/action/camera" -> frames (n,) in order, poses (n, J, 3)
Sequences = dict[str, tuple[np.ndarray, np.ndarray]]


def with_predictions(poses: PoseSet, path: str | Path) -> PoseSet:
    """The set with the predictions of a file as its initial poses, which replace the lifter's in
    training, sampling and scores.

    Flat layout, an npz of columns: subject, action (the recording, "Walking 1"), camera (M,), frame
    (M,) as in PoseSet.frame (at 50 Hz), pose3d (M, J, 3). Or the layout of the 2D files, {subject:
    {action: [one (frames, J, 3) per camera]}} in "positions_3d". Metres, camera frame, relative to
    joint 0. The file may hold more poses than the set. The mirrored pass gets the mirrored
    prediction. Raises FileNotFoundError, or ValueError that names the first pose without a
    prediction or says what is wrong with the numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {REMEDY}")
    found = _read(path)
    result = np.empty((len(poses), J, 3), dtype=np.float32)
    frames, sequence = poses.frame.cpu().numpy(), poses.sequence.cpu().numpy()
    lacking = []
    for number in np.unique(sequence):
        rows, name = np.flatnonzero(sequence == number), poses.sequences[number]
        if name.count("/") != 2:
            raise ValueError(
                f'the poses\' sequence {name!r} is not named "subject/action/camera": predictions '
                "cannot be matched to it"
            )
        known, predicted = found.get(name, (np.empty(0, int), result[:0]))
        place = np.searchsorted(known, frames[rows])
        hit = (place < len(known)) & (
            known[np.minimum(place, len(known) - 1)] == frames[rows] if len(known) else False
        )
        lacking += [(name, frame) for frame in frames[rows][~hit]]
        result[rows[hit]] = predicted[place[hit]]
    if lacking:
        (subject, action, camera), frame = lacking[0][0].split("/"), lacking[0][1]
        have = f"; it has {', '.join(list(found)[:3])}{', ...' if len(found) > 3 else ''}"
        raise ValueError(
            f"{path} lacks predictions for {len(lacking)} of {len(poses)} poses, the first of them "
            f"subject {subject}, action {action}, "
            f"camera {camera}, frame {frame}{have}: {REMEDY}"
        )
    initial = torch.from_numpy(result).to(poses.device)
    _check(path, initial, poses.kp2d)
    return replace(poses, initial=torch.stack([initial, flip(initial)], dim=1))


def save_predictions(path: str | Path, poses: PoseSet, pose3d: torch.Tensor) -> None:
    """Write predictions pose3d (N, J, 3) for the poses of a set, in the flat layout that
    with_predictions reads.
    """
    if tuple(pose3d.shape) != (len(poses), J, 3):
        raise ValueError(
            f"predictions must be (N, J, 3) = {(len(poses), J, 3)}, got {tuple(pose3d.shape)}"
        )
    takes = [poses.takes[i] for i in poses.sequence.tolist()]
    if not all(take.recording for take in takes):
        raise ValueError('the poses\' sequences are not named "subject/action/camera"')
    columns = np.array(takes, dtype=str).reshape(-1, 3).T
    arrays = {"frame": poses.frame.cpu().numpy(), "pose3d": pose3d.detach().float().cpu().numpy()}
    write_npz(path, **dict(zip(COLUMNS, columns)), **arrays)


def _read(path: Path) -> Sequences:
    try:
        with np.load(path, allow_pickle=False) as file:
            names = set(file.files)
            flat = {name: file[name] for name in COLUMNS} if names >= set(COLUMNS) else None
    except Exception as error:  # a damaged file can fail in any way
        raise ValueError(
            f"{path} cannot be read ({' '.join(str(error).split())}): {REMEDY}"
        ) from None
    if flat is not None:
        return _from_columns(path, flat)
    if KEY in names:
        return _from_dictionary(path, read_pickled_npz(path, KEY, remedy=REMEDY))
    raise ValueError(
        f"{path} holds {', '.join(sorted(names)) or 'nothing'}, not {', '.join(COLUMNS)} or {KEY}: "
        f"{REMEDY}"
    )


def _from_columns(path: Path, columns: dict[str, np.ndarray]) -> Sequences:
    pose3d, frame = columns["pose3d"], columns["frame"]
    _numbers(path, "pose3d", pose3d)
    if bad := [name for name in COLUMNS[:4] if columns[name].shape != (len(pose3d),)]:
        raise ValueError(
            f"{path}: {', '.join(bad)} should have one entry for each of the {len(pose3d)} poses: "
            f"{REMEDY}"
        )
    if frame.dtype.kind not in "iu":
        raise ValueError(f"{path}: frame should hold integers, it is {frame.dtype}: {REMEDY}")
    keys = pd.DataFrame(
        {name: columns[name].astype(str) for name in COLUMNS[:3]} | {"frame": frame}
    )
    if (twice := keys.duplicated()).any():
        raise ValueError(
            f"{path} holds two predictions for {', '.join(map(str, keys[twice].iloc[0]))}: {REMEDY}"
        )
    found = {}
    for name, rows in keys.groupby(list(COLUMNS[:3])).indices.items():
        rows = rows[np.argsort(frame[rows])]
        found["/".join(name)] = frame[rows], pose3d[rows]
    return found


def _from_dictionary(path: Path, content: object) -> Sequences:
    if not isinstance(content, dict) or not all(
        isinstance(actions, dict) for actions in content.values()
    ):
        raise ValueError(f"{path}: {KEY} is no dictionary of subjects and actions: {REMEDY}")
    found = {}
    for subject, actions in content.items():
        for action, views in actions.items():
            if not isinstance(views, list | tuple | np.ndarray) or getattr(views, "ndim", 1) == 0:
                raise ValueError(
                    f"{path}: {subject}/{action} should be a list of cameras, it is "
                    f"{type(views).__name__}: {REMEDY}"
                )
            for camera, view in enumerate(views):
                _numbers(path, name := f"{subject}/{action}/{camera}", view)
                found[name] = np.arange(len(view)), view
    return found


def _numbers(path: Path, name: str, array: object) -> None:
    if (
        not isinstance(array, np.ndarray)
        or array.dtype.kind not in "fiu"
        or array.ndim != 3
        or array.shape[1:] != (J, 3)
    ):
        shape = getattr(array, "shape", type(array).__name__)
        raise ValueError(
            f"{path}: {name} should be numbers (poses, {J}, 3), it is {shape}: {REMEDY}"
        )


def _check(path: Path, initial: torch.Tensor, kp2d: torch.Tensor) -> None:
    """Whether these can be poses of those pictures: finite, metres, relative to joint 0, in the
    camera frame. Does not see the truth.
    """
    if not len(initial):
        return
    if not torch.isfinite(initial).all():
        raise ValueError(f"{path} holds NaN or infinite numbers: drop those poses or fill them")
    size = initial.abs().amax(dim=(1, 2))
    if initial[:, 0].norm(dim=-1).median() > 0.25 * size.median():
        raise ValueError(
            f"{path}: the predictions are not relative to joint 0: subtract pose3d[:, :1]"
        )
    if size.max() > 5 or size.median() < 0.3:
        raise ValueError(
            f"{path}: the joints are up to {size.max():.3g} from the root, {size.median():.3g} as "
            "a rule: metres are needed"
        )
    likeness = _likeness(initial[..., :2], kp2d)
    # upright people look alike: what is left when the mean pose is taken away must agree too
    if len(initial) >= 20 and likeness > 0.5:
        likeness = _likeness(
            *(_centred(x) - _centred(x).mean(dim=0) for x in (initial[..., :2], kp2d))
        )
    if likeness < 0.5:
        raise ValueError(
            f"{path}: seen from the front the predictions do not look like the 2D input "
            f"(correlation {likeness:.2f}): "
            "they must be in the camera frame (x right, y down), in Human3.6M's joint order, and "
            "belong to these poses"
        )


def _centred(x: torch.Tensor) -> torch.Tensor:
    """(N, J, 2) around their mean joint, all of one size, since the distance from the camera is not
    known here.
    """
    x = x - x.mean(dim=1, keepdim=True)
    return x / x.square().sum(dim=(1, 2), keepdim=True).sqrt().clamp_min(1e-9)


def _likeness(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Median over poses of the correlation of two sets of flat poses (N, J, 2)."""
    return (_centred(a) * _centred(b)).sum(dim=(1, 2)).median()

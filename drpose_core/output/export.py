"""Predictions -> files for other programs: JSON with everything, CSV and Parquet with the answers,
joint angles, and BVH, TRC and glTF with the motion of each person.
"""

import importlib.util
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from ..prediction import Prediction
from ..skeleton import JOINTS, PARENTS
from ..support import written_whole
from .angles import joint_angles, mean_and_spread
from .bvh import write_bvh
from .gltf import need_pygltflib, write_glb
from .motion import motions, persons
from .trc import write_trc

Add = Callable[[Prediction], None]  # takes the next part of a file
AXES = "the picture's camera: x to the right, y down, z away from the camera"


def check_path(path: str | Path) -> Path:
    """The path, if write_predictions can write such a file here; ValueError with a sentence if not,
    before any work is done.
    """
    path = Path(path)
    suffix = suffix_of(path)
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: the name must end in {', '.join(SUFFIXES)}")
    if suffix == ".glb":
        need_pygltflib(path)
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ValueError(f"{path}: Parquet needs pyarrow: pip install pyarrow, or take .csv")
    return path


def write_predictions(
    path: str | Path | Sequence[str | Path],
    parts: Prediction | Iterable[Prediction],
    *,
    fps: float = 30.0,
    about: dict | None = None,
) -> list[Path]:
    """Write predictions, one or a stream of them as predict yields, in the format of the path's
    suffix. Several paths are written in one pass. Returns the files written.

    .json: {"about": units, axes, joints and what the caller adds, "poses": [one per person and
    frame: frame, person, root, pose, spread, confidence, misfit, hypotheses]}, metres. .csv,
    .parquet: one row per joint of the answer: frame, person, joint, x, y, z (relative to the root),
    root_x, root_y, root_z, misfit, spread, confidence; metres. .angles.csv: one row per person and
    frame, degrees; the mean and the spread of each angle over the hypotheses (see angles). .bvh,
    .trc, .glb: the answer's motion at fps (see bvh, trc, gltf), upright in the world of the
    estimated floor (see floor); frames without a pose are interpolated. With several people there
    is one file each, with the person's number in its name, from the person's first frame to the
    last; a person with too few poses for that is left out with a warning. Files are written
    atomically; if one fails, its error is raised after the others are written.
    """
    paths = [path] if isinstance(path, str | Path) else path
    paths = list(dict.fromkeys(map(check_path, paths)))
    parts = iter([parts] if isinstance(parts, Prediction) else parts)
    first = next(parts, None)
    if first is None:
        raise ValueError(f"{paths[0]}: nothing to write, there are no predictions")
    written: dict[Path, list[Path]] = {}
    writers = {p: _WRITERS[suffix_of(p)](p, fps, about or {}, written) for p in paths}
    adders, errors = {p: writer.__enter__() for p, writer in writers.items()}, []

    def close(p: Path, error: Exception | None = None) -> None:
        try:
            writers.pop(p).__exit__(type(error) if error else None, error, None)
        except Exception as found:  # in the writer's own words
            errors.append(found)
        else:
            errors.extend([error] if error else [])

    try:
        for part in itertools.chain([first], parts):
            for p in [*writers]:  # one that fails spoils only itself
                try:
                    adders[p](part)
                except Exception as error:
                    close(p, error)
    except BaseException:  # of the stream, not of a file: nothing is written
        for writer in writers.values():
            writer.__exit__(_Stopped, _Stopped(), None)
        raise
    for p in [*writers]:
        close(p)
    if errors:
        raise errors[0]
    return [file for p in paths for file in written[p]]


class _Stopped(Exception):
    """Told to writers whose predictions end too early."""


def table(prediction: Prediction) -> pd.DataFrame:
    """The answers as a table, one row per joint: what CSV and Parquet hold."""
    n, joints = len(prediction), len(JOINTS)
    pose = prediction.pose3d.numpy().reshape(-1, 3)
    root = np.repeat(prediction.root.numpy(), joints, axis=0)
    columns = {
        "frame": np.repeat(prediction.poses.frame.numpy(), joints),
        "person": np.repeat(persons(prediction), joints),
    }
    columns["joint"] = np.tile(np.array(JOINTS, dtype=str), n)
    columns |= dict(zip("xyz", pose.T.round(5))) | {
        f"root_{axis}": values.round(5) for axis, values in zip("xyz", root.T)
    }
    columns["misfit"] = np.repeat(prediction.misfit.numpy().round(4), joints)
    columns["spread"] = prediction.spread.numpy().ravel().round(5)
    columns["confidence"] = _confidence(prediction).ravel().round(3)
    return pd.DataFrame(columns)


@contextmanager
def _json(path: Path, fps: float, about: dict, written: dict) -> Iterator[Add]:
    facts = {"units": "metres", "axes": AXES, "pose": "relative to the root, joint 0"}
    facts |= {"joints": JOINTS, "parents": PARENTS} | about
    with written_whole(path) as temporary, open(temporary, "w") as file:
        file.write('{"about": ' + json.dumps(facts) + ',\n"poses": [')
        separator = "\n"

        def add(part: Prediction) -> None:
            nonlocal separator
            for item in _items(part):
                file.write(separator + json.dumps(item))
                separator = ",\n"

        yield add
        file.write("\n]}\n")
    written[path] = [path]


def _items(part: Prediction) -> Iterator[dict]:
    who, confidence = persons(part), _confidence(part)
    for n in range(len(part)):
        arrays = {
            "root": part.root[n],
            "pose": part.pose3d[n],
            "spread": part.spread[n],
            "confidence": confidence[n],
            "misfit": part.misfit[n],
        }
        arrays["hypotheses"] = part.hypotheses[n]
        item = {"frame": int(part.poses.frame[n]), "person": int(who[n])}
        yield item | {
            name: np.asarray(value, dtype=float).round(4).tolist() for name, value in arrays.items()
        }


@contextmanager
def _csv(path: Path, fps: float, about: dict, written: dict) -> Iterator[Add]:
    with written_whole(path) as temporary, open(temporary, "w", newline="") as file:

        def add(part: Prediction) -> None:
            table(part).to_csv(file, header=not file.tell(), index=False)

        yield add
    written[path] = [path]


@contextmanager
def _parquet(path: Path, fps: float, about: dict, written: dict) -> Iterator[Add]:
    import pyarrow  # an optional dependency
    import pyarrow.parquet

    writer = None
    with written_whole(path) as temporary:

        def add(part: Prediction) -> None:
            nonlocal writer
            rows = pyarrow.Table.from_pandas(table(part), preserve_index=False)
            writer = writer or pyarrow.parquet.ParquetWriter(temporary, rows.schema)
            writer.write_table(rows)

        try:
            yield add
        finally:
            if writer:
                writer.close()
    written[path] = [path]


@contextmanager
def _angles(path: Path, fps: float, about: dict, written: dict) -> Iterator[Add]:
    with written_whole(path) as temporary, open(temporary, "w", newline="") as file:

        def add(part: Prediction) -> None:
            rows = {"frame": part.poses.frame.numpy(), "person": persons(part)}
            for name, angles in joint_angles(part.hypotheses).items():
                mean, spread = mean_and_spread(angles)
                rows |= {name: mean.round(2), f"{name}_spread": spread.round(2)}
            pd.DataFrame(rows).to_csv(file, header=not file.tell(), index=False)

        yield add
    written[path] = [path]


def _motion(write: Callable) -> Callable:
    """The writer of a format that holds the motion of one person, of a function that writes it."""

    @contextmanager
    def writer(path: Path, fps: float, about: dict, written: dict) -> Iterator[Add]:
        parts: list[Prediction] = []
        yield parts.append
        written[path] = []
        for motion in motions(path, parts, fps):
            write(motion.path, motion.places, motion.fps, motion.start)
            written[path].append(motion.path)

    return writer


def _write_bvh(path: Path, places: np.ndarray, fps: float, start: float) -> None:
    write_bvh(path, places * (1, -1, -1), fps=fps)  # of a camera that stands level on the floor


# By what a name ends in; the longest that fits.
_WRITERS = {
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
    ".angles.csv": _angles,
    ".bvh": _motion(_write_bvh),
    ".trc": _motion(write_trc),
    ".glb": _motion(write_glb),
}
SUFFIXES = tuple(_WRITERS)


def suffix_of(path: Path) -> str:
    """What decides the format: .angles.csv of walk.angles.csv; the plain suffix where none fits."""
    fitting = [suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)]
    return max(fitting, key=len, default=path.suffix.lower())


def _confidence(prediction: Prediction) -> np.ndarray:
    known = prediction.poses.confidence
    return np.ones(prediction.spread.shape) if known is None else known.numpy()

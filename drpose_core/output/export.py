"""Predictions -> files for other programs: JSON with everything, CSV and Parquet with the answers,
BVH with the motion of each person.
"""

import importlib.util
import itertools
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from ..keypoints import film_of
from ..prediction import Prediction
from ..skeleton import JOINTS, PARENTS
from ..support import written_whole
from .bvh import write_bvh
from .motion import persons

Add = Callable[[Prediction], None]  # takes the next part of a file
SUFFIXES = (".json", ".csv", ".parquet", ".bvh")
SPARSE = 10  # frames for a pose, beyond which a BVH would be nearly all invented
AXES = "the picture's camera: x to the right, y down, z away from the camera"


def check_path(path: str | Path) -> Path:
    """The path, if write_predictions can write such a file here; ValueError with a sentence if not,
    before any work is done.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: the name must end in {', '.join(SUFFIXES)}")
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
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
    suffix; several paths are written in one pass. Returns the files written.

    .json: {"about": units, axes, joints and what the caller adds, "poses": [one per person and
    frame: frame, person, root, pose, spread, confidence, misfit, hypotheses]}, metres. .csv,
    .parquet: one row per joint of the answer: frame, person, joint, x, y, z (relative to the root),
    root_x, root_y, root_z, misfit, spread, confidence; metres. .bvh: the answer's motion at fps
    (see bvh), frames without a pose interpolated; of several people one file each, with the
    person's number in its name, from their first frame to their last; who has too few poses for
    that is left out with a warning. Files appear whole or not at all; an error of one file is
    raised after the others are written.
    """
    paths = [path] if isinstance(path, str | Path) else path
    paths = list(dict.fromkeys(map(check_path, paths)))
    parts = iter([parts] if isinstance(parts, Prediction) else parts)
    first = next(parts, None)
    if first is None:
        raise ValueError(f"{paths[0]}: nothing to write, there are no predictions")
    written: dict[Path, list[Path]] = {}
    writers = {p: _WRITERS[p.suffix.lower()](p, fps, about or {}, written) for p in paths}
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
def _bvh(path: Path, fps: float, about: dict, written: dict) -> Iterator[Add]:
    motion: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}

    def add(part: Prediction) -> None:
        places, who = (part.pose3d + part.root[:, None]).numpy(), persons(part)
        frame = part.poses.frame.numpy()
        for person in np.unique(who):
            rows = who == person
            motion.setdefault(int(person), []).append((frame[rows], places[rows]))

    yield add
    written[path] = _write_motion(path, motion, fps)


def _write_motion(path: Path, motion: dict, fps: float) -> list[Path]:
    """One BVH per person, of the places (frames, J, 3) of their joints. Frames count as film_of
    has it, so that a thinned film is as long as it was.
    """
    people = {who: [np.concatenate(x) for x in zip(*motion[who])] for who in sorted(motion)}
    numbers = np.sort(np.concatenate([frame for frame, _ in people.values()]))
    film, lasts = film_of(numbers, fps=fps), (numbers[-1] - numbers[0]) / fps
    if abs(film.tick[-1] * film.seconds - lasts) > 0.1 * lasts:  # no steps that are about alike
        film = film._replace(tick=numbers - numbers[0], seconds=1 / fps)
    written, reasons = [], []
    for person, (frame, places) in people.items():
        tick = film.tick[np.searchsorted(numbers, frame)]
        every = np.arange(tick[0], tick[-1] + 1)
        if len(every) > 100 + SPARSE * len(tick):
            reasons.append(
                f"person {person} has {len(tick)} poses between frames {frame[0]:,} and "
                f"{frame[-1]:,}, which is no film"
            )
            continue
        flat = places.reshape(len(places), -1)
        steady = np.stack([np.interp(every, tick, column) for column in flat.T], axis=1)
        name = path.with_name(f"{path.stem}_person{person}{path.suffix}")
        name = path if len(people) == 1 else name
        write_bvh(name, steady.reshape(-1, *places.shape[1:]), fps=1 / film.seconds)
        written.append(name)
    if not written:
        raise ValueError(f"{path}: {reasons[0]}: take .json or .csv")
    if reasons:
        warnings.warn(f"{path}: {'; '.join(reasons)}: no BVH of these", stacklevel=2)
    return written


_WRITERS = {".json": _json, ".csv": _csv, ".parquet": _parquet, ".bvh": _bvh}


def _confidence(prediction: Prediction) -> np.ndarray:
    known = prediction.poses.confidence
    return np.ones(prediction.spread.shape) if known is None else known.numpy()

"""Predictions -> files for other programs:

JSON with everything, CSV and Parquet with the answers, BVH with the motion of each person.
"""

import importlib.util
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ..prediction import Prediction
from ..skeleton import JOINTS, PARENTS
from ..support import written_whole
from .bvh import write_bvh

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
    path: str | Path,
    parts: Prediction | Iterable[Prediction],
    *,
    fps: float = 30.0,
    about: dict | None = None,
) -> list[Path]:
    """Write predictions, one or a stream of them as predict yields, in the format of the path's
    suffix; returns the files written.

    .json: {"about": units, axes, joints and what the caller adds, "poses": [one per person and
    frame: frame, person, root, pose, spread, confidence, misfit, hypotheses]}, metres. .csv,
    .parquet: a row a joint of the answer: frame, person, joint, x, y, z (relative to the root),
    root_x, root_y, root_z, misfit, spread, confidence; metres. .bvh: the answer's motion at fps
    (see bvh), frames without a pose drawn in between; of several people a file each, with the
    person's number in its name, from their first frame to their last. Files appear whole or not at
    all.
    """
    path = check_path(path)
    parts = iter([parts] if isinstance(parts, Prediction) else parts)
    first = next(parts, None)
    if first is None:
        raise ValueError(f"{path}: nothing to write, there are no predictions")
    parts = itertools.chain([first], parts)
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        return _write_bvh(path, parts, fps)
    with written_whole(path) as temporary:
        if suffix == ".json":
            _write_json(temporary, parts, about or {})
        elif suffix == ".csv":
            for number, part in enumerate(parts):
                table(part).to_csv(
                    temporary, mode="a" if number else "w", header=not number, index=False
                )
        else:
            _write_parquet(temporary, parts)
    return [path]


def table(prediction: Prediction) -> pd.DataFrame:
    """The answers as a table, a row a joint: what CSV and Parquet hold."""
    n, joints = len(prediction), len(JOINTS)
    pose, root = (
        prediction.pose3d.numpy().reshape(-1, 3),
        np.repeat(prediction.root.numpy(), joints, axis=0),
    )
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


def persons(prediction: Prediction) -> np.ndarray:
    """Numbers of the persons (N,), of sequences named "person 3/..."; other sequences count by
    themselves.
    """
    names = [re.match(r"person (-?\d+)/", name) for name in prediction.poses.sequences]
    numbers = [int(name[1]) if name else position for position, name in enumerate(names)]
    return np.array(numbers)[prediction.poses.sequence.numpy()]


def _write_json(path: Path, parts: Iterable[Prediction], about: dict) -> None:
    facts = {
        "units": "metres",
        "axes": AXES,
        "pose": "relative to the root, joint 0",
        "joints": JOINTS,
        "parents": PARENTS,
    } | about
    with open(path, "w") as file:
        file.write('{"about": ' + json.dumps(facts) + ',\n"poses": [')
        for number, item in enumerate(item for part in parts for item in _items(part)):
            file.write((",\n" if number else "\n") + json.dumps(item))
        file.write("\n]}\n")


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


def _write_parquet(path: Path, parts: Iterable[Prediction]) -> None:
    import pyarrow  # an optional dependency
    import pyarrow.parquet

    writer = None
    try:
        for part in parts:
            rows = pyarrow.Table.from_pandas(table(part), preserve_index=False)
            writer = writer or pyarrow.parquet.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
    finally:
        if writer:
            writer.close()


def _write_bvh(path: Path, parts: Iterable[Prediction], fps: float) -> list[Path]:
    motion: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for part in parts:
        places, who = (part.pose3d + part.root[:, None]).numpy(), persons(part)
        for person in np.unique(who):
            motion.setdefault(int(person), []).append(
                (part.poses.frame.numpy()[who == person], places[who == person])
            )
    written = []
    for person, pieces in sorted(motion.items()):
        frame, places = (np.concatenate(x) for x in zip(*pieces))
        span = int(frame.max() - frame.min()) + 1
        if span > 100 + SPARSE * len(frame):
            raise ValueError(
                f"{path}: person {person} has {len(frame)} poses in {span:,} frames, "
                "which is no film: take .json or .csv"
            )
        every = np.arange(frame.min(), frame.max() + 1)
        flat = places.reshape(len(places), -1)
        steady = np.stack([np.interp(every, frame, column) for column in flat.T], axis=1).reshape(
            len(every), *places.shape[1:]
        )
        name = (
            path if len(motion) == 1 else path.with_name(f"{path.stem}_person{person}{path.suffix}")
        )
        write_bvh(name, steady, fps=fps)
        written.append(name)
    return written


def _confidence(prediction: Prediction) -> np.ndarray:
    known = prediction.poses.confidence
    return np.ones(prediction.spread.shape) if known is None else known.numpy()

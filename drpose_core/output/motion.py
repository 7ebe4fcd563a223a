"""The motion of each person of a prediction, whole from their first frame to their last."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..keypoints import film_of
from ..prediction import Prediction
from ..skeleton import J
from .floor import estimate_floor

SPARSE = 10  # frames for a pose, beyond which a motion would be nearly all invented


def persons(prediction: Prediction) -> np.ndarray:
    """Numbers of the persons (N,); where a set has none, each sequence counts as one."""
    poses = prediction.poses
    return (poses.sequence if poses.person is None else poses.person).numpy()


def checked_motion(what: str, positions, fps: float) -> np.ndarray:
    """Positions (T, 17, 3) as float64; ValueError, naming what they are for, if they are none."""
    positions = np.asarray(positions, dtype=float)
    if positions.ndim != 3 or positions.shape[1:] != (J, 3) or not len(positions):
        raise ValueError(f"{what} needs positions (frames, {J}, 3), got {positions.shape}")
    if not np.isfinite(positions).all():
        raise ValueError("positions hold NaN or infinite numbers: leave those frames out")
    if not fps > 0:
        raise ValueError(f"frames per second must be positive, got {fps}")
    return positions


class Motion(NamedTuple):
    """One person, for a file of their own."""

    path: Path
    places: np.ndarray  # (T, 17, 3) of their joints: metres, y up, in the world of the floor
    fps: float
    start: float  # seconds of the film before their first frame


def motions(path: Path, parts: list[Prediction], fps: float) -> Iterator[Motion]:
    """The motion of each person, upright on the floor estimated from all; the path has their number
    in its name, if there are several.

    Frames count as film_of has it, so that a thinned film is as long as it was. Who has too few
    poses is left out with a warning; if that is everybody, raises ValueError.
    """
    who, frame = (np.concatenate(x) for x in zip(*((persons(p), p.poses.frame) for p in parts)))
    places = np.concatenate([(p.pose3d + p.root[:, None]).numpy() for p in parts])
    places = estimate_floor(places).world(places)
    people, numbers = np.unique(who).tolist(), np.sort(frame)
    film, lasts = film_of(numbers, fps=fps), (numbers[-1] - numbers[0]) / fps
    if abs(film.tick[-1] * film.seconds - lasts) > 0.1 * lasts:  # no steps that are about alike
        film = film._replace(tick=numbers - numbers[0], seconds=1 / fps)
    reasons = []
    for person in people:
        mine = frame[who == person]
        tick = film.tick[np.searchsorted(numbers, mine)]
        if tick[-1] - tick[0] >= 100 + SPARSE * len(tick):
            reasons.append(
                f"person {person} has {len(tick)} poses between frames {mine[0]:,} and "
                f"{mine[-1]:,}, which is no film"
            )
            continue
        name = path.with_name(f"{path.stem}_person{person}{path.suffix}")
        name = path if len(people) == 1 else name
        steady = _every_frame(tick, places[who == person])
        yield Motion(name, steady, 1 / film.seconds, float(mine[0] / fps))
    if len(reasons) == len(people):
        raise ValueError(f"{path}: {reasons[0]}: take .json or .csv")
    if reasons:
        kind = path.suffix[1:].upper()
        warnings.warn(f"{path}: {'; '.join(reasons)}: no {kind} of these", stacklevel=2)


def _every_frame(tick: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places (T, J, 3) at every tick from the first to the last, interpolated where there are
    none.
    """
    every = np.arange(tick[0], tick[-1] + 1)
    flat = places.reshape(len(places), -1)
    steady = np.stack([np.interp(every, tick, column) for column in flat.T], axis=1)
    return steady.reshape(len(every), *places.shape[1:])

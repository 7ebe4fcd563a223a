"""A prediction back onto its film: keypoints and hypotheses over the picture, and the people in
space beside it, seen by an eye that goes around them.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from tqdm import tqdm

from ..prediction import Prediction, joined
from .film import MOVING, STILL, Film, frames, need_film_library, open_film, writer
from .floor import estimate_floor
from .motion import persons
from .page import draw_page
from .person import Person, bone_colors
from .stage import Stage

LARGEST = (1280, 1080)  # pixels of the picture, width and height, at most
PANEL = 0.65  # width of the panel beside it, in its height
ROUND = 9.0  # seconds in which the eye goes around once
SWING = math.radians(50)  # to both sides, in films too short for a round
ASIDE = math.radians(38)  # from where a picture's people are seen, if they do not turn


def check_overlay(path: str | Path, film: str | Path) -> Film:
    """What the film says of itself, if overlay can write such a file of it; an error with a
    sentence if not, before any work is done.
    """
    path = Path(path)
    if path.suffix.lower() not in MOVING + STILL:
        raise ValueError(f"{path}: the name of an overlay must end in {', '.join(MOVING + STILL)}")
    need_film_library(path)
    found = open_film(film)
    if path.resolve() == found.path.resolve():
        raise ValueError(f"{path} is the film itself: give the overlay another name")
    if found.fps and path.suffix.lower() in STILL:
        raise ValueError(f"{path}: the overlay of a film must end in {' or '.join(MOVING)}")
    return found


def overlay(
    prediction: Prediction | Iterable[Prediction], film: str | Path, path: str | Path
) -> Path:
    """Draw a prediction onto the film (or the picture) that its keypoints are of, and write it as
    path: .mp4 or .gif; of a picture also .png or .jpg. Returns the path.

    Over the picture: the keypoints that were seen (dots), the answer, and every hypothesis,
    projected. Beside it the same people in space, on the estimated floor (estimate_floor: the
    camera must stand still), their place smoothed over person.STEADY seconds; hypotheses are half
    transparent, a disc around a joint has its spread as radius, and the eye goes around. Frames are
    those of the film, counted from 0; between two that have keypoints, both are interpolated.
    Raises ValueError, FileNotFoundError or OSError with a sentence.
    """
    path, found = Path(path), check_overlay(path, film)
    prediction = prediction if isinstance(prediction, Prediction) else joined(prediction)
    still, moving = found.fps is None, path.suffix.lower() in MOVING
    numbers = prediction.poses.frame.unique().tolist()
    if still and len(numbers) > 1:
        raise ValueError(f"{film} is one picture, and the keypoints are of {len(numbers)} frames")
    scale = min(1, LARGEST[0] / found.width, LARGEST[1] / found.height)
    picture = tuple(max(2, 2 * round(x * scale / 2)) for x in (found.width, found.height))
    panel = 2 * round(PANEL * picture[1] / 2)
    people = _people(prediction, picture, float(found.fps or 0))
    shown = numbers if still else range(found.count)
    stages = _stages(people, shown, (picture[0], 0, panel, picture[1]))
    rate = found.fps or Fraction(25)
    count = round(ROUND * rate) if still and moving else len(shown)
    pictures = frames(found, picture)
    if still:
        first = next(pictures)
        pictures = (first.copy() for _ in range(count))
    bar = tqdm(pictures, "overlay", count, disable=count == 1, leave=False, mininterval=1)
    with writer(path, (picture[0] + panel, picture[1]), rate) as add:
        for n, below, stage in zip(
            itertools.count(), bar, itertools.chain(stages, itertools.repeat(stages[-1]))
        ):
            turn = _turn(n / count, float(count / rate)) if moving else ASIDE
            add(draw_page(below, people, numbers[0] if still else n, stage._replace(turn=turn)))
    return path


def _people(prediction: Prediction, picture: tuple[int, int], fps: float) -> dict[int, Person]:
    """The people by their numbers."""
    floor = estimate_floor((prediction.pose3d + prediction.root[:, None]).numpy())
    who, frame = persons(prediction), prediction.poses.frame.numpy()
    numbers, people = np.unique(who).tolist(), {}
    for order, number in enumerate(numbers):
        rows = np.flatnonzero(who == number)
        part = prediction.rows(rows[np.argsort(frame[rows])])
        colors = bone_colors(order, len(numbers) == 1)
        people[number] = Person(part, colors, floor, picture, fps)
    return people


def _turn(share: float, seconds: float) -> float:
    """How far the eye has gone around: whole rounds, so that a loop does not jump; a short film has
    time for a swing only.
    """
    rounds = round(seconds / ROUND)
    return 2 * math.pi * rounds * share if rounds else SWING * math.sin(2 * math.pi * share)


def _stages(people: dict[int, Person], shown: Sequence[int], box) -> list[Stage]:
    """Where the eye looks in each of these frames: at the middle of all who are there, steadily,
    and so wide that they fit.
    """
    everybody = people.values()
    there = [[pose for p in everybody if (pose := p.pose(n)) is not None] for n in shown]
    every, known = np.arange(len(there)), [n for n, poses in enumerate(there) if poses]
    if not known:
        raise ValueError("no frame of the film has keypoints: they are of another film")
    means = np.array([np.mean([pose[0] for pose in there[n]], axis=0) for n in known])
    middle = np.stack([np.interp(every, known, column) for column in means.T], axis=1)
    middle = gaussian_filter1d(middle, 8, axis=0, mode="nearest")
    reach, tall = [], []
    for center, poses in zip(middle, there):
        for pose in poses:
            reach.append(np.linalg.norm((pose - center)[:, [0, 2]], axis=1).max())
            tall.append(pose[:, 1].max() + 0.12)  # the top of the head
    radius = float(np.quantile(reach, 0.98))
    height = max(float(np.quantile(tall, 0.98)), 0.5)
    zoom = min(0.46 * box[2] / radius, 0.66 * box[3] / height)
    middle[:, 1] = 0.46 * height
    return [Stage(center, max(radius, height / 2), zoom, 0.0, box) for center in middle]

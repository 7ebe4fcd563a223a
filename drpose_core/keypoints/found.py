"""What a file or an array holds, before anything is done to it: one row per person and frame."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

LARGEST = 2**40  # of numbers of frames and people
LEAPS = 1000  # numbers of pictures that ascend in larger steps count no frames (microseconds do so)
MANY = 0.2  # share of rows that do not belong, above which a file is refused
BAD = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)


class OwnPoses(ValueError):
    """A file that drpose predict wrote, among those to be read."""


@dataclass
class Found:
    """People in the order of the file; rows are (K, 3): x, y, confidence."""

    rows: list[np.ndarray] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    person: list[int | None] = field(default_factory=list)  # the tool's number; None: not followed
    looked: list[int] | None = None  # all frames looked at, those of nobody too; None: not known
    format: str | None = None  # by name, where the file has it
    image_size: tuple[int, int] | None = None
    fps: float | None = None
    least: float | None = None  # confidence of the tool below which a keypoint counts as not seen
    notes: list[str] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)  # frames of people not read, why

    def frames(self) -> str:
        """How many frames were looked at, in words."""
        count = len(set(self.frame) if self.looked is None else self.looked)
        return f"{count:,} frame{'' if count == 1 else 's'}"


def same_count(found: Found) -> Found:
    """The people with as many keypoints as most have: a few others are left out, and named in
    notes; ValueError where they are not few.
    """
    counts = Counter(len(row) for row in found.rows)
    if len(counts) < 2:
        return found
    most = counts.most_common(1)[0][0]
    keep = [n for n, row in enumerate(found.rows) if len(row) == most]
    if len(keep) < (1 - MANY) * len(found.rows):
        a, b = sorted(counts)[:2]
        raise ValueError(f"people have {a} and {b} keypoints")
    odd = len(found.rows) - len(keep)
    found.notes.append(
        f"{odd} of {len(found.rows):,} people left out: they do not have {most} keypoints"
    )
    for name in ("rows", "frame", "person"):
        column = getattr(found, name)
        setattr(found, name, [column[n] for n in keep])
    return found


def natural(name: str | Path) -> list:
    """A key that sorts 2.jpg before 10.jpg."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(name))]


def numbered(ids: list) -> list[int]:
    """Numbers of frames, for what a file calls them: whole numbers as they are, names by the last
    number in them ("video_000000000012_keypoints" is 12) if these ascend with the names as frames
    of a film do, else the order of the names. None, or what is neither, counts by its place.
    """
    if all(_whole(x) for x in ids):
        return [int(x) for x in ids]
    if not all(isinstance(x, str) or _whole(x) for x in ids):
        return list(range(len(ids)))
    names = sorted({str(x) for x in ids}, key=natural)
    digits = [re.findall(r"\d+", Path(name.replace("\\", "/")).stem) for name in names]
    numbers = [int(found[-1]) if found else -1 for found in digits]
    steps = [b - a for a, b in pairwise(numbers)]
    good = min(numbers, default=0) >= 0 and max(numbers, default=0) < LARGEST
    if not good or min(steps, default=1) < 1 or np.median(steps or [1]) > LEAPS:
        numbers = range(len(names))
    place = dict(zip(names, numbers))
    return [place[str(x)] for x in ids]


def _whole(x) -> bool:
    number = isinstance(x, int | float | np.integer | np.floating) and not isinstance(x, bool)
    return number and abs(x) < LARGEST and x == int(x)

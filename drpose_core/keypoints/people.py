"""Who is who from frame to frame: the tool's numbers of people where they are good, else people
keep their number while they stay near where they were.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

NEAR = 1.0  # in sizes of a person: further than this from one frame to the next it is somebody else
PACE = 3.0  # sizes per second, a walk: so much further somebody may be after a while
FARTHEST = 4.0  # sizes, whatever the time; also of somebody who is alone in both frames
MEMORY = 25  # frames looked at after which somebody who was not seen is forgotten
SLOWEST = 10.0  # seconds between frames; numbers further apart are no frames at a known rate
RATE = 30.0  # frames per second, where the file does not say
NO_IDS = 0.2  # share of people whose number is somebody else's too, above which numbers are no ids


class Film(NamedTuple):
    """Frames looked at, counted one by one, whatever their numbers."""

    tick: np.ndarray  # (N,) of each person
    seconds: float  # from one to the next
    regular: bool  # not so: numbers are those of unrelated pictures


def film_of(frame: np.ndarray, looked=None, fps: float | None = None) -> Film:
    """The film of which the numbers of frames (N,), in ascending order, are: if every 30th frame is
    there, 0, 30, 60 are ticks 0, 1, 2, a second apart.

    looked: the numbers of all frames looked at, if known. A gap of a few usual steps counts as that
    many frames. Numbers without usual steps are those of unrelated pictures: far apart.
    """
    seen = np.unique(frame if looked is None else np.concatenate([np.asarray(looked), frame]))
    steps = np.diff(seen)
    usual = float(np.percentile(steps, 50, method="lower")) if len(steps) else 1.0
    passed = np.maximum(1, np.round(steps / usual))
    regular = not len(steps) or bool((np.abs(steps / usual - passed) < 0.1).mean() > 0.5)
    passed = passed if regular else np.full(len(steps), MEMORY + 1)
    count = np.concatenate([[0], passed.cumsum()]).astype(np.int64)
    rate = fps or RATE
    seconds = (usual if usual <= SLOWEST * rate else 1) / rate
    return Film(count[np.searchsorted(seen, frame)], seconds, regular)


def follow(
    kp2d: np.ndarray,
    seen: np.ndarray,
    frame: np.ndarray,
    *,
    given: np.ndarray | None = None,
    seconds: float = 1 / RATE,
) -> np.ndarray:
    """Numbers of persons (N,), from 0 in the order of appearance, for keypoints (N, 17, 2), seen
    (N, 17), in frames (N,) in ascending order, counted as film_of does, seconds apart.

    given: numbers that are known, -1 where none is; they are kept, and the others get those of
    nobody else. Frame by frame the people are assigned to those known, so that the sum of distances
    (mean over joints seen in both, in sizes of a person) is least. Two people who change places
    behind each other may change numbers.
    """
    person = np.full(len(kp2d), -1) if given is None else given.astype(np.int64)
    if (person >= 0).all():
        return person
    middle = np.where(seen[..., None], kp2d, 0).sum(1) / np.maximum(seen.sum(1), 1)[:, None]
    off = np.where(seen[..., None], kp2d - middle[:, None], 0)
    size = np.sqrt(np.square(off).sum((1, 2)) / np.maximum(seen.sum(1), 1))
    last: dict[int, int] = {}  # person -> row in which they were seen last
    numbers = int(person.max(initial=-1)) + 1
    for rows in np.split(np.arange(len(frame)), np.flatnonzero(np.diff(frame)) + 1):
        if not len(rows):
            continue
        last = {who: row for who, row in last.items() if frame[rows[0]] - frame[row] <= MEMORY}
        free = rows[person[rows] < 0]
        here = set(person[rows].tolist())
        who = [name for name in last if name not in here]
        known = np.array([last[name] for name in who], dtype=np.int64)
        both = seen[free][:, None] & seen[known][None]  # (people, known, 17)
        apart = np.linalg.norm(kp2d[free][:, None] - kp2d[known][None], axis=-1)
        far = np.where(both, apart, 0).sum(-1) / np.maximum(both.sum(-1), 1)
        far = np.where(both.any(-1), far / np.maximum(size[free][:, None], 1e-9), np.inf)
        alone = len(rows) == len(last) == 1
        passed = (frame[rows[0]] - frame[known]) * seconds
        reach = np.minimum(FARTHEST, NEAR + PACE * passed)[None]
        near = far <= (FARTHEST if alone else reach)
        matched = dict(
            zip(*map(np.ndarray.tolist, linear_sum_assignment(np.where(near, far, 1e6))))
        )
        for i, row in enumerate(free.tolist()):
            if i in matched and near[i, matched[i]]:
                person[row] = who[matched[i]]
            else:
                person[row], numbers = numbers, numbers + 1
        last |= {int(person[row]): row for row in rows.tolist()}
    return person


def good_numbers(person: list[int | None], kp2d: np.ndarray, frame: np.ndarray):
    """The tool's numbers of people (N,), -1 where there is none or it is somebody else's; and a
    sentence on what is wrong with them, or None.

    Of several people with one number in one frame the one nearest to where that number was before
    keeps it. Numbers that many share (AlphaPose without tracking gives all people 0) are no ids.
    """
    given = np.array([-1 if who is None else who for who in person], dtype=np.int64)
    _, group, count = np.unique(
        np.stack([frame, given], 1), axis=0, return_inverse=True, return_counts=True
    )
    shared = (count[group.reshape(-1)] > 1) & (given >= 0)
    if not shared.any():
        lack = int((given < 0).sum())
        return given, f"{lack:,} without a number" if 0 < lack < len(given) else None
    first = int(shared.argmax())
    twice = f"the file has number {given[first]} twice in frame {frame[first]}"
    if shared.sum() > NO_IDS * len(given):
        return np.full(len(given), -1), twice
    middle = kp2d.mean(1)
    for row in np.flatnonzero(shared):
        same = np.flatnonzero((given == given[row]) & (frame == frame[row]))
        if len(same) < 2:
            continue
        before = np.flatnonzero((given == given[row]) & (frame != frame[row]))
        near = before[np.abs(frame[before] - frame[row]).argsort(kind="stable")[:1]]
        off = np.linalg.norm(middle[same] - middle[near].sum(0), axis=-1) if len(near) else same
        given[np.delete(same, int(np.argmin(off)))] = -1
    return given, twice

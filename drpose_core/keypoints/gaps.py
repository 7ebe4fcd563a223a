"""Joints that were not seen: in a film drawn in between the frames before and after, else put where
they are likeliest.
"""

import numpy as np

from ..skeleton import JOINTS
from .checks import many
from .plausible import filled

# frames looked at over which a joint that vanishes is drawn in between where it was and where it
# is again
GAP = 12
LIKE = 0.25  # sizes of a person that the other joints may be off from where they would be drawn


def completed(kp2d, confidence, tick, person, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, 17, 2) with no joint missing, and how surprising the people are (N,); tick (N,)
    counts frames looked at. What was done is added to notes.

    A joint is drawn in between only where the person's other joints are about where they would be
    drawn too: else the frames are far apart, or of unrelated pictures.
    """
    seen = confidence > 0
    between = np.zeros_like(seen)
    kp2d, found = kp2d.copy(), kp2d
    for who in np.unique(person[~seen.all(1)]):
        rows = np.flatnonzero(person == who)
        for joint in np.flatnonzero(~seen[rows].all(0)):
            there = rows[seen[rows, joint]]
            if len(there) < 2:
                continue
            gone = rows[~seen[rows, joint]]
            place = np.searchsorted(tick[there], tick[gone])
            inside = (place > 0) & (place < len(there))
            gone, place = gone[inside], place[inside]
            before, after = there[place - 1], there[place]
            part = (tick[gone] - tick[before]) / np.maximum(tick[after] - tick[before], 1)
            drawn = found[before] + part[:, None, None] * (found[after] - found[before])
            all_three = seen[before] & seen[after] & seen[gone]
            near = (tick[after] - tick[before] <= GAP) & _alike(drawn, found[gone], all_three)
            kp2d[gone[near], joint] = drawn[near, joint]
            between[gone[near], joint] = True
    kp2d, surprise = filled(kp2d, seen | between)
    if between.any():
        notes.append(
            f"{many(int(between.sum()), 'joint')} briefly not seen: interpolated between the "
            "frames before and after, confidence 0"
        )
    guessed = ~(seen | between)
    if guessed.any():
        which = ", ".join(
            JOINTS[j] for j in np.argsort(-guessed.sum(0), kind="stable")[:3] if guessed[:, j].any()
        )
        notes.append(
            f"{many(int(guessed.sum()), 'joint')} not seen ({which}): placed where they are "
            "most likely, confidence 0"
        )
    return kp2d, surprise


def _alike(a: np.ndarray, b: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Whether poses a and b (n, 17, 2) agree in the joints (n, 17) that both have."""
    count = np.maximum(both.sum(1), 1)
    middle = np.where(both[..., None], b, 0).sum(1) / count[:, None]
    off = np.where(both[..., None], b - middle[:, None], 0)
    size = np.sqrt(np.square(off).sum((1, 2)) / count)
    far = np.where(both, np.linalg.norm(a - b, axis=-1), 0).sum(1) / count
    return far <= LIKE * np.maximum(size, 1e-9)

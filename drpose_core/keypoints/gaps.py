"""Joints that were not seen:

in a film drawn in between the frames before and after, else put where they are likeliest.
"""

import numpy as np

from ..skeleton import JOINTS
from .checks import many
from .plausible import filled

# frames over which a joint that vanishes is drawn in between where it was and where it is again
GAP = 12


def completed(kp2d, confidence, frame, person, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, 17, 2) with no joint missing, and how surprising the people are (N,); what was
    done is added to notes.
    """
    seen = confidence > 0
    between = np.zeros_like(seen)
    kp2d = kp2d.copy()
    for who in np.unique(person[~seen.all(1)]):
        rows = np.flatnonzero(person == who)
        for joint in np.flatnonzero(~seen[rows].all(0)):
            there = rows[seen[rows, joint]]
            if len(there) < 2:
                continue
            gone = rows[~seen[rows, joint]]
            place = np.searchsorted(frame[there], frame[gone])
            inside = (place > 0) & (place < len(there))
            gone, place = gone[inside], place[inside]
            near = frame[there[place]] - frame[there[place - 1]] <= GAP
            gone = gone[near]
            for axis in range(2):
                kp2d[gone, joint, axis] = np.interp(
                    frame[gone], frame[there], kp2d[there, joint, axis]
                )
            between[gone, joint] = True
    kp2d, surprise = filled(kp2d, seen | between)
    if between.any():
        notes.append(
            f"{many(int(between.sum()), 'joint')} not seen for a moment: drawn in between the "
            "frames before and after, confidence 0"
        )
    guessed = ~(seen | between)
    if guessed.any():
        which = ", ".join(
            JOINTS[j] for j in np.argsort(-guessed.sum(0), kind="stable")[:3] if guessed[:, j].any()
        )
        notes.append(
            f"{many(int(guessed.sum()), 'joint')} not seen ({which}): put where they are "
            "likeliest, confidence 0"
        )
    return kp2d, surprise

"""Who is who from frame to frame, where a detector does not say:

people keep their number while they stay near where they were.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

NEAR = 1.0  # in sizes of a person: further than this from one frame to the next it is somebody else
MEMORY = 25  # frames after which somebody who was not seen is forgotten


def follow(kp2d: np.ndarray, seen: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Numbers of persons (N,), from 0 in the order of appearance, for keypoints (N, 17, 2), seen
    (N, 17), in frames (N,) in ascending order.

    Frame by frame the people are assigned to those known, so that the sum of distances (mean over
    joints seen in both, in sizes of a person) is least. Two people who change places behind each
    other may change numbers.
    """
    person = np.zeros(len(kp2d), dtype=np.int64)
    middle = np.where(seen[..., None], kp2d, 0).sum(1) / np.maximum(seen.sum(1), 1)[:, None]
    off = np.where(seen[..., None], kp2d - middle[:, None], 0)
    size = np.sqrt(np.square(off).sum((1, 2)) / np.maximum(seen.sum(1), 1))
    last: dict[int, int] = {}  # person -> row in which they were seen last
    numbers = 0
    for rows in np.split(np.arange(len(frame)), np.flatnonzero(np.diff(frame)) + 1):
        if not len(rows):
            continue
        last = {who: row for who, row in last.items() if frame[rows[0]] - frame[row] <= MEMORY}
        known = np.array(list(last.values()), dtype=np.int64)
        both = seen[rows][:, None] & seen[known][None]  # (people, known, 17)
        apart = np.linalg.norm(kp2d[rows][:, None] - kp2d[known][None], axis=-1)
        far = np.where(both, apart, 0).sum(-1) / np.maximum(both.sum(-1), 1)
        far = np.where(both.any(-1), far / np.maximum(size[rows][:, None], 1e-9), np.inf)
        cost = np.where(far <= NEAR, far, 1e6)  # an assignment must be possible
        matched = dict(zip(*map(np.ndarray.tolist, linear_sum_assignment(cost))))
        who = list(last)
        for i, row in enumerate(rows.tolist()):
            if i in matched and far[i, matched[i]] <= NEAR:
                person[row] = who[matched[i]]
            else:
                person[row], numbers = numbers, numbers + 1
            last[int(person[row])] = row
    return person

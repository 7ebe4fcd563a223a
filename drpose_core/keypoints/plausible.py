"""How people look in pictures: a Gaussian over 2D poses that fills in joints nobody saw, and says
when keypoints look like nobody's.

Its mean and covariance are those of the synthetic figure before Human3.6M's cameras, whatever the
place and size of the person: upright people, for the most part. It guesses; it is no detector.
"""

import json
from functools import cache
from importlib.resources import files

import numpy as np

from ..skeleton import J

# surprise above which keypoints are doubted; tests/test_keypoints.py has the shares of poses and of
# wrong joint orders above it
STRANGE = 15.0
_PLACE = 1.0  # variance of a person's place around that of the joints seen, in squared sizes
# relative error of the size taken from the joints seen, and of that of the completed person
_SIZE_ERROR = (0.5, 0.06)
_NOISE = 4e-4  # variance that detectors add, on top of the detector model's


def filled(kp2d: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, 17, 2) with those not seen (N, 17) at their most likely place given the others;
    and the surprise of those seen, (N,).

    Any unit, x right and y down. Surprise is the squared Mahalanobis distance per degree of
    freedom, about 1 for people. A person with fewer than two joints seen, or with all of them in
    one point, has no size: ValueError.
    """
    kp2d, surprise = kp2d.astype(float), np.zeros(len(kp2d))
    if (seen.sum(1) < 2).any():
        raise ValueError("a person of whom fewer than two joints are seen cannot be completed")
    mean, *covariances = _typical()
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    for pattern, rows in zip(patterns, np.split(order, np.flatnonzero(np.diff(which[order])) + 1)):
        person = kp2d[rows]
        part, typical = person[:, pattern], mean[pattern]
        size = _size(part) / _size(typical)
        # at first the size is rather free, then it is that of the person completed so far
        for covariance in covariances:
            if (size <= 1e-9).any():
                raise ValueError("all joints of a person fall in one point")
            middle = part.mean(1, keepdims=True) - size * typical.mean(0)
            known, unknown = np.repeat(pattern, 2), np.repeat(~pattern, 2)
            offset = ((part - middle) / size - typical).reshape(len(part), -1)  # (n, 2 seen)
            weights = np.linalg.solve(covariance[np.ix_(known, known)], offset.T)
            guess = (covariance[np.ix_(unknown, known)] @ weights).T.reshape(
                len(part), -1, 2
            ) + mean[~pattern]
            person[:, ~pattern] = guess * size + middle
            size = _size(person)
        surprise[rows] = (offset * weights.T).sum(1) / max(1, 2 * pattern.sum() - 3)
        kp2d[rows] = person
    return kp2d, surprise


def _size(points: np.ndarray) -> np.ndarray:
    """Root mean square distance of points (..., n, 2) from their mean, (..., 1, 1)."""
    return np.sqrt(points.var(-2).sum(-1))[..., None, None]


@cache
def _typical() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean pose (17, 2) around 0 in sizes of a person; covariances (34, 34) around it with the
    place left free, and the size more or less.
    """
    typical = json.loads(files(__package__).joinpath("typical_pose.json").read_text())
    mean = np.array(typical["mean"])
    covariance = np.array(typical["covariance"]) + _NOISE * np.eye(2 * J)
    for direction in (np.tile([1.0, 0.0], J), np.tile([0.0, 1.0], J)):
        covariance += _PLACE * np.outer(direction, direction)
    return mean, *(covariance + (error**2) * np.outer(mean, mean) for error in _SIZE_ERROR)

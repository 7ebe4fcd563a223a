"""A model of a 2D keypoint detector: what it gets wrong, where, for how long, and how sure it says
it is.
"""

from statistics import NormalDist

import numpy as np

from ..skeleton import LEFT, RIGHT

# pixels: errors are stated in a square crop around the person, so that a small person is not seen
# more precisely
CROP = 256

# Standard deviation per axis in crop pixels, and the share of frames in a bad spell, in which it is
# four times larger. The order of size follows published statistics of detectors (Chang, Moon and
# Lee 2019: 2.8 crop pixels mean inlier error, 4 % outliers, 10 % at the wrists); the values are
# this kit's own.
SPREAD = (1.5, 2.0, 2.0, 2.8, 2.0, 2.0, 2.8, 1.6, 1.3, 1.2, 1.4, 1.8, 2.2, 2.8, 1.8, 2.2, 2.8)
BAD_SHARE = (
    0.01,
    0.02,
    0.04,
    0.08,
    0.02,
    0.04,
    0.08,
    0.01,
    0.01,
    0.01,
    0.02,
    0.02,
    0.05,
    0.10,
    0.02,
    0.05,
    0.10,
)
BAD_FACTOR = 4.0
EXCHANGE_SHARE = 0.01  # frames in which a pair of limbs, legs or arms, is exchanged left for right
MEMORY = {"error": 0.10, "spell": 0.40, "exchange": 0.25}  # seconds over which each persists


def detect(
    kp2d: np.ndarray, seconds: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """What the detector sees of exact projections kp2d (T, ..., 17, 2), frames seconds apart.

    Returns keypoints (T, ..., 17, 2) in the same units and confidence (T, ..., 17) in [0, 1].
    """
    shape = kp2d.shape[:-1]
    extent = (kp2d.max(-2) - kp2d.min(-2)).max(-1)[..., None, None]  # of the person, (T, ..., 1, 1)
    pixel = 1.25 * extent / CROP
    bad = _persisting(shape, seconds / MEMORY["spell"], rng) > _quantile(BAD_SHARE)
    spread = np.array(SPREAD) * np.where(bad, BAD_FACTOR, 1.0)
    seen = kp2d + pixel * spread[..., None] * _persisting(
        (*shape, 2), seconds / MEMORY["error"], rng
    )
    exchanged = _persisting((*shape[:-1], 2), seconds / MEMORY["exchange"], rng) > _quantile(
        (EXCHANGE_SHARE,)
    )
    for pair, joints in enumerate((slice(0, 3), slice(3, 6))):  # legs, arms in LEFT and RIGHT
        left, right = list(LEFT[joints]), list(RIGHT[joints])
        swap = exchanged[..., pair, None, None]
        seen[..., left, :], seen[..., right, :] = (
            np.where(swap, seen[..., right, :], seen[..., left, :]),
            np.where(swap, seen[..., left, :], seen[..., right, :]),
        )
    off = np.linalg.norm((seen - kp2d) / pixel, axis=-1)  # crop pixels
    confidence = 0.05 + 0.9 / (1 + (off / 12) ** 2) + 0.05 * rng.standard_normal(shape)
    return seen, np.clip(confidence, 0.0, 1.0)


def _persisting(shape: tuple[int, ...], rate: float, rng: np.random.Generator) -> np.ndarray:
    """Unit Gaussian noise that remembers itself along the first axis: an AR(1) process with
    exp(-rate) per frame.
    """
    noise, keep = rng.standard_normal(shape), np.exp(-rate)
    for now in range(1, shape[0]):
        noise[now] = keep * noise[now - 1] + np.sqrt(1 - keep**2) * noise[now]
    return noise


def _quantile(share: tuple[float, ...]) -> np.ndarray:
    """What a unit Gaussian exceeds in the given shares of frames."""
    return np.array([NormalDist().inv_cdf(1 - p) for p in share])

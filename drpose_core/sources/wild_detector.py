"""A model of what 2D detectors see in pictures of everyday life: COCO's points, with errors that
grow with the person, joints hidden by the body or by things, cut off by the picture's edge, missed
or exchanged left for right, and a confidence that means different things to different tools.

The orders of size are this kit's own estimates, guided by Ruggero Ronchi and Perona 2017
(exchanged, missed and jittered keypoints) and by what tools say of confidence.
"""

import numpy as np

from ..keypoints import FORMATS
from .detector_model import CROP, MEMORY, _persisting, _quantile

NAMES = FORMATS["coco17"].joints
# Standard deviation per axis in pixels of a crop of 256 around the person, of what changes over a
# film; and as a share of it, of what stays the same in one shot.
SPREAD = {
    "nose": 1.4, "eye": 1.3, "ear": 1.8, "shoulder": 2.2, "elbow": 2.4, "wrist": 2.8, "hip": 3.0,
    "knee": 2.4, "foot": 2.8,
}  # fmt: skip
STAYING = 0.8
SKILL = 0.3  # spread of the logarithm of a shot's errors: sharp and blurred pictures
SHARPEST = 0.7  # pixels of the picture: nobody is seen more precisely
BAD_SHARE, BAD_FACTOR = 0.03, 4.0  # shares of frames in a bad spell, and errors then
HIDDEN_FACTOR = 2.0  # errors of hidden joints
EXCHANGED = {"legs": 0.015, "arms": 0.015, "all": 0.01}  # shares of frames, left for right
COVERED = 0.15  # of the shots have something in front of the person
MISSED, HIDDEN_MISSED = 0.01, 0.10  # shares of joints not found
OUTSIDE_FOUND = 0.3  # of the shots have joints outside the picture put at its edge
SURE = 0.5  # of the shots are seen by a tool whose confidence says what is hidden, not what is off

# What can hide a joint: a thick line between two points, its radius in metres.
_PARTS = [
    ((f"{s} {a}",), (f"{s} {b}",), radius)
    for s in ("left", "right")
    for a, b, radius in (
        ("shoulder", "elbow", 0.05), ("elbow", "wrist", 0.04), ("hip", "knee", 0.07),
        ("knee", "foot", 0.05),
    )
] + [
    (("left shoulder", "right shoulder"), ("left hip", "right hip"), 0.14),
    (("left ear", "right ear"), ("left ear", "right ear"), 0.09),
]  # fmt: skip
IN_FRONT = 0.06  # metres by which a part must be nearer to hide a joint


def detect_wild(
    points: np.ndarray,
    screen: np.ndarray,
    picture: np.ndarray,
    seconds: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """What detectors see of COCO's points (L, S, 17, 3) in the frames of S cameras, L frames
    seconds apart, projected to screen (L, S, 17, 2), in pictures of picture (S, 2) pixels.

    Returns keypoints (L, S, 17, 2) in screen units and confidence (L, S, 17) in [0, 1], 0 for what
    is not found.
    """
    shape = screen.shape[:-1]
    half = np.stack([np.ones(len(picture)), picture[:, 1] / picture[:, 0]], axis=-1)[:, None]
    extent = (screen.max(-2) - screen.min(-2)).max(-1)[..., None, None]
    pixel = np.maximum(1.25 * extent / CROP, SHARPEST * 2 / picture[:, :1, None])
    pixel = pixel * np.exp(SKILL * rng.standard_normal((1, shape[1], 1, 1)))
    hidden = hides(points) | _covered(screen, rng)
    outside = (np.abs(screen) > half).any(-1)

    bad = _persisting(shape, seconds / MEMORY["spell"], rng) > _quantile((BAD_SHARE,))
    spread = np.array([SPREAD[name.split()[-1]] for name in NAMES])
    spread = spread * np.where(bad, BAD_FACTOR, 1.0) * np.where(hidden, HIDDEN_FACTOR, 1.0)
    noise = _persisting((*shape, 2), seconds / MEMORY["error"], rng)
    noise += STAYING * rng.standard_normal((1, *shape[1:], 2))
    seen = _exchanged(screen + pixel * spread[..., None] * noise, seconds, rng)
    off = np.linalg.norm((seen - screen) / pixel, axis=-1)  # crop pixels

    missed = _persisting(shape, seconds / MEMORY["spell"], rng) > _quantile((MISSED,))
    missed |= hidden & (rng.uniform(size=shape) < HIDDEN_MISSED)
    at_edge = rng.uniform(size=(1, shape[1], 1)) < OUTSIDE_FOUND
    missed |= outside & ~at_edge
    seen = np.where(outside[..., None], np.clip(seen, -half, half), seen)
    confidence = np.where(missed, 0.0, _confidence(off, hidden, outside, rng))
    return seen, confidence


def hides(points: np.ndarray) -> np.ndarray:
    """Which of COCO's points (..., 17, 3) in a camera's frame are hidden by the body itself,
    (..., 17).
    """
    at = {name: points[..., k, :] for k, name in enumerate(NAMES)}
    hidden = np.zeros(points.shape[:-1], dtype=bool)
    rays = points / points[..., 2:].clip(0.05)  # z = 1
    for ends_a, ends_b, radius in _PARTS:
        a, b = (sum(at[name] for name in ends) / len(ends) for ends in (ends_a, ends_b))
        z = np.stack([a[..., 2], b[..., 2]], -1).clip(0.05)
        a2, b2 = a[..., :2] / z[..., :1], b[..., :2] / z[..., 1:]
        along = (b2 - a2)[..., None, :]
        offset = rays[..., :2] - a2[..., None, :]
        where = (offset * along).sum(-1) / (along**2).sum(-1).clip(1e-12)
        where = np.clip(where, 0, 1)
        depth = z[..., :1] + where * (z[..., 1:] - z[..., :1])
        apart = np.linalg.norm(offset - where[..., None] * along, axis=-1) * depth
        covers = (apart < radius) & (depth < points[..., 2] - IN_FRONT)
        own = {*ends_a, *ends_b} if ends_a != ends_b else set()
        covers[..., [k for k, name in enumerate(NAMES) if name in own]] = False
        hidden |= covers
    return hidden


def _covered(screen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points behind a thing in front of the person, which covers one side from somewhere on."""
    low, high = screen.min(-2).mean(0), screen.max(-2).mean(0)  # (S, 2)
    count = len(low)
    side = rng.integers(4, size=count)  # from below twice: tables
    edge = rng.uniform(0.35, 0.9, (count, 1))
    line = np.where(side[:, None] == 0, high - edge * (high - low), low + edge * (high - low))
    x, y = screen[..., 0], screen[..., 1]
    side, (right, below) = side[:, None], np.split(line, 2, axis=1)
    beyond = np.select([side == 0, side == 1], [x < right, x > right], y > below)
    return beyond & (rng.uniform(size=(count, 1)) < COVERED)


def _exchanged(seen: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Now and then legs, arms or the whole body are taken for those of the other side."""
    rates = _quantile(tuple(EXCHANGED.values()))
    spells = _persisting((*seen.shape[:-2], 3), seconds / MEMORY["exchange"], rng) > rates
    legs, arms, everything = np.moveaxis(spells, -1, 0)
    upper, lower = ("shoulder", "elbow", "wrist"), ("hip", "knee", "foot")
    for part in ("eye", "ear", *upper, *lower):
        left, right = NAMES.index(f"left {part}"), NAMES.index(f"right {part}")
        swap = everything ^ (arms & (part in upper)) ^ (legs & (part in lower))
        swap = swap[..., None]
        seen[..., left, :], seen[..., right, :] = (
            np.where(swap, seen[..., right, :], seen[..., left, :]),
            np.where(swap, seen[..., left, :], seen[..., right, :]),
        )
    return seen


def _confidence(
    off: np.ndarray, hidden: np.ndarray, outside: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Scores of heatmaps, which fall with the error, or visibilities, which fall where a joint is
    hidden however well it is placed; one or the other in a shot.
    """
    draw = rng.uniform(size=off.shape)
    score = 0.08 + 0.87 / (1 + (off / 14) ** 2) - 0.25 * hidden * draw
    score = np.where(outside, 0.4 * draw, score + 0.06 * rng.standard_normal(off.shape))
    visible = np.where(hidden, draw**1.5, 1 - 0.1 * draw**2)
    visible = np.where(outside, 0.6 * draw**2, visible)
    sure = rng.uniform(size=(1, off.shape[1], 1)) < SURE
    return np.clip(np.where(sure, visible, score), 0.01, 1.0)

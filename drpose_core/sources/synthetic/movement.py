"""How bodies move: hands and trunk that visit postures, and the mirror. Computed, not recorded.

Hands and trunk glide between held postures along minimum-jerk paths (Flash and Hogan 1985), feet
step and stay where they stand, and slow noise keeps everything alive. t (T,) is seconds throughout.
"""

import numpy as np

from .figure import Motion

# where a wrist is at ease: outward, forward, up from its shoulder, in arm lengths
HANG = (0.12, 0.05, -0.96)
STEP_WIDTH = 0.20  # metres between the feet


def glide(s: np.ndarray) -> np.ndarray:
    """Minimum-jerk progress: 0 to 1 as s goes from 0 to 1, at rest at both ends."""
    s = np.clip(s, 0, 1)
    return s**3 * (10 - 15 * s + 6 * s**2)


def sway(rng: np.random.Generator, t: np.ndarray, period: float, size) -> np.ndarray:
    """Smooth noise (T, *size) around 0 with deviation about 1, no faster than period seconds."""
    size = (size,) if isinstance(size, int) else size
    rate = 2 * np.pi * rng.uniform(0.15, 1.0, (6, *size)) / period
    phase = rng.uniform(0, 2 * np.pi, (6, *size))
    return np.sin(t.reshape(-1, *[1] * (len(size) + 1)) * rate + phase).sum(1) / np.sqrt(3)


def holds(rng, t, options, *, hold=(0.6, 2.2), move=(0.5, 1.0), jitter=0.06) -> np.ndarray:
    """Visit random options (M, D), stay a while, glide on: (T, D). jitter varies every visit."""
    options = np.asarray(options, dtype=float)
    place = options[rng.integers(len(options))] + jitter * rng.standard_normal(options.shape[1])
    path = np.tile(place, (len(t), 1))
    now = rng.uniform(0, hold[1])
    while now < t[-1]:
        target = options[rng.integers(len(options))] + jitter * rng.standard_normal(
            options.shape[1]
        )
        duration = rng.uniform(*move)
        path += glide((t - now) / duration)[:, None] * (target - place)
        place, now = target, now + duration + rng.uniform(*hold)
    return path


def arms(rng, t, left, right, **timing) -> np.ndarray:
    """(T, 2, 3) hands visiting the listed places, with a living tremble."""
    visits = np.stack([holds(rng, t, options, **timing) for options in (left, right)], axis=1)
    return visits + 0.025 * sway(rng, t, 1.2, (2, 3))


def whole_motion(rng, t, pelvis, yaw, foot, knee, *, lean=0.05) -> Motion:
    """A motion of the lower body with everything else at ease: hands hanging, trunk and gaze
    wandering.
    """
    trunk = 0.05 * sway(rng, t, 3, 3) + np.array([lean, 0, 0])
    neck = sway(rng, t, 2.5, 3) * np.array([0.12, 0.06, 0.30]) + np.array([0.08, 0, 0])
    tilt = 0.03 * sway(rng, t, 3, 2)
    shape = (len(t), 2, 3)
    return Motion(
        pelvis,
        yaw,
        tilt,
        trunk,
        neck,
        foot,
        knee,
        arms(rng, t, [HANG], [HANG]),
        np.zeros(shape),
        np.zeros(shape[:2]),
    )


def level(xy: np.ndarray, yaw: np.ndarray, outward, forward, side: int) -> np.ndarray:
    """World xy of a point beside (outward) and before (forward) a place that faces yaw; side -1
    left, 1 right.
    """
    ahead = np.stack([np.cos(yaw), np.sin(yaw)], -1)
    right = np.stack([np.sin(yaw), -np.cos(yaw)], -1)
    return (
        xy + side * np.asarray(outward)[..., None] * right + np.asarray(forward)[..., None] * ahead
    )


def mirror_motion(m: Motion) -> Motion:
    """The motion of a left-handed twin: what the left did the right does. The room is mirrored at
    the xz plane.
    """
    flip_y = np.array([1, -1, 1])
    swap = [1, 0]
    return Motion(
        m.pelvis * flip_y, -m.yaw, m.tilt * [1, -1], m.trunk * [1, -1, -1], m.neck * [1, -1, -1],
        (m.foot * flip_y)[:, swap], m.knee[:, swap], m.hand[:, swap], m.prop[:, swap],
        m.resting[:, swap],
    )  # fmt: skip

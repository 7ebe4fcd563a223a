"""Cameras as the world has them: any field of view, height, distance and tilt, the person anywhere
in the picture.
"""

from typing import NamedTuple

import numpy as np

FIELD_OF_VIEW = (30.0, 90.0)  # degrees over the picture's longer side
HEIGHT = (0.2, 3.0)  # metres above the floor
DISTANCE = (1.5, 12.0)  # metres along the floor; as many between 1.5 and 3 as between 3 and 6
ROLL, STRONG_ROLL, STRONGLY_ROLLED = 4.0, 30.0, 0.15  # degrees (deviation; range) and a share
OFF_CENTRE = 0.85  # of the way from the picture's middle to its edge
WHOLE = 0.75  # of the shots have the whole person in the picture, if some camera tried has
TRIES = 12  # cameras tried for a shot
PICTURES = ((1920, 1080), (1280, 720), (640, 480), (1080, 1920), (720, 1280), (1024, 1024))


class Shots(NamedTuple):
    """S cameras, each filming L frames of one recording."""

    frame: np.ndarray  # (L, S) index of the pose; the last one is repeated where a shot is shorter
    there: np.ndarray  # (L, S) False where it is
    axes: np.ndarray  # (S, 3, 3) rows: right, down and forward in the world
    eye: np.ndarray  # (S, 3) metres, in the world
    focal: np.ndarray  # (S,) screen units
    picture: np.ndarray  # (S, 2) width and height in pixels

    def seen(self, points: np.ndarray) -> np.ndarray:
        """Points (T, K, 3) of the world in the cameras' frames, (L, S, K, 3)."""
        return np.einsum("lskc,sdc->lskd", points[self.frame] - self.eye[:, None], self.axes)


def random_shots(world: np.ndarray, length: int, views: int, rng: np.random.Generator) -> Shots:
    """Cut a recording (T, J, 3), z up, into shots of length poses, and put views cameras in front
    of each.
    """
    first = np.repeat(np.arange(0, len(world), length), views)  # (S,)
    frame = first + np.arange(min(length, len(world)))[:, None]
    there, frame = frame < len(world), np.minimum(frame, len(world) - 1)
    floor = np.quantile(world[..., 2].min(1), 0.02) - 0.07  # ankles stand that high
    middle = world[frame[len(frame) // 2]]  # (S, J, 3) the person halfway through the shot
    count = (len(first), TRIES)
    focal = 1 / np.tan(np.radians(rng.uniform(*FIELD_OF_VIEW, count)) / 2)
    distance = np.exp(rng.uniform(*np.log(DISTANCE), count))
    height = rng.uniform(*HEIGHT, count) + floor
    side = rng.uniform(0, 2 * np.pi, count)
    picture = np.array(PICTURES)[rng.integers(len(PICTURES), size=len(first))]
    roll = np.radians(
        np.where(
            rng.uniform(size=count) < STRONGLY_ROLLED,
            rng.uniform(-STRONG_ROLL, STRONG_ROLL, count),
            rng.normal(0, ROLL, count),
        )
    )
    place = rng.uniform(-OFF_CENTRE, OFF_CENTRE, (*count, 2))
    focal *= (picture.max(-1) / picture[:, 0])[:, None]  # over the width, as screen units count
    half = np.stack([np.ones(len(first)), picture[:, 1] / picture[:, 0]], axis=-1)  # (S, 2)

    body = middle.mean(1)[:, None]  # (S, 1, 3)
    eye = np.stack(
        [
            body[..., 0] + distance * np.cos(side),
            body[..., 1] + distance * np.sin(side),
            height,
        ],
        axis=-1,
    )
    ahead = body - eye
    away = place * half[:, None] / focal[..., None]
    yaw = np.arctan2(ahead[..., 1], ahead[..., 0]) + np.arctan(away[..., 0])
    pitch = np.arctan2(ahead[..., 2], distance) + np.arctan(away[..., 1])
    axes = _axes(yaw, pitch, roll)  # (S, TRIES, 3, 3)

    points = np.einsum("stjc,stdc->stjd", middle[:, None] - eye[:, :, None], axes)
    screen = focal[..., None, None] * points[..., :2] / points[..., 2:].clip(0.05)
    inside = (np.abs(screen) < half[:, None, None]).all(-1) & (points[..., 2] > 0.3)
    share = inside.mean(-1)  # (S, TRIES)
    wanted = np.where(rng.uniform(size=len(first)) < WHOLE, 0.999, 0.5)[:, None]
    chosen = np.where((share >= wanted).any(1), (share >= wanted).argmax(1), share.argmax(1))
    row = np.arange(len(first))
    return Shots(frame, there, axes[row, chosen], eye[row, chosen], focal[row, chosen], picture)


def _axes(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Right, down and forward (..., 3, 3) of cameras that look along yaw, raised by pitch, and are
    turned about the line of sight by roll; radians.
    """
    zero = np.zeros_like(yaw)
    forward = np.stack(
        [np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)], -1
    )
    right = np.stack([np.sin(yaw), -np.cos(yaw), zero], -1)
    down = np.cross(forward, right)
    c, s = np.cos(roll)[..., None], np.sin(roll)[..., None]
    return np.stack([c * right + s * down, c * down - s * right, forward], axis=-2)

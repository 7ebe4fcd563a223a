"""Fifteen families of motion, named after the actions of Human3.6M. They look like them; they are
made up, not recorded.

A family is a function (rng, t, body) -> Motion: t (T,) seconds.
"""

from collections.abc import Callable

import numpy as np

from .figure import Body, Motion
from .movement import HANG, arms, glide, holds, sway
from .postures import sit, sit_on_floor, stand, walk

# Where a wrist may be: outward, forward, up from its shoulder, in arm lengths.
POCKET = (0.06, 0.12, -0.84)
GESTURE, GESTURE_LOW, GESTURE_WIDE = (-0.05, 0.52, -0.38), (0.05, 0.45, -0.62), (0.35, 0.50, -0.20)
MOUTH = (-0.27, 0.27, 0.26)
EAR = (-0.13, 0.10, 0.33)
EYES = (-0.22, 0.42, 0.36)
CHIN = (-0.26, 0.30, 0.12)
HIP = (0.20, 0.02, -0.66)
CROSSED = (-0.40, 0.34, -0.36)
FOLDED = (-0.24, 0.28, -0.72)
WATCH = (-0.22, 0.42, -0.22)
OVERHEAD = (0.12, 0.10, 0.93)
SIDEWAYS = (0.95, 0.10, 0.02)
BEHIND_HEAD = (-0.12, -0.14, 0.44)
SHAKE = (-0.10, 0.72, -0.38)
TABLE = (-0.12, 0.58, -0.52)
LAP = (-0.02, 0.48, -0.70)
WAVE = (0.42, 0.22, 0.42)
LEASH = (-0.02, 0.55, -0.66)
SHELF = (0.0, 0.75, 0.45)


def directions(rng, t, body):
    spots = [
        (np.sin(a), np.cos(a) * np.cos(e), np.sin(e))
        for a in (-0.3, 0.3, 0.9, 1.4)
        for e in (-0.3, 0.1, 0.5)
    ]
    m = stand(rng, t, body)
    return m._replace(
        hand=arms(
            rng,
            t,
            [HANG, *0.93 * np.array(spots)],
            [HANG, HIP, *0.93 * np.array(spots)],
            hold=(0.6, 1.8),
        )
    )


def discussion(rng, t, body):
    spots = [GESTURE, GESTURE_LOW, GESTURE_WIDE, GESTURE]
    return stand(rng, t, body)._replace(
        hand=arms(
            rng, t, [*spots, HANG], [*spots, CHIN], hold=(0.2, 1.0), move=(0.35, 0.8), jitter=0.09
        )
    )


def eating(rng, t, body):
    m = sit(rng, t, body)
    hand = arms(rng, t, [TABLE, TABLE, LAP], [MOUTH, TABLE], hold=(0.4, 1.4), jitter=0.04)
    return m._replace(
        hand=hand, trunk=m.trunk + np.array([0.15, 0, 0]), neck=m.neck + np.array([0.12, 0, 0])
    )


def greeting(rng, t, body):
    m = stand(rng, t, body)
    hand = arms(rng, t, [HANG, HANG, WAVE], [HANG, WAVE, SHAKE, OVERHEAD], hold=(0.8, 2.0))
    raised = glide((hand[..., 2] - 0.1) / 0.3)
    hand[..., 0] += 0.14 * raised * np.sin(2 * np.pi * rng.uniform(1.2, 2.0) * t)[:, None]
    bow = holds(rng, t, [(0.0,), (0.0,), (0.7,)], hold=(0.6, 2.0))
    return m._replace(hand=hand, trunk=m.trunk + np.pad(np.abs(bow), ((0, 0), (0, 2))))


def phoning(rng, t, body):
    m = walk(rng, t, body, speed=0.7) if rng.uniform() < 0.4 else stand(rng, t, body)
    hand = m.hand.copy()
    hand[:, 1] = arms(rng, t, [EAR], [EAR], jitter=0.02)[:, 0]
    free = holds(rng, t, [HANG, GESTURE, POCKET, CROSSED, HIP], hold=(0.8, 3.0))
    hand[:, 0] = free + (m.hand[:, 0] - np.array(HANG)) * 0.3
    return m._replace(hand=hand, neck=m.neck * np.array([1, 1, 0.5]) + np.array([0.05, 0.15, 0]))


def photo(rng, t, body):
    crouch = np.abs(
        holds(rng, t, [(0.0,), (0.02,), (0.22,), (0.40,)], hold=(1.0, 3.0), jitter=0.02)[:, 0]
    )
    m = stand(rng, t, body, crouch=crouch, width=0.26)
    raise_camera = holds(rng, t, [EYES, EYES, GESTURE_LOW], hold=(1.0, 2.5), jitter=0.03)
    return m._replace(
        hand=np.stack([raise_camera, raise_camera], 1) + 0.02 * sway(rng, t, 1.5, (2, 3)),
        neck=m.neck * 0.6,
    )


def posing(rng, t, body):
    m = stand(rng, t, body, width=0.34)
    spots = [HIP, BEHIND_HEAD, CROSSED, OVERHEAD, SIDEWAYS, CHIN, HANG]
    lean = holds(
        rng, t, [(0, 0, 0), (0, 0.3, 0), (0, -0.3, 0), (0.1, 0, 0.4), (0.1, 0, -0.4)], hold=(1, 2.5)
    )
    return m._replace(hand=arms(rng, t, spots, spots, hold=(0.8, 2.2)), trunk=m.trunk + lean)


def purchases(rng, t, body):
    # One choice drives all: upright, to a high shelf, down to the floor (trunk, crouch, reach
    # together).
    choice = np.clip(
        holds(
            rng, t, [(0.0,), (0.0,), (-1.0,), (1.0,)], hold=(0.6, 1.8), move=(0.8, 1.3), jitter=0.05
        )[:, 0],
        -1,
        1,
    )
    low, high = np.clip(choice, 0, 1), np.clip(-choice, 0, 1)
    m = stand(rng, t, body, crouch=0.30 * low, restless=(1.0, 2.5))
    bag = holds(rng, t, [GESTURE_LOW, POCKET], hold=(1, 3))
    busy = holds(rng, t, [GESTURE, GESTURE_LOW, HANG], hold=(0.5, 1.5))
    # in the chest's frame: towards the floor when the trunk is bent
    down = np.array([-0.05, 0.85, -0.45])
    hand = np.stack(
        [bag, busy + low[:, None] * (down - busy) + high[:, None] * (np.array(SHELF) - busy)],
        axis=1,
    )
    bend = np.stack([0.7 * low - 0.05 * high, 0 * low, 0.2 * low], -1)
    tilt = m.tilt + np.stack([0.5 * low, 0 * low], -1)
    return m._replace(hand=hand + 0.02 * sway(rng, t, 1.2, (2, 3)), trunk=m.trunk + bend, tilt=tilt)


def sitting(rng, t, body):
    m = sit(rng, t, body)
    spots = [LAP, LAP, CHIN, CROSSED, GESTURE_LOW]
    return m._replace(hand=arms(rng, t, [*spots, LAP], [*spots, BEHIND_HEAD], hold=(1.5, 4.0)))


def smoking(rng, t, body):
    m = sit(rng, t, body) if rng.uniform() < 0.5 else stand(rng, t, body)
    return m._replace(
        hand=arms(
            rng,
            t,
            [LAP, HANG, POCKET, CROSSED],
            [MOUTH, GESTURE_LOW, MOUTH, GESTURE],
            hold=(0.8, 2.4),
            jitter=0.04,
        )
    )


def waiting(rng, t, body):
    m = stand(rng, t, body, restless=(1.0, 3.0))
    spots = [HANG, HIP, CROSSED, FOLDED, POCKET]
    hand = arms(rng, t, [*spots, WATCH], spots, hold=(1.2, 3.5))
    return m._replace(hand=hand, neck=m.neck * np.array([1, 1, 1.8]))


def walk_dog(rng, t, body):
    m = walk(rng, t, body, speed=1.2, lean=-0.02)
    hand = m.hand.copy()
    hand[:, 1] = np.array(LEASH) + np.array([0.12, 0.15, 0.10]) * sway(rng, t, 1.0, 3)
    return m._replace(hand=hand)


def walking(rng, t, body):
    return walk(rng, t, body)


def walk_together(rng, t, body):
    m = walk(rng, t, body, speed=0.9)
    hand = m.hand.copy()
    talk = holds(rng, t, [HANG, HANG, GESTURE, GESTURE_LOW], hold=(0.8, 2.0))
    hand[:, 0] += talk - np.array(HANG)
    return m._replace(hand=hand, neck=m.neck + np.array([0, 0, 0.5]) * rng.choice([-1, 1]))


ACTIONS: dict[str, Callable[[np.random.Generator, np.ndarray, Body], Motion]] = {
    "Directions": directions,
    "Discussion": discussion,
    "Eating": eating,
    "Greeting": greeting,
    "Phoning": phoning,
    "Photo": photo,
    "Posing": posing,
    "Purchases": purchases,
    "Sitting": sitting,
    "SittingDown": sit_on_floor,
    "Smoking": smoking,
    "Waiting": waiting,
    "WalkDog": walk_dog,
    "Walking": walking,
    "WalkTogether": walk_together,
}

"""A synthetic human figure: proportions, joint limits, and the 17 joints that a motion gives it.

World frame: z up, metres, the floor at z = 0. Body frame: x right, y forward, z up. Arrays are
numpy float64, T frames first.
"""

from typing import NamedTuple

import numpy as np

from ...skeleton import J

# Limits in radians. Elbows and knees are hinges that bend one way; a figure never leaves these
# ranges.
KNEE_FLEXION = (0.05, 2.6)
ELBOW_FLEXION = (0.10, 2.55)
TRUNK_FORWARD, TRUNK_SIDE, TRUNK_TWIST = (-0.4, 1.6), (-0.5, 0.5), (-0.7, 0.7)
NECK_NOD, NECK_TILT, NECK_TURN = (-0.6, 0.6), (-0.4, 0.4), (-1.1, 1.1)

# Bone lengths as fractions of the stature, after the segment table of Drillis and Contini (1966)
# with joint centres placed as Human3.6M places them (shoulders narrower than the acromia, hips at
# the femur heads).
FRACTIONS = {
    "hip": 0.077, "thigh": 0.253, "shank": 0.250, "lower_spine": 0.135, "upper_spine": 0.147,
    "neck": 0.067, "head": 0.066,
    "shoulder": 0.088, "upper_arm": 0.163, "forearm": 0.145, "ankle": 0.045,
}  # fmt: skip
_SIDES = np.array([-1.0, 1.0])  # left, right


class Body(NamedTuple):
    """Bone lengths in metres; ankle is its height above the floor when the foot stands."""

    hip: float
    thigh: float
    shank: float
    lower_spine: float
    upper_spine: float
    neck: float
    head: float
    shoulder: float
    upper_arm: float
    forearm: float
    ankle: float

    @property
    def leg(self) -> float:
        return self.thigh + self.shank

    @property
    def arm(self) -> float:
        return self.upper_arm + self.forearm


def draw_body(rng: np.random.Generator) -> Body:
    """One person: stature 1.55 to 1.92 m, each bone a few percent off the average proportions, left
    and right alike.
    """
    stature = np.clip(rng.normal(1.73, 0.09), 1.55, 1.92)
    spread = {"shoulder": 0.06, "hip": 0.06}
    return Body(
        **{
            name: stature * part * np.clip(rng.normal(1, spread.get(name, 0.035)), 0.88, 1.12)
            for name, part in FRACTIONS.items()
        }
    )


class Motion(NamedTuple):
    """What moves a body for T frames.

    Index 0 of a pair is left, 1 right. Limbs reach for targets; bones keep their lengths.
    """

    # (T, 3) wanted place of the hip joint, world; lowered where the legs would not reach the feet
    pelvis: np.ndarray
    yaw: np.ndarray  # (T,) where the pelvis faces, radians from the world's x axis
    tilt: np.ndarray  # (T, 2) of the pelvis: forward, to the right
    trunk: np.ndarray  # (T, 3) bend of the spine: forward, to the right, twist to the left
    neck: np.ndarray  # (T, 3) nod forward, tilt to the right, turn to the left
    foot: np.ndarray  # (T, 2, 3) ankles, world
    # (T, 2, 3) where the knees point: outward, forward, up from the pelvis (any length)
    knee: np.ndarray
    # (T, 2, 3) wrists: outward, forward, up from the shoulder in the chest's frame, in arm lengths
    hand: np.ndarray
    # (T, 2, 3) where a hand may rest: outward, forward, up from the pelvis, level frame, metres
    prop: np.ndarray
    resting: np.ndarray  # (T, 2) 0: the hand goes where hand says, 1: where prop says


def turn(forward: np.ndarray, side: np.ndarray, twist: np.ndarray) -> np.ndarray:
    """(T, 3, 3) body rotations: bend forward, then to the right, then twist to the left; angles
    (T,) radians.
    """
    cf, sf, cs, ss, ct, st = (f(a) for a in (forward, side, twist) for f in (np.cos, np.sin))
    zero, one = np.zeros_like(cf), np.ones_like(cf)

    def matrix(*rows):
        return np.stack([np.stack(np.broadcast_arrays(*row), axis=-1) for row in rows], axis=-2)

    bend = matrix((one, zero, zero), (zero, cf, sf), (zero, -sf, cf))
    lean = matrix((cs, zero, ss), (zero, one, zero), (-ss, zero, cs))
    return bend @ lean @ matrix((ct, -st, zero), (st, ct, zero), (zero, zero, one))


def facing(yaw: np.ndarray) -> np.ndarray:
    """(T, 3, 3) rotations that turn body axes (right, forward, up) towards yaw."""
    return turn(np.zeros_like(yaw), np.zeros_like(yaw), yaw - np.pi / 2)


def bend_limb(
    start: np.ndarray,
    target: np.ndarray,
    first: float,
    second: float,
    pole: np.ndarray,
    flexion: tuple[float, float],
):
    """Two bones from start towards target, bent towards pole within the flexion limits -> (middle
    joint, end), each (T, 3).

    The end is the target where the limits let it be, else the nearest point on the line to it.
    """
    reach = [np.sqrt(first**2 + second**2 + 2 * first * second * np.cos(f)) for f in flexion]
    line = target - start
    distance = np.linalg.norm(line, axis=-1, keepdims=True)
    line = line / np.maximum(distance, 1e-9)
    distance = np.clip(distance, reach[1], reach[0])
    along = (first**2 - second**2 + distance**2) / (2 * distance)
    pole = pole - (pole * line).sum(-1, keepdims=True) * line
    pole = pole / np.maximum(np.linalg.norm(pole, axis=-1, keepdims=True), 1e-9)
    middle = start + along * line + np.sqrt(np.maximum(first**2 - along**2, 0)) * pole
    return middle, start + distance * line


def joints_in_motion(body: Body, motion: Motion) -> np.ndarray:
    """The 17 joints (T, 17, 3) of a body in motion, world frame, metres."""
    m = motion
    heading = facing(m.yaw)
    pelvis_turn = heading @ turn(m.tilt[:, 0], m.tilt[:, 1], np.zeros_like(m.yaw))
    across = np.stack([_SIDES * body.hip, [0, 0], [0, 0]], axis=-1)
    hips = np.einsum("tij,sj->tsi", pelvis_turn, across)  # from the pelvis
    pelvis = _carried(body, m, hips)

    limits = (TRUNK_FORWARD, TRUNK_SIDE, TRUNK_TWIST)
    trunk = np.stack([np.clip(m.trunk[:, i], *limit) for i, limit in enumerate(limits)])
    limits = (NECK_NOD, NECK_TILT, NECK_TURN)
    neck = np.stack([np.clip(m.neck[:, i], *limit) for i, limit in enumerate(limits)])
    lower = pelvis_turn @ turn(*(0.4 * trunk))
    chest = lower @ turn(*(0.6 * trunk))
    gaze_low, gaze = chest @ turn(*(0.5 * neck)), chest @ turn(*neck)

    joints = np.empty((len(pelvis), J, 3))
    joints[:, 0] = pelvis
    joints[:, 7] = pelvis + lower @ _bone(body.lower_spine, 0.03)
    joints[:, 8] = joints[:, 7] + chest @ _bone(body.upper_spine, -0.04)
    joints[:, 9] = joints[:, 8] + gaze_low @ _bone(body.neck, 0.45)
    joints[:, 10] = joints[:, 9] + gaze @ _bone(body.head, -0.10)
    mirrors = np.stack([_SIDES, [1, 1], [1, 1]], axis=-1)
    knee_poles = np.einsum("tij,tsj->tsi", heading, m.knee * mirrors)
    for side, hip, shoulder in ((0, 4, 11), (1, 1, 14)):
        joints[:, hip] = pelvis + hips[:, side]
        joints[:, hip + 1], joints[:, hip + 2] = bend_limb(
            joints[:, hip],
            m.foot[:, side],
            body.thigh,
            body.shank,
            knee_poles[:, side],
            KNEE_FLEXION,
        )
        prop = pelvis + np.einsum("tij,tj->ti", heading, m.prop[:, side] * mirrors[side])
        arm = _arm(body, m, side, joints[:, 8], chest, prop)
        joints[:, shoulder : shoulder + 3] = np.stack(arm, axis=1)
    return joints


def _carried(body: Body, m: Motion, hips: np.ndarray) -> np.ndarray:
    """The pelvis (T, 3) as the legs carry it: it sinks as far as the feet need it to (a soft
    minimum keeps the motion smooth).
    """
    bent = 2 * body.thigh * body.shank * np.cos(2 * KNEE_FLEXION[0])
    longest = np.sqrt(body.thigh**2 + body.shank**2 + bent)
    away = np.linalg.norm((m.pelvis[:, None] + hips - m.foot)[..., :2], axis=-1)
    highest = m.foot[..., 2] + np.sqrt(np.maximum(longest**2 - away**2, 0.01)) - hips[..., 2]
    heights = np.concatenate([m.pelvis[:, 2:], highest], axis=1)
    lowest = heights.min(1, keepdims=True)
    pelvis = m.pelvis.copy()
    pelvis[:, 2] = lowest[:, 0] - 0.01 * np.log(np.exp(-(heights - lowest) / 0.01).sum(1))
    return pelvis


def _arm(
    body: Body, m: Motion, side: int, thorax: np.ndarray, chest: np.ndarray, prop: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shoulder, elbow and wrist (T, 3) of one side; prop is where a resting hand lies."""

    def turned(vectors):
        return np.einsum("tij,tj->ti", chest, vectors)

    rest, mirror = m.resting[:, side], np.array([_SIDES[side], 1, 1])
    # A raised arm takes the shoulder along.
    lift = -0.12 + 0.35 * np.clip(m.hand[:, side, 2] + 0.3, 0, 1.2) * (1 - rest)
    outward = np.stack([_SIDES[side] * np.cos(lift), np.zeros_like(lift), np.sin(lift)], axis=-1)
    shoulder = thorax + turned(outward * body.shoulder)
    free = shoulder + turned(_around_shoulder(m.hand[:, side]) * mirror * body.arm)
    target = (1 - rest[:, None]) * free + rest[:, None] * prop
    reach = np.einsum("tji,tj->ti", chest, target - shoulder) * mirror
    elbow = turned(_elbow_pole(reach) * mirror)
    limb = bend_limb(shoulder, target, body.upper_arm, body.forearm, elbow, ELBOW_FLEXION)
    return shoulder, *limb


def _around_shoulder(hand: np.ndarray) -> np.ndarray:
    """Wrist targets (T, 3) in arm lengths, led in front of the shoulder where their straight path
    would cross it.
    """
    outward, forward, up = hand.T
    closest = (0.38**2 - outward**2 - up**2) / 0.38
    return np.stack(
        [outward, 0.5 * (forward + closest + np.sqrt((forward - closest) ** 2 + 0.1**2)), up],
        axis=-1,
    )


def _elbow_pole(reach: np.ndarray) -> np.ndarray:
    """Where an elbow points when the wrist is at reach (T, 3), both outward, forward, up in the
    chest's frame.

    For a hand straight ahead it points down and outward; every other reach turns that the shortest
    way along. So it never jumps, but for a hand straight behind the shoulder, where none goes.
    """
    ahead, elbow = np.array([0.12, 0.92, -0.37]), np.array([0.50, -0.39, -0.80])
    ahead /= np.linalg.norm(ahead)
    elbow -= (elbow @ ahead) * ahead
    line = reach / np.maximum(np.linalg.norm(reach, axis=-1, keepdims=True), 1e-9)
    return (
        elbow
        - (line @ elbow)[:, None] * (ahead + line) / np.maximum(1 + line @ ahead, 1e-3)[:, None]
    )


def _bone(length: float, forward: float) -> np.ndarray:
    """A vector of the given length that points up, leaning forward by the given slope."""
    direction = np.array([0.0, forward, 1.0])
    return length * direction / np.linalg.norm(direction)

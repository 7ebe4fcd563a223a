"""Recorded motion as the sources share it: a recording, its clock, its place in the room, and
whether it shows a human body.
"""

from typing import NamedTuple
from zlib import crc32

import numpy as np

from ..skeleton import J
from .asf import LEG
from .joints import coco_joints, coco_points
from .rig import SUBJECTS

FPS = 50  # frame numbers count at this rate, as in Human3.6M
JOINT_KINDS = ("own", "coco")
# metres: recordings that roam further have their path (not their poses) drawn in, so that every
# camera keeps them in view
ROOM = 1.5
# Lengths that a body can have, as shares of thigh and shank together. Wider than people are (the
# shortest forearm among CMU's skeletons is 0.17 of the leg), far narrower than a wrong unit or a
# wrong bone makes them.
SHARES = {
    "thigh": ((4, 5), (1, 2), 0.35, 0.65),
    "shank": ((5, 6), (2, 3), 0.35, 0.65),
    "upper arm": ((11, 12), (14, 15), 0.2, 0.6),
    "forearm": ((12, 13), (15, 16), 0.1, 0.5),
    "shoulders": ((11, 14), (14, 11), 0.2, 0.8),
    "hips": ((1, 4), (4, 1), 0.05, 0.5),
    "trunk": ((0, 8), (0, 8), 0.3, 1.0),
}


class Recording(NamedTuple):
    """One take: the 17 joints in the world (z up, metres, floor at 0) at the given frames of a 50
    Hz clock.
    """

    subject: str
    name: str  # what stands before the space is the action
    world: np.ndarray  # (T, J, 3)
    stride: int  # 50 Hz frames between two poses
    cameras: str  # the Human3.6M subject whose camera set-up films it
    coco: np.ndarray | None = None  # (T, 17, 3) COCO's points of the same body; None: from world


def recording(
    subject: str,
    name: str,
    joints: np.ndarray,
    *,
    yaw: float,
    cameras: str,
    stride: int,
    kind: str = "own",
    face: np.ndarray | None = None,
    wrists: np.ndarray | None = None,
) -> Recording:
    """A recording of joints (T, 17, 3) at 50 Hz, z up: turned by yaw, put in the middle of the
    room, every stride-th frame.

    kind: "own" keeps the joints where the skeleton has them, "coco" makes them as read_keypoints
    makes them of COCO's. face and wrists as in coco_points.
    """
    points = coco_points(joints, face, wrists)
    joints = coco_joints(points) if kind == "coco" else joints
    world = stage(np.concatenate([joints, points], axis=1), yaw)[::stride]
    return Recording(subject, name, world[:, :J], stride, cameras, world[:, J:])


def drawn_for(seed: int, *names: str) -> tuple[float, str]:
    """A heading and a camera set-up that depend on the seed and the names alone."""
    rng = np.random.default_rng([seed, 4, crc32("/".join(names).encode())])
    return rng.uniform(0, 2 * np.pi), SUBJECTS[rng.integers(len(SUBJECTS))]


def resample(joints: np.ndarray, source: float = 120, target: float = FPS) -> np.ndarray:
    """(frames, points, 3) at another frame rate, linear between frames; neighbours at 120 Hz are
    too close to bend a bone visibly.
    """
    when = np.arange(0, len(joints) - 1 + 1e-9, source / target)
    before = np.minimum(when.astype(int), max(len(joints) - 2, 0))
    after = np.minimum(before + 1, len(joints) - 1)
    part = (when - before)[:, None, None]
    return (1 - part) * joints[before] + part * joints[after]


def stage(world: np.ndarray, yaw: float) -> np.ndarray:
    """Turn a recording by yaw, put the middle of its path in the middle of the room and draw the
    path into it.
    """
    turn = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    world = world @ turn
    path = world[:, :1, :2]
    middle = (path.min(0) + path.max(0)) / 2
    reach = np.linalg.norm(path - middle, axis=-1).max()
    staged = world.copy()
    staged[..., :2] += (path - middle) * min(1.0, ROOM / max(reach, 1e-9)) - path
    return staged


def not_human(joints: np.ndarray) -> str | None:
    """What is wrong with the proportions of joints (T, 17, 3) in metres, or None for a body that
    can be a human's.
    """

    def length(a, b):
        return float(np.median(np.linalg.norm(joints[:, a] - joints[:, b], axis=-1)))

    leg = (length(4, 5) + length(5, 6) + length(1, 2) + length(2, 3)) / 2
    if not LEG[0] <= leg <= LEG[1]:
        return f"thigh and shank together are {leg:.3g} m long"
    for name, (left, right, low, high) in SHARES.items():
        for bone in (left, right):
            if not low <= (share := length(*bone) / leg) <= high:
                return f"the {name} of {share * leg:.2g} m does not fit legs of {leg:.2g} m"
    return None

"""An ASF skeleton in motion -> where the joints are."""

from typing import NamedTuple

import numpy as np

from ..skeleton import J
from .asf import END_OF_BONE, Bone
from .turns import turns_about_axes


class Body(NamedTuple):
    """A body over T frames, metres, z up."""

    joints: np.ndarray  # (T, 17, 3) Human3.6M's, at the ends of the bones of END_OF_BONE
    face: np.ndarray  # (T, 3) where the face looks, a unit vector
    wrists: np.ndarray | None  # (T, 2, 3) left and right; None if the skeleton has no bone "wrist"


def body(skeleton: dict[str, Bone], channels: dict[str, np.ndarray]) -> Body:
    """Where the joints are. A bone's local rotation is C M C^-1 with C its axis and M its channels.

    The forearm is two bones, radius and wrist, so that it can twist; the wrist is the end of the
    second. A skeleton at rest looks along z.
    """
    root = skeleton["root"]
    frames = len(channels["root"])
    place = np.zeros((frames, 3))
    turns, ends = {}, {}
    for name, bone in skeleton.items():
        angles = np.zeros((frames, 3))
        for column, channel in enumerate(bone.dof):
            kind, which = channel[0], "xyz".index(channel[1])
            if kind == "t":
                place[:, which] = channels[name][:, column] * root.offset[which]
            else:
                angles[:, which] = channels[name][:, column]
        local = bone.axis @ turns_about_axes(angles) @ bone.axis.T
        turns[name] = local if name == "root" else turns[bone.parent] @ local
        ends[name] = place if name == "root" else ends[bone.parent] + turns[name] @ bone.offset
    joints = np.stack(
        [(ends["lhipjoint"] + ends["rhipjoint"]) / 2, *(ends[END_OF_BONE[j]] for j in range(1, J))],
        axis=1,
    )
    upright = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # (x, y, z) -> (x, -z, y)
    wrists = None
    if {"lwrist", "rwrist"} <= ends.keys():
        wrists = np.stack([ends["lwrist"], ends["rwrist"]], axis=1) @ upright
    return Body(joints @ upright, turns["head"][:, :, 2] @ upright, wrists)


def joint_positions(skeleton: dict[str, Bone], channels: dict[str, np.ndarray]) -> np.ndarray:
    """The 17 joints (frames, 17, 3), metres, z up."""
    return body(skeleton, channels).joints

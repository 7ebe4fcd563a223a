"""A BVH hierarchy in motion -> where the joints are, in metres."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..skeleton import JOINTS
from .asf import INCH, LEG
from .bvh_names import HEAD, REMEDY, Node
from .motion import not_human

UNITS = {
    "metres": 1.0,
    "centimetres": 0.01,
    "millimetres": 0.001,
    "inches": INCH,
    "CMU's units (2.2 inches)": INCH / 0.45,
}


def bvh_joints(
    path: Path, tree: list[Node], motion: np.ndarray, table: dict[str, str]
) -> np.ndarray:
    """The 17 joints (frames, 17, 3) in the file's unit and axes."""
    where = _places(tree, motion)
    index = {}
    for n, node in enumerate(tree):
        index.setdefault(node.name, n)
    if lacking := sorted({node for node in table.values() if node not in index}):
        raise ValueError(f"{path} has no node {', '.join(lacking)}: {REMEDY}")
    found = {joint: where[:, index[node]] for joint, node in table.items()}
    found["hip"] = (found["left hip"] + found["right hip"]) / 2
    if missing := [joint for joint in JOINTS if joint not in found and joint != "head"]:
        raise ValueError(f"{path}: no node is known for {', '.join(missing)}: {REMEDY}")
    leg = sum(
        np.linalg.norm(found[f"left {a}"][0] - found[f"left {b}"][0])
        for a, b in (("hip", "knee"), ("knee", "foot"))
    )
    short = (
        "head" not in found
        or np.median(np.linalg.norm(found["head"] - found["neck"], axis=-1)) < 0.04 * leg
    )
    if short:  # carry on along the neck
        along = found["neck"] - found["thorax"]
        along = along / np.linalg.norm(along, axis=-1, keepdims=True).clip(1e-9)
        found["head"] = found["neck"] + HEAD * leg * along
    return np.stack([found[joint] for joint in JOINTS], axis=1)


def _places(tree: list[Node], motion: np.ndarray) -> np.ndarray:
    """Where every node begins, (frames, nodes, 3). Rotations are applied in the order of the
    channels, each in the frame that the ones before have turned.
    """
    frames = len(motion)
    place = np.zeros((frames, len(tree), 3))
    turns: list[Rotation] = []
    for n, node in enumerate(tree):
        values = motion[:, node.first : node.first + len(node.channels)]
        offset = np.repeat(node.offset[None], frames, axis=0)
        order, angles = "", []
        for channel, value in zip(node.channels, values.T):
            if channel.endswith("position"):
                offset[:, "xyz".index(channel[0])] = value
            else:
                order += channel[0].upper()
                angles.append(value)
        turn = Rotation.identity(frames)
        if order:
            given = np.stack(angles, axis=-1)
            turn = Rotation.from_euler(
                order, given if len(order) > 1 else given[:, 0], degrees=True
            )
        if node.parent < 0:
            place[:, n] = offset
            turns.append(turn)
        else:
            before = turns[node.parent]
            place[:, n] = place[:, node.parent] + before.apply(offset)
            turns.append(before * turn)
    return place


def metres(path: Path, joints: np.ndarray) -> np.ndarray:
    """Joints (T, 17, 3) of a file's unit and axes in metres, z up.

    The unit is the one that makes human legs. Up is the axis along which heads are above feet.
    """
    bones = ((4, 5), (5, 6), (1, 2), (2, 3))
    leg = np.median(sum(np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in bones)) / 2
    fits = [name for name, unit in UNITS.items() if LEG[0] <= leg * unit <= LEG[1]]
    if not fits:
        raise ValueError(
            f"{path}: thigh and shank together are {leg:.3g} units long, no human's in "
            f"{', '.join(UNITS)}: {REMEDY}"
        )
    joints = joints * UNITS[fits[0]]
    up = np.median(joints[:, 9] - joints[:, [3, 6]].mean(1), axis=0)
    axis = int(np.abs(up).argmax())
    if axis == 1:  # (x, y, z) -> (x, -z, y)
        joints = joints[..., [0, 2, 1]] * (1, -1, 1)
    elif axis == 0:
        joints = joints[..., [1, 2, 0]]
    if up[axis] < 0:  # upside down: turn by half a turn about the first axis
        joints = joints * (1, -1, -1)
    if wrong := not_human(joints):
        raise ValueError(f"{path} shows no human body, {wrong}: {REMEDY}")
    return joints

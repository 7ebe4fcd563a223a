"""A moving person as BVH, which Blender, Maya, MotionBuilder and Unity read.

Units and axes: centimetres and degrees; x to the right, y up, z towards the camera. The rest pose
is a T, facing z. A node stands for a bone and sits where the bone begins, so that every bone turns
by itself; it takes the shortest way from the rest direction carried along by its parent, since
joints alone do not tell how a bone is twisted. BVH's bones have one length: the median.
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..skeleton import BONES
from ..support import written_whole
from .motion import checked_motion

ORDER = "ZXY"  # intrinsic turns, in the order of the channels
# Bone that ends in a joint -> the name of its node, as Mixamo's and CMU's files have them, and its
# direction at rest.
_NODES = {
    1: ("RHipJoint", (-1, 0, 0)), 2: ("RightUpLeg", (0, -1, 0)), 3: ("RightLeg", (0, -1, 0)),
    4: ("LHipJoint", (1, 0, 0)), 5: ("LeftUpLeg", (0, -1, 0)), 6: ("LeftLeg", (0, -1, 0)),
    7: ("LowerBack", (0, 1, 0)), 8: ("Spine", (0, 1, 0)), 9: ("Neck", (0, 1, 0)),
    10: ("Head", (0, 1, 0)),
    11: ("LeftShoulder", (1, 0, 0)), 12: ("LeftArm", (1, 0, 0)), 13: ("LeftForeArm", (1, 0, 0)),
    14: ("RightShoulder", (-1, 0, 0)), 15: ("RightArm", (-1, 0, 0)),
    16: ("RightForeArm", (-1, 0, 0)),
}  # fmt: skip


def write_bvh(path: str | Path, positions, *, fps: float = 30.0) -> None:
    """Write positions (T, 17, 3) of Human3.6M's joints, metres, in a camera's frame (x right, y
    down, z away): with the root's place.

    Raises ValueError for wrong shapes, numbers that are not finite, and bones without length.
    """
    positions = checked_motion("a BVH file", positions, fps)
    points = positions * (100, -100, -100)
    bones = np.stack([points[:, c] - points[:, p] for p, c in BONES], axis=1)  # (T, 16, 3)
    lengths = np.median(np.linalg.norm(bones, axis=-1), axis=0)
    if (np.linalg.norm(bones, axis=-1) < 1e-3).any():
        raise ValueError("a bone has no length: the positions are no person's")
    root, turns = _rotations(points, bones)
    angles = [_euler(root), *(_euler(turns[c]) for _, c in BONES)]
    motion = np.concatenate([points[:, 0], *angles], axis=1)
    rest = {c: np.array(_NODES[c][1]) * length for (_, c), length in zip(BONES, lengths)}
    lines = ["HIERARCHY", "ROOT Hips", "{", "\tOFFSET 0 0 0"]
    lines += [
        f"\tCHANNELS 6 Xposition Yposition Zposition {_channels()}",
        *_children(0, rest, 1),
        "}",
    ]
    lines += ["MOTION", f"Frames: {len(points)}", f"Frame Time: {1 / fps:.8f}"]
    with written_whole(path) as temporary, open(temporary, "w") as file:
        file.write("\n".join(lines) + "\n")
        np.savetxt(file, motion, fmt="%.5f")


def _rotations(points: np.ndarray, bones: np.ndarray) -> tuple[Rotation, dict[int, Rotation]]:
    """How the root stands, and how each bone's node is turned relative to its parent's, over the
    frames.
    """
    side = points[:, 4] - points[:, 1]  # to the person's left
    up = points[:, 7] - points[:, 0]
    front = np.cross(side, up)
    level = np.linalg.norm(front, axis=1) < 1e-6 * np.linalg.norm(side, axis=1) * np.linalg.norm(
        up, axis=1
    )
    front[level] = (0, 0, 1)  # hips and spine in one line: no front to tell
    x = side / np.linalg.norm(side, axis=1, keepdims=True)
    z = front / np.linalg.norm(front, axis=1, keepdims=True)
    root = Rotation.from_matrix(np.stack([x, np.cross(z, x), z], axis=-1))
    whole, turns = {0: root}, {}
    for n, (parent, child) in enumerate(BONES):
        before = whole[parent].apply(np.array(_NODES[child][1], dtype=float))
        whole[child] = shortest_turns(before, bones[:, n]) * whole[parent]
        turns[child] = whole[parent].inv() * whole[child]
    return root, turns


def shortest_turns(start: np.ndarray, end: np.ndarray) -> Rotation:
    """The smallest turns that bring directions start (T, 3) into directions end (T, 3)."""
    end = end / np.linalg.norm(end, axis=1, keepdims=True)
    axis = np.cross(start, end)
    sine, cosine = np.linalg.norm(axis, axis=1), (start * end).sum(1)
    opposite = sine < 1e-9  # any axis square to it will do
    axis[opposite] = np.cross(
        start[opposite], np.roll(start[opposite], 1, axis=1) + (0.1, 0.2, 0.3)
    )
    axis /= np.linalg.norm(axis, axis=1, keepdims=True).clip(1e-12)
    return Rotation.from_rotvec(axis * np.arctan2(sine, cosine)[:, None])


def _euler(turn: Rotation) -> np.ndarray:
    """Degrees (T, 3) in the channels' order, each unrolled so that it does not jump by a whole
    turn.
    """
    return np.unwrap(turn.as_euler(ORDER, degrees=True), period=360, axis=0)


def _channels() -> str:
    return " ".join(f"{axis}rotation" for axis in ORDER)


def _children(joint: int, rest: dict[int, np.ndarray], depth: int) -> list[str]:
    """The lines of the bones that begin at a joint, and of all that hangs on them."""
    tab, lines = "\t" * depth, []
    children = [c for p, c in BONES if p == joint]
    for child in children:
        offset = rest[joint] if joint else np.zeros(3)
        lines += [
            f"{tab}JOINT {_NODES[child][0]}",
            f"{tab}{{",
            f"{tab}\tOFFSET {_three(offset)}",
            f"{tab}\tCHANNELS 3 {_channels()}",
        ]
        lines += _children(child, rest, depth + 1)
        if child not in [p for p, _ in BONES]:
            lines += [
                f"{tab}\tEnd Site",
                f"{tab}\t{{",
                f"{tab}\t\tOFFSET {_three(rest[child])}",
                f"{tab}\t}}",
            ]
        lines.append(f"{tab}}}")
    return lines


def _three(offset: np.ndarray) -> str:
    return " ".join(f"{x:.5f}" for x in offset)

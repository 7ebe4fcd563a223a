"""Where the joints of a body sit: what a detector marks on it, and the seventeen joints made of
that.

Motion capture systems disagree by centimetres about hips, shoulders, thorax, neck and head, and
the bone "radius" of CMU's skeletons ends 7 to 9 cm before the wrist; docs/joints.md has the
figures. The joints called "coco" are those that read_keypoints makes of COCO's: the same recipes,
applied to points in space. So a model meets the joints that it will be given, whatever skeleton it
learns from.
"""

import numpy as np

from ..keypoints import FORMATS, to_h36m

# The face on a head, in shares of the leg (thigh and shank, 83 cm on average): up from joint 10,
# forward, sideways. Joint 10 of CMU, HDM05 and Human3.6M lies 23 to 25 cm above the line of the
# shoulders, which is above the ears and far below the crown: ears are 19 to 22 cm above that line
# (tragion and acromion heights of adults, less the depth of the shoulder joint), ear to ear 15 cm,
# between the pupils 6.3 cm, from the ears to the tip of the nose 11 cm.
FACE = {"nose": (-0.06, 0.13, 0.0), "eye": (-0.015, 0.10, 0.038), "ear": (-0.03, 0.0, 0.09)}
# Widths in shares of the leg that are kept; narrower and wider ones come from where markers sat.
HIPS, SHOULDERS = (0.24, 0.29), (0.40, 0.48)


def coco_points(
    joints: np.ndarray, face: np.ndarray | None = None, wrists: np.ndarray | None = None
) -> np.ndarray:
    """COCO's 17 points (T, 17, 3) in space of Human3.6M's joints (T, 17, 3), z up.

    face (T, 3): where the face looks; None: square to the shoulders. wrists (T, 2, 3): left and
    right, where they are known better than by joints; None: they are those of joints. Hips and
    shoulders are moved along their line where their width is no human's.
    """
    leg = _length(joints, 4, 5) + _length(joints, 5, 6)
    joints = joints.copy()
    for left, right, (low, high) in ((4, 1, HIPS), (11, 14, SHOULDERS)):
        width = _length(joints, left, right) / leg
        middle = joints[:, [left, right]].mean(1, keepdims=True)
        scale = np.clip(width, low, high) / max(width, 1e-9)
        joints[:, [left, right]] = middle + scale * (joints[:, [left, right]] - middle)
    if wrists is not None:
        joints[:, [13, 16]] = wrists
    limbs = {name: joints[:, j] for name, j in _LIMBS.items()}
    found = limbs | _face(joints, face, leg)
    return np.stack([found[name] for name in FORMATS["coco17"].joints], axis=1)


def coco_joints(points: np.ndarray) -> np.ndarray:
    """Human3.6M's joints (T, 17, 3) made of COCO's points (T, 17, 3) as read_keypoints makes
    them.
    """
    return to_h36m(points, np.ones(points.shape[:-1]), "coco17")[0]


_LIMBS = {
    "left shoulder": 11, "right shoulder": 14, "left elbow": 12, "right elbow": 15,
    "left wrist": 13, "right wrist": 16, "left hip": 4, "right hip": 1, "left knee": 5,
    "right knee": 2, "left foot": 6, "right foot": 3,
}  # fmt: skip


def _face(joints: np.ndarray, forward: np.ndarray | None, leg: float) -> dict[str, np.ndarray]:
    """Nose, eyes and ears on a head with joint 10 in its middle, upright along 9 to 10."""
    up = _unit(joints[:, 10] - joints[:, 9])
    if forward is None:
        forward = np.cross(joints[:, 11] - joints[:, 14], joints[:, 8] - joints[:, 0])
    forward = _unit(forward - (forward * up).sum(-1, keepdims=True) * up)
    left = np.cross(up, forward)
    found = {}
    for name, (height, ahead, aside) in FACE.items():
        middle = joints[:, 10] + leg * (height * up + ahead * forward)
        if name == "nose":
            found[name] = middle
        else:
            found |= {f"{s} {name}": middle + k * leg * aside * left for s, k in _SIDES.items()}
    return found


_SIDES = {"left": 1, "right": -1}


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True).clip(1e-9)


def _length(joints: np.ndarray, a: int, b: int) -> float:
    return float(np.median(np.linalg.norm(joints[:, a] - joints[:, b], axis=-1)))

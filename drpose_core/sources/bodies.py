"""Bodies of other proportions than those recorded.

A database of motion has a few dozen skeletons, and a lifter takes their proportions for those of
everybody: a shank that looks short must then point at the camera. People differ more than that, and
so do detectors: one marks an ankle, another a place centimetres above it.
"""

import numpy as np

from ..keypoints import FORMATS
from .joints import coco_joints

# What changes its length as one, on both sides alike: (where it begins, what it ends in), those
# nearest to the middle of the hips first. "hips" and "shoulders" are the middle of the two.
_FACE = ("nose", "left eye", "right eye", "left ear", "right ear")
_BONES = {
    "hips": ("hips", ("left hip", "right hip")),
    "trunk": ("hips", ("shoulders",)),
    "shoulders": ("shoulders", ("left shoulder", "right shoulder")),
    "head": ("shoulders", _FACE),
    "thigh": ("hip", ("knee",)),
    "shank": ("knee", ("foot",)),
    "upper arm": ("shoulder", ("elbow",)),
    "forearm": ("elbow", ("wrist",)),
}


def other_proportions(
    pose: np.ndarray, coco: np.ndarray, spread: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Poses (L, S, 17, 3) and COCO's points (L, S, 17, 3) of the same people, with bones of other
    lengths, a body for each of the S shots.

    The widths of hips and shoulders, the trunk, the head and the bones of arms and legs are
    multiplied by factors whose logarithm has the standard deviation spread. All directions stay,
    and so does the middle of the hips.
    """
    before = dict(zip(FORMATS["coco17"].joints, np.moveaxis(coco, -2, 0)))
    for name in ("hip", "shoulder"):
        before[f"{name}s"] = (before[f"left {name}"] + before[f"right {name}"]) / 2
    after = {"hips": before["hips"]}
    for begin, ends in _BONES.values():
        factor = np.exp(spread * rng.standard_normal((coco.shape[1], 1)))
        for end in ends:
            for side in ("",) if begin in after else ("left ", "right "):
                a, b = side + begin, side + end
                after[b] = after[a] + factor * (before[b] - before[a])
    moved = np.stack([after[name] for name in FORMATS["coco17"].joints], axis=-2)
    # joints are weighted means of COCO's points, and so they move with them
    return pose + coco_joints(moved - coco), moved

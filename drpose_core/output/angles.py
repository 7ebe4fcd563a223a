"""Angles of joints by the conventions of biomechanics, from the centres of 17 joints.

Source: the ISB's recommendations, Wu et al. 2002 (hip) and 2005 (shoulder), and Grood and Suntay
1983; axes x forward, y up, z to the right. The left side is measured in the mirror, so that signs
mean the same on both sides. Degrees:

hip      flexion (thigh forward), adduction (towards the other leg), internal rotation
knee     flexion, 0 when straight
shoulder of the upper arm relative to the trunk: plane of elevation (0 to the side, 90 forward),
         elevation (0 hanging down), internal rotation
elbow    flexion, 0 when straight

What 17 joints cannot give: the ankle (there are no toes), rotation of the forearm, a knee's or
elbow's second axis, over-extension (the angle between two bones has no sign), the pelvis apart from
the spine. The pelvis here is the line of the hips and the direction of the spine's lower half, so
that what bends there counts as hip. Rotation about a bone's own axis is seen by where the next bone
points, and undefined (NaN) where the knee or elbow is nearly straight; so are the plane of
elevation and the rotation of an arm that hangs down or points straight up.
"""

import numpy as np
import torch

from ..skeleton import JOINTS, J, flip

BENT = 20.0  # degrees of knee or elbow from which the next bone tells a rotation
LIFTED = 10.0  # degrees of elevation from which an arm has a plane
NAMES = (
    "hip_flexion", "hip_adduction", "hip_rotation", "knee_flexion",
    "shoulder_plane", "shoulder_elevation", "shoulder_rotation", "elbow_flexion",
)  # fmt: skip


def joint_angles(poses) -> dict[str, np.ndarray]:
    """Angles in degrees of poses (..., 17, 3) in a camera's frame (x right, y down, z away), as
    predict gives them: right_hip_flexion, ... left_elbow_flexion, each (...).

    NaN where an angle is not defined. Raises ValueError for other shapes.
    """
    poses = torch.as_tensor(poses, dtype=torch.float64)
    if poses.ndim < 2 or poses.shape[-2:] != (J, 3):
        raise ValueError(f"angles need poses (..., {J}, 3), got {tuple(poses.shape)}")
    sides = {"right": poses, "left": flip(poses)}
    return {
        f"{side}_{name}": angle
        for side, mirrored in sides.items()
        for name, angle in zip(NAMES, _right_side(mirrored.numpy()))
    }


def mean_and_spread(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation over the last axis, of angles in degrees on the circle:
    359 and 1 are neighbours.

    NaN is left out, and the result where half of them or more are NaN. Source: Mardia and Jupp
    2000, mean direction and circular standard deviation.
    """
    known = np.isfinite(angles)
    turns = np.where(known, np.exp(1j * np.radians(np.where(known, angles, 0))), 0)
    mean = turns.sum(-1) / np.maximum(known.sum(-1), 1)
    spread = np.degrees(np.sqrt(-2 * np.log(np.abs(mean).clip(1e-12, 1))))
    enough = 2 * known.sum(-1) > angles.shape[-1]
    return (
        np.where(enough, np.degrees(np.angle(mean)), np.nan),
        np.where(enough, np.abs(spread), np.nan),
    )


def _right_side(poses: np.ndarray) -> tuple[np.ndarray, ...]:
    """The angles NAMES of the right side, radians inside."""

    def bone(start: str, end: str) -> np.ndarray:
        return _unit(poses[..., JOINTS.index(end), :] - poses[..., JOINTS.index(start), :])

    thigh, shank = bone("right hip", "right knee"), bone("right knee", "right foot")
    arm, forearm = bone("right shoulder", "right elbow"), bone("right elbow", "right wrist")
    knee, elbow = _angle(thigh, shank), _angle(arm, forearm)

    # Cardan angles z, x, y (Grood and Suntay): the thigh in the pelvis, whose z is exact.
    right = bone("left hip", "right hip")
    pelvis = _frame(np.cross(right, np.cross(bone("hip", "spine"), right)), right)
    x, y, z = np.moveaxis(_inside(pelvis, thigh), -1, 0)
    flexion, adduction = np.arctan2(x, -y), np.arcsin(-z.clip(-1, 1))
    femur = _inside(pelvis, _frame(-thigh, np.cross(shank, thigh)))  # a shank bends backwards
    hip = np.where(knee < BENT, np.nan, np.arctan2(-femur[..., 0, 2], femur[..., 2, 2]))

    # Euler angles y, x, y (ISB): the upper arm in the trunk, whose y is exact.
    trunk = _frame(bone("spine", "thorax"), bone("left shoulder", "right shoulder"))
    x, y, z = np.moveaxis(_inside(trunk, arm), -1, 0)
    elevation = _angle(arm, -trunk[..., 1, :])
    level = (elevation > LIFTED) & (elevation < 180 - LIFTED)
    plane = np.where(level, np.arctan2(x, z), np.nan)
    humerus = _inside(trunk, _frame(-arm, np.cross(arm, forearm)))  # a forearm bends forwards
    turn = np.arctan2(-humerus[..., 0, 1], humerus[..., 2, 1])
    turn = np.where(level & (elbow > BENT), turn, np.nan)
    degrees = map(np.degrees, (flexion, adduction, hip, plane, turn))
    flexion, adduction, hip, plane, turn = degrees
    return flexion, adduction, hip, knee, plane, elevation, turn, elbow


def _unit(x: np.ndarray) -> np.ndarray:
    """Directions of vectors (..., 3); NaN of those without length."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _frame(up: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Axes (..., 3, 3), a row each: x forward, y up exactly, z to the right as far as y allows."""
    y = _unit(up)
    x = _unit(np.cross(y, right))
    return np.stack([x, y, np.cross(x, y)], axis=-2)


def _inside(frame: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3), or a frame's rows (..., 3, 3), in the axes of a frame (..., 3, 3)."""
    if vectors.ndim == frame.ndim:
        return vectors @ np.swapaxes(frame, -1, -2)
    return np.einsum("...ij,...j->...i", frame, vectors)


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between directions (..., 3), also exact near 0 and 180."""
    return np.degrees(
        2 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    )

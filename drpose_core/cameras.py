"""Pinhole cameras with lens distortion: world -> camera -> screen and back, and the four cameras of Human3.6M.

Screen units: u' = 2 u / width - 1, v' = 2 v / width - height / width, so x spans [-1, 1] and pixels stay square.
Intrinsics are nine numbers in screen units: fx, fy, cx, cy, k1, k2, k3, p1, p2.
"""

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import torch

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")


class Camera(NamedTuple):
    """One calibrated camera; tensors are float32."""

    quaternion: torch.Tensor  # (4,) w, x, y, z: rotates camera axes into world axes
    translation: torch.Tensor  # (3,) the camera's place in the world, metres
    intrinsics: torch.Tensor  # (9,) fx, fy, cx, cy, k1, k2, k3, p1, p2 in screen units
    width: int  # pixels
    height: int  # pixels


@cache
def h36m_cameras(subject: str = "S1") -> tuple[Camera, ...]:
    """The four cameras of Human3.6M as they stood for one subject (calibration published with VideoPose3D)."""
    calibration = json.loads(files(__package__).joinpath("h36m_cameras.json").read_text())
    if subject not in SUBJECTS:
        raise ValueError(f"no camera calibration for subject {subject!r}: choose from {', '.join(SUBJECTS)}")
    cameras = []
    for inner, outer in zip(calibration["intrinsics"], calibration["extrinsics"][subject]):
        width, height = inner["res_w"], inner["res_h"]
        focal = torch.tensor(inner["focal_length"]) * 2 / width
        center = normalize_screen(torch.tensor(inner["center"]), width, height)
        lens = torch.tensor(inner["radial_distortion"] + inner["tangential_distortion"])
        quaternion = torch.tensor(outer["orientation"])
        translation = torch.tensor(outer["translation"]) / 1000
        cameras.append(Camera(quaternion, translation, torch.cat([focal, center, lens]), width, height))
    return tuple(cameras)


def normalize_screen(pixels: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Pixels (..., 2) -> screen units (..., 2); both axes are divided by the width."""
    if width <= 0 or height <= 0:
        raise ValueError(f"image size must be positive, got {width} x {height}")
    return pixels * (2 / width) - pixels.new_tensor([1, height / width])


def screen_to_pixels(screen: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Screen units (..., 2) -> pixels (..., 2), the inverse of normalize_screen."""
    if width <= 0 or height <= 0:
        raise ValueError(f"image size must be positive, got {width} x {height}")
    return (screen + screen.new_tensor([1, height / width])) * (width / 2)


def rotate(points: torch.Tensor, quaternion: torch.Tensor) -> torch.Tensor:
    """Rotate points (..., 3) by unit quaternions (..., 4) in w, x, y, z order; leading axes broadcast."""
    w, axis = quaternion[..., :1], quaternion[..., 1:].expand_as(points)
    twice_cross = 2 * torch.linalg.cross(axis, points)
    return points + w * twice_cross + torch.linalg.cross(axis, twice_cross)


def world_to_camera(points: torch.Tensor, camera: Camera) -> torch.Tensor:
    """World points (..., 3) -> camera frame (x right, y down, z forward), metres."""
    conjugate = camera.quaternion * camera.quaternion.new_tensor([1, -1, -1, -1])
    return rotate(points - camera.translation.to(points), conjugate.to(points))


def camera_to_world(points: torch.Tensor, camera: Camera) -> torch.Tensor:
    """Camera-frame points (..., 3) -> world, the inverse of world_to_camera."""
    return rotate(points, camera.quaternion.to(points)) + camera.translation.to(points)


def project(points: torch.Tensor, intrinsics: torch.Tensor) -> torch.Tensor:
    """Project camera-frame points to screen units, with radial and tangential distortion.

    points (B, ..., 3) metres with z > 0; intrinsics (9,) for all or (B, 9), one row per first axis of points. Returns (B, ..., 2).
    Source: the Human3.6M camera model; x/z and y/z are clamped to +-1 as in the published code.
    """
    if points.shape[-1] != 3 or intrinsics.shape[-1] != 9:
        raise ValueError(f"project needs points (..., 3) and intrinsics (..., 9), got {tuple(points.shape)}, {tuple(intrinsics.shape)}")
    if intrinsics.ndim > 1:
        intrinsics = intrinsics.view(*intrinsics.shape[:-1], *[1] * (points.ndim - intrinsics.ndim), 9)
    focal, center, radial, tangential = intrinsics.split([2, 2, 3, 2], dim=-1)
    p = (points[..., :2] / points[..., 2:]).clamp(-1, 1)
    r2 = p.square().sum(-1, keepdim=True)
    stretch = 1 + (radial * torch.cat([r2, r2**2, r2**3], dim=-1)).sum(-1, keepdim=True)
    lean = (tangential * p).sum(-1, keepdim=True)
    return focal * (p * (stretch + lean) + tangential * r2) + center


def flip_intrinsics(intrinsics: torch.Tensor) -> torch.Tensor:
    """The intrinsics (..., 9) of the mirrored camera: cx and p1 change sign."""
    return intrinsics * intrinsics.new_tensor([1, 1, -1, 1, 1, 1, 1, -1, 1])

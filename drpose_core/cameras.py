"""Pinhole cameras with lens distortion: world -> camera -> screen and back.

Screen units: u' = 2 u / width - 1, v' = 2 v / width - height / width, so x spans [-1, 1] and pixels
stay square. Intrinsics are nine numbers in screen units: fx, fy, cx, cy, k1, k2, k3, p1, p2.
"""

from typing import NamedTuple

import torch

from .support import constant


class Camera(NamedTuple):
    """One calibrated camera; tensors are float32."""

    quaternion: torch.Tensor  # (4,) w, x, y, z: rotates camera axes into world axes
    translation: torch.Tensor  # (3,) the camera's place in the world, metres
    intrinsics: torch.Tensor  # (9,) fx, fy, cx, cy, k1, k2, k3, p1, p2 in screen units
    width: int  # pixels
    height: int  # pixels


def normalize_screen(pixels: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Pixels (..., 2), a tensor or an array -> screen units (..., 2); both axes are divided by the
    width.
    """
    pixels = (
        pixels if isinstance(pixels, torch.Tensor) else torch.as_tensor(pixels, dtype=torch.float32)
    )
    if width <= 0 or height <= 0:
        raise ValueError(f"image size must be positive, got {width} x {height}")
    return pixels * (2 / width) - pixels.new_tensor([1, height / width])


def screen_to_pixels(screen: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Screen units (..., 2) -> pixels (..., 2), the inverse of normalize_screen."""
    if width <= 0 or height <= 0:
        raise ValueError(f"image size must be positive, got {width} x {height}")
    return (screen + screen.new_tensor([1, height / width])) * (width / 2)


def rotate(points: torch.Tensor, quaternion: torch.Tensor) -> torch.Tensor:
    """Rotate points (..., 3) by unit quaternions (..., 4) in w, x, y, z order; leading axes
    broadcast.
    """
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

    points (B, ..., 3) metres with z > 0; intrinsics (9,) for all or (B, 9), one row per first axis
    of points. Returns (B, ..., 2). Source: the Human3.6M camera model; x/z and y/z are clamped to
    +-1 as in the published code.
    """
    if points.shape[-1] != 3 or intrinsics.shape[-1] != 9:
        raise ValueError(
            f"project needs points (..., 3) and intrinsics (..., 9), got {tuple(points.shape)}, "
            f"{tuple(intrinsics.shape)}"
        )
    if intrinsics.ndim > 1:
        intrinsics = intrinsics.view(
            *intrinsics.shape[:-1], *[1] * (points.ndim - intrinsics.ndim), 9
        )
    focal, center, radial, tangential = intrinsics.split([2, 2, 3, 2], dim=-1)
    p = (points[..., :2] / points[..., 2:]).clamp(-1, 1)
    r2 = p.square().sum(-1, keepdim=True)
    stretch = 1 + (radial * torch.cat([r2, r2**2, r2**3], dim=-1)).sum(-1, keepdim=True)
    lean = (tangential * p).sum(-1, keepdim=True)
    return focal * (p * (stretch + lean) + tangential * r2) + center


def flip_intrinsics(intrinsics: torch.Tensor) -> torch.Tensor:
    """The intrinsics (..., 9) of the mirrored camera: cx and p1 change sign."""
    return intrinsics * constant((1, 1, -1, 1, 1, 1, 1, -1, 1), intrinsics.dtype, intrinsics.device)


def undistort(
    kp2d: torch.Tensor, intrinsics: torch.Tensor, *, iterations: int = 10
) -> torch.Tensor:
    """Screen points (B, ..., 2) -> the rays' x/z and y/z (B, ..., 2): project backwards, by
    fixed-point iteration; intrinsics as in project.

    Ten rounds leave less than 1e-6 for lenses like Human3.6M's within the picture.
    """
    if intrinsics.ndim > 1:
        intrinsics = intrinsics.view(
            *intrinsics.shape[:-1], *[1] * (kp2d.ndim - intrinsics.ndim), 9
        )
    focal, center, radial, tangential = intrinsics.split([2, 2, 3, 2], dim=-1)
    target = (kp2d - center) / focal
    p = target
    for _ in range(iterations):
        r2 = p.square().sum(-1, keepdim=True)
        stretch = (
            1
            + (radial * torch.cat([r2, r2**2, r2**3], dim=-1)).sum(-1, keepdim=True)
            + (tangential * p).sum(-1, keepdim=True)
        )
        p = ((target - tangential * r2) / stretch).clamp(-1, 1)
    return p


def estimate_root(
    pose3d: torch.Tensor, kp2d: torch.Tensor, intrinsics: torch.Tensor
) -> torch.Tensor:
    """The root position (B, ..., 3), in metres, at which a root-relative pose projects closest to
    the 2D joints. It uses no ground truth.

    pose3d (B, ..., J, 3), kp2d (B, ..., J, 2) screen units, extra axes broadcast; intrinsics (9,)
    or (B, 9). Closed form: the translation T that minimises the sum over joints of |(x, y) + T_xy -
    r (z + T_z)|^2, where r is the ray of the 2D joint. This is the reprojection error weighted by
    depth. Every joint is kept at least 0.1 m in front of the camera, because a pose mirrored
    through the camera would fit equally well. Raises ValueError if all 2D joints coincide: then any
    distance fits.
    """
    rays = undistort(
        kp2d.expand(*torch.broadcast_shapes(pose3d.shape[:-1], kp2d.shape[:-1]), 2), intrinsics
    )
    gap = rays * pose3d[..., 2:] - pose3d[..., :2]  # T_xy - r T_z for every joint
    mean_gap, mean_ray = gap.mean(-2, keepdim=True), rays.mean(-2, keepdim=True)
    ray = rays - mean_ray
    spread = ray.square().sum((-2, -1))
    if spread.numel() and spread.min() < 1e-10:
        raise ValueError(
            "all 2D joints of a pose fall in one point: its distance cannot be estimated"
        )
    depth = -(ray * (gap - mean_gap)).sum((-2, -1)) / spread
    depth = depth.maximum(0.1 - pose3d[..., 2].amin(-1))
    return torch.cat(
        [mean_gap[..., 0, :] + depth[..., None] * mean_ray[..., 0, :], depth[..., None]], dim=-1
    )

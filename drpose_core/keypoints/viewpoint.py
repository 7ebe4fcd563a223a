"""Any camera and the cameras of training: turn and zoom until a person stands where people stood in
training, and back again.

A model knows Human3.6M's pictures: a focal length of 2.29 screen units, people near the middle,
three to seven metres away. Turning a camera about its centre and zooming change no perspective, so
what another camera saw can be redrawn, exactly, as such a picture.
"""

from typing import NamedTuple

import torch

from ..cameras import undistort

FOCAL = 2.29  # screen units, Human3.6M's cameras: 47 degrees across the picture
FIELD_OF_VIEW = 47.0  # degrees over the longer side, assumed where nothing is known of a camera
LEAST_VIEW = 4  # degrees, of a strong telephoto lens; less is an angle in radians
# Where people are put: the middle (mean direction of the joints) in screen units, about that of the
# synthetic set's mean picture, and a range of sizes (root mean square distance of the joints from
# their mean) that four of five people of that set have.
MIDDLE = (0.05, -0.2)
SIZE = (0.14, 0.25)


class View(NamedTuple):
    """What a training camera in the place of the picture's would have seen."""

    kp2d: torch.Tensor  # (N, J, 2) screen units of the training camera
    intrinsics: torch.Tensor  # (N, 9) of the training camera; no lens distortion
    # (N, 3, 3): direction in the training camera's frame = rotation @ direction in the picture
    # camera's frame
    rotation: torch.Tensor


def training_view(kp2d: torch.Tensor, intrinsics: torch.Tensor) -> View:
    """Redraw pictures kp2d (N, J, 2), screen units, of cameras intrinsics (9,) or (N, 9), as a
    camera of the training data would have seen them.

    The position of the camera does not change. It pans, then tilts, until the person's middle (the
    mean direction) is at MIDDLE, and zooms only as far as the person's size has to change to lie in
    SIZE; in a film it does so smoothly. picture_frame is the way back.
    """
    rays = _rays(kp2d, intrinsics)
    middle = _middle(rays)
    straight = _turn(rays, *_pan_tilt(middle, torch.zeros_like(middle)))[0]
    size = FOCAL * (straight - straight.mean(-2, keepdim=True)).square().sum(-1).mean(-1).sqrt()
    # (N,); nobody is so near that it would be less
    focal = (FOCAL * size.clamp(*SIZE) / size.clamp_min(1e-9)).clamp_min(FOCAL / 10)
    seen, rotation = _turn(rays, *_pan_tilt(middle, middle.new_tensor(MIDDLE) / focal[:, None]))
    camera = torch.zeros(len(kp2d), 9, dtype=kp2d.dtype, device=kp2d.device)
    camera[:, :2] = focal[:, None]
    # a joint that is nowhere must not stop the others
    return View((seen * focal[:, None, None]).clamp(-4, 4), camera, rotation)


def picture_frame(points: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
    """Points or directions (N, ..., 3), from the frames of training cameras to those of the
    pictures' own cameras; rotation (N, 3, 3).
    """
    return torch.einsum("nij,n...i->n...j", rotation, points)


def pinhole(width: float, height: float, field_of_view: float = FIELD_OF_VIEW) -> torch.Tensor:
    """Intrinsics (9,) in screen units of a camera of which only the angle of view over the longer
    side is known, in degrees.
    """
    if not LEAST_VIEW <= field_of_view <= 170:
        raise ValueError(
            f"the field of view over a picture's longer side lies between {LEAST_VIEW} and 170 "
            f"degrees, got {field_of_view:.4g}"
        )
    longer = max(width, height) / width  # half of it, in screen units
    focal = longer / torch.tan(torch.deg2rad(torch.tensor(field_of_view / 2)))
    return torch.cat([focal.expand(2), torch.zeros(7)])


def _rays(kp2d: torch.Tensor, intrinsics: torch.Tensor) -> torch.Tensor:
    """x/z and y/z (N, J, 2).

    undistort stops at 45 degrees, which a lens without distortion need not.
    """
    camera = intrinsics.view(-1, 1, 9).to(kp2d)
    if camera[..., 4:].any():
        return undistort(kp2d, intrinsics.to(kp2d))
    return (kp2d - camera[..., 2:4]) / camera[..., :2]


def _middle(rays: torch.Tensor) -> torch.Tensor:
    """x/z and y/z (N, 2) of the mean direction, which, unlike the mean point of a picture, does not
    depend on where the camera looked.
    """
    direction = torch.nn.functional.normalize(
        torch.cat([rays, torch.ones_like(rays[..., :1])], dim=-1), dim=-1
    ).mean(-2)
    return direction[..., :2] / direction[..., 2:]


def _pan_tilt(middle: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Angles (N,) by which a camera pans and tilts until what it saw at middle (N, 2) = x/z, y/z is
    seen at wanted.
    """
    pan = middle[:, 0].atan() - wanted[:, 0].atan()
    panned = middle[:, 1] * ((1 + wanted[:, 0] ** 2) / (1 + middle[:, 0] ** 2)).sqrt()
    return pan, panned.atan() - wanted[:, 1].atan()


def _turn(
    rays: torch.Tensor, pan: torch.Tensor, tilt: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays (N, J, 2) as the turned camera sees them, and its rotation (N, 3, 3)."""
    one, zero = torch.ones_like(pan), torch.zeros_like(pan)
    about_y = torch.stack(
        [pan.cos(), zero, -pan.sin(), zero, one, zero, pan.sin(), zero, pan.cos()], dim=-1
    ).view(-1, 3, 3)
    about_x = torch.stack(
        [one, zero, zero, zero, tilt.cos(), -tilt.sin(), zero, tilt.sin(), tilt.cos()], dim=-1
    ).view(-1, 3, 3)
    rotation = about_x @ about_y
    seen = torch.cat([rays, torch.ones_like(rays[..., :1])], dim=-1) @ rotation.transpose(1, 2)
    return seen[..., :2] / seen[..., 2:].clamp_min(0.05), rotation

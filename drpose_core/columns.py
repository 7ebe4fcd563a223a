"""The tensors of a PoseSet: their shapes, and how each looks in a mirror."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from .cameras import flip_intrinsics
from .skeleton import MIRRORED, J, flip
from .support import constant


def _mirror_root(root: torch.Tensor) -> torch.Tensor:
    return root * constant((-1, 1, 1), root.dtype, root.device)


def _mirror_confidence(confidence: torch.Tensor) -> torch.Tensor:
    return confidence.index_select(1, constant(MIRRORED, torch.int64, confidence.device))


def _mirror_rotation(rotation: torch.Tensor) -> torch.Tensor:
    """M R M with M = diag(-1, 1, 1)."""
    signs = constant((1, -1, -1, -1, 1, 1, -1, 1, 1), rotation.dtype, rotation.device)
    return rotation * signs.view(3, 3)


class Column(NamedTuple):
    """A tensor of a PoseSet: its shape after N, and how it looks in a mirror (None: the same)."""

    shape: tuple[int, ...]
    mirror: Callable[[torch.Tensor], torch.Tensor] | None = None
    optional: bool = False
    index: bool = False  # int64, not float32


COLUMNS = {
    "kp2d": Column((J, 2), flip),
    "pose3d": Column((J, 3), flip, optional=True),
    "root": Column((3,), _mirror_root, optional=True),
    "intrinsics": Column((9,), flip_intrinsics),
    "action": Column((), index=True),
    "sequence": Column((), index=True),
    "frame": Column((), index=True),
    "person": Column((), optional=True, index=True),
    "confidence": Column((J,), _mirror_confidence, optional=True),
    "initial": Column((2, J, 3), lambda initial: initial.flip(1), optional=True),
    "rotation": Column((3, 3), _mirror_rotation, optional=True),
    "own_intrinsics": Column((9,), flip_intrinsics, optional=True),
}


class Take(NamedTuple):
    """Subject, recording and camera, from the name of a sequence."""

    subject: str
    recording: str
    camera: str

    @classmethod
    def named(cls, name: str) -> "Take":
        """From "subject/recording/camera"; a name without slashes is the subject."""
        parts = name.split("/")
        if len(parts) < 3:
            return cls(name, "", "0")
        return cls(parts[0], "/".join(parts[1:-1]), parts[-1])

"""The model that predicts an input: the kit has one for pictures and one for films."""

from pathlib import Path

import torch

from ..data import PoseSet
from ..films import FilmDRPose
from ..model import DRPose
from ..weights import DEFAULT, FILM, load_model


class Models:
    """The models of one command, each read once: that of a file, or the kit's own two."""

    def __init__(self, path: Path, lifter: str, device: torch.device):
        self.path, self.lifter, self.device = path, lifter, device
        self.opened = {path: load_model(path, lifter, device)}  # an unfit file is refused at once

    def of(self, poses: PoseSet) -> tuple[Path, DRPose]:
        """The file and the model for some poses."""
        path = FILM if self.path == DEFAULT and moves(poses) else self.path
        if path not in self.opened:
            self.opened[path] = load_model(path, self.lifter, self.device)
        return path, self.opened[path]


def moves(poses: PoseSet) -> bool:
    """Whether somebody is seen in more than one frame."""
    return bool((poses.sequence.bincount() > 1).any())


def pace(model: DRPose, poses: PoseSet, fps: float | None) -> float | None:
    """Frames per second for a film model and poses of a film, which is said; else None."""
    if not isinstance(model, FilmDRPose) or not moves(poses):
        return None
    fps = fps or 30.0
    print(f"a film: the model sees {model.config.frames} frames at once, {fps:g} a second")
    return fps

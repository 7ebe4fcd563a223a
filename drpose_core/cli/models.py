"""The model that predicts an input: the kit has one for pictures and one for films."""

from pathlib import Path

import torch

from ..data import PoseSet
from ..films import FilmDRPose
from ..model import DRPose
from ..weights import DEFAULT, FILM, latest_checkpoint, load_model


class Models:
    """The models of one command, each read once: that of the file that was asked for, else the
    user's own, else the kit's two.
    """

    def __init__(self, asked: Path | None, lifter: str, device: torch.device):
        self.path = asked or own_or_default()
        self.of_films = FILM if asked is None and self.path == DEFAULT else self.path
        self.lifter, self.device = lifter, device
        self.first = load_model(self.path, lifter, device)  # an unfit file is refused at once
        self.opened = {self.path: self.first}

    def of(self, poses: PoseSet) -> tuple[Path, DRPose]:
        """The file and the model for some poses."""
        path = self.of_films if moves(poses) else self.path
        if path not in self.opened:
            self.opened[path] = load_model(path, self.lifter, self.device)
        return path, self.opened[path]


def own_or_default() -> Path:
    """The checkpoint where none was asked for."""
    return latest_checkpoint("film", "h36m", "cmu")


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

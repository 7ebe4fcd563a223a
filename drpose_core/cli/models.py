"""The model that predicts an input: the kit has one for pictures and one for films."""

from pathlib import Path

import numpy as np
import torch

from ..data import PoseSet
from ..films import FilmDRPose
from ..model import DRPose
from ..weights import DEFAULT, FILM, latest_checkpoint, load_model

FPS = 30.0  # where nothing says how fast a film is
# Frames per second from which on the kit's film model is used. It was trained on 25; its poses of a
# film of three a second fit the keypoints worse than the image model's (tests/test_blazepose.py).
SLOWEST = 10.0


class Models:
    """The models of one command, each read once: that of the file that was asked for, else the
    user's own, else the kit's two.

    by_picture: films are predicted picture by picture.
    """

    def __init__(self, asked: Path | None, lifter: str, device: torch.device, by_picture: bool):
        self.path = asked or own_or_default()
        own = asked is not None or self.path != DEFAULT or by_picture
        self.of_films = self.path if own else FILM
        self.lifter, self.device, self.by_picture = lifter, device, by_picture
        self.first = load_model(self.path, lifter, device)  # an unfit file is refused at once
        self.opened = {self.path: self.first}

    def of(self, poses: PoseSet, fps: float | None) -> tuple[Path, DRPose, float | None]:
        """The file and the model for poses of a picture or of a film, and the frames per second
        where it is a film model that shall see a film.
        """
        seen = rate(poses, fps)
        path = self.of_films if seen >= SLOWEST else self.path
        if path not in self.opened:
            self.opened[path] = load_model(path, self.lifter, self.device)
        model = self.opened[path]
        film = seen > 0 and isinstance(model, FilmDRPose) and not self.by_picture
        return path, model, (fps or FPS) if film else None


def own_or_default() -> Path:
    """The checkpoint where none was asked for."""
    return latest_checkpoint("film", "h36m", "cmu")


def rate(poses: PoseSet, fps: float | None) -> float:
    """How often people are seen, times a second; 0 if nobody is seen twice. fps: at which frame
    counts.
    """
    sequence, frame = poses.sequence.cpu().numpy(), poses.frame.cpu().numpy()
    order = np.lexsort((frame, sequence))
    steps = np.diff(frame[order])[np.diff(sequence[order]) == 0]
    return float((fps or FPS) / np.median(steps)) if len(steps) else 0.0

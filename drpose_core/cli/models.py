"""The model that predicts an input: the kit has one for pictures and one for films."""

from pathlib import Path

import numpy as np
import torch

from ..data import PoseSet
from ..films import FilmDRPose
from ..model import DRPose
from ..weights import DEFAULT, FILM, latest_checkpoint, load_model

FPS = 30.0  # where nothing says how fast a film is
# Frames per second from which on the kit's film model is used. It was trained on 25; on film of
# three a second it was worse than the image model.
SLOWEST = 10.0


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

    def of(self, poses: PoseSet, fps: float | None) -> tuple[Path, DRPose]:
        """The file and the model for poses of a picture or of a film."""
        path = self.of_films if rate(poses, fps) >= SLOWEST else self.path
        if path not in self.opened:
            self.opened[path] = load_model(path, self.lifter, self.device)
        return path, self.opened[path]


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


def pace(model: DRPose, poses: PoseSet, fps: float | None) -> float | None:
    """Frames per second for a film model and poses of a film, which is said; else None."""
    if not isinstance(model, FilmDRPose) or not rate(poses, fps):
        return None
    fps = fps or FPS
    print(f"a film: the model sees {model.config.frames} frames at once, {fps:g} a second")
    return fps

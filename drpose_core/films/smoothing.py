"""Smoothing of poses frame by frame, which a film model has to beat."""

import math

import torch
from scipy.signal import savgol_filter

from ..data import PoseSet
from .clips import FPS, runs


def one_euro(
    pose: torch.Tensor,
    poses: PoseSet,
    *,
    cutoff: float = 1.0,
    beta: float = 2.0,
    fps: float = FPS,
) -> torch.Tensor:
    """The one-euro filter of every coordinate: pose (N, ..., 3) of the rows of poses -> the same.

    It knows only the frames before. A low-pass whose cut-off is cutoff Hz at rest and beta Hz more
    for each m/s. Source: Casiez et al. 2012; the speed is smoothed at 1 Hz.
    """
    smooth = pose.clone()
    for run in runs(poses, fps=fps):
        seconds = (poses.frame[run].diff() / fps).tolist()
        value, speed = pose[run[0]], torch.zeros_like(pose[run[0]])
        for row, dt in zip(run[1:].tolist(), seconds):
            speed = speed + _share(1.0, dt) * ((pose[row] - value) / dt - speed)
            value = value + _share(cutoff + beta * speed.abs(), dt) * (pose[row] - value)
            smooth[row] = value
    return smooth


def _share(cutoff, dt: float):
    """What a low-pass at cutoff Hz takes of a new value after dt seconds."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * dt))


def savitzky_golay(
    pose: torch.Tensor, poses: PoseSet, *, length: int = 11, order: int = 2, fps: float = FPS
) -> torch.Tensor:
    """The middle of the polynomial fitted to each length frames: pose (N, ..., 3) of the rows of
    poses -> the same. It knows frames before and after.

    Frames count as evenly spaced; a run shorter than length takes the longest odd length that
    fits, and stays as it is where none above order does. Source: Savitzky and Golay 1964.
    """
    smooth = pose.clone()
    for run in runs(poses, fps=fps):
        fits = min(length, len(run) - 1 + len(run) % 2)
        if fits > order:
            found = savgol_filter(pose[run].cpu().numpy(), fits, order, axis=0)
            smooth[run] = torch.from_numpy(found).to(pose)
    return smooth

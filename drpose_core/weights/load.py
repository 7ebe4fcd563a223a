"""A model from a file of either kind."""

from pathlib import Path

import torch

from ..model import DRPose
from .checkpoints import load_checkpoint
from .published import load_published

PICKLED = (".pth", ".pt", ".bin")  # weights in torch's own format, as published ones are


def load_model(
    path: str | Path, lifter: str = "dcgct", device: torch.device | str = "cpu"
) -> DRPose:
    """A checkpoint (.safetensors), or published weights (.pth); lifter names the lifter inside the
    latter.
    """
    if Path(path).suffix in PICKLED:
        return load_published(path, lifter).to(device)
    return load_checkpoint(path, device)

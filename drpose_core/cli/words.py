"""What the commands share: the words their options take, and how a call is written down."""

import shlex
import sys
from typing import Literal

from ..model import DRPose

Source = Literal["synthetic", "cmu", "h36m"]
Published = Literal["dcgct", "htnet"]
PICKLED = (".pth", ".pt", ".bin")  # files of weights in torch's own format, as published ones are


def trained_on(model: DRPose) -> str:
    """What a checkpoint's record says of the poses it was trained on."""
    train = model.record.get("train")
    return train.get("source", "poses unknown") if isinstance(train, dict) else "poses unknown"


def command_line() -> str:
    """The command as it was called, for records and reports."""
    return shlex.join(["python", "-m", "drpose_core", *sys.argv[1:]])

"""What the commands share: the words their options take, and how a call is written down."""

import shlex
import sys
from typing import Annotated, Literal, TypedDict

import tyro

from ..model import DRPose
from ..sources import SOURCES

Source = Literal[SOURCES]
Published = Literal["dcgct", "htnet"]


class Changes(TypedDict, total=False):
    """What may be changed of the sampling that a checkpoint is best used with (model.Sampling)."""

    hypotheses: int
    """How many hypotheses for each pose."""
    steps: int
    """How many denoising steps (published tables: 200, spacing linear, eta 1)."""
    spacing: Literal["linear", "quadratic", "log-snr"] | tuple[int, ...]
    """How the steps are spaced, or their times themselves, falling, as 999 300 100 40 10."""
    start: int
    """Begin at this time with the initial pose, noised, in place of pure noise at 999."""
    eta: float
    """How much noise each step adds: 1 as published, 0 none."""
    solver: Literal["ddim", "dpm"]
    """ddim, or DPM-Solver++ 2M."""
    flip_test: bool
    """Average with the mirrored pass."""


How = Annotated[Changes, tyro.conf.arg(name="")]


def trained_on(model: DRPose) -> str:
    """What a checkpoint's record says of the poses it was trained on."""
    train = model.record.get("train")
    return train.get("source", "poses unknown") if isinstance(train, dict) else "poses unknown"


def command_line() -> str:
    """The command as it was called, for records and reports."""
    return shlex.join(["python", "-m", "drpose_core", *sys.argv[1:]])

"""What the commands share: the words their options take, and how a call is written down."""

import shlex
import sys
from typing import Annotated, Literal, TypedDict

import tyro

from ..model import DRPose
from ..settings import Solver
from ..sources import SOURCES

Source = Literal[SOURCES]
Published = Literal["dcgct", "htnet"]


class Changes(TypedDict, total=False):
    """Changes to the recommended sampling settings of a checkpoint (Sampling)."""

    hypotheses: int
    """Number of hypotheses per pose."""
    steps: int
    """Number of denoising steps (published tables: 200, spacing linear, eta 1)."""
    spacing: Literal["linear", "quadratic", "log-snr", "log"] | tuple[int, ...]
    """Spacing of the steps, or the times themselves, falling, such as 999 300 100 40 10."""
    start: int
    """Start at this time from the initial pose with noise, not at 999 from pure noise."""
    eta: float
    """Noise that each step adds: 1 as published, 0 none."""
    solver: Solver
    """ddim, dpm (DPM-Solver++ 2M), or one of the model's own method."""
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

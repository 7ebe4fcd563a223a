"""The lifters by name; register your own here."""

from collections.abc import Callable
from inspect import signature

import torch
from torch import nn

from ..layers import columns
from .dcgct import DCGCT
from .elsewhere import Elsewhere
from .htnet import HTNet
from .mlp import ResidualMLP

# Add your own: LIFTERS["mine"] = MyModule; then ModelConfig(lifter="mine") trains and reloads like
# the built-in ones.
LIFTERS: dict[str, Callable[[], nn.Module]] = {
    "dcgct": DCGCT,
    "htnet": HTNet,
    "mlp": ResidualMLP,
    "elsewhere": Elsewhere,
}


def build_lifter(name: str, *, confidence: bool = False) -> nn.Module:
    """A new, untrained lifter by its registered name. confidence: one that reads the detector's
    confidence, if what is registered takes that argument. Raises ValueError for an unknown name.
    """
    if name not in LIFTERS:
        raise ValueError(
            f"unknown lifter {name!r}: choose from {', '.join(LIFTERS)}, or register yours in "
            "drpose_core.lifters.LIFTERS"
        )
    make = LIFTERS[name]
    if confidence and "confidence" in signature(make).parameters:
        return make(confidence=True)
    return make()


def reads_confidence(lifter: Callable) -> bool:
    """Whether a lifter reads the detector's confidence: its attribute confidence is True."""
    return getattr(lifter, "confidence", False) is True


def lift(lifter: Callable[..., torch.Tensor], kp2d: torch.Tensor, *more: object) -> torch.Tensor:
    """The lifter's poses of keypoints (..., J, 2), or (..., J, 3) with the detector's confidence:
    it is given what it reads.
    """
    return lifter(columns(kp2d, confidence=reads_confidence(lifter)), *more)

"""The lifters by name; register your own here."""

from collections.abc import Callable
from inspect import signature

import torch
from torch import nn

from ..layers import SEEN, XY, columns
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
    confidence, if it can: if what is registered takes inputs, the number of columns. Raises
    ValueError for an unknown name.
    """
    if name not in LIFTERS:
        raise ValueError(
            f"unknown lifter {name!r}: choose from {', '.join(LIFTERS)}, or register yours in "
            "drpose_core.lifters.LIFTERS"
        )
    make = LIFTERS[name]
    if confidence and "inputs" in signature(make).parameters:
        return make(inputs=SEEN)
    return make()


def lift(lifter: Callable[..., torch.Tensor], kp2d: torch.Tensor, *more: object) -> torch.Tensor:
    """The lifter's poses of keypoints (..., J, 2), or (..., J, 3) with the detector's confidence:
    it is given what it reads (its attribute inputs; 2 for those that have none).
    """
    return lifter(columns(kp2d, getattr(lifter, "inputs", XY)), *more)

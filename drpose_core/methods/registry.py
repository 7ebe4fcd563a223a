"""The methods by name; register your own here."""

from collections.abc import Callable

import torch

from ..films import CausalFilmDRPose, FilmDRPose
from ..model import DRPose
from ..settings import ModelConfig
from .d3dp import NoInitialPose
from .flow import FlowMatching
from .gfpose import GFPose, GFPoseConcatenated

# Add your own: a subclass of DRPose with method = "mine", METHODS["mine"] = its class; then
# ModelConfig(method="mine") is built, trained and reloaded like these.
BUILT_IN = (DRPose, NoInitialPose, FlowMatching, GFPose, GFPoseConcatenated)
METHODS: dict[str, type[DRPose]] = {
    each.method: each for each in (*BUILT_IN, FilmDRPose, CausalFilmDRPose)
}


def build_model(
    config: ModelConfig, lifter: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> DRPose:
    """A fresh, untrained model of config.method; lifter as in DRPose. type(model).loss trains it.

    Raises ValueError for a method that is not registered.
    """
    if config.method not in METHODS:
        raise ValueError(
            f"unknown method {config.method!r}: choose from {', '.join(METHODS)}, or register "
            "yours in drpose_core.methods.METHODS"
        )
    return METHODS[config.method](config, lifter)

"""The lifters by name; register your own here."""

from collections.abc import Callable

from torch import nn

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


def build_lifter(name: str) -> nn.Module:
    """A new, untrained lifter by its registered name. Raises ValueError for an unknown name."""
    if name not in LIFTERS:
        raise ValueError(
            f"unknown lifter {name!r}: choose from {', '.join(LIFTERS)}, or register yours in "
            "drpose_core.lifters.LIFTERS"
        )
    return LIFTERS[name]()

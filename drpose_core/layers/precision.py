"""Layers in half precision."""

from contextlib import AbstractContextManager, nullcontext

import torch


def bfloat16(x: torch.Tensor, on: bool) -> AbstractContextManager:
    """Within it, matrix products on the device of x are computed in bfloat16, if on is set; weights
    and sums stay as they are.
    """
    return torch.autocast(x.device.type, torch.bfloat16) if on else nullcontext()

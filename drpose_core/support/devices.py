"""Where to compute: the device, constants kept on it, and the processes that torchrun started."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed


def device(name: str | None = None) -> torch.device:
    """The device to work on: the named one, else DRPOSE_DEVICE if set, else the first GPU, else the
    CPU.

    Under torchrun, "cuda" is the process's own GPU. Raises ValueError if torch does not know the
    name or this machine does not have the device.
    """
    name = (
        name or os.environ.get("DRPOSE_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    )
    # under torchrun each process has a card of its own
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{int(os.environ['LOCAL_RANK']) % max(1, torch.cuda.device_count())}"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]}): try cpu"
        ) from None
    return torch.device(name)


@functools.cache
def constant(values: tuple, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A small tensor of fixed numbers, created once on each device: creating it in every step would
    make a GPU wait for the host.
    """
    return torch.tensor(values, dtype=dtype, device=device)


@contextmanager
def distributed_run() -> Iterator[int]:
    """Join the processes that torchrun started, if it did, and leave them at the end; gives this
    process's rank, 0 without torchrun.
    """
    if world_size() < 2:
        yield 0
        return
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield distributed.get_rank()
    finally:
        distributed.destroy_process_group()


def world_size() -> int:
    """How many processes torchrun started, 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def process() -> tuple[int, int]:
    """(rank, number) among the processes that have joined (distributed_run); (0, 1) alone."""
    return (
        (distributed.get_rank(), distributed.get_world_size())
        if distributed.is_initialized()
        else (0, 1)
    )

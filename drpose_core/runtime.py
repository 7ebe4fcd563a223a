"""What the machine gives: device, fast mode, the tour's source, random generators. The only reader of environment variables."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np
import torch
from torch import distributed


def device(name: str | None = None) -> torch.device:
    """The device to work on: the one named, else DRPOSE_DEVICE if set, else the first GPU, else the CPU.

    Under torchrun "cuda" is a card of the process's own. Raises ValueError for what torch does not know or this machine does not have.
    """
    name = name or os.environ.get("DRPOSE_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and "LOCAL_RANK" in os.environ:  # under torchrun each process has a card of its own
        name = f"cuda:{int(os.environ['LOCAL_RANK']) % max(1, torch.cuda.device_count())}"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name!r} cannot be used here ({str(error).splitlines()[0]}): try cpu") from None
    return torch.device(name)


@functools.cache
def constant(values: tuple, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A small tensor of fixed numbers, made once on each device: making it anew in every step would make a GPU wait for the host."""
    return torch.tensor(values, dtype=dtype, device=device)


def fast_mode() -> bool:
    """True when DRPOSE_FAST is set (and not 0): notebooks then take their smallest sizes."""
    return os.environ.get("DRPOSE_FAST", "0") not in ("", "0")


def tour_source() -> tuple[str, Path | None]:
    """Where the notebooks take their poses from: (DRPOSE_SOURCE or "synthetic", folder DRPOSE_DATA or None).

    A relative folder is meant from the project's root, wherever the notebook's kernel runs.
    """
    folder = os.environ.get("DRPOSE_DATA")
    return os.environ.get("DRPOSE_SOURCE") or "synthetic", project_root() / Path(folder).expanduser() if folder else None


def project_root() -> Path:
    """The folder that holds notebooks/, data/ and checkpoints/; output goes to its output/."""
    return Path(__file__).resolve().parent.parent


@contextmanager
def distributed_run() -> Iterator[int]:
    """Join the processes that torchrun started, if it did, and leave them at the end; gives this process's rank, 0 without torchrun."""
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
    """(rank, number) of this process among those that have joined (distributed_run); (0, 1) alone."""
    return (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)


_SHARE: ContextVar[tuple[int, int, int]] = ContextVar("_SHARE", default=(0, 1, 1))  # first row, last row + 1, rows of the whole batch


@contextmanager
def share_of_batch(first: int, last: int, rows: int) -> Iterator[None]:
    """Within it, own_rows draws for rows first to last of a batch of so many."""
    token = _SHARE.set((first, last, rows))
    try:
        yield
    finally:
        _SHARE.reset(token)


def own_rows(draw: Callable[[int], torch.Tensor], rows: int) -> torch.Tensor:
    """draw(rows); of a share of a batch, its rows of draw(all rows), so that several processes draw what one would.

    rows may be a multiple of the share's, as where a pose has a row for each head of attention.
    """
    first, last, total = _SHARE.get()
    if last - first == total:
        return draw(rows)
    each = rows // (last - first)
    return draw(total * each)[first * each : last * each]


def generator(seed: int, *more: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch.Generator that starts at a seed, or at several integers mixed into one, as (seed, row); functions that draw take one."""
    return torch.Generator(device).manual_seed(mixed_seed(seed, *more))


def mixed_seed(seed: int, *more: int) -> int:
    """One seed of several integers. Plain arithmetic would not do: torch's CPU generator looks at the low 32 bits only."""
    if min(seed, *more, 0) < 0:
        raise ValueError(f"seeds must not be negative, got {min(seed, *more)}")
    return int(np.random.SeedSequence([seed, *more]).generate_state(1)[0]) if more else seed


def hypothesis_generators(seed: int, hypotheses: int) -> list[torch.Generator]:
    """One CPU generator per hypothesis, so that going from 5 to 10 hypotheses keeps the first 5 as they were.

    The streams depend on (seed, index) alone and live on the CPU, so a GPU draws the same numbers.
    """
    if hypotheses < 1:
        raise ValueError(f"hypotheses must be at least 1, got {hypotheses}")
    return [generator(seed, index) for index in range(hypotheses)]

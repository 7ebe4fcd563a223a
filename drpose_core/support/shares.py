"""Training shared by processes: each takes its rows of every batch, and draws what one process
would draw for them. Alone, a process has the whole batch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import distributed, nn

from .devices import process
from .seeds import generator as seeded
from .seeds import mixed_seed


class Share(NamedTuple):
    """Rows first to last - 1 of a batch of rows, and the generator common to all processes."""

    first: int
    last: int
    rows: int
    generator: torch.Generator


_SHARE: ContextVar[Share | None] = ContextVar("_SHARE", default=None)
Draw = Callable[[int, torch.Generator | None], torch.Tensor]


@contextmanager
def share_of_batch(share: Share | None) -> Iterator[None]:
    """Within it, own_rows draws for this share of a batch; None: for the whole batch."""
    token = _SHARE.set(share)
    try:
        yield
    finally:
        _SHARE.reset(token)


def own_rows(draw: Draw, rows: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """draw(rows, generator), cut to the rows of this process when several processes share a batch.

    Under torchrun every process has its own generator, so a loss that simply uses it is correct.
    With own_rows the processes together draw the same numbers as a single process would. rows may
    be a multiple of the batch's rows, for example one row per pose and attention head. generator
    None: torch's global one, which training seeds alike in all processes.
    """
    share = _SHARE.get()
    if share is None:
        return draw(rows, generator)
    each = rows // (share.last - share.first)
    drawn = draw(share.rows * each, None if generator is None else share.generator)
    return drawn[share.first * each : share.last * each]


def _bounds(rows: int) -> tuple[int, int]:
    """The first and last + 1 of the rows of a batch that are this process's."""
    rank, world = process()
    return rows * rank // world, rows * (rank + 1) // world


def own_part(batch):
    """This process's rows of a batch; of anything that has a length and can be sliced."""
    first, last = _bounds(len(batch))
    return batch if last - first == len(batch) else batch[first:last]


def share_weight(rows: int) -> float:
    """Of this process's mean: averaged over processes, it gives the mean of the whole batch."""
    first, last = _bounds(rows)
    return (last - first) / rows * process()[1]


def mean_over_processes(mean: torch.Tensor, rows: int) -> torch.Tensor:
    """The mean over the whole batch from this process's: what one process would have computed."""
    world = process()[1]
    mean = mean * (share_weight(rows) / world)
    if world > 1:
        distributed.all_reduce(mean)
    return mean


@contextmanager
def step_draws(seed: int, step: int, rows: int, device: torch.device) -> Iterator[torch.Generator]:
    """The generator of a step's loss, with torch's global one seeded for dropout meanwhile.

    Among several processes each has a generator of its own, so that a loss that draws with it as it
    is draws differently for its rows; own_rows draws with one that is common to all.
    """
    rank, world = process()
    common = seeded(seed, step, 0, device=device)
    cuda = device.type == "cuda"
    with torch.random.fork_rng([device] if cuda else []):
        # A card's dropout cannot draw the whole batch's mask for a share of it (layers.Dropout
        # does), so there each process has its own.
        torch.manual_seed(mixed_seed(seed, step, 1 + (rank if cuda else 0)))
        if world == 1:
            yield common
            return
        with share_of_batch(Share(*_bounds(rows), rows, common)):
            yield seeded(seed, step, 0, 1 + rank, device=device)


def share_buffers(module: nn.Module) -> None:
    """Give all processes the first one's buffers (BatchNorm's statistics), which
    DistributedDataParallel does before a step only.
    """
    if process()[1] > 1:
        for buffer in module.buffers():
            distributed.broadcast(buffer, src=0)

"""Random generators from seeds, and the share of a draw that is a process's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch

_SHARE: ContextVar[tuple[int, int, int]] = ContextVar(
    "_SHARE", default=(0, 1, 1)
)  # first row, last row + 1, rows of the whole batch


@contextmanager
def share_of_batch(first: int, last: int, rows: int) -> Iterator[None]:
    """Within it, own_rows draws for rows first to last of a batch of so many."""
    token = _SHARE.set((first, last, rows))
    try:
        yield
    finally:
        _SHARE.reset(token)


def own_rows(draw: Callable[[int], torch.Tensor], rows: int) -> torch.Tensor:
    """draw(rows); of a share of a batch, its rows of draw(all rows), so that several processes draw
    what one would.

    rows may be a multiple of the share's, as where a pose has a row for each head of attention.
    """
    first, last, total = _SHARE.get()
    if last - first == total:
        return draw(rows)
    each = rows // (last - first)
    return draw(total * each)[first * each : last * each]


def generator(seed: int, *more: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch.Generator that starts at a seed, or at several integers mixed into one, as (seed,
    row); functions that draw take one.
    """
    return torch.Generator(device).manual_seed(mixed_seed(seed, *more))


def mixed_seed(seed: int, *more: int) -> int:
    """One seed of several integers.

    Plain arithmetic would not do: torch's CPU generator looks at the low 32 bits only.
    """
    if min(seed, *more, 0) < 0:
        raise ValueError(f"seeds must not be negative, got {min(seed, *more)}")
    return int(np.random.SeedSequence([seed, *more]).generate_state(1)[0]) if more else seed


def hypothesis_generators(seed: int, hypotheses: int) -> list[torch.Generator]:
    """One CPU generator per hypothesis, so that going from 5 to 10 hypotheses keeps the first 5 as
    they were.

    The streams depend on (seed, index) alone and live on the CPU, so a GPU draws the same numbers.
    """
    if hypotheses < 1:
        raise ValueError(f"hypotheses must be at least 1, got {hypotheses}")
    return [generator(seed, index) for index in range(hypotheses)]

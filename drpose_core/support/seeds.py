"""Random generators from seeds."""

import numpy as np
import torch


def generator(seed: int, *more: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch.Generator seeded with an integer, or with several integers mixed into one, such as
    (seed, row). Functions that draw random numbers take one.
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
    """One CPU generator per hypothesis: going from 5 to 10 hypotheses keeps the first 5 unchanged.

    The generators depend only on (seed, index) and live on the CPU, so a GPU gets the same numbers.
    """
    if hypotheses < 1:
        raise ValueError(f"hypotheses must be at least 1, got {hypotheses}")
    return [generator(seed, index) for index in range(hypotheses)]

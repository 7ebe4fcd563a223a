"""The noise of a sampling chain: from a seed for each hypothesis, for each pose, or replayed.

A *noise maker* is called as noise(rows, hypotheses, shape) and gives an endless or long enough
iterator of float32 tensors (rows, hypotheses, *shape) on the CPU: the first starts a chain, each
next one ends a step. rows are the numbers of the poses in their set, hypotheses those of the
hypotheses, so that a chunk of either gets the numbers that the whole would have.
"""

from collections.abc import Callable, Iterator, Sequence

import torch

from .seeds import generator

Noise = Callable[[Sequence[int], range, tuple[int, ...]], Iterator[torch.Tensor]]


def per_hypothesis(seed: int = 0) -> Noise:
    """Hypothesis h starts from the same noise in every pose, drawn from (seed, h).

    More hypotheses keep the first ones, and the batch size changes nothing. In a film, a hypothesis
    changes only as the input does. The default of sample_poses, assess, predict and the explorer.
    """

    def draws(rows: Sequence[int], hypotheses: range, shape: tuple[int, ...]):
        streams = [generator(seed, h) for h in hypotheses]
        while True:
            one = torch.stack([torch.randn(shape, generator=g) for g in streams])
            yield one.expand(len(rows), *one.shape)

    generator(seed)  # a seed that is none is refused at once
    return draws


def per_pose(seed: int = 0) -> Noise:
    """Every hypothesis of every pose has its own noise, drawn from (seed, row, h).

    More hypotheses keep the first ones, and the batch size changes nothing. Means over many poses
    vary less between seeds than with per_hypothesis, where all poses share the same noise.
    """

    def draws(rows: Sequence[int], hypotheses: range, shape: tuple[int, ...]):
        streams = [[generator(seed, row, h) for h in hypotheses] for row in rows]
        while True:
            yield torch.stack(
                [torch.stack([torch.randn(shape, generator=g) for g in of]) for of in streams]
            )

    generator(seed)
    return draws


def replay(noise: torch.Tensor) -> Noise:
    """Use the given noise (K, B, H, ...): noise[0] starts the chain, noise[k] ends its k-th step.

    Raises ValueError if a chain asks for more poses, hypotheses, coordinates or steps than it
    holds.
    """

    def draws(rows: Sequence[int], hypotheses: range, shape: tuple[int, ...]):
        last = max(rows, default=-1)
        fits = last < noise.shape[1] and hypotheses.stop <= noise.shape[2]
        if not fits or tuple(noise.shape[3:]) != shape:
            raise ValueError(
                f"noise is {tuple(noise.shape)}, (K, B, H, ...), but the chain needs "
                f"B = {last + 1}, H = {hypotheses.stop} and {shape} in each"
            )
        for step in noise:
            yield step[list(rows), hypotheses.start : hypotheses.stop]
        raise ValueError(f"noise has {len(noise)} steps, but the chain needs more")

    return draws


def as_noise(noise: Noise | torch.Tensor | None, seed: int = 0) -> Noise:
    """A maker as it is, of a tensor its replay, and per_hypothesis(seed) where there is none."""
    if isinstance(noise, torch.Tensor):
        return replay(noise)
    return per_hypothesis(seed) if noise is None else noise

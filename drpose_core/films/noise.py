"""Noise that remembers itself from frame to frame: one hypothesis of a film moves smoothly."""

from collections.abc import Iterator, Sequence
from itertools import count

import torch

from ..data import PoseSet
from ..support import Noise, generator
from .clips import FPS, runs

PIECE = 64  # frames drawn at a time


def correlated(white: torch.Tensor, seconds: torch.Tensor, memory: float) -> torch.Tensor:
    """White noise (B, F, ...) made to remember itself along the frames at seconds (B, F).

    An AR(1) process: e_f = a e_(f-1) + sqrt(1 - a^2) white_f, a = exp(-(seconds between) / memory),
    so that each frame's noise is as wide as before, and the correlation of two frames is
    exp(-(seconds apart) / memory). memory 0 returns white noise as it is.
    """
    if not memory:
        return white
    keep = torch.exp(-seconds.diff(dim=1).clamp_min(0) / memory)
    keep = keep.view(*keep.shape, *[1] * (white.ndim - 2)).to(white)
    frames = [white[:, 0]]
    for f in range(1, white.shape[1]):
        a = keep[:, f - 1]
        frames.append(a * frames[-1] + (1 - a.square()).sqrt() * white[:, f])
    return torch.stack(frames, dim=1)


def per_film(poses: PoseSet, memory: float, seed: int = 0, *, fps: float = FPS) -> Noise:
    """A noise maker for the rows of a film: each hypothesis has a noise of its own, drawn from
    (seed, h), which remembers itself over memory seconds within a run (clips.runs).

    Whatever part of the rows is asked for gets the numbers that the whole would have. Numbers of
    rows that are not asked for are drawn and dropped, a few at a time.
    """
    ordered = runs(poses, fps=fps)
    order = torch.cat(ordered).cpu() if ordered else torch.empty(0, dtype=torch.int64)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    keep = torch.zeros(len(order))  # what is kept of the frame before; a run starts afresh
    if memory:
        seconds = poses.frame[order.to(poses.device)].cpu().double() / fps
        keep[1:] = torch.exp(-seconds.diff().clamp_min(0) / memory).float()
        keep[torch.tensor([len(run) for run in ordered[:-1]], dtype=torch.int64).cumsum(0)] = 0
        keep[:1] = 0

    def draws(rows: Sequence[int], hypotheses: range, shape: tuple[int, ...]):
        wanted = place[torch.as_tensor(list(rows), dtype=torch.int64)]
        last = int(wanted.max()) + 1 if len(wanted) else 0
        for step in count():
            streams = [generator(seed, h, step) for h in hypotheses]
            found = torch.empty(len(wanted), len(hypotheses), *shape)
            before = torch.zeros(len(hypotheses), *shape)
            for first in range(0, last, PIECE):
                # (H, PIECE, ...), always as many: what is drawn must not depend on last
                piece = torch.stack([torch.randn(PIECE, *shape, generator=g) for g in streams])
                for f in range(min(PIECE, last - first)):
                    a = keep[first + f]
                    before = a * before + (1 - a * a).sqrt() * piece[:, f]
                    piece[:, f] = before
                here = (wanted >= first) & (wanted < first + PIECE)
                found[here] = piece.transpose(0, 1)[wanted[here] - first]
            yield found

    generator(seed)  # a seed that is none is refused at once
    return draws


def white(seed: int, h: int, step: int, shape: tuple[int, ...]) -> Iterator[torch.Tensor]:
    """The white noise of one hypothesis and step, frame by frame without end, that per_film makes
    remember itself.
    """
    stream = generator(seed, h, step)
    while True:
        yield from torch.randn(PIECE, *shape, generator=stream)

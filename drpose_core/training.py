"""One training loop for lifters and denoisers: a generator, so that logging and validation are the body of a for loop."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from .data import PoseSet, batches
from .runtime import generator, mixed_seed

Loss = Callable[..., torch.Tensor]  # (module, batch, *, generator) -> scalar


@dataclass(frozen=True)
class TrainConfig:
    """How to train; stands in the checkpoint's record. An epoch is every pose once, and once mirrored if mirror is set."""

    epochs: int = 4
    batch_size: int = 256
    lr: float = 1e-3
    decay: str = "cosine"  # "cosine": warm-up over the first 3 %, then down to 0; "published": x 0.95 an epoch, x 0.5 at every fifth
    mirror: bool = True
    seed: int = 0

    def __post_init__(self):
        if self.decay not in ("cosine", "published"):
            raise ValueError(f'unknown decay {self.decay!r}: choose "cosine" or "published"')
        if self.epochs < 1 or self.batch_size < 1 or self.lr <= 0:
            raise ValueError(f"epochs and batch_size must be at least 1 and lr above 0, got {self.epochs}, {self.batch_size} and {self.lr}")

    @classmethod
    def published(cls, epochs: int = 20) -> "TrainConfig":
        """Optimiser, batch size and decays of the published code; how many epochs it ran is not known.

        One thing differs: there the frozen lifter's dropout and BatchNorm stayed in training mode, here it is in eval mode (model.DRPose)
        and denoising_loss adds noise to its poses instead.
        """
        return cls(epochs=epochs, batch_size=512, lr=5e-4, decay="published")


class TrainStep(NamedTuple):
    """After one optimiser step: epoch and step count from 1, the loss (detached, on the device) and the learning rate used."""

    epoch: int
    step: int
    loss: torch.Tensor
    lr: float


def train(module: nn.Module, loss: Loss, poses: PoseSet, config: TrainConfig | None = None) -> Iterator[TrainStep]:
    """Train module in place with Adam (amsgrad) on poses, yielding after every step; poses and module share a device.

    loss(module, batch, generator=...) is lifting_loss, denoising_loss or your own. Parameters that need no gradient stay as they are.
    The same seed gives the same weights on the same machine. Leaving the loop early is fine. Raises FloatingPointError if the loss is
    not finite, before it touches the weights.
    """
    config = config or TrainConfig()
    weights = [p for p in module.parameters() if p.requires_grad]
    if not weights:
        raise ValueError("nothing to train: no parameter of the module requires a gradient")
    optimizer = torch.optim.Adam(weights, lr=config.lr, amsgrad=True)
    per_epoch = steps_per_epoch(len(poses), config)
    rows = len(poses) * (2 if config.mirror else 1)
    draws = generator(config.seed)
    step = 0
    for epoch in range(1, config.epochs + 1):
        for batch in batches(poses, config.batch_size, shuffle=True, augment=config.mirror, generator=draws):
            if len(batch) == 1 and rows > 1 and config.batch_size > 1:  # what is left over; BatchNorm has no statistics of one pose
                continue
            lr = learning_rate(step, per_epoch, config)
            for group in optimizer.param_groups:
                group["lr"] = lr
            module.train()  # the caller's loop body may have evaluated
            with _seeded_dropout(config.seed, step, poses.device):
                value = loss(module, batch, generator=draws)
            if not torch.isfinite(value):
                raise FloatingPointError(f"the loss is {value.item()} at step {step + 1}: lower lr (now {lr:.1e}) or look for bad poses")
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            step += 1
            yield TrainStep(epoch, step, value.detach(), lr)


def steps_per_epoch(poses: int, config: TrainConfig) -> int:
    """Optimiser steps in one epoch over a set of so many poses; a last batch of a single pose is left out."""
    rows = poses * (2 if config.mirror else 1)
    return math.ceil(rows / config.batch_size) - (rows > 1 and config.batch_size > 1 and rows % config.batch_size == 1)


def learning_rate(step: int, per_epoch: int, config: TrainConfig) -> float:
    """The learning rate of a step counted from 0."""
    if config.decay == "published":
        factors = (0.5 if epoch % 5 == 0 else 0.95 for epoch in range(1, step // per_epoch + 1))
        return config.lr * math.prod(factors)
    total = per_epoch * config.epochs
    warmup = min(1.0, (step + 1) / max(1.0, 0.03 * total))
    return config.lr * warmup * 0.5 * (1 + math.cos(math.pi * step / total))


class _seeded_dropout:
    """Dropout draws from torch's global generator: seed it for this step, then give the caller's state back."""

    def __init__(self, seed: int, step: int, device: torch.device):
        self.seed = mixed_seed(seed, step)
        self.fork = torch.random.fork_rng([device] if device.type == "cuda" else [])

    def __enter__(self):
        self.fork.__enter__()
        torch.manual_seed(self.seed)

    def __exit__(self, *error):
        return self.fork.__exit__(*error)

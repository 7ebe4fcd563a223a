"""One training loop for lifters and denoisers: a generator, so logging is the body of a loop."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple

import torch
from torch import nn

from .batches import batches
from .data import PoseSet
from .support import (
    generator,
    mean_over_processes,
    own_part,
    process,
    share_buffers,
    share_weight,
    step_draws,
)

Loss = Callable[..., torch.Tensor]  # (module, batch, *, generator) -> scalar
# On a GPU, steps between two looks at whether the loss is finite: asking makes the card wait.
LOOK = 32


@dataclass(frozen=True)
class TrainConfig:
    """How to train; saved in the checkpoint's record.

    docs/recipes.md compares the defaults with the published recipe.
    """

    epochs: int = 4  # an epoch is every pose once, and once mirrored if mirror is set
    batch_size: int = 32  # poses per step, over all processes
    lr: float = 2e-3  # Adam's (amsgrad) learning rate at its highest
    # cosine: 3 % warm-up, then down to 0; published: x 0.95 per epoch, x 0.5 every fifth
    decay: Literal["cosine", "published"] = "cosine"
    mirror: bool = True  # train on every pose's mirror image too
    seed: int = 0  # of all random numbers

    def __post_init__(self):
        if self.decay not in ("cosine", "published"):
            raise ValueError(f'unknown decay {self.decay!r}: choose "cosine" or "published"')
        if self.epochs < 1 or self.batch_size < 1 or not 0 < self.lr < math.inf:
            raise ValueError(
                f"epochs and batch_size must be at least 1 and lr above 0, got {self.epochs}, "
                f"{self.batch_size} and {self.lr}"
            )

    @classmethod
    def published(cls, epochs: int = 20) -> "TrainConfig":
        """Optimiser, batch size and decay of the published code; its number of epochs is not known.
        The published denoiser has a dropout of 0.1 (ModelConfig).

        One thing differs. In the published code the frozen lifter's dropout and BatchNorm stay in
        training mode. Here the lifter is in eval mode (model.DRPose), and denoising_loss adds noise
        to its poses instead.
        """
        return cls(epochs=epochs, batch_size=512, lr=5e-4, decay="published")


class TrainStep(NamedTuple):
    """The result of one optimiser step."""

    epoch: int  # from 1
    step: int  # from 1
    loss: torch.Tensor  # detached, on the device
    lr: float
    scores: dict[str, float] | None = None  # what validate said, at an epoch's last step


class TrainState:
    """The state of a training: the number of steps done and Adam's moments. Together with the
    module's weights this is enough to resume, because all random numbers depend only on the seed
    and the step.
    """

    def __init__(self, module: nn.Module, config: TrainConfig):
        self.module, self.step = module, 0
        self.trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not self.trained:
            raise ValueError("nothing to train: no parameter of the module requires a gradient")
        device = next(iter(self.trained.values())).device
        # whether a loss or a gradient was not finite
        self.broken = torch.zeros((), dtype=torch.bool, device=device)
        # Fused: one pass over the weights, and no step at all where found_inf says that the loss
        # was not finite.
        self.optimizer = torch.optim.Adam(
            self.trained.values(), lr=config.lr, amsgrad=True, fused=True
        )

    def update(self, lr: float, loss: torch.Tensor) -> None:
        """One optimiser step with the present gradients; the weights do not change if the loss or a
        gradient is not finite.
        """
        size = nn.utils.get_total_norm(
            [p.grad for p in self.trained.values() if p.grad is not None]
        )
        finite = torch.isfinite(loss) & torch.isfinite(size)
        self.broken = self.broken | ~finite
        self.optimizer.param_groups[0]["lr"] = lr
        self.optimizer.grad_scale, self.optimizer.found_inf = None, (~finite).float()
        self.optimizer.step()
        self.step += 1

    def check(self, lr: float, device: torch.device) -> None:
        """Raise FloatingPointError if a loss or gradient since the last check was not finite."""
        if self.broken:
            at = f"step {self.step}"
            if device.type != "cpu":
                at = f"one of the last {LOOK} steps up to {self.step}"
            raise FloatingPointError(
                f"the loss or its gradient is not finite at {at}: lower lr (now {lr:.1e}) or look "
                "for bad poses"
            )

    def tensors(self) -> dict[str, torch.Tensor]:
        """All of the state by name, with the module's weights; references, not copies."""
        found = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        for name, weight in self.trained.items():
            found |= {
                f"adam.{name}.{what}": value
                for what, value in self.optimizer.state.get(weight, {}).items()
            }
        return found

    def restore(self, tensors: dict[str, torch.Tensor], step: int) -> None:
        """Restore what tensors() returned. Raises ValueError if it belongs to another module."""
        own = self.module.state_dict()
        names = {f"module.{name}" for name in own}
        moments = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq") if step else ()
        names |= {f"adam.{name}.{what}" for name in self.trained for what in moments}
        fits = names == set(tensors) and all(
            tensors[f"module.{name}"].shape == value.shape for name, value in own.items()
        )
        if not fits:
            raise ValueError("the saved state belongs to another module")
        self.module.load_state_dict({name: tensors[f"module.{name}"] for name in own})
        for name, weight in self.trained.items():
            self.optimizer.state[weight] = {
                what: tensors[f"adam.{name}.{what}"].to(weight.device, copy=True)
                for what in moments
            }
        self.step = step


def train(
    module: nn.Module,
    loss: Loss,
    poses: PoseSet,
    config: TrainConfig | None = None,
    *,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    state: TrainState | None = None,
) -> Iterator[TrainStep]:
    """Train module in place with Adam (amsgrad) and yield after every step. poses and module must
    be on the same device.

    loss(module, batch, generator=...) is lifting_loss, denoising_loss or your own. Parameters that
    need no gradient do not change. validate(module) is called after every epoch, in eval mode and
    without gradients. The same seed gives the same weights on the same machine. You may leave the
    loop early. A state (TrainState) says where to resume; experiments.train_in saves it in files.
    Under torch.distributed each process computes its rows of every batch, with its own generator
    (own_rows draws what a single process would), and gradients are averaged. Torch's global CPU
    generator is seeded alike in all processes, for dropout: do not draw from it. BatchNorm uses the
    rows of its own process; the first process's statistics are kept. Raises FloatingPointError if
    the loss or a gradient is not finite, and leaves the weights as they were; ValueError if a batch
    is too small to share.
    """
    config = config or TrainConfig()
    state = state or TrainState(module, config)
    objective = _shared(module, loss, poses, config)
    per_epoch, on = steps_per_epoch(len(poses), config), poses.device
    for epoch in range(1 + state.step // per_epoch, config.epochs + 1):
        done = state.step - (epoch - 1) * per_epoch  # steps of this epoch before an interruption
        for number, batch in _numbered(poses, config, epoch, done, per_epoch):
            lr = learning_rate(state.step, per_epoch, config)
            module.train()  # the caller's loop body may have evaluated
            with step_draws(config.seed, state.step, len(batch), on) as draws:
                mean = objective(own_part(batch), draws)
            value = mean_over_processes(mean.detach(), len(batch))
            state.optimizer.zero_grad(set_to_none=True)
            (mean * share_weight(len(batch))).backward()
            state.update(lr, value)
            last_of_epoch = number == per_epoch
            if on.type == "cpu" or state.step % LOOK == 0 or last_of_epoch:
                state.check(lr, on)
            scores = None
            if last_of_epoch:
                share_buffers(module)
            if last_of_epoch and validate:
                with torch.no_grad():
                    scores = validate(module.eval())
            yield TrainStep(epoch, state.step, value, lr, scores)


def _numbered(
    poses: PoseSet, config: TrainConfig, epoch: int, done: int, per_epoch: int
) -> Iterator[tuple[int, PoseSet]]:
    """The batches of an epoch from the one after those done, with their numbers from 1; a small
    last one is left out: too few poses for BatchNorm, and for many processes.
    """
    order = {"shuffle": True, "augment": config.mirror, "generator": generator(config.seed, epoch)}
    parts = batches(poses, config.batch_size, **order)
    yield from islice(enumerate(parts, 1), done, per_epoch)


def _shared(module: nn.Module, loss: Loss, poses: PoseSet, config: TrainConfig) -> nn.Module:
    """The loss as a module of (batch, generator), with gradients averaged over the processes."""
    objective, (_, world) = _Objective(module, loss), process()
    if world == 1:
        return objective
    if min(len(poses) * (2 if config.mirror else 1), config.batch_size // 2) < 2 * world:
        raise ValueError(
            f"batch_size {config.batch_size} is too small for {world} processes: at least "
            f"{4 * world} poses are needed in a batch"
        )
    return nn.parallel.DistributedDataParallel(objective)


class _Objective(nn.Module):
    """The loss as a module, which is what DistributedDataParallel wraps."""

    def __init__(self, module: nn.Module, loss: Loss):
        super().__init__()
        self.module, self.loss = module, loss

    def forward(self, batch: PoseSet, draws: torch.Generator) -> torch.Tensor:
        return self.loss(self.module, batch, generator=draws)


def steps_per_epoch(poses: int, config: TrainConfig) -> int:
    """Optimiser steps in one epoch over a set of n poses; a last batch of less than half the
    size is left out.
    """
    rows = poses * (2 if config.mirror else 1)
    return max(1, math.floor(rows / config.batch_size + 0.5))


def learning_rate(step: int, per_epoch: int, config: TrainConfig) -> float:
    """The learning rate of a step counted from 0."""
    if config.decay == "published":
        factors = (0.5 if epoch % 5 == 0 else 0.95 for epoch in range(1, step // per_epoch + 1))
        return config.lr * math.prod(factors)
    total = per_epoch * config.epochs
    warmup = min(1.0, (step + 1) / max(1.0, 0.03 * total))
    return config.lr * warmup * 0.5 * (1 + math.cos(math.pi * step / total))

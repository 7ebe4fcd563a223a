"""Diffusion without a network and without a skeleton: noise schedules, samplers as generators, the
flip as a wrapper.

A *denoise function* is any (x_t, t) -> x0: x_t a tensor of noisy samples, t an int, x0 of the shape
of x_t.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

DenoiseFn = Callable[[torch.Tensor, int], torch.Tensor]


def cosine_betas(timesteps: int) -> torch.Tensor:
    """The variance added at each step, (timesteps,) float64: as published, but for a last bit."""
    grid = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64) / timesteps
    curve = torch.cos((grid + 0.008) / 1.008 * math.pi / 2).square()
    curve = curve / curve[0]
    return (1 - curve[1:] / curve[:-1]).clip(0, 0.999)


class Schedule(nn.Module):
    """Levels of noise: x_t = sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) noise, t in [0, T)."""

    spacings = ("quadratic", "linear", "log-snr")  # the names that timesteps takes
    alpha_bar: torch.Tensor  # (T,) falls from near 1 to near 0; float64

    def __init__(self, alpha_bar: torch.Tensor):
        super().__init__()
        # Not in the state dict: it follows from the config.
        self.register_buffer("alpha_bar", alpha_bar, persistent=False)

    def _apply(self, fn, recurse: bool = True):
        """Move with the model, but stay float64 when it is cast: 1 - alpha_bar near t = 0 is lost
        in fewer digits.
        """
        exact = self.alpha_bar
        super()._apply(fn, recurse)
        self.alpha_bar = exact.to(self.alpha_bar.device)
        return self

    def __len__(self) -> int:
        return len(self.alpha_bar)

    def signal_and_noise(
        self, x: torch.Tensor, t: int | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """sqrt(alpha_bar[t]) and sqrt(1 - alpha_bar[t]) in the dtype of x, shaped to broadcast from
        its first axis.
        """
        a = self.alpha_bar[t.to(self.alpha_bar.device) if isinstance(t, torch.Tensor) else t]
        a = a.view(*a.shape, *[1] * (x.ndim - a.ndim)) if a.ndim else a
        return a.sqrt().to(x), (1 - a).sqrt().to(x)

    def add_noise(
        self, x0: torch.Tensor, t: int | torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Forward diffusion of x0 (B, ...) to step t, an int or (B,).

        The result is not clamped; denoise_fn clamps what a network sees.
        """
        signal, spread = self.signal_and_noise(x0, t)
        return signal * x0 + spread * noise

    def preconditioning(
        self, x: torch.Tensor, t: int | torch.Tensor, spread: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """c_skip, c_out and the size sqrt(v) of x_t at step t, for x0 = c_skip x_t + c_out F, if x0
        has the given spread: v = alpha_bar spread^2 + 1 - alpha_bar.

        Source: Karras et al. 2022 (EDM), table 1, for a chain that keeps its variance.
        """
        signal, noise = self.signal_and_noise(x, t)
        v = (signal * spread).square() + noise.square()
        size = v.sqrt()
        return spread**2 * signal / v, spread * noise / size, size

    def predict_noise(
        self, x_t: torch.Tensor, t: int | torch.Tensor, x0: torch.Tensor
    ) -> torch.Tensor:
        """The noise that leads from x0 to x_t at step t; the inverse of add_noise."""
        signal, spread = self.signal_and_noise(x_t, t)
        return (x_t - signal * x0) / spread

    def timesteps(
        self, steps: int, spacing: str | Sequence[int] = "linear", *, start: int | None = None
    ) -> list[int]:
        """The steps + 1 times of a sampling chain, from the first down to -1 (the clean pose).

        spacing: "linear", evenly spaced integers as published; "quadratic", where the differences
        shrink evenly towards 0; "log-snr", even in log(alpha_bar / (1 - alpha_bar)) down to 0.008
        T, best with a start in the middle; or the times themselves, falling, without the -1. start:
        the first time; default T - 1. Raises ValueError if times are not distinct or not within [0,
        T).
        """
        if start is not None and not isinstance(spacing, str) and start != spacing[0]:
            raise ValueError(
                f"start must be the first of the times given: start={start}, times {list(spacing)}"
            )
        start = len(self) - 1 if start is None else start
        if steps < 1 or not steps - 1 <= start < len(self):
            raise ValueError(
                f"at least 1 and at most {start + 1} steps fit, got {steps}; start must lie in [0, "
                f"{len(self)})"
            )
        if not isinstance(spacing, str):
            times = [int(t) for t in spacing]
        elif spacing == "linear":
            # In float32 and cut towards zero, as published: another rounding would move single
            # steps by one.
            times = torch.linspace(-1, start, steps + 1).int().flip(0).tolist()[:-1]
        elif spacing == "quadratic":
            times = distinct(
                (start + 1) * (torch.arange(steps, 0, -1, dtype=torch.float64) / steps) ** 2 - 1,
                start,
            )
        elif spacing == "log-snr":
            snr = torch.logit(self.alpha_bar)
            even = torch.linspace(
                snr[start].item(),
                snr[min(start, round(0.008 * len(self)))].item(),
                steps,
                dtype=snr.dtype,
            )
            times = distinct((snr - even.to(snr.device)[:, None]).abs().argmin(dim=1), start)
        else:
            raise ValueError(
                f'unknown spacing {spacing!r}: use "linear", "quadratic", "log-snr" or give the '
                "times, as [999, 300, 100, 10]"
            )
        if len(times) != steps:
            raise ValueError(f"steps must match the times given: {steps} steps, {len(times)} times")
        falling = all(a > b for a, b in pairwise(times))
        if not falling or times[0] >= len(self) or times[-1] < 0:
            raise ValueError(
                f"times must fall, be distinct and lie in [0, {len(self)}); at most {len(self)} "
                f"steps fit, got {steps}"
            )
        return [*times, -1]


class CosineSchedule(Schedule):
    """Source: Nichol and Dhariwal 2021, eq. 17, s = 0.008, betas clipped to [0, 0.999]."""

    def __init__(self, timesteps: int = 1000):
        if timesteps < 1:
            raise ValueError(f"a schedule needs at least 1 timestep, got {timesteps}")
        super().__init__(torch.cumprod(1 - cosine_betas(timesteps), dim=0))


def distinct(times: torch.Tensor, start: int) -> list[int]:
    """Falling times rounded to distinct integers up to start, moved apart where two would be the
    same: a step of no length divides 0 by 0.
    """
    rounded = times.round().int().tolist()
    lowest = -1
    for i in reversed(range(len(rounded))):
        lowest = rounded[i] = max(rounded[i], lowest + 1)
    return [min(t, start - i) for i, t in enumerate(rounded)]


class Step(NamedTuple):
    """One step of a chain: its number k (from 1), its time t, its input x_t and its clean estimate
    x0.
    """

    k: int
    t: int
    x_t: torch.Tensor
    x0: torch.Tensor


def ddim(
    denoise: DenoiseFn,
    x: torch.Tensor,
    schedule: Schedule,
    steps: int,
    *,
    eta: float = 1.0,
    spacing: str | Sequence[int] = "linear",
    start: int | None = None,
    noise_sampler: Callable[[torch.Tensor], torch.Tensor] = torch.randn_like,
) -> Iterator[Step]:
    """Denoise x (start noise, any shape) in the given number of steps and yield each Step. The x0
    of the last one is the sample.

    eta = 0 is deterministic; eta = 1 (published) adds ancestral noise. If eta is above 0,
    noise_sampler(x) draws the noise at the end of every step but the last. spacing and start choose
    the times (CosineSchedule.timesteps). Source: Song et al. 2021, DDIM, eq. 12 and 16.
    """
    times = schedule.timesteps(steps, spacing, start=start)
    for k, (t, t_next) in enumerate(pairwise(times), start=1):
        x0 = denoise(x, t)
        yield Step(k, t, x, x0)
        if t_next < 0:
            return
        a, a_next = schedule.alpha_bar[t].item(), schedule.alpha_bar[t_next].item()
        sigma = eta * math.sqrt((1 - a / a_next) * (1 - a_next) / (1 - a))
        direction = math.sqrt(max(1 - a_next - sigma**2, 0.0)) * schedule.predict_noise(x, t, x0)
        x = math.sqrt(a_next) * x0 + direction
        if sigma > 0:
            x = x + sigma * noise_sampler(x)


def dpm_solver(
    denoise: DenoiseFn,
    x: torch.Tensor,
    schedule: Schedule,
    steps: int,
    *,
    spacing: str | Sequence[int] = "linear",
    start: int | None = None,
) -> Iterator[Step]:
    """Like ddim with eta = 0, but each step also uses the change between the last two clean
    estimates. It draws no noise.

    The first step has no earlier estimate and equals that of ddim. Source: Lu et al. 2022,
    DPM-Solver++, algorithm 2 (2M).
    """
    half_log_snr = (0.5 * torch.logit(schedule.alpha_bar)).tolist()
    before = None  # the last estimate, and how far it was carried
    for k, (t, t_next) in enumerate(
        pairwise(schedule.timesteps(steps, spacing, start=start)), start=1
    ):
        x0 = denoise(x, t)
        yield Step(k, t, x, x0)
        if t_next < 0:
            return
        h = half_log_snr[t_next] - half_log_snr[t]
        ahead = x0 if before is None else x0 + h / (2 * before[1]) * (x0 - before[0])
        before = x0, h
        a, a_next = schedule.alpha_bar[t].item(), schedule.alpha_bar[t_next].item()
        x = math.sqrt((1 - a_next) / (1 - a)) * x - math.sqrt(a_next) * math.expm1(-h) * ahead


def with_flip(
    denoise: DenoiseFn, denoise_mirrored: DenoiseFn, mirror: Callable[[torch.Tensor], torch.Tensor]
) -> DenoiseFn:
    """The mean of a denoise function and of its mirror image.

    denoise_mirrored is conditioned on the mirrored input; mirror is its own inverse (skeleton.flip
    for poses).
    """
    return lambda x_t, t: (denoise(x_t, t) + mirror(denoise_mirrored(mirror(x_t), t))) / 2

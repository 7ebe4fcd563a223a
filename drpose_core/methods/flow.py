"""Flow matching on DRPose's denoiser: straight paths from noise to poses, and a velocity along them
(Lipman et al. 2023; for poses FMPose3D, Wang et al. 2026).

On the path y = (1 - share) pose + share noise the velocity towards the pose is (pose - noise), and
a clean pose x0 says it too: (x0 - y) / share. So the network stays one of clean poses, and what is
new is the levels of noise, the weights of the loss, and the solver. Euler's step of the velocity
leads to the point of the path between x0 and the noise that belongs to it; that is ddim with
eta = 0.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import nn

from ..data import PoseSet
from ..denoiser import Denoiser
from ..diffusion import DenoiseFn, Schedule, Step, ddim, distinct
from ..losses import INITIAL_NOISE, denoised
from ..model import DRPose
from ..settings import ModelConfig, Sampling

LEAST = 0.01  # metres of noise at which a logarithmic grid ends


class StraightPath(Schedule):
    """Straight paths from noise of 1 m to poses as levels of noise: at time t the share of the
    noise is (t + 1) / T, from 1 / T to 1.

    What the samplers call x_t is the path's y / size, which keeps the noise's variance.
    """

    spacings = ("linear", "quadratic", "log")

    def __init__(self, timesteps: int = 1000):
        share = torch.arange(1, timesteps + 1, dtype=torch.float64) / timesteps
        super().__init__((1 - share).square() / ((1 - share).square() + share.square()))

    def share(self, t: int | torch.Tensor) -> float | torch.Tensor:
        """The share of the noise at time t; 0 at -1, the clean pose."""
        return (t + 1) / len(self)

    def size(self, t: int | torch.Tensor) -> float | torch.Tensor:
        """y / x_t at time t."""
        share = self.share(t)
        return ((1 - share) ** 2 + share**2) ** 0.5

    def timesteps(
        self, steps: int, spacing: str | Sequence[int] = "linear", *, start: int | None = None
    ) -> list[int]:
        """As in Schedule, and spacing "log" for steps even in the logarithm of the noise's share,
        down to LEAST.
        """
        if spacing == "log":
            start = len(self) - 1 if start is None else start
            if not steps - 1 <= start < len(self):
                return super().timesteps(steps, start=start)  # which says so
            shares = torch.logspace(*(self._log(s) for s in (self.share(start), LEAST)), steps)
            spacing = distinct(len(self) * shares - 1, start)
        elif spacing == "log-snr":  # there is no signal at the top
            raise ValueError('a straight path has no spacing "log-snr": use "log"')
        return super().timesteps(steps, spacing, start=start)

    @staticmethod
    def _log(share: float) -> float:
        return torch.tensor(share, dtype=torch.float64).log10().item()


def flow_loss(
    model: DRPose,
    batch: PoseSet,
    *,
    generator: torch.Generator | None = None,
    initial_noise: float = INITIAL_NOISE,
) -> torch.Tensor:
    """Mean square error of the velocity, m^2, over coordinates and times drawn evenly; all joints
    weigh alike. initial_noise as in denoising_loss.

    The error of the velocity is that of the clean pose, divided by the noise's share.
    """

    def times(n, draws, on):
        return torch.randint(len(model.schedule), (n,), generator=draws, device=on)

    pred, t = denoised(model, batch, times, generator, initial_noise)
    share = model.schedule.share(t)[:, None, None]
    return ((pred - batch.pose3d) / share).square().mean()


def midpoint(
    denoise: DenoiseFn,
    x: torch.Tensor,
    schedule: StraightPath,
    steps: int,
    *,
    spacing: str | Sequence[int] = "linear",
    start: int | None = None,
) -> Iterator[Step]:
    """Like ddim with eta = 0 on a straight path, but each step takes the velocity in its middle,
    at a second call of denoise. x0 of a Step is the clean pose that this velocity leads to.
    """
    times = schedule.timesteps(steps, spacing, start=start)
    for k, (t, t_next) in enumerate(pairwise(times), start=1):
        y, share, middle = x * schedule.size(t), schedule.share(t), (t + t_next + 1) // 2
        velocity = (denoise(x, t) - y) / share
        if middle < t:  # a step of one time has no middle
            y_middle = y + (share - schedule.share(middle)) * velocity
            x0 = denoise(y_middle / schedule.size(middle), middle)
            velocity = (x0 - y_middle) / schedule.share(middle)
        yield Step(k, t, x, y + share * velocity)
        x = (y + (share - schedule.share(t_next)) * velocity) / schedule.size(t_next)


class FlowMatching(DRPose):
    """Straight paths instead of a cosine schedule; the same denoiser, lifter and hypotheses.

    Its network gives the velocity as published, or with a skip (ModelConfig) the clean pose,
    preconditioned as DRPose's. Sampled by Euler's steps ("euler"), by midpoints, which call the
    network twice a step, or by DRPose's solvers.
    """

    method = "flow"
    loss = flow_loss

    def __init__(
        self,
        config: ModelConfig | None = None,
        lifter: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ):
        super().__init__(config, lifter)
        self.sampling = Sampling(steps=4, spacing="log", solver="midpoint")

    def parts(self, config: ModelConfig) -> tuple[nn.Module, StraightPath]:
        size = (config.channels, config.depth, config.heads, config.dropout)
        denoiser = Denoiser(*size, blend=False, confidence=config.confidence)
        return denoiser, StraightPath(config.timesteps)

    def solvers(self, eta: float, noise_sampler) -> dict[str, Callable[..., Iterator[Step]]]:
        of_flows = {"euler": partial(ddim, eta=0.0), "midpoint": midpoint}
        return super().solvers(eta, noise_sampler) | of_flows

    def clean(
        self, x_t: torch.Tensor, x_init: torch.Tensor, cond: torch.Tensor, t: int | torch.Tensor
    ) -> torch.Tensor:
        if self.config.skip:
            return super().clean(x_t, x_init, cond, t)
        if isinstance(t, torch.Tensor):
            t = t.view(-1, *[1] * (x_t.ndim - 1))
        y = x_t * self.schedule.size(t)
        return y + self.schedule.share(t) * self.denoiser(y, x_init, cond)

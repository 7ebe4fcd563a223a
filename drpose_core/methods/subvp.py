"""The sub-VP SDE of Song et al. 2021 (section 3.4), as GFPose uses it: levels of noise and solvers.

With u in (0, 1] the time: y = m z0 + sigma noise, m = exp(-u^2 19.9 / 4 - u 0.1 / 2) and
sigma = 1 - m^2; the drift is f = -beta y / 2 with beta = 0.1 + 19.9 u, and g^2 = beta (1 - m^4).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch

from ..diffusion import DenoiseFn, Schedule, Step

LEAST_BETA, GROWTH = 0.1, 19.9  # of beta
SPREAD = 0.25  # metres: z0 is a pose divided by it, about as wide as the noise at the end


class SubVP(Schedule):
    """The levels of noise of the sub-VP SDE, at T even times u = (t + 1) / T.

    What the samplers call x_t is y / size, which keeps the noise's variance, in metres.
    """

    def __init__(self, timesteps: int = 1000):
        m, sigma = self._levels(torch.arange(timesteps), timesteps)
        signal = (m / SPREAD).square()
        super().__init__(signal / (signal + sigma.square()))

    @staticmethod
    def _levels(t: torch.Tensor, timesteps: int) -> tuple[torch.Tensor, torch.Tensor]:
        u = (t.double() + 1) / timesteps
        m = torch.exp(-GROWTH / 4 * u.square() - LEAST_BETA / 2 * u)
        return m, 1 - m.square()

    def sigma(self, t: int | torch.Tensor) -> torch.Tensor:
        return self._levels(torch.as_tensor(t), len(self))[1]

    def size(self, t: int | torch.Tensor) -> torch.Tensor:
        """y / x_t at time t, float64."""
        m, sigma = self._levels(torch.as_tensor(t), len(self))
        return ((m / SPREAD).square() + sigma.square()).sqrt()


def reverse_sde(
    denoise: DenoiseFn,
    x: torch.Tensor,
    schedule: SubVP,
    steps: int,
    *,
    share: float,
    noise_sampler: Callable[[torch.Tensor], torch.Tensor] | None = None,
    spacing: str | Sequence[int] = "linear",
    start: int | None = None,
) -> Iterator[Step]:
    """Euler's steps down the SDE: y <- y - (f - share g^2 score) du [+ g sqrt(du) noise].

    share 1 with noise is the reverse SDE (Euler-Maruyama), share 1/2 without noise its
    probability-flow ODE (Song et al. 2021, eq. 6 and 13). share 1 without noise is what GFPose's
    code calls so: it follows the score twice as fast as the ODE, to where poses are likeliest, and
    its samples spread too little. The score is -noise / sigma.
    """
    for k, (t, t_next) in enumerate(
        pairwise(schedule.timesteps(steps, spacing, start=start)), start=1
    ):
        x0 = denoise(x, t)
        yield Step(k, t, x, x0)
        if t_next < 0:
            return
        beta = LEAST_BETA + GROWTH * (t + 1) / len(schedule)
        sigma, du = schedule.sigma(t).item(), (t - t_next) / len(schedule)
        g2 = beta * sigma * (2 - sigma)  # 1 - m^4 = (1 - m^2) (1 + m^2)
        y = x * schedule.size(t).item()
        score = schedule.predict_noise(x, t, x0) / -sigma
        y = y + (beta * y / 2 + share * g2 * score) * du
        if noise_sampler is not None:
            y = y + math.sqrt(g2 * du) * noise_sampler(x)
        x = y / schedule.size(t_next).item()

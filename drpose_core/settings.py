"""How a model is built (ModelConfig) and how hypotheses are sampled from it (Sampling)."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

# ddim and dpm (DPM-Solver++ 2M) for every method; midpoint for flow matching; sde, ode and pflow
# for GFPose
Solver = Literal["ddim", "dpm", "euler", "midpoint", "sde", "ode", "pflow"]


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build a DRPose; saved in every checkpoint."""

    lifter: str = "dcgct"  # the initial model: dcgct, htnet, mlp, or a name registered in LIFTERS
    channels: int = 96  # width of the denoiser
    depth: int = 5  # its layers
    heads: int = 4  # of its attention
    dropout: float = 0.0  # in its layers, while training; 0.1 as published
    timesteps: int = 1000  # T, levels of noise
    confidence: bool = False  # the networks read the detector's confidence (PoseSet.observed)
    # 0: the network gives the clean pose, blended with the initial one, as published. Above 0: it
    # gives what to add to the noisy pose (DRPose.clean); metres, the spread of poses that is meant
    skip: float = 0.0
    method: str = "drpose"  # or another name in METHODS: film, flow, gfpose, ...
    frames: int = 1  # that the method film sees at once
    memory: float = 0.0  # seconds over which the noise of its films remembers itself

    def __post_init__(self):
        limits = {"channels": (4, 4096), "depth": (1, 100), "heads": (1, 256), "frames": (1, 1024)}
        for name, (low, high) in (limits | {"timesteps": (1, 100_000)}).items():
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ValueError(
                    f"ModelConfig.{name} must be an integer from {low} to {high}, got {value!r}"
                )
        if self.channels % self.heads or self.channels % 2:
            raise ValueError(
                f"ModelConfig.channels must be even and a multiple of heads, got {self.channels} "
                f"and {self.heads}"
            )
        if not 0 <= self.skip < 10:
            raise ValueError(f"ModelConfig.skip must be 0 or some 0.1 m, got {self.skip!r}")
        if not 0 <= self.memory < 100:
            raise ValueError(f"ModelConfig.memory must be some 0.2 s or 0, got {self.memory!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(
                f"ModelConfig.dropout must be at least 0 and below 1, got {self.dropout!r}"
            )


@dataclass(frozen=True)
class Sampling:
    """How hypotheses are sampled. The defaults are the recommended settings; a checkpoint may have
    recommended settings of its own (DRPose.sampling).
    """

    hypotheses: int = 20  # H
    steps: int = 8  # K
    # "linear", "quadratic", "log-snr", or the times themselves (CosineSchedule.timesteps)
    spacing: str | tuple[int, ...] = "quadratic"
    # begin at this time with the initial pose, noised; None: at the top, with pure noise
    start: int | None = None
    eta: float = 0.0  # how much noise each step of ddim adds: 1 as published, 0 none
    solver: Solver = "ddim"  # dpm: DPM-Solver++ 2M; others belong to other methods (METHODS)
    flip_test: bool = True  # average with the mirrored pass in every step
    # hypotheses are moved to this many times their distance from their mean (calibrate fits it)
    widen: float = 1.0

    def __post_init__(self):
        if not isinstance(self.spacing, str):
            object.__setattr__(self, "spacing", tuple(int(t) for t in self.spacing))
        for name in ("hypotheses", "steps"):
            object.__setattr__(self, name, int(getattr(self, name)))
        if self.hypotheses < 1 or self.steps < 1:
            raise ValueError(
                f"hypotheses and steps must be at least 1, got {self.hypotheses} and {self.steps}"
            )
        object.__setattr__(self, "start", None if self.start is None else int(self.start))
        for name in ("eta", "widen"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta must lie between 0 and 1, got {self.eta:g}")
        if not 0 <= self.widen < 100:
            raise ValueError(f"widen must be at least 0 and below 100, got {self.widen:g}")
        if self.solver not in get_args(Solver):
            raise ValueError(
                f"unknown solver {self.solver!r}: choose from {', '.join(get_args(Solver))}"
            )
        if self.solver != "ddim" and self.eta:
            raise ValueError(
                f"eta belongs to ddim, not to {self.solver}: eta must be 0 with it, got "
                f"{self.eta:g}"
            )

    @classmethod
    def published(cls, hypotheses: int = 5, steps: int = 5) -> "Sampling":
        """The sampling of the published code: evenly spaced steps that add noise."""
        return cls(hypotheses, steps, spacing="linear", eta=1.0)

    def but(self, **changes) -> "Sampling":
        """The same settings with some changed. If the times of the steps are given, their number
        follows.
        """
        times = changes.get("spacing")
        if isinstance(times, str) and not isinstance(self.spacing, str) and "steps" not in changes:
            raise ValueError(f"spacing={times!r} in place of times: give steps too")
        if times is not None and not isinstance(times, str):
            changes = {"steps": len(times)} | changes
        if unknown := sorted(set(changes) - set(self.__dataclass_fields__)):
            raise TypeError(
                f"unknown setting of sampling: {', '.join(unknown)}; there are "
                f"{', '.join(self.__dataclass_fields__)}"
            )
        return replace(self, **changes)

"""DRPose: a frozen lifter and a denoiser; the losses that train them and the sampling that uses
them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import nn

from .data import PoseSet
from .denoiser import Denoiser
from .diffusion import CosineSchedule, DenoiseFn, ddim
from .lifters import build_lifter
from .scores import mpjpe
from .skeleton import J, flip
from .support import constant, own_rows

CLIP = 1.1  # metres: what the network sees and says stays within +-CLIP
JOINT_WEIGHTS = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)
# Metres. A lifter is better on the poses it was trained on than on new people, and a denoiser that
# only saw the former trusts it too much; benchmarks/refinement.py has the figures, with and
# without.
INITIAL_NOISE = 0.06
# poses per network pass on a CPU: large enough for fast matrix products, small enough for the cache
CHUNK = 160
CARD_CHUNK = 16384  # on a GPU: about a gigabyte


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed to build a DRPose; stands in every checkpoint."""

    lifter: str = "dcgct"  # the initial model: dcgct, htnet, mlp, or a name registered in LIFTERS
    channels: int = 96  # width of the denoiser
    depth: int = 5  # its layers
    heads: int = 4  # of its attention
    dropout: float = 0.1  # in its layers, while training
    timesteps: int = 1000  # T, levels of noise

    def __post_init__(self):
        for name, low, high in (
            ("channels", 4, 4096),
            ("depth", 1, 100),
            ("heads", 1, 256),
            ("timesteps", 1, 100_000),
        ):
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
        if not 0 <= self.dropout < 1:
            raise ValueError(
                f"ModelConfig.dropout must be at least 0 and below 1, got {self.dropout!r}"
            )


class DRPose(nn.Module):
    """A lifter (B, J, 2) -> (B, J, 3), frozen and always in eval mode, and the denoiser that
    refines its poses.

    lifter: any module or function; None builds config.lifter, untrained.
    """

    def __init__(
        self,
        config: ModelConfig | None = None,
        lifter: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ):
        super().__init__()
        self.config = config = config or ModelConfig()
        self.lifter = build_lifter(config.lifter) if lifter is None else lifter
        self.denoiser = Denoiser(config.channels, config.depth, config.heads, config.dropout)
        self.schedule = CosineSchedule(config.timesteps)
        # what its checkpoint says of its training; empty for a model that comes from none
        self.record: dict = {}
        if isinstance(self.lifter, nn.Module):
            self.lifter.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "DRPose":
        """Training mode for the denoiser alone:

        a frozen lifter's dropout would only add noise to what it conditions on.
        """
        super().train(mode)
        if isinstance(self.lifter, nn.Module):
            self.lifter.eval()
        return self

    @torch.no_grad()
    def initial_pose(self, kp2d: torch.Tensor, *, flip_test: bool = False) -> torch.Tensor:
        """The lifter's pose (B, J, 3) as it comes, joint 0 not moved to the origin; a new tensor.

        flip_test averages with the mirrored pass, as sampling does: the fair baseline of a refined
        pose.
        """
        if flip_test:
            return (self.initial_pose(kp2d) + flip(self.initial_pose(flip(kp2d)))) / 2
        pose = torch.cat([self.lifter(part) for part in kp2d.split(_chunk(kp2d))])
        if pose.shape != (*kp2d.shape[:-1], 3):
            raise ValueError(
                f"the lifter made {tuple(pose.shape)} of {tuple(kp2d.shape)}: a lifter maps (B, "
                f"{J}, 2) to (B, {J}, 3)"
            )
        return pose


def with_initial_poses(model: DRPose, poses: PoseSet) -> PoseSet:
    """The set with the lifter's poses attached (PoseSet.initial); what a frozen lifter says of a
    picture need be computed only once.

    A set that has initial poses already is returned as it is.
    """
    if poses.initial is not None:
        return poses
    return replace(poses, initial=_of_both_sides(model, poses.kp2d))


def _both_sides(initial: torch.Tensor, images: int) -> torch.Tensor:
    """Initial poses (B, J, 3), mirrored for the mirrored pass, or (B, 2, J, 3) as they are -> (B,
    2, J, 3).
    """
    initial = torch.stack([initial, flip(initial)], dim=1) if initial.ndim == 3 else initial
    if tuple(initial.shape) != (images, 2, J, 3):
        raise ValueError(
            f"initial must be (B, J, 3) or (B, 2, J, 3) with B = {images}, got "
            f"{tuple(initial.shape)}"
        )
    return initial


def _of_both_sides(model: DRPose, kp2d: torch.Tensor) -> torch.Tensor:
    """The lifter's poses of the pictures and of their mirror images, (B, 2, J, 3)."""
    with _evaluating(model):
        return torch.stack([model.initial_pose(kp2d), model.initial_pose(flip(kp2d))], dim=1)


def weighted_mpjpe(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over poses and joints of joint weight * distance, in metres; limbs weigh more.

    pred, target (..., J, 3).
    """
    return ((pred - target).norm(dim=-1) * constant(JOINT_WEIGHTS, pred.dtype, pred.device)).mean()


def lifting_loss(
    lifter: nn.Module, batch: PoseSet, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Mean joint error of a lifter on a batch, metres.

    Draws nothing; generator is there so that all losses are called alike.
    """
    return mpjpe(lifter(batch.kp2d), batch.pose3d).mean()


def denoising_loss(
    model: DRPose,
    batch: PoseSet,
    *,
    generator: torch.Generator | None = None,
    initial_noise: float = INITIAL_NOISE,
) -> torch.Tensor:
    """Noise each pose of a batch to a random step, denoise it once, return the weighted joint error
    (METHOD: training).

    initial_noise (metres) is the spread of what is added to each coordinate of the initial pose, so
    that the denoiser learns to mend it.
    """
    steps, x0 = len(model.schedule), batch.pose3d
    on = {
        "generator": generator,
        "device": generator.device if generator is not None else x0.device,
    }

    def normal(n):
        return torch.randn(n, J, 3, dtype=x0.dtype, **on)

    t = own_rows(lambda n: torch.randint(steps, (n,), **on), len(x0)).to(x0.device)
    x_t = model.schedule.add_noise(x0, t, own_rows(normal, len(x0)).to(x0.device)).clamp(
        -CLIP, CLIP
    )
    x_init = model.initial_pose(batch.kp2d) if batch.initial is None else batch.initial[:, 0]
    if initial_noise:
        x_init = x_init + initial_noise * own_rows(normal, len(x0)).to(x0.device)
    pred = model.denoiser(x_t[:, None], x_init, model.denoiser.condition(batch.kp2d, t))
    return weighted_mpjpe(pred[:, 0], x0)


def denoise_fn(
    model: DRPose,
    kp2d: torch.Tensor,
    *,
    flip_test: bool = True,
    initial: torch.Tensor | None = None,
) -> DenoiseFn:
    """The model's (x_t, t) -> x0 for the images kp2d (B, J, 2); x_t and x0 (B, H, J, 3), both
    clamped to +-CLIP.

    What depends on kp2d alone is computed here, once. initial takes the lifter's place: (B, J, 3),
    mirrored for the mirrored pass, or (B, 2, J, 3), poses of the picture and of its mirror image
    (PoseSet.initial). flip_test averages with the mirrored pass. The networks run in chunks, so
    that their memory does not grow with B, in eval mode and without gradients.
    """
    _check_kp2d(kp2d)
    if (dtype := model.denoiser.time1.weight.dtype) != kp2d.dtype:
        raise ValueError(f"kp2d is {kp2d.dtype}, the model {dtype}: kp2d.to({dtype})")
    initial = None if initial is None else _both_sides(initial, len(kp2d))
    images_given = len(kp2d)

    # The mirrored pass (diffusion.with_flip) is the second half of the same batch: twice the rows,
    # half the calls.
    kp2d = torch.cat([kp2d, flip(kp2d)]) if flip_test else kp2d
    with _evaluating(model):
        x_init = (
            model.initial_pose(kp2d)
            if initial is None
            else initial.transpose(0, 1).flatten(0, 1)[: len(kp2d)]
        )

    def denoise(x_t: torch.Tensor, t: int) -> torch.Tensor:
        if x_t.ndim != 4 or len(x_t) != images_given:
            raise ValueError(
                f"x_t must be (B, H, {J}, 3) with the B = {images_given} of kp2d, got "
                f"{tuple(x_t.shape)}"
            )
        x_t = x_t.clamp(-CLIP, CLIP)
        x_t = torch.cat([x_t, flip(x_t)]) if flip_test else x_t
        images = max(1, _chunk(kp2d) // x_t.shape[1])
        x0 = torch.empty_like(x_t)
        with _evaluating(model):
            cond = model.denoiser.condition(kp2d, torch.full((len(kp2d),), t, device=kp2d.device))
            for out, *part in zip(
                x0.split(images), x_t.split(images), x_init.split(images), cond.split(images)
            ):
                out.copy_(
                    model.denoiser(*part)
                )  # at once: a captured CUDA graph writes each result over the last
        if flip_test:
            plain, mirrored = x0.chunk(2)
            x0 = (plain + flip(mirrored)) / 2
        return x0.clamp_(-CLIP, CLIP)

    return denoise


def sample_poses(
    model: DRPose,
    kp2d: torch.Tensor,
    *,
    hypotheses: int = 5,
    steps: int = 5,
    flip_test: bool = True,
    eta: float = 1.0,
    spacing: str | Sequence[int] = "linear",
    start: int | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    noise: torch.Tensor | None = None,
    initial: torch.Tensor | None = None,
) -> torch.Tensor:
    """Sample hypotheses for images kp2d (B, J, 2); returns the clean estimates of all steps, (K, B,
    H, J, 3), metres, joint 0 at the origin.

    [-1] are the hypotheses. generator: one, or one per hypothesis (hypothesis_generators), which
    keeps the first ones when H grows. spacing chooses the steps' times (CosineSchedule.timesteps);
    eta is how much noise each adds: 1 as published, 0 none. start: begin at that time with the
    initial pose, noised, in place of pure noise. With few steps, steps=8, spacing="quadratic",
    eta=0 is what benchmarks/spacings.py recommends. noise (K, B, H, J, 3) replays a run: noise[0]
    starts the chain, noise[i] ends step i; hypotheses and steps must then fit it. initial: poses in
    place of the lifter's, as denoise_fn takes them. Raises ValueError for arguments that do not fit
    together.
    """
    _check_kp2d(kp2d)
    if hypotheses < 1 or steps < 1:
        raise ValueError(f"hypotheses and steps must be at least 1, got {hypotheses} and {steps}")
    shape = (len(kp2d), hypotheses, J, 3)
    if noise is not None and tuple(noise.shape) != (steps, *shape):
        raise ValueError(
            f"noise must be (K, B, H, J, 3) = {(steps, *shape)}, got {tuple(noise.shape)}"
        )
    if isinstance(generator, Sequence) and len(generator) != hypotheses:
        raise ValueError(
            f"one generator per hypothesis: got {len(generator)} generators for {hypotheses} "
            "hypotheses"
        )

    if noise is not None:
        draws = iter(noise.to(kp2d))

        def draw():
            return next(draws)
    elif isinstance(generator, Sequence):
        one = (len(kp2d), J, 3)

        def draw():
            return torch.stack(
                [
                    torch.randn(one, generator=g, dtype=kp2d.dtype, device=g.device).to(kp2d)
                    for g in generator
                ],
                dim=1,
            )
    else:
        where = kp2d.device if generator is None else generator.device

        def draw():
            return torch.randn(shape, generator=generator, dtype=kp2d.dtype, device=where).to(kp2d)

    x = draw()
    if start is not None:
        times = model.schedule.timesteps(steps, spacing, start=start)
        initial = (
            _of_both_sides(model, kp2d) if initial is None else _both_sides(initial, len(kp2d))
        )
        pose = (initial[:, 0] + flip(initial[:, 1])) / 2 if flip_test else initial[:, 0]
        x = model.schedule.add_noise(pose[:, None], times[0], x)
    denoise = denoise_fn(model, kp2d, flip_test=flip_test, initial=initial)
    chain = ddim(
        denoise,
        x,
        model.schedule,
        steps,
        eta=eta,
        spacing=spacing,
        start=start,
        noise_sampler=lambda x: draw(),
    )
    samples = torch.stack([step.x0 for step in chain])
    samples[..., 0, :] = 0
    return samples


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout and no gradients inside; the model's mode is restored after."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _chunk(x: torch.Tensor) -> int:
    return CARD_CHUNK if x.device.type == "cuda" else CHUNK


def _check_kp2d(kp2d: torch.Tensor) -> None:
    if not isinstance(kp2d, torch.Tensor):
        raise TypeError(
            f"kp2d must be a torch tensor, got {type(kp2d).__name__}: torch.as_tensor(x, "
            "dtype=torch.float32)"
        )
    if kp2d.ndim != 3 or kp2d.shape[1:] != (J, 2):
        raise ValueError(
            f"kp2d must be (B, {J}, 2) Human3.6M joints in screen units, got {tuple(kp2d.shape)}"
        )
    if not torch.isfinite(kp2d).all():
        raise ValueError("kp2d holds NaN or infinite numbers: fill or drop missing joints first")
    if (
        kp2d.numel() and kp2d.abs().max() > 5
    ):  # screen units of anyone in or near the picture stay below 2
        raise ValueError(
            f"kp2d looks like pixels (up to {kp2d.abs().max():.0f}): normalize_screen(kp2d, width, "
            "height) first"
        )

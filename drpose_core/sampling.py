"""Sampling: pictures and a model -> hypotheses, in the steps of a diffusion chain."""

from collections.abc import Iterator, Sequence

import torch

from .diffusion import DenoiseFn, Step
from .layers import WIDTHS
from .model import CLIP, DRPose, chunk_size, evaluating, lifted_pair
from .settings import Sampling
from .skeleton import J, flip, mirror_mean
from .support import Noise, as_noise
from .widening import widened


def sample_poses(
    model: DRPose,
    kp2d: torch.Tensor,
    sampling: Sampling | None = None,
    *,
    noise: Noise | torch.Tensor | None = None,
    initial: torch.Tensor | None = None,
    rows: Sequence[int] | None = None,
    **overrides,
) -> torch.Tensor:
    """Sample hypotheses for pictures kp2d (B, J, 2) in screen units, or (B, J, 3) with the
    detector's confidence (PoseSet.observed), which some models read.

    Returns the clean estimates of all steps, (K, B, H, J, 3), metres, joint 0 at the origin; [-1]
    are the hypotheses. sampling: None takes the model's own (DRPose.sampling); overrides change
    single settings, such as hypotheses=50. noise: per_hypothesis, per_pose, or a tensor (K, B, H,
    J, 3) that replays a run: noise[0] starts the chain, noise[k] ends its k-th step. None is
    per_hypothesis(0). rows: the numbers of the pictures in their set, for the noise (default: 0 to
    B - 1). initial: poses to use instead of the lifter's, as in denoise_fn. Raises ValueError for
    arguments that do not fit together.
    """
    sampling = (sampling or model.sampling).but(**overrides)
    check_kp2d(kp2d, hidden=model.hides)
    if rows is not None and len(rows) != len(kp2d):
        raise ValueError(f"rows must number the {len(kp2d)} pictures, got {len(rows)} numbers")
    if isinstance(noise, torch.Tensor) and rows is None:
        wanted = (sampling.steps, len(kp2d), sampling.hypotheses, J, 3)
        if tuple(noise.shape) != wanted:
            raise ValueError(f"noise must be (K, B, H, J, 3) = {wanted}, got {tuple(noise.shape)}")
    chain = sampling_chain(model, kp2d, sampling, noise=as_noise(noise), initial=initial, rows=rows)
    samples = torch.stack([step.x0 for step in chain])
    samples[..., 0, :] = 0
    return widened(samples, sampling.widen)


def sampling_chain(
    model: DRPose,
    kp2d: torch.Tensor,
    sampling: Sampling,
    *,
    noise: Noise | None = None,
    initial: torch.Tensor | None = None,
    rows: Sequence[int] | None = None,
    first: int = 0,
    denoise: DenoiseFn | None = None,
) -> Iterator[Step]:
    """The steps of sample_poses one by one (diffusion.Step), joint 0 as it comes, not widened.

    first: the first hypothesis that is sampled, where those before it are there already. denoise:
    a function in place of denoise_fn's.
    """
    rows = range(len(kp2d)) if rows is None else rows
    hypotheses = range(first, sampling.hypotheses)
    draws = as_noise(noise)(rows, hypotheses, (J, 3))
    x = next(draws).to(kp2d)
    steps, schedule = sampling.steps, model.schedule
    when = {"spacing": sampling.spacing, "start": sampling.start}
    times = schedule.timesteps(steps, **when)
    if sampling.start is not None:
        if initial is None and kp2d.isnan().any():
            raise ValueError(
                "with joints hidden, a later start needs initial: the pose to start at"
            )
        initial = lifted_pair(model, kp2d) if initial is None else as_pair(initial, len(kp2d))
        pose = mirror_mean(initial) if sampling.flip_test else initial[:, 0]
        x = schedule.add_noise(pose[:, None], times[0], x)
    solvers = model.solvers(sampling.eta, lambda x: next(draws).to(x))
    if sampling.solver not in solvers:
        raise ValueError(
            f"the method {model.method} has no solver {sampling.solver!r}: choose from "
            f"{', '.join(solvers)}"
        )
    if denoise is None:
        denoise = denoise_fn(model, kp2d, flip_test=sampling.flip_test, initial=initial)
    return solvers[sampling.solver](denoise, x, schedule, steps, **when)


def denoise_fn(
    model: DRPose,
    kp2d: torch.Tensor,
    *,
    flip_test: bool = True,
    initial: torch.Tensor | None = None,
) -> DenoiseFn:
    """The model's (x_t, t) -> x0 for pictures kp2d (B, J, 2 or 3); x_t and x0 (B, H, J, 3), both
    clamped to +-CLIP.

    Everything that depends only on kp2d is computed once. initial: poses to use instead of the
    lifter's. (B, J, 3): the mirrored pass uses their mirror images. (B, 2, J, 3): poses of the
    picture and of its mirror image (PoseSet.initial). flip_test averages with the mirrored pass.
    The networks run in chunks, so that memory does not grow with B, in eval mode and without
    gradients.
    """
    check_kp2d(kp2d, hidden=model.hides)
    if (dtype := next(model.denoiser.parameters()).dtype) != kp2d.dtype:
        raise ValueError(f"kp2d is {kp2d.dtype}, the model {dtype}: kp2d.to({dtype})")
    initial = None if initial is None else as_pair(initial, len(kp2d))
    images_given = len(kp2d)

    # The mirrored pass is the second half of the same batch: twice the rows, half the calls.
    kp2d = torch.cat([kp2d, flip(kp2d)]) if flip_test else kp2d
    with evaluating(model):
        if initial is None:
            x_init = model.initial_pose(kp2d)
        else:
            x_init = initial.transpose(0, 1).flatten(0, 1)[: len(kp2d)]

    def denoise(x_t: torch.Tensor, t: int) -> torch.Tensor:
        if x_t.ndim != 4 or len(x_t) != images_given:
            raise ValueError(
                f"x_t must be (B, H, {J}, 3) with the B = {images_given} of kp2d, got "
                f"{tuple(x_t.shape)}"
            )
        x_t = torch.cat([x_t, flip(x_t)]) if flip_test else x_t
        images = max(1, chunk_size(kp2d) // x_t.shape[1])
        x0 = torch.empty_like(x_t)
        with evaluating(model):
            time = torch.full((len(kp2d),), t, device=kp2d.device)
            cond = model.denoiser.condition(kp2d, time)
            for out, *part in zip(*(x.split(images) for x in (x0, x_t, x_init, cond))):
                # Copied at once: a captured CUDA graph writes each result over the last.
                out.copy_(model.clean(*part, t))
        if flip_test:
            x0 = mirror_mean(x0.unflatten(0, (2, images_given)), dim=0)
        return x0.clamp_(-CLIP, CLIP)

    return denoise


def as_pair(initial: torch.Tensor, images: int) -> torch.Tensor:
    """Initial poses (B, J, 3), whose mirror images serve the mirrored pass, or (B, 2, J, 3) as
    they are -> (B, 2, J, 3).
    """
    initial = torch.stack([initial, flip(initial)], dim=1) if initial.ndim == 3 else initial
    if tuple(initial.shape) != (images, 2, J, 3):
        raise ValueError(
            f"initial must be (B, J, 3) or (B, 2, J, 3) with B = {images}, got "
            f"{tuple(initial.shape)}"
        )
    return initial


def check_kp2d(kp2d: torch.Tensor, *, hidden: bool = False) -> None:
    """Raise TypeError or ValueError if kp2d is not (B, J, 2) finite numbers in screen units, or
    (B, J, 3) with a confidence from 0 to 1; hidden: NaN may stand for joints not seen.
    """
    if not isinstance(kp2d, torch.Tensor):
        raise TypeError(
            f"kp2d must be a torch tensor, got {type(kp2d).__name__}: torch.as_tensor(x, "
            "dtype=torch.float32)"
        )
    if kp2d.ndim != 3 or kp2d.shape[1] != J or kp2d.shape[2] not in WIDTHS.values():
        raise ValueError(
            f"kp2d must be (B, {J}, 2) Human3.6M joints in screen units, or (B, {J}, 3) with the "
            f"detector's confidence, got {tuple(kp2d.shape)}"
        )
    kp2d, confidence = kp2d[..., :2], kp2d[..., 2:]
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("the confidence in kp2d, its third column, must lie between 0 and 1")
    kp2d = kp2d.nan_to_num(0.0, torch.inf, -torch.inf) if hidden else kp2d
    if not torch.isfinite(kp2d).all():
        raise ValueError("kp2d holds NaN or infinite numbers: fill or drop missing joints first")
    # screen units of anyone in or near the picture stay below 2
    if kp2d.numel() and kp2d.abs().max() > 5:
        raise ValueError(
            f"kp2d looks like pixels (up to {kp2d.abs().max():.0f}): normalize_screen(kp2d, width, "
            "height) first"
        )

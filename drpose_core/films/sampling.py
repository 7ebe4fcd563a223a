"""Films of any length in overlapping clips, joined in every denoising step: the chain is one sample
of the whole film, and no clip has a seam.
"""

from collections.abc import Sequence

import torch
from tqdm import tqdm

from ..data import PoseSet
from ..diffusion import DenoiseFn
from ..model import CLIP, DRPose, chunk_size, evaluating
from ..sampling import check_kp2d, sampling_chain
from ..settings import Sampling
from ..skeleton import flip, mirror_mean
from ..support import Noise, as_noise
from ..widening import widened
from .clips import FPS, Clips, When, triangle, windows
from .lifter import with_film_poses
from .noise import per_film

SEVERAL = 8  # passes through the networks in a step, from which on progress is shown


def sample_film(
    model: DRPose,
    poses: PoseSet,
    sampling: Sampling | None = None,
    *,
    fps: float = FPS,
    rows: Sequence[int] | None = None,
    noise: Noise | torch.Tensor | None = None,
    seed: int = 0,
    **overrides,
) -> torch.Tensor:
    """Hypotheses (N, H, J, 3) of a film's frames, metres, joint 0 at the origin, by a film model.

    poses: the frames of one film or of several, in any order; fps: at which poses.frame counts.
    rows: of which frames only; they get the numbers that the whole film would give them, up to
    rounding, and of the others only those are looked at that they depend on. So a long film can be
    sampled a part at a time. noise: None is per_film with the model's memory and seed. sampling
    and overrides as in sample_poses; poses.initial takes the lifter's place if it is there.
    """
    sampling = (sampling or model.sampling).but(**overrides)
    check_kp2d(poses.observed)
    clips = windows(poses, model.config.frames, fps=fps)
    noise = per_film(poses, model.config.memory, seed, fps=fps) if noise is None else noise
    rows = torch.arange(len(poses)) if rows is None else torch.as_tensor(list(rows))
    lifts = getattr(model.lifter, "sees_films", False)  # a frame's initial pose needs neighbours
    clips = depending(clips, rows.to(poses.device), sampling.steps + lifts)
    needed, clips = clips.rows.unique(), clips.compact()
    clips = with_film_poses(model, clips)
    passes = -(-len(clips) // clips_at_once(clips, sampling))
    hidden = passes < SEVERAL
    with tqdm(
        desc="film", total=passes * sampling.steps, leave=False, disable=hidden, mininterval=1
    ) as bar:
        chain = sampling_chain(
            model,
            clips.poses.observed,
            sampling,
            noise=as_noise(noise),
            initial=clips.poses.initial,
            rows=needed.tolist(),
            denoise=denoise_film(model, clips, sampling, progress=bar.update),
        )
        for step in chain:
            found = step.x0  # only the last is kept
    found = found[torch.searchsorted(needed, rows.to(needed.device))]
    found[..., 0, :] = 0
    return widened(found[None], sampling.widen)[0]


def depending(clips: Clips, rows: torch.Tensor, steps: int) -> Clips:
    """The clips that some rows need for so many denoising steps.

    A step mixes frames that share a clip; so a frame depends on the clips that hold it, in the step
    before on those that hold a frame of these, and so on.
    """
    needed = torch.zeros(len(clips.poses), dtype=torch.bool, device=rows.device)
    needed[rows] = True
    for _ in range(steps):
        chosen, before = needed[clips.rows].any(1), int(needed.sum())
        needed[clips.rows[chosen].flatten()] = True
        if int(needed.sum()) == before:  # whole runs
            break
    return clips[chosen]


def denoise_film(
    model: DRPose, clips: Clips, sampling: Sampling, *, progress=lambda passes: None
) -> DenoiseFn:
    """The model's (x_t, t) -> x0 for all frames of clips.poses, x_t and x0 (N, H, J, 3).

    Each frame is the mean over the clips that hold it, a clip's middle weighing most. clips.poses
    must have initial poses, and every pose must be in a clip. As denoise_fn, it runs in chunks, in
    eval mode, without gradients, clamps, and averages with the mirrored pass if
    sampling.flip_test. progress(1) is called after every pass.
    """
    poses, weights, flipped = clips.poses, triangle(clips), sampling.flip_test
    kp2d = poses.observed
    total = (
        torch.zeros(len(poses)).to(weights).index_add(0, clips.rows.flatten(), weights.flatten())
    )
    size = clips_at_once(clips, sampling)
    parts = [(clips[n : n + size], weights[n : n + size]) for n in range(0, len(clips), size)]

    def denoise(x_t: torch.Tensor, t: int) -> torch.Tensor:
        found = torch.zeros_like(x_t)
        with evaluating(model):
            for part, weight in parts:
                seen = kp2d[part.rows], poses.initial[part.rows], part.when()
                x0 = clean_clips(model, *seen, x_t[part.rows].transpose(1, 2), t, flipped)
                x0 = weight[..., None, None, None] * x0.transpose(1, 2)  # (B, F, H, J, 3)
                found.index_add_(0, part.rows.flatten(), x0.flatten(0, 1))
                progress(1)
        return found.div_(total[:, None, None, None]).clamp_(-CLIP, CLIP)

    return denoise


def clean_clips(
    model: DRPose,
    kp2d: torch.Tensor,
    initial: torch.Tensor,
    when: When,
    x_t: torch.Tensor,
    t: int,
    mirrored_too: bool,
) -> torch.Tensor:
    """One pass of the network: kp2d (B, F, J, 3), initial (B, F, 2, J, 3), x_t (B, H, F, J, 3) of
    clips -> x0 (B, H, F, J, 3), averaged with the mirrored pass if wanted.
    """
    x_init = initial[:, :, 0]
    if mirrored_too:  # the second half of the same batch
        kp2d, x_t = (torch.cat([x, flip(x)]) for x in (kp2d, x_t))
        x_init = torch.cat([x_init, initial[:, :, 1]])
        when = When(*(torch.cat([x, x]) for x in when))
    time = torch.full((len(kp2d),), t, device=kp2d.device)
    x0 = model.clean(x_t, x_init, model.denoiser.condition(kp2d, time), t, when)
    return mirror_mean(x0.unflatten(0, (2, -1)), dim=0) if mirrored_too else x0


def clips_at_once(clips: Clips, sampling: Sampling) -> int:
    """Clips per network pass."""
    poses = clips.rows.shape[1] * sampling.hypotheses * (1 + sampling.flip_test)
    return max(1, 2 * chunk_size(clips.poses.kp2d) // poses)

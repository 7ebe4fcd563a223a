"""A film as it comes: each frame is sampled once, when it is there, after those before it."""

import math
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import count

import torch

from ..data import PoseSet
from ..lifters import lift
from ..model import CLIP, DRPose, evaluating, with_initial_poses
from ..sampling import check_kp2d, sampling_chain
from ..settings import Sampling
from ..skeleton import J, flip
from ..widening import widened
from .clips import FPS, GAP, When
from .noise import white
from .sampling import clean_clips


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame that was sampled."""

    pose: PoseSet  # N = 1, with its initial poses
    states: list[torch.Tensor] = field(default_factory=list)  # (1, H, J, 3) before each step


class FilmStream:
    """A film model fed frame by frame, as by a camera.

    stream = FilmStream(model, hypotheses=5, fps=25)
    for frame in frames:                    # PoseSets of one pose, in order
        hypotheses = stream.push(frame)     # (H, J, 3), metres, joint 0 at the origin

    A frame looks at up to model.config.frames - 1 frames before it, as they were in the same
    denoising step; they are not sampled again. For a causal model (method "film-causal") whose
    lifter sees single pictures, these are the numbers that sample_film gives a film of one clip.
    A model that is not causal was trained with later frames, which it lacks here. After half a
    second without a frame, and in another sequence, the stream starts afresh. sampling, seed and
    overrides as in sample_film.
    """

    def __init__(
        self,
        model: DRPose,
        sampling: Sampling | None = None,
        *,
        fps: float = FPS,
        seed: int = 0,
        **overrides,
    ):
        self.sampling = (sampling or model.sampling).but(**overrides)
        self._model, self._fps = model, fps
        self._seen: deque[_Seen] = deque(maxlen=model.config.frames - 1)
        self._last: PoseSet | None = None
        # By step: a stream of white noise for each hypothesis, and what the last frame's noise was.
        hypotheses = range(self.sampling.hypotheses)
        self._white = [
            [white(seed, h, step, (J, 3)) for h in hypotheses]
            for step in range(self.sampling.steps + 1)
        ]
        self._noise: list[torch.Tensor | None] = [None] * len(self._white)

    def push(self, frame: PoseSet) -> torch.Tensor:
        """Hypotheses (H, J, 3) of the next frame. Raises ValueError unless it is one pose, and
        later than the last.
        """
        if len(frame) != 1:
            raise ValueError(f"a stream takes one pose at a time, got {len(frame)}")
        check_kp2d(frame.observed)
        self._follow(frame)
        now = _Seen(self._lifted(frame))
        clip = [*(seen.pose for seen in self._seen), now.pose]
        kp2d = torch.cat([pose.observed for pose in clip])[None]
        initial = torch.cat([pose.initial for pose in clip])[None]
        when = self._when(clip)

        def denoise(x_t: torch.Tensor, t: int) -> torch.Tensor:
            step = len(now.states)
            now.states.append(x_t)
            x = torch.stack([*(seen.states[step] for seen in self._seen), x_t], dim=2)
            mirrored_too = self.sampling.flip_test
            with evaluating(self._model):
                x0 = clean_clips(self._model, kp2d, initial, when, x, t, mirrored_too)
            return x0[:, :, -1].clamp(-CLIP, CLIP)

        given = {"noise": self._draws, "initial": now.pose.initial, "denoise": denoise}
        for step in sampling_chain(self._model, frame.observed, self.sampling, **given):
            found = step.x0
        self._seen.append(now)
        self._last = frame
        found[..., 0, :] = 0
        return widened(found, self.sampling.widen)[0]

    def _follow(self, frame: PoseSet) -> None:
        """Forget what was seen if the frame does not follow it; know how much noise it keeps."""
        last, self._keep = self._last, 0.0
        if last is None:
            return
        seconds = (int(frame.frame) - int(last.frame)) / self._fps
        same = int(frame.sequence) == int(last.sequence)
        if same and seconds <= 0:
            raise ValueError(f"frame {int(frame.frame)} comes after frame {int(last.frame)}")
        if not same or seconds > GAP:
            self._seen.clear()
        elif self._model.config.memory:
            self._keep = math.exp(-seconds / self._model.config.memory)

    def _draws(self, rows, hypotheses, shape):
        """The noise of the frame (1, H, J, 3), step by step: AR(1), as per_film's."""
        a = self._keep
        for step in count():
            new = torch.stack([next(stream) for stream in self._white[step]])[None]
            old = self._noise[step]
            self._noise[step] = (
                new if old is None or not a else a * old + math.sqrt(1 - a * a) * new
            )
            yield self._noise[step]

    def _lifted(self, frame: PoseSet) -> PoseSet:
        lifter = self._model.lifter
        if frame.initial is not None or not getattr(lifter, "sees_films", False):
            return with_initial_poses(self._model, frame)
        clip = [*(seen.pose for seen in self._seen), frame]
        kp2d, when = torch.cat([pose.observed for pose in clip])[None], self._when(clip)
        with evaluating(self._model):
            pair = [lift(lifter, x, when)[:, -1] for x in (kp2d, flip(kp2d))]
        return replace(frame, initial=torch.stack(pair, dim=1))

    def _when(self, clip: list[PoseSet]) -> When:
        frames = torch.cat([pose.frame for pose in clip])[None]
        seconds = (frames - frames[:, :1]).to(clip[0].kp2d) / self._fps
        return When(seconds, torch.ones_like(frames, dtype=torch.bool))

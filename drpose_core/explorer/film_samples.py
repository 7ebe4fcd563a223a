"""What the explorer samples of a film model: a frame together with its neighbours."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from ..data import PoseSet
from ..diffusion import Step
from ..films import Clips, denoise_film, per_film, windows, with_film_poses
from ..model import DRPose
from ..sampling import check_kp2d, sampling_chain
from .samples import Part, Samples, Wish, as_bytes


class FilmSamples(Samples):
    """Samples of a film model (FilmDRPose), whose frames are sampled a clip at a time.

    Clips are not joined here, so that moving a slider waits for one clip, not for a film. Hence
    hypotheses may jump a little from one clip to the next. In a film of one clip they are those of
    sample_film. A frame belongs to the first clip that holds it; the last clip of a film begins
    early enough to be full. fps: the rate at which poses.frame counts.
    """

    def __init__(self, model: DRPose, poses: PoseSet, *, fps: float):
        super().__init__(model, poses)
        self._fps = fps
        clips = windows(poses, model.config.frames, model.config.frames, fps=fps)
        # rows of each clip in the order of frames, and the clip to which each row belongs
        self._clips = [row[there].tolist() for row, there in zip(clips.rows, clips.there)]
        self._clip_of = {r: n for n in reversed(range(len(clips))) for r in self._clips[n]}

    def part(self, row: int) -> Part:
        number = self._clip_of[row]
        rows = self._clips[number]
        poses = self.poses[torch.tensor(rows, device=self.poses.device)]
        seen = as_bytes(poses.observed), as_bytes(poses.frame)
        if poses.initial is None:
            clip = self._clip(poses)
            initial = self._lifted(seen, lambda: with_film_poses(self._model, clip).poses.initial)
            poses = replace(poses, initial=initial)
        seen = *seen, as_bytes(poses.initial)
        return Part(rows, poses, {r: (r, *seen) for r in rows if self._clip_of[r] == number})

    def _clip(self, poses: PoseSet) -> Clips:
        rows = torch.arange(len(poses), device=poses.device)[None]
        return Clips(poses, rows, torch.ones_like(rows, dtype=torch.bool), self._fps)

    def _chain(self, part: Part, wish: Wish, have: int) -> Iterator[Step]:
        check_kp2d(part.poses.observed)
        memory = self._model.config.memory
        return sampling_chain(
            self._model,
            part.poses.observed,
            wish.sampling,
            noise=per_film(self.poses, memory, wish.seed, fps=self._fps),
            initial=part.poses.initial,
            rows=part.rows,
            first=have,
            denoise=denoise_film(self._model, self._clip(part.poses), wish.sampling),
        )

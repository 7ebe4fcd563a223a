"""What the explorer samples of a film model: a frame together with its neighbours."""

from collections.abc import Hashable, Iterator
from dataclasses import replace

from ..data import PoseSet
from ..diffusion import Step
from ..films import Clips, denoise_film, per_film, windows, with_film_poses
from ..model import DRPose
from ..sampling import sampling_chain
from .samples import Samples, Wish, as_bytes


class FilmSamples(Samples):
    """Samples of a film model (FilmDRPose), whose frames are sampled a clip at a time.

    Clips do not overlap here: who moves a slider waits for one clip, not for the whole film. So
    hypotheses may jump a little from one clip to the next. In a film of one clip they are those of
    sample_film. fps: at which poses.frame counts.
    """

    def __init__(self, model: DRPose, poses: PoseSet, *, fps: float):
        super().__init__(model, poses)
        self._fps = fps
        self._whole = windows(poses, model.config.frames, model.config.frames, fps=fps)

    def pose(self, row: int) -> PoseSet:
        rows, clip = self._clip(row)
        return clip.poses[rows.index(row)]

    def _clip(self, row: int) -> tuple[list[int], Clips]:
        """The rows of the clip that holds a row, and the clip over these rows alone, with initial
        poses.
        """
        whole = replace(self._whole, poses=self.poses)  # poses may be replaced, row for row
        number = int((whole.rows == row).any(1).nonzero()[0])
        length, clip = int(whole.there[number].sum()), whole[[number]]
        clip = replace(clip, rows=clip.rows[:, :length], there=clip.there[:, :length])
        rows, clip = sorted(clip.rows[0].tolist()), clip.compact()
        if clip.poses.initial is None:
            with self._lock:
                key = as_bytes(clip.poses.kp2d)
                if (initial := self._initial.get(key)) is None:
                    initial = with_film_poses(self._model, clip).poses.initial
                    self._initial.put(key, initial)
            clip = replace(clip, poses=replace(clip.poses, initial=initial))
        return rows, clip

    def _chain(self, wish: Wish, have: int) -> tuple[list[int], Iterator[Step]]:
        model, how = self._model, wish.sampling
        rows, clip = self._clip(wish.row)
        chain = sampling_chain(
            model,
            clip.poses.kp2d,
            how,
            noise=per_film(self.poses, model.config.memory, wish.seed, fps=self._fps),
            initial=clip.poses.initial,
            rows=rows,
            first=have,
            denoise=denoise_film(model, clip, how),
        )
        return rows, chain

    def _depends(self, row: int) -> Hashable:
        _, clip = self._clip(row)
        return row, as_bytes(clip.poses.kp2d), as_bytes(clip.poses.initial)

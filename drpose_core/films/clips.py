"""Clips of films: F frames that belong together, as indices into a PoseSet."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from ..data import PoseSet

FPS = 50.0  # at which the frame numbers of Human3.6M and of recorded motion count
GAP = 0.5  # seconds without a frame that end a run


class When(NamedTuple):
    """What a network is told of the frames of B clips besides their pictures."""

    seconds: torch.Tensor  # (B, F) from each clip's first frame, rising
    there: torch.Tensor  # (B, F) False for a frame that is missing, at which nobody looks


@dataclass(frozen=True, eq=False)
class Clips:
    """N clips of F frames of a PoseSet: indices, no copies. What train takes in place of a PoseSet.

    clips[index] are some of them, over the same poses; batch() is all of them as tensors.
    """

    poses: PoseSet
    rows: torch.Tensor  # (N, F) int64 rows of poses; a clip's frames in order
    there: torch.Tensor  # (N, F) False where a run is shorter than F, and its last row is repeated
    fps: float = FPS  # at which poses.frame counts
    mirrored: torch.Tensor | None = None  # (N,) clips seen in a mirror; None: none is

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index) -> "Clips":
        some = None if self.mirrored is None else self.mirrored[index]
        return replace(self, rows=self.rows[index], there=self.there[index], mirrored=some)

    @property
    def device(self) -> torch.device:
        return self.rows.device

    def describe(self) -> dict[str, str | int]:
        """That of the poses, with the number of clips and frames."""
        return self.poses.describe() | {"clips": len(self), "frames": self.rows.shape[1]}

    def mirrored_where(self, mask: torch.Tensor) -> "Clips":
        """The clips with those marked in mask (N,) seen in a mirror."""
        return replace(self, mirrored=mask if self.mirrored is None else self.mirrored ^ mask)

    def frames(self) -> PoseSet:
        """The frames of all clips, one after the other: N F poses."""
        found = self.poses[self.rows.flatten()]
        if self.mirrored is None:
            return found
        return found.mirrored_where(self.mirrored.repeat_interleave(self.rows.shape[1]))

    def compact(self) -> "Clips":
        """The same clips over a PoseSet of their own frames alone, in the order of the whole."""
        rows, place = self.rows.unique(return_inverse=True)
        return replace(self, poses=self.poses[rows], rows=place)

    def when(self) -> When:
        """Seconds from each clip's first frame, and which frames are there."""
        frame = self.poses.frame[self.rows]
        # integers first: late in a long film seconds in float32 are rough
        return When((frame - frame[:, :1]).to(self.poses.kp2d) / self.fps, self.there)


def runs(poses: PoseSet, *, fps: float = FPS, gap: float = GAP) -> list[torch.Tensor]:
    """The rows of frames that follow each other: one sequence, frame numbers rising, no pause
    longer than gap seconds. Every row is in one run; the rows of a set may have any order.
    """
    if not (fps > 0 and gap > 0):
        raise ValueError(f"fps and gap must be positive, got {fps} and {gap}")
    frame, sequence = poses.frame.cpu().numpy(), poses.sequence.cpu().numpy()
    order = np.lexsort((frame, sequence))
    pause = np.diff(frame[order])
    ends = (np.diff(sequence[order]) != 0) | (pause > gap * fps) | (pause == 0)
    parts = np.split(order, np.flatnonzero(ends) + 1) if len(order) else []
    return [torch.from_numpy(part).to(poses.device) for part in parts]


def windows(
    poses: PoseSet,
    length: int = 27,
    stride: int | None = None,
    *,
    fps: float = FPS,
    gap: float = GAP,
) -> Clips:
    """Clips of length frames, one every stride frames (None: half a length, rounded up), that
    together hold every frame.

    A clip lies within one run (runs), whose last clip is moved back to end with it; a run shorter
    than length gives one clip with missing frames at its end. fps: at which poses.frame counts; 50
    for the sources here, whatever their stride. Frames need not be evenly spaced: networks get
    seconds. Raises ValueError for a length or stride below 1, or a stride above length.
    """
    stride = (length + 1) // 2 if stride is None else stride
    if length < 1 or not 1 <= stride <= length:
        raise ValueError(
            f"length must be at least 1 and stride from 1 to length, got {length} and {stride}"
        )
    rows, there = [], []
    for run in runs(poses, fps=fps, gap=gap):
        last = max(len(run) - length, 0)
        first = torch.arange(0, last + stride, stride, device=run.device).clamp(max=last)
        place = first[:, None] + torch.arange(length, device=run.device)
        rows.append(run[place.clamp(max=len(run) - 1)])
        there.append(place < len(run))
    if not rows:
        raise ValueError("the pose set is empty: nothing to make clips of")
    return Clips(poses, torch.cat(rows), torch.cat(there), fps)


def triangle(clips: Clips) -> torch.Tensor:
    """Weights (N, F): 1, 2, ... up to the middle and down again to 1; 0 for missing frames."""
    rise = torch.arange(1, clips.rows.shape[1] + 1, device=clips.device)
    return torch.minimum(rise, rise.flip(0)) * clips.there.to(clips.poses.kp2d)


def mean_over_clips(clips: Clips, each: torch.Tensor) -> torch.Tensor:
    """What each clip says of its frames, (N, F, ...) -> one value a pose, (len(poses), ...): the
    mean over the clips that hold it, a clip's middle weighing most.
    """
    weights, rows = triangle(clips).flatten(), clips.rows.flatten()
    values = each.flatten(0, 1) * weights.view(-1, *[1] * (each.ndim - 2))
    total = weights.new_zeros(len(clips.poses)).index_add(0, rows, weights)
    found = values.new_zeros(len(clips.poses), *each.shape[2:]).index_add(0, rows, values)
    return found / total.view(-1, *[1] * (each.ndim - 2))

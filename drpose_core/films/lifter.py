"""A lifter that sees time: DC-GCT, with a branch over the frames of a clip after each block."""

from dataclasses import replace

import torch
from torch import nn

from ..data import PoseSet
from ..layers import bfloat16
from ..lifters import DCGCT, LIFTERS, lift
from ..losses import lifting_loss
from ..model import DRPose, chunk_size, evaluating, with_initial_poses
from ..skeleton import flip
from .clips import Clips, When, mean_over_clips
from .denoiser import FrameAttention
from .model import MOTION, mean_where, moved


class FrameBranch(nn.Module):
    """x + gate * attention over the frames of norm(x), joint by joint; the gate starts at zero.
    Rows are frames, one clip after the other: x (B F, J, C).
    """

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = FrameAttention(channels, heads, causal=False)
        self.gate = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor, when: When) -> torch.Tensor:
        return x + self.gate * self.attention(self.norm(x)[:, None], when)[:, 0]


class FilmDCGCT(DCGCT):
    """kp2d (B, F, J, 2 or 3) screen units, of clips whose frames are at when -> poses (B, F, J, 3)
    metres, camera frame. Pictures (B, J, 2) -> (B, J, 3) as DC-GCT, and so are clips until it is
    trained.

    Any module with sees_films = True and these two ways of calling is a lifter of films, once it is
    registered in LIFTERS.
    """

    sees_films = True

    def __init__(
        self,
        channels: int = 160,
        narrow: int = 32,
        depth: int = 3,
        heads: int = 8,
        confidence: bool = False,
    ):
        super().__init__(channels, narrow, depth, heads, confidence)
        self.branches = nn.ModuleList(FrameBranch(channels, heads) for _ in range(depth))

    @classmethod
    def of(cls, image: DCGCT) -> "FilmDCGCT":
        """One with the weights of a DC-GCT."""
        lifter = cls(confidence=image.confidence)
        lacking = lifter.load_state_dict(image.state_dict(), strict=False)
        assert not lacking.unexpected_keys and all("branches." in k for k in lacking.missing_keys)
        return lifter.train(image.training)

    def forward(self, kp2d: torch.Tensor, when: When | None = None) -> torch.Tensor:
        if kp2d.ndim == 3:  # clips of one frame, to which the branches add exactly nothing
            alone = When(kp2d.new_zeros(len(kp2d), 1), kp2d.new_ones(len(kp2d), 1).bool())
            return self(kp2d[:, None], alone)[:, 0]
        if when is None:
            raise ValueError("clips need to be told when their frames are: pass Clips.when()")
        x = self.embed(kp2d.flatten(0, 1)) + self.joint_embedding
        with bfloat16(x, self.bf16):
            for block, branch in zip(self.blocks, self.branches):
                x = branch(block(x), when)
        return self.output(self.norm(x)).unflatten(0, kp2d.shape[:2])


LIFTERS["dcgct-film"] = FilmDCGCT


def film_lifting_loss(
    lifter: nn.Module,
    batch: Clips | PoseSet,
    *,
    generator: torch.Generator | None = None,
    motion: float = MOTION,
) -> torch.Tensor:
    """Mean joint error of a film lifter on clips, metres, and motion times the error of the way
    that a joint moves in 40 ms. Missing frames do not count. A PoseSet is a batch of pictures.

    It draws no random numbers; the argument generator is there because all losses have it.
    """
    if isinstance(batch, PoseSet):
        return lifting_loss(lifter, batch, generator=generator)
    batch.poses.require_truth("film_lifting_loss")
    frames, when = batch.frames(), batch.when()
    kp2d, truth = (x.unflatten(0, batch.rows.shape) for x in (frames.observed, frames.pose3d))
    error = lift(lifter, kp2d, when) - truth
    value = mean_where(error.norm(dim=-1), when.there)
    if motion and error.shape[1] > 1:
        way, both = moved(error, when)
        value = value + motion * mean_where(way.norm(dim=-1), both)
    return value


def with_film_poses(model: DRPose, clips: Clips) -> Clips:
    """Clips whose frames have initial poses (PoseSet.initial): those that they have already, or
    those of the model's lifter. A lifter of films sees each clip, and a frame's pose is the mean
    over the clips that hold it, a clip's middle weighing most; others see each frame.
    """
    poses = clips.poses
    if poses.initial is not None or not getattr(model.lifter, "sees_films", False):
        return replace(clips, poses=with_initial_poses(model, poses))
    size = max(1, chunk_size(poses.kp2d) // clips.rows.shape[1])

    def lifted(kp2d: torch.Tensor) -> torch.Tensor:
        parts = (clips[n : n + size] for n in range(0, len(clips), size))
        each = torch.cat([lift(model.lifter, kp2d[part.rows], part.when()) for part in parts])
        return mean_over_clips(clips, each)

    with evaluating(model):
        pair = torch.stack([lifted(poses.observed), lifted(flip(poses.observed))], dim=1)
    return replace(clips, poses=replace(poses, initial=pair))

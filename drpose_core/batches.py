"""A set of poses in batches, in order or shuffled, and mirrored too."""

from collections.abc import Iterator

import torch

from .data import PoseSet


def batches(
    poses: PoseSet,
    batch_size: int,
    *,
    shuffle: bool = False,
    augment: bool = False,
    generator: torch.Generator | None = None,
) -> Iterator[PoseSet]:
    """Split the set into batches, each a PoseSet on the set's device; the last may be smaller.

    augment also yields every pose mirrored, so that an epoch has 2 N poses, as published. shuffle
    draws the order from generator (CPU).
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if len(poses) == 0:
        raise ValueError("the pose set is empty: nothing to make batches of")
    rows = len(poses) * (2 if augment else 1)
    order = torch.randperm(rows, generator=generator) if shuffle else torch.arange(rows)
    order = order.to(poses.device)
    for index in order.split(batch_size):
        batch = poses[index % len(poses)]
        if augment:
            batch = batch.mirrored_where(index >= len(poses))
        yield batch

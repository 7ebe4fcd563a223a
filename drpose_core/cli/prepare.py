"""The command that looks at a source of poses."""

from pathlib import Path

from ..data import PoseSet
from ..sources import load_poses
from .words import Source


def command(
    source: Source = "synthetic", data: Path | None = None, out: Path | None = None
) -> None:
    """Read a source of poses, check it, and print a summary.

    Args:
        source: Where the poses come from.
        data: The folder with the source's files (default: data/); people and synthetic need none.
        out: Also write <source>_train.npz and <source>_test.npz into this folder, for PoseSet.load.
    """
    for split in ("train", "test"):
        poses = load_poses(source, split, data)
        print(
            f"{split:5s} {len(poses):>9,} poses, {len(poses.sequences):,} sequences, "
            f"{len(poses.actions)} actions: {poses.source}"
        )
        if out:
            poses.save(path := out / f"{source}_{split}.npz")
            print(f"      written to {path}, {len(PoseSet.load(path)):,} poses read back")

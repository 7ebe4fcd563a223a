"""The commands that fetch and look at poses."""

from pathlib import Path

import tyro

from ..data import PoseSet
from ..sources import download_cmu, load_poses
from .words import Source


def prepare(source: Source = "synthetic", data: Path | None = None, out: Path | None = None) -> None:
    """Read a source of poses, check it, and say what is in it.

    Args:
        source: Where the poses come from.
        data: The folder with the source's files (default: data/); synthetic needs none.
        out: Also write <source>_train.npz and <source>_test.npz into this folder, for PoseSet.load.
    """
    for split in ("train", "test"):
        poses = load_poses(source, split, data)
        print(f"{split:5s} {len(poses):>9,} poses, {len(poses.sequences):,} sequences, {len(poses.actions)} actions: {poses.source}")
        if out:
            poses.save(path := out / f"{source}_{split}.npz")
            print(f"      written to {path}, {len(PoseSet.load(path)):,} poses read back")


def download(folder: tyro.conf.Positional[Path], subjects: tyro.conf.Positional[tuple[str, ...]]) -> None:
    """Fetch subjects of the CMU motion capture database from its own site; run again to resume.

    The data is free for research and may not be resold; data/README.md has its terms and how to credit it.

    Args:
        folder: Where to put them, for example data/cmu.
        subjects: Their numbers, for example 02 16 35.
    """
    files = download_cmu(folder, subjects)
    print(f"{len(files)} files in {folder}; now: make tour SOURCE=cmu DATA={folder}")

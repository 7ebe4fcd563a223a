"""The command that fetches recordings of the CMU motion capture database."""

from pathlib import Path

import tyro

from ..sources import download_cmu


def command(
    folder: tyro.conf.Positional[Path], subjects: tyro.conf.Positional[tuple[str, ...]]
) -> None:
    """Download subjects of the CMU motion capture database from its site; run again to resume.

    The data is free for research and may not be resold; data/README.md has its terms and how to
    credit it.

    Args:
        folder: Where to put them, for example data/cmu.
        subjects: Their numbers, for example 02 16 35.
    """
    files = download_cmu(folder, subjects)
    print(f"{len(files)} files in {folder}; now: make tour SOURCE=cmu DATA={folder}")

"""What the notebooks' tour asks of the machine:

fast mode, the source of its poses, the project's folder.
"""

import os
from pathlib import Path


def fast_mode() -> bool:
    """True when DRPOSE_FAST is set (and not 0): notebooks then take their smallest sizes."""
    return os.environ.get("DRPOSE_FAST", "0") not in ("", "0")


def tour_source() -> tuple[str, Path | None]:
    """Where the notebooks take their poses from: (DRPOSE_SOURCE or "synthetic", folder DRPOSE_DATA
    or None).

    A relative folder is meant from the project's root, wherever the notebook's kernel runs.
    """
    folder = os.environ.get("DRPOSE_DATA")
    return os.environ.get("DRPOSE_SOURCE") or "synthetic", project_root() / Path(
        folder
    ).expanduser() if folder else None


def project_root() -> Path:
    """The folder that holds notebooks/, data/ and checkpoints/; output goes to its output/."""
    return Path(__file__).resolve().parents[2]

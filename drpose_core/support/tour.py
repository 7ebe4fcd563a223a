"""What the notebooks ask of the machine: fast mode, the source of their poses, the project's
folder.
"""

import os
from pathlib import Path


def fast_mode() -> bool:
    """True when DRPOSE_FAST is set (and not 0): notebooks then take their smallest sizes."""
    return os.environ.get("DRPOSE_FAST", "0") not in ("", "0")


def tour_source(otherwise: str = "synthetic") -> tuple[str, Path | None]:
    """The source of the notebooks' poses: (DRPOSE_SOURCE or otherwise, folder DRPOSE_DATA or
    None).

    A relative folder is taken relative to the project's root, not to the notebook's kernel.
    """
    folder = os.environ.get("DRPOSE_DATA")
    return os.environ.get("DRPOSE_SOURCE") or otherwise, project_root() / Path(
        folder
    ).expanduser() if folder else None


def project_root() -> Path:
    """The folder that holds data/, checkpoints/ and output/.

    In a clone of the repository it is the clone, from whatever folder inside it you work. If the
    package was installed from a wheel, it is the working directory.
    """
    here, installed = Path.cwd(), Path(__file__).resolve().parents[2]
    return next((folder for folder in (installed, here, *here.parents) if _is_clone(folder)), here)


def _is_clone(folder: Path) -> bool:
    """Whether a folder holds the notebooks beside the package, as site-packages never does."""
    return (folder / "drpose_core").is_dir() and (folder / "notebooks/01_data.ipynb").is_file()

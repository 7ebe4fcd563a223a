"""Which code is running: for records, so that a result can be traced to what computed it."""

import platform
import subprocess
from importlib.metadata import version

from .tour import project_root


def versions() -> dict[str, str]:
    """Versions of Python, the kit and the libraries that decide numbers."""
    return {"python": platform.python_version()} | {
        name: version(name) for name in ("drpose", "torch", "numpy")
    }


def git_commit() -> dict | None:
    """The kit's commit, and whether files differ from it; None where there is no git."""

    def git(*words):
        return subprocess.run(
            ["git", *words], cwd=project_root(), capture_output=True, text=True, check=True
        ).stdout

    try:
        return {
            "commit": git("rev-parse", "HEAD").strip(),
            "changed": bool(git("status", "--porcelain", "--untracked-files=no").strip()),
        }
    except (OSError, subprocess.CalledProcessError):
        return None

"""Work that is kept: fingerprints, trainings that resume, tables of ablations."""

from .fingerprint import fingerprint
from .resumable import train_in
from .runs import history, run_folder, runs
from .sweep import sweep

__all__ = [
    "fingerprint",
    "history",
    "run_folder",
    "runs",
    "sweep",
    "train_in",
]

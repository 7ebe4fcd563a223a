"""Work that is kept: fingerprints, trainings that resume, tables of ablations."""

from .fingerprint import fingerprint
from .runs import history, run_folder, runs, train_in
from .sweep import sweep

__all__ = [
    "fingerprint",
    "history",
    "run_folder",
    "runs",
    "sweep",
    "train_in",
]

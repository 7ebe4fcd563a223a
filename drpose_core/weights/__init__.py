"""Weights and poses from files: checkpoints, the published layout, predictions made elsewhere."""

from .checkpoints import (
    DEFAULT,
    FILM,
    checkpoint_record,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from .foreign_poses import save_predictions, with_predictions
from .load import PICKLED, load_model
from .published import TRAINED_ON, export_published, load_published, load_published_lifter

__all__ = [
    "DEFAULT",
    "FILM",
    "PICKLED",
    "TRAINED_ON",
    "checkpoint_record",
    "export_published",
    "latest_checkpoint",
    "load_checkpoint",
    "load_model",
    "load_published",
    "load_published_lifter",
    "save_checkpoint",
    "save_predictions",
    "with_predictions",
]

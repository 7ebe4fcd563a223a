"""Predictions and scores -> films and files for other programs and for readers.

The report needs plotly and is asked for by its own name, output.report.
"""

from .angles import joint_angles
from .export import check_path, suffix_of, write_predictions
from .film import Film
from .floor import Floor, estimate_floor
from .overlay import check_overlay, overlay

__all__ = [
    "Film",
    "Floor",
    "check_overlay",
    "check_path",
    "estimate_floor",
    "joint_angles",
    "overlay",
    "suffix_of",
    "write_predictions",
]

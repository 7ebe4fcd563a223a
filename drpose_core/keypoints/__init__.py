"""People in your own pictures: a detector's keypoints in, poses that a model takes out."""

from .checks import ENOUGH
from .conversion import to_h36m
from .detectors import DETECTORS
from .files import one_frame, read_files
from .formats import FORMATS, conversion_table
from .images import FILMS, PICTURES, detect_keypoints, kept_in, plausible_rate
from .keypoints import LEAST, Keypoints, read_keypoints
from .opened import bare_name
from .people import film_of
from .plausible import filled
from .viewpoint import FIELD_OF_VIEW, picture_frame, pinhole, training_view

__all__ = [
    "DETECTORS",
    "ENOUGH",
    "FIELD_OF_VIEW",
    "FILMS",
    "FORMATS",
    "LEAST",
    "PICTURES",
    "Keypoints",
    "bare_name",
    "conversion_table",
    "detect_keypoints",
    "filled",
    "film_of",
    "kept_in",
    "one_frame",
    "picture_frame",
    "pinhole",
    "plausible_rate",
    "read_files",
    "read_keypoints",
    "to_h36m",
    "training_view",
]

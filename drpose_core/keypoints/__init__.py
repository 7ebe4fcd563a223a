"""People in your own pictures: a detector's keypoints in, poses that a model takes out."""

from .files import read_files
from .formats import FORMATS, conversion_table
from .images import FILMS, PICTURES, detect_keypoints
from .keypoints import LEAST, Keypoints, read_keypoints
from .viewpoint import FIELD_OF_VIEW, picture_frame, pinhole, training_view

__all__ = [
    "FIELD_OF_VIEW",
    "FILMS",
    "FORMATS",
    "LEAST",
    "PICTURES",
    "Keypoints",
    "conversion_table",
    "detect_keypoints",
    "picture_frame",
    "pinhole",
    "read_files",
    "read_keypoints",
    "training_view",
]

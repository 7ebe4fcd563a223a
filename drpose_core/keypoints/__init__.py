"""People in your own pictures: a detector's keypoints in, poses that a model takes out."""

from .formats import FORMATS
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
    "detect_keypoints",
    "picture_frame",
    "pinhole",
    "read_keypoints",
    "training_view",
]

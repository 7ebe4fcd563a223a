"""What detectors return in a notebook -> dictionaries, lists and arrays, as their files have them.

No detector is imported: an object is known by its attributes.
"""

import numpy as np
import torch

from .person import Person


def plain(given):
    """Results of ultralytics and MediaPipe, and tensors, as plain data; lists item by item."""
    if given is None or isinstance(given, str | int | float | dict | np.ndarray):
        return given
    if isinstance(given, torch.Tensor):
        return given.detach().cpu().numpy()
    if isinstance(given, list | tuple):
        return [plain(item) for item in given]
    if hasattr(given, "pose_landmarks"):
        return {"pose_landmarks": _landmarks(given.pose_landmarks)}
    if hasattr(given, "orig_shape"):
        return _ultralytics(given)
    return given


def _ultralytics(given) -> dict:
    """A picture's Results, or its Keypoints alone."""
    found = given.keypoints if hasattr(given, "keypoints") else given
    boxes = getattr(given, "boxes", None)
    data = np.zeros((0, 17, 3)) if found is None else np.asarray(plain(found.data), dtype=float)
    if data.shape[-1] == 2:
        data = np.concatenate([data, np.ones((*data.shape[:-1], 1))], axis=-1)
    ids = None if boxes is None or boxes.id is None else np.asarray(plain(boxes.id)).tolist()
    people = [
        Person(row, None if ids is None else int(ids[n])) for n, row in enumerate(data) if row.size
    ]
    height, width = given.orig_shape
    return {"people": people, "image_size": [int(width), int(height)]}


def _landmarks(found):
    """Of one person (a protobuf with .landmark), or of several (lists)."""
    if found is None:
        return []
    if hasattr(found, "landmark"):
        return [_point(point) for point in found.landmark]
    if len(found) and hasattr(found[0], "x"):
        return [_point(point) for point in found]
    return [[_point(point) for point in person] for person in found]


def _point(point) -> dict:
    return {"x": point.x, "y": point.y, "visibility": point.visibility}

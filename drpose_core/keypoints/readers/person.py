"""One person's keypoints, in any of the ways in which tools write them -> (K, 3)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..formats import FORMATS, LONGER
from ..found import LARGEST
from ..names import format_of_names

KEYPOINTS = ("keypoints", "pose_keypoints_2d", "pose_keypoints", "joints", "landmarks", "pose")
SCORES = ("keypoint_scores", "keypoints_scores", "scores", "score")  # where they are a list
WHO = ("track_id", "idx", "person_id", "tracking_id")
SURE = ("score", "visibility", "confidence", "conf", "likelihood")  # of one keypoint
KNOWN = {len(form.joints) for form in FORMATS.values()} | set(LONGER)


class Person(NamedTuple):
    row: np.ndarray  # (K, 3) x, y, confidence
    who: int | None = None  # the tool's number
    format: str | None = None  # where names of joints tell it


def person(item) -> Person:
    """One person, of a dictionary with keypoints or of the keypoints alone. ValueError says what
    is wrong.
    """
    if isinstance(item, Person):
        return item
    who, scores = None, None
    if isinstance(item, Mapping):
        key = next((name for name in KEYPOINTS if name in item), None)
        if key is None and not item.keys() & {"x", "y"}:
            some = ", ".join(map(repr, list(item)[:3]))
            raise ValueError(f"a person has {some}, no keypoints" if item else "a person is empty")
        name = next((name for name in WHO if name in item), None)
        who = whom(item[name], name) if name else None
        scores = next((item[n] for n in SCORES if isinstance(item.get(n), list | np.ndarray)), None)
        item = item if key is None else item[key]
        if isinstance(item, Mapping) and "keypoints" in item:  # ml5 wraps a pose once more
            return person(item)._replace(who=who)
    if item is None or not len(item):
        raise ValueError("a person has no keypoints of a body")
    if isinstance(item, Mapping):
        return _by_name(*_columns(item), who)
    if isinstance(item, list | tuple) and all(isinstance(point, Mapping) for point in item):
        return _by_name(*_points(item), who)
    return Person(_row(item, scores), who)


def whom(given, name: str) -> int | None:
    """A person's number; None where the tool did not follow people: OpenPose then has person_id
    [-1], AlphaPose a list for idx.
    """
    if name == "person_id" and isinstance(given, list) and len(given) == 1:
        given = given[0]
    try:
        number = float(-1 if given is None or isinstance(given, bool | list) else given)
    except (TypeError, ValueError):
        return None
    return int(number) if 0 <= number < LARGEST else None


def _by_name(row: np.ndarray, names: list[str] | None, who: int | None) -> Person:
    if names is None:
        return Person(row, who)
    form, places = format_of_names(names)
    full = np.full((len(FORMATS[form].joints), 3), np.nan)
    for values, name in zip(row, names):
        if name in places:
            full[places[name]] = values
    return Person(full, who, form)


def _columns(item: Mapping) -> tuple[np.ndarray, list[str] | None]:
    """{"x": [...], "y": [...], "visible": [...]} of ultralytics, or {joint: [x, y, confidence]}."""
    if "x" in item and "y" in item:
        x = np.array(item["x"], dtype=float)
        sure = item.get("visible")
        columns = x, item["y"], np.ones(len(x)) if sure is None else sure
        return np.column_stack([np.array(column, dtype=float) for column in columns]), None
    names = list(item)
    if all(isinstance(point, Mapping) for point in item.values()):
        return _points(list(item.values()))[0], names
    return _row(list(item.values()), None), names


def _points(points: list[Mapping]) -> tuple[np.ndarray, list[str] | None]:
    """[{"x", "y", "score" or "visibility", "name"}, ...] of TensorFlow.js and MediaPipe."""
    row, names = [], []
    for point in points:
        place = point.get("position", point)
        sure = next((point[name] for name in SURE if point.get(name) is not None), 1.0)
        row.append([place.get("x", np.nan), place.get("y", np.nan), sure])
        names.append(point.get("name", point.get("part")))
    row = np.array(row, dtype=float)
    if not np.isfinite(row[:, :2]).any():
        raise ValueError("keypoints of a person have no x and y")
    return row, names if all(isinstance(name, str) for name in names) else None


def _row(keypoints, scores) -> np.ndarray:
    """Numbers: x, y, confidence in a row or in threes, or pairs with the confidence apart."""
    try:
        values = np.array(keypoints, dtype=float)
        sure = None if scores is None else np.array(scores, dtype=float).ravel()
    except (TypeError, ValueError):
        raise ValueError("keypoints of a person are not numbers, or not alike in length") from None
    if values.size == 4 * 33:  # x, y, z, visibility of MediaPipe
        values = values.reshape(33, 4)
    if values.ndim == 1:
        pairs = not values.size % 2 and (
            (sure is not None and 2 * sure.size == values.size)
            or (values.size // 2 in KNOWN and (values.size % 3 or values.size // 3 not in KNOWN))
        )
        if not pairs and (values.size % 3 or not values.size):
            raise ValueError(
                f"keypoints of a person are {values.size} numbers, not x, y, confidence in a row"
            )
        values = values.reshape(-1, 2 if pairs else 3)
    if values.ndim != 2 or values.shape[1] not in (2, 3, 4):
        raise ValueError(f"keypoints of a person are {values.shape}, not (joints, 2)")
    if values.shape[1] == 4:
        values = values[:, [0, 1, 3]]
    if values.shape[1] == 3 and sure is None:
        return values
    if values.shape[1] == 3:
        raise ValueError("keypoints of a person have three coordinates and a score: 3D, not 2D")
    sure = np.ones(len(values)) if sure is None else sure
    if sure.shape != values.shape[:1]:
        raise ValueError(f"{len(values)} keypoints have {sure.shape} scores")
    return np.column_stack([values, sure])

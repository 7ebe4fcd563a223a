"""What stands in a detector's file -> people, by a table of layouts: the first that fits reads it.

To add a tool, write one function (readers/tools.py shows what it gets and gives) and add a row.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..found import BAD, LARGEST, Found, OwnPoses, numbered, same_count
from . import arrays, tools
from .facts import facts
from .objects import plain
from .person import person

__all__ = ["LAYOUTS", "plain", "read_content"]


class Layout(NamedTuple):
    tool: str
    frames: Callable  # content -> [(what the file calls the frame, its people)], None if not this
    keys: frozenset[str] = frozenset()  # by which a file that cannot be read resembles it
    every: bool = True  # frames of nobody stand in the file too
    least: float | None = None  # confidence, where the tool's is of another kind than most


def _row(tool: str, frames: Callable, keys: str = "", **more) -> Layout:
    return Layout(tool, frames, frozenset(keys.split()), **more)


LAYOUTS = (
    _row("drpose predict", tools.own_poses),
    _row("a data set", tools.annotations),
    _row("MMPose", tools.mmpose, "meta_info instance_info instances keypoint_scores bbox_score"),
    _row("MMPoseInferencer or OpenPifPaf", tools.inferencer, "predictions visualization"),
    _row("OpenPose", tools.openpose, "people pose_keypoints_2d pose_keypoints part_candidates"),
    _row("AlphaPose, by picture", tools.by_picture, "bodies joints"),
    _row("AlphaPose or COCO results", tools.results, "image_id category_id", every=False),
    _row("tracked people", tools.by_track, "scores", every=False),
    _row("Kinetics-skeleton", tools.kinetics, "skeleton frame_index label_index has_skeleton"),
    _row("MediaPipe", tools.mediapipe, "landmarks pose_landmarks landmark visibility presence"),
    _row("ultralytics, TensorFlow.js or MMPose", tools.people, "keypoints box track_id"),
    _row("YOLO labels", tools.labels),
    _row("VideoPose3D", arrays.videopose3d, "positions_2d layout_name"),
    _row("VideoPose3D's Detectron", arrays.detectron, "boxes segments", least=0.05),
    _row("arrays by name", arrays.named),
    _row("arrays", arrays.arrays),
)


def read_content(content) -> Found:
    """People of JSON's dictionaries and lists, of arrays (alone, in a list, by name), of YOLO's
    lines, or of what a detector returned. ValueError says what is wrong, and what it resembles.

    A person that cannot be read is left out, and named in refused.
    """
    for layout in LAYOUTS:
        try:
            frames = layout.frames(content)
            known = facts(content) if frames is not None else {}
        except OwnPoses:
            raise
        except BAD as error:
            raise ValueError(_reason(error)) from None
        if frames is not None:
            return _found(layout, list(frames), known)
    raise ValueError(_unknown(content))


def _found(layout: Layout, frames: list[tuple[object, list]], known: dict) -> Found:
    found = Found(**known, least=layout.least)
    numbers = numbered([name for name, _ in frames])
    if any(name is not None for name, _ in frames) and numbers == list(range(len(frames))):
        odd = [name for name, _ in frames if not isinstance(name, str) and not _number(name)]
        if odd:
            found.notes.append(f"frames numbered in the order of the file: {odd[0]!r} is no number")
    if layout.every and len(set(numbers)) < len(numbers):
        found.notes.append("frames numbered in the order of the file: a number occurs twice")
        numbers = list(range(len(frames)))
    kinds = set()
    order = sorted(range(len(frames)), key=numbers.__getitem__)
    for n in order:
        people = frames[n][1] or ()
        if not isinstance(people, list | tuple):
            raise ValueError(f"it has one {type(people).__name__} where people should be listed")
        for item in people:
            try:
                row, who, form = person(item)
            except BAD as error:
                found.refused.append((numbers[n], _reason(error)))
                continue
            kinds.add(form)
            found.rows.append(row)
            found.person.append(who)
            found.frame.append(numbers[n])
    if len(kinds) == 1 and None not in kinds:
        found.format = kinds.pop()
    if layout.every:
        found.looked = sorted(set(numbers))
    return same_count(found)


def _number(name) -> bool:
    return isinstance(name, int | float) and abs(name) < LARGEST


def _reason(error: Exception) -> str:
    lacks = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(lacks.split())


def _unknown(content) -> str:
    """What the content is, and which layouts it resembles."""
    keys = _keys(content)
    if not keys:
        if content == {}:
            return "it is empty"
        if isinstance(content, list):
            return "it is a list, but not of people, frames or numbers"
        return f"it is one {type(content).__name__}"
    has = f"it has {', '.join(map(repr, list(keys)[:4]))}"
    alike = {layout.tool: layout.keys & keys.keys() for layout in LAYOUTS if layout.keys}
    best = sorted((tool for tool in alike if alike[tool]), key=lambda tool: -len(alike[tool]))[:2]
    words = [f"{tool} by {', '.join(map(repr, sorted(alike[tool])))}" for tool in best]
    return f"{has}, no people; it resembles {' and '.join(words)}" if words else f"{has}, no people"


def _keys(content, depth: int = 4) -> dict[str, None]:
    """Keys of dictionaries, the outermost first; of lists the first items only."""
    if not depth:
        return {}
    keys: dict[str, None] = {}
    if isinstance(content, Mapping):
        keys = {str(key): None for key in list(content)[:50]}
        content = list(content.values()) if isinstance(content, dict) else None
    if isinstance(content, list):
        for item in content[:3]:
            keys |= _keys(item, depth - 1)
    return keys

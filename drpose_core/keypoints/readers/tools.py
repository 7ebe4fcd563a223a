"""How each tool lays out people and frames: one small function per layout.

A function gets what stands in a file (dictionaries, lists and numbers) and gives frames, (what the
file calls the frame, its people), or None where the content is laid out in another way.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from ..found import OwnPoses
from .person import KEYPOINTS, KNOWN, Person

Frames = Iterable[tuple[object, list]] | None
NUMBERS = ("frame_id", "frame", "frame_index", "frame_idx", "frame_number")
LANDMARKS = ("pose_landmarks", "poseLandmarks", "landmarks")


def own_poses(content) -> Frames:
    """What drpose predict writes."""
    if isinstance(content, dict) and content.keys() >= {"about", "poses"}:
        raise OwnPoses("it is what drpose predict wrote: 3D poses, not keypoints")
    return None


def annotations(content) -> Frames:
    """COCO's annotations, boxes of a detector, Panoptic's 3D bodies: no keypoints to be read."""
    if isinstance(content, dict) and "annotations" in content:
        raise ValueError("it is a data set's annotations, not what a detector found")
    if isinstance(content, dict) and _listed(content.get("bodies"), "joints19"):
        raise ValueError("it has 3D joints of Panoptic Studio, not keypoints of a picture")
    if _listed(content, "bbox") and not any(key in content[0] for key in KEYPOINTS):
        raise ValueError("it has boxes without keypoints: give what a pose detector wrote")
    return None


def mmpose(content) -> Frames:
    """MMPose: {"meta_info", "instance_info": people, or frames} of its demo, [{"frame_id",
    "instances"}] of a film by its inferencer.
    """
    if isinstance(content, dict) and "instance_info" in content:
        content = content["instance_info"]
        if isinstance(content, list) and not _listed(content, "instances"):
            return [(None, content)]
    if isinstance(content, list) and content and all(_has(item, "instances") for item in content):
        return [(frame_of(item), item["instances"]) for item in content]
    return None


def inferencer(content) -> Frames:
    """MMPoseInferencer's return value, or many of them: {"predictions": [people per picture]};
    OpenPifPaf's films: {"frame", "predictions": people}.
    """
    items = content if isinstance(content, list) else [content]
    if not items or not all(_has(item, "predictions") for item in items):
        return None
    return [
        (frame_of(item), people) for item in items for people in pictures(item["predictions"] or [])
    ]


def openpose(content) -> Frames:
    """OpenPose: {"people"}, AlphaPose's cmu {"bodies"}; ComfyUI: a list of them, one per frame."""
    items = content if isinstance(content, list) else [content]
    if not items or not all(_has(item, "people", "bodies") for item in items):
        return None
    return [(frame_of(item), _first(item, "people", "bodies")) for item in items]


def by_picture(content) -> Frames:
    """AlphaPose's open and cmu, and PoseFlow's: {picture: {"people"}, or people}."""
    if not isinstance(content, dict) or not content:
        return None
    frames = list(content.values())
    if all(_has(frame, "people", "bodies") for frame in frames):
        return [(name, _first(frame, "people", "bodies")) for name, frame in content.items()]
    if all(isinstance(frame, list) for frame in frames) and any(
        _listed(frame, *KEYPOINTS) for frame in frames
    ):
        return list(content.items())
    return None


def by_track(content) -> Frames:
    """{person: {frame: {"keypoints", "scores"}}}, as pose data sets of films are handed on."""
    if not isinstance(content, dict) or not content:
        return None
    tracks = list(content.values())
    if not all(isinstance(track, Mapping) and track for track in tracks):
        return None
    if not all(_has(item, "keypoints") for track in tracks for item in track.values()):
        return None
    digits = all(str(name).isdigit() for name in content)
    return [
        (frame, [{**item, "track_id": int(name) if digits else number}])
        for number, (name, track) in enumerate(content.items())
        for frame, item in track.items()
    ]


def results(content) -> Frames:
    """AlphaPose, COCO's results, Detectron2's: one list of people, each with its picture."""
    if isinstance(content, list) and content and all(_has(item, "image_id") for item in content):
        return [(item["image_id"], [item]) for item in content]
    return None


def kinetics(content) -> Frames:
    """Kinetics-skeleton and GAST-Net: {"data": [{"frame_index", "skeleton": people}]}."""
    if not isinstance(content, dict) or not _listed(content.get("data"), "skeleton"):
        return None
    return [(frame_of(item), item["skeleton"]) for item in content["data"]]


def mediapipe(content) -> Frames:
    """MediaPipe's landmarks: 33 times x, y, z, visibility, of one person or several, per frame."""
    content = [content] if isinstance(content, dict) else content
    if not isinstance(content, list) or not content:
        return None
    if all(item is None or _has(item, *LANDMARKS) for item in content):
        return [(frame_of(item), _bodies(item and _first(item, *LANDMARKS))) for item in content]
    if _landmarks(content):
        return [(None, [content])]
    if all(_landmarks(item) for item in content):  # frames of one person: few have several
        return [(None, [item]) for item in content]
    if all(isinstance(item, list) and all(map(_landmarks, item)) for item in content):
        return [(None, item) for item in content]
    return None


def _bodies(found) -> list:
    """People, of one person's landmarks or several's; {"landmark": [...]} is protobuf's JSON."""
    found = found.get("landmark") if isinstance(found, Mapping) else found
    return [found] if _landmarks(found) else list(found or [])


def _landmarks(item) -> bool:
    return (
        isinstance(item, list)
        and len(item) > 1
        and all(isinstance(point, Mapping) and not any(k in point for k in KEYPOINTS)
                for point in item)
        and all(point.keys() & {"x", "y"} for point in item)
    )  # fmt: skip


def people(content) -> Frames:
    """A list of the people of one picture: ultralytics' to_json, MMPose's inferencer, OpenPifPaf,
    TensorFlow.js; a list of such lists; or one person.
    """
    if isinstance(content, dict):
        one = _has(content, *KEYPOINTS) and _deep(_first(content, *KEYPOINTS)) <= 2
        return [(frame_of(content), [content])] if one else None
    if not isinstance(content, list) or not all(x is None or isinstance(x, Mapping | list)
                                                for x in content):  # fmt: skip
        return None
    flat = [p for x in content for p in (x if isinstance(x, list) else [x]) if p is not None]
    if flat and not any(_has(item, *KEYPOINTS) for item in flat):
        return None
    return [(None, group) for group in pictures(content)]


def pictures(found: list) -> list[list]:
    """People per picture, of those of one or of a list of pictures."""
    if any(isinstance(item, list) for item in found):
        return [item or [] for item in found]
    return [found]


def labels(content) -> Frames:
    """YOLO's labels (Lines): class, box, then x, y and mostly visibility of each keypoint as
    fractions of the picture; at the end the box's confidence and the track, where asked for.
    """
    if not isinstance(content, Lines):
        return None
    return [(None, [_label(np.array(line)) for line in content])]


def _label(line: np.ndarray) -> Person:
    ways = [
        (count, each, more)
        for each in (3, 2)
        for more in range(3)
        for count, rest in [divmod(len(line) - 5 - more, each)]
        if not rest and count in KNOWN
    ]
    if not ways:
        raise ValueError(
            f"a line has {len(line)} numbers, not a class, a box and keypoints of a known format"
        )
    count, each, more = next((way for way in ways if way[0] == 17), ways[0])  # COCO's as a rule
    row = line[5 : 5 + count * each].reshape(count, each)
    row = row if each == 3 else np.column_stack([row, np.ones(count)])
    return Person(row, int(line[-1]) if more and line[-1] == int(line[-1]) else None)


class Lines(list):
    """The numbers of a text file, line by line."""


def frame_of(item) -> object:
    """What a file calls a frame; None where it does not say."""
    return _first(item, *NUMBERS) if isinstance(item, Mapping) else None


def _deep(item) -> int:
    """How many lists lie in each other; arrays are not asked."""
    if isinstance(item, np.ndarray):
        return 9
    return 1 + _deep(item[0]) if isinstance(item, list) and item else 0


def _first(item: Mapping, *keys: str):
    return next((item[key] for key in keys if key in item), None)


def _has(item, *keys: str) -> bool:
    return isinstance(item, Mapping) and any(key in item for key in keys)


def _listed(items, *keys: str) -> bool:
    return isinstance(items, list) and bool(items) and all(_has(item, *keys) for item in items)

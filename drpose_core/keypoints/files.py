"""The JSON that MMPose, AlphaPose and OpenPose write, one file or a folder of frames -> one person
at a time, as the tools have them.

MMPose:    [{"keypoints": [[x, y], ...], "keypoint_scores": [...]}, ...] for a picture and
[{"frame_id": 0, "instances": [...]}, ...] for a
           film (its inferencer), or {"meta_info": {...}, "instance_info": either of them} (its demo
           with a detector).
AlphaPose: [{"image_id": "12.jpg", "keypoints": [x, y, c, ...], "score": ..., "idx": person}, ...];
MMPose's results for COCO are alike. OpenPose:  {"people": [{"pose_keypoints_2d": [x, y, c, ...]},
...]}, a file a frame; AlphaPose's --format open and cmu are alike (they
           are for its 17-joint models; of others they take a wrong point for the neck).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

LARGEST = 2**40  # of numbers of frames and people
REMEDY = (
    "give the JSON that MMPose, AlphaPose or OpenPose wrote, or a folder with one such file a frame"
)
OTHER_FILES = {
    ".npy": "in a cell, read_keypoints(np.load(path))",
    ".npz": "in a cell, read_keypoints(np.load(path)[name])",
    ".csv": "in a cell, read_keypoints(pd.read_csv(path))",
    ".parquet": "in a cell, read_keypoints(pd.read_parquet(path))",
}
_NAMES = {
    "coco": "coco17",
    "halpe26": "halpe26",
    "halpe": "halpe26",
    "h36m": "h36m17",
    "body25": "body25",
}  # MMPose's data set -> format


@dataclass
class Found:
    """What files hold: a row a person and frame, in the order of the file."""

    rows: list[np.ndarray]  # (K, 3) x, y, confidence
    frame: list[int]
    person: list[int | None]  # the tool's own number, None where it does not follow people
    frames: int = 0  # frames in the file, those without people too
    format: str | None = None  # by name, where the file has it
    image_size: tuple[int, int] | None = None
    fps: float | None = (
        None  # MMPose's own files have no size and no rate; those that this kit writes have
    )


def read_files(path: Path) -> Found:
    """Read a file, or all .json files of a folder as frames in the order of the numbers in their
    names. Raises with a sentence and a remedy.
    """
    if path.is_dir():
        names = sorted(path.glob("*.json"), key=natural)
        if not names:
            raise FileNotFoundError(f"{path} holds no .json files: {REMEDY}")
        found = Found([], [], [])
        for position, (name, number) in enumerate(zip(names, _numbers([x.name for x in names]))):
            one = _read(name)
            if one.frames > 1:
                raise ValueError(
                    f"{name} holds {one.frames} frames; a folder should have one file a frame: "
                    "give that file by itself"
                )
            try:
                _add(found, position if number is None else number, zip(one.rows, one.person))
            except ValueError as error:
                raise ValueError(f"{name}: {error}: give each kind by itself") from None
            for fact in ("format", "image_size", "fps"):
                before, now = getattr(found, fact), getattr(one, fact)
                if before and now and before != now:
                    raise ValueError(
                        f"{name} has {fact.replace('_', ' ')} {now}, the files before {before}: "
                        "give each kind by itself"
                    )
                setattr(found, fact, before or now)
        found.frames = len(names)
        return found
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {REMEDY}")
    if path.suffix.lower() in OTHER_FILES:
        raise ValueError(f"{path} is no JSON: {OTHER_FILES[path.suffix.lower()]}")
    return _read(path)


def _read(path: Path) -> Found:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not complete JSON ({' '.join(str(error).split())}): {REMEDY}"
        ) from None
    try:
        return _content(content)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = (
            f"a person lacks {error}"
            if isinstance(error, KeyError)
            else " ".join(str(error).split())
        )
        raise ValueError(
            f"{path} holds no keypoints of a known layout ({reason}): {REMEDY}"
        ) from None


def _content(content: object) -> Found:
    found = Found([], [], [], frames=1)
    if isinstance(content, dict) and "annotations" in content:
        raise ValueError("it is a data set's annotations, not what a detector found")
    if isinstance(content, dict) and "instance_info" in content:
        about = content.get("meta_info") or {}
        found.format = _NAMES.get(str(about.get("dataset_name", "")).lower())
        if about.get("image_size"):
            width, height = about["image_size"]
            found.image_size = int(width), int(height)
        found.fps = float(about["fps"]) if about.get("fps") else None
        content = content["instance_info"]
    if isinstance(content, dict) and content.keys() & {"people", "bodies"}:
        _add(found, 0, _openpose(content))
    elif isinstance(content, dict):  # AlphaPose's open and cmu formats: pictures by name
        if not all(
            isinstance(frame, dict) and frame.keys() & {"people", "bodies"}
            for frame in content.values()
        ):
            raise ValueError(f"it has {', '.join(map(repr, list(content)[:3]))}, no people")
        names = sorted(content, key=natural)
        found.frames = len(names)
        for name, number, position in zip(names, _numbers(names), count()):
            _add(found, position if number is None else number, _openpose(content[name]))
    elif not isinstance(content, list):
        raise ValueError(f"it is one {type(content).__name__}")
    elif not all(isinstance(item, dict) for item in content):
        raise ValueError(
            "it is a list, but not of people or frames; plain numbers go in as an array, in a cell"
        )
    elif all("instances" in item for item in content):
        found.frames = len(content)
        for position, item in enumerate(content):
            _add(
                found, int(item.get("frame_id", position)), (_person(x) for x in item["instances"])
            )
    elif all("image_id" in item for item in content):
        names = sorted({str(item["image_id"]) for item in content}, key=natural)
        number = dict(zip(names, _numbers(names)))
        place = {
            name: position if number[name] is None else number[name]
            for position, name in enumerate(names)
        }
        found.frames = max(place.values(), default=-1) - min(place.values(), default=0) + 1
        for item in sorted(content, key=lambda item: place[str(item["image_id"])]):
            _add(found, place[str(item["image_id"])], [_person(item)])
    else:
        _add(found, 0, (_person(item) for item in content))
    return found


def _add(found: Found, frame: int, people) -> None:
    for row, person in people:
        if found.rows and row.shape != found.rows[0].shape:
            raise ValueError(f"people have {len(found.rows[0])} and {len(row)} keypoints")
        if not -LARGEST < frame < LARGEST:
            raise ValueError(f"frame {frame} is no number of a frame")
        found.rows.append(row)
        found.person.append(person)
        found.frame.append(frame)


def _openpose(frame: dict) -> Iterator[tuple[np.ndarray, int | None]]:
    for person in frame["people"] if "people" in frame else frame["bodies"]:
        flat = person["pose_keypoints_2d"] if "pose_keypoints_2d" in person else person["joints"]
        yield _triples(flat), _number(person.get("person_id"))


def _person(item: dict) -> tuple[np.ndarray, int | None]:
    """One person of MMPose (pairs, scores apart) or AlphaPose (triples in a row)."""
    number = item.get("track_id", item.get("idx"))
    keypoints = item["keypoints"]
    if keypoints and not isinstance(keypoints[0], list):
        row = _triples(keypoints)
    else:
        pairs = np.array(keypoints, dtype=float)
        if pairs.ndim != 2 or pairs.shape[1] != 2:
            raise ValueError(f"keypoints of a person are {pairs.shape}, not (joints, 2)")
        scores = np.array(item.get("keypoint_scores", np.ones(len(pairs))), dtype=float)
        if scores.shape != pairs.shape[:1]:
            raise ValueError(f"{len(pairs)} keypoints have {scores.shape} scores")
        row = np.column_stack([pairs, scores])
    return row, _number(number) if not isinstance(
        number, list
    ) else None  # AlphaPose has a list where it did not follow people


def _number(given) -> int | None:
    """A person's number; None where the tool did not follow people: OpenPose then writes [-1]."""
    number = given[0] if isinstance(given, list) and given else given
    if number is None or isinstance(number, list) or not 0 <= number < LARGEST:
        return None
    return int(number)


def _triples(flat: list) -> np.ndarray:
    row = np.array(flat, dtype=float)
    if row.ndim != 1 or row.size % 3 or not row.size:
        raise ValueError(
            f"keypoints of a person are {row.size} numbers, not x, y, confidence in a row"
        )
    return row.reshape(-1, 3)


def natural(name: str | Path) -> list:
    """A key that sorts 2.jpg before 10.jpg."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(name))]


def _numbers(names: list[str]) -> list[int | None]:
    """The frames' numbers in their names, the last there is ("video_000000000012_keypoints" is 12),
    if they ascend with the names.
    """
    found = [re.findall(r"\d+", Path(name).stem) for name in names]
    numbers = [int(digits[-1]) if digits else None for digits in found]
    ascending = None not in numbers and all(
        0 <= a < b < LARGEST for a, b in zip(numbers, [*numbers[1:], LARGEST - 1])
    )
    return numbers if ascending else [None] * len(names)

"""A picture or a film -> keypoints, by RTMPose (Jiang et al. 2023) through rtmlib and ONNX Runtime:
pip install -e .[image].

Halpe's 26 joints, which have a pelvis, a neck and the crown of the head. rtmlib fetches its weights
at first use and keeps them.
"""

import importlib.util
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..support import written_whole
from .files import natural
from .keypoints import Keypoints, read_keypoints

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
STORY = "about.txt"  # of a folder of keypoints: what was looked at, and how
FILMS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


def detect_keypoints(
    path: str | Path,
    folder: str | Path,
    *,
    mode: str = "balanced",
    device: str = "cpu",
    least_confidence: float | None = None,
) -> Keypoints:
    """Detect people in a picture, a film, or a folder of pictures. folder saves one JSON file per
    frame, in MMPose's layout.

    Frames that the folder has already are skipped, so the same call resumes after an interruption.
    mode: rtmlib's lightweight, balanced or performance. device: cpu or cuda (with onnxruntime-gpu).
    least_confidence: as in read_keypoints. Raises ValueError or OSError with one clear sentence if
    rtmlib is not installed, its weights cannot be downloaded, or the file is not a picture or film.
    """
    path, folder = Path(path), Path(folder)
    if not path.exists():
        raise FileNotFoundError(f"{path} not found: give a picture, a film or a folder of pictures")
    if importlib.util.find_spec("rtmlib") is None:
        raise ValueError(
            f"{path} needs a detector: pip install -e .[image], or give the JSON of MMPose, "
            "AlphaPose or OpenPose"
        )
    frames, count, fps = _frames(path)
    files = [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in _files(path)]
    story = json.dumps({"source": str(path.resolve()), "mode": mode, "files": files})
    _check_story(folder, story)
    done = {int(name.stem) for name in folder.glob("*.json") if name.stem.isdigit()}
    detector, unread, number = None, [], 0
    for number, picture in enumerate(
        tqdm(frames, f"keypoints of {path.name}", count, disable=count == 1)
    ):
        if number in done:
            continue
        image = picture()
        if image is None:
            unread.append(number)
            continue
        detector = detector or _detector(mode, device)
        keypoints, scores = _people(detector, image)
        instances = [
            {"keypoints": k.round(2).tolist(), "keypoint_scores": s.round(4).tolist()}
            for k, s in zip(keypoints, scores)
        ]
        about = {
            "dataset_name": "halpe26",
            "image_size": [image.shape[1], image.shape[0]],
            "fps": fps,
        }
        if not (folder / STORY).is_file():
            with written_whole(folder / STORY) as temporary:
                temporary.write_text(story)
        with written_whole(folder / f"{number:06d}.json") as temporary:
            temporary.write_text(json.dumps({"meta_info": about, "instance_info": instances}))
    if not any(folder.glob("*.json")):
        raise ValueError(
            f"{path} is no picture or film that OpenCV can read, or has none: save pictures as "
            "JPEG or PNG"
        )
    if unread:
        warnings.warn(
            f"{path}: {len(unread)} of {number + 1} frames could not be read, the first is "
            f"{unread[0]}",
            RuntimeWarning,
            stacklevel=2,
        )
    return read_keypoints(folder, name=path.name, least_confidence=least_confidence)


def _files(path: Path) -> list[Path]:
    """The file, or a folder's pictures in the order of the numbers in their names."""
    return (
        sorted((p for p in path.iterdir() if p.suffix.lower() in PICTURES), key=natural)
        if path.is_dir()
        else [path]
    )


def _check_story(folder: Path, story: str) -> None:
    """A folder belongs to one state of one film or folder, and to one detector: what another left
    there must not be mixed in.
    """
    note = folder / STORY
    if note.is_file() and note.read_text() != story:
        raise ValueError(
            f"{folder} keeps keypoints of something else, of older files or of another mode: "
            "delete it, or give another folder"
        )
    if not note.is_file() and folder.is_dir() and any(folder.glob("*.json")):
        raise ValueError(
            f"{folder} has JSON files that this detector did not write: give another folder"
        )


def _frames(path: Path) -> tuple[Iterator[Callable], int, float | None]:
    """Functions that decode one frame each, so that frames already done cost little; their number;
    frames per second of a film.
    """
    import cv2  # comes with rtmlib

    if path.is_dir() or path.suffix.lower() in PICTURES:
        names = _files(path)
        if not names:
            raise ValueError(f"{path} holds no pictures ({', '.join(PICTURES)})")
        return ((lambda name=name: cv2.imread(str(name))) for name in names), len(names), None
    film = cv2.VideoCapture(str(path))
    if not film.isOpened():
        raise ValueError(
            f"{path} is no film that OpenCV can read: convert it, for instance with ffmpeg -i "
            f"{path.name} film.mp4"
        )

    def each() -> Iterator:
        while film.grab():
            yield lambda: film.retrieve()[1]
        film.release()

    return each(), int(film.get(cv2.CAP_PROP_FRAME_COUNT)), film.get(cv2.CAP_PROP_FPS) or None


def _detector(mode: str, device: str):
    from rtmlib import BodyWithFeet

    if mode not in BodyWithFeet.MODE:
        raise ValueError(f"unknown mode {mode!r}: choose from {', '.join(BodyWithFeet.MODE)}")
    try:
        return BodyWithFeet(mode=mode, backend="onnxruntime", device=device)
    except (
        Exception
    ) as error:  # no network, a full disk, a file cut short: rtmlib raises what comes
        reason = " ".join(str(error).split()) or type(error).__name__
        urls = " and ".join(BodyWithFeet.MODE[mode][part] for part in ("det", "pose"))
        where = "~/.cache/rtmlib/hub/checkpoints"
        raise OSError(
            f"RTMPose's weights could not be fetched or read ({reason}): rtmlib takes {urls} and "
            f"keeps them in {where}"
        ) from None


def _people(detector, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (people, 26, 2) in pixels and scores (people, 26).

    Without a box rtmlib would take the whole picture for a person.
    """
    boxes = detector.det_model(image)
    if not len(boxes):
        return np.zeros((0, 26, 2)), np.zeros((0, 26))
    return detector.pose_model(image, bboxes=boxes)

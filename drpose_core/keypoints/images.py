"""A picture, a film or a folder of pictures -> keypoints, by a detector of detectors.DETECTORS:
pip install -e '.[image]'.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm import tqdm

from ..support import written_whole
from .detectors import KINDS, Find, made, needed
from .files import natural
from .keypoints import Keypoints, read_keypoints

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
STORY = "about.txt"  # of a folder of keypoints: what was looked at, and how
FASTEST = 1000.0  # frames per second, of slow motion
FILMS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


def detect_keypoints(
    path: str | Path,
    folder: str | Path,
    *,
    detector: str = "blazepose",
    device: str = "cpu",
    least_confidence: float | None = None,
) -> Keypoints:
    """Detect people in a picture, a film, or a folder of pictures. folder saves one JSON file per
    frame, in MMPose's layout.

    Frames that the folder has already are skipped, so the same call resumes after an interruption.
    detector: blazepose, which comes with the kit and needs no network; or
    rtmpose-lightweight, rtmpose-balanced or rtmpose-performance, which fetch their weights at first
    use. device: cpu or cuda, for RTMPose (with onnxruntime-gpu). least_confidence: as of
    read_keypoints. Raises ValueError or OSError with a sentence where the detector is not
    installed, its weights cannot be fetched, or the file is no picture or film.
    """
    path, folder = Path(path), Path(folder)
    if not path.exists():
        raise FileNotFoundError(f"{path} not found: give a picture, a film or a folder of pictures")
    if remedy := needed(detector):
        raise ValueError(
            f"{path} needs a detector: {remedy}, or give the JSON of MMPose, AlphaPose or OpenPose"
        )
    frames, count, fps = _frames(path)
    files = [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in _files(path)]
    story = json.dumps({"source": str(path.resolve()), "detector": detector, "files": files})
    _check_story(folder, story)
    done = {int(name.stem) for name in folder.glob("*.json") if name.stem.isdigit()}
    find: Find | None = None
    unread, number = [], 0
    for number, picture in enumerate(
        tqdm(frames, f"keypoints of {path.name}", count, disable=count == 1)
    ):
        if number in done:
            continue
        image = picture()
        if image is None:
            unread.append(number)
            continue
        find = find or made(detector, device)
        about = {"dataset_name": KINDS[detector].format, "fps": fps}
        about["image_size"] = [image.shape[1], image.shape[0]]
        if not (folder / STORY).is_file():
            with written_whole(folder / STORY) as temporary:
                temporary.write_text(story)
        people = [
            {"keypoints": k.round(2).tolist(), "keypoint_scores": s.round(4).tolist()}
            for k, s in zip(*find(image))
        ]
        with written_whole(folder / f"{number:06d}.json") as temporary:
            temporary.write_text(json.dumps({"meta_info": about, "instance_info": people}))
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


def kept_in(folder: Path) -> str | None:
    """Of what a folder keeps keypoints; None where nothing is kept."""
    try:
        return json.loads((folder / STORY).read_text())["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
            f"{folder} keeps keypoints of something else, of older files or of another detector: "
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
    import cv2  # an optional dependency

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

    count, rate = film.get(cv2.CAP_PROP_FRAME_COUNT), film.get(cv2.CAP_PROP_FPS)
    return each(), int(count), rate if plausible_rate(rate) else None


def plausible_rate(fps: float | None) -> bool:
    """Whether a film can have so many frames a second. One that lost its times says otherwise."""
    return fps is not None and 0 < fps <= FASTEST

"""2D keypoints from anywhere -> Human3.6M's joints of every person and frame, whole and in order,
and a PoseSet that the models can take.

Files of MMPose, AlphaPose and OpenPose, arrays and tables; in the formats of formats.FORMATS. What
is missing is filled in or left out, and Keypoints.notes says what was done.
"""

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..cameras import normalize_screen
from ..data import PoseSet
from ..support import written_whole
from .arrays import from_array, from_table
from .checks import as_pixels, doubtful, far_away, many, worth_keeping
from .files import read_files
from .formats import FORMATS, LONGER, formats_of, to_h36m
from .gaps import completed
from .people import follow
from .plausible import filled
from .viewpoint import FIELD_OF_VIEW, LEAST_VIEW, pinhole, training_view

# a keypoint less sure than this counts as not seen: detectors that name every joint are as sure of
# those outside the picture
LEAST = 0.15
SIZES = [
    (640, 480),
    (1280, 720),
    (1920, 1080),
    (3840, 2160),
    (7680, 4320),
]  # of pictures, width and height; or upright


@dataclass(frozen=True, eq=False)
class Keypoints:
    """N people in pictures:

    a row is one person in one frame, ordered by frame. Pixels, x to the right, y down, from the
    upper left corner.
    """

    kp2d: np.ndarray  # (N, 17, 2) pixels, Human3.6M's joints; those not seen are guessed
    confidence: np.ndarray  # (N, 17) the detector's, 0 to 1; 0 where the joint is guessed
    frame: np.ndarray  # (N,) number of the frame
    person: np.ndarray  # (N,) number of the person
    width: int  # of the picture, pixels
    height: int
    format: str  # as it came, a key of formats.FORMATS
    name: str  # of the file
    notes: tuple[str, ...]  # what was assumed, filled in and left out
    fps: float | None = None  # frames per second, where the file has it

    def __len__(self) -> int:
        return len(self.kp2d)

    def __repr__(self) -> str:
        people, frames = len(np.unique(self.person)), len(np.unique(self.frame))
        who = f"{many(people, 'person', 'people')} in {many(frames, 'frame')}"
        first = f"{self.name}: {who}, {many(len(self), 'pose')}"
        picture = f"{FORMATS[self.format].title}; picture {self.width} x {self.height} pixels"
        return "\n".join([first, picture, *self.notes])

    def kept(self, rows: np.ndarray) -> "Keypoints":
        """Some of the rows, for a mask (N,) or indices."""
        columns = {
            name: getattr(self, name)[rows] for name in ("kp2d", "confidence", "frame", "person")
        }
        if not len(columns["kp2d"]):
            raise ValueError("no row is left")
        return replace(self, **columns)

    def poses(self, *, field_of_view: float = FIELD_OF_VIEW, camera_matrix=None) -> PoseSet:
        """The people as a training camera would have seen them (viewpoint.training_view): what
        models and explorer take; they have no ground truth.

        field_of_view: the camera's, in degrees over the picture's longer side; a phone's main
        camera has 65 to 75. Or camera_matrix (3, 3) in pixels, as camera calibrations give it; its
        picture must be free of lens distortion. poses.rotation leads back to the own camera.
        """
        screen = normalize_screen(self.kp2d, self.width, self.height)
        if camera_matrix is None:
            camera = pinhole(self.width, self.height, field_of_view)
        else:
            camera = _from_matrix(np.asarray(camera_matrix, dtype=float), self.width, self.height)
        view = training_view(screen, camera)
        people, sequence = np.unique(self.person, return_inverse=True)
        return PoseSet(
            kp2d=view.kp2d,
            intrinsics=view.intrinsics,
            action=torch.zeros(len(self), dtype=torch.int64),
            sequence=torch.from_numpy(sequence.astype(np.int64)),
            frame=torch.from_numpy(self.frame.astype(np.int64)),
            actions=[self.name],
            sequences=[f"person {who}/{self.name}/own" for who in people],
            person=torch.from_numpy(self.person.astype(np.int64)),
            confidence=torch.from_numpy(self.confidence.astype(np.float32)),
            rotation=view.rotation,
            source=f"{self.name}: {FORMATS[self.format].title}, redrawn for a training camera",
            keypoints=self.format,
        )

    def save(self, path: str | Path) -> None:
        """Write MMPose's layout with the 17 joints, the picture's size and the persons' numbers;
        read_keypoints reads it.
        """
        about = {"dataset_name": "h36m", "image_size": [self.width, self.height], "fps": self.fps}
        info = []
        for frame in np.unique(self.frame):
            rows = np.flatnonzero(self.frame == frame)
            people = [
                {
                    "keypoints": self.kp2d[n].round(2).tolist(),
                    "keypoint_scores": self.confidence[n].round(3).tolist(),
                    "track_id": int(self.person[n]),
                }
                for n in rows
            ]
            info.append({"frame_id": int(frame), "instances": people})
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps({"meta_info": about, "instance_info": info}))


def read_keypoints(
    given,
    *,
    format: str | None = None,
    image_size: tuple[int, int] | None = None,
    least_confidence: float = LEAST,
    name: str | None = None,
) -> Keypoints:
    """Keypoints of any number of people and frames, from a file, a folder, an array or a table.
    Pixels.

    given: a path to the JSON of MMPose, AlphaPose or OpenPose, or to a folder of such files, one a
    frame; an array (K, 2) of one person, (frames, K, 2) or (frames, people, K, 2), or with
    confidence as a third number, and NaN for what is missing; or a DataFrame with a row a keypoint:
    x, y and, if there are such, confidence, frame, person and joint (name or number; without it the
    K keypoints stand in order). format: a key of formats.FORMATS; None recognises it. image_size:
    width and height; None takes the file's, or the smallest usual size that holds all keypoints.
    least_confidence: a keypoint less sure counts as not seen. name: for figures and sentences (the
    file's). Frames are taken for those of one film: people are followed, and a joint that is gone
    for a moment is drawn in between; read unrelated pictures one by one. Raises ValueError or
    FileNotFoundError with a sentence. What was done without asking stands in notes; what may be
    wrong is warned of.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"unknown keypoint format {format!r}: choose from {', '.join(FORMATS)}")
    if isinstance(given, str | Path):
        name, found = name or Path(given).name, read_files(Path(given))
    else:
        name, found = (
            name or "keypoints",
            from_table(given, format) if isinstance(given, pd.DataFrame) else from_array(given),
        )
    if not found.rows:
        raise ValueError(f"{name} holds nobody: {many(found.frames, 'frame')}, all empty")
    order = np.argsort(found.frame, kind="stable")
    frame, person = np.array(found.frame)[order], [found.person[n] for n in order]
    notes: list[str] = []
    points, sure = as_pixels(name, np.stack(found.rows)[order], least_confidence)
    form = format or found.format or _recognised(points, sure)
    kp2d, confidence = _converted(name, points, sure, form, notes)

    keep, doubts = worth_keeping(kp2d, confidence, frame)
    if not keep.any():
        raise ValueError(f"{name} has nobody of whom enough is seen: {doubts[0]}")
    kp2d, confidence, frame, person = (
        kp2d[keep],
        confidence[keep],
        frame[keep],
        [who for who, kept in zip(person, keep) if kept],
    )
    if (
        0 < (empty := found.frames - len(np.unique(frame))) < 10 * len(frame) + 100
    ):  # else they are numbers of pictures, not of frames
        notes.append(f"{many(empty, 'frame')} of {found.frames:,} without a person: no pose there")
    size = _picture(
        kp2d[confidence > 0], found.image_size if image_size is None else image_size, notes
    )
    person = _numbered(kp2d, confidence, frame, person, notes)
    kp2d, surprise = completed(kp2d, confidence, frame, person, notes)
    doubts += doubtful(kp2d, confidence, frame, person, size, surprise, form)
    for doubt in doubts:
        warnings.warn(f"{name}: {doubt}", stacklevel=2)
    notes += doubts
    kp2d, confidence = kp2d.astype(np.float32), confidence.astype(np.float32)
    return Keypoints(kp2d, confidence, frame, person, *size, form, name, tuple(notes), found.fps)


def _converted(
    name: str, points: np.ndarray, sure: np.ndarray, form: str, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Human3.6M's joints of those of a format; keypoints far away from all others of a person are
    left out.
    """
    joints, count = len(FORMATS[form].joints), points.shape[1]
    if LONGER.get(count) != form and count != joints:
        raise ValueError(
            f"{name} has {count} keypoints a person, {form} has {joints}: name another format, or "
            "none"
        )
    points, sure = points[:, :joints], sure[:, :joints].copy()
    if (apart := far_away(points, sure)).any():
        notes.append(
            f"{many(int(apart.sum()), 'keypoint')} far away from all others of the person: not "
            "believed"
        )
        sure[apart] = 0
    return to_h36m(points, sure, form)


def _picture(points: np.ndarray, size: tuple[int, int] | None, notes: list[str]) -> tuple[int, int]:
    """Width and height; without a size the smallest usual one, lying or upright, that holds the
    points.
    """
    if size is not None:
        if len(size) != 2 or not all(np.isfinite(x) and x >= 1 for x in size):
            raise ValueError(f"image_size must be a width and a height in pixels, got {size}")
        return int(size[0]), int(size[1])
    right, low = np.maximum(points.max(0), 1)
    usual = [shape for width, height in SIZES for shape in ((width, height), (height, width))]
    size = next(
        (shape for shape in usual if right <= shape[0] and low <= shape[1]),
        (int(right) + 1, int(low) + 1),
    )
    notes.append(
        f"picture of {size[0]} x {size[1]} assumed, the smallest usual size with room for the "
        "keypoints: give image_size if it is another"
    )
    return size


def _numbered(kp2d, confidence, frame, person: list[int | None], notes: list[str]) -> np.ndarray:
    """The tool's numbers of persons, or those of people.follow where it has none or gives one twice
    in a frame.
    """
    twice = None not in person and pd.DataFrame({"frame": frame, "person": person}).duplicated()
    if None not in person and not twice.any():
        return np.array(person)
    numbers = follow(kp2d, confidence > 0, frame)
    if len(np.unique(frame)) > 1 and numbers.any():
        why = (
            ""
            if None in person
            else f" (the file has number {person[int(twice.argmax())]} twice in frame "
            f"{frame[int(twice.argmax())]})"
        )
        notes.append(
            f"people are told apart by where they were in the frames before{why}: "
            f"{numbers.max() + 1} of them"
        )
    return numbers


def _recognised(points: np.ndarray, sure: np.ndarray) -> str:
    """The format by the number of joints; of several with as many, the one in which a few of the
    people look most like people.
    """
    surprise = {}
    for form in (fits := formats_of(points.shape[1])):
        if len(fits) == 1:
            return form
        kp2d, confidence = to_h36m(points, sure, form)
        good = np.flatnonzero(worth_keeping(kp2d, confidence, np.zeros(len(kp2d)))[0])
        few = good[:: max(1, len(good) // 100)]
        surprise[form] = (
            float(np.median(filled(kp2d[few], confidence[few] > 0)[1])) if len(few) else np.inf
        )
    best, second = sorted(surprise, key=surprise.get)[:2]
    if not surprise[best] < 0.7 * surprise[second]:
        raise ValueError(
            f"{points.shape[1]} keypoints a person are {best}'s or {second}'s, and these look as "
            "much like either: name the format"
        )
    return best


def _from_matrix(matrix: np.ndarray, width: int, height: int) -> torch.Tensor:
    form = (
        matrix.shape == (3, 3)
        and np.isfinite(matrix).all()
        and (matrix[2] == (0, 0, 1)).all()
        and matrix[1, 0] == 0
    )
    if not form or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise ValueError(
            "camera_matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels with fx, fy > "
            f"0, got {matrix.tolist()}"
        )
    angle = 2 * np.degrees(np.arctan(max(width, height) / 2 / matrix[0, 0]))
    if not LEAST_VIEW <= angle <= 170:
        raise ValueError(
            f"a camera_matrix with fx = {matrix[0, 0]:g} pixels sees {angle:.0f} degrees: it is "
            "one for pictures of another size"
        )
    center = normalize_screen(torch.from_numpy(matrix[:2, 2]).float(), width, height)
    focal = torch.tensor([matrix[0, 0], matrix[1, 1]], dtype=torch.float32) * (2 / width)
    return torch.cat([focal, center, torch.zeros(5)])

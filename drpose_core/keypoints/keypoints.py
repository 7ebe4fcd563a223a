"""2D keypoints from anywhere -> Human3.6M's joints of every person and frame, and a PoseSet.

What is missing is filled in or left out, and Keypoints.notes says what was done.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..cameras import normalize_screen
from ..data import PoseSet
from ..support import written_whole
from .checks import as_pixels, doubtful, film_notes, left_out, many, worth_keeping
from .files import read_files
from .formats import FORMATS, LEAST, placed
from .found import Found
from .gaps import completed
from .people import film_of, follow, good_numbers
from .picture import guessed_size, picture_size
from .readers import plain, read_content
from .recognised import converted, form_of, least_of, recognised
from .tables import from_table
from .viewpoint import FIELD_OF_VIEW, LEAST_VIEW, pinhole, training_view

__all__ = ["LEAST", "Keypoints", "read_keypoints"]


@dataclass(frozen=True, eq=False)
class Keypoints:
    """N people in pictures: one row per person and frame, ordered by frame. Pixels, x to the right,
    y down, from the upper left corner.
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
        """Some of the rows, by a mask (N,) or indices."""
        columns = {
            name: getattr(self, name)[rows] for name in ("kp2d", "confidence", "frame", "person")
        }
        if not len(columns["kp2d"]):
            raise ValueError("no row is left")
        return replace(self, **columns)

    def poses(self, *, field_of_view: float = FIELD_OF_VIEW, camera_matrix=None) -> PoseSet:
        """The people as a camera of the training data would have seen them
        (viewpoint.training_view): the input of models and the explorer. They have no ground truth.

        field_of_view: of the camera, in degrees over the picture's longer side; a phone's main
        camera has 65 to 75. Or camera_matrix (3, 3) in pixels, from a camera calibration; the
        picture must then be free of lens distortion. poses.rotation leads back to your own camera.
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
            own_intrinsics=camera.to(view.intrinsics).expand(len(self), 9).contiguous(),
            source=f"{self.name}: {FORMATS[self.format].title}, redrawn for a training camera",
            keypoints=self.format,
        )

    def save(self, path: str | Path) -> None:
        """Write the 17 joints in MMPose's layout, with the picture's size and the numbers of
        people; read_keypoints reads it.
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
    least_confidence: float | None = None,
    name: str | None = None,
) -> Keypoints:
    """Keypoints of any number of people and frames, from a file, a folder, an array, a table, or a
    detector's result in a notebook.

    given: a path to the output of a pose detector (docs/keypoint_files.md lists the tools), to a
    folder of such files, one per frame, or a list of paths; an array (K, 2) of one person, (frames,
    K, 2) or (frames, people, K, 2), or with the confidence as a third number, and NaN for missing
    keypoints; a list of arrays (people, K, 2 or 3), one per frame; the results of ultralytics,
    MMPoseInferencer, MediaPipe or rtmlib; or a DataFrame with one row per keypoint (x, y and
    optionally confidence, frame, person, joint) or per person (nose_x, nose_y, ...). Pixels, or
    fractions of the picture if its size is known.

    format: a key of formats.FORMATS; None recognises it. image_size: width and height; None takes
    the file's, or the smallest common size that holds all keypoints. least_confidence: keypoints
    with a lower confidence count as not seen; None depends on the tool (0.15; Detectron 0.05;
    MediaPipe 0). name: for figures and messages (default: the file's). Frames are read as those of
    one film: people are tracked, and joints that are missing briefly are interpolated. notes lists
    every assumption and change; doubts are warnings. Raises ValueError, TypeError or
    FileNotFoundError.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"unknown keypoint format {format!r}: choose from {', '.join(FORMATS)}")
    name, found = _found(given, format, name)
    if not found.rows:
        if found.refused:
            raise ValueError(f"{name} holds nobody who can be read: {found.refused[0][1]}")
        raise ValueError(f"{name} holds nobody: {found.frames()}, all empty")
    return _keypoints(name, found, format, image_size, least_confidence)


def _keypoints(name: str, found: Found, format, image_size, least: float | None) -> Keypoints:
    """The steps from what was found to whole people, each of which says what it did."""
    notes, doubts = list(found.notes), left_out(found)
    order = np.argsort(found.frame, kind="stable")
    frame, person = np.array(found.frame)[order], [found.person[n] for n in order]
    rows = np.stack(found.rows)[order]
    size = picture_size(found.image_size if image_size is None else image_size)
    if found.image_size and size != tuple(map(int, found.image_size)):
        own = "{:g} x {:g}".format(*found.image_size)
        doubts.append(f"the file is of pictures of {own}; {size[0]} x {size[1]}, as given, is used")
    form = form_of(rows.shape[1], format, found.format, name)
    if least is None:
        least = found.least if found.least is not None else least_of(rows.shape[1], form)
    points, sure = as_pixels(name, rows, least, size, notes)
    form = form or recognised(points, sure, rows[..., 2])
    kp2d, confidence = converted(points, placed(sure, form), form, notes)

    keep, few = worth_keeping(kp2d, confidence, frame)
    if not keep.any():
        raise ValueError(f"{name} has nobody of whom enough is seen: {few[0]}")
    person = [who for who, kept in zip(person, keep) if kept]
    kp2d, confidence, frame = kp2d[keep], confidence[keep], frame[keep]
    film = film_of(frame, found.looked, found.fps)
    notes += film_notes(frame, film, found)
    size = size or guessed_size(kp2d[confidence > 0], notes)
    person = _numbered(kp2d, confidence, film, frame, person, notes)
    kp2d, surprise = completed(kp2d, confidence, film.tick, person, notes)
    doubts += few + doubtful(kp2d, confidence, frame, person, size, surprise, form)
    for doubt in doubts:
        warnings.warn(f"{name}: {doubt}", stacklevel=3)
    notes += doubts
    kp2d, confidence = kp2d.astype(np.float32), confidence.astype(np.float32)
    return Keypoints(kp2d, confidence, frame, person, *size, form, name, tuple(notes), found.fps)


def _found(given, format: str | None, name: str | None) -> tuple[str, Found]:
    """A name for sentences, and what is given."""
    paths = [given] if isinstance(given, str | Path) else given
    if isinstance(paths, list | tuple) and paths and all(isinstance(p, str | Path) for p in paths):
        first = Path(paths[0]).name
        called = first if len(paths) == 1 else f"{first} and {many(len(paths) - 1, 'file')} more"
        return name or called, read_files(given, format)
    if isinstance(given, pd.DataFrame):
        return name or "keypoints", from_table(given, format)
    try:
        return name or "keypoints", read_content(plain(given))
    except ValueError as error:
        kind = type(given).__name__
        if isinstance(given, list | tuple | Mapping | np.ndarray) or hasattr(given, "shape"):
            raise ValueError(f"{name or 'keypoints'} of type {kind}: {error}") from None
        raise TypeError(
            "keypoints are a path, an array of numbers, a DataFrame or what a detector returned, "
            f"got {kind}"
        ) from None


def _numbered(kp2d, confidence, film, frame, person, notes: list[str]) -> np.ndarray:
    """The tool's numbers of persons where they are good, those of people.follow for the others."""
    given, wrong = good_numbers(person, kp2d, frame)
    numbers = follow(kp2d, confidence > 0, film.tick, given=given, seconds=film.seconds)
    if len(np.unique(frame)) > 1:
        if (given < 0).all() and numbers.any():
            notes.append(
                "people are tracked by their position in earlier frames"
                f"{f' ({wrong})' if wrong else ''}: {len(np.unique(numbers))} of them"
            )
        elif wrong:
            notes.append(f"{wrong}: numbered by their position; the file's other numbers are kept")
    return numbers


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

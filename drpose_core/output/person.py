"""One person of a prediction through a film: what is drawn of them in each frame, over the picture
and in space.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..cameras import project
from ..prediction import Prediction
from ..skeleton import BONES, LEFT, RIGHT
from .canvas import Color, mixed
from .floor import Floor

STEADY = 0.2  # seconds over which the place in space is smoothed: distances of single frames jitter
# One person's left, right and middle, brighter than in figures; several people: a colour each.
SIDES = ((40, 142, 224), (245, 101, 28), (112, 116, 128))
PEOPLE = (
    (20, 125, 200),
    (235, 95, 20),
    (0, 158, 115),
    (204, 90, 160),
    (225, 160, 0),
    (120, 94, 200),
)
WHITE = (255, 255, 255)


class Moment(NamedTuple):
    """A person in one frame."""

    kp2d: np.ndarray  # (J, 2) pixels of the picture, as detected or filled in
    seen: np.ndarray  # (J,) 0 where the keypoint was filled in
    pose2d: np.ndarray  # (J, 2) the answer, projected
    hypotheses2d: np.ndarray  # (H, J, 2)
    pose: np.ndarray  # (J, 3) in the world of the floor
    hypotheses: np.ndarray  # (H, J, 3)
    spread: np.ndarray  # (J,) metres


class Person:
    """A person through a film. picture: its width and height in pixels, as it is drawn; fps: 0 for
    a single picture.
    """

    def __init__(
        self,
        part: Prediction,
        colors: list[Color],
        floor: Floor,
        picture: tuple[int, int],
        fps: float,
    ):
        self.colors, self.frame = colors, part.poses.frame.numpy()
        gaps = np.diff(self.frame)
        usual = float(np.median(gaps)) if len(gaps) else 1.0
        self._longest = 2 * usual  # between rows further apart, nobody is drawn
        self._part, self._picture, self._camera = part, picture, _own_camera(part)
        self._kp2d = _in_picture(part, self._camera, picture)
        steady = part.root.double().numpy()
        if fps:
            steady = gaussian_filter1d(steady, STEADY * fps / usual, axis=0, mode="nearest")
        self._floor, self._root = floor, floor.world(steady)
        turned = part.pose3d.numpy() @ floor.rotation.T
        self._pose = turned + self._root[:, None]

    def rows(self, frame: int) -> tuple[int, int, float] | None:
        """The rows before and after a frame, and how far it is between them; None where nobody is
        near.
        """
        after = int(np.searchsorted(self.frame, frame))
        if after == len(self.frame) or (self.frame[after] > frame and not after):
            return None
        before = after - (self.frame[after] > frame)
        gap = self.frame[after] - self.frame[before]
        if gap > self._longest:
            return None
        return before, after, float((frame - self.frame[before]) / max(gap, 1))

    def pose(self, frame: int) -> np.ndarray | None:
        """The pose (J, 3) in the world in a frame, if there is one."""
        rows = self.rows(frame)
        return rows and _between(self._pose[rows[0]], self._pose[rows[1]], rows[2])

    def at(self, frame: int) -> Moment | None:
        """What is drawn in a frame: interpolated between two rows, None where there are none."""
        rows = self.rows(frame)
        if rows is None:
            return None
        before, after, share = rows
        if before == after:
            return self._row(before)
        pairs = zip(self._row(before), self._row(after))
        return Moment(*(_between(a, b, share) for a, b in pairs))

    def _row(self, n: int) -> Moment:
        part, confidence = self._part, self._part.poses.confidence
        hypotheses = part.hypotheses[n]
        return Moment(
            kp2d=self._kp2d[n],
            seen=np.ones(len(self._kp2d[n])) if confidence is None else confidence[n].numpy() > 0,
            pose2d=self._pixels(part.pose3d[n] + part.root[n], n),
            hypotheses2d=self._pixels(hypotheses + part.root[n], n),
            pose=self._pose[n],
            hypotheses=hypotheses.numpy() @ self._floor.rotation.T + self._root[n],
            spread=part.spread[n].numpy(),
        )

    def _pixels(self, places, n: int) -> np.ndarray:
        """Places (..., 3) in front of the camera -> pixels of the picture."""
        camera = self._camera[n]
        if camera[4:].any():
            screen = project(places[None], camera)[0]
        else:  # project stops at 45 degrees, which a lens without distortion need not
            screen = camera[:2] * places[..., :2] / places[..., 2:].clamp_min(0.05) + camera[2:4]
        return _to_pixels(screen.numpy(), self._picture)


def bone_colors(number: int, alone: bool) -> list[Color]:
    """Of each bone: who is alone has sides in two colours, others a colour each, lighter on the
    left.
    """
    left, right, middle = SIDES
    if not alone:
        right = PEOPLE[number % len(PEOPLE)]
        left, middle = mixed(right, WHITE, 0.45), mixed(right, WHITE, 0.2)
    return [left if c in LEFT else right if c in RIGHT else middle for _, c in BONES]


def _between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return a + share * (b * 1.0 - a) if share else a


def _own_camera(part: Prediction):
    """Intrinsics (N, 9) of the camera that took the pictures."""
    poses = part.poses
    if poses.own_intrinsics is None and poses.rotation is not None:
        raise ValueError(
            "these poses do not know the camera of their pictures: take those of Keypoints.poses"
        )
    return poses.intrinsics if poses.own_intrinsics is None else poses.own_intrinsics


def _in_picture(part: Prediction, camera, picture: tuple[int, int]) -> np.ndarray:
    """The keypoints (N, J, 2) in pixels of the picture: out of the training camera, and back."""
    poses = part.poses
    if poses.rotation is None:
        return _to_pixels(poses.kp2d.numpy(), picture)
    seen, own = poses.intrinsics[:, None].double(), camera[:, None].double().numpy()
    rays = ((poses.kp2d - seen[..., 2:4]) / seen[..., :2]).numpy()
    rays = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1)
    rays = rays @ poses.rotation.double().numpy()  # (N, J, 3): rotation's transpose, to each
    return _to_pixels(own[..., :2] * rays[..., :2] / rays[..., 2:] + own[..., 2:4], picture)


def _to_pixels(screen: np.ndarray, picture: tuple[int, int]) -> np.ndarray:
    width, height = picture
    return (screen + (1, height / width)) * (width / 2)

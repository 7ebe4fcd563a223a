"""A 2D stick figure for a notebook: move its joints with the mouse, over a picture if you have one.

figure = StickFigure(keypoints)  # StickFigure() draws a standing person to start from
figure.on_move(lambda moved: explorer.replace(moved.poses()))  # moved: Keypoints
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from ..keypoints import Keypoints, read_keypoints
from ..plots import LEFT_COLOR, MIDDLE_COLOR, RIGHT_COLOR, photo
from ..skeleton import BONES, JOINTS, LEFT, RIGHT

# Somebody standing, arms a little out, seen from the front, in a picture of 1000 x 1000 pixels.
STANDING = [
    (500, 480), (460, 480), (452, 640), (446, 790), (540, 480), (548, 640), (554, 790), (500,
    400), (500, 310), (500, 265), (500, 222),
    (555, 315), (590, 410), (615, 495), (445, 315), (410, 410), (385, 495),
]  # fmt: skip


class StickFigure(anywidget.AnyWidget):
    """The joints of one person: drag one, or click it and then its new place, or select it and use
    the arrow keys.

    keypoints: Keypoints, of which row is shown; None starts with a standing person. picture: the
    path of an image to show behind the joints; its size must be that of the keypoints' picture.
    Without one, only the person and some space around are shown. moved is the Keypoints with that
    row as it is now; joints that were moved by hand have confidence 1.
    """

    _esm = Path(__file__).with_name("stick_figure.js")
    points = traitlets.List().tag(sync=True)  # 17 of [x, y], pixels
    sure = traitlets.List().tag(sync=True)  # 17 of bool: seen by the detector or placed by hand
    window = traitlets.List().tag(sync=True)  # left, top, width, height of what is shown
    size = traitlets.List().tag(sync=True)  # width and height of the picture
    picture = traitlets.Unicode("").tag(sync=True)  # as a data URL
    bones = traitlets.List([list(bone) for bone in BONES]).tag(sync=True)
    joints = traitlets.List(list(JOINTS)).tag(sync=True)
    colors = traitlets.List(
        [
            LEFT_COLOR if j in LEFT else RIGHT_COLOR if j in RIGHT else MIDDLE_COLOR
            for j in range(len(JOINTS))
        ]
    ).tag(sync=True)

    def __init__(
        self, keypoints: Keypoints | None = None, *, row: int = 0, picture: str | Path | None = None
    ):
        url, *size = ("",) if picture is None else photo(picture)
        if keypoints is None:
            size = size or (1000, 1000)
            standing = (np.array(STANDING, dtype=float) / 1000 - 0.5) * min(size) + np.array(
                size
            ) / 2
            keypoints = read_keypoints(
                standing, format="h36m17", image_size=size, name="drawn by hand"
            )
        elif size and size != [keypoints.width, keypoints.height]:
            raise ValueError(
                f"{picture} has {size[0]} x {size[1]} pixels, the keypoints are of "
                f"{keypoints.width} x {keypoints.height}"
            )
        if not -len(keypoints) <= row < len(keypoints):
            raise ValueError(f"row {row} of {len(keypoints)}: a row is one person in one frame")
        self._keypoints, self._row = keypoints, row
        self._start = keypoints.kp2d[row].copy()
        points, sure = keypoints.kp2d[row].astype(float).round(1), keypoints.confidence[row] > 0
        middle, reach = (points.max(0) + points.min(0)) / 2, 0.68 * np.ptp(points, axis=0).max()
        super().__init__(
            points=points.tolist(),
            sure=sure.tolist(),
            window=[0, 0, *size]
            if picture is not None
            else [*(middle - reach).tolist(), 2 * reach, 2 * reach],
            size=[keypoints.width, keypoints.height],
            picture=url,
        )
        self.observe(
            lambda change: setattr(self, "sure", (self.moved.confidence[self._row] > 0).tolist()),
            "points",
        )

    @property
    def moved(self) -> Keypoints:
        """The Keypoints with the joints at their present places."""
        kp2d, confidence = self._keypoints.kp2d.copy(), self._keypoints.confidence.copy()
        now = np.array(self.points, dtype=np.float32)
        confidence[self._row][np.abs(now - self._start).max(-1) > 0.1] = 1.0
        kp2d[self._row] = now
        return replace(self._keypoints, kp2d=kp2d, confidence=confidence)

    def on_move(self, call: Callable[[Keypoints], None]) -> None:
        """Call `call` with moved whenever a joint was moved."""
        self.observe(lambda change: call(self.moved), "points")

    def reset(self) -> None:
        """Move all joints back to where they started."""
        self.points = self._start.astype(float).round(1).tolist()

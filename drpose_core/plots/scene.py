"""The 3D scene around poses: axes in metres, a floor, and a camera that fills the view."""

import numpy as np

EYE = (0.85, -1.85, 0.55)  # from beside the camera, a little above
_OPENING = np.tan(np.pi / 8)  # half of plotly's field of view of 45 degrees
_FLOOR, _TEXT = "#E4E9ED", "#666666"


def upright(poses: np.ndarray) -> np.ndarray:
    """Camera frame (x right, y down, z forward) -> plotly's (x, depth, up)."""
    return np.stack([poses[..., 0], poses[..., 2], -poses[..., 1]], axis=-1)


def scene(poses: np.ndarray, *, eye: tuple[float, float, float] = EYE, room: float = 0.02) -> dict:
    """Plotly's scene around all the poses (..., J, 3): equal axes in metres, a floor below the
    lowest joint, and the camera in the direction eye, as close as possible.

    The floor is a plane of constant height in the camera frame. room, in metres, is left free on
    every side. All poses are in view if the view is at least as wide as it is high.
    """
    points = upright(poses).reshape(-1, 3)
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, (high - low) / 2 + room
    half[:2] = np.maximum(1.15 * half[:2], 0.36 * half.max())  # a floor to stand on
    size = 2 * half.max()
    axes = {
        f"{axis}axis": {
            "title": {"text": name, "font": {"size": 12, "color": _TEXT}},
            "range": [m - h, m + h],
            "tickfont": {"size": 11, "color": _TEXT},
            "dtick": 0.5 if size < 4 else 1,
            "showbackground": axis == "z",  # the floor alone: its grid is white, as the page is
            "backgroundcolor": _FLOOR,
            "gridcolor": "#FFFFFF",
            "gridwidth": 2,
            "zeroline": False,
            "showspikes": False,
        }
        for axis, name, m, h in zip(
            "xyz", ("x (m)", "depth (m)", "up (m)"), middle.tolist(), half.tolist()
        )
    }
    corners = np.array([[x, y, -1] for x in (-1, 1) for y in (-1, 1)]) * half
    camera = _camera((points - middle) / size, 1.06 * corners / size, eye)
    ratio = dict(zip("xyz", (2 * half / size).tolist()))
    return {**axes, "aspectmode": "manual", "aspectratio": ratio, "camera": camera}


def _camera(points: np.ndarray, floor: np.ndarray, eye: tuple[float, float, float]) -> dict:
    """The closest camera in the direction eye that sees all points (N, 3) and the floor's corners.

    A camera at distance r sees a point that lies u to the side and w towards the camera if |u| is
    at most (r - w) times the opening; the same holds for the height.
    """
    toward = np.array(eye) / np.linalg.norm(eye)
    across = np.cross((0, 0, 1), toward)
    across /= np.linalg.norm(across)
    up = np.cross(toward, across)
    distance, centre = 0.0, np.zeros(3)
    for axis, opening in ((across, 0.85 * _OPENING), (up, 0.88 * _OPENING)):  # room for numbers
        seen = np.concatenate([points, floor])
        w, position = seen @ toward, seen @ axis / opening
        above, below = (w + position).max(), (w - position).max()
        distance = max(distance, (above + below) / 2)
        centre += axis * opening * (above - below) / 2
    place = dict(zip("xyz", (centre + distance * toward).tolist()))
    return {"eye": place, "center": dict(zip("xyz", centre.tolist()))}

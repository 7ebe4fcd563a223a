"""People in space, as seen by an eye that goes around them: shaded bones over a floor."""

from typing import NamedTuple

import numpy as np

from ..skeleton import BONES
from .canvas import Color, Pen, mixed

PAPER, GRID, SHADOW = (250, 250, 252), (203, 207, 216), (228, 230, 236)
LIFT = np.radians(14)  # how far above the people's middle the eye is
FAR = 4.2  # how far away, in radii of the stage
BONE = 0.026  # metres, how thick a bone is drawn
SQUARE = 0.5  # metres, of the floor's grid
_BONES = np.array(BONES)


class Body(NamedTuple):
    """A person on the stage, in the world's frame (y up, the floor at 0)."""

    pose: np.ndarray  # (J, 3)
    hypotheses: np.ndarray  # (H, J, 3)
    spread: np.ndarray  # (J,) metres
    colors: list[Color]  # of each bone


class Stage(NamedTuple):
    """Where the eye looks, and how much it sees; center and radius in metres."""

    center: np.ndarray  # (3,)
    radius: float
    zoom: float  # pixels per metre at the center
    turn: float  # radians around the vertical; 0 looks as the camera of the film does
    box: tuple[float, float, float, float]  # of the picture: left, upper, width, height

    def seen(self, points) -> tuple[np.ndarray, np.ndarray]:
        """Points (..., 3) -> pixels (..., 2), and pixels per metre there (...)."""
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        x, y, z = np.moveaxis(np.asarray(points, dtype=float) - self.center, -1, 0)
        x, z = cosine * x - sine * z, sine * x + cosine * z
        y, z = np.cos(LIFT) * y - np.sin(LIFT) * z, np.sin(LIFT) * y + np.cos(LIFT) * z
        left, upper, width, height = self.box
        away = FAR * self.radius
        scale = self.zoom * away / np.maximum(away - z, 0.1 * away)
        middle = (left + width / 2, upper + height / 2)
        return np.stack([middle[0] + scale * x, middle[1] - scale * y], axis=-1), scale


def draw_stage(pen: Pen, stage: Stage, bodies: list[Body]) -> None:
    """Shadows, the floor, hypotheses thin, poses thick; what is near hides what is far."""
    for body in bodies:
        _draw_shadow(pen, stage, body.pose)
    _draw_floor(pen, stage)
    for body in bodies:
        _draw_hypotheses(pen, stage, body)
    pieces = []
    for body in bodies:
        pixels, scale = stage.seen(body.pose)
        pieces += zip(scale[_BONES].mean(1), pixels[_BONES], body.colors)
        pieces.append((scale[10], pixels[10], body.colors[9]))  # the head, a ball
    for scale, place, color in sorted(pieces, key=lambda piece: piece[0]):
        width = BONE * scale
        for grow, tint in ((0.4 * width, PAPER), (0, color)):  # an edge, so that bones stand out
            if place.ndim == 1:
                pen.disc(place, 2 * width + grow / 2, tint)
                continue
            pen.lines(place[None], width + grow, [tint])
            for end in place:
                pen.disc(end, (width + grow) / 2, tint)


def faint(hypotheses: int) -> float:
    """How opaque one hypothesis is, so that any number of them is a cloud and not a blot."""
    return float(np.clip(5 / max(1, hypotheses), 0.06, 0.5))


def _draw_hypotheses(pen: Pen, stage: Stage, body: Body) -> None:
    pixels, scale = stage.seen(body.pose)
    for joint, color in zip(_BONES[:, 1], body.colors):  # as far as they spread
        pen.disc(pixels[joint], body.spread[joint] * scale[joint], color, 0.16)
    pixels, scale = (x[:, _BONES] for x in stage.seen(body.hypotheses))
    width = np.maximum(0.4 * BONE * scale.mean(-1), 1).ravel()
    colors = body.colors * len(body.hypotheses)
    pen.lines(pixels.reshape(-1, 2, 2), width, colors, faint(len(body.hypotheses)))


def _draw_shadow(pen: Pen, stage: Stage, pose: np.ndarray) -> None:
    pixels, scale = stage.seen(pose * (1, 0, 1))
    pen.lines(pixels[_BONES], 2 * BONE * scale[_BONES].mean(1), [SHADOW] * len(BONES))
    for point, near in zip(pixels, scale):
        pen.disc(point, BONE * near, SHADOW)


def _draw_floor(pen: Pen, stage: Stage) -> None:
    """Lines of a grid that stands still in the world, in a circle that fades at its edge."""
    reach = 1.25 * stage.radius
    middle = stage.center[[0, 2]]
    steps = np.linspace(-1, 1, 11)
    for axis in (0, 1):
        first = np.ceil((middle[axis] - reach) / SQUARE)
        at = SQUARE * np.arange(first, (middle[axis] + reach) / SQUARE)
        half = np.sqrt((reach**2 - (at - middle[axis]) ** 2).clip(0))
        points = np.zeros((len(at), len(steps), 3))
        points[..., 2 * axis] = at[:, None]
        points[..., 2 - 2 * axis] = middle[1 - axis] + half[:, None] * steps
        away = np.linalg.norm(points[..., [0, 2]] - middle, axis=-1) / reach
        pixels, scale = stage.seen(points)
        ends = np.stack([pixels[:, :-1], pixels[:, 1:]], axis=2).reshape(-1, 2, 2)
        fade = 1 - ((away[:, :-1] + away[:, 1:]) / 2).clip(0, 1).ravel() ** 2
        width = (0.007 * scale[:, 1:]).clip(1).ravel()
        pen.lines(ends, width, [mixed(PAPER, GRID, share) for share in fade.tolist()])

"""Smooth lines and discs on a picture, by Pillow, which draws with hard edges: a part of the
picture is enlarged, drawn on, and made small again, which smooths what was drawn and leaves the
rest as it was.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

SHARP = 2  # how much larger it is drawn

Color = tuple[int, int, int]


class Pen:
    """Draws in the pixels of the picture; alpha from 0 to 1 lets what is below shine through."""

    def __init__(self, draw, corner: np.ndarray):
        self._draw, self._corner = draw, corner

    def lines(self, ends, width, colors: Sequence[Color], alpha: float = 1) -> None:
        """Lines from ends[:, 0] to ends[:, 1], (n, 2, 2), of one width or n, in n colours."""
        # Four corners each: Pillow's own lines have whole widths only.
        across = (np.asarray(ends, dtype=float) - self._corner) * SHARP
        along = across[:, 1] - across[:, 0]
        length = np.hypot(*along.T).clip(1e-9)
        side = np.stack([-along[:, 1], along[:, 0]], axis=-1)
        # Pillow also fills the pixels that an outline touches.
        width = (np.broadcast_to(width, len(across)) * SHARP - 0.85).clip(0.2)
        side *= (width / 2 / length)[:, None]
        a, b = across[:, 0], across[:, 1]
        corners = np.stack([a + side, b + side, b - side, a - side], axis=1).reshape(-1, 8)
        for corner, color in zip(corners.tolist(), colors):
            self._draw.polygon(corner, fill=_rgba(color, alpha))

    def disc(self, center, radius: float, color: Color, alpha: float = 1) -> None:
        x, y = ((np.asarray(center, dtype=float) - self._corner) * SHARP).tolist()
        r = float(radius) * SHARP
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=_rgba(color, alpha))


@contextmanager
def pen(picture, points, margin: float) -> Iterator[Pen]:
    """A pen for the part of a Pillow picture that holds points (..., 2), with a margin in pixels;
    what is drawn beyond is cut off.
    """
    from PIL import Image, ImageDraw

    points = np.asarray(points, dtype=float).reshape(-1, 2)
    size = np.array(picture.size)
    low = np.clip(np.floor(points.min(0) - margin), 0, size - 1).astype(int)
    high = np.clip(np.ceil(points.max(0) + margin), low + 1, size).astype(int)
    box = (*low.tolist(), *high.tolist())
    part = np.asarray(picture.crop(box))
    large = Image.fromarray(part.repeat(SHARP, axis=0).repeat(SHARP, axis=1))
    yield Pen(ImageDraw.Draw(large, "RGBA"), low)
    picture.paste(large.reduce(SHARP), box)


def mixed(color: Color, other: Color, share: float) -> Color:
    """A colour with a share of another."""
    return tuple(round(a + (b - a) * share) for a, b in zip(color, other))


def _rgba(color: Color, alpha: float) -> tuple[int, int, int, int]:
    return (*color, round(255 * alpha))

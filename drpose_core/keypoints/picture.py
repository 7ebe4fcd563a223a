"""The size of the picture in which keypoints lie."""

import numpy as np

# of pictures, width and height; or upright
SIZES = [(640, 480), (1280, 720), (1920, 1080), (3840, 2160), (7680, 4320)]


def picture_size(size) -> tuple[int, int] | None:
    """A size that is given, checked; None stays None."""
    if size is None:
        return None
    if len(size) != 2 or not all(np.isfinite(x) and x >= 1 for x in size):
        raise ValueError(f"image_size must be a width and a height in pixels, got {size}")
    return int(size[0]), int(size[1])


def guessed_size(points: np.ndarray, notes: list[str]) -> tuple[int, int]:
    """The smallest usual size, lying or upright, that holds the points."""
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

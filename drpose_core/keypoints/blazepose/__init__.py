"""People in a picture by BlazePose (Bazarevsky et al. 2020), with the weights of MediaPipe 0.10.21
(Apache 2.0, LICENSE here) through LiteRT: nothing is downloaded.

One network finds people by face and hips; the other finds 33 landmarks in a square that is turned
until the person stands upright. What comes before, between and after is written here, by the
numbers of MediaPipe's graphs pose_detection, pose_landmark_by_roi and pose_landmarks_to_roi.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LOOKED, CROPPED, HEAT = 224, 256, 64  # pixels of the two networks' inputs, and of the heat maps
STRIDES = ((8, 2), (16, 2), (32, 6))  # of the detector's cells, and how many boxes each has
SURE = 0.5  # a person is there
SAME = 0.3  # overlap of two boxes, or distance of hips in sizes of a body, that are one person's
WIDER = 1.25  # the square, than the circle around the person
AROUND = 3  # pixels of a heat map around a landmark, over which it is refined


class BlazePose:
    """Call with a picture (height, width, 3), BGR as OpenCV has it: landmarks (people, 33, 2) in
    pixels and their visibility (people, 33), surest first.
    """

    def __init__(self):
        from ai_edge_litert.interpreter import Interpreter  # an optional dependency

        self.detector = _Network(Interpreter, "pose_detection")
        self.landmarks = _Network(Interpreter, "pose_landmark_full")
        self.cells = np.concatenate([_cells(LOOKED // stride, n) for stride, n in STRIDES])

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found: list[np.ndarray] = []
        for squares in _squares(image.shape[1], image.shape[0]):
            seen = [one for square in squares for one in self._detected(image, *square)]
            for _, middle, top in sorted(seen, key=lambda one: -one[0]):
                if any(_near(middle, top, one) for one in found):
                    continue  # seen in the square beside, too
                for _ in range(2):  # the landmarks tell better than the detector where they are
                    points, there = self._placed(image, middle, top)
                    middle, top = points[33, :2], points[34, :2]
                if there > SURE and not any(_near(middle, top, one) for one in found):
                    found.append(points)
            if found:
                break
        people = np.array(found).reshape(-1, 39, 3)[:, :33]
        return people[..., :2], people[..., 2]

    def _detected(self, image: np.ndarray, corner: np.ndarray, side: float) -> list[tuple]:
        """Of each person in a square of the picture how sure they are, the middle of the hips and a
        point on the circle around the body, (2,) pixels.
        """
        scale = LOOKED / side
        square = _warped(image, np.column_stack([np.eye(2) * scale, -corner * scale]), LOOKED)
        boxes, logits = self.detector(square / 127.5 - 1)
        sure = _sigmoid(logits[0, :, 0])
        keep = np.flatnonzero(sure > SURE)
        # a box: its middle and size, then four points; all from the middle of the cell, in pixels
        values = boxes[0, keep].astype(float).reshape(-1, 6, 2)
        values[:, [0, 2, 3, 4, 5]] += self.cells[keep, None] * LOOKED
        people = []
        for rows in _groups(values, sure[keep]):
            weight = sure[keep][rows, None, None]
            middle, top = ((values[rows] * weight).sum(0) / weight.sum())[2:4] / scale + corner
            people.append((sure[keep][rows[0]], middle, top))
        return people

    def _placed(self, image: np.ndarray, middle, top) -> tuple[np.ndarray, float]:
        """The 33 landmarks and the 6 auxiliary ones (39, 3), x, y and visibility, in the square
        around a person; and how sure it is that there is one.
        """
        to_top = np.asarray(top) - middle
        side = max(2 * WIDER * np.hypot(*to_top), 1)
        right = np.array([-to_top[1], to_top[0]]) / max(np.hypot(*to_top), 1e-9)
        turn = np.stack([right, [-right[1], right[0]]]) * (CROPPED / side)  # picture to square
        shift = CROPPED / 2 - turn @ middle
        square = _warped(image, np.column_stack([turn, shift]), CROPPED)
        points, there, _, heat, _ = self.landmarks(square / 255)
        points = points[0].reshape(39, 5).astype(float)
        places = _refined(points[:, :2] / CROPPED, _sigmoid(heat[0])) * CROPPED
        places = (places - shift) @ np.linalg.inv(turn).T
        return np.column_stack([places, _sigmoid(points[:, 3])]), float(there[0, 0])


class _Network:
    def __init__(self, interpreter, name: str):
        self.run = interpreter(model_path=str(HERE / f"{name}.tflite"), num_threads=None)
        self.run.allocate_tensors()
        self.input = self.run.get_input_details()[0]["index"]
        self.outputs = [each["index"] for each in self.run.get_output_details()]

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        self.run.set_tensor(self.input, picture[None].astype(np.float32))
        self.run.invoke()
        return [self.run.get_tensor(index) for index in self.outputs]


def _squares(width: int, height: int) -> list[list[tuple[np.ndarray, float]]]:
    """Where to look for people, upper left corners and sides of squares: first the whole picture
    and, if it is long, squares of its height beside each other; if nobody is there, squares of half
    that side, for people are not found who are smaller than a quarter of a square.
    """
    long, short = max(width, height), min(width, height)
    whole = (np.array([width - long, height - long]) / 2, float(long))
    rows = [whole, *_grid(width, height, short)] if long > 1.2 * short else [whole]
    return [rows, _grid(width, height, short / 2)]


def _grid(width: int, height: int, side: float) -> list[tuple[np.ndarray, float]]:
    """Squares of a side over a picture, which overlap by half."""
    xs, ys = (
        np.linspace(0, size - side, max(1, int(np.ceil(2 * size / side - 1.01))))
        for size in (width, height)
    )
    return [(np.array([x, y]), float(side)) for y in ys for x in xs]


def _cells(count: int, boxes: int) -> np.ndarray:
    """Middles (count * count * boxes, 2) of the cells of a square of side 1, x first."""
    middles = (np.arange(count) + 0.5) / count
    y, x = np.meshgrid(middles, middles, indexing="ij")
    return np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), boxes, axis=0)


def _warped(image: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """A square of the picture, RGB; matrix (2, 3) takes the picture's pixels to the square's."""
    import cv2

    flags = cv2.INTER_LINEAR
    return cv2.warpAffine(image, matrix, (side, side), flags=flags)[..., ::-1].astype(np.float32)


def _groups(values: np.ndarray, sure: np.ndarray) -> list[np.ndarray]:
    """Which boxes (n, 6, 2) are the same person's, the surest person first."""
    low, high = values[:, 0] - values[:, 1] / 2, values[:, 0] + values[:, 1] / 2
    left, groups = np.argsort(-sure, kind="stable"), []
    while len(left):
        first = left[0]
        sides = np.minimum(high[left], high[first]) - np.maximum(low[left], low[first])
        both = sides.clip(0).prod(1)
        area = (high - low).prod(1)
        same = both > SAME * (area[left] + area[first] - both)
        same[0] = True
        groups.append(left[same])
        left = left[~same]
    return groups


def _refined(places: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Landmarks (39, 2), from 0 to 1, moved to the middle of their heat (64, 64, 39) around them,
    where there is enough of it.
    """
    found = places.copy()
    for n, (x, y) in enumerate((places * HEAT).astype(int)):
        if not (0 <= x < HEAT and 0 <= y < HEAT):
            continue
        left, top = max(0, x - AROUND), max(0, y - AROUND)
        near = heat[top : y + AROUND + 1, left : x + AROUND + 1, n]
        if near.max() >= SURE:
            rows, columns = np.indices(near.shape)
            middle = np.array([(columns * near).sum(), (rows * near).sum()]) / near.sum()
            found[n] = (middle + (left, top)) / HEAT
    return found


def _near(middle: np.ndarray, top: np.ndarray, one: np.ndarray) -> bool:
    """Whether the circle around a body is that of a person's landmarks (39, 3)."""
    size = np.linalg.norm(top - middle)
    other = np.linalg.norm(one[34, :2] - one[33, :2])
    apart = np.linalg.norm(middle - one[33, :2])
    return bool(apart < SAME * max(size, other) and 0.5 < size / max(other, 1e-9) < 2)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(float).clip(-100, 100)))

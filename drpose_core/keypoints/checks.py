"""Whether keypoints can be what they are taken for: refused, left out or doubted, with reasons."""

import warnings

import numpy as np

from .found import Found
from .people import Film
from .plausible import STRANGE, filled

FAR = 8.0  # times as far from a person's middle as their joints as a rule: no joint of theirs
ENOUGH = 8  # of a person's 17 joints must be seen
FAINT = 0.3  # mean confidence of a person hardly seen
ODD = 3.0  # surprise of people who may be turned
JUMP = 2.0  # sizes of a person that nobody moves in most frames


def as_pixels(
    name: str,
    rows: np.ndarray,
    least: float,
    size: tuple[int, int] | None,
    notes: list[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Places (N, K, 2) and confidence (N, K) of rows (N, K, 3), both 0 for what is not seen, in
    pixels: fractions of the picture are multiplied by its size. ValueError for anything else.
    """
    points, sure = rows[..., :2], np.nan_to_num(rows[..., 2], nan=0.0)
    if (sure < 0).mean() > 0.2:
        raise ValueError(
            f"{name} has confidences below 0: is the third number a depth? leave it out"
        )
    sure = sure.clip(0, 1)
    there = np.isfinite(points).all(-1) & (sure >= least) & (sure > 0)
    there &= (np.nan_to_num(points) != 0).any(-1)  # (0, 0) is how tools say "not found"
    if not there.any():
        raise ValueError(
            f"{name} has no keypoint with a confidence of {least:g} or more: no pose to predict"
        )
    far = np.median(np.abs(points[there]).max(-1))
    if far <= 2:
        if (points[there] < -0.1).mean() > 0.1:
            raise ValueError(
                f"{name} has keypoints between -2 and 2, around 0, not in pixels: give pixels "
                "(OpenPose: --keypoint_scale 0), not MediaPipe's world landmarks"
            )
        if size is None:
            raise ValueError(
                f"{name} has keypoints between 0 and 1, fractions of the picture, not in pixels: "
                "give its width and height, image_size=(1920, 1080) (--image-size 1920 1080)"
            )
        notes.append(f"fractions of the picture, multiplied by its {size[0]} x {size[1]} pixels")
        points = points * size
    if far > 1e5:
        raise ValueError(f"{name} has keypoints up to {far:.3g}, outside any picture: give pixels")
    return np.where(there[..., None], points, 0.0), np.where(there, sure, 0.0)


def left_out(found: Found) -> list[str]:
    """A sentence on people who could not be read."""
    if not found.refused:
        return []
    frame, reason = found.refused[0]
    count = many(len(found.refused), "person", "people")
    return [f"{count} left out (first in frame {frame}): {reason}"]


def film_notes(frame: np.ndarray, film: Film, found: Found) -> list[str]:
    """Sentences on frames without a person, and on the frame rate where it is not known."""
    notes = []
    seen = len(np.unique(frame))
    count = int(film.tick[-1] - film.tick[0]) + 1 if film.regular else seen
    count = count if found.looked is None else len(found.looked)
    if count > seen:
        notes.append(
            f"{many(count - seen, 'frame')} of {count:,} without a person: they get no pose"
        )
    if seen > 1 and found.fps is None:
        notes.append("the file has no frame rate: give fps if it matters, otherwise 30 is assumed")
    return notes


def far_away(points: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Keypoints (N, K) far away from all others of their person; points (N, K, 2), seen where sure
    (N, K) is above 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # people of whom nothing is seen
        off = np.where(sure[..., None] > 0, points, np.nan)
        off = np.linalg.norm(off - np.nanmedian(off, axis=1, keepdims=True), axis=-1)
        return off > FAR * np.nanmedian(off, axis=1, keepdims=True)


def worth_keeping(
    kp2d: np.ndarray, confidence: np.ndarray, frame: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Which people (N,) can be completed, and sentences on those that cannot."""
    seen = confidence > 0
    low, high = (np.where(seen[..., None], kp2d, fill) for fill in (np.inf, -np.inf))
    few = seen.sum(1) < ENOUGH
    point = ~few & ((high.max(1) - low.min(1)).max(-1) < 2)
    reasons = {
        f"fewer than {ENOUGH} of the 17 joints are seen": few,
        "all joints lie within two pixels": point,
    }
    notes = [
        f"{many(int(bad.sum()), 'pose')} left out (first in frame {frame[bad][0]}): {reason}"
        for reason, bad in reasons.items()
        if bad.any()
    ]
    return ~few & ~point, notes


def doubtful(
    kp2d, confidence, frame, person, size: tuple[int, int], surprise: np.ndarray, form: str
) -> list[str]:
    """Sentences on what may be wrong with people (N, 17, 2), complete, in a picture of a size
    (width, height).
    """
    doubts = [*_outside(kp2d, confidence, size), *_jumps(kp2d, frame, person)]
    doubts += _turned(kp2d, confidence > 0)

    def where(n):
        return f"person {person[n]} in frame {frame[n]}"

    if (faint := confidence.mean(1) < FAINT).any():
        count = many(int(faint.sum()), "pose")
        doubts.append(
            f"{count} of {len(kp2d):,} barely visible (mean confidence below {FAINT}; first: "
            f"{where(int(faint.argmax()))})"
        )
    if (strange := int((surprise > STRANGE).sum())) > 0:
        doubts.append(
            f"{strange:,} of {many(len(kp2d), 'pose')} do not resemble a human pose (worst: "
            f"{where(int(surprise.argmax()))}): is {form} the order of the joints, "
            "does y point down, is the picture upright?"
        )
    return doubts


def _outside(kp2d: np.ndarray, confidence: np.ndarray, size: tuple[int, int]) -> list[str]:
    """A sentence if too many joints lie outside the picture for its size to be right."""
    seen = confidence > 0
    out = seen & ((kp2d < 0) | (kp2d > size)).any(-1)
    if out.sum() <= 0.1 * seen.sum():
        return []
    (left, top), (right, low) = kp2d[seen].min(0), kp2d[seen].max(0)
    return [
        f"{out.sum() / seen.sum():.0%} of the joints lie outside the picture of {size[0]} x "
        f"{size[1]}, they reach from "
        f"({left:.0f}, {top:.0f}) to ({right:.0f}, {low:.0f}): is its size right, width before "
        "height?"
    ]


def _turned(kp2d: np.ndarray, seen: np.ndarray) -> list[str]:
    """A sentence if people look much more like people when x and y are exchanged or the picture is
    turned by a quarter: so do 99 of 100 synthetic people who are, and none who is not.
    """
    few = slice(None, None, max(1, len(kp2d) // 100))
    kp2d, seen = kp2d[few], seen[few]
    x, y = kp2d[..., 0], kp2d[..., 1]
    given = filled(kp2d, seen)[1]
    ways = ((y, x), (y, -x), (-y, x))
    best = np.min([filled(np.stack(way, axis=-1), seen)[1] for way in ways], axis=0)
    if ((given > ODD) & (best < given / 2)).mean() <= 0.5:
        return []
    return [
        "people lie down, or x and y are swapped, or the picture is rotated by 90 degrees: does x "
        "come before y, is the picture upright?"
    ]


def _jumps(kp2d: np.ndarray, frame: np.ndarray, person: np.ndarray) -> list[str]:
    """A sentence if a person is elsewhere in most frames, as where an array of several people is
    taken for a film of one.
    """
    order = np.lexsort((frame, person))
    same = person[order][1:] == person[order][:-1]
    middle, size = np.median(kp2d, axis=1)[order], np.sqrt(kp2d.var(1).sum(-1))[order]
    moved = np.linalg.norm(np.diff(middle, axis=0), axis=-1)[same] / np.maximum(
        size[1:][same], 1e-9
    )
    if not len(moved) or np.median(moved) < JUMP:
        return []
    return [
        "people jump from frame to frame: several people of one picture are an array (1, people, "
        "K, 2), array[None]"
    ]


def many(count: int, one: str, more: str | None = None) -> str:
    """A number and its noun."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"

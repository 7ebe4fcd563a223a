"""Arrays of numbers, alone, in lists, or by name as in npz files -> frames of people."""

from collections.abc import Mapping

import numpy as np

from .person import KNOWN, Person

ALONG = 0.75  # sizes of a person that nobody moves from frame to frame, as a rule
STILL = 0.3  # and that people of one picture are apart
POINTS = ("keypoints", "keypoint", "reconstruction", "kpts", "kps", "poses", "pose2d", "joints",
          "keypoints_2d", "positions_2d", "joints_2d", "points")  # fmt: skip
SCORES = ("scores", "keypoint_scores", "keypoint_score", "confidence", "conf", "score")


def arrays(content):
    """An array: (K, 2 or 3) of one person, (frames, K, ...), (frames, people, K, ...) or
    (people, frames, K, ...); or a list of arrays, one per frame, of the people in it.
    """
    if isinstance(content, np.ndarray) and content.dtype != object:
        return of_array(content)
    if isinstance(content, np.ndarray):
        content = list(content)
    if not isinstance(content, list | tuple) or not len(content):
        return None
    if _pair(content):
        return [(None, _people(_joined(*content)))]
    if any(isinstance(item, np.ndarray) or _pair(item) for item in content):
        return [(None, _people(_joined(*x) if _pair(x) else x)) for x in content]
    numbers = _numbers(content)
    return None if numbers is None else of_array(numbers)


def named(content):
    """npz files and dictionaries of arrays: keypoints and, apart, their confidence."""
    if not isinstance(content, Mapping) or not content:
        return None
    known = {str(name).lower(): name for name in content}
    name = next((known[name] for name in POINTS if name in known), None)
    if name is None:
        fits = [key for key in content if _shaped(_read(content, key))]
        if len(fits) != 1:
            return None
        name = fits[0]
    points = content[name]
    points = points if isinstance(points, np.ndarray) else _numbers(points)
    if points is None:
        return None
    sure = next((content[known[name]] for name in SCORES if name in known), None)
    sure = _numbers(sure) if isinstance(sure, list) else sure
    if isinstance(sure, np.ndarray) and points.shape[:-1] == sure.shape and points.shape[-1] == 2:
        points = _joined(points, sure)
    return arrays(points)


def videopose3d(content):
    """VideoPose3D's data_2d_custom: "positions_2d", {film: {"custom": [(frames, K, 2)]}}."""
    films = content.get("positions_2d") if isinstance(content, Mapping) else None
    if not isinstance(films, Mapping):
        return None
    found = {(film, take): views for film, takes in films.items() for take, views in takes.items()}
    if len(found) != 1 or len(next(iter(found.values()))) != 1:
        raise ValueError(
            f"it holds {len(found)} recordings ({', '.join(f'{a}/{b}' for a, b in list(found)[:3])}"
            "), perhaps of several cameras: give one, as an array; a data set of Human3.6M is read "
            "by h36m_poses"
        )
    return of_array(np.asarray(next(iter(found.values()))[0], dtype=float), film=True)


def detectron(content):
    """VideoPose3D's infer_video: "boxes" and "keypoints", per frame [[], (people, 4, K)] with rows
    x, y, logit, probability.
    """
    if not isinstance(content, Mapping) or not content.keys() >= {"boxes", "keypoints"}:
        return None
    frames = []
    for item in content["keypoints"]:
        found = item[-1] if isinstance(item, list | tuple | np.ndarray) and len(item) else []
        rows = np.array(found, dtype=float).reshape(-1, *np.shape(found)[1:])
        frames.append((None, [Person(row[[0, 1, 3]].T) for row in rows if row.size]))
    return frames


def of_array(array: np.ndarray, film: bool = False):
    """Frames of people; who is NaN is not there. film: the first axis is time. Raises ValueError
    where an array may be several people of one picture as well as a film of one.
    """
    array = np.asarray(array, dtype=float)
    if array.ndim not in (2, 3, 4) or array.shape[-1] not in (2, 3, 4) or not array.size:
        raise ValueError(
            "keypoints must be (K, 2), (frames, K, 2) or (frames, people, K, 2), or with "
            f"confidence 3, got {array.shape}"
        )
    if array.shape[-1] == 4 and array.shape[-2] != 33:
        raise ValueError(
            f"four numbers per keypoint are known of MediaPipe only, got {array.shape}"
        )
    if array.ndim == 3 and not film and len(array) > 1 and _moves(array) > ALONG:
        n, *rest = array.shape
        rest = ", ".join(map(str, rest))
        raise ValueError(
            f"the array ({n}, {rest}) may be {n} people in one picture or one person in {n} frames "
            f"far apart: give array[None] for people, array[:, None] for frames"
        )
    if array.ndim == 4 and _people_first(array):
        array = array.swapaxes(0, 1)
    alone = array.ndim < 4 or array.shape[1] == 1  # of several, the order does not say who is who
    array = array.reshape(-1, 1, *array.shape[-2:]) if array.ndim < 4 else array
    return [(None, _people(rows, 0 if alone else None)) for rows in array]


def _people(rows, who: int | None = None) -> list[Person]:
    """The people (n, K, 2 or more), or one (K, 2 or more), of a frame."""
    rows = np.asarray([] if rows is None else rows, dtype=float)
    if not rows.size:
        return []
    rows = rows[None] if rows.ndim == 2 else rows
    if rows.ndim != 3 or rows.shape[-1] not in (2, 3, 4):
        raise ValueError(f"the keypoints of a frame are {rows.shape}, not (people, K, 2 or 3)")
    sure = np.ones((*rows.shape[:2], 1)) if rows.shape[-1] == 2 else rows[..., -1:]
    rows = np.concatenate([rows[..., :2], sure], axis=-1)
    return [Person(row, who) for row in rows if np.isfinite(row[:, :2]).all(-1).any()]


def _people_first(array: np.ndarray) -> bool:
    """Whether (A, B, K, D) is people before frames, as MHFormer and PYSKL have it: from frame to
    frame a person hardly moves, from person to person there is a leap.
    """
    first, second = len(array), array.shape[1]
    if second < 2 or second < first:
        return False
    along = np.median([_moves(part) for part in array])
    if first == 1:
        return bool(along < STILL)
    across = np.median([_moves(part) for part in array.swapaxes(0, 1)])
    return bool(along < STILL and along < 0.5 * across)


def _moves(people: np.ndarray) -> float:
    """How far joints of (N, K, D) are from the same of the one before, in sizes of a person, as a
    rule; NaN if nobody is seen.
    """
    there = np.isfinite(people[..., :2]).all(-1) & (np.nan_to_num(people[..., :2]) != 0).any(-1)
    points = np.where(there[..., None], people[..., :2], 0)
    count = np.maximum(there.sum(1), 1)
    off = np.where(there[..., None], points - (points.sum(1) / count[:, None])[:, None], 0)
    size = np.sqrt(np.square(off).sum((1, 2)) / count)
    both = there[1:] & there[:-1]
    apart = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    far = np.where(both, apart, 0).sum(1) / np.maximum(both.sum(1), 1)
    good = both.any(1) & (size[1:] > 0)
    return float(np.median(far[good] / size[1:][good])) if good.any() else float("nan")


def _pair(item) -> bool:
    """rtmlib's return value: keypoints (people, K, 2) and scores (people, K)."""
    return (
        isinstance(item, list | tuple)
        and len(item) == 2
        and all(isinstance(x, np.ndarray) for x in item)
        and item[0].ndim == 3
        and item[0].shape[-1] == 2
        and item[1].shape == item[0].shape[:-1]
    )


def _joined(points: np.ndarray, sure: np.ndarray) -> np.ndarray:
    return np.concatenate([points, sure[..., None]], axis=-1)


def _shaped(array) -> bool:
    """Whether these can be keypoints."""
    shape = array.shape if isinstance(array, np.ndarray) else ()
    return len(shape) > 1 and shape[-1] in (2, 3, 4) and shape[-2] in KNOWN


def _read(content: Mapping, name: str):
    """An array by name; None for one that cannot be read, which need not be keypoints."""
    try:
        return content[name]
    except ValueError:
        return None


def _numbers(content) -> np.ndarray | None:
    try:
        array = np.array(content, dtype=float)
    except (TypeError, ValueError):
        return None
    return array if array.ndim > 1 else None

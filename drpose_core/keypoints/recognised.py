"""Which format keypoints have: by its name, by the number of joints, by what looks like people; and
Human3.6M's joints of them.
"""

import numpy as np

from .checks import far_away, many, worth_keeping
from .conversion import to_h36m
from .formats import FORMATS, LEAST_OF, body_of, formats_of
from .plausible import filled

CLEAR = 0.7  # times the surprise of the second best that the best may have
COMMON = ("body25",)  # so much commoner than the others of as many joints that it is taken in doubt


def form_of(count: int, wanted: str | None, named: str | None, name: str) -> str | None:
    """The format that the user or the file names, if it has this number of joints; ValueError if
    the user's has not.
    """
    if wanted is not None and body_of(count, wanted) is None:
        raise ValueError(
            f"{name} has {count} keypoints a person, {wanted} has {len(FORMATS[wanted].joints)}: "
            "name another format, or none"
        )
    if wanted is not None:
        return wanted
    try:
        formats_of(count)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return named if named is not None and body_of(count, named) is not None else None


def least_of(count: int, form: str | None) -> float:
    """The confidence that is right for a format, or for those with this number of joints."""
    return min(LEAST_OF[name] for name in ([form] if form else formats_of(count)))


def recognised(points: np.ndarray, sure: np.ndarray, given: np.ndarray) -> str:
    """The format by the number of joints; of several with as many, the one in which a few of the
    people look most like people. given: the confidence (N, K) before faint keypoints were left out.
    """
    surprise = {}
    fits = formats_of(points.shape[1])
    if len(fits) == 1:
        return fits[0]
    for form in fits:
        body = body_of(points.shape[1], form)
        kp2d, confidence = to_h36m(points[:, body], sure[:, body], form)
        good = np.flatnonzero(worth_keeping(kp2d, confidence, np.zeros(len(kp2d)))[0])
        few = good[:: max(1, len(good) // 100)]
        surprise[form] = (
            float(np.median(filled(kp2d[few], confidence[few] > 0)[1])) if len(few) else np.inf
        )
    best, second = sorted(surprise, key=surprise.get)[:2]
    if surprise[best] < CLEAR * surprise[second]:
        return best
    if common := [form for form in fits if form in COMMON]:
        return common[0]
    if not np.isfinite(surprise[best]):
        seen = given[given > 0]
        faint = np.floor(100 * np.percentile(seen, 10)) / 100 if len(seen) else 0
        raise ValueError(
            f"too few joints are sure enough to tell {best} from {second}: name the format, or "
            f"give least_confidence={max(faint, 0.01):g} (--least-confidence)"
        )
    raise ValueError(
        f"{points.shape[1]} keypoints a person are {best}'s or {second}'s, and these look as "
        "much like either: name the format"
    )


def converted(
    points: np.ndarray, sure: np.ndarray, form: str, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Human3.6M's joints of those of a format; keypoints far away from all others of a person are
    left out.
    """
    body = body_of(points.shape[1], form)
    points, sure = points[:, body], sure[:, body]
    if (apart := far_away(points, sure)).any():
        notes.append(
            f"{many(int(apart.sum()), 'keypoint')} far away from all others of the person: "
            "treated as not seen"
        )
        sure[apart] = 0
    return to_h36m(points, sure, form)

"""A detector's joints -> Human3.6M's seventeen, by the table of a format."""

import numpy as np

from ..skeleton import JOINTS
from .formats import FORMATS


def to_h36m(
    keypoints: np.ndarray, confidence: np.ndarray, format: str
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (..., K, 2) and confidence (..., K) of a format -> Human3.6M's (..., 17, 2) and
    (..., 17).

    A keypoint counts as seen if its confidence is above 0; others are ignored. A derived joint is
    as sure as the least sure that it is made of, and has confidence 0 (and place 0) if one of them
    is not seen.
    """
    joints = FORMATS[format].joints
    seen = {name: (keypoints[..., k, :], confidence[..., k]) for k, name in enumerate(joints)}
    if "nose" in seen:
        seen["ears"] = _first_seen(
            ("left ear", "right ear"), ("left eye", "right eye"), ("nose",), seen=seen
        )
    # those that others are made of come first
    for name in sorted(JOINTS, key=("hip", "thorax").__contains__, reverse=True):
        parts = [(weight, *seen[part]) for part, weight in FORMATS[format].recipe[name].items()]
        sure = np.min([c for _, _, c in parts], axis=0)
        place = sum(weight * x for weight, x, _ in parts)
        seen[name] = np.where(sure[..., None] > 0, place, 0.0), sure
    return np.stack([seen[name][0] for name in JOINTS], axis=-2), np.stack(
        [seen[name][1] for name in JOINTS], axis=-1
    )


def _first_seen(
    *groups: tuple[str, ...], seen: dict[str, tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """The mean of those seen of the first group of which any is, and the confidence of the least
    sure of them; the last group's if none is.
    """
    chosen = None
    for group in reversed(groups):
        place, sure = (np.stack([seen[name][part] for name in group]) for part in (0, 1))
        weight = (sure > 0)[..., None]
        mean = np.where(weight, place, 0.0).sum(0) / np.maximum(weight.sum(0), 1)
        least = np.where(sure > 0, sure, np.inf).min(0)
        there = weight.any(0)
        chosen = (
            (mean, np.where(there[..., 0], least, 0.0))
            if chosen is None
            else (np.where(there, mean, chosen[0]), np.where(there[..., 0], least, chosen[1]))
        )
    return chosen

"""The joints that 2D detectors find, and how Human3.6M's seventeen come from them: one table a
format, and the conversion.

Detectors mark what can be seen on the skin: nose, eyes, ears. Human3.6M's skeleton has a spine, a
thorax, a neck and the crown of a head. They are derived, after the demonstrations of MMPose,
MotionBERT and MHFormer, and lie some centimetres from where a motion capture suit has them; the
models have not seen that difference in training.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ..skeleton import BONES, JOINTS

LIMBS = [joint for joint in JOINTS if joint not in ("hip", "spine", "thorax", "neck", "head")]
Recipe = dict[str, dict[str, float]]


class JointFormat(NamedTuple):
    """One format: the joints' names in order, the bones to draw, and of what each of Human3.6M's
    joints is made.
    """

    title: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    recipe: Recipe  # Human3.6M joint -> {joint of this format, or one derived before: weight}


_COCO = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder",
    "left elbow", "right elbow",
    "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left foot",
    "right foot",
)  # fmt: skip
_HALPE = (
    *_COCO, "crown", "neck base", "pelvis", "left big toe", "right big toe", "left small toe",
    "right small toe", "left heel", "right heel",
)  # fmt: skip
_BODY_25 = (
    "nose", "neck base", "right shoulder", "right elbow", "right wrist", "left shoulder",
    "left elbow", "left wrist", "pelvis",
    "right hip", "right knee", "right foot", "left hip", "left knee", "left foot", "right eye",
    "left eye", "right ear", "left ear",
    "left big toe", "left small toe", "left heel", "right big toe", "right small toe", "right heel",
)  # fmt: skip
_BODY_18 = tuple(name for name in _BODY_25[:19] if name != "pelvis")

_SIDES = ("left", "right")
_ARMS_AND_LEGS = tuple(
    (f"{s} {a}", f"{s} {b}")
    for s in _SIDES
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "foot"))
)
_FACE = tuple(pair for s in _SIDES for pair in (("nose", f"{s} eye"), (f"{s} eye", f"{s} ear")))
_FEET = tuple(
    (f"{s} foot", f"{s} {toe}") for s in _SIDES for toe in ("big toe", "small toe", "heel")
)
_BOX = (
    ("left shoulder", "right shoulder"),
    ("left hip", "right hip"),
    ("left shoulder", "left hip"),
    ("right shoulder", "right hip"),
)
_TREE = tuple(
    pair for s in _SIDES for pair in (("neck base", f"{s} shoulder"), ("pelvis", f"{s} hip"))
) + (("neck base", "pelvis"),)
_STAR = tuple(
    pair for s in _SIDES for pair in (("neck base", f"{s} shoulder"), ("neck base", f"{s} hip"))
)

# The nose a quarter of the way to the shoulders stands for the neck, as in MHFormer's
# demonstration. "ears" is the middle of the ears, or the one that is seen, or the eyes or the nose
# where none is; the crown is as far above it as it is above the line of the shoulders, times 0.6,
# an estimate of this kit's.
_SPINE = {"spine": {"hip": 0.5, "thorax": 0.5}}
_MIDDLES = {
    "hip": {"left hip": 0.5, "right hip": 0.5},
    "thorax": {"left shoulder": 0.5, "right shoulder": 0.5},
}
_CHIN = {"neck": {"nose": 0.75, "thorax": 0.25}}
_CROWN = {"head": {"ears": 1.6, "thorax": -0.6}}
_SAME: Recipe = {name: {name: 1.0} for name in LIMBS}

FORMATS = {
    "coco17": JointFormat("COCO, 17 joints", _COCO, _FACE + _ARMS_AND_LEGS + _BOX,
    _SAME | _MIDDLES | _SPINE | _CHIN | _CROWN),
    "halpe26": JointFormat(
        "Halpe, 26 joints",
        _HALPE,
        _FACE + _ARMS_AND_LEGS + _FEET + _TREE + (("neck base", "crown"),),
        _SAME | {"hip": {"pelvis": 1.0},
            "thorax": {"neck base": 1.0}} | _SPINE | _CHIN | {"head": {"crown": 1.0}},
    ),
    "body25": JointFormat(
        "OpenPose BODY_25",
        _BODY_25,
        _FACE + _ARMS_AND_LEGS + _FEET + _TREE + (("neck base", "nose"),),
        _SAME | {"hip": {"pelvis": 1.0}, "thorax": {"neck base": 1.0}} | _SPINE | _CHIN | _CROWN,
    ),
    "body18": JointFormat(
        "OpenPose COCO, 18 joints",
        _BODY_18,
        _FACE + _ARMS_AND_LEGS + _STAR + (("neck base", "nose"),),
        _SAME | {"hip": _MIDDLES["hip"], "thorax": {"neck base": 1.0}} | _SPINE | _CHIN | _CROWN,
    ),
    "h36m17": JointFormat(
        "Human3.6M, 17 joints", JOINTS, tuple((JOINTS[a], JOINTS[b]) for a, b in BONES),
        {name: {name: 1.0} for name in JOINTS}
    ),
}  # fmt: skip
# Whole-body formats begin with one of the above: COCO-WholeBody's 133 joints, Halpe's 136.
LONGER = {133: "coco17", 136: "halpe26"}


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
    for name in sorted(
        JOINTS, key=("hip", "thorax").__contains__, reverse=True
    ):  # those that others are made of come first
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


def formats_of(count: int) -> list[str]:
    """The formats with so many joints, whole-body ones by their first joints; ValueError if there
    is none.
    """
    fits = [name for name, format in FORMATS.items() if len(format.joints) == count] or [
        LONGER[n] for n in LONGER if n == count
    ]
    if not fits:
        known = ", ".join(f"{name} ({len(format.joints)})" for name, format in FORMATS.items())
        raise ValueError(
            f"{count} keypoints a person belong to no known format: bring them into one of {known}"
        )
    return fits


def conversion_table() -> pd.DataFrame:
    """How each of Human3.6M's joints is made in each format, a column a format; "same" where it is
    one of the format's own by that name.
    """

    def words(name: str, parts: dict[str, float]) -> str:
        if parts == {name: 1.0}:
            return "same"
        terms = [
            (part if weight == 1 else f"{abs(weight):g} {part}", weight)
            for part, weight in parts.items()
        ]
        return "".join(
            f"{' - ' if weight < 0 else ' + ' if n else ''}{term}"
            for n, (term, weight) in enumerate(terms)
        )

    return pd.DataFrame(
        {form: [words(name, FORMATS[form].recipe[name]) for name in JOINTS] for form in FORMATS},
        index=list(JOINTS),
    )

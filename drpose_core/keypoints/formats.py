"""The joints that 2D detectors find, and how Human3.6M's seventeen come from them: one table
per format; conversion applies it.

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
_BODY_25B = (
    *_COCO, "upper neck", "crown", "left big toe", "left small toe", "left heel", "right big toe",
    "right small toe", "right heel",
)  # fmt: skip
_MEDIAPIPE = (
    "nose", "left eye inner", "left eye", "left eye outer", "right eye inner", "right eye",
    "right eye outer", "left ear", "right ear", "mouth left", "mouth right", "left shoulder",
    "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist", "left pinky",
    "right pinky", "left index", "right index", "left thumb", "right thumb", "left hip",
    "right hip", "left knee", "right knee", "left foot", "right foot", "left heel", "right heel",
    "left foot index", "right foot index",
)  # fmt: skip
_CROWDPOSE = (*_COCO[5:], "crown", "neck base")
_AIC = (
    "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "right hip", "right knee", "right foot", "left hip", "left knee", "left foot", "crown",
    "neck base",
)  # fmt: skip
_MPII = (
    "right foot", "right knee", "right hip", "left hip", "left knee", "left foot", "pelvis",
    "neck base", "upper neck", "crown", "right wrist", "right elbow", "right shoulder",
    "left shoulder", "left elbow", "left wrist",
)  # fmt: skip

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
# Without a nose the neck is put halfway up to the crown, where Human3.6M's skeleton has it.
_HEADED = {"neck": {"thorax": 0.5, "crown": 0.5}, "head": {"crown": 1.0}}
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
    "body25b": JointFormat(
        "OpenPose BODY_25B",
        _BODY_25B,
        _FACE + _ARMS_AND_LEGS + _FEET + _BOX + (("upper neck", "crown"),),
        _SAME | _MIDDLES | _SPINE | _CHIN | {"head": {"crown": 1.0}},
    ),
    "mediapipe33": JointFormat(
        "MediaPipe (BlazePose), 33 landmarks",
        _MEDIAPIPE,
        _FACE + _ARMS_AND_LEGS + _BOX + tuple(
            (f"{s} {a}", f"{s} {b}") for s in _SIDES
            for a, b in (("foot", "heel"), ("foot", "foot index"), ("wrist", "index"))
        ),
        _SAME | _MIDDLES | _SPINE | _CHIN | _CROWN,
    ),
    "crowdpose14": JointFormat(
        "CrowdPose, 14 joints", _CROWDPOSE, _ARMS_AND_LEGS + _BOX + (("neck base", "crown"),),
        _SAME | _MIDDLES | _SPINE | _HEADED,
    ),
    "aic14": JointFormat(
        "AI Challenger, 14 joints", _AIC, _ARMS_AND_LEGS + _BOX + (("neck base", "crown"),),
        _SAME | _MIDDLES | _SPINE | _HEADED,
    ),
    "mpii16": JointFormat(
        "MPII, 16 joints",
        _MPII,
        _ARMS_AND_LEGS + _TREE + (("neck base", "upper neck"), ("upper neck", "crown")),
        _SAME | {"hip": {"pelvis": 1.0}, "thorax": {"neck base": 1.0}} | _SPINE | _HEADED,
    ),
    "h36m17": JointFormat(
        "Human3.6M, 17 joints", JOINTS, tuple((JOINTS[a], JOINTS[b]) for a, b in BONES),
        {name: {name: 1.0} for name in JOINTS}
    ),
}  # fmt: skip
# A keypoint less sure than this counts as not seen: most detectors name every joint, and are not
# sure of those outside the picture. MediaPipe's visibility says something else, whether the joint
# is hidden; it places hidden joints well, so none of them is dropped, and all count as sure.
LEAST = 0.15
LEAST_OF = dict.fromkeys(FORMATS, LEAST) | {"mediapipe33": 0.0}
# The confidence of a joint with visibility 0. On photographs of one person (docs/own_pictures.md)
# they were off by less than joints of 0.7 to 0.9 in the model of everyday detectors.
HIDDEN = {"mediapipe33": 0.7}
# Whole-body formats hold one of the above, mostly in front: COCO-WholeBody's 133 joints, Halpe's
# 136 and 68 (without a face); Sapiens' 308 have the wrists among the hands.
_FRONT = {133: "coco17", 136: "halpe26", 68: "halpe26"}
LONGER = {n: (form, tuple(range(len(FORMATS[form].joints)))) for n, form in _FRONT.items()} | {
    308: ("coco17", (*range(9), 62, 41, *range(9, 15)))
}


def formats_of(count: int) -> list[str]:
    """The formats with this number of joints; ValueError if there is none."""
    fits = [name for name, format in FORMATS.items() if len(format.joints) == count]
    fits += [LONGER[count][0]] if count in LONGER else []
    if not fits:
        known = ", ".join(f"{name} ({len(format.joints)})" for name, format in FORMATS.items())
        raise ValueError(
            f"{count} keypoints a person belong to no known format: bring them into one of {known}"
        )
    return fits


def placed(sure: np.ndarray, form: str) -> np.ndarray:
    """How sure a tool is of where joints are, from the numbers it gives; 0 stays 0."""
    least = HIDDEN.get(form, 0.0)
    return np.where(sure > 0, least + (1 - least) * sure, 0.0)


def body_of(count: int, format: str) -> list[int] | None:
    """Where a format's joints stand in a list of count keypoints; None if the two do not fit."""
    if len(FORMATS[format].joints) == count:
        return list(range(count))
    longer, places = LONGER.get(count, (None, ()))
    return list(places) if longer == format else None


def conversion_table() -> pd.DataFrame:
    """How each of Human3.6M's joints is made in each format, one column per format.

    "same" where it is one of the format's own by that name.
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

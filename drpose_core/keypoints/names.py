"""What tools call joints -> the joints of a format."""

import re

from .formats import FORMATS, LIMBS

# What tools call joints that have another name here; the second row only where the first does not
# tell the format ("neck" is a joint of Human3.6M's own).
_ALIASES = (
    {},
    {"head": "crown", "head top": "crown", "top head": "crown", "neck": "neck base",
     "hip": "pelvis", "mid hip": "pelvis", "thorax": "neck base", "root": "pelvis"},
)  # fmt: skip


def joint_name(name: str) -> str:
    """A joint's name as it is written here: left_ankle, leftAnkle and LAnkle are "left foot"."""
    words = re.sub(r"^([LR])(?=[A-Z])", r"\1 ", str(name))
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_|-|\.", " ", words)
    words = " ".join(words.lower().split()).replace("ankle", "foot")
    return re.sub(r"^l ", "left ", re.sub(r"^r ", "right ", words))


def format_of_names(names: list[str], format: str | None = None) -> tuple[str, dict[str, int]]:
    """The format whose joints have these names, and the place of each name in it; names that are
    no joints of it are left out, joints without a name are missing. ValueError if arms and legs
    are not all there.
    """
    best: tuple[int, str, dict[str, int]] = (-1, "", {})
    for aliases in _ALIASES:
        mine = {name: aliases.get(joint_name(name), joint_name(name)) for name in names}
        for form in [format] if format else FORMATS:
            joints = FORMATS[form].joints
            found = {name: joints.index(own) for name, own in mine.items() if own in joints}
            here = {joints[place] for place in found.values()}
            score = 2 * len(here) - len(joints)  # a joint that is there against one that is not
            if here.issuperset(LIMBS) and score > best[0]:
                best = score, form, found
    if best[0] < 0:
        wanted = format or "coco17"
        raise ValueError(
            f"the joints {', '.join(map(str, names[:4]))}, ... are those of no known format; "
            f"{wanted}, for one, has {', '.join(FORMATS[wanted].joints)}"
        )
    return best[1], best[2]

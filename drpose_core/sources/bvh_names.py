"""Which node of a BVH file is which joint, by the names that the common programs give."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

REMEDY = "leave this file out, or give joints= a table of its nodes"


@dataclass
class Node:
    """One node of a skeleton; an End Site has the name of its parent and " end"."""

    name: str
    parent: int  # -1 for the root
    offset: np.ndarray  # (3,) the file's unit
    channels: list[str] = field(default_factory=list)
    first: int = 0  # column of its first channel


# Names that a node may have, without its side, spaces and marks, in small letters. A joint that is
# not here sits where its neighbours say: a hip is the knee's parent, a shoulder the elbow's.
NAMES = {
    "knee": ("leg", "knee", "lowerleg", "lowleg", "shin", "calf"),
    "foot": ("foot", "ankle"),
    "elbow": ("forearm", "elbow", "lowerarm", "lowarm"),
    "wrist": ("hand", "wrist"),
    "neck": ("neck",),  # where the neck begins is Human3.6M's thorax
    "head": ("head",),  # where the head begins is Human3.6M's neck
}


HEAD = 0.14  # of the leg: length of a head whose end the file does not have


def common_nodes(path: Path, tree: list[Node]) -> dict[str, str]:
    """The nodes of the 17 joints by common names.

    Raises ValueError if that is not possible.
    """
    names = [node.name for node in tree]
    found: dict[str, int] = {}
    for side in ("left", "right"):
        for low, mid, top in (("foot", "knee", "hip"), ("wrist", "elbow", "shoulder")):
            middle = _named(tree, side, NAMES[mid])
            if middle is None:
                raise ValueError(
                    f"{path} has no node that looks like the {side} {mid} (nodes: "
                    f"{', '.join(names[:12])} ...): {REMEDY}"
                )
            below = [n for n, node in enumerate(tree) if node.parent == middle]
            named = [n for n in below if _plain(names[n])[1] in NAMES[low]]
            if not below or tree[middle].parent < 0:
                raise ValueError(f"{path}: the {side} {mid} ({names[middle]}) is no limb: {REMEDY}")
            found[f"{side} {low}"] = (named or below)[0]
            found[f"{side} {mid}"], found[f"{side} {top}"] = middle, tree[middle].parent
    neck, head = (_named(tree, "", NAMES[name]) for name in ("neck", "head"))
    if neck is None or head is None:
        raise ValueError(f"{path} has no node Neck or no node Head: {REMEDY}")
    found |= {
        "thorax": neck,
        "neck": head,
        "spine": _spine(tree, neck, [found["left hip"], found["right hip"]]),
    }
    if tips := [n for n, node in enumerate(tree) if node.parent == head]:
        found["head"] = tips[0]
    return {joint: names[n] for joint, n in found.items()}


def _named(tree: list[Node], side: str, names: tuple[str, ...]) -> int | None:
    for name in names:
        for n, node in enumerate(tree):
            if _plain(node.name) == (side, name):
                return n
    return None


def _plain(name: str) -> tuple[str, str]:
    """Side and plain name of a node: "LeftForeArm", "ForeArm_L", "lForeArm" -> ("left",
    "forearm").
    """
    name = re.sub(r"^(mixamorig\d*|Bip\d+[ _]?)", "", name)
    for side, letter in (("left", "l"), ("right", "r")):
        for pattern in (
            rf"(?i)^{side}[ _.-]?(.+)$", rf"(?i)^(.+?)[ _.-]?{side}$",
            rf"(?i)^(.+)[_.-]{letter}$", rf"(?i)^{letter}[_.-](.+)$", rf"^{letter}([A-Z].*)$",
            rf"^{letter.upper()}([A-Z][a-z].*)$",
        ):  # fmt: skip
            if match := re.match(pattern, name):
                return side, re.sub(r"[^a-z0-9]", "", match[1].lower())
    return "", re.sub(r"[^a-z0-9]", "", name.lower())


def _spine(tree: list[Node], neck: int, legs: list[int]) -> int:
    """The node nearest to the middle of the way from the legs to where the neck begins."""
    chain = _ancestors(tree, neck)
    while len(chain) > 2 and all(chain[1] in _ancestors(tree, leg) for leg in legs):
        chain = chain[1:]
    along = np.cumsum([0, *(np.linalg.norm(tree[n].offset) for n in chain[1:])])
    inner = np.abs(along[1:-1] - along[-1] / 2) if len(chain) > 2 else np.zeros(0)
    return chain[1 + int(inner.argmin())] if len(inner) else chain[0]


def _ancestors(tree: list[Node], node: int) -> list[int]:
    """A node and all above it, the root first."""
    chain = [node]
    while tree[chain[0]].parent >= 0:
        chain.insert(0, tree[chain[0]].parent)
    return chain


def known_fault(tree: list[Node]) -> str | None:
    """A sentence on skeletons that are known to be wrong."""
    parents = {node.name: tree[node.parent].name for node in tree if node.parent >= 0}
    cgspeed = {"LHipJoint", "LowerBack", "Spine1", "Neck1", "LeftShoulder"} <= parents.keys()
    if cgspeed and parents["LeftShoulder"] == "Spine1" and parents["Neck"] == "Spine1":
        return (
            "this looks like the cgspeed conversion of CMU's recordings, which lost the bone "
            "thorax: neck, head and arms sit 85 to 175 mm from where CMU's own files have them; "
            "read the ASF/AMC files with cmu_poses instead"
        )
    return None

"""Motion in BVH files, as of Bandai Namco, 100STYLE, LAFAN1, the CMU conversions by cgspeed and
this kit's own write_bvh -> the 17 joints, 50 Hz, in front of cameras.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..data import PoseSet
from ..skeleton import JOINTS
from .asf import INCH, LEG
from .film import film
from .motion import JOINT_KINDS, Recording, drawn_for, not_human, recording, resample

REMEDY = "leave this file out, or give joints= a table of its nodes"
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
UNITS = {
    "metres": 1.0,
    "centimetres": 0.01,
    "millimetres": 0.001,
    "inches": INCH,
    "CMU's units (2.2 inches)": INCH / 0.45,
}
HEAD = 0.14  # of the leg: length of a head whose end the file does not have


@dataclass
class Node:
    """One node of a skeleton; an End Site has the name of its parent and " end"."""

    name: str
    parent: int  # -1 for the root
    offset: np.ndarray  # (3,) the file's unit
    channels: list[str] = field(default_factory=list)
    first: int = 0  # column of its first channel


def bvh_poses(
    path: str | Path,
    *,
    nodes: dict[str, str] | None = None,
    joints: str = "own",
    keypoints: str = "detected",
    cameras: str = "h36m",
    seed: int = 0,
    stride: int = 1,
    skeleton: str | None = None,
    source: str | None = None,
    **filming,
) -> PoseSet:
    """Poses of a BVH file, or of every one below a folder, every stride-th frame.

    nodes: Human3.6M joint (skeleton.JOINTS) -> the node that begins there, or "<node> end" for an
    End Site; None finds them by common names. The unit is found by the length of the legs, the axis
    that points up by the heads. joints, keypoints, cameras, seed and filming as in cmu_poses.
    skeleton and source: texts for the set (the file's or folder's name). A subject is the folder
    that a file lies in, an action the file's name. Raises FileNotFoundError or ValueError naming
    the file, what is wrong and the remedy; warns of skeletons known to be wrong.
    """
    if stride < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    if joints not in JOINT_KINDS:
        raise ValueError(f"unknown joints {joints!r}: choose from {', '.join(JOINT_KINDS)}")
    if unknown := sorted(set(nodes or ()) - set(JOINTS)):
        raise ValueError(f"nodes names {', '.join(unknown)}: joints are {', '.join(JOINTS)}")
    path = Path(path)
    files = [path] if path.is_file() else _files(path)
    if not files:
        raise FileNotFoundError(f"{path} is no BVH file and holds none")
    name = skeleton or f"BVH {path.stem}"
    filmed = "Human3.6M" if cameras == "h36m" else cameras
    return film(
        _recordings(files, nodes, seed, stride, joints),
        keypoints=keypoints,
        cameras=cameras,
        seed=seed,
        **filming,
        source=f"{source or name}, filmed by {filmed} cameras, 2D: {keypoints}",
        skeleton=name if joints == "own" else "made of COCO's joints",
    )


def _files(folder: Path) -> list[Path]:
    found = folder.rglob("*")
    return sorted(p for p in found if p.suffix.lower() == ".bvh" and not p.name.startswith("."))


def _recordings(files, nodes, seed: int, stride: int, joints: str) -> Iterator[Recording]:
    said = set()
    for path in files:
        tree, motion, rate = read_bvh(path)
        table = nodes or common_nodes(path, tree)
        if sentence := _known_fault(tree):
            if sentence not in said:
                warnings.warn(f"{path}: {sentence}", stacklevel=4)
            said.add(sentence)
        body = metres(path, bvh_joints(path, tree, motion, table))
        subject, take = path.parent.name or "bvh", path.stem.replace("/", "_")
        yaw, cameras = drawn_for(seed, subject, take)
        body = resample(body, rate)
        yield recording(subject, take, body, yaw=yaw, cameras=cameras, stride=stride, kind=joints)


def read_bvh(path: Path) -> tuple[list[Node], np.ndarray, float]:
    """Nodes, parents before children; channels (frames, columns) as they stand; frames per second.

    Raises ValueError naming the file and what is wrong with it.
    """
    text = path.read_bytes().decode("latin-1")
    head, found, tail = text.partition("MOTION")
    try:
        if not found or "HIERARCHY" not in head:
            raise ValueError("it lacks HIERARCHY or MOTION")
        tree = _tree(head.split())
        count = re.search(r"Frames:\s*(\d+)", tail, re.IGNORECASE)
        time = re.search(r"Frame\s+Time:\s*([0-9.eE+-]+)", tail, re.IGNORECASE)
        if not count or not time:
            raise ValueError("it lacks Frames or Frame Time")
        seconds = float(time[1])
        if not 1 / 1000 <= seconds <= 1:
            raise ValueError(f"a Frame Time of {seconds:g} seconds")
        numbers = np.array(tail[time.end() :].split(), dtype=float)
        columns = sum(len(node.channels) for node in tree)
        if not numbers.size or numbers.size != int(count[1]) * columns:
            raise ValueError(
                f"{numbers.size:,} numbers in place of {int(count[1]):,} frames of {columns}"
            )
        if not np.isfinite(numbers).all():
            raise ValueError("it holds NaN or infinite numbers")
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path} is no complete BVH file ({error}): leave it out") from None
    return tree, numbers.reshape(-1, columns), 1 / seconds


def _tree(words: list[str]) -> list[Node]:
    tree: list[Node] = []
    stack: list[int] = []
    column, at = 0, 0
    while at < len(words):
        word = words[at].upper()
        if word in ("ROOT", "JOINT", "END"):
            stop = words.index("{", at)
            parent = stack[-1] if stack else -1
            end = word == "END"
            name = f"{tree[parent].name} end" if end else " ".join(words[at + 1 : stop])
            tree.append(Node(name.rsplit(":", 1)[-1], parent, np.zeros(3)))
            stack.append(len(tree) - 1)
            at = stop
        elif word == "OFFSET":
            tree[stack[-1]].offset = np.array(words[at + 1 : at + 4], dtype=float)
            at += 3
        elif word == "CHANNELS":
            count = int(words[at + 1])
            channels = [w.lower() for w in words[at + 2 : at + 2 + count]]
            wrong = [c for c in channels if not re.fullmatch(r"[xyz](position|rotation)", c)]
            if wrong:
                raise ValueError(f"an unknown channel {wrong[0]!r}")
            tree[stack[-1]].channels, tree[stack[-1]].first = channels, column
            column += count
            at += 1 + count
        elif word == "}":
            stack.pop()
        at += 1
    if not tree or stack:
        raise ValueError("its hierarchy breaks off")
    return tree


def bvh_joints(
    path: Path, tree: list[Node], motion: np.ndarray, table: dict[str, str]
) -> np.ndarray:
    """The 17 joints (frames, 17, 3) in the file's unit and axes."""
    where = _places(tree, motion)
    index = {}
    for n, node in enumerate(tree):
        index.setdefault(node.name, n)
    if lacking := sorted({node for node in table.values() if node not in index}):
        raise ValueError(f"{path} has no node {', '.join(lacking)}: {REMEDY}")
    found = {joint: where[:, index[node]] for joint, node in table.items()}
    found["hip"] = (found["left hip"] + found["right hip"]) / 2
    if missing := [joint for joint in JOINTS if joint not in found and joint != "head"]:
        raise ValueError(f"{path}: no node is known for {', '.join(missing)}: {REMEDY}")
    leg = sum(
        np.linalg.norm(found[f"left {a}"][0] - found[f"left {b}"][0])
        for a, b in (("hip", "knee"), ("knee", "foot"))
    )
    short = (
        "head" not in found
        or np.median(np.linalg.norm(found["head"] - found["neck"], axis=-1)) < 0.04 * leg
    )
    if short:  # carry on along the neck
        along = found["neck"] - found["thorax"]
        along = along / np.linalg.norm(along, axis=-1, keepdims=True).clip(1e-9)
        found["head"] = found["neck"] + HEAD * leg * along
    return np.stack([found[joint] for joint in JOINTS], axis=1)


def _places(tree: list[Node], motion: np.ndarray) -> np.ndarray:
    """Where every node begins, (frames, nodes, 3). Rotations are applied in the order of the
    channels, each in the frame that the ones before have turned.
    """
    frames = len(motion)
    place = np.zeros((frames, len(tree), 3))
    turns: list[Rotation] = []
    for n, node in enumerate(tree):
        values = motion[:, node.first : node.first + len(node.channels)]
        offset = np.repeat(node.offset[None], frames, axis=0)
        order, angles = "", []
        for channel, value in zip(node.channels, values.T):
            if channel.endswith("position"):
                offset[:, "xyz".index(channel[0])] = value
            else:
                order += channel[0].upper()
                angles.append(value)
        turn = Rotation.identity(frames)
        if order:
            given = np.stack(angles, axis=-1)
            turn = Rotation.from_euler(
                order, given if len(order) > 1 else given[:, 0], degrees=True
            )
        if node.parent < 0:
            place[:, n] = offset
            turns.append(turn)
        else:
            before = turns[node.parent]
            place[:, n] = place[:, node.parent] + before.apply(offset)
            turns.append(before * turn)
    return place


def metres(path: Path, joints: np.ndarray) -> np.ndarray:
    """Joints (T, 17, 3) of a file's unit and axes in metres, z up.

    The unit is the one that makes human legs. Up is the axis along which heads are above feet.
    """
    bones = ((4, 5), (5, 6), (1, 2), (2, 3))
    leg = np.median(sum(np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in bones)) / 2
    fits = [name for name, unit in UNITS.items() if LEG[0] <= leg * unit <= LEG[1]]
    if not fits:
        raise ValueError(
            f"{path}: thigh and shank together are {leg:.3g} units long, no human's in "
            f"{', '.join(UNITS)}: {REMEDY}"
        )
    joints = joints * UNITS[fits[0]]
    up = np.median(joints[:, 9] - joints[:, [3, 6]].mean(1), axis=0)
    axis = int(np.abs(up).argmax())
    if axis == 1:  # (x, y, z) -> (x, -z, y)
        joints = joints[..., [0, 2, 1]] * (1, -1, 1)
    elif axis == 0:
        joints = joints[..., [1, 2, 0]]
    if up[axis] < 0:  # upside down: turn by half a turn about the first axis
        joints = joints * (1, -1, -1)
    if wrong := not_human(joints):
        raise ValueError(f"{path} shows no human body, {wrong}: {REMEDY}")
    return joints


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


def _known_fault(tree: list[Node]) -> str | None:
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

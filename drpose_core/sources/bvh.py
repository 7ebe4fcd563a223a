"""Motion in BVH files, as of Bandai Namco, 100STYLE, LAFAN1, the CMU conversions by cgspeed and
this kit's own write_bvh -> the 17 joints, 50 Hz, in front of cameras.
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..data import PoseSet
from ..skeleton import JOINTS
from .bvh_body import bvh_joints, metres
from .bvh_names import Node, common_nodes, known_fault
from .film import film
from .motion import JOINT_KINDS, Recording, drawn_for, recording, resample


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
    """Poses of a BVH file, or of all BVH files below a folder; every stride-th frame.

    nodes: Human3.6M joint (skeleton.JOINTS) -> the node that begins there, or "<node> end" for an
    End Site; None finds them by common names. The unit is found from the length of the legs, the
    upward axis from the position of the head. joints, keypoints, cameras, seed and filming are
    those of cmu_poses. skeleton and source: texts for the set (the name of the file or folder). A
    subject is the folder of a file, an action the name of a file. Raises FileNotFoundError or
    ValueError that names the file, what is wrong with it and the remedy; warns about skeletons with
    known errors.
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
        if sentence := known_fault(tree):
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

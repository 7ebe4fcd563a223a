"""Real motion: ASF/AMC files of the CMU motion capture database -> the 17 joints, 50 Hz, in front
of the Human3.6M cameras.

The files come from mocap.cs.cmu.edu (free for research; not to be resold); data/README.md says how
to get and cite them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data import PoseSet
from ..skeleton import J
from .film import FPS, Recording, film
from .rig import SUBJECTS

CMU_FPS = 120
INCH = 0.0254
# metres: recordings that roam further have their path (not their poses) drawn in, so that every
# camera keeps them in view
ROOM = 1.5
REMEDY = "download it again (python -m drpose_core download-cmu) or leave this file out"

# Human3.6M joint -> the CMU bone at whose end it sits ("root": where the skeleton starts); the hip
# is the middle of the hip joints.
END_OF_BONE = {
    1: "rhipjoint", 2: "rfemur", 3: "rtibia", 4: "lhipjoint", 5: "lfemur", 6: "ltibia",
    7: "lowerback", 8: "thorax", 9: "upperneck",
    10: "head", 11: "lclavicle", 12: "lhumerus", 13: "lradius", 14: "rclavicle", 15: "rhumerus",
    16: "rradius",
}  # fmt: skip


class Bone(NamedTuple):
    """One bone of an ASF skeleton; offset in metres, axis (3, 3) in the rest frame."""

    parent: str
    offset: np.ndarray
    axis: np.ndarray
    dof: tuple[str, ...]


def cmu_poses(
    folder: str | Path,
    *,
    subjects: tuple[str, ...] | None = None,
    keypoints: str = "detected",
    seed: int = 0,
    stride: int = 1,
) -> PoseSet:
    """Poses of every recording (NN_MM.amc beside its NN.asf) below folder; all subjects unless some
    are named, every stride-th frame.

    World: each recording is turned about the vertical by an angle drawn from seed, moved to the
    middle of the room, and filmed by the cameras of one of the seven Human3.6M set-ups. keypoints:
    "detected" or "exact". An action is a recording's name, as "02_01". Raises FileNotFoundError or
    ValueError naming the file, what is wrong with it and the remedy.
    """
    if stride < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    found = cmu_subjects(folder)
    if missing := [s for s in subjects or () if s not in found]:
        raise FileNotFoundError(
            f"{folder} has no subject {', '.join(missing)} (it has {', '.join(found)}): {REMEDY}"
        )
    chosen = {name: found[name] for name in subjects or found}
    source = f"CMU mocap {', '.join(chosen)}, filmed by Human3.6M cameras, 2D: {keypoints}"
    return film(
        recordings(chosen, seed, stride),
        keypoints=keypoints,
        seed=seed,
        source=source,
        skeleton="CMU",
    )


def cmu_subjects(folder: str | Path) -> dict[str, Path]:
    """Subject -> skeleton file, for every NN.asf below folder.

    Raises FileNotFoundError if there is none.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(
            f"{folder} is no folder: give the folder that holds NN/NN.asf and NN/NN_MM.amc (see "
            "data/README.md)"
        )
    found = {path.stem: path for path in sorted(Path(folder).rglob("*.asf"))}
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no .asf skeleton: give the folder that holds NN/NN.asf and "
            "NN/NN_MM.amc (make tour SOURCE=cmu DATA=<folder>), "
            "or fetch some first: python -m drpose_core download-cmu data/cmu 02 16 35"
        )
    return found


def recordings(skeletons: dict[str, Path], seed: int, stride: int) -> Iterator[Recording]:
    for subject, asf in skeletons.items():
        takes = sorted(asf.parent.glob(f"{subject}_*.amc"))
        if not takes:
            raise FileNotFoundError(
                f"{asf.parent} has a skeleton but no recording {subject}_MM.amc: {REMEDY}"
            )
        skeleton = read_asf(asf)
        for amc in takes:
            world = resample(joint_positions(skeleton, read_amc(amc, skeleton)))
            digits = [int(part) for part in amc.stem.split("_") if part.isdigit()]
            yaw = np.random.default_rng([seed, 4, *digits]).uniform(0, 2 * np.pi)
            cameras = SUBJECTS[sum(digits[:1]) % len(SUBJECTS)]
            yield Recording(subject, amc.stem, _stage(world, yaw)[::stride], stride, cameras)


def read_asf(path: Path) -> dict[str, Bone]:
    """Bones by name, parents before children; "root" comes first, its dof are the order of its
    channels.
    """
    text = _text(path)
    try:
        sections = _sections(text)
        units = dict(line.split()[:2] for line in sections["units"])
        if units.get("angle", "deg") != "deg":
            raise ValueError(f"angles in {units['angle']}, not deg")
        scale = INCH / float(units["length"])
        root = {words[0]: words[1:] for words in map(str.split, sections["root"])}
        bones = {
            "root": Bone(
                "",
                np.zeros(3),
                _rotation(_floats(root["orientation"]), root["axis"][0]),
                tuple(map(str.lower, root["order"])),
            )
        }
        loose = {}
        for block in "\n".join(sections["bonedata"]).split("begin")[1:]:
            lines = {words[0]: words[1:] for words in map(str.split, block.splitlines()) if words}
            offset = np.array(_floats(lines["direction"])) * float(lines["length"][0]) * scale
            axis = _rotation(_floats(lines["axis"][:3]), lines["axis"][3])
            loose[lines["name"][0]] = Bone(
                "", offset, axis, tuple(map(str.lower, lines.get("dof", ())))
            )
        for line in sections["hierarchy"]:
            parent, *children = line.split()
            for child in children if parent not in ("begin", "end") else ():
                if parent not in bones:
                    raise ValueError(
                        f"bone {child} hangs on {parent}, which comes later or is missing"
                    )
                bones[child] = loose[child]._replace(parent=parent)
        for name, bone in bones.items():
            if (
                not np.isfinite(scale)
                or not np.isfinite(bone.offset).all()
                or not np.isfinite(bone.axis).all()
            ):
                raise ValueError(f"{name} has a length or an axis that is not finite")
            if unknown := set(bone.dof) - {"tx", "ty", "tz", "rx", "ry", "rz"}:
                raise ValueError(f"{name} moves in unknown ways, {', '.join(sorted(unknown))}")
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{path} is no complete ASF skeleton ({error}): {REMEDY}") from None
    if lacking := sorted(set(END_OF_BONE.values()) - bones.keys()):
        raise ValueError(
            f"{path} lacks the bones {', '.join(lacking)}, from which the {J} joints are taken: "
            f"{REMEDY}"
        )
    bones["root"] = bones["root"]._replace(
        offset=np.full(3, scale)
    )  # the root's translation is scaled, not offset
    return bones


def read_amc(path: Path, skeleton: dict[str, Bone]) -> dict[str, np.ndarray]:
    """Channels (frames, dof) of each bone that moves:

    degrees, and for the root's translation the file's own length unit.
    """
    values: dict[str, list[list[float]]] = {}
    frames = 0
    for number, line in enumerate(_text(path).splitlines(), start=1):
        words = line.split()
        if not words or words[0][0] in "#:":
            continue
        if len(words) == 1 and words[0].isdigit():
            frames += 1
            continue
        name, channels = words[0], words[1:]
        if name not in skeleton or len(channels) != len(skeleton[name].dof):
            raise ValueError(
                f"{path}, line {number}: {name} with {len(channels)} channels does not fit its "
                f"skeleton: {REMEDY}"
            )
        try:
            values.setdefault(name, []).append(_floats(channels))
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: {name} has something that is no number: {REMEDY}"
            ) from None
    if not frames:
        raise ValueError(f"{path} holds no frames: {REMEDY}")
    if uneven := [
        name for name, bone in skeleton.items() if bone.dof and len(values.get(name, ())) != frames
    ]:
        raise ValueError(
            f"{path} breaks off or skips bones ({uneven[0]} has {len(values.get(uneven[0], ()))} "
            f"of {frames} frames): {REMEDY}"
        )
    channels = {name: np.array(rows) for name, rows in values.items()}
    if not all(np.isfinite(rows).all() for rows in channels.values()):
        raise ValueError(f"{path} holds NaN or infinite numbers: {REMEDY}")
    return channels


def joint_positions(skeleton: dict[str, Bone], channels: dict[str, np.ndarray]) -> np.ndarray:
    """The 17 joints (frames, 17, 3), metres, z up.

    A bone's local rotation is C M C^-1 with C its axis and M its channels.
    """
    root = skeleton["root"]
    frames = len(channels["root"])
    place = np.zeros((frames, 3))
    turns, ends = {}, {}
    for name, bone in skeleton.items():
        angles = np.zeros((frames, 3))
        for column, channel in enumerate(bone.dof):
            kind, which = channel[0], "xyz".index(channel[1])
            if kind == "t":
                place[:, which] = channels[name][:, column] * root.offset[which]
            else:
                angles[:, which] = channels[name][:, column]
        local = bone.axis @ _rotations(angles) @ bone.axis.T
        turns[name] = local if name == "root" else turns[bone.parent] @ local
        ends[name] = place if name == "root" else ends[bone.parent] + turns[name] @ bone.offset
    joints = np.stack(
        [(ends["lhipjoint"] + ends["rhipjoint"]) / 2, *(ends[END_OF_BONE[j]] for j in range(1, J))],
        axis=1,
    )
    return joints @ np.array(
        [[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]
    )  # y up -> z up: (x, y, z) -> (x, -z, y)


def resample(joints: np.ndarray, source: float = CMU_FPS, target: float = FPS) -> np.ndarray:
    """(frames, 17, 3) at another frame rate, linear between frames; neighbours at 120 Hz are too
    close to bend a bone visibly.
    """
    when = np.arange(0, len(joints) - 1 + 1e-9, source / target)
    before = np.minimum(when.astype(int), max(len(joints) - 2, 0))
    after = np.minimum(before + 1, len(joints) - 1)
    part = (when - before)[:, None, None]
    return (1 - part) * joints[before] + part * joints[after]


def _stage(world: np.ndarray, yaw: float) -> np.ndarray:
    """Turn a recording by yaw, put the middle of its path in the middle of the room and draw the
    path into it.
    """
    turn = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    world = world @ turn
    path = world[:, :1, :2]
    middle = (path.min(0) + path.max(0)) / 2
    reach = np.linalg.norm(path - middle, axis=-1).max()
    staged = world.copy()
    staged[..., :2] += (path - middle) * min(1.0, ROOM / max(reach, 1e-9)) - path
    return staged


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path} cannot be read as text ({error}): {REMEDY}") from None


def _sections(text: str) -> dict[str, list[str]]:
    """The lines of an ASF file below each of its :keywords."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(":"):
            lines = sections.setdefault(line[1:].split()[0], [])
        elif line.strip() and not line.startswith("#"):
            lines.append(line)
    return sections


def _floats(words) -> list[float]:
    return [float(word) for word in words]


def _rotation(degrees: list[float], order: str) -> np.ndarray:
    """(3, 3) for fixed-axis angles applied in the given order, as "XYZ": x first."""
    matrix = np.eye(3)
    for angle, axis in zip(degrees, order.lower()):
        angles = np.zeros((1, 3))
        angles[0, "xyz".index(axis)] = angle
        matrix = _rotations(angles)[0] @ matrix
    return matrix


def _rotations(degrees: np.ndarray) -> np.ndarray:
    """(T, 3) angles about x, y, z -> (T, 3, 3) rotations, x applied first."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees)).T, np.sin(np.radians(degrees)).T
    rows = [
        [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
        [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
        [-sy, sx * cy, cx * cy],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

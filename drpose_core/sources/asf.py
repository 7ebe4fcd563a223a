"""ASF skeletons and AMC motion: Acclaim's formats, of CMU's and HDM05's databases."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..skeleton import J
from .turns import turn_in_order

INCH = 0.0254
LEG = (0.45, 1.15)  # metres that thigh and shank together can have
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


class Skeleton(dict[str, Bone]):
    """Bones by name, parents before children; "root" comes first, its dof are the order of its
    channels, its offset the metres of one unit.
    """

    radians = False  # whether the file's angles are in radians; bones have degrees


class Motion(dict[str, np.ndarray]):
    """Channels (frames, dof) of each bone that moves: degrees, and for the root's translation the
    file's own length unit.
    """

    rate: float | None = None  # frames per second, where the file says it


def read_asf(path: Path) -> Skeleton:
    """The skeleton of an ASF file. Raises ValueError if it is damaged or nobody's.

    Lengths are in inches divided by the file's unit, as in CMU's and HDM05's files; where that
    makes no human's legs, they are taken for metres, centimetres, millimetres or inches, whichever
    does, with a warning.
    """
    text = _text(path)
    try:
        sections = _sections(text)
        units = dict(line.split()[:2] for line in sections["units"])
        angle = units.get("angle", "deg").lower()
        if angle[:3] not in ("deg", "rad"):
            raise ValueError(f"angles in {units['angle']}, neither deg nor rad")
        turn = 1.0 if angle.startswith("deg") else np.degrees(1.0)
        scale = INCH / float(units["length"])
        root = {words[0]: words[1:] for words in map(str.split, sections["root"])}
        bones = Skeleton(
            root=Bone(
                "",
                np.zeros(3),
                turn_in_order(turn * np.array(_floats(root["orientation"])), root["axis"][0]),
                tuple(map(str.lower, root["order"])),
            )
        )
        bones.radians = angle.startswith("rad")
        loose = {}
        for block in "\n".join(sections["bonedata"]).split("begin")[1:]:
            lines = {words[0]: words[1:] for words in map(str.split, block.splitlines()) if words}
            offset = np.array(_floats(lines["direction"])) * float(lines["length"][0]) * scale
            axis = turn_in_order(turn * np.array(_floats(lines["axis"][:3])), lines["axis"][3])
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
    factor = _unit_factor(path, bones, scale)
    for name, bone in bones.items():
        bones[name] = bone._replace(offset=bone.offset * factor)
    # the root's translation is scaled, not offset
    bones["root"] = bones["root"]._replace(offset=np.full(3, scale * factor))
    return bones


def _unit_factor(path: Path, bones: Skeleton, scale: float) -> float:
    """What lengths have to be multiplied with to be metres: 1, or another unit's if legs are no
    human's.
    """
    names = ("lfemur", "ltibia", "rfemur", "rtibia")
    leg = sum(float(np.linalg.norm(bones[name].offset)) for name in names) / 2
    if LEG[0] <= leg <= LEG[1]:
        return 1.0
    units = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": INCH}
    fits = [name for name, unit in units.items() if LEG[0] <= leg / scale * unit <= LEG[1]]
    if not fits:
        raise ValueError(
            f"{path}: thigh and shank together are {leg:.3g} m long by its unit, and no human's in "
            f"{', '.join(units)}: correct its :units or leave this file out"
        )
    warnings.warn(
        f"{path}: legs of {leg:.3g} m by its :units; its lengths are taken for {fits[0]}, which "
        f"makes legs of {leg / scale * units[fits[0]]:.2f} m",
        stacklevel=3,
    )
    return units[fits[0]] / scale


def read_amc(path: Path, skeleton: Skeleton) -> Motion:
    """The motion of an AMC file. Angles are in the unit that it names, else in its skeleton's.

    Raises ValueError naming the file and the line. Warns of angles so small that they may be
    radians.
    """
    values: dict[str, list[list[float]]] = {}
    frames, radians, rate = 0, getattr(skeleton, "radians", False), None
    for number, line in enumerate(_text(path).splitlines(), start=1):
        words = line.split()
        if words and words[0][0] == ":":
            keyword = words[0][1:].lower()
            radians = {"degrees": False, "radians": True}.get(keyword, radians)
            if keyword == "samples-per-second" and len(words) > 1:
                rate = float(words[1])
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
    channels = Motion({name: np.array(rows) for name, rows in values.items()})
    channels.rate = rate
    if not all(np.isfinite(rows).all() for rows in channels.values()):
        raise ValueError(f"{path} holds NaN or infinite numbers: {REMEDY}")
    largest = 0.0
    for name, rows in channels.items():
        turning = [channel.startswith("r") for channel in skeleton[name].dof]
        largest = max(largest, np.abs(rows[:, turning]).max(initial=0))
        if radians:
            rows[:, turning] = np.degrees(rows[:, turning])
    if not radians and frames > 100 and largest <= 2 * np.pi:
        warnings.warn(
            f"{path}: no angle is above {largest:.2g} degrees in {frames} frames; if they are "
            "radians, write :RADIANS into its header",
            stacklevel=2,
        )
    return channels


def _text(path: Path) -> str:
    """A text file; comments may hold Latin-1 letters, which are read as such."""
    try:
        text = path.read_bytes().decode("latin-1")
    except OSError as error:
        raise ValueError(f"{path} cannot be read as text ({error}): {REMEDY}") from None
    if "\0" in text:
        raise ValueError(f"{path} cannot be read as text (it holds zero bytes): {REMEDY}")
    return text


def _sections(text: str) -> dict[str, list[str]]:
    """The lines of an ASF file below each of its :keywords."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(":"):
            lines = sections.setdefault(line[1:].split()[0].lower(), [])
        elif line.strip() and not line.startswith("#"):
            lines.append(line)
    return sections


def _floats(words) -> list[float]:
    return [float(word) for word in words]

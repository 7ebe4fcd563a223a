"""A file, a folder of files or several files -> Found. What tools write is read by readers."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .found import Found, OwnPoses, natural, numbered, same_count
from .opened import KINDS, opened, suffix
from .readers import read_content
from .tables import from_table

REMEDY = (
    "give the JSON, npz, csv or labels that a pose detector wrote (docs/keypoint_files.md lists "
    "them), or a folder with one such file per frame"
)
FRAMES = (".json", ".txt")  # of a folder: JSON, or else YOLO's labels
FACTS = ("format", "image_size", "fps", "least")


def read_files(paths: str | Path | Sequence[str | Path], format: str | None = None) -> Found:
    """Read a file; or a folder or several files as frames of one film, in the order of the numbers
    in their names. A damaged file among others is left out, and named in notes. Raises with a
    sentence and a remedy.
    """
    if not isinstance(paths, str | Path):
        return _film([Path(path) for path in paths], format)
    path = Path(paths)
    if path.is_dir():
        return _film(_frames_of(path), format)
    return _read(path, format)


def one_frame(path: Path) -> bool:
    """Whether a file has keypoints of one frame alone."""
    try:
        found = _read(path, None)
    except (ValueError, OSError):
        return False
    return len(set(found.frame if found.looked is None else found.looked)) <= 1


def _frames_of(folder: Path) -> list[Path]:
    names = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    for kind in FRAMES:
        if found := [p for p in names if suffix(p) == kind and p.name != "about.txt"]:
            return found
    other = next((p for p in names if suffix(p) in KINDS), None)
    remedy = f"give one by itself, for instance {other.name}" if other else REMEDY
    raise FileNotFoundError(f"{folder} holds no .json files and no labels (.txt): {remedy}")


def _film(names: list[Path], format: str | None) -> Found:
    found, read, bad, own = Found(looked=[]), {}, [], []
    for name in sorted(names, key=natural):
        try:
            read[name] = _read(name, format)
        except OwnPoses as error:
            own.append(error)  # a result that lies among its frames
        except (ValueError, OSError) as error:
            bad.append(error)
    count = len(read) + len(bad)
    if count < 2 and (bad or own) and not read:
        raise (bad or own)[0]
    if count == 1:
        return read.popitem()[1]
    if bad and len(bad) > count / 2:
        raise bad[0]
    for (name, one), number in zip(read.items(), numbered([str(name) for name in read])):
        _join(found, one, name, number)
    if bad:
        found.notes.append(f"{len(bad)} of {count:,} files left out, the first: {bad[0]}")
    if len(found.looked) > 1 and found.fps is None:
        found.notes.append(
            f"{len(found.looked):,} files read as frames of one film, in the order of their names"
        )
    try:
        return same_count(found)
    except ValueError as error:
        odd = next(n for n, row in enumerate(found.rows) if len(row) != len(found.rows[0]))
        name = list(read)[found.looked.index(found.frame[odd])]
        raise ValueError(f"{name}: {error}: give each kind by itself") from None


def _join(found: Found, one: Found, name: Path, number: int) -> None:
    """Add a file's people to a film's."""
    if len(set(one.frame if one.looked is None else one.looked)) > 1:
        raise ValueError(
            f"{name} holds {one.frames()}; of several files each should be one frame: give that "
            "file by itself"
        )
    for fact in FACTS:
        before, now = getattr(found, fact), getattr(one, fact)
        if before and now and before != now:
            raise ValueError(
                f"{name} has {fact.replace('_', ' ')} {now}, the files before {before}: "
                "give each kind by itself"
            )
        setattr(found, fact, before if now is None else now)
    found.looked.append(number)
    found.rows += one.rows
    found.person += one.person
    found.frame += [number] * len(one.rows)
    found.refused += [(number, reason) for _, reason in one.refused]
    found.notes += [note for note in one.notes if note not in found.notes]


def _read(path: Path, format: str | None) -> Found:
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {REMEDY}")
    try:
        content = opened(path)
    except ValueError as error:
        raise ValueError(f"{path} {error}: {REMEDY}") from None
    try:
        if isinstance(content, pd.DataFrame):
            return from_table(content, format)
        return read_content(content)
    except ValueError as error:
        raise (OwnPoses if isinstance(error, OwnPoses) else ValueError)(
            f"{path} holds no keypoints of a known layout ({error}): {REMEDY}"
        ) from None

"""Tables -> Found: a row per keypoint, or a row per person with nose_x, nose_y, ..., or
DeepLabCut's columns.
"""

import re

import numpy as np
import pandas as pd

from .formats import FORMATS
from .found import Found
from .names import format_of_names

# what tools call them
COLUMNS = {
    "joint": "keypoint bodypart joint_name name landmark keypoint_name part body_part",
    "confidence": "conf score likelihood visibility keypoint_score probability prob",
    "frame": "frame_id frame_idx frame_index frame_number image_id frames",
    "person": "person_id track_id individual individuals instance idx id",
}
OTHER_NAMES = {other: name for name, others in COLUMNS.items() for other in others.split()}
WANTED = (
    "give one row per keypoint, with x, y and, if known, confidence, frame, person, "
    "joint; or one row per person with nose_x, nose_y, ..."
)
_WIDE = re.compile(r"(.+?)[ _.:-]?(x|y|confidence|conf|score|likelihood|visibility|c|v)", re.I)


def from_table(table: pd.DataFrame, format: str | None) -> Found:
    """Rows in any order if a column says which joint they are; joints without a row are missing."""
    notes: list[str] = []
    if table.columns.nlevels > 1:
        table = _deeplabcut(table)
    table = table.rename(columns=lambda name: str(name).strip().lower())
    table = table.rename(columns={a: b for a, b in OTHER_NAMES.items() if b not in table})
    if not {"x", "y"} & set(table):
        table = _long(table, format)
    if lacking := [name for name in ("x", "y") if name not in table]:
        raise ValueError(f"the table lacks {', '.join(lacking)}: {WANTED}")
    if twice := table.columns[table.columns.duplicated()].tolist():
        raise ValueError(f"the table has two columns for {twice[0]}: leave one out")
    if table.empty:
        return Found()
    known = {"x", "y", *COLUMNS}
    if unused := [name for name in table if name not in known]:
        notes.append(f"columns not used: {', '.join(unused[:6])}")
    try:
        sure = table.get("confidence", pd.Series(1.0, index=table.index))
        numbers = table[["x", "y"]].assign(confidence=sure).to_numpy(dtype=float)
        frame = np.zeros(len(table)) if "frame" not in table else pd.to_numeric(table["frame"])
        frame = np.asarray(frame, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"the table has something else than numbers in x, y, confidence or frame: {WANTED}"
        ) from None
    if not np.isfinite(frame).all() or (frame != np.floor(frame)).any():
        raise ValueError(
            "the table has frames that are no whole numbers: leave those rows out, or number them"
        )
    return _found(table, numbers, frame.astype(np.int64), format, notes)


def _found(table, numbers: np.ndarray, frame: np.ndarray, format, notes: list[str]) -> Found:
    who = table.get("person", pd.Series(0, index=table.index))
    named = who.notna().to_numpy()
    text = who.astype(str)  # a person without a name is still one person of a frame
    place, kind, count = _places(table, format, frame, text)
    group, keys = pd.MultiIndex.from_arrays([frame, text]).factorize()
    twice = pd.DataFrame({"group": group, "place": place}).duplicated().to_numpy() & (place >= 0)
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        more = f" ({notes[0]})" if notes else ""
        raise ValueError(
            f"the table has joint {table['joint'].iloc[first]} twice in frame {frame[first]}, "
            f"person {who.iloc[first]}{more}"
        )
    rows = np.full((len(keys), count, 3), np.nan)
    rows[group[place >= 0], place[place >= 0]] = numbers[place >= 0]
    first = np.unique(group, return_index=True)[1]
    if pd.api.types.is_numeric_dtype(who) and (who[named] % 1 == 0).all():
        numbers_of = who
    else:
        numbers_of = pd.Series(pd.factorize(text)[0], index=table.index)
    persons = [int(numbers_of.iloc[n]) if named[n] else None for n in first]
    persons = [who if who is None or who >= 0 else None for who in persons]
    frames = keys.get_level_values(0).tolist()
    return Found(list(rows), frames, persons, format=kind, notes=notes)


def _places(table, format: str | None, frame: np.ndarray, who: pd.Series):
    """Where in a person's list each row belongs (-1: nowhere), the format if the joints' names tell
    it, and the length of the list.
    """
    if "joint" not in table:
        groups = table.groupby([frame, who.to_numpy()], dropna=False, sort=False)
        sizes = groups.size().unique()
        if len(sizes) > 1:
            raise ValueError(
                f"the table has {sorted(sizes.tolist())} keypoints for different people: add a "
                "column joint that says which"
            )
        return groups.cumcount().to_numpy(), None, int(sizes[0])
    joints = table["joint"]
    if pd.api.types.is_numeric_dtype(joints):
        order = sorted(joints.unique().tolist())
        if order != list(range(len(order))):
            raise ValueError(
                f"the table's joints are numbered {order[:5]} ..., not 0 to K - 1: number them "
                "from 0, or name them"
            )
        return joints.to_numpy(dtype=np.int64), None, len(order)
    form, place = format_of_names(joints.astype(str).unique().tolist(), format)
    places = joints.astype(str).map(place).fillna(-1).to_numpy(dtype=np.int64)
    return places, form, len(FORMATS[form].joints)


def _long(table: pd.DataFrame, format: str | None) -> pd.DataFrame:
    """A row per keypoint of a row per person: columns nose_x, nose_y, nose_score."""
    parts: dict[str, dict[str, str]] = {}
    for name in table:
        if name not in COLUMNS and (match := _WIDE.fullmatch(name)):
            joint, part = match.groups()
            part = part if part in ("x", "y") else "confidence"
            parts.setdefault(joint, {})[part] = name
    parts = {joint: part for joint, part in parts.items() if part.keys() >= {"x", "y"}}
    if not parts:
        return table
    if not any(joint.strip().isdigit() for joint in parts):
        known = format_of_names(list(parts), format)[1]
        parts = {joint: part for joint, part in parts.items() if joint in known}
    frame = table["frame"] if "frame" in table else pd.Series(range(len(table)), index=table.index)
    pieces = []
    for joint, part in parts.items():
        piece = {"frame": frame, "x": table[part["x"]], "y": table[part["y"]]}
        piece |= {"person": table["person"]} if "person" in table else {}
        piece |= {"confidence": table[part["confidence"]]} if "confidence" in part else {}
        pieces.append(pd.DataFrame(piece).assign(joint=joint))
    return pd.concat(pieces, ignore_index=True)


def _deeplabcut(table: pd.DataFrame) -> pd.DataFrame:
    """DeepLabCut: columns (scorer, bodypart, x | y | likelihood), with several animals (scorer,
    individual, bodypart, ...); the index is the frame.
    """
    pieces = []
    for name in dict.fromkeys(column[:-1] for column in table):
        part = table[[column for column in table if column[:-1] == name]].reset_index(drop=True)
        part.columns = [str(column[-1]).lower() for column in part]
        if {"x", "y"} <= set(part):
            frame = np.arange(len(table)) if table.index.dtype.kind not in "iu" else table.index
            piece = part[[c for c in ("x", "y", "likelihood") if c in part]]
            who = {"person": name[-2]} if len(name) == 3 else {}
            pieces.append(piece.assign(frame=np.asarray(frame), joint=name[-1], **who))
    if not pieces:
        raise ValueError(f"the table's columns are no joints with x and y: {WANTED}")
    return pd.concat(pieces, ignore_index=True)

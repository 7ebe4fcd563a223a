"""Keypoints in arrays and tables -> one person at a time, as files gives those of files."""

import numpy as np
import pandas as pd
import torch

from .files import Found
from .formats import FORMATS

OTHER_NAMES = {"keypoint": "joint", "score": "confidence", "likelihood": "confidence"}  # of columns
WANTED = (
    "a row a keypoint is wanted, with x, y and, if there are such, confidence, frame, person, joint"
)


def from_array(given) -> Found:
    """(K, 2 or 3), (frames, K, 2 or 3) or (frames, people, K, 2 or 3); who is NaN is not there."""
    try:
        array = np.asarray(
            given.detach().cpu() if isinstance(given, torch.Tensor) else given, dtype=float
        )
    except (TypeError, ValueError):
        raise TypeError(
            f"keypoints are a path, an array of numbers or a DataFrame, got {type(given).__name__}"
        ) from None
    if array.ndim not in (2, 3, 4) or array.shape[-1] not in (2, 3) or not array.size:
        raise ValueError(
            "keypoints must be (K, 2), (frames, K, 2) or (frames, people, K, 2), or with "
            f"confidence 3, got {array.shape}"
        )
    one = array.ndim < 4  # of several people, who is who is not promised by their order
    array = array.reshape(-1, 1, *array.shape[-2:]) if one else array
    if array.shape[-1] == 2:
        array = np.concatenate([array, np.ones((*array.shape[:-1], 1))], axis=-1)
    there = np.isfinite(array[..., :2]).all(-1).any(-1)  # (frames, people)
    frame, person = np.nonzero(there)
    return Found(
        list(array[there]), frame.tolist(), [0 if one else None] * len(person), frames=len(array)
    )


def from_table(table: pd.DataFrame, format: str | None) -> Found:
    """Rows in any order if a column says which joint they are; joints without a row are missing."""
    table = table.rename(columns=lambda name: OTHER_NAMES.get(str(name).lower(), str(name).lower()))
    if lacking := [name for name in ("x", "y") if name not in table]:
        raise ValueError(f"the table lacks {', '.join(lacking)}: {WANTED}")
    if table.empty:
        return Found([], [], [])
    try:
        numbers = (
            table[["x", "y"]].assign(confidence=table.get("confidence", 1.0)).to_numpy(dtype=float)
        )
        frame = (
            pd.to_numeric(table["frame"]).to_numpy()
            if "frame" in table
            else np.zeros(len(table), dtype=np.int64)
        )
    except (TypeError, ValueError):
        raise ValueError(
            f"the table has something else than numbers in x, y, confidence or frame: {WANTED}"
        ) from None
    if not np.isfinite(frame).all() or (frame != np.floor(frame)).any():
        raise ValueError(
            "the table has frames that are no whole numbers: leave those rows out, or number them"
        )
    who = table.get("person", pd.Series(0, index=table.index))
    if unnamed := bool(
        who.isna().any()
    ):  # then nobody's name is relied on, but rows still belong together by it
        who = who.astype(str)
    place, kind, count = _places(table, format, frame, who)
    group, keys = pd.MultiIndex.from_arrays([frame.astype(np.int64), who]).factorize()
    keys = pd.DataFrame({"frame": keys.get_level_values(0), "person": keys.get_level_values(1)})
    twice = pd.DataFrame({"group": group, "place": place}).duplicated()
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        raise ValueError(
            f"the table has joint {table['joint'].iloc[first]} twice in frame {frame[first]:.0f}, "
            f"person {who.iloc[first]}"
        )
    rows = np.full((len(keys), count, 3), np.nan)
    rows[group, place] = numbers
    if unnamed:
        persons = [None] * len(keys)
    elif pd.api.types.is_integer_dtype(who):
        persons = keys.person.tolist()
    else:
        persons = pd.factorize(keys.person)[0].tolist()
    frames = int(keys.frame.max() - keys.frame.min()) + 1
    return Found(list(rows), keys.frame.tolist(), persons, frames=frames, format=kind)


def _places(
    table: pd.DataFrame, format: str | None, frame: np.ndarray, who: pd.Series
) -> tuple[np.ndarray, str | None, int]:
    """Where in a person's list each row belongs, the format if the joints' names tell it, and the
    length of the list.
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
    names = (
        joints.astype(str).str.lower().str.replace("_", " ").str.replace("ankle", "foot")
    )  # as most tools write them
    kinds = [format] if format else list(FORMATS)
    kind = next((k for k in kinds if set(names) == set(FORMATS[k].joints)), None)
    if kind is None:
        some, wanted = (
            ", ".join(joints.astype(str).unique()[:4]),
            ", ".join(FORMATS[kinds[0]].joints),
        )
        raise ValueError(
            f"the table's joints {some}, ... are those of no known format; {kinds[0]}, for one, "
            f"has {wanted}"
        )
    return (
        names.map({name: n for n, name in enumerate(FORMATS[kind].joints)}).to_numpy(),
        kind,
        len(FORMATS[kind].joints),
    )

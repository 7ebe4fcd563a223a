"""Keypoints in arrays and tables -> one person at a time, as keypoint_files gives those of files."""

import numpy as np
import pandas as pd
import torch

from ..joint_formats import FORMATS
from .keypoint_files import Found

COLUMNS = ("x", "y")


def from_array(given) -> Found:
    try:
        array = np.asarray(given.detach().cpu() if isinstance(given, torch.Tensor) else given, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"keypoints are a path, an array of numbers or a DataFrame, got {type(given).__name__}") from None
    if array.ndim not in (2, 3, 4) or array.shape[-1] not in (2, 3) or not array.size:
        raise ValueError(f"keypoints must be (K, 2), (frames, K, 2) or (frames, people, K, 2), or with confidence 3, got {array.shape}")
    followed = array.ndim < 4  # one person; of several, who is who is not promised by their order
    array = array.reshape(*(1,) * (4 - array.ndim), *array.shape) if array.ndim == 2 else array[:, None] if array.ndim == 3 else array
    if array.shape[-1] == 2:
        array = np.concatenate([array, np.ones((*array.shape[:-1], 1))], axis=-1)
    there = np.isfinite(array[..., :2]).all(-1).any(-1)  # (frames, people)
    frame, person = np.nonzero(there)
    return Found(list(array[there]), frame.tolist(), [0 if followed else None] * len(person), frames=len(array))


def from_table(table: pd.DataFrame, format: str | None) -> Found:
    table = table.rename(columns={"keypoint": "joint", "score": "confidence"})
    if lacking := [name for name in COLUMNS if name not in table]:
        raise ValueError(
            f"the table lacks {', '.join(lacking)}: a row a keypoint is wanted, x, y and confidence, frame, person, joint if there are such"
        )
    table = table.assign(**{name: 0 for name in ("frame", "person") if name not in table})
    table = table if "confidence" in table else table.assign(confidence=1.0)
    order, kind = None, None
    if "joint" in table:
        names = table["joint"].drop_duplicates()
        if pd.api.types.is_numeric_dtype(names):
            order = sorted(int(x) for x in names)
            if order != list(range(len(order))):
                raise ValueError(f"the table's joints are numbered {order[:5]} ..., not 0 to K - 1")
        else:
            kinds = [format] if format else list(FORMATS)
            kind = next((k for k in kinds if set(names) == set(FORMATS[k].joints)), None)
            if kind is None:
                raise ValueError(
                    f"the table's joints {', '.join(map(str, names[:4]))}, ... are those of no known format: {list(FORMATS['coco17'].joints)}"
                )
            order = list(FORMATS[kind].joints)
    try:
        numbers = table.astype({"frame": "int64", "x": float, "y": float, "confidence": float})
    except (TypeError, ValueError) as error:
        raise ValueError(f"the table has something else than numbers in x, y, confidence or frame ({error})") from None
    if numbers.empty:
        return Found([], [], [])
    found = Found([], [], [], frames=int(numbers.frame.max() - numbers.frame.min()) + 1, format=kind)
    people = {who: n for n, who in enumerate(numbers.person.drop_duplicates())}
    people = {who: int(who) if pd.api.types.is_integer_dtype(numbers.person) else n for who, n in people.items()}
    sizes = set()
    for (frame, who), rows in numbers.groupby(["frame", "person"], sort=True):
        if order is not None:
            if rows.joint.duplicated().any():
                raise ValueError(f"the table has joint {rows.joint[rows.joint.duplicated()].iloc[0]!r} twice in frame {frame}, person {who}")
            rows = rows.set_index("joint").reindex(order)  # joints without a row are missing
        sizes.add(len(rows))
        if len(sizes) > 1:
            raise ValueError(f"the table has {sorted(sizes)} keypoints for different people: add a column joint that says which")
        found.rows.append(rows[["x", "y", "confidence"]].to_numpy())
        found.frame.append(int(frame))
        found.person.append(people[who])
    return found

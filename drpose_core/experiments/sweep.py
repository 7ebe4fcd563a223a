"""An ablation as a table: a function measured over a grid of settings, each cell once."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from ..support import project_root
from .fingerprint import fingerprint


def sweep(
    measure: Callable[..., dict],
    over: Mapping[str, Sequence] | Sequence[dict],
    *given,
    folder: str | Path | None = None,
) -> pd.DataFrame:
    """Call measure(*given, **cell) -> {name: number} for every cell; one row each, settings first.

    over: lists of values by name, of which all combinations are taken (the last name changes
    fastest), or the cells themselves. Each row is written to folder (default: output/sweeps) as
    soon as it is measured, so an interrupted sweep resumes where it stopped, and a finished one
    returns at once. A saved row is reused only for the same cell, the same given objects and the
    same measure (dr.fingerprint); otherwise it is measured again. Raises ValueError for settings
    that are not numbers, texts or lists.
    """
    if isinstance(over, Mapping):
        over = [dict(zip(over, values)) for values in product(*over.values())]
    over = [{key: _number(value) for key, value in cell.items()} for cell in over]
    try:
        keys = [json.dumps(cell, sort_keys=True, allow_nan=False) for cell in over]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"settings of a sweep must be numbers, texts or lists ({error}): let measure look up "
            "the rest"
        ) from None
    name = getattr(measure, "__name__", type(measure).__name__)
    path = (
        Path(folder or project_root() / "output" / "sweeps")
        / f"{name.strip('<>')}-{fingerprint(measure, *given)}.jsonl"
    )
    known = _read(path)
    for key, cell in (bar := tqdm(list(zip(keys, over)), name, leave=False)):
        bar.set_postfix(cell)
        if key not in known:
            found = json.loads(
                json.dumps(
                    {what: _number(value) for what, value in measure(*given, **cell).items()}
                )
            )
            if twice := set(found) & set(cell):
                raise ValueError(
                    f"{name} returns {', '.join(sorted(twice))}, which is a setting: give the "
                    "result another name"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            # The line break first: a line that a kill cut short then harms no other.
            with open(path, "a") as file:
                file.write("\n" + json.dumps({"cell": key, "found": found}))
            known[key] = found
    return pd.DataFrame([{**cell, **known[key]} for key, cell in zip(keys, over)])


def _read(path: Path) -> dict[str, dict]:
    """What is kept, by cell; a line cut short is left out."""
    known = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
            known[row["cell"]] = row["found"]
        except (ValueError, KeyError, TypeError):
            continue
    return known


def _number(value):
    """A number of torch's or numpy's as a plain one."""
    return value.item() if getattr(value, "ndim", None) == 0 else value

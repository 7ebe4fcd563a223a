"""The folders that trainings are kept in: where they are, what is in them, tables of them."""

import json
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..support import project_root, written_whole
from ..training import TrainState

COLUMNS = ["epoch", "step", "loss", "lr", "seconds"]
STATE, HISTORY, ABOUT = "state.safetensors", "history.csv", "run.json"
# How run.json knows code and poses. A folder of another scheme cannot be compared so; its
# configuration and the description of its poses still are.
SCHEME = 2


def run_folder(name: str | Path) -> Path:
    """The folder of a run: output/runs/<name>, or the path itself if it is absolute."""
    return project_root() / "output" / "runs" / name


def history(folder: str | Path) -> pd.DataFrame:
    """The history of a run: epoch, step, loss, lr, seconds and validation scores.

    Raises FileNotFoundError.
    """
    path = run_folder(folder) / HISTORY
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: runs() lists the runs that there are")
    return pd.read_csv(path)


def runs(folder: str | Path = "") -> pd.DataFrame:
    """All runs in a folder (default output/runs/), one per row, newest first: progress, scores,
    settings and version of the code.
    """
    table, root = [], run_folder(folder)
    for path in root.rglob(ABOUT):
        name = {"run": str(path.parent.relative_to(root))}
        try:
            table.append(name | _row(path))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            table.append(name | {"started": f"unreadable: {error}"})
    found = pd.DataFrame(table, columns=None if table else ["run", "started", "done"])
    return found.sort_values("started", ascending=False, ignore_index=True)


def _row(path: Path) -> dict:
    """What stands in a run.json and the history beside it."""
    about = json.loads(path.read_text())
    row = {"started": about["started"], "done": 0.0}
    seen = history(path.parent) if (path.parent / HISTORY).is_file() else pd.DataFrame()
    if len(seen):
        last = seen.iloc[-1]
        row["done"] = round(int(last.step) / about["steps"], 3)
        row |= {"step": int(last.step), "loss": seen.loss.iloc[-4:].mean(), "seconds": last.seconds}
        validated = [name for name in seen.columns[len(COLUMNS) :] if seen[name].notna().any()]
        row |= {name: seen[name].dropna().iloc[-1] for name in validated}
    git, train = about["git"], about["train"]
    commit = git["commit"][:8] + (" changed" if git["changed"] else "") if git else ""
    return row | about["config"] | {"poses": train["poses"], "data": train["source"], "git": commit}


def forget_run(folder: Path) -> None:
    """The state first: it must never be taken for that of another run.json."""
    for name in (STATE, HISTORY, ABOUT):
        (folder / name).unlink(missing_ok=True)


def keep_run(folder: Path, state: TrainState, rows: pd.DataFrame) -> None:
    """The history first: rows past the state's step are dropped when the run resumes."""
    with written_whole(folder / HISTORY) as temporary:
        rows.to_csv(temporary, index=False)
    tensors = {
        name: value.detach().cpu().contiguous().clone() for name, value in state.tensors().items()
    }
    with written_whole(folder / STATE) as temporary:
        try:
            save_file(tensors, temporary, metadata={"step": str(state.step)})
        except SafetensorError as error:
            raise OSError(str(error)) from None


def read_run(folder: Path, about: dict) -> tuple[dict[str, torch.Tensor], int, list[dict]] | None:
    """The state, step and history kept in a folder; None if it holds none yet. Raises ValueError
    if it holds another training than about tells of, or cannot be read.
    """
    path = folder / ABOUT
    if not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text())
        differ = _differences(kept, about)
        if not (folder / STATE).is_file() and not differ:
            return None
        if not differ:
            with safe_open(folder / STATE, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                step = int(file.metadata()["step"])
            rows = history(folder)
            rows = rows[rows.step <= step].to_dict("records")
            return tensors, step, [{k: v for k, v in r.items() if not pd.isna(v)} for r in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise ValueError(
            f"{folder} cannot be read ({' '.join(str(error).split())}): delete it to train from "
            "scratch"
        ) from None
    raise ValueError(
        f"{folder} holds another training ({differ}): choose another folder, or delete this one"
    )


def _differences(kept: dict, about: dict) -> str:
    """What is other in a run.json than it should be, in words; empty if nothing is."""
    if kept.get("scheme") != SCHEME:  # digits of another kind: their names alone can be compared
        kept, about = (
            {k: _named(k, v) for k, v in x.items() if k != "poses"} for x in (kept, about)
        )
    parts = [part for part in ("config", "train", "poses", "loss", "module") if part in about]
    words = []
    for part in parts:
        a, b = (x[part] if isinstance(x[part], dict) else {"": x[part]} for x in (kept, about))
        changed = [name for name in b if a.get(name) != b[name]]
        for name in changed:
            words.append(f"{part} {name}".strip() + f" {a.get(name)!r}, not {b[name]!r}")
    return ", ".join(words)


def _named(part: str, value):
    """A loss or a module without its digits."""
    return value.split()[0] if part in ("loss", "module") else value

"""A training kept in a folder:

it may be interrupted at any moment and goes on where it was; runs can be listed and compared.
"""

import copy
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import distributed, nn

from ..data import PoseSet
from ..support import process, project_root, written_whole
from ..training import Loss, TrainConfig, TrainState, TrainStep, steps_per_epoch, train
from .fingerprint import fingerprint

KEEP = 60.0  # seconds between two savings; an epoch's end is always kept
ROW = 25  # steps that a row of the history sums up
WATCH = 2.0  # seconds between two looks at the history while training
COLUMNS = ["epoch", "step", "loss", "lr", "seconds"]
STATE, HISTORY, ABOUT = "state.safetensors", "history.csv", "run.json"


def train_in(
    folder: str | Path,
    module: nn.Module,
    loss: Loss,
    poses: PoseSet,
    config: TrainConfig | None = None,
    *,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    watch: Callable[[pd.DataFrame], None] | None = None,
    afresh: bool = False,
) -> Iterator[TrainStep]:
    """training.train, kept in a folder (a relative one lies in output/runs/): what was interrupted
    goes on from there, what is done is read.

    Where it starts is kept too: the module's weights when the folder was new, whatever they are
    when it goes on. run.json says what is trained how, on what and by which code; history.csv has a
    row for every 25 steps: epoch, step, loss (mean, in the loss's unit), lr, seconds, and at an
    epoch's end what validate said. state.safetensors holds everything that going on needs, written
    whole or not at all, at every epoch's end and once a minute. Going on gives the weights of a run
    that was never interrupted, bit for bit on the same device. watch(history) is called every two
    seconds: plots.live_losses() draws it. Raises ValueError if the folder holds another training
    (other poses, configuration, loss or code of the module; afresh=True forgets it), and
    FloatingPointError as train does, with the last good weights kept.
    """
    folder, config = run_folder(folder), config or TrainConfig()
    state = TrainState(module, config)
    total = config.epochs * steps_per_epoch(len(poses), config)
    about = {"config": asdict(config), "train": poses.describe(), "poses": fingerprint(poses)}
    about |= {
        "loss": f"{getattr(loss, '__name__', 'loss')} {fingerprint(loss)}",
        "module": f"{type(module).__name__} {_code(module)}",
    }
    rank, world = process()
    if afresh and rank == 0:
        _forget(folder)
    kept = [_continued(folder, about) if rank == 0 else None]
    if world > 1:
        distributed.broadcast_object_list(
            kept
        )  # the folder need be there on the first machine only
    if isinstance(kept[0], ValueError):
        raise kept[0]
    rows: list[dict] = []
    if kept[0]:
        tensors, step, rows = kept[0]
        try:
            state.restore(tensors, step)
        except ValueError as error:
            raise ValueError(
                f"{folder}: {error}: choose another folder, or delete this one"
            ) from None
    elif rank == 0:
        _forget(folder)  # a state without the story of how it was made
        about |= {
            "steps": total,
            "device": str(poses.device),
            "processes": world,
            "command": sys.argv,
            "git": _git(),
        }
        about |= {
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "versions": _versions(),
        }
        with written_whole(folder / ABOUT) as temporary:
            temporary.write_text(json.dumps(about, indent=1))
        _keep(
            folder, state, pd.DataFrame(columns=COLUMNS)
        )  # so that a cell stopped early begins again with the same weights
    log = _Log(rows, watch if rank == 0 else None)
    kept_at = time.monotonic()
    try:
        for step in train(module, loss, poses, config, validate=validate, state=state):
            log.add(step)
            end_of_epoch = step.step % (total // config.epochs) == 0
            if (
                rank == 0
                and (end_of_epoch or time.monotonic() - kept_at > KEEP)
                and not state.broken
            ):
                log.close_row()
                _keep(folder, state, log.table())
                kept_at = time.monotonic()
            yield step
    except FloatingPointError as error:
        raise FloatingPointError(f"{error}; {folder} keeps the training as it was before") from None
    log.show()


def run_folder(name: str | Path) -> Path:
    """The folder of a run: output/runs/<name>, or the path itself if it is absolute."""
    return project_root() / "output" / "runs" / name


def history(folder: str | Path) -> pd.DataFrame:
    """The history of a run:

    epoch, step, loss, lr, seconds, and what was validated. Raises FileNotFoundError.
    """
    path = run_folder(folder) / HISTORY
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: runs() lists the runs that there are")
    return pd.read_csv(path)


def runs(folder: str | Path = "") -> pd.DataFrame:
    """All runs in a folder (default output/runs/), one a row, newest first:

    how far, how good, how trained, by which code.
    """
    table = []
    root = run_folder(folder)
    for path in root.rglob(ABOUT):
        try:
            about = json.loads(path.read_text())
            row = {
                "run": str(path.parent.relative_to(root)),
                "started": about["started"],
                "done": 0.0,
            }
            seen = history(path.parent) if (path.parent / HISTORY).is_file() else pd.DataFrame()
            if len(seen):
                row["done"] = round(int(seen.step.iloc[-1]) / about["steps"], 3)
                row |= {
                    "step": int(seen.step.iloc[-1]),
                    "loss": seen.loss.iloc[-4:].mean(),
                    "seconds": seen.seconds.iloc[-1],
                }
                row |= {
                    name: seen[name].dropna().iloc[-1]
                    for name in seen.columns[len(COLUMNS) :]
                    if seen[name].notna().any()
                }
            commit = (
                about["git"]["commit"][:8] + (" changed" if about["git"]["changed"] else "")
                if about["git"]
                else ""
            )
            table.append(
                row
                | about["config"]
                | {
                    "poses": about["train"]["poses"],
                    "data": about["train"]["source"],
                    "git": commit,
                }
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            table.append(
                {"run": str(path.parent.relative_to(root)), "started": f"unreadable: {error}"}
            )
    found = pd.DataFrame(table, columns=None if table else ["run", "started", "done"])
    return found.sort_values("started", ascending=False, ignore_index=True)


class _Log:
    """The rows of the history so far, and the steps of the row that is open; losses stay on the
    device until it closes.
    """

    def __init__(self, rows: list[dict], watch: Callable[[pd.DataFrame], None] | None):
        self.rows, self.watch, self.open = rows, watch, []
        self.start = time.monotonic() - (rows[-1]["seconds"] if rows else 0.0)
        self.shown_at = 0.0

    def add(self, step: TrainStep) -> None:
        self.open.append(step)
        if len(self.open) == ROW or step.scores is not None:
            self.close_row()
            if time.monotonic() - self.shown_at > WATCH:
                self.show()

    def close_row(self) -> None:
        if not self.open:
            return
        last = self.open[-1]
        loss = torch.stack([step.loss for step in self.open]).double().mean().item()
        row = {
            "epoch": last.epoch,
            "step": last.step,
            "loss": loss,
            "lr": last.lr,
            "seconds": round(time.monotonic() - self.start, 1),
        }
        self.rows.append(row | (last.scores or {}))
        self.open = []

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)

    def show(self) -> None:
        if self.watch and self.rows:
            self.watch(self.table())
            self.shown_at = time.monotonic()


def _forget(folder: Path) -> None:
    """The state first: it must never be taken for that of another run.json."""
    for name in (STATE, HISTORY, ABOUT):
        (folder / name).unlink(missing_ok=True)


def _keep(folder: Path, state: TrainState, rows: pd.DataFrame) -> None:
    """The history first: rows past the state's step are dropped when the run goes on."""
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


def _continued(
    folder: Path, about: dict
) -> tuple[dict[str, torch.Tensor], int, list[dict]] | ValueError | None:
    """The state, step and history kept in a folder; None if it holds none yet; the error if it
    holds something else.
    """
    path = folder / ABOUT
    if not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text())
        for part in ("config", "train", "poses", "loss", "module"):
            if kept[part] != about[part]:
                a, b = (
                    part if isinstance(part, dict) else {"": part}
                    for part in (kept[part], about[part])
                )
                differ = ", ".join(
                    f"{part} {name}".strip() + f" {a.get(name)!r}, not {b[name]!r}"
                    for name in b
                    if a.get(name) != b[name]
                )
                return ValueError(
                    f"{folder} holds another training ({differ}): choose another folder, or delete "
                    "this one"
                )
        if not (folder / STATE).is_file():
            return None
        with safe_open(folder / STATE, framework="pt") as file:
            step, tensors = (
                int(file.metadata()["step"]),
                {name: file.get_tensor(name) for name in file.keys()},  # noqa: SIM118
            )
        rows = history(folder)
        rows = rows[rows.step <= step]
        return (
            tensors,
            step,
            [{k: v for k, v in row.items() if not pd.isna(v)} for row in rows.to_dict("records")],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        return ValueError(
            f"{folder} cannot be read ({' '.join(str(error).split())}): delete it to train afresh"
        )


def _code(module: nn.Module) -> str:
    """A fingerprint of what the module computes, whatever its weights: they are what changes."""
    blank = copy.deepcopy(module)
    for value in blank.state_dict().values():
        value.zero_()
    return fingerprint(blank)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        name: version(name) for name in ("drpose", "torch", "numpy")
    }


def _git() -> dict | None:
    """The kit's commit, and whether files differ from it; None where there is no git."""

    def git(*words):
        return subprocess.run(
            ["git", *words], cwd=project_root(), capture_output=True, text=True, check=True
        ).stdout

    try:
        return {
            "commit": git("rev-parse", "HEAD").strip(),
            "changed": bool(git("status", "--porcelain", "--untracked-files=no").strip()),
        }
    except (OSError, subprocess.CalledProcessError):
        return None

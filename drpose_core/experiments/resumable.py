"""A training kept in a folder: it may be interrupted at any moment and resumes where it was."""

import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pandas as pd
import torch
from torch import distributed, nn

from ..data import PoseSet
from ..support import git_commit, process, versions, written_whole
from ..training import Loss, TrainConfig, TrainState, TrainStep, steps_per_epoch, train
from .fingerprint import fingerprint
from .runs import ABOUT, COLUMNS, SCHEME, forget_run, keep_run, read_run, run_folder

KEEP = 60.0  # seconds between two savings; an epoch's end is always kept
ROW = 25  # steps that a row of the history sums up
WATCH = 2.0  # seconds between two looks at the history while training


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
    """training.train with its state saved in a folder (a relative one lies in output/runs/). An
    interrupted training resumes from there; a finished one is loaded.

    The first call also saves the module's initial weights; later calls use those, whatever weights
    the module then has. run.json describes the module, settings, poses and code. history.csv has
    one row for every 25 steps: epoch, step, loss (mean, in the unit of the loss), lr, seconds and,
    at the end of an epoch, the result of validate. state.safetensors holds everything needed to
    resume; it is written atomically at the end of every epoch and once a minute. Resuming gives the
    weights of an uninterrupted run, bit for bit on the same device. watch(history) is called every
    two seconds: plots.live_losses() draws it.

    Raises ValueError if the folder holds another training (other poses, configuration, loss or code
    of the module; afresh=True deletes it). Raises FloatingPointError as train does, and keeps the
    last good weights.
    """
    folder, config = run_folder(folder), config or TrainConfig()
    state = TrainState(module, config)
    total = config.epochs * steps_per_epoch(len(poses), config)
    about = _about(module, loss, poses, config)
    rank, _ = process()
    if afresh and rank == 0:
        forget_run(folder)
    kept = _on_first_process(lambda: read_run(folder, about))
    rows: list[dict] = []
    if kept:
        tensors, step, rows = kept
        try:
            state.restore(tensors, step)
        except ValueError as error:
            raise ValueError(
                f"{folder}: {error}: choose another folder, or delete this one"
            ) from None
    elif rank == 0:
        forget_run(folder)  # a state without the story of how it came about
        _write_about(folder, about | {"steps": total, "device": str(poses.device)})
        # The state too, so that a cell stopped early begins again with the same weights.
        keep_run(folder, state, pd.DataFrame(columns=COLUMNS))
    log = _Log(rows, watch if rank == 0 else None)
    kept_at = time.monotonic()
    try:
        for step in train(module, loss, poses, config, validate=validate, state=state):
            log.add(step)
            due = step.step % (total // config.epochs) == 0 or time.monotonic() - kept_at > KEEP
            if rank == 0 and due and not state.broken:
                log.close_row()
                keep_run(folder, state, log.table())
                kept_at = time.monotonic()
            yield step
    except FloatingPointError as error:
        raise FloatingPointError(f"{error}; {folder} keeps the training as it was before") from None
    log.show()


def _about(module: nn.Module, loss: Loss, poses: PoseSet, config: TrainConfig) -> dict:
    """What tells one training from another."""
    return {
        "scheme": SCHEME,
        "config": asdict(config),
        "train": poses.describe(),
        "poses": fingerprint(poses),
        "loss": f"{getattr(loss, '__name__', 'loss')} {fingerprint(loss)}",
        "module": f"{type(module).__name__} {_code(module)}",
    }


def _write_about(folder: Path, about: dict) -> None:
    about |= {"processes": process()[1], "command": sys.argv, "git": git_commit()}
    about["started"] = datetime.now().astimezone().isoformat(timespec="seconds")
    with written_whole(folder / ABOUT) as temporary:
        temporary.write_text(json.dumps(about | {"versions": versions()}, indent=1))


def _on_first_process(read: Callable[[], object]) -> object:
    """What read() gives on the first process, in all of them; so does its ValueError. The folder
    need be there on the first machine only.
    """
    rank, world = process()
    found = [None]
    if rank == 0:
        try:
            found = [read()]
        except ValueError as error:
            found = [error]
    if world > 1:
        distributed.broadcast_object_list(found)
    if isinstance(found[0], ValueError):
        raise found[0]
    return found[0]


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


def _code(module: nn.Module) -> str:
    """A fingerprint of what the module computes, whatever its weights: they are what changes."""
    blank = copy.deepcopy(module)
    vars(blank).pop("sampling", None)  # how it is sampled later changes no training
    for value in blank.state_dict().values():
        value.zero_()
    return fingerprint(blank)

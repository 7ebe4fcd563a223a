"""The command that trains."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
import tyro
from torch import nn
from tqdm import tqdm

from ..data import PoseSet
from ..evaluation import evaluate, wrong_pairing
from ..experiments import fingerprint, run_folder, train_in
from ..films import FilmDRPose, film_lifting_loss, windows, with_film_poses
from ..lifters import build_lifter, lift, reads_confidence
from ..losses import lifting_loss
from ..methods import build_model
from ..model import DRPose, with_initial_poses
from ..scores import mpjpe, table
from ..settings import ModelConfig
from ..sources import load_poses
from ..support import device as find_device
from ..support import distributed_run, generator, process, project_root
from ..training import TrainConfig, steps_per_epoch
from ..weights import (
    PICKLED,
    TRAINED_ON,
    load_checkpoint,
    load_published_lifter,
    save_checkpoint,
    with_predictions,
)
from .cell import Job, notebook_cell
from .words import command_line


def command(job: Annotated[Job, tyro.conf.arg(name="")]) -> None:
    """Train a lifter, then a denoiser on its poses; save both and score them on the test
    subjects.

    After an interruption, the same command resumes. Under torchrun the processes share
    every batch.
    """
    with distributed_run() as rank:
        where = find_device()
        job = _filled_in(job)
        say = print if rank == 0 else lambda *words: None
        torch.manual_seed(job.seed)  # the networks' first weights
        lifter, known = _lifter(job.lifter_from, job.model)
        poses, test = (load_poses(job.source, s, job.data).to(where) for s in ("train", "test"))
        if job.predictions:
            poses, test = (with_predictions(x, job.predictions) for x in (poses, test))
        say(f"As a notebook cell:\n\n{notebook_cell(job)}\n")
        for sentence in wrong_pairing(known, poses):
            warnings.warn(f"--lifter-from: {sentence}", stacklevel=2)
        some = test[torch.randperm(len(test), generator=generator(job.seed))[:512].to(where)]
        record = {"train": poses.describe(), "test": test.source, "seed": job.seed}
        record["command"] = command_line()
        model = _trained(job, lifter.to(where), poses, some, record)
        if rank == 0:  # before the scores: whatever happens now, the weights are there
            save_checkpoint(job.out, model, record=record)
        scores = _scores(model, some, job.seed)
        chosen = scores.loc[["initial", "p_avg"], ["MPJPE", "P-MPJPE"]].astype(float).round(2)
        record["scores_mm"] = {"poses": len(some), "hypotheses": 1, "steps": 1}
        record["scores_mm"] |= chosen.T.to_dict()
        if rank == 0:
            dtype = torch.float16 if job.half else torch.float32
            save_checkpoint(job.out, model, record=record, dtype=dtype)
        say(scores.round(1).to_string())
        say(f"{len(some)} poses, {test.source}; H = 1, K = 1")
        say(f"written to {job.out}; its history is in {job.folder}")


def _filled_in(job: Job) -> Job:
    """The job with its defaults filled in; ValueError for a wrong name, before any work."""
    out = job.out or project_root() / "checkpoints" / f"{job.source}.safetensors"
    if out.suffix in PICKLED:
        raise ValueError(
            f"--out {out}: own checkpoints are .safetensors files; convert turns one into a .pth"
        )
    model = replace(job.model, lifter="elsewhere") if job.predictions else job.model
    lifter, denoiser = (replace(c, seed=c.seed or job.seed) for c in (job.lifter, job.denoiser))
    files = map(str, (job.data, job.lifter_from, job.predictions))
    settings = [job.source, *files, model, lifter, denoiser, job.bf16]
    # Without what stands at its default and came later, so that folders of before are found.
    later = (", skip=0.0", ", method='drpose'", ", frames=1", ", memory=0.0")
    later += (", confidence=False",)
    plain = [reduce(lambda text, part: text.replace(part, ""), later, repr(x)) for x in settings]
    digits = fingerprint(plain)[:6]
    folder = run_folder(job.folder or f"{out.stem}-{digits}")
    return replace(job, out=out, folder=folder, model=model, lifter=lifter, denoiser=denoiser)


def _trained(job: Job, lifter: nn.Module, poses: PoseSet, some: PoseSet, record: dict) -> DRPose:
    """The trained model; the steps of both trainings are added to record."""

    def lifter_error(module):
        return {"test_mm": 1000 * mpjpe(lift(module, some.observed), some.pose3d).mean().item()}

    def refined_error(module):
        return {"test_mm": _scores(module, some, job.seed).MPJPE["p_avg"]}

    if not job.lifter_from and not job.predictions:
        where = job.folder / "lifter"
        what = (lifter, lifting_loss, poses, job.lifter)
        if getattr(lifter, "sees_films", False):
            what = (lifter, film_lifting_loss, windows(poses, job.model.frames), job.lifter)
        if job.bf16:  # set only where it is wanted: it belongs to what a run's folder knows it by
            lifter.bf16 = True
        record["lifter_steps"] = _run(where, *what, lifter_error, job.afresh)
        vars(lifter).pop("bf16", None)
    model = build_model(job.model, lifter).to(poses.device)
    # the lifter is frozen: once per pose is enough
    if isinstance(model, FilmDRPose):
        poses = with_film_poses(model, windows(poses, model.config.frames))
    else:
        poses = with_initial_poses(model, poses)
    if job.bf16:
        model.denoiser.bf16 = True
    if job.compile:
        model.denoiser.compile()
    what = (model, type(model).loss, poses, job.denoiser)
    record["denoiser_steps"] = _run(job.folder / "denoiser", *what, refined_error, job.afresh)
    # A copy leaves what was compiled behind: scoring would compile it again for every size.
    model = copy.deepcopy(model)
    model.denoiser.bf16 = False
    return model


def _scores(model: DRPose, some: PoseSet, seed: int) -> pd.DataFrame:
    """Of a pose refined once."""
    return table(evaluate(model.eval(), some, hypotheses=1, steps=1, seed=seed))


def _lifter(path: Path | None, config: ModelConfig) -> tuple[nn.Module, dict]:
    """The lifter of a file, and the record of what it was trained on; without a file a new one."""
    name = config.lifter
    if path is None:
        return build_lifter(name, confidence=config.confidence), {}
    if path.suffix in PICKLED:
        lifter, record = load_published_lifter(path, name), {"train": TRAINED_ON}
    else:
        model = load_checkpoint(path)
        lifter, record = model.lifter, model.record
    with torch.random.fork_rng([]):  # a fresh one draws weights; the denoiser's follow
        wanted = type(fresh := build_lifter(name, confidence=config.confidence))
    if type(lifter) is not wanted:
        raise ValueError(
            f"{path} holds a {type(lifter).__name__}, not the lifter {name!r}: give --model.lifter "
            "its name"
        )
    if reads_confidence(lifter) != reads_confidence(fresh):
        raise ValueError(
            f"{path} holds a lifter that reads {'no' if config.confidence else 'the'} confidence: "
            f"give --model.{'no-' if config.confidence else ''}confidence"
        )
    return lifter, record


def _run(
    folder: Path,
    module: nn.Module,
    loss: Callable,
    poses: PoseSet,
    config: TrainConfig,
    watched: Callable,
    afresh: bool,
) -> int:
    """Train to the end with a progress bar; the number of steps."""
    total = config.epochs * steps_per_epoch(len(poses), config)
    with tqdm(desc=folder.name, total=total, disable=process()[0] > 0) as bar:
        for step in train_in(folder, module, loss, poses, config, validate=watched, afresh=afresh):
            bar.update(step.step - bar.n)  # a resumed run starts where it was
            if step.step % 50 == 0:
                bar.set_postfix_str(f"loss {1000 * step.loss.item():.1f} mm")
        bar.update(total - bar.n)
    return total

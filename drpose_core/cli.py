"""Prepare and fetch poses, train, evaluate, convert weights; add --help to a command for its options."""

import importlib.util
import shlex
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
import tyro
from torch import nn
from tqdm import tqdm

from .checkpoints import latest_checkpoint, load_checkpoint, save_checkpoint
from .data import PoseSet
from .evaluation import assess, evaluate, forget, wrong_pairing
from .files import written_whole
from .lifters import build_lifter
from .model import DRPose, ModelConfig, denoising_loss, lifting_loss, with_initial_poses
from .published import TRAINED_ON, export_published, load_published, load_published_lifter
from .runtime import device as find_device
from .runtime import distributed_run, generator, project_root, world_size
from .sources import download_cmu, load_poses, with_predictions
from .tables import table
from .training import TrainConfig, steps_per_epoch
from .training import train as train_steps

Source = Literal["synthetic", "cmu", "h36m"]
Published = Literal["dcgct", "htnet"]
PICKLED = (".pth", ".pt", ".bin")  # files of weights in torch's own format, as published ones are


def prepare(source: Source = "synthetic", data: Path | None = None, out: Path | None = None) -> None:
    """Read a source of poses, check it, and say what is in it.

    Args:
        source: Where the poses come from.
        data: The folder with the source's files (default: data/); synthetic needs none.
        out: Also write <source>_train.npz and <source>_test.npz into this folder, for PoseSet.load.
    """
    for split in ("train", "test"):
        poses = load_poses(source, split, data)
        print(f"{split:5s} {len(poses):>9,} poses, {len(poses.sequences):,} sequences, {len(poses.actions)} actions: {poses.source}")
        if out:
            poses.save(path := out / f"{source}_{split}.npz")
            print(f"      written to {path}, {len(PoseSet.load(path)):,} poses read back")


def download(folder: tyro.conf.Positional[Path], subjects: tyro.conf.Positional[tuple[str, ...]]) -> None:
    """Fetch subjects of the CMU motion capture database from its own site; run again to resume.

    The data is free for research and may not be resold; data/README.md has its terms and how to credit it.

    Args:
        folder: Where to put them, for example data/cmu.
        subjects: Their numbers, for example 02 16 35.
    """
    files = download_cmu(folder, subjects)
    print(f"{len(files)} files in {folder}; now: make tour SOURCE=cmu DATA={folder}")


def train(
    source: Source = "synthetic",
    data: Path | None = None,
    out: Path | None = None,
    model: ModelConfig = ModelConfig(),  # noqa: B008 (frozen)
    lifter: TrainConfig = TrainConfig(epochs=1, batch_size=32),  # noqa: B008
    denoiser: TrainConfig = TrainConfig(epochs=1, batch_size=32),  # noqa: B008
    seed: int = 0,
    lifter_from: Path | None = None,
    predictions: Path | None = None,
    half: bool = False,
) -> None:
    """Train a lifter and then a denoiser on it, keep both in a checkpoint, and score it on the test subjects.

    Args:
        source: Where the poses come from.
        data: The folder with the source's files (default: data/); synthetic needs none.
        out: The checkpoint (default: checkpoints/<source>.safetensors, which the notebooks pick up).
        model: The model.
        lifter: How to train the lifter.
        denoiser: How to train the denoiser.
        seed: For everything drawn; replaces the seeds of the two above.
        lifter_from: Take the lifter from a checkpoint (.safetensors) or published weights (.pth) instead of training one.
        predictions: Predictions for the training and test poses (npz) to refine instead of a lifter's poses.
        half: Write the checkpoint in float16.
    """
    out, where = out or project_root() / "checkpoints" / f"{source}.safetensors", find_device()
    if predictions:
        model = replace(model, lifter="elsewhere")
    torch.manual_seed(seed)  # the networks' first weights
    first, known = _lifter(lifter_from, model.lifter) if lifter_from else (build_lifter(model.lifter), {})
    poses, test = (load_poses(source, split, data).to(where) for split in ("train", "test"))
    if predictions:
        poses, test = with_predictions(poses, predictions), with_predictions(test, predictions)
    record = {"train": poses.describe(), "test": test.source, "seed": seed, "command": _command()}
    for sentence in wrong_pairing(known, poses):
        warnings.warn(f"--lifter-from: {sentence}", stacklevel=2)
    first.to(where)
    if not lifter_from and not predictions:
        record["lifter_steps"] = _run("lifter", first, lifting_loss, poses, replace(lifter, seed=seed))
    whole = DRPose(model, first).to(where)
    poses = with_initial_poses(whole, poses)  # the lifter is frozen: once per pose is enough
    record["denoiser_steps"] = _run("denoiser", whole, denoising_loss, poses, replace(denoiser, seed=seed))
    save_checkpoint(out, whole, record=record)  # before the scores: whatever happens now, the weights are there
    some = test[torch.randperm(len(test), generator=generator(seed))[:512].to(where)]
    scores = table(evaluate(whole.eval(), some, hypotheses=1, steps=1, seed=seed))
    of_poses = scores.loc[["initial", "p_avg"], ["MPJPE", "P-MPJPE"]].astype(float).round(2).T.to_dict()
    record["scores_mm"] = {"poses": len(some), "hypotheses": 1, "steps": 1} | of_poses
    save_checkpoint(out, whole, record=record, dtype=torch.float16 if half else torch.float32)
    print(f"{scores.round(1).to_string()}\n{len(some)} poses, {test.source}; H = 1, K = 1\nwritten to {out}")


def score(
    source: Source = "synthetic",
    data: Path | None = None,
    keypoints: str | None = None,
    checkpoint: Path | None = None,
    lifter: Published = "dcgct",
    predictions: Path | None = None,
    hypotheses: int = 20,
    steps: int = 5,
    spacing: tuple[int, ...] | None = None,
    eta: float = 1.0,
    flip_test: bool = True,
    every_step: bool = True,
    poses: int | None = None,
    seed: int = 0,
    device: str | None = None,
    parquet: bool = False,
    out: Path | None = None,
) -> None:
    """Score a checkpoint on the test subjects: honest answers, oracles, calibration, the published layout; writes a report.

    Run again after an interruption to go on. Several processes share the poses: torchrun --nproc-per-node 2 -m drpose_core evaluate ...

    Args:
        source: Where the poses come from.
        data: The folder with the source's files (default: data/); synthetic needs none.
        keypoints: Other 2D input than the source's usual: exact or detected; for h36m the name of a file, as gt or cpn_ft_h36m_dbb.
        checkpoint: The model (default: checkpoints/<source>.safetensors if there, else the kit's own), or published weights (.pth).
        lifter: The initial model in published weights.
        predictions: Refine the poses of this file instead of the lifter's.
        hypotheses: How many for each pose.
        steps: How many denoising steps, evenly spaced.
        spacing: The steps' times themselves, falling, for example 999 300 100 40 10.
        eta: How much noise each step adds: 1 as published, 0 none.
        flip_test: Average with the mirrored pass.
        every_step: Score every step and not only the last.
        poses: So many of the test poses, drawn at random (default: all).
        seed: For the noise and the draw of poses.
        device: cpu, cuda, ... (default: the first GPU if there is one).
        parquet: Write the scores as Parquet too (needs pyarrow).
        out: The folder of the report (default: output/evaluation-<source>).
    """
    if parquet and importlib.util.find_spec("pyarrow") is None:
        raise ValueError("--parquet needs pyarrow: pip install pyarrow, or leave it out for CSV alone")
    if poses is not None and poses < 1:
        raise ValueError(f"--poses must be at least 1, got {poses}")
    from .report import write_report  # needs plotly, which nothing else here does

    out = out or project_root() / "output" / f"evaluation-{source}"
    with distributed_run() as rank:
        where = find_device(device)
        path = checkpoint or latest_checkpoint(source)
        model = load_published(path, lifter).to(where) if path.suffix in PICKLED else load_checkpoint(path, where)
        test = load_poses(source, "test", data, keypoints=keypoints)
        if poses is not None:
            test = test[torch.randperm(len(test), generator=generator(seed))[:poses]]
        test = with_predictions(test, predictions) if predictions else test
        settings = {"hypotheses": hypotheses, "steps": len(spacing) if spacing else steps, "eta": eta, "flip_test": flip_test, "seed": seed}
        settings |= {"spacing": list(spacing) if spacing else "linear", "every_step": every_step}
        found = assess(model, test.to(where), **settings, resume=out / "unfinished")
        if rank == 0:
            trained = model.record.get("train")
            trained = trained.get("source", "poses unknown") if isinstance(trained, dict) else "poses unknown"
            facts = {"checkpoint": f"{path.name}, trained on {trained}", "device": f"{where}, {world_size()} process(es)"}
            facts["settings"] = ", ".join(f"{name} {value}" for name, value in settings.items())
            report = write_report(out, found, command=_command(), facts=facts, source=test.source, parquet=parquet)
            forget(out / "unfinished")
            print(f"{table(found.scores).round(1).to_string()}\n{len(test):,} poses, {test.source}\nwritten to {report}")


def _lifter(path: Path, name: str) -> tuple[nn.Module, dict]:
    """The lifter of a file, and the record of what it was trained on."""
    if path.suffix in PICKLED:
        lifter, record = load_published_lifter(path, name), {"train": TRAINED_ON}
    else:
        model = load_checkpoint(path)
        lifter, record = model.lifter, model.record
    if type(lifter) is not type(build_lifter(name)):
        raise ValueError(f"{path} holds a {type(lifter).__name__}, not the lifter {name!r}: give --model.lifter its name")
    return lifter, record


def _run(name: str, module: nn.Module, loss: Callable, poses: PoseSet, config: TrainConfig) -> int:
    """Train to the end with a progress bar; the number of steps."""
    total = config.epochs * steps_per_epoch(len(poses), config)
    for step in (bar := tqdm(train_steps(module, loss, poses, config), desc=name, total=total)):
        if step.step % 50 == 0:
            bar.set_postfix_str(f"loss {1000 * step.loss.item():.1f} mm")
    return total


def convert(
    source: tyro.conf.Positional[Path],
    out: tyro.conf.Positional[Path],
    lifter: Published = "dcgct",
    lifter_only: bool = False,
) -> None:
    """Turn published DRPose weights (.pth) into an own checkpoint (.safetensors), or an own checkpoint into the published layout.

    Args:
        source: The file to read, .pth or .safetensors.
        out: The file to write, of the other kind.
        lifter: The initial model in a published file.
        lifter_only: Write the initial model alone, in the layout of its own authors (to .pth).
    """
    if source.suffix in PICKLED and lifter_only:
        raise ValueError(f"a lifter alone is no checkpoint: python -m drpose_core train --lifter-from {source} trains a denoiser on it")
    if source.suffix in PICKLED and out.suffix == ".safetensors":
        save_checkpoint(out, load_published(source, lifter))
    elif source.suffix == ".safetensors" and out.suffix in PICKLED:
        model = load_checkpoint(source)
        with written_whole(out) as temporary:
            torch.save(export_published(model.lifter if lifter_only else model), temporary)
    else:
        raise ValueError(f"convert reads .pth and writes .safetensors or the other way round, got {source.name} and {out.name}")
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def _command() -> str:
    return shlex.join(["python", "-m", "drpose_core", *sys.argv[1:]])


def main() -> None:
    """Run a command; a user's mistake ends in one sentence, not in a traceback."""
    app = tyro.extras.SubcommandApp()
    app.command(prepare)
    app.command(download, name="download-cmu")
    app.command(train)
    app.command(score, name="evaluate")
    app.command(convert)
    try:
        app.cli(prog="python -m drpose_core", description=__doc__)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")

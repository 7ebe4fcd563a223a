"""The command that trains."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from ..checkpoints import load_checkpoint, save_checkpoint
from ..data import PoseSet
from ..evaluation import evaluate, wrong_pairing
from ..lifters import build_lifter
from ..model import DRPose, ModelConfig, denoising_loss, lifting_loss, with_initial_poses
from ..published import TRAINED_ON, load_published_lifter
from ..runtime import device as find_device
from ..runtime import generator, project_root
from ..sources import load_poses, with_predictions
from ..tables import table
from ..training import TrainConfig, steps_per_epoch
from ..training import train as train_steps
from .words import PICKLED, Source, command_line


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
    record = {"train": poses.describe(), "test": test.source, "seed": seed, "command": command_line()}
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

"""The command that trains."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from ..data import PoseSet
from ..evaluation import evaluate, wrong_pairing
from ..experiments import fingerprint, run_folder, train_in
from ..lifters import build_lifter
from ..losses import denoising_loss, lifting_loss
from ..model import DRPose, ModelConfig, with_initial_poses
from ..scores import mpjpe, table
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
from .words import Source, command_line


def command(
    source: Source = "synthetic",
    data: Path | None = None,
    out: Path | None = None,
    folder: Path | None = None,
    model: ModelConfig = ModelConfig(),  # noqa: B008 (frozen)
    lifter: TrainConfig = TrainConfig(epochs=1),  # noqa: B008
    denoiser: TrainConfig = TrainConfig(epochs=1),  # noqa: B008
    seed: int = 0,
    lifter_from: Path | None = None,
    predictions: Path | None = None,
    bf16: bool = False,
    compile: bool = False,
    half: bool = False,
    afresh: bool = False,
) -> None:
    """Train a lifter and then a denoiser on it, keep both in a checkpoint, and score it on the test
    subjects.

    The same command again goes on where it was interrupted. Under torchrun the processes share
    every batch.

    Args:
        source: Where the poses come from.
        data: The folder with the source's files (default: data/); synthetic needs none.
        out: The checkpoint (default: checkpoints/<source>.safetensors, which the notebooks pick
            up).
        folder: What is needed to go on, and the histories; a relative one lies in output/runs/
            (default: <name of out>-<digits>).
        model: The model.
        lifter: How to train the lifter.
        denoiser: How to train the denoiser.
        seed: For everything drawn; the seeds of the two above win where they are not 0.
        lifter_from: Take the lifter from a checkpoint (.safetensors) or published weights (.pth)
            instead of training one.
        predictions: Predictions for the training and test poses (npz) to refine instead of a
            lifter's poses.
        bf16: Compute the denoiser's layers in bfloat16.
        compile: Compile the denoiser first (needs a C++ compiler; takes a minute).
        half: Write the checkpoint in float16.
        afresh: Forget what an earlier run left in the folder.
    """
    with distributed_run() as rank:
        out, where = out or project_root() / "checkpoints" / f"{source}.safetensors", find_device()
        if out.suffix in PICKLED:
            raise ValueError(
                f"--out {out}: own checkpoints are .safetensors files; convert makes a .pth of one"
            )
        if predictions:
            model = replace(model, lifter="elsewhere")
        lifter, denoiser = (
            replace(config, seed=config.seed or seed) for config in (lifter, denoiser)
        )
        settings = [
            source,
            *map(str, (data, lifter_from, predictions)),
            model,
            lifter,
            denoiser,
            bf16,
        ]
        folder = run_folder(folder or f"{out.stem}-{fingerprint([repr(x) for x in settings])[:6]}")
        say = print if rank == 0 else lambda *words: None
        torch.manual_seed(seed)  # the networks' first weights
        first, known = (
            _lifter(lifter_from, model.lifter) if lifter_from else (build_lifter(model.lifter), {})
        )
        poses, test = (load_poses(source, split, data).to(where) for split in ("train", "test"))
        if predictions:
            poses, test = with_predictions(poses, predictions), with_predictions(test, predictions)
        cell = notebook_cell(
            source,
            data,
            out,
            folder,
            model,
            lifter,
            denoiser,
            seed,
            lifter_from,
            predictions,
            bf16,
            compile,
        )
        say(f"As a notebook cell:\n\n{cell}\n")
        some = test[torch.randperm(len(test), generator=generator(seed))[:512].to(where)]
        record = {
            "train": poses.describe(),
            "test": test.source,
            "seed": seed,
            "command": command_line(),
        }
        for sentence in wrong_pairing(known, poses):
            warnings.warn(f"--lifter-from: {sentence}", stacklevel=2)
        first.to(where)
        if not lifter_from and not predictions:

            def watched(m):
                return {"test_mm": 1000 * mpjpe(m(some.kp2d), some.pose3d).mean().item()}

            record["lifter_steps"] = _run(
                folder / "lifter", first, lifting_loss, poses, lifter, watched, afresh
            )
        whole = DRPose(model, first).to(where)
        poses = with_initial_poses(whole, poses)  # the lifter is frozen: once per pose is enough

        def watched(m):
            return {
                "test_mm": table(evaluate(m, some, hypotheses=1, steps=1, seed=seed)).MPJPE["p_avg"]
            }

        if bf16:
            # set only where it is wanted: it belongs to what a run's folder knows the module by
            whole.denoiser.bf16 = True
        if compile:
            whole.denoiser.compile()
        record["denoiser_steps"] = _run(
            folder / "denoiser", whole, denoising_loss, poses, denoiser, watched, afresh
        )
        whole = copy.deepcopy(
            whole
        )  # leaves what was compiled behind: scoring would compile it again for every size
        whole.denoiser.bf16 = False
        if rank == 0:
            save_checkpoint(
                out, whole, record=record
            )  # before the scores: whatever happens now, the weights are there
        scores = table(evaluate(whole.eval(), some, hypotheses=1, steps=1, seed=seed))
        of_poses = (
            scores.loc[["initial", "p_avg"], ["MPJPE", "P-MPJPE"]]
            .astype(float)
            .round(2)
            .T.to_dict()
        )
        record["scores_mm"] = {"poses": len(some), "hypotheses": 1, "steps": 1} | of_poses
        if rank == 0:
            save_checkpoint(
                out, whole, record=record, dtype=torch.float16 if half else torch.float32
            )
        say(
            f"{scores.round(1).to_string()}\n{len(some)} poses, {test.source}; H = 1, K = "
            f"1\nwritten to {out}; its history is in {folder}"
        )


def notebook_cell(
    source: str,
    data: Path | None,
    out: Path,
    folder: Path,
    model: ModelConfig,
    lifter: TrainConfig,
    denoiser: TrainConfig,
    seed: int,
    lifter_from: Path | None,
    predictions: Path | None,
    bf16: bool,
    compile: bool,
) -> str:
    """Python that trains what the command trains, with a live figure."""

    def path(p):
        return repr(None if p is None else str(p.absolute()))

    def training(part, module, loss, config):
        return [
            f"config = dr.{config}",
            f"for step in dr.train_in({path(folder / part)}, {module}, dr.{loss}, poses, config, "
            "watch=plots.live_losses()):",
            "    pass",
        ]

    lines = [
        "import torch",
        "import drpose_core as dr",
        "from drpose_core import plots",
        "",
        f"torch.manual_seed({seed})",
    ]
    lines += [
        "device = dr.device()",
        f'poses = dr.load_poses({source!r}, "train", {path(data)}).to(device)',
    ]
    if predictions:
        lines += [f"poses = dr.with_predictions(poses, {path(predictions)})"]
    if lifter_from:
        published = f"dr.load_published_lifter({path(lifter_from)}, {model.lifter!r})"
        own = f"dr.load_checkpoint({path(lifter_from)}).lifter"
        lines += [f"lifter = {published if lifter_from.suffix in PICKLED else own}.to(device)"]
    else:
        lines += [f"lifter = dr.build_lifter({model.lifter!r}).to(device)"]
    if not lifter_from and not predictions:
        lines += training("lifter", "lifter", "lifting_loss", lifter)
    lines += [f"model = dr.DRPose(dr.{model}, lifter).to(device)"]
    lines += ["model.denoiser.bf16 = True"] * bf16 + ["model.denoiser.compile()"] * compile
    lines += [
        "poses = dr.with_initial_poses(model, poses)",
        *training("denoiser", "model", "denoising_loss", denoiser),
    ]
    return "\n".join(
        [*lines, f'dr.save_checkpoint({path(out)}, model, record={{"train": poses.describe()}})']
    )


def _lifter(path: Path, name: str) -> tuple[nn.Module, dict]:
    """The lifter of a file, and the record of what it was trained on."""
    if path.suffix in PICKLED:
        lifter, record = load_published_lifter(path, name), {"train": TRAINED_ON}
    else:
        model = load_checkpoint(path)
        lifter, record = model.lifter, model.record
    if type(lifter) is not type(build_lifter(name)):
        raise ValueError(
            f"{path} holds a {type(lifter).__name__}, not the lifter {name!r}: give --model.lifter "
            "its name"
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
            bar.update(step.step - bar.n)  # a run that goes on starts where it was
            if step.step % 50 == 0:
                bar.set_postfix_str(f"loss {1000 * step.loss.item():.1f} mm")
        bar.update(total - bar.n)
    return total

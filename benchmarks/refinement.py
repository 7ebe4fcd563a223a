"""Initial pose against refined pose over seeds: behind the README's results and the choice of how
the lifter runs while the denoiser trains.

python benchmarks/refinement.py --source cmu --data data/cmu --modes frozen published

The denoiser's dropout is 0.1, as published. One row per lifter, seed and mode is kept by dr.sweep
as soon as it is measured. Lifters are kept in output/refinement/ and shared by the modes. Set
OMP_NUM_THREADS=1 and start one process per core and source to use all cores.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd
import torch
import tyro
from tqdm import tqdm

import drpose_core as dr
from drpose_core.losses import INITIAL_NOISE
from drpose_core.output.report import markdown
from drpose_core.training import steps_per_epoch

OUT = dr.project_root() / "output" / "refinement"
SPACING = [999, 300, 100, 40, 10]
Mode = Literal["frozen", "noisy", "dropout", "published"]


def main(
    source: Literal["synthetic", "cmu", "h36m"] = "synthetic",
    data: Path | None = None,
    lifters: tuple[str, ...] = ("dcgct", "htnet"),
    seeds: tuple[int, ...] = (0, 1, 2),
    modes: tuple[Mode, ...] = ("noisy",),
    samples: int = 20_000,
    batch_size: int = 32,
) -> None:
    """Train and score every combination; samples are poses before mirroring, for the lifter and
    again for the denoiser.
    """
    train, test = (dr.load_poses(source, split, data) for split in ("train", "test"))
    test = test[torch.randperm(len(test), generator=dr.generator(0))[:1024]]
    each = {"source": source, "samples": samples, "batch_size": batch_size}
    cells = [
        each | {"seed": seed, "lifter": name, "mode": mode}
        for seed in seeds
        for name in lifters
        for mode in modes
    ]
    print(markdown(summary(dr.sweep(measure, cells, train, test))))


def measure(train: dr.PoseSet, test: dr.PoseSet, **cell) -> dict[str, float]:
    """Train and score one combination."""
    samples, seed, name = cell["samples"], cell["seed"], cell["lifter"]
    epochs = math.ceil(samples / len(train))
    poses = train[torch.randperm(len(train), generator=dr.generator(seed))[: samples // epochs]]
    # the default when the tables were written
    config = dr.TrainConfig(epochs=epochs, batch_size=cell["batch_size"], lr=1e-3, seed=seed)
    start = time.perf_counter()
    model = refiner(lifter(cell, poses, config), name, cell["mode"], poses, config)
    seconds = round(time.perf_counter() - start)
    return {"denoiser_seconds": seconds} | scores(model, lifter(cell, poses, config), test)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """MPJPE / P-MPJPE in mm, mean over seeds and, in brackets, their standard deviation; the last
    column is refined minus initial.
    """

    def cell(part: pd.DataFrame, what: str, oracle: str = "") -> str:
        values = [part[f"{what} {protocol}{oracle}"] for protocol in ("MPJPE", "P-MPJPE")]
        return " / ".join(f"{v.mean():.1f} ({v.std():.1f})" for v in values)

    table = []
    for (source, name, mode), part in rows.groupby(["source", "lifter", "mode"], sort=False):
        change = [
            part[f"refined {protocol}"] - part[f"initial {protocol}"]
            for protocol in ("MPJPE", "P-MPJPE")
        ]
        cells = {what: cell(part, what) for what in ("initial", "refined", "mean of 10")}
        cells |= {"best of 10 (oracle)": cell(part, "best of 10", " (oracle)")}
        cells |= {
            "refined - initial": " / ".join(f"{v.mean():+.1f} ({v.std():.1f})" for v in change)
        }
        table.append({"source": source, "lifter": name, "mode": mode, "seeds": len(part)} | cells)
    return pd.DataFrame(table)


def lifter(cell: dict, poses: dr.PoseSet, config: dr.TrainConfig) -> torch.nn.Module:
    """The trained lifter of a source, name and seed; from its file if it is there."""
    name, seed = cell["lifter"], cell["seed"]
    digits = "{source}_{lifter}_{seed}_{samples}_{batch_size}".format(**cell)
    path = OUT / f"{digits}.safetensors"
    if not path.exists():
        torch.manual_seed(seed)
        module = dr.build_lifter(name)
        run(f"{name} {seed}", dr.train(module, dr.lifting_loss, poses, config), poses, config)
        dr.save_checkpoint(path, dr.DRPose(dr.ModelConfig(lifter=name, depth=1), module))
    return dr.load_checkpoint(path).lifter


def refiner(
    module: torch.nn.Module, name: str, mode: Mode, poses: dr.PoseSet, config: dr.TrainConfig
) -> dr.DRPose:
    """A denoiser trained on a lifter's poses.

    frozen: the lifter in eval mode. noisy: frozen, plus the loss's own noise on the initial pose
    (the kit's default). dropout: its dropout on. published: its dropout on and its BatchNorm on the
    batch's statistics, which also move its running ones, as in the published run.
    """
    torch.manual_seed(config.seed + 1)
    model = dr.DRPose(dr.ModelConfig(lifter=name, dropout=0.1), module)
    if mode in ("frozen", "noisy"):
        poses = dr.with_initial_poses(model, poses)

    def loss(model: dr.DRPose, batch: dr.PoseSet, *, generator: torch.Generator) -> torch.Tensor:
        if mode in ("dropout", "published"):
            model.lifter.train()
        if mode == "dropout":
            for part in model.lifter.modules():
                part.train(not isinstance(part, torch.nn.BatchNorm1d) and part.training)
        return dr.denoising_loss(
            model, batch, generator=generator, initial_noise=INITIAL_NOISE if mode == "noisy" else 0
        )

    run(f"{name} {config.seed} {mode}", dr.train(model, loss, poses, config), poses, config)
    return model.eval()


def run(name: str, steps, poses: dr.PoseSet, config: dr.TrainConfig) -> None:
    for _ in tqdm(
        steps, desc=name, total=config.epochs * steps_per_epoch(len(poses), config), mininterval=30
    ):
        pass


def scores(model: dr.DRPose, untouched: Callable, test: dr.PoseSet) -> dict[str, float]:
    """MPJPE and P-MPJPE in mm of the lifter as it was, of the pose refined once, and of 10
    hypotheses in 5 steps on fewer poses.
    """
    initial = dr.DRPose(model.config, untouched).eval()
    given = dr.with_initial_poses(initial, test)
    pose = given.initial_pose()
    row = {"test_poses": len(test)}
    once = dr.table(dr.evaluate(model, test, hypotheses=1, steps=1))
    published = dr.Sampling.published(hypotheses=10)
    many = dr.table(dr.evaluate(model, test[:96], published, spacing=SPACING))
    by_action = pd.DataFrame(
        {
            "action": test.action,
            "MPJPE": dr.mpjpe(pose, test.pose3d),
            "P-MPJPE": dr.p_mpjpe(pose, test.pose3d),
        }
    )
    before = 1000 * by_action.groupby("action").mean().mean()
    for protocol in ("MPJPE", "P-MPJPE"):
        row |= {
            f"initial {protocol}": before[protocol],
            f"refined {protocol}": once[protocol]["p_avg"],
        }
        row |= {
            f"mean of 10 {protocol}": many[protocol]["p_avg"],
            f"best of 10 {protocol} (oracle)": many[protocol]["p_best"],
        }
    return {name: round(float(value), 2) for name, value in row.items()}


if __name__ == "__main__":
    tyro.cli(main)

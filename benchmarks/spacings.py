"""Few steps against many: where sampling steps should lie. Behind the kit's default of 8 quadratic
steps without added noise.

python benchmarks/spacings.py --source cmu --data data/cmu --seeds 0 1 2

For each seed a model is trained (kept in output/spacings/), then scored with H = 20 for every
sampler, spacing and number of steps; dr.sweep keeps each row as soon as it is measured. The
baseline is 200 even steps with eta = 1, as published. Set OMP_NUM_THREADS=1 and start one process
per source to use all cores.
"""

import math
from itertools import product
from pathlib import Path
from typing import Literal

import pandas as pd
import refinement
import torch
import tyro

import drpose_core as dr
from drpose_core import plots
from drpose_core.output.report import markdown

OUT = dr.project_root() / "output" / "spacings"
HYPOTHESES = 20
PUBLISHED = ("ddim", "linear", None, 1.0, 200)
SPACINGS = [("linear", None), ("quadratic", None), ("log-snr", None), ("log-snr", 400)]
SAMPLERS = [("ddim", 1.0), ("ddim", 0.0), ("dpm", 0.0)]
STEPS = (3, 5, 8, 12)


def main(
    source: Literal["synthetic", "cmu", "h36m"] = "synthetic",
    data: Path | None = None,
    seeds: tuple[int, ...] = (0, 1, 2),
    samples: int = 20_000,
    poses: int = 96,
) -> None:
    """Measure what is missing, then print the comparison and draw the curves."""
    test = dr.load_poses(source, "test", data)
    test = test[torch.randperm(len(test), generator=dr.generator(0))[:poses]]
    samplers = [
        (sampler, *spacing, eta, steps)
        for steps, (sampler, eta), spacing in product(STEPS, SAMPLERS, SPACINGS)
    ]
    names = ("sampler", "spacing", "start", "eta", "steps")
    cells = [
        {"source": source, "seed": seed, "samples": samples} | dict(zip(names, sampler))
        for seed in seeds
        for sampler in [*samplers, PUBLISHED]
    ]
    rows = dr.sweep(scores, cells, test, data)
    rows["start"] = rows.start.fillna(999).astype(int)
    print(markdown(summary(rows)))
    curves(rows)


def model(source: str, data: Path | None, seed: int, samples: int) -> dr.DRPose:
    """DC-GCT and a denoiser, each trained on so many poses before mirroring; from its file if it is
    there.
    """
    path = OUT / f"{source}_{seed}_{samples}.safetensors"
    if not path.exists():
        train = dr.load_poses(source, "train", data)
        epochs = math.ceil(samples / len(train))
        poses = train[torch.randperm(len(train), generator=dr.generator(seed))[: samples // epochs]]
        # the default when the table was made
        config = dr.TrainConfig(epochs=epochs, batch_size=32, lr=1e-3, seed=seed)
        cell = {
            "source": source,
            "lifter": "dcgct",
            "seed": seed,
            "samples": samples,
            "batch_size": 32,
        }
        lifter = refinement.lifter(cell, poses, config)
        dr.save_checkpoint(path, refinement.refiner(lifter, "dcgct", "noisy", poses, config))
    return dr.load_checkpoint(path).eval()


def scores(
    test: dr.PoseSet,
    data: Path | None,
    *,
    source: str,
    seed: int,
    samples: int,
    sampler: str,
    spacing: str,
    start: int | None,
    eta: float,
    steps: int,
) -> dict:
    """Mean over poses in mm, and the calibration error, of what one sampler draws."""
    trained = model(source, data, seed, samples)
    how = dr.Sampling(HYPOTHESES, steps, spacing, start, eta, sampler)
    noise = dr.per_hypothesis(seed)
    hypotheses = dr.sample_poses(trained, test.kp2d, how, noise=noise)[-1]
    errors = dr.hypothesis_errors(hypotheses, test.pose3d)
    row = {
        f"{name}_mm": round(1000 * errors[name].mean().item(), 3)
        for name in ("p_avg", "p_best", "j_best")
    }
    curve = dr.calibration_curve(dr.covered(hypotheses, test.pose3d).sum(0), len(test), HYPOTHESES)
    return row | {"ece": round(dr.calibration_error(curve)["ece"], 4)}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, the baseline first, and what each setting changes against it."""
    rows = rows.assign(baseline=(rows.steps == PUBLISHED[-1]))
    table = rows.groupby(["source", "baseline", "steps", "sampler", "eta", "spacing", "start"])[
        ["p_avg_mm", "p_best_mm", "j_best_mm", "ece"]
    ].mean()
    table = table.reset_index().sort_values(
        ["source", "baseline", "steps"], ascending=[True, False, True], ignore_index=True
    )
    base = table[table.baseline].set_index("source")
    table["p_avg change (mm)"] = table.p_avg_mm - table.source.map(base.p_avg_mm)
    table["p_best change (%)"] = 100 * (table.p_best_mm / table.source.map(base.p_best_mm) - 1)
    table["ece change"] = table.ece - table.source.map(base.ece)
    return table.drop(columns="baseline").round(3)


def curves(rows: pd.DataFrame) -> None:
    """p_best against steps, a page for each source in output/."""
    for source, part in rows.groupby("source"):
        few = part.assign(
            how=part.sampler
            + ", eta "
            + part.eta.astype(str)
            + ", "
            + part.spacing
            + " from "
            + part.start.astype(str)
        )
        few = few.groupby(["how", "steps"], as_index=False)[["p_best_mm"]].mean()
        figure = plots.curve_figure(
            few,
            "steps",
            "p_best_mm",
            color="how",
            log_x=True,
            title="Best of 20 (oracle) by steps",
            source=source,
        )
        figure.write_html(OUT.with_name(f"spacings_{source}.html"))


if __name__ == "__main__":
    tyro.cli(main)

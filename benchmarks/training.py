"""Speed of a training step against the published order of work, in the same run: python
benchmarks/training.py [--device cuda]

The baseline is benchmarks/published_way.py on the same weights and batch; without dropout and
noise, the losses are compared first. The second column's baseline also asks the lifter (DC-GCT) in
every step, as published; the kit asks it once per pose and run, which is counted in: once, divided
by the epochs of the published recipe.
"""

import copy
import platform
import time
from itertools import repeat
from pathlib import Path
from statistics import median

import pandas as pd
import published_way
import torch
import tyro
from sampling import foreign_module, seconds
from tqdm import tqdm

import drpose_core as dr
from drpose_core.lifters import lift
from drpose_core.losses import JOINT_WEIGHTS
from drpose_core.output.report import markdown

ROUNDS = 12


def main(
    device: str = "cpu", batch_size: int = 256, naive: Path | None = None, compiled: bool = False
) -> None:
    """Print the table.

    Args:
        device: Where to train.
        batch_size: Poses in a step.
        naive: Another baseline: a file with Denoiser() and noised(x0).
        compiled: Time torch.compile too (compiling takes a minute).
    """
    on = dr.device(device)
    model = dr.load_checkpoint(dr.weights.DEFAULT, on)
    batch = dr.synthetic_poses("train")[:batch_size].to(on)
    once = seconds(lambda: dr.with_initial_poses(model, batch), on)
    batch = dr.with_initial_poses(model, batch)
    agreement(model, batch)
    work = {
        "published way": published_way.training(copy.deepcopy(model), repeat(batch), lifter=False),
        "published way, lifter in every step": published_way.training(
            copy.deepcopy(model), repeat(batch), lifter=True
        ),
    }
    if naive:
        work |= {
            f"{naive.name}{', lifter in every step' * lifter}": foreign(naive, model, batch, lifter)
            for lifter in (False, True)
        }
    bases = list(work)
    own = {"float32": own_steps(model, batch), "bf16": own_steps(model, batch, bf16=True)}
    if compiled:
        own |= {
            f"{name}, compiled": own_steps(model, batch, bf16=name == "bf16", compiled=True)
            for name in list(own)
        }
    work |= own
    for steps in work.values():  # warms up, and compiles
        next(steps), next(steps)
    rounds = [
        {name: seconds(lambda steps=steps: next(steps), on) for name, steps in work.items()}
        for _ in tqdm(range(ROUNDS), "rounds")
    ]
    rows = []
    for name in own:
        row = {"computed": name, "ms a step": round(1000 * median(r[name] for r in rounds))}
        for base in bases:
            extra = once / dr.TrainConfig.published().epochs if "lifter" in base else 0
            row[f"times {base}"] = f"{median(r[base] / (r[name] + extra) for r in rounds):.2f}"
        rows.append(row)
    where = (
        torch.cuda.get_device_name()
        if on.type == "cuda"
        else f"{platform.machine()}, {torch.get_num_threads()} threads"
    )
    print(
        f"A training step of the denoiser, {batch_size} poses, synthetic, medians of {ROUNDS} "
        "rounds in turn;"
    )
    print(f"{where}, torch {torch.__version__}\n")
    print(markdown(pd.DataFrame(rows)))


def own_steps(model: dr.DRPose, batch: dr.PoseSet, *, bf16: bool = False, compiled: bool = False):
    """The kit's steps without end, on a copy of the model."""
    model = copy.deepcopy(model)
    model.denoiser.bf16 = bf16
    if compiled:
        model.denoiser.compile()
    return dr.train(
        model,
        dr.denoising_loss,
        batch,
        dr.TrainConfig(epochs=100_000, batch_size=len(batch), mirror=False),
    )


def agreement(model: dr.DRPose, batch: dr.PoseSet) -> None:
    """Raise AssertionError unless both ways compute the same prediction, and so the same loss,
    without dropout.
    """
    x_t = batch.pose3d[:, None]
    t = torch.randint(1000, (len(batch),), generator=dr.generator(0)).to(batch.device)
    with torch.no_grad():
        one = published_way.denoise(model.denoiser, batch.observed, x_t, batch.initial[:, 0], t)
        two = model.denoiser(x_t, batch.initial[:, 0], model.denoiser.condition(batch.observed, t))
    assert (one - two).abs().max() < 1e-4, "the two ways do not compute the same"


def foreign(path: Path, model: dr.DRPose, batch: dr.PoseSet, lifter: bool):
    """Training steps without end of another baseline's network."""
    module, weights = foreign_module(path), torch.tensor(JOINT_WEIGHTS)
    net = module.Denoiser().train()
    initial_model = copy.deepcopy(model.lifter).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-4, amsgrad=True)
    while True:
        with torch.no_grad():
            initial = lift(initial_model, batch.observed) if lifter else batch.initial[:, 0]
        x_t, t = module.noised(batch.pose3d)
        value = (
            (net(batch.kp2d, x_t[:, None], initial, t)[:, 0] - batch.pose3d).norm(dim=-1) * weights
        ).mean()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        yield time.perf_counter()


if __name__ == "__main__":
    tyro.cli(main)

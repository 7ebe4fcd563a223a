"""Which way of training the denoiser is best on people it has not seen, at the same number of
samples.

python benchmarks/recipes.py --source synthetic
python benchmarks/recipes.py --source cmu --data data/cmu

What differs from the default is in the name; the dropout of all is 0.1, as published. dr.sweep
keeps one row per source, seed and recipe as soon as it is measured. The lifter is DC-GCT, trained
once per source and seed (output/recipes/).
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
import torch
import tyro
from refinement import run

import drpose_core as dr
from drpose_core.losses import INITIAL_NOISE, JOINT_WEIGHTS
from drpose_core.model import CLIP
from drpose_core.output.report import markdown

OUT = dr.project_root() / "output" / "recipes"
LIMBS = torch.tensor(JOINT_WEIGHTS)
MEASURES = ("refined MPJPE", "refined P-MPJPE", "mean of 10", "best of 10 (oracle)", "ECE")


def denoising(
    model, batch, *, generator, weights=LIMBS, depth=1.0, power=1.0, initial_noise=INITIAL_NOISE
) -> torch.Tensor:
    """model.denoising_loss with more to turn: joint weights, the depth's weight, and t = T u^power
    for a uniform u.
    """
    x0, steps = batch.pose3d, len(model.schedule)
    t = (steps * torch.rand(len(x0), generator=generator) ** power).long()
    x_t = model.schedule.add_noise(x0, t, torch.randn(x0.shape, generator=generator)).clamp(
        -CLIP, CLIP
    )
    x_init = batch.initial[:, 0] + initial_noise * torch.randn(x0.shape, generator=generator)
    pred = model.denoiser(x_t[:, None], x_init, model.denoiser.condition(batch.kp2d, t))[:, 0]
    distance = ((pred - x0) * torch.tensor([1, 1, depth])).norm(dim=-1)
    return (distance * weights).mean()


def recipes(epochs: int) -> dict[str, tuple[dr.TrainConfig, Callable]]:
    """Name -> (configuration, loss)."""
    config = partial(dr.TrainConfig, epochs=epochs)
    # slower: the default of before, on which parts were tried singly
    default, slower, loss = (config(), config(lr=1e-3), dr.denoising_loss)
    published = dr.TrainConfig.published(epochs)
    return {
        "published": (published, loss),
        "published, batch 32": (config(lr=5e-4, decay="published"), loss),
        "default": (default, loss),
        "lr 1e-3": (slower, loss),
        "lr 4e-3": (config(lr=4e-3), loss),
        "lr 8e-3": (config(lr=8e-3), loss),
        "mean of weights over 1000 steps": (default, loss),
        "lr 1e-3, mean of weights over 1000 steps": (slower, loss),
        "lr 1e-3, mean of weights over 100 steps": (slower, loss),
        "published, batch 32, mean of weights over 1000 steps": (
            config(lr=5e-4, decay="published"),
            loss,
        ),
        "lr 1e-3, batch 64": (config(lr=1e-3, batch_size=64), loss),
        "lr 1e-3, batch 16": (config(lr=1e-3, batch_size=16), loss),
        "lr 1e-3, all joints weigh 1": (slower, partial(denoising, weights=torch.ones(17))),
        "lr 1e-3, depth weighs 2": (slower, partial(denoising, depth=2.0)),
        "lr 1e-3, more small t (u^2)": (slower, partial(denoising, power=2.0)),
        "lr 1e-3, more large t (u^0.5)": (slower, partial(denoising, power=0.5)),
        "lr 1e-3, initial noise 30 mm": (slower, partial(loss, initial_noise=0.03)),
        "lr 1e-3, initial noise 100 mm": (slower, partial(loss, initial_noise=0.1)),
    }


def main(
    source: Literal["synthetic", "cmu", "h36m"] = "synthetic",
    data: Path | None = None,
    seeds: tuple[int, ...] = (0, 1, 2),
    only: tuple[str, ...] = (),
    samples: int = 20_000,
) -> None:
    """Train and score; samples are poses before mirroring, for the lifter and again for the
    denoiser; only: names of recipes.
    """
    train, test = (dr.load_poses(source, split, data) for split in ("train", "test"))
    test = test[torch.randperm(len(test), generator=dr.generator(0))[:1024]]
    names = only or tuple(recipes(1))
    each = {"source": source, "samples": samples}
    cells = [each | {"seed": seed, "recipe": name} for seed in seeds for name in names]
    print(markdown(summary(dr.sweep(measure, cells, train, test))))


def measure(
    train: dr.PoseSet, test: dr.PoseSet, *, source: str, samples: int, seed: int, recipe: str
) -> dict[str, float]:
    """Train and score one recipe."""
    epochs = math.ceil(samples / len(train))
    poses = train[torch.randperm(len(train), generator=dr.generator(seed))[: samples // epochs]]
    config, loss = recipes(epochs)[recipe]
    config = replace(config, seed=seed)
    torch.manual_seed(seed + 1)
    model = dr.DRPose(dr.ModelConfig(dropout=0.1), lifter(source, seed, poses, epochs))
    start = time.perf_counter()
    seen = dr.with_initial_poses(model, poses)
    steps = dr.train(model, loss, seen, config)
    if "mean of weights" in recipe:
        steps = averaging(steps, model, 1 - 1 / int(recipe.split()[-2]))
    run(f"{source} {seed} {recipe}", steps, seen, config)
    return {"seconds": round(time.perf_counter() - start)} | scores(model.eval(), test)


def averaging(steps: Iterator, model: dr.DRPose, decay: float) -> Iterator:
    """The steps as they come; at the end the weights are their running mean, young means following
    faster.
    """
    now = [p.detach() for p in model.denoiser.parameters()]
    mean = [p.clone() for p in now]
    for step in steps:
        torch._foreach_lerp_(mean, now, 1 - min(decay, (1 + step.step) / (10 + step.step)))
        yield step
    torch._foreach_copy_(now, mean)


def lifter(source: str, seed: int, poses: dr.PoseSet, epochs: int) -> torch.nn.Module:
    """DC-GCT with lr 1e-3, the same for all recipes; from its file if it is there."""
    path = OUT / f"{source}_{seed}_{len(poses)}_{epochs}.safetensors"
    if not path.exists():
        torch.manual_seed(seed)
        config = dr.TrainConfig(epochs=epochs, lr=1e-3, seed=seed)
        module = dr.build_lifter("dcgct")
        run(
            f"{source} {seed} lifter",
            dr.train(module, dr.lifting_loss, poses, config),
            poses,
            config,
        )
        dr.save_checkpoint(path, dr.DRPose(dr.ModelConfig(depth=1), module))
    return dr.load_checkpoint(path).lifter


def scores(model: dr.DRPose, test: dr.PoseSet) -> dict[str, float]:
    """mm: refined once (H = 1, K = 1) as mean over actions, and on 96 poses 10 hypotheses in 8
    quadratic steps with eta = 0.
    """
    once = dr.table(dr.evaluate(model, test, hypotheses=1, steps=1))
    many = dr.assess(model, test[:96], hypotheses=10, steps=8, spacing="quadratic", eta=0)
    table = dr.table(many.scores)
    ece = many.summary.set_index("quantity")["value"]["calibration error (ECE), H = 10"]
    row = {"initial MPJPE": once["MPJPE"]["initial"]} | {
        f"refined {p}": once[p]["p_avg"] for p in ("MPJPE", "P-MPJPE")
    }
    row |= {
        "mean of 10": table["MPJPE"]["p_avg"],
        "best of 10 (oracle)": table["MPJPE"]["p_best"],
        "ECE": ece,
    }
    return {name: round(float(value), 3) for name, value in row.items()}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Per source and recipe, means over seeds, each as the difference from a reference on the same
    seeds (the reference itself: as it is).

    The reference is the default; for what was tried with lr 1e-3, that learning rate alone.
    """
    table = []
    for source, part in rows.groupby("source", sort=False):
        by_seed = part.set_index(["recipe", "seed"])[list(MEASURES)]
        for name in dict.fromkeys(part.recipe):
            own = by_seed.loc[name]
            reference = "lr 1e-3" if name.startswith("lr 1e-3,") else "default"
            change = own if name == reference else own - by_seed.loc[reference].loc[own.index]
            cells = {
                m: format(
                    change[m].mean(),
                    f"{'' if name == reference else '+'}.{2 if m == 'ECE' else 1}f",
                )
                for m in MEASURES
            }
            table.append(
                {
                    "source": source,
                    "recipe": name,
                    "minus": "" if name == reference else reference,
                    "seeds": len(own),
                }
                | cells
            )
    return pd.DataFrame(table)


if __name__ == "__main__":
    tyro.cli(main)

"""How much memory the kit takes, and whether it grows with the set.

python benchmarks/memory.py

Each job runs in a process of its own; the figure is the peak of its resident memory, less that of
the same process before the job (Python, torch, the model and the poses). Jobs come in pairs, the
second with more of what should not matter. --huge evaluates a million poses too (hours on two
cores; the poses themselves take 1.4 GB).
"""

import multiprocessing
import resource
from collections.abc import Callable

import pandas as pd
import torch
import tyro
from tqdm import tqdm

import drpose_core as dr
from drpose_core.output.report import markdown


def repeated(poses: dr.PoseSet, count: int) -> dr.PoseSet:
    return poses[torch.arange(count) % len(poses)]


def sampled(poses: int, hypotheses: int, steps: int) -> Callable:
    """A chain whose last step alone is kept, as assess and predict run it."""
    model, test = dr.load_checkpoint(dr.weights.DEFAULT), dr.people_poses("test")[:poses]
    return lambda: list(dr.predict(model, test, hypotheses=hypotheses, steps=steps))


def evaluated(poses: int) -> Callable:
    model = dr.load_checkpoint(dr.weights.DEFAULT)
    test = repeated(dr.people_poses("test"), poses)
    return lambda: dr.assess(model, test, hypotheses=1, steps=1, widen=1)


def trained(steps: int) -> Callable:
    model = dr.load_checkpoint(dr.weights.DEFAULT)
    batch = dr.with_initial_poses(model, dr.people_poses("train")[:256])
    config = dr.TrainConfig(epochs=steps, batch_size=256, mirror=False)
    return lambda: list(dr.train(model, dr.denoising_loss, batch, config))


JOBS: dict[str, Callable[[], Callable]] = {
    "training, batch of 256, 2 steps": lambda: trained(2),
    "training, batch of 256, 6 steps": lambda: trained(6),
    "1 picture, H = 200, 20 steps": lambda: sampled(1, 200, 20),
    "1 picture, H = 200, 200 steps": lambda: sampled(1, 200, 200),
    "4 pictures, H = 200, 20 steps": lambda: sampled(4, 200, 20),
    "8 pictures, H = 200, 20 steps": lambda: sampled(8, 200, 20),
    "2,000 poses evaluated": lambda: evaluated(2_000),
    "8,000 poses evaluated": lambda: evaluated(8_000),
}
HUGE = {"a million poses evaluated": lambda: evaluated(1_000_000)}


def main(huge: bool = False) -> None:
    """Print the table."""
    jobs = JOBS | (HUGE if huge else {})
    rows = []
    for name in tqdm(jobs, "jobs"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            before, after = pool.apply(measured, (name,))
        rows.append({"job": name, "MB before": round(before), "MB more at the peak": round(after)})
    print(markdown(pd.DataFrame(rows)))


def measured(name: str) -> tuple[float, float]:
    """Peak resident memory before the job, and what the job adds to it; MB."""
    job = (JOBS | HUGE)[name]()
    before = peak()
    job()
    return before, peak() - before


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    tyro.cli(main)

"""Speed of films against pictures, in the same run: python benchmarks/film_speed.py

Sampling: 42 seconds of one person at 25 Hz, 5 hypotheses, 8 steps. Training: steps of the denoiser
on 81 frames, as clips and as pictures. Initial poses are there before. Untrained networks of the
default size, the synthetic figure; medians of ROUNDS rounds in turn.
"""

import copy
import time
from collections.abc import Callable
from statistics import median

import pandas as pd
import torch
import tyro
from tqdm import tqdm

import drpose_core as dr
from drpose_core.output.report import markdown

ROUNDS, STEPS, BATCH = 3, 5, 81  # rounds, training steps in a round, frames of a step


def main(frames: tuple[int, ...] = (9, 27, 81), seconds: int = 42) -> None:
    """Print the table. frames: the lengths of clips; seconds: that are sampled."""
    torch.manual_seed(0)
    image = dr.DRPose(dr.ModelConfig(lifter="mlp")).eval()
    poses = dr.synthetic_poses("test", seconds=seconds, takes=1, stride=2)
    poses = dr.with_initial_poses(image, poses[poses.sequence == 0][:1000])
    work: dict[str, tuple[Callable, Callable]] = {"pictures": pictures(image, poses)}
    work |= {f"clips of {n}": clips(image, poses, n) for n in frames}
    taken = {name: ([], []) for name in work}
    for _ in tqdm(range(ROUNDS), "rounds"):
        for name, pair in work.items():
            for times, call in zip(taken[name], pair):
                begin = time.perf_counter()
                call()
                times.append(time.perf_counter() - begin)
    base = [median(times) for times in taken["pictures"]]
    rows = []
    for name, both in taken.items():
        sampled, trained = (median(times) for times in both)
        row = {"frames as": name, f"sampling {len(poses)}, seconds": f"{sampled:.1f}"}
        row |= {"ms of training a frame": f"{1000 * trained / STEPS / BATCH:.1f}"}
        row |= {"times pictures, sampling": f"{sampled / base[0]:.2f}"}
        rows.append(row | {"times pictures, training": f"{trained / base[1]:.2f}"})
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(markdown(pd.DataFrame(rows)))


def pictures(image: dr.DRPose, poses: dr.PoseSet) -> tuple[Callable, Callable]:
    """Sampling of all poses, and some training steps."""
    config = dr.TrainConfig(epochs=100_000, batch_size=BATCH, mirror=False)
    steps = dr.train(copy.deepcopy(image), dr.denoising_loss, poses[:BATCH], config)
    how = {"hypotheses": 5, "steps": 8}
    return lambda: list(dr.predict(image, poses, **how)), lambda: some(steps)


def clips(image: dr.DRPose, poses: dr.PoseSet, length: int) -> tuple[Callable, Callable]:
    """The same of a film model."""
    film = dr.FilmDRPose.of(image, frames=length)
    few = dr.windows(poses, length)[: BATCH // length]
    config = dr.TrainConfig(epochs=100_000, batch_size=len(few), mirror=False)
    steps = dr.train(copy.deepcopy(film), dr.film_loss, few, config)
    return lambda: dr.sample_film(film, poses, hypotheses=5, steps=8), lambda: some(steps)


def some(steps) -> None:
    for _ in range(STEPS):
        next(steps)


if __name__ == "__main__":
    tyro.cli(main)

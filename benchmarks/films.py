"""What neighbours are worth: the film denoiser against the image denoiser it is made of, smoothed
and not, on films of people that none of them has seen.

python benchmarks/films.py --data data/motion
python benchmarks/films.py --data data/motion --seeds 0 --frames 9 27 81
python benchmarks/films.py --data data/motion --seeds 0 --memories 0 0.1 0.2 0.5

Reads every ASF/AMC recording below the folder at 25 Hz, filmed by Human3.6M's cameras with the
plain detector model, whose errors remember themselves over 0.1 s and more. A residual MLP and an
image denoiser are trained on all but the held-out subjects, on --samples poses. Then both models
go on from there on --more frames: the image model on single frames, 32 a step, the film model on
clips, 108 frames a step. The films of the subjects --score are scored; those of CHOOSE and REPORT
are never trained on. Choose by CHOOSE.

The answer is the mean of 10 hypotheses (8 quadratic steps, eta 0; the image model with the same
noise in every frame, which is its calmest). Smoothers are shown with several settings; compare with
the best of them. MPJPE, best (oracles), spread, bone change in mm, velocities in mm/s, acceleration
in m/s^2, jitter in m/s^3 (that of the truth stands in the first row). Trainings resume
(output/runs/films); dr.sweep keeps each row.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch
import tyro
from tqdm import tqdm

import drpose_core as dr
from drpose_core.output.report import markdown
from drpose_core.sources.cmu import cmu_subjects
from drpose_core.training import steps_per_epoch

CHOOSE, REPORT = ("35", "49", "HDM_tr"), ("07", "16", "HDM_mm")
RECIPES = {
    "default": (dr.ModelConfig(lifter="mlp"), dr.denoising_loss),
    "calibrated": (dr.ModelConfig(lifter="mlp", skip=0.1), dr.calibrated_loss),
}
SMOOTHERS: dict[str, Callable] = {
    "one-euro 1 Hz": partial(dr.one_euro, cutoff=1.0, beta=4.0),
    "one-euro 2 Hz": partial(dr.one_euro, cutoff=2.0, beta=8.0),
    "Savitzky-Golay 5": partial(dr.savitzky_golay, length=5),
    "Savitzky-Golay 9": partial(dr.savitzky_golay, length=9),
    "Savitzky-Golay 15": partial(dr.savitzky_golay, length=15),
}
HOW = dr.Sampling(hypotheses=10)
LONG = 108  # frames of a recording that are scored, 4.3 seconds


def main(
    data: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    recipe: str = "default",
    frames: tuple[int, ...] = (27,),
    memories: tuple[float, ...] = (0.2,),
    score: tuple[str, ...] = REPORT,
    samples: int = 27_000,
    more: int = 108_000,
    test_frames: int = 1_000,
) -> None:
    """Train and score; samples and more: frames before mirroring."""
    train, test = films(data, score, test_frames)
    each = {"recipe": recipe, "samples": samples, "more": more}
    cells = [
        each | {"seed": seed, "frames": length, "memory": memory}
        for seed in seeds
        for length, memory in [(1, 0.0), *((f, m) for f in frames for m in memories)]
    ]
    rows = dr.sweep(measure, cells, train, test)
    print(markdown(table(rows)))


def films(data: Path, score: tuple[str, ...], count: int) -> tuple[dr.PoseSet, dr.PoseSet]:
    """Films at 25 Hz to train on, and count frames of those of the subjects that are scored."""
    known = tuple(who for who in cmu_subjects(data) if who not in {*CHOOSE, *REPORT})
    train = dr.cmu_poses(data, subjects=known, stride=2)
    return train, some_films(dr.cmu_poses(data, subjects=score, stride=2), count)


def some_films(poses: dr.PoseSet, count: int) -> dr.PoseSet:
    """The first frames of recordings drawn at random, each by one camera, count in all."""
    sequences = torch.randperm(len(poses.sequences), generator=dr.generator(0)).tolist()
    rows, taken = [], set()
    for number in sequences:
        take = poses.sequences[number].rpartition("/")[0]
        if take not in taken and sum(map(len, rows)) < count:
            taken.add(take)
            rows.append((poses.sequence == number).nonzero()[:LONG, 0])
    return poses[torch.cat(rows)[:count]]


def measure(
    train: dr.PoseSet,
    test: dr.PoseSet,
    *,
    seed: int,
    recipe: str,
    samples: int,
    more: int,
    frames: int,
    memory: float,
) -> dict[str, float]:
    """Scores of the image model (frames 1) with its smoothed versions, or of the film model."""
    model, seconds = trained(train, seed, recipe, (samples, more), frames, memory)
    begin = time.process_time()
    if frames > 1:
        found = dr.sample_film(model, test, HOW, seed=seed)
    else:
        found = dr.joined(dr.predict(model, test, HOW, seed=seed)).hypotheses
    took = time.process_time() - begin
    name = f"film, {frames} frames" if frames > 1 else "image"
    answers = {name: found.mean(1)}
    if frames == 1:
        lifted = model.initial_pose(test.observed, flip_test=True)
        answers = {"truth": test.pose3d, "lifter": lifted - lifted[:, :1]} | answers
        answers |= {f"image, {how}": f(found.mean(1), test) for how, f in SMOOTHERS.items()}
    row = {}
    for who, pose in answers.items():
        numbers = dr.motion_scores(pose, test)
        if who == name:
            numbers |= dr.hypothesis_scores(found, test)
            numbers |= {"seconds of training": seconds, "ms a frame": 1000 * took / len(test)}
        row |= {f"{who}: {what}": round(float(value), 4) for what, value in numbers.items()}
    return row


def trained(
    poses: dr.PoseSet, seed: int, recipe: str, budget: tuple[int, int], frames: int, memory: float
) -> tuple[dr.DRPose, float]:
    """A model, and the seconds that its last training took (0 where it was there)."""
    samples, more = budget
    folder = f"films/{recipe}-{samples}-{len(poses)}-{seed}"
    config, loss = RECIPES[recipe]
    torch.manual_seed(seed)
    lifter = dr.build_lifter("mlp")
    thin = dr.thinned(poses, 60)
    few = dr.TrainConfig(epochs=5, batch_size=64, lr=1e-3, seed=seed)
    if samples < len(thin):  # a try
        thin, few = thin[:samples], replace(few, epochs=1)
    run(f"{folder}/lifter", lifter, dr.lifting_loss, thin, few)
    model = dr.DRPose(config, lifter)
    first = dr.with_initial_poses(model, thin[drawn(len(thin), samples, seed)])
    run(f"{folder}/image", model, loss, first, dr.TrainConfig(epochs=1, seed=seed))
    begin = time.process_time()
    if frames == 1:  # the same frames once more, as many as the film model gets
        rest = dr.with_initial_poses(model, poses[drawn(len(poses), more, seed + 1)])
        after = dr.TrainConfig(epochs=1, lr=1e-3, seed=seed)
        run(f"{folder}/more-{more}", model, loss, rest, after)
        return model.eval(), time.process_time() - begin
    film = dr.FilmDRPose.of(model, frames=frames, memory=memory)
    clips = dr.windows(poses, frames)
    clips = clips[drawn(len(clips), max(1, more // frames), seed + 1)]
    clips = clips.compact()  # lift only the frames that are used
    clips = replace(clips, poses=dr.with_initial_poses(film, clips.poses))
    after = dr.TrainConfig(epochs=1, batch_size=max(1, 108 // frames), lr=1e-3, seed=seed)
    run(f"{folder}/film-{frames}-{memory}-{more}", film, dr.film_loss, clips, after)
    return film.eval(), time.process_time() - begin


def drawn(count: int, wanted: int, seed: int) -> torch.Tensor:
    """As many numbers below count as wanted, each about as often as the others."""
    index = torch.randperm(count, generator=dr.generator(seed))
    return index.repeat(-(-wanted // count))[:wanted]


def run(folder: str, module, loss, poses, config: dr.TrainConfig) -> None:
    """Train to the end, resuming what the folder has."""
    total = config.epochs * steps_per_epoch(len(poses), config)
    with tqdm(desc=folder, total=total, mininterval=10) as bar:
        for step in dr.train_in(folder, module, loss, poses, config):
            bar.update(step.step - bar.n)
        bar.update(total - bar.n)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, an answer a row."""
    cells = [c for c in ("seed", "recipe", "samples", "more", "frames", "memory") if c in rows]
    long = rows.melt(id_vars=cells).dropna()
    long[["answer", "score"]] = long.variable.str.split(": ", expand=True)
    many = "memory" in rows and long.memory[long.frames > 1].nunique() > 1
    if many:
        long.loc[long.frames > 1, "answer"] += ", " + long.memory.astype(str) + " s"
    order = long.score.drop_duplicates().tolist(), long.answer.drop_duplicates().tolist()
    wide = long.pivot_table(index="answer", columns="score", values="value", aggfunc="mean")
    wide = wide.reindex(columns=order[0], index=order[1]).round(2).astype(object)
    return wide.where(wide.notna(), "").reset_index()


if __name__ == "__main__":
    tyro.cli(main)

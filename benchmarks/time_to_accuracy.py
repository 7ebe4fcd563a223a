"""How long until a result is there: the kit's way against the published one, on people that neither
was trained on.

python benchmarks/time_to_accuracy.py --data data/motion

Training. One residual MLP lifts for both. The published way (batches of 512, learning rate 5e-4
that falls every epoch, dropout 0.1, the frozen lifter asked in every step with its own dropout on)
runs in the
published order of work (published_way.py) and is scored after every quarter of its samples. The
kit's defaults run for one epoch of a growing number of samples, each to the end of its schedule;
lifting, once for each pose, is counted. The kit has arrived with the first number whose error on
the subjects CHOOSE is no higher than the published way's last one. Shown are the errors on REPORT:
the pose refined once (H = 1, K = 1), MPJPE in mm.

Sampling. The two models of the end, the published one in 200 even steps with eta 1, the kit's in
eight and fewer: best of 20 (an oracle) and mean of 32 of REPORT's poses, milliseconds a picture.

Seconds of training are steps times the median time of a step. The steps' times are taken in turn at
the start, so that other work on the machine cannot favour one side. The kit's trainings resume
(output/runs/accuracy).
"""

import copy
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import pandas as pd
import published_way
import torch
import tyro
from calibrated import filmed
from tqdm import tqdm

import drpose_core as dr
from drpose_core.output.report import markdown
from drpose_core.sources.cmu import cmu_subjects
from drpose_core.training import learning_rate, steps_per_epoch

CHOOSE, REPORT = ("35", "49", "HDM_tr"), ("07", "16", "HDM_mm")
SCORED, DRAWN = 1024, 32  # poses of each set of people: refined once, sampled
ROUNDS, FEW = 12, (2, 3, 4, 8)
SIZES = {"published": 512, "kit": dr.TrainConfig().batch_size}
CONFIG = dr.ModelConfig(lifter="mlp")
PUBLISHED = replace(CONFIG, dropout=0.1)


def main(
    data: Path,
    seeds: tuple[int, ...] = (0,),
    published: int = 325_000,
    own: tuple[int, ...] = (13_500, 27_000, 54_000, 108_000),
) -> None:
    """Print the tables. published and own: samples, the mirrored ones counted too."""
    known = tuple(who for who in cmu_subjects(data) if who not in {*CHOOSE, *REPORT})
    train = filmed(data, known)
    tests = {"choose": some(filmed(data, CHOOSE)), "report": some(filmed(data, REPORT))}
    curves, chains = [], []
    for seed in seeds:
        lifter = lifted(train, seed)
        step = steps_take(lifter, train)
        print(f"seed {seed}, seconds of a step: {step}", flush=True)
        known_poses = dr.with_initial_poses(dr.DRPose(CONFIG, lifter), train)
        theirs = published_models(lifter, train, published, seed)
        ours = ((n, own_model(lifter, known_poses, n, seed)) for n in own)
        for way, models in {"published": theirs, "kit": ours}.items():
            for samples, model in models:
                row = {"way": way, "seed": seed, "samples": samples}
                lifts = min(samples / 2, len(train)) if way == "kit" else 0
                row["seconds"] = samples / SIZES[way] * step[way] + lifts * step["lift"]
                row |= {name: refined(model, poses) for name, poses in tests.items()}
                curves.append(row)
                print(row, flush=True)
                if way == "published":
                    level, last = row["choose"], model
                elif row["choose"] <= level:
                    break
        chains += [row | {"seed": seed} for row in sampled(last, model, tests["report"])]
    print(markdown(pd.DataFrame(curves).round(1)))
    print(markdown(pd.DataFrame(chains).round(1)))


def some(poses: dr.PoseSet) -> dr.PoseSet:
    """Poses drawn at random, as one action: scores are then means over poses."""
    poses = poses[torch.randperm(len(poses), generator=dr.generator(0))[:SCORED]]
    return replace(poses, actions=["all"], action=torch.zeros_like(poses.action))


def lifted(train: dr.PoseSet, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    lifter = dr.build_lifter("mlp")
    config = dr.TrainConfig(epochs=5, batch_size=64, lr=1e-3, seed=seed)
    name = f"accuracy/lifter-{seed}"
    for _ in tqdm(dr.train_in(name, lifter, dr.lifting_loss, train, config), name, mininterval=30):
        pass
    return lifter.eval()


def steps_take(lifter: torch.nn.Module, train: dr.PoseSet) -> dict[str, float]:
    """Median seconds of a step of each way, measured in turn, and of lifting a pose once."""
    theirs = dr.DRPose(PUBLISHED, copy.deepcopy(lifter))
    some = train[:2048]
    lift = median(timed(lambda: dr.with_initial_poses(theirs, some)) for _ in "abc") / len(some)
    mine = dr.DRPose(CONFIG, lifter)
    few = dr.with_initial_poses(mine, train[: 3 * ROUNDS * SIZES["kit"]])
    steps = {
        "published": published_way.training(theirs, itertools.repeat(train[:512]), lifter=True),
        "kit": dr.train(mine, dr.denoising_loss, few, dr.TrainConfig(epochs=4)),
    }
    for work in steps.values():  # warms up
        next(work), next(work)
    rounds = [
        {way: timed(lambda work=work: next(work)) for way, work in steps.items()}
        for _ in range(ROUNDS)
    ]
    return {way: median(r[way] for r in rounds) for way in steps} | {"lift": lift}


def timed(work) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def published_models(
    lifter: torch.nn.Module, train: dr.PoseSet, samples: int, seed: int
) -> Iterator[tuple[int, dr.DRPose]]:
    """(samples so far, model) after each quarter of the samples."""
    torch.manual_seed(seed)
    model = dr.DRPose(PUBLISHED, copy.deepcopy(lifter))
    config = dr.TrainConfig.published()
    per_epoch = steps_per_epoch(len(train), config)
    epochs = (
        dr.batches(train, 512, shuffle=True, augment=True, generator=dr.generator(seed, epoch))
        for epoch in itertools.count(1)
    )
    batches = itertools.chain.from_iterable(itertools.islice(e, per_epoch) for e in epochs)
    steps = published_way.training(
        model, batches, lifter=True, rate=lambda step: learning_rate(step, per_epoch, config)
    )
    total = round(samples / 512)
    for number in tqdm(range(1, total + 1), "published", mininterval=30):
        next(steps)
        if number in {round(total * quarter / 4) for quarter in (1, 2, 3, 4)}:
            yield number * 512, copy.deepcopy(model).eval()


def own_model(lifter: torch.nn.Module, train: dr.PoseSet, samples: int, seed: int) -> dr.DRPose:
    torch.manual_seed(seed)
    model = dr.DRPose(CONFIG, lifter)
    index = torch.randperm(len(train), generator=dr.generator(seed))
    index = index.repeat(-(-(samples // 2) // len(train)))[: samples // 2]
    config = dr.TrainConfig(epochs=1, seed=seed)
    name = f"accuracy/{samples}-{seed}"
    steps = dr.train_in(name, model, dr.denoising_loss, train[index], config)
    for _ in tqdm(steps, name, mininterval=30):
        pass
    return model.eval()


def refined(model: dr.DRPose, poses: dr.PoseSet) -> float:
    once = dr.Sampling(hypotheses=1, steps=1)
    return dr.table(dr.evaluate(model, poses, once)).MPJPE["p_avg"]


def sampled(published: dr.DRPose, kit: dr.DRPose, poses: dr.PoseSet) -> list[dict]:
    """What the chains give, and what a picture takes; one after the other, each timed twice."""
    poses, rows = poses[:DRAWN], []
    initial = dr.with_initial_poses(published, poses).initial

    def long(rows: dr.PoseSet, start: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(200, len(rows), 20, 17, 3, generator=dr.generator(0))
        return published_way.sample(published, rows.kp2d, start, noise)[-1]

    ways = {
        "published, 200 steps": lambda n: long(poses[:n], initial[:n]),
    }
    for k in FEW:
        ways[f"kit, {k} steps"] = lambda n, k=k: dr.sample_poses(kit, poses.kp2d[:n], steps=k)[-1]
    took = [{way: timed(lambda draw=draw: draw(4)) for way, draw in ways.items()} for _ in "ab"]
    for way, draw in ways.items():
        hypotheses = draw(len(poses))
        best = dr.hypothesis_errors(hypotheses, poses.pose3d)["p_best"].mean().item()
        mean = dr.mpjpe(hypotheses.mean(1), poses.pose3d).mean().item()
        ms = 1000 / 4 * median(r[way] for r in took)
        rows.append(
            {"chain": way, "best of 20": 1000 * best, "mean": 1000 * mean, "ms a picture": ms}
        )
    return rows


if __name__ == "__main__":
    tyro.cli(main)

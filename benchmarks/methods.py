"""DRPose, D3DP's way, flow matching and GFPose in one room: the same poses, lifter, number of
samples and calls of the network.

python benchmarks/methods.py --data data/motion
python benchmarks/methods.py --data data/motion --seeds 0 --methods flow gfpose --sets motion

Sets: "motion", ASF/AMC recordings below --data, of which the subjects REPORT are scored and CHOOSE
left out (as in calibrated.py); "synthetic", the kit's figure. A residual MLP lifts for all. Every
method is trained on --samples poses and as many mirrored, with TrainConfig's defaults (batch 32,
Adam 2e-3 and cosine decay), which were chosen for DRPose, and a dropout of 0.1 (GFPose: its own);
nothing was tuned for any method here.
A call is one pass of the network for a hypothesis; there is no mirrored pass. Hence "at 8 calls":
8 steps of DRPose, 4 midpoints of a flow. 200 calls, 200 hypotheses and single answers are measured
on motion for the first of --seeds only, and on fewer poses: the column poses says on how many.

MPJPE in mm: of the mean of H hypotheses; of the best (oracle, as are all columns that say so); of
the mean weighted by reprojection (aggregate's "weighted", FMPose3D's RPEA) with the estimated root
and with the true one. ECE, energy score (mm) and spread as assess has them; milliseconds for a pose
(process time, one thread). Trainings resume (output/runs/methods); a row that output/methods.csv
has is not measured again.
"""

import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
import tyro
from calibrated import filmed

import drpose_core as dr
from drpose_core.output.report import markdown
from drpose_core.sources.cmu import cmu_subjects
from drpose_core.support import Noise

CHOOSE, REPORT = ("35", "49", "HDM_tr"), ("07", "16", "HDM_mm")
PLAIN = dr.ModelConfig(lifter="mlp", dropout=0.1)
CONFIGS = {
    "drpose": PLAIN,
    "d3dp": replace(PLAIN, method="d3dp"),
    "flow": replace(PLAIN, method="flow"),
    "flow-skip": replace(PLAIN, method="flow", skip=0.1),  # clean poses, not velocity
    "gfpose": dr.GFPose.published(lifter="mlp"),
    "gfpose-concat": replace(dr.GFPose.published(lifter="mlp"), method="gfpose-concat"),
}
SETS = ("motion", "synthetic")
POSES = 160  # that are scored


class Row(NamedTuple):
    """What is measured of a model: calls of the network, hypotheses, poses, how it is sampled."""

    calls: int
    H: int
    poses: int
    sampler: str
    how: dr.Sampling
    noise: Noise = dr.per_hypothesis(0)


def zeros(rows, hypotheses, shape):
    """Noise that is none: every chain starts at 0 (Sampling with one hypothesis)."""
    return itertools.repeat(torch.zeros(len(rows), len(hypotheses), *shape))


def rows_of(method: str, poses: int, first: bool) -> list[Row]:
    """What is measured of a method, on poses or fewer; first: also what is dear."""
    if method in ("drpose", "d3dp"):
        few = {k: ("quadratic, eta 0", dr.Sampling(steps=k)) for k in (1, 3, 8, 25)}
        many = {200: ("even, eta 1", dr.Sampling(steps=200, spacing="linear", eta=1.0))}
        alone = []
    elif method.startswith("flow"):
        few = {
            k: ("Euler, even", dr.Sampling(steps=k, spacing="linear", solver="euler"))
            for k in (1, 3)
        }
        log = dr.Sampling(spacing="log", solver="midpoint")
        few |= {k: ("midpoint, log", log.but(steps=k // 2)) for k in (8, 24)}
        many = {200: ("midpoint, even", log.but(steps=100, spacing="linear"))}
        alone = [Row(8, 1, poses, "midpoint, log, from 0", log.but(steps=4), zeros)]
    else:
        even = dr.Sampling(spacing="linear")
        few = {k: ("ddim, eta 1", even.but(steps=k, eta=1.0)) for k in (1, 3, 8, 25)}
        many = {200: ("Euler-Maruyama", even.but(steps=200, solver="sde"))}
        alone = [
            Row(8, 20, poses, "probability flow, ddim", even.but(steps=8)),
            Row(200, 1, poses, "published shortcut", even.but(steps=200, solver="pflow")),
        ]
    found = [Row(k, 20, poses if k < 20 else poses // 2, *some) for k, some in few.items()]
    if first:
        found += [Row(200, 20, poses // 8, *many[200]), Row(8, 200, poses // 4, *few[8]), *alone]
    return found


def main(
    data: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    methods: tuple[str, ...] = tuple(CONFIGS),
    sets: tuple[str, ...] = SETS,
    samples: int = 13_500,
    poses: int = POSES,
    out: Path = Path("output/methods.csv"),
) -> None:
    """Train and score each method on each set; poses: on how many, fewer for a try."""
    torch.set_num_threads(1)
    out = dr.project_root() / out
    out.parent.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(out) if out.is_file() else pd.DataFrame()
    for seed, name, method in itertools.product(seeds, sets, methods):
        key = {"set": name, "method": method, "seed": seed, "samples": samples}
        wanted = rows_of(method, poses, first=(seed, name) == (seeds[0], "motion"))
        wanted = [row for row in wanted if not measured(table, key | about(row))]
        if not wanted:
            continue
        train, test = poses_of(name, data, out.parent)
        model, facts = trained(train, **key)
        for row in wanted:
            found = key | about(row) | scores(model, test, row) | facts
            table = pd.concat([table, pd.DataFrame([found])], ignore_index=True)
            table.to_csv(out, index=False)
            print(found, flush=True)
    show(table[table.samples == samples])


def about(row: Row) -> dict:
    return {"calls": row.calls, "H": row.H, "sampler": row.sampler, "poses": row.poses}


def measured(table: pd.DataFrame, row: dict) -> bool:
    return bool(len(table) and (table[list(row)] == pd.Series(row)).all(axis=1).any())


def poses_of(name: str, data: Path, kept: Path) -> tuple[dr.PoseSet, dr.PoseSet]:
    """Poses to train on, and some to score; filmed once."""
    paths = [kept / f"methods-{name}-{split}.npz" for split in ("train", "test")]
    if not all(path.is_file() for path in paths):
        if name == "motion":
            held_out = {*CHOOSE, *REPORT}
            known = tuple(who for who in cmu_subjects(data) if who not in held_out)
            train, test = filmed(data, known), filmed(data, REPORT)
        else:
            train, test = (dr.synthetic_poses(split) for split in ("train", "test"))
        test = test[torch.randperm(len(test), generator=dr.generator(0))[:POSES]]
        train.save(paths[0])
        test.save(paths[1])
    return tuple(dr.PoseSet.load(path) for path in paths)


def trained(
    poses: dr.PoseSet, *, set: str, method: str, seed: int, samples: int
) -> tuple[dr.DRPose, dict]:
    """The model, and what its training cost."""
    index = torch.randperm(len(poses), generator=dr.generator(seed))
    some = poses[index.repeat(-(-samples // len(poses)))[:samples]]
    folder = f"methods/{set}-{samples}-{seed}"
    torch.manual_seed(seed)
    lifter = dr.build_lifter("mlp")
    config = dr.TrainConfig(epochs=2, batch_size=64, lr=1e-3, seed=seed)
    for _ in dr.train_in(f"{folder}-lifter", lifter, dr.lifting_loss, some, config):
        pass
    torch.manual_seed(seed)
    model = dr.build_model(CONFIGS[method], lifter)
    some = dr.with_initial_poses(model, some)
    config = dr.TrainConfig(epochs=1, seed=seed)
    for _ in dr.train_in(f"{folder}-{method}", model, type(model).loss, some, config):
        pass
    seconds = dr.history(f"{folder}-{method}").seconds.iloc[-1]
    weights = sum(p.numel() for p in model.denoiser.parameters())
    return model.eval(), {"training s": seconds, "weights": weights}


def scores(model: dr.DRPose, test: dr.PoseSet, row: Row) -> dict[str, float]:
    """What the docstring above names, of the first poses of the test set."""
    test = dr.with_initial_poses(model, test[: row.poses])
    how, begun = row.how.but(hypotheses=row.H, flip_test=False), time.process_time()
    hypotheses = torch.cat(
        [
            dr.sample_poses(model, some.kp2d, how, noise=row.noise, initial=some.initial)[-1]
            for some in dr.batches(test, 32)
        ]
    )
    spent = time.process_time() - begun

    def error(pose: torch.Tensor) -> float:
        return 1000 * dr.mpjpe(pose, test.pose3d).mean().item()

    seen = {"kp2d": test.kp2d, "intrinsics": test.intrinsics}
    best = dr.hypothesis_errors(hypotheses, test.pose3d)
    found = {
        "lifter": error(test.initial_pose(flip_test=False)),
        "mean": error(hypotheses.mean(1)),
        "best (oracle)": 1000 * best["p_best"].mean().item(),
        "best by joint (oracle)": 1000 * best["j_best"].mean().item(),
        "weighted": error(dr.aggregate(hypotheses, "weighted", **seen)),
        "weighted, true root (oracle)": error(
            dr.aggregate(hypotheses, "weighted", root=test.root, **seen)
        ),
        "ms a pose": 1000 * spent / len(test),
    }
    if row.H > 1:
        hits = dr.covered(hypotheses, test.pose3d).sum(0)
        curve = dr.calibration_curve(hits, len(test), row.H)
        found |= {
            "best of 10 (oracle)": 1000
            * dr.hypothesis_errors(hypotheses[:, :10], test.pose3d)["p_best"].mean().item(),
            "ECE": dr.calibration_error(curve)["ece"],
            "energy score": 1000 * dr.energy_score(hypotheses, test.pose3d).mean().item(),
            "spread": 1000 * hypotheses[:, :, 1:].var(1, correction=0).sum(-1).sqrt().mean().item(),
        }
    return {what: round(value, 4) for what, value in found.items()}


def show(table: pd.DataFrame) -> None:
    """Means over seeds, and how far seeds are apart in the mean."""
    by = ["set", "calls", "H", "method", "sampler", "poses"]
    groups = table.drop(columns=["samples"]).groupby(by, sort=False)
    means = groups.mean().drop(columns=["seed"])
    means.insert(0, "mean +-", groups["mean"].std())
    means["weights"] = means["weights"].astype(int)
    means["seeds"] = groups.size()
    for name, part in means.reset_index().groupby("set", sort=False):
        part = part.drop(columns=["set"]).sort_values(["H", "calls"], kind="stable")
        print(f"\n{name}\n\n{markdown(part)}")


if __name__ == "__main__":
    tyro.cli(main)

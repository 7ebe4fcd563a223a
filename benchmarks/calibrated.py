"""How sure hypotheses are, for ways of training the denoiser, on people that none of them has seen.

python benchmarks/calibrated.py --data data/motion --seeds 0

Reads every ASF/AMC recording below the folder, filmed by Human3.6M's cameras with the plain
detector model and thinned by 60 mm. A residual MLP is trained once on all but the held-out
subjects; then a denoiser for every recipe, on the same number of poses. Choose by the subjects of
--choose; those of --report are for the table that is shown, also with the factor that calibrate
finds on those of --choose. dr.sweep keeps each row. Energy score, errors and spread in mm; H = 20,
8 quadratic steps, eta 0.
"""

from dataclasses import replace
from pathlib import Path

import torch
import tyro

import drpose_core as dr
from drpose_core.output.report import markdown
from drpose_core.sources.cmu import cmu_subjects

RECIPES = {
    "default": (dr.ModelConfig(lifter="mlp"), dr.denoising_loss),
    "dropout 0": (dr.ModelConfig(lifter="mlp", dropout=0.0), dr.denoising_loss),
    "calibrated": (dr.ModelConfig(lifter="mlp", dropout=0.0, skip=0.1), dr.calibrated_loss),
}


def main(
    data: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    choose: tuple[str, ...] = ("35", "49", "HDM_tr"),
    report: tuple[str, ...] = ("07", "16", "HDM_mm"),
    samples: int = 27_000,
) -> None:
    """Train and score; samples are poses before mirroring."""
    held_out = {*choose, *report}
    known = tuple(subject for subject in cmu_subjects(data) if subject not in held_out)
    train = filmed(data, known)
    tests = {"choose": filmed(data, choose), "report": filmed(data, report)}
    cells = [{"seed": s, "recipe": name, "samples": samples} for s in seeds for name in RECIPES]
    rows = dr.sweep(measure, cells, train, tests)
    numbers = rows.drop(columns=["seed", "samples"]).groupby("recipe", sort=False)
    print(markdown(numbers.mean().round(2).reset_index()))


def filmed(data: Path, subjects: tuple[str, ...]) -> dr.PoseSet:
    return dr.thinned(dr.cmu_poses(data, subjects=subjects), 60)


def measure(train: dr.PoseSet, tests: dict, *, seed: int, recipe: str, samples: int) -> dict:
    """Scores of one recipe on 384 poses of each set of held-out people."""
    torch.manual_seed(seed)
    lifter = dr.build_lifter("mlp")
    for _ in dr.train(
        lifter, dr.lifting_loss, train, dr.TrainConfig(epochs=5, batch_size=64, lr=1e-3, seed=seed)
    ):
        pass
    config, loss = RECIPES[recipe]
    model = dr.DRPose(config, lifter)
    index = torch.randperm(len(train), generator=dr.generator(seed))
    index = index.repeat(-(-samples // len(train)))[:samples]
    poses = dr.with_initial_poses(model, train[index])
    for _ in dr.train(model, loss, poses, dr.TrainConfig(epochs=1, seed=seed)):
        pass
    some = {}
    for name, test in tests.items():
        poses = test[torch.randperm(len(test), generator=dr.generator(0))[:384]]
        some[name] = replace(poses, actions=["all"], action=torch.zeros_like(poses.action))
    plain = dr.Sampling()
    factor = dr.calibrate(model.eval(), some["choose"], plain)
    row = {"factor": factor}
    for name in ("choose", "report"):
        row |= {f"{name}, {k}": v for k, v in scores(model, some[name], plain).items()}
    wide = scores(model, some["report"], plain.but(widen=factor))
    return row | {f"report, with the factor, {k}": v for k, v in wide.items()}


def scores(model: dr.DRPose, test: dr.PoseSet, how: dr.Sampling) -> dict[str, float]:
    once = dr.table(dr.evaluate(model, test, how.but(hypotheses=1, steps=1))).MPJPE["p_avg"]
    found = dr.assess(model, test, how, every_step=False)
    errors, value = dr.table(found.scores).MPJPE, found.summary.set_index("quantity").value
    return {
        "H = 1, K = 1": once,
        "mean": errors["p_avg"],
        "best (oracle)": errors["p_best"],
        "best by joint (oracle)": errors["j_best"],
        "ECE": value["calibration error (ECE), H = 20"],
        "energy score": value["energy score, whole pose (proper: lower is better)"],
        "spread": value["spread of the hypotheses, mean over joints"],
        "spread of bone lengths": value["spread of bone lengths over hypotheses"],
    }


if __name__ == "__main__":
    tyro.cli(main)

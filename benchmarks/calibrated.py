"""How sure hypotheses are, for ways of training the denoiser, on people that none of them has seen.

python benchmarks/calibrated.py --data data/motion --seeds 0
python benchmarks/calibrated.py --data data/motion --seeds 0 --recipes skip times masks out-of-fold

Reads every ASF/AMC recording below the folder, filmed by Human3.6M's cameras with the plain
detector model and thinned by 60 mm. For every recipe and seed a residual MLP is trained on all but
the held-out subjects, and a denoiser on the same number of poses. Choose by the subjects of
--choose; those of --report are for the table that is shown, also with the factor that calibrate
finds on those of --choose. dr.sweep keeps each row. Energy score, errors and spread in mm; H = 20,
8 quadratic steps, eta 0; the best of 200 on LARGE of the poses.

skip: the network is preconditioned as in EDM, without a blend. times: those of calibrated_loss.
masks: in training a tenth of the joints is hidden from the denoiser, but not from the lifter.
out-of-fold: no noise on the initial poses, which are those of lifters that did not see the person.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import tyro

import drpose_core as dr
from drpose_core.losses import INITIAL_NOISE, calibrated_times, denoised, weighted_mpjpe
from drpose_core.output.report import markdown
from drpose_core.skeleton import J
from drpose_core.sources.cmu import cmu_subjects
from drpose_core.widening import widened

FOLDS, HIDDEN, LARGE = 3, 0.1, 64


def loss_times(model: dr.DRPose, batch: dr.PoseSet, *, generator=None) -> torch.Tensor:
    """denoising_loss with the times of calibrated_loss."""
    times = calibrated_times(model.schedule)
    pred, _ = denoised(model, batch, times, generator, INITIAL_NOISE)
    return weighted_mpjpe(pred, batch.pose3d)


def loss_masks(model: dr.DRPose, batch: dr.PoseSet, *, generator=None) -> torch.Tensor:
    """denoising_loss with joints put at the middle of the picture."""
    seen = torch.rand(len(batch), J, 1, generator=generator) >= HIDDEN
    return dr.denoising_loss(
        model, replace(batch, kp2d=batch.kp2d * seen.to(batch.kp2d)), generator=generator
    )


PLAIN = dr.ModelConfig(lifter="mlp")
SKIP = replace(PLAIN, skip=0.1)
RECIPES: dict[str, tuple[dr.ModelConfig, Callable]] = {
    "dropout 0.1": (replace(PLAIN, dropout=0.1), dr.denoising_loss),
    "default": (PLAIN, dr.denoising_loss),
    "calibrated": (SKIP, dr.calibrated_loss),
    "skip": (SKIP, dr.denoising_loss),
    "times": (PLAIN, loss_times),
    "masks": (PLAIN, loss_masks),
    "out-of-fold": (PLAIN, partial(dr.denoising_loss, initial_noise=0)),
}


def main(
    data: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    recipes: tuple[str, ...] = ("dropout 0.1", "default", "calibrated"),
    choose: tuple[str, ...] = ("35", "49", "HDM_tr"),
    report: tuple[str, ...] = ("07", "16", "HDM_mm"),
    samples: int = 27_000,
) -> None:
    """Train and score; samples are poses before mirroring."""
    held_out = {*choose, *report}
    known = tuple(subject for subject in cmu_subjects(data) if subject not in held_out)
    train = filmed(data, known)
    tests = {"choose": filmed(data, choose), "report": filmed(data, report)}
    cells = [{"seed": s, "recipe": name, "samples": samples} for s in seeds for name in recipes]
    rows = dr.sweep(measure, cells, train, tests)
    numbers = rows.drop(columns=["seed", "samples"]).groupby("recipe", sort=False)
    print(markdown(numbers.mean().round(2).reset_index()))


def filmed(data: Path, subjects: tuple[str, ...]) -> dr.PoseSet:
    return dr.thinned(dr.cmu_poses(data, subjects=subjects), 60)


def lifted(poses: dr.PoseSet, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    lifter = dr.build_lifter("mlp")
    config = dr.TrainConfig(epochs=5, batch_size=64, lr=1e-3, seed=seed)
    for _ in dr.train(lifter, dr.lifting_loss, poses, config):
        pass
    return lifter


def out_of_fold(poses: dr.PoseSet, seed: int) -> dr.PoseSet:
    """The poses with those of lifters that have not seen their person, fold by fold."""
    people = {who: n % FOLDS for n, who in enumerate(poses.subjects())}
    folds = torch.tensor([people[take.subject] for take in poses.takes])[poses.sequence]
    initial = torch.empty(len(poses), 2, J, 3)
    for fold in range(FOLDS):
        model = dr.DRPose(PLAIN, lifted(poses[folds != fold], seed))
        initial[folds == fold] = dr.with_initial_poses(model, poses[folds == fold]).initial
    return replace(poses, initial=initial)


def measure(train: dr.PoseSet, tests: dict, *, seed: int, recipe: str, samples: int) -> dict:
    """Scores of one recipe on 384 poses of each set of held-out people."""
    config, loss = RECIPES[recipe]
    model = dr.DRPose(config, lifted(train, seed))
    index = torch.randperm(len(train), generator=dr.generator(seed))
    index = index.repeat(-(-samples // len(train)))[:samples]
    if recipe == "out-of-fold":
        train = out_of_fold(train, seed)
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
    row |= {f"report, with the factor, {k}": v for k, v in wide.items()}
    few = some["report"][:LARGE]
    many = dr.sample_poses(model, few.observed, plain.but(hypotheses=200))[-1]
    for name, hypotheses in {
        "report": many,
        "report, with the factor": widened(many, factor),
    }.items():
        best = dr.hypothesis_errors(hypotheses, few.pose3d)["p_best"].mean().item()
        row[f"{name}, best of 200 (oracle)"] = 1000 * best
    return row


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

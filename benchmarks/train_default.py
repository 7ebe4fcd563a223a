"""Trains drpose_core/weights/default.safetensors: the model of people that the kit comes with.

python benchmarks/train_default.py --data data/cmu data/hdm05 --held-out 07 16 HDM_mm
OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 benchmarks/train_default.py --data ...

Reads every ASF/AMC recording below the folders, films it with random cameras (film: keypoints
"wild", joints "coco"), thins it, trains DC-GCT on it and then the denoiser, and writes both in
float16. Seeded; the same command again resumes where it was interrupted, from output/runs/<name of
out>. Held-out subjects are not trained on. The model is scored on them as it samples (widen=1), and
the spread of its hypotheses is fitted on the first (calibrate). RECIPE holds all that is chosen.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
import tyro
from real_people import without_stochastic_depth
from tqdm import tqdm

import drpose_core as dr
from drpose_core.experiments import run_folder
from drpose_core.skeleton import MARKED
from drpose_core.sources.cmu import cmu_subjects
from drpose_core.support import distributed_run, process
from drpose_core.training import steps_per_epoch
from drpose_core.weights import DEFAULT


class Recipe(NamedTuple):
    """What the default checkpoint is made of; docs/recipes.md has the figures."""

    model: dr.ModelConfig = dr.ModelConfig(confidence=True)
    lifter: dr.TrainConfig = dr.TrainConfig(epochs=3, batch_size=64)
    denoiser: dr.TrainConfig = dr.TrainConfig(epochs=2, batch_size=64)
    denoiser_loss: object = dr.denoising_loss
    sampling: dr.Sampling = dr.Sampling(spacing="linear")  # best with a factor, on CMU 07
    views: int = 16  # random cameras in front of every two seconds
    proportions: float = 0.04  # spread of the bones' lengths about those recorded
    thin: float = 30.0  # mm
    least_confidence: float = 0.02  # joints less sure are filled in


RECIPE = Recipe()


def main(
    data: tuple[Path, ...],
    out: Path = DEFAULT,
    held_out: tuple[str, ...] = (),
    seed: int = 0,
) -> None:
    """Train the default checkpoint.

    Args:
        data: Folders of ASF/AMC recordings.
        out: The checkpoint.
        held_out: Subjects to leave out of training and to score on; the spread is fitted on the
            first.
        seed: For everything drawn.
    """
    folder = run_folder(out.stem)
    with distributed_run() as rank:
        lifter_config, denoiser_config = (
            replace(config, seed=seed) for config in (RECIPE.lifter, RECIPE.denoiser)
        )
        began = time.monotonic()
        made = (RECIPE.views, RECIPE.thin, RECIPE.least_confidence, RECIPE.proportions, seed)
        kept = folder / f"poses-{dr.fingerprint(list(map(str, data)), held_out, made)}.npz"
        if rank == 0 and not kept.is_file():
            training_poses(data, held_out, seed).save(kept)
        while not kept.is_file():  # the other processes wait for the first
            time.sleep(1)
        poses = dr.PoseSet.load(kept)
        torch.manual_seed(seed)  # the networks' first weights
        lifter = dr.build_lifter(RECIPE.model.lifter, confidence=RECIPE.model.confidence)
        without_stochastic_depth(lifter)
        lifter.bf16 = True
        run(folder / "lifter", lifter, dr.lifting_loss, poses, lifter_config)
        lifter.bf16 = False
        model = dr.DRPose(RECIPE.model, lifter)
        poses = dr.with_initial_poses(model, poses)
        model.denoiser.bf16 = True
        run(folder / "denoiser", model, RECIPE.denoiser_loss, poses, denoiser_config)
        model.denoiser.bf16 = False
        if rank > 0:
            return
    model.eval()
    model.sampling = RECIPE.sampling
    record = {"train": poses.describe(), "held_out": list(held_out), "seed": seed}
    record["command"] = " ".join(["python benchmarks/train_default.py", *sys.argv[1:]])
    record["minutes"] = round((time.monotonic() - began) / 60, 1)
    if held_out:
        tests = held_out_poses(data, held_out, seed)
        dr.calibrate(model, some(tests[held_out[0]], 500, seed), seed=seed)
        record["scores_mm"] = scores(model, tests, seed)
        print(record["scores_mm"])
    dr.save_checkpoint(out, model, record=model.record | record, dtype=torch.float16)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {record['minutes']} minutes")


def training_poses(data: tuple[Path, ...], held_out: tuple[str, ...], seed: int) -> dr.PoseSet:
    sets = []
    for folder in data:
        subjects = tuple(s for s in cmu_subjects(folder) if s not in held_out)
        if subjects:
            sets.append(filmed(folder, subjects, seed, RECIPE.views, RECIPE.proportions))
    return dr.thinned(dr.joined_poses(sets), RECIPE.thin)


def held_out_poses(data: tuple[Path, ...], held_out: tuple[str, ...], seed: int) -> dict:
    """Subject -> poses of it, with other cameras and other noise than training's."""
    found = {}
    for folder in data:
        for subject in set(cmu_subjects(folder)) & set(held_out):
            found[subject] = dr.thinned(filmed(folder, (subject,), seed + 1, RECIPE.views), 60)
    if missing := set(held_out) - set(found):
        raise ValueError(
            f"no subject {', '.join(sorted(missing))} below {', '.join(map(str, data))}"
        )
    return found


def filmed(
    folder: Path, subjects: tuple[str, ...], seed: int, views: int, proportions: float = 0.0
) -> dr.PoseSet:
    return dr.cmu_poses(
        folder,
        subjects=subjects,
        cameras="random",
        keypoints="wild",
        joints="coco",
        views=views,
        least_confidence=RECIPE.least_confidence,
        proportions=proportions,
        seed=seed,
    )


def run(folder: Path, module, loss, poses: dr.PoseSet, config: dr.TrainConfig) -> None:
    """Train to the end, resuming what the folder has."""
    total = config.epochs * steps_per_epoch(len(poses), config)
    alone = process()[0] > 0
    with tqdm(desc=folder.name, total=total, mininterval=10, disable=alone) as bar:
        for step in dr.train_in(folder, module, loss, poses, config):
            bar.update(step.step - bar.n)
            if step.step % 100 == 0:
                bar.set_postfix_str(f"loss {1000 * step.loss.item():.1f} mm", refresh=False)
        bar.update(total - bar.n)


def scores(model: dr.DRPose, tests: dict[str, dr.PoseSet], seed: int) -> dict:
    """Mean of 20 hypotheses and the best of them over the joints marked on a body, and the
    lifter's own pose, of some poses of each subject; mm.
    """
    found = {}
    for subject, poses in sorted(tests.items()):
        few = some(poses, 200, seed)
        drawn = dr.sample_poses(model, few.observed, noise=dr.per_hypothesis(seed), widen=1)[-1]
        first = model.initial_pose(few.observed, flip_test=True)
        truth = few.pose3d[:, MARKED]
        drawn, first = drawn[..., MARKED, :], (first - first[:, :1])[:, MARKED]
        best = dr.mpjpe(drawn, truth[:, None]).amin(1)
        rows = {
            "lifter": dr.mpjpe(first, truth),
            "mean": dr.mpjpe(drawn.mean(1), truth),
            "mean, aligned": dr.p_mpjpe(drawn.mean(1), truth),
            "best of 20": best,
        }
        found[subject] = {name: round(1000 * x.mean().item(), 1) for name, x in rows.items()}
    return found


def some(poses: dr.PoseSet, most: int, seed: int) -> dr.PoseSet:
    return poses[torch.randperm(len(poses), generator=dr.generator(seed))[:most]]


if __name__ == "__main__":
    tyro.cli(main)

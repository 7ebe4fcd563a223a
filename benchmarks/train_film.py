"""Trains a film checkpoint from the kit's default: the denoiser of people that sees time.

python benchmarks/train_film.py --data data/cmu data/hdm05 --held-out 07 16 HDM_mm
OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 benchmarks/train_film.py --data ...

Films the recordings as train_default.py does (random cameras, "wild" keypoints, "coco" joints) but
with VIEWS cameras, and keeps every second frame, 25 Hz, instead of thinning. Trains on clips of
--frames that overlap by two thirds, in bfloat16. Writes drpose_core/weights/film.safetensors in
float16, which predict takes for films. Give the --held-out of the image checkpoint: they are not
trained on, the spread of the hypotheses is fitted on the first, and both models are scored on films
of them. The same command again resumes (output/runs/<name of out>).
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
import tyro
from train_default import Recipe, filmed, run

import drpose_core as dr
from drpose_core.calibration import keep_factor
from drpose_core.experiments import run_folder
from drpose_core.methods import METHODS
from drpose_core.sources.cmu import cmu_subjects
from drpose_core.support import distributed_run
from drpose_core.weights import DEFAULT, FILM

BATCH = 216  # frames of a training step
EVERY, VIEWS = 2, 4  # of the 50 Hz; random cameras in front of every two seconds
SCORED = 400  # frames of each held-out subject


def main(
    data: tuple[Path, ...],
    image: Path = DEFAULT,
    out: Path = FILM,
    held_out: tuple[str, ...] = (),
    epochs: int = 1,
    lr: float = 1e-3,
    seed: int = 0,
    frames: int = 27,
    memory: float = 0.2,
    causal: bool = False,
) -> None:
    """Train the film checkpoint. causal: one whose frames look only at those before them."""
    if out == FILM and (causal or (frames, memory) != (27, 0.2)):
        raise SystemExit("this is another model than the kit's: name a file for it with --out")
    folder, began = run_folder(out.stem), time.monotonic()
    config = dr.TrainConfig(epochs=epochs, batch_size=max(1, BATCH // frames), lr=lr, seed=seed)
    with distributed_run() as rank:
        torch.manual_seed(seed)
        pictures = dr.load_checkpoint(image)
        kind = METHODS["film-causal" if causal else "film"]
        model = kind.of(pictures, frames=frames, memory=memory)
        made = dr.fingerprint(list(map(str, data)), held_out, seed, EVERY, VIEWS)
        kept = folder / f"poses-{made}.npz"
        if rank == 0 and not kept.is_file():
            films(data, lambda who: who not in held_out, seed, Recipe().proportions).save(kept)
        while not kept.is_file():  # the other processes wait for the first
            time.sleep(1)
        poses = dr.with_initial_poses(model, dr.PoseSet.load(kept))
        clips = dr.windows(poses, frames, frames // 3)
        model.denoiser.bf16 = True
        run(folder / "film", model, dr.film_loss, clips, config)
        model.denoiser.bf16 = False
        if rank > 0:
            return
    model.eval()
    record = {"train": poses.describe(), "held_out": list(held_out), "seed": seed}
    record |= {"clips": len(clips), "frames": frames, "from": image.name}
    record["command"] = " ".join(["python benchmarks/train_film.py", *sys.argv[1:]])
    record["minutes_of_last_run"] = round((time.monotonic() - began) / 60, 1)
    if held_out:
        test = films(data, lambda who: who in held_out, seed + 1)
        first = of(test, held_out[0], seed)
        narrow = model.sampling.but(widen=1)
        keep_factor(model, dr.sample_film(model, first, narrow, seed=seed), first, narrow, seed)
        record["scores"] = {who: scores(pictures, model, test, who, seed) for who in held_out}
        print(record["scores"])
    dr.save_checkpoint(out, model, record=model.record | record, dtype=torch.float16)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {record['minutes_of_last_run']} minutes")


def films(data: tuple[Path, ...], wanted, seed: int, proportions: float = 0.0) -> dr.PoseSet:
    """The recordings of the wanted subjects at 25 Hz."""
    sets = []
    for folder in data:
        if subjects := tuple(who for who in cmu_subjects(folder) if wanted(who)):
            poses = filmed(folder, subjects, seed, VIEWS, proportions)
            sets.append(poses[poses.frame % EVERY == 0])
    return dr.joined_poses(sets)


def of(test: dr.PoseSet, who: str, seed: int) -> dr.PoseSet:
    """Films of a subject drawn at random, SCORED frames."""
    mine = torch.tensor([take.subject.endswith(who) for take in test.takes]).nonzero()[:, 0]
    mine = mine[torch.randperm(len(mine), generator=dr.generator(seed))]
    rows = [(test.sequence == number).nonzero()[:, 0] for number in mine[: SCORED // 10]]
    return test[torch.cat(rows)[:SCORED]]


def scores(image: dr.DRPose, model: dr.FilmDRPose, test: dr.PoseSet, who: str, seed: int) -> dict:
    """Of the mean of 20 hypotheses, for films of one subject: the lifter, the image model that the
    film model began with, with the same noise in every frame, and the film model.
    """
    poses = of(test, who, seed)
    lifted = model.initial_pose(poses.observed, flip_test=True)
    answers = {
        "lifter": (lifted - lifted[:, :1])[:, None],
        "images": dr.joined(dr.predict(image, replace(poses, rotation=None), seed=seed)).hypotheses,
        "film": dr.sample_film(model, poses, seed=seed),
    }
    return {
        name: {k: round(v, 1) for k, v in dr.motion_scores(x.mean(1), poses).items()}
        for name, x in answers.items()
    }


if __name__ == "__main__":
    tyro.cli(main)

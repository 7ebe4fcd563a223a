"""What neighbours are worth to a lifter: DC-GCT, and the same with attention over frames.

python benchmarks/film_lifter.py --data data/motion

Recordings, subjects and detector as in films.py. DC-GCT is trained on --samples poses. Then it goes
on as it is on --more single frames, 32 a step, or as FilmDCGCT on clips of --frames, as many frames
in all and 108 a step; its loss has the errors of motion too. The poses, averaged with the mirrored
pass, are scored on films of people that were never trained on, and DC-GCT's also with the smoothers
of films.py. MPJPE and bone change in mm, velocity error in mm/s, acceleration error in m/s^2,
jitter in m/s^3 (that of the ground truth stands in the first row).

Trainings resume (output/runs/film_lifter); dr.sweep keeps each row.
"""

from dataclasses import replace
from pathlib import Path

import torch
import tyro
from films import REPORT, SMOOTHERS, drawn, films, run, table

import drpose_core as dr
from drpose_core.output.report import markdown


def main(
    data: Path,
    seeds: tuple[int, ...] = (0,),
    frames: tuple[int, ...] = (1, 27),
    samples: int = 27_000,
    more: int = 54_000,
    test_frames: int = 1_000,
) -> None:
    """Train and score; samples and more: frames before mirroring."""
    train, test = films(data, REPORT, test_frames)
    each = {"samples": samples, "more": more}
    cells = [each | {"seed": seed, "frames": length} for seed in seeds for length in frames]
    print(markdown(table(dr.sweep(measure, cells, train, test))))


def measure(
    train: dr.PoseSet,
    test: dr.PoseSet,
    *,
    seed: int,
    samples: int,
    more: int,
    frames: int,
) -> dict[str, float]:
    """Scores of DC-GCT (frames 1) and of its smoothed poses, or of FilmDCGCT."""
    folder = f"film_lifter/{samples}-{len(train)}-{seed}"
    torch.manual_seed(seed)
    lifter = dr.build_lifter("dcgct")
    thin = dr.thinned(train, 60)
    first = thin[drawn(len(thin), samples, seed)]
    run(f"{folder}/dcgct", lifter, dr.lifting_loss, first, dr.TrainConfig(epochs=1, seed=seed))
    after = dr.TrainConfig(epochs=1, lr=1e-3, seed=seed)
    if frames == 1:
        rest, loss = train[drawn(len(train), more, seed + 1)], dr.lifting_loss
    else:
        after = replace(after, batch_size=max(1, 108 // frames))
        lifter, loss = dr.FilmDCGCT.of(lifter), dr.film_lifting_loss
        clips = dr.windows(train, frames)
        rest = clips[drawn(len(clips), max(1, more // frames), seed + 1)].compact()
    run(f"{folder}/{frames}-{more}", lifter, loss, rest, after)
    model = dr.DRPose(dr.ModelConfig(lifter="dcgct"), lifter.eval())
    seen = (
        test
        if frames == 1
        else dr.with_film_poses(model, dr.windows(test, frames, frames // 3)).poses
    )
    pose = dr.with_initial_poses(model, seen).initial_pose()
    answers = {"DC-GCT" if frames == 1 else f"FilmDCGCT, {frames} frames": pose}
    if frames == 1:
        answers = {"truth": test.pose3d} | answers
        answers |= {f"DC-GCT, {how}": f(pose, test) for how, f in SMOOTHERS.items()}
    return {
        f"{who}: {what}": round(float(value), 4)
        for who, pose in answers.items()
        for what, value in dr.motion_scores(pose, test).items()
    }


if __name__ == "__main__":
    tyro.cli(main)

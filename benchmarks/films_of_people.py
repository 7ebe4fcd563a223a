"""The kit's film model against its image model, smoothed and not, on films of held-out people.

python benchmarks/films_of_people.py --data data/cmu data/hdm05

Films, 25 Hz, of subjects that neither model was trained on, by random cameras that film two seconds
each, seen by the model of everyday detectors (as train_film.py makes them). The answer is the mean
of 20 hypotheses. MPJPE and bone change in mm, velocity error in mm/s, acceleration error in m/s^2,
jitter in m/s^3 (that of the ground truth stands in the first row); best of 20 (an oracle) per
frame, ECE and spread of the hypotheses, for the models alone.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import tyro
from films import SMOOTHERS
from train_film import films, of

import drpose_core as dr
from drpose_core.keypoints import picture_frame
from drpose_core.output.report import markdown
from drpose_core.weights import DEFAULT, FILM


def main(
    data: tuple[Path, ...],
    subjects: tuple[str, ...] = ("16", "HDM_mm"),
    image: Path = DEFAULT,
    film: Path = FILM,
    seed: int = 0,
) -> None:
    """Print a table for each subject."""
    pictures, moving = dr.load_checkpoint(image), dr.load_checkpoint(film)
    test = films(data, lambda who: who in subjects, seed + 1)
    for who in subjects:
        poses = of(test, who, seed)
        redrawn = replace(poses, rotation=None)  # whose answers predict leaves in that frame
        lifted = pictures.initial_pose(poses.seen, flip_test=True)
        found = {
            "ground truth": poses.pose3d,
            "lifter": lifted - lifted[:, :1],
            "image": dr.joined(dr.predict(pictures, redrawn, seed=seed)).hypotheses,
            "film": dr.sample_film(moving, poses, seed=seed),
        }
        # from here on in the frame of the film's own camera, where motion is smoothed too
        found = {name: picture_frame(x, poses.rotation) for name, x in found.items()}
        poses = replace(redrawn, pose3d=found["ground truth"])
        drawn = {name: found[name] for name in ("image", "film")}
        answers = {name: found[name] for name in ("ground truth", "lifter")}
        answers["image"] = drawn["image"].mean(1)
        answers |= {f"image, {how}": f(answers["image"], poses) for how, f in SMOOTHERS.items()}
        answers["film"] = drawn["film"].mean(1)
        rows = []
        for name, pose in answers.items():
            row = {"answer": name} | dr.motion_scores(pose, poses)
            if name in drawn:
                row |= dr.hypothesis_scores(drawn[name], poses)
            rows.append({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
        print(f"\n{who}: {len(poses)} frames\n\n{markdown(pd.DataFrame(rows))}", flush=True)


if __name__ == "__main__":
    tyro.cli(main)

"""The kit's film model against its image model, smoothed and not, on films of held-out people.

python benchmarks/films_of_people.py --data data/cmu data/hdm05
python benchmarks/films_of_people.py --data data/cmu data/hdm05 --hypotheses 5 --stream

Films, 25 Hz, of subjects that neither model was trained on, by random cameras that film two seconds
each, seen by the model of everyday detectors (as train_film.py makes them). The answer is the mean
of the hypotheses. "film, as it comes": the film model is given the frames one by one (FilmStream).
MPJPE and bone change in mm, velocity error in mm/s, acceleration error in m/s^2, jitter in m/s^3
(that of the ground truth stands in the first row); the best hypothesis of each frame (an oracle),
ECE and spread of the hypotheses, for the models alone.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
import tyro
from films import SMOOTHERS
from tqdm import tqdm
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
    hypotheses: int = 20,
    stream: bool = False,
    seed: int = 0,
) -> None:
    """Print a table for each subject."""
    pictures, moving = dr.load_checkpoint(image), dr.load_checkpoint(film)
    for model in (pictures, moving):
        model.sampling = model.sampling.but(hypotheses=hypotheses)
    test = films(data, lambda who: who in subjects, seed + 1)
    for who in subjects:
        poses = of(test, who, seed)
        redrawn = replace(poses, rotation=None)  # whose answers predict leaves in that frame
        lifted = pictures.initial_pose(poses.observed, flip_test=True)
        found = {
            "ground truth": poses.pose3d,
            "lifter": lifted - lifted[:, :1],
            "image": dr.joined(dr.predict(pictures, redrawn, seed=seed)).hypotheses,
            "film": dr.sample_film(moving, poses, seed=seed),
        }
        if stream:
            found["film, as it comes"] = as_it_comes(moving, poses, seed)
        # from here on in the frame of the film's own camera, where motion is smoothed too
        found = {name: picture_frame(x, poses.rotation) for name, x in found.items()}
        poses = replace(redrawn, pose3d=found["ground truth"])
        drawn = {name: x for name, x in found.items() if x.ndim == 4}
        answers = {name: found[name] for name in ("ground truth", "lifter")}
        answers["image"] = drawn["image"].mean(1)
        answers |= {f"image, {how}": f(answers["image"], poses) for how, f in SMOOTHERS.items()}
        answers |= {name: x.mean(1) for name, x in drawn.items() if name != "image"}
        rows = []
        for name, pose in answers.items():
            row = {"answer": name} | dr.motion_scores(pose, poses)
            if name in drawn:
                row |= dr.hypothesis_scores(drawn[name], poses)
            rows.append({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
        print(f"\n{who}: {len(poses)} frames\n\n{markdown(pd.DataFrame(rows))}", flush=True)


def as_it_comes(model: dr.FilmDRPose, poses: dr.PoseSet, seed: int) -> torch.Tensor:
    """Hypotheses (N, H, J, 3) of frames that are sampled one after the other."""
    stream = dr.FilmStream(model, seed=seed)
    frames = (poses[n : n + 1] for n in range(len(poses)))
    return torch.stack([stream.push(frame) for frame in tqdm(frames, "stream", len(poses))])


if __name__ == "__main__":
    tyro.cli(main)

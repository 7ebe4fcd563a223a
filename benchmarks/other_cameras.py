"""What other cameras than Human3.6M's cost, and what redrawing the picture for a training camera
(viewpoint.training_view) gives back.

python benchmarks/other_cameras.py --data data/cmu --subjects 16
python benchmarks/other_cameras.py --data data/cmu --subjects 03 --checkpoint cmu.safetensors

CMU poses of subjects whom the model has not seen, every fifth frame, from four sides; 2D joints
with the detector model's errors; one hypothesis in one step. Each row changes one thing of a camera
5 m away, 1.6 m high, with 47 degrees across a square picture, that looks at the hips. MPJPE in mm,
and the root's distance (median of |root - true root| / distance). Prints the table and writes
output/other_cameras.csv.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import tyro

import drpose_core as dr
from drpose_core.keypoints.plausible import filled
from drpose_core.keypoints.viewpoint import FIELD_OF_VIEW, picture_frame, pinhole, training_view
from drpose_core.output.report import markdown
from drpose_core.skeleton import JOINTS
from drpose_core.sources.cmu import cmu_subjects, recordings
from drpose_core.sources.detector_model import detect

SIDES = (20, 110, 200, 290)  # degrees around the person
# as for COCO's joints
MADE = {
    "hip": ("left hip", "right hip"),
    "thorax": ("left shoulder", "right shoulder"),
    "spine": ("hip", "thorax"),
}


class Setup(NamedTuple):
    """A camera: metres, degrees."""

    distance: float = 5.0
    height: float = 1.6
    field_of_view: float = FIELD_OF_VIEW
    right: float = 0.0  # of the picture's middle, where the person stands
    down: float = 0.0
    roll: float = 0.0
    unseen: tuple[str, ...] = ()
    made: bool = False  # hip, thorax and spine from hips and shoulders


CASES = {
    "as in training": Setup(),
    "field of view 30°": Setup(field_of_view=30),
    "field of view 70°": Setup(field_of_view=70),
    "2.5 m away": Setup(distance=2.5),
    "10 m away": Setup(distance=10),
    "20 m away": Setup(distance=20),
    "0.5 m high": Setup(height=0.5),
    "3 m high": Setup(height=3),
    "20° right of the middle": Setup(right=20),
    "30° right of the middle, 80° field of view": Setup(right=30, field_of_view=80),
    "15° below the middle": Setup(down=15),
    "15° above the middle": Setup(down=-15),
    "rolled by 10°": Setup(roll=10),
    "rolled by 30°": Setup(roll=30),
    "hip, thorax, spine made as from COCO": Setup(made=True),
    "wrists not seen": Setup(unseen=("left wrist", "right wrist")),
    "knees and feet not seen": Setup(unseen=("left knee", "right knee", "left foot", "right foot")),
}


def main(
    data: Path,
    subjects: tuple[str, ...],
    checkpoint: Path | None = None,
    stride: int = 5,
    seed: int = 0,
) -> None:
    """Measure every case with and without redrawing."""
    model = dr.load_checkpoint(checkpoint or dr.weights.DEFAULT)
    found = cmu_subjects(data)
    made = "COCO" in model.record.get("train", {}).get("skeleton", "")
    joints = "coco" if made else "own"  # as the model knows them
    takes = recordings({name: found[name] for name in subjects}, 0, stride, joints=joints)
    world = torch.from_numpy(np.concatenate([take.world for take in takes])).float()
    world[..., :2] -= world[:, :1, :2].clone()
    rows = [
        {"camera": name, **measured(model, world, setup, seed)} for name, setup in CASES.items()
    ]
    table = pd.DataFrame(rows)
    out = dr.project_root() / "output" / "other_cameras.csv"
    out.parent.mkdir(exist_ok=True)
    table.to_csv(out, index=False)
    trained = model.record.get("train", {}).get("source", "unknown poses")
    print(
        f"{len(world) * len(SIDES)} poses of CMU subjects {', '.join(subjects)}, joints "
        f"{joints!r}; model trained on {trained}\n{markdown(table)}"
    )


def measured(model: dr.DRPose, world: torch.Tensor, setup: Setup, seed: int) -> dict[str, float]:
    points = filmed(world, setup)
    own = pinhole(1, 1, setup.field_of_view)
    screen = dr.project(points, own).double().numpy()
    found = detect(screen[None], 10.0, np.random.default_rng(seed))
    kp2d, confidence = (torch.from_numpy(x[0]).float() for x in found)
    if setup.made:
        for name, parts in MADE.items():
            made = [JOINTS.index(part) for part in parts]
            kp2d[:, JOINTS.index(name)] = kp2d[:, made].sum(1) / 2
            confidence[:, JOINTS.index(name)] = confidence[:, made].amin(1)
    if setup.unseen:
        seen = np.ones(kp2d.shape[:2], dtype=bool)
        seen[:, [JOINTS.index(name) for name in setup.unseen]] = False
        kp2d = torch.from_numpy(filled(kp2d.numpy(), seen)[0]).float()
        confidence = confidence * torch.from_numpy(seen)
    still = torch.eye(3).expand(len(kp2d), 3, 3)
    plain = kp2d.clamp(-5, 5), own.expand(len(kp2d), 9), still
    cells = {}
    for name, view in {
        "as it is": plain,
        "redrawn": training_view(kp2d, own),
        "redrawn, 47° assumed": training_view(kp2d, pinhole(1, 1, FIELD_OF_VIEW)),
    }.items():
        seen = torch.cat([view[0], confidence[..., None]], dim=-1)
        once = dr.sample_poses(model, seen, hypotheses=1, steps=1, noise=dr.per_hypothesis(seed))
        pose = once[-1][:, 0]
        root = picture_frame(dr.estimate_root(pose, *view[:2]), view[2])
        pose = picture_frame(pose, view[2])
        cells[name] = round(1000 * dr.mpjpe(pose, points - points[:, :1]).mean().item(), 1)
        distance = (root - points[:, 0]).norm(dim=-1) / points[:, 0].norm(dim=-1)
        cells[f"root, {name}"] = f"{100 * distance.median().item():.0f} %"
    return cells


def filmed(world: torch.Tensor, setup: Setup) -> torch.Tensor:
    """World (T, 17, 3), z up, hips at x = y = 0 -> in the frames of a camera on each of the sides,
    one after the other.
    """
    found = []
    turn = (
        rotation(0, setup.down) @ rotation(1, setup.right)
        if setup.right or setup.down
        else torch.eye(3)
    )
    turn = rotation(2, setup.roll) @ turn
    for side in SIDES:
        angle = math.radians(side)
        eye = torch.tensor(
            [setup.distance * math.cos(angle), setup.distance * math.sin(angle), setup.height]
        )
        forward = torch.nn.functional.normalize(torch.tensor([0.0, 0.0, 0.95]) - eye, dim=0)
        right = torch.nn.functional.normalize(
            torch.linalg.cross(forward, torch.tensor([0.0, 0.0, 1.0])), dim=0
        )
        axes = torch.stack([right, torch.linalg.cross(forward, right), forward])
        found.append((world - eye) @ axes.T @ turn.T)
    return torch.cat(found)


def rotation(axis: int, degrees: float) -> torch.Tensor:
    """About x: what lies ahead moves down; about y: to the right; about z: the picture turns
    clockwise.
    """
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    about = {
        0: [[1, 0, 0], [0, c, s], [0, -s, c]],
        1: [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        2: [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return torch.tensor(about[axis])


if __name__ == "__main__":
    tyro.cli(main)

"""What helps a lifter to see real people: which cameras, which detector's errors, whose joints, how
much thinning, which recordings. Decided on people held out, not on photographs.

python benchmarks/real_people.py --data data/motion --photos photographs.npz

Trains a lifter on every variant and seed, each for the same number of poses, and scores it on
recordings that no variant has seen: CMU subjects 35 and 49 and HDM05's actor tr, filmed by random
cameras, detected by the model of everyday detectors, redrawn as predict does it, joints "coco".
Photographs with a known 3D, if given, are scored too; choose nothing by them. MPJPE and P-MPJPE in
mm over the 13 joints that are marked on a body (not spine, thorax, neck and head). The lifter's
answer is averaged with that for the mirrored picture. A row that output/real_people.csv has is not
computed again; the table of means over seeds is printed at the end.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import tyro

import drpose_core as dr
from drpose_core.keypoints import filled, to_h36m, training_view
from drpose_core.keypoints.formats import placed
from drpose_core.lifters import lift
from drpose_core.lifters.layers import DropPath
from drpose_core.output.report import markdown
from drpose_core.skeleton import MARKED, flip
from drpose_core.sources.cmu import cmu_subjects, database, recordings
from drpose_core.sources.film import film
from drpose_core.sources.motion import Recording

HELD_OUT = ("35", "49", "HDM_tr")


class Variant(NamedTuple):
    """How the training poses are made."""

    cameras: str = "random"
    keypoints: str = "wild"
    joints: str = "coco"
    thin: float = 30.0  # mm
    least: float = 0.15  # confidence below which a joint is filled in
    databases: tuple[str, ...] = ("CMU", "HDM05")
    proportions: float = 0.0  # spread of bone lengths about those recorded
    stochastic_depth: bool = True  # of DC-GCT and HTNet, as published
    confidence: bool = False  # whether the lifter reads it


VARIANTS = {
    "all of it": Variant(),
    "Human3.6M's cameras": Variant(cameras="h36m"),
    "the plain detector model": Variant(keypoints="detected"),
    "the skeletons' own joints": Variant(joints="own"),
    "as before: Human3.6M's cameras, plain detector, own joints": Variant(
        "h36m", "detected", "own"
    ),
    "not thinned": Variant(thin=0),
    "thinned by 60 mm": Variant(thin=60),
    "confidence from 0.02 counts as seen": Variant(least=0.02),
    "bones longer or shorter by 4 %": Variant(proportions=0.04),
    "bones longer or shorter by 8 %": Variant(proportions=0.08),
    "bones longer or shorter by 12 %": Variant(proportions=0.12),
    "no stochastic depth": Variant(stochastic_depth=False),
    "no stochastic depth, bones by 4 %": Variant(proportions=0.04, stochastic_depth=False),
    "no stochastic depth, bones by 4 %, confidence read": Variant(
        proportions=0.04, stochastic_depth=False, confidence=True, least=0.02
    ),
    "CMU alone": Variant(databases=("CMU",)),
    "HDM05 alone": Variant(databases=("HDM05",)),
}


def main(
    data: Path,
    photos: Path | None = None,
    lifter: str = "mlp",
    seeds: tuple[int, ...] = (0, 1, 2),
    samples: int = 50_000,
    stride: int = 4,
    out: Path = Path("output/real_people.csv"),
    only: tuple[str, ...] = (),
) -> None:
    """Train and score every variant."""
    torch.set_num_threads(1)
    out = dr.project_root() / out
    out.parent.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(out) if out.is_file() else pd.DataFrame()
    kept = out.parent / "real_people"
    kept.mkdir(exist_ok=True)
    tests = None
    for seed in seeds:
        for name, variant in VARIANTS.items():
            row = {"variant": name, "lifter": lifter, "samples": samples, "seed": seed}
            row["batch"] = 128 if lifter == "mlp" else 64
            if (only and name not in only) or _has(table, row):
                continue
            tests = tests or scored_sets(data, photos, stride, kept)
            poses = training_poses(data, variant, stride, kept)
            model = trained(poses, lifter, samples, seed, variant)
            for test, poses_of in tests.items():
                row |= {f"{test} {k}": v for k, v in scores(model, poses_of).items()}
            row["train poses"] = len(poses)
            table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
            table.to_csv(out, index=False)
            print(row, flush=True)
    measured = [c for c in table.columns if c.endswith("MPJPE")]
    some = table[(table["lifter"] == lifter) & (table["samples"] == samples)]
    means = some.groupby("variant", sort=False)[measured]
    print(markdown(means.mean().round(1).reset_index()))
    print(markdown(means.std().round(1).reset_index()))


@cache
def takes(data: Path, joints: str, stride: int) -> list[Recording]:
    """All recordings, read once."""
    return list(recordings(cmu_subjects(data), 0, stride, joints=joints))


def training_poses(data: Path, v: Variant, stride: int, kept: Path) -> dr.PoseSet:
    """The poses of a variant; filmed once and kept."""
    kind = f"{v.cameras}-{v.keypoints}-{v.joints}-{v.least:g}-{v.proportions:g}"
    name = f"{kind}-{'+'.join(v.databases)}-{stride}.npz"
    if not (kept / name).is_file():
        some = [
            take
            for take in takes(data, v.joints, stride)
            if take.subject not in HELD_OUT and database(take.subject) in v.databases
        ]
        poses = film(
            some,
            keypoints=v.keypoints,
            cameras=v.cameras,
            least_confidence=v.least,
            proportions=v.proportions,
            seed=0,
            source="CMU and HDM05",
            skeleton=v.joints,
        )
        poses.save(kept / name)
    return dr.thinned(dr.PoseSet.load(kept / name), v.thin)


def scored_sets(data: Path, photos: Path | None, stride: int, kept: Path) -> dict[str, dr.PoseSet]:
    """The sets that scores are of, with joints below 0.15 and below 0.02 filled in."""
    sets = {}
    for least in (0.15, 0.02):
        for name, subjects in (("CMU 35, 49", ("35", "49")), ("HDM05 tr", ("HDM_tr",))):
            path = kept / f"{name}-{least}-{stride}.npz"
            if not path.is_file():
                poses = film(
                    [take for take in takes(data, "coco", stride) if take.subject in subjects],
                    keypoints="wild",
                    cameras="random",
                    least_confidence=least,
                    seed=1,
                    source=name,
                    skeleton="coco",
                )
                poses = dr.thinned(poses, 60)
                poses[torch.randperm(len(poses), generator=dr.generator(0))[:2000]].save(path)
            sets[f"{name} ({least:g})"] = dr.PoseSet.load(path)
        if photos:
            sets[f"photographs ({least:g})"] = photographed(photos, least)
    return sets


def photographed(path: Path, least: float) -> dr.PoseSet:
    """Photographs with a known 3D as a pose set."""
    file = np.load(path)
    seen = file["detected"]
    sure = np.where(seen[..., 2] >= least, placed(seen[..., 2], "mediapipe33"), 0.0)
    kp2d, confidence = to_h36m(seen[..., :2], sure, "coco17")
    kp2d, _ = filled(kp2d, confidence > 0)
    width, height = file["size"].T
    kp2d = (
        kp2d * (2 / width)[:, None, None]
        - np.stack([np.ones_like(width), height / width], 1)[:, None]
    )
    camera = np.zeros((len(kp2d), 9))
    matrix = file["K"]
    camera[:, 0], camera[:, 1] = matrix[:, 0, 0] * 2 / width, matrix[:, 1, 1] * 2 / width
    camera[:, 2] = matrix[:, 0, 2] * 2 / width - 1
    camera[:, 3] = (2 * matrix[:, 1, 2] - height) / width
    view = training_view(torch.from_numpy(kp2d).float(), torch.from_numpy(camera).float())
    turn = view.rotation.transpose(1, 2)
    pose = torch.from_numpy(file["pose3d"]).float()
    pose, root = pose - pose[:, :1], torch.from_numpy(file["root"]).float()
    zeros = torch.zeros(len(kp2d), dtype=torch.int64)
    return dr.PoseSet(
        kp2d=view.kp2d,
        pose3d=pose @ turn,
        root=(root[:, None] @ turn)[:, 0],
        intrinsics=view.intrinsics,
        rotation=view.rotation,
        confidence=torch.from_numpy(confidence).float(),
        action=zeros,
        sequence=zeros,
        frame=torch.arange(len(kp2d)),
        actions=["photographs"],
    )


def trained(
    poses: dr.PoseSet, lifter: str, samples: int, seed: int, variant: Variant
) -> torch.nn.Module:
    """A lifter trained on as many poses as samples, a half of them mirrored."""
    torch.manual_seed(seed)
    order = [
        torch.randperm(len(poses), generator=dr.generator(seed, n))
        for n in range(1 + samples // 2 // len(poses))
    ]
    poses = replace(poses[torch.cat(order)[: samples // 2]], rotation=None)
    model = dr.build_lifter(lifter, confidence=variant.confidence)
    if not variant.stochastic_depth:
        without_stochastic_depth(model)
    if lifter != "mlp":
        model.bf16 = True
    config = dr.TrainConfig(epochs=1, batch_size=128 if lifter == "mlp" else 64, seed=seed)
    for _ in dr.train(model, dr.lifting_loss, poses, config):
        pass
    if lifter != "mlp":
        model.bf16 = False
    return model.eval()


def without_stochastic_depth(lifter: torch.nn.Module) -> None:
    for layer in lifter.modules():
        if isinstance(layer, DropPath):
            layer.p = 0.0


@torch.no_grad()
def scores(model: torch.nn.Module, poses: dr.PoseSet) -> dict[str, float]:
    """MPJPE and P-MPJPE over the marked joints, mm."""
    parts = poses.observed.split(2048)
    pose = torch.cat([(lift(model, part) + flip(lift(model, flip(part)))) / 2 for part in parts])
    pose, truth = (x[:, MARKED] - x[:, :1] for x in (pose, poses.pose3d))
    return {
        "MPJPE": round(1000 * dr.mpjpe(pose, truth).mean().item(), 2),
        "P-MPJPE": round(1000 * dr.p_mpjpe(pose, truth).mean().item(), 2),
    }


def _has(table: pd.DataFrame, row: dict) -> bool:
    if table.empty or not {*row} <= {*table.columns}:
        return False
    return bool((table[list(row)] == pd.Series(row)).all(axis=1).any())


if __name__ == "__main__":
    tyro.cli(main)

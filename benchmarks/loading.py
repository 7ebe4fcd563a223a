"""From Human3.6M's files to one epoch of training batches, against the published order of work:
python benchmarks/loading.py

The files are random numbers in VideoPose3D's layout, a twentieth of Human3.6M's size;
h36m_loading.py times the kit on the whole size. The baseline (published_way.Fetched) converts the
recordings one by one and then fetches and mirrors pose by pose through a DataLoader.
"""

import platform
import tempfile
import time
from pathlib import Path

import h36m_loading
import numpy as np
import published_way
import torch

import drpose_core as dr

SUBJECTS = ("S1", "S5", "S6", "S7", "S8")
ROUNDS, BATCH, KEYPOINTS = 3, 256, "cpn_ft_h36m_dbb"


def squares(kp2d: torch.Tensor, pose: torch.Tensor) -> float:
    return float(kp2d.double().square().sum() + pose.double().square().sum())


def published(folder: Path) -> tuple[float, float, float]:
    """Seconds of loading and of the epoch, and the sum of all squared coordinates seen."""
    start = time.perf_counter()
    poses = published_way.Fetched(folder, KEYPOINTS, SUBJECTS)
    loaded = time.perf_counter()
    total = sum(
        squares(kp2d, pose)
        for kp2d, pose in torch.utils.data.DataLoader(poses, BATCH, shuffle=True)
    )
    return loaded - start, time.perf_counter() - loaded, total


def own(folder: Path) -> tuple[float, float, float]:
    start = time.perf_counter()
    poses = dr.h36m_poses(folder, keypoints=KEYPOINTS, subjects=SUBJECTS)
    loaded = time.perf_counter()
    epoch = dr.batches(poses, BATCH, shuffle=True, augment=True, generator=dr.generator(0))
    total = sum(squares(batch.kp2d, batch.pose3d) for batch in epoch)
    return loaded - start, time.perf_counter() - loaded, total


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        h36m_loading.make(Path(name), part=20)
        times = [(published(Path(name)), own(Path(name))) for _ in range(ROUNDS)]
    assert all(abs(a[2] - b[2]) < 1e-4 * abs(a[2]) for a, b in times), (
        "the two ways do not see the same poses"
    )
    best = np.array([[min(t[side][part] for t in times) for part in (0, 1)] for side in (0, 1)])
    print("Human3.6M's layout, a twentieth of its size (random numbers): ", end="")
    print(
        f"loading {best[0, 0]:.1f} s published way, {best[1, 0]:.1f} s own; an epoch of batches of "
        f"{BATCH}, mirrored too, ",
        end="",
    )
    print(
        f"{best[0, 1]:.1f} s and {best[1, 1]:.2f} s; ratio together "
        f"{best[0].sum() / best[1].sum():.1f} ",
        end="",
    )
    print(
        f"({platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"numpy {np.__version__}, best of {ROUNDS})"
    )

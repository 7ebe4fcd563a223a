"""How long and how much memory h36m_poses takes on a made-up set of Human3.6M's size (1,559,752
training poses).

python benchmarks/h36m_loading.py    needs about 2 GB of disk for a while; the files are random
numbers in VideoPose3D's layout.
"""

import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

# 50 Hz frames per subject; four cameras make 1,559,752 training and 543,344 test poses, as
# published.
FRAMES = {
    "S1": 62_448,
    "S5": 101_340,
    "S6": 62_448,
    "S7": 81_351,
    "S8": 82_351,
    "S9": 81_200,
    "S11": 54_636,
}
LOAD = (
    "import sys, drpose_core as dr; p = dr.h36m_poses("
    "sys.argv[1], subjects=('S1', 'S5', 'S6', 'S7', 'S8')); print(len(p))"
)


def make(folder: Path, part: int = 1) -> None:
    """The poses of the tests' small set over and over with a little noise, thirty recordings a
    subject, pickled and compressed as VideoPose3D does; part 20 makes a twentieth of the frames.
    """
    rng = np.random.default_rng(0)
    mini = Path(__file__).parents[1] / "tests" / "golden" / "h36m_mini"
    poses = np.load(mini / "data_3d_h36m.npz", allow_pickle=True)["positions_3d"].item()
    views = np.load(mini / "data_2d_h36m_gt.npz", allow_pickle=True)["positions_2d"].item()

    def longer(array, frames, noise):
        shape = (frames, *array.shape[1:])
        return np.resize(array, shape).astype(np.float32) + noise * rng.random(shape, np.float32)

    positions3d, positions2d = {}, {}
    for subject, frames in FRAMES.items():
        lengths = np.diff(np.linspace(0, frames // part, 31).astype(int))
        names = [
            f"{action} {take}" for action in map("Action{}".format, range(15)) for take in (1, 2)
        ]
        pose, pixels = (next(iter(source[subject].values())) for source in (poses, views))
        positions3d[subject] = {n: longer(pose, t, 1e-3) for n, t in zip(names, lengths)}
        positions2d[subject] = {
            n: [longer(view[: len(pose)], t, 1.0) for view in pixels]
            for n, t in zip(names, lengths)
        }
    np.savez_compressed(
        folder / "data_3d_h36m.npz", positions_3d=np.array(positions3d, dtype=object)
    )
    np.savez_compressed(
        folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz",
        positions_2d=np.array(positions2d, dtype=object),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        start = time.perf_counter()
        poses = subprocess.run(
            [sys.executable, "-c", LOAD, name], check=True, capture_output=True, text=True
        ).stdout.strip()
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # Linux counts kilobytes
    print(
        f"{int(poses):,} training poses in {seconds:.1f} s, peak memory {peak:.2f} GB, interpreter "
        "and imports included"
    )
    versions = (
        f"python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}"
    )
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, {versions}")

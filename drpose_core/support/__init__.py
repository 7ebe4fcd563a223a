"""Files, pickles, devices, seeds and the tour: what every room may use. Knows nothing of poses."""

from .devices import constant, device, distributed_run, process, world_size
from .files import read_npz, write_npz, written_whole
from .noise import Noise, as_noise, per_hypothesis, per_pose, replay
from .pickles import PlainNpz, read_npy, read_pickled_npz
from .seeds import generator, hypothesis_generators, mixed_seed
from .shares import mean_over_processes, own_part, own_rows, share_buffers, share_weight, step_draws
from .tour import fast_mode, project_root, tour_source
from .versions import git_commit, versions

__all__ = [
    "Noise",
    "PlainNpz",
    "as_noise",
    "constant",
    "device",
    "distributed_run",
    "fast_mode",
    "generator",
    "git_commit",
    "hypothesis_generators",
    "mean_over_processes",
    "mixed_seed",
    "own_part",
    "own_rows",
    "per_hypothesis",
    "per_pose",
    "process",
    "project_root",
    "read_npy",
    "read_npz",
    "read_pickled_npz",
    "replay",
    "share_buffers",
    "share_weight",
    "step_draws",
    "tour_source",
    "versions",
    "world_size",
    "write_npz",
    "written_whole",
]

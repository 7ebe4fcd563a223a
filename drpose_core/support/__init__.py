"""Files, pickles, devices, seeds and the tour: what every room may use. Knows nothing of poses."""

from .devices import constant, device, distributed_run, process, world_size
from .files import written_whole
from .pickles import PlainNpz, read_npy, read_pickled_npz
from .seeds import generator, hypothesis_generators, mixed_seed, own_rows, share_of_batch
from .tour import fast_mode, project_root, tour_source

__all__ = [
    "PlainNpz",
    "constant",
    "device",
    "distributed_run",
    "fast_mode",
    "generator",
    "hypothesis_generators",
    "mixed_seed",
    "own_rows",
    "process",
    "project_root",
    "read_npy",
    "read_pickled_npz",
    "share_of_batch",
    "tour_source",
    "world_size",
    "written_whole",
]

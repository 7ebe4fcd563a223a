"""What several tests share and is no fixture: where things lie, a clone of the kit, weights in the
published layout.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
MINI = GOLDEN / "h36m_mini"  # a small set in the layout of Human3.6M's files
sys.path.insert(0, str(GOLDEN))
from weights import fill  # noqa: E402

# A room imports rooms of higher lines only; a wing (a folder) is entered by its door, its __init__.
LEVELS = (
    "support",
    "skeleton cameras",
    "columns layers widening",
    "data",
    "batches lifters diffusion denoiser settings scores keypoints",
    "losses",
    "model training sources",
    "sampling experiments",
    "films",
    "methods",
    "weights evaluation calibration prediction plots",
    "output explorer",
    "cli",
    "__init__ __main__",
)


def clone(folder):
    """What a fresh clone has, without weights and outputs that a developer's tree may hold."""
    for name in ("drpose_core", "notebooks"):
        shutil.copytree(
            ROOT / name,
            folder / name,
            ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
        )
    return folder


def published_state(lifter="dcgct", timesteps=1000):
    """A full published state dict by the rule of golden/weights.py; diffusion buffers from the
    schedule in float64.
    """
    state = {}
    curve = (
        np.cos((np.linspace(0, timesteps, timesteps + 1) / timesteps + 0.008) / 1.008 * np.pi * 0.5)
        ** 2
    )
    alphas = np.cumprod(1 - np.clip(1 - curve[1:] / curve[:-1], 0, 0.999))
    for name, shape, dtype in json.loads((GOLDEN / "state_dicts.json").read_text())[lifter]:
        if "." not in name:
            state[name] = (
                torch.from_numpy(alphas)
                if name == "alphas_cumprod"
                else torch.zeros(timesteps, dtype=torch.float64)
            )
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.zeros(shape, dtype=torch.int64)
        else:
            state[name] = torch.from_numpy(fill(name, shape))
        assert "." not in name or str(state[name].dtype) == f"torch.{dtype}"
    return state

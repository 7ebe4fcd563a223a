"""The four calibrated cameras of Human3.6M, as they stood for each of its subjects."""

import json
from functools import cache
from importlib.resources import files

import torch

from ..cameras import Camera, normalize_screen

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")


@cache
def h36m_cameras(subject: str = "S1") -> tuple[Camera, ...]:
    """The four cameras of Human3.6M as they stood for one subject (calibration published with
    VideoPose3D).
    """
    calibration = json.loads(files(__package__).joinpath("h36m_cameras.json").read_text())
    if subject not in SUBJECTS:
        raise ValueError(
            f"no camera calibration for subject {subject!r}: choose from {', '.join(SUBJECTS)}"
        )
    cameras = []
    for inner, outer in zip(calibration["intrinsics"], calibration["extrinsics"][subject]):
        width, height = inner["res_w"], inner["res_h"]
        focal = torch.tensor(inner["focal_length"]) * 2 / width
        center = normalize_screen(torch.tensor(inner["center"]), width, height)
        lens = torch.tensor(inner["radial_distortion"] + inner["tangential_distortion"])
        quaternion = torch.tensor(outer["orientation"])
        translation = torch.tensor(outer["translation"]) / 1000
        cameras.append(
            Camera(quaternion, translation, torch.cat([focal, center, lens]), width, height)
        )
    return tuple(cameras)

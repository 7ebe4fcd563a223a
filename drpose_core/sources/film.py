"""Motion in the world in front of the four Human3.6M cameras -> PoseSet; shared by the sources that
bring no images.
"""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch

from ..cameras import project, world_to_camera
from ..data import PoseSet
from ..skeleton import J
from .detector_model import detect
from .rig import h36m_cameras

FPS = 50  # frame numbers count at this rate, as in Human3.6M
KEYPOINTS = ("detected", "exact")


class Recording(NamedTuple):
    """One take: the 17 joints in the world (z up, metres, floor at 0) at the given frames of a 50
    Hz clock.
    """

    subject: str
    name: str  # what stands before the space is the action
    world: np.ndarray  # (T, J, 3)
    stride: int  # 50 Hz frames between two poses
    cameras: str  # the Human3.6M subject whose camera set-up films it


def film(
    recordings: Iterable[Recording], *, keypoints: str, seed: int, source: str, skeleton: str
) -> PoseSet:
    """Put recordings in front of four cameras; keypoints "exact" are projections, "detected" what
    detector.detect makes of them.

    Rows are ordered by recording, camera, frame. A recording's noise depends on (seed, its subject
    and name) alone.
    """
    if keypoints not in KEYPOINTS:
        raise ValueError(f"unknown keypoints {keypoints!r}: choose from {', '.join(KEYPOINTS)}")
    columns: dict[str, list[torch.Tensor]] = {
        name: []
        for name in (
            "kp2d",
            "pose3d",
            "root",
            "intrinsics",
            "action",
            "sequence",
            "frame",
            "confidence",
        )
    }
    actions, sequences = [], []
    for take in recordings:
        cameras = h36m_cameras(take.cameras)
        world = torch.from_numpy(take.world)
        pose = torch.stack(
            [world_to_camera(world, camera) for camera in cameras], dim=1
        )  # (T, 4, J, 3) float64
        intrinsics = torch.stack([camera.intrinsics for camera in cameras])
        kp2d = project(pose.transpose(0, 1), intrinsics.to(pose)).transpose(0, 1)
        confidence = torch.ones(kp2d.shape[:-1])
        if keypoints == "detected":
            rng = np.random.default_rng([seed, 1, crc32(f"{take.subject}/{take.name}".encode())])
            kp2d, confidence = (
                torch.from_numpy(x) for x in detect(kp2d.numpy(), take.stride / FPS, rng)
            )
        action = take.name.split(" ")[0]
        if action not in actions:
            actions.append(action)
        count, views = pose.shape[:2]
        columns["kp2d"].append(kp2d.transpose(0, 1).reshape(-1, J, 2).float())
        columns["pose3d"].append((pose - pose[:, :, :1]).transpose(0, 1).reshape(-1, J, 3).float())
        columns["root"].append(pose[:, :, 0].transpose(0, 1).reshape(-1, 3).float())
        columns["confidence"].append(confidence.transpose(0, 1).reshape(-1, J).float())
        columns["intrinsics"].append(intrinsics.repeat_interleave(count, dim=0))
        columns["sequence"].append(
            torch.arange(len(sequences), len(sequences) + views).repeat_interleave(count)
        )
        columns["action"].append(torch.full((count * views,), actions.index(action)))
        columns["frame"].append((torch.arange(count) * take.stride).repeat(views))
        sequences += [f"{take.subject}/{take.name}/{camera}" for camera in range(views)]
    texts = {"source": source, "keypoints": keypoints, "skeleton": skeleton}
    return PoseSet(
        **{name: torch.cat(parts) for name, parts in columns.items()},
        actions=actions,
        sequences=sequences,
        **texts,
    )

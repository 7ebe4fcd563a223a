"""A few minutes of real people, which come with the kit: recordings of CMU's database, converted.

People.npz beside this file holds points in the world, millimetres, 25 Hz; people.md has the terms.
benchmarks/embed_people.py made it.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from ..data import PoseSet
from ..support import read_npz
from .cmu import TERMS
from .film import film
from .motion import FPS, JOINT_KINDS, Recording, drawn_for, recording, resample

FILE = Path(__file__).with_name("people.npz")
RATE = 25  # poses per second
TESTED = ("07", "16")  # whom the default checkpoint has not seen


def people_poses(
    split: str = "test",
    *,
    cameras: str = "random",
    keypoints: str = "wild",
    joints: str = "coco",
    seed: int = 0,
    **filming,
) -> PoseSet:
    """Real people (CMU motion capture) walking, dancing, at sports: "train", or "test", which has
    other people.

    The defaults film them as the default checkpoint knows people: by random cameras, seen by the
    model of everyday detectors, joints where read_keypoints puts them. All else as in cmu_poses;
    every second frame of its 50 Hz is there. Raises ValueError for an unknown split or kind.
    """
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: choose train or test")
    if joints not in JOINT_KINDS:
        raise ValueError(f"unknown joints {joints!r}: choose from {', '.join(JOINT_KINDS)}")
    poses = film(
        _recordings(split == "test", joints, seed),
        keypoints=keypoints,
        cameras=cameras,
        seed=seed,
        **filming,
        source=f"real people (CMU mocap), {split} subjects, {cameras} cameras, 2D: {keypoints}",
        skeleton="CMU" if joints == "own" else "made of COCO's joints",
    )
    return replace(poses, terms=[TERMS["CMU"]] * len(poses.sequences))


def _recordings(tested: bool, joints: str, seed: int) -> Iterator[Recording]:
    for name, tracks in _tracks().items():
        subject, take = name.split("/")
        if (subject in TESTED) != tested:
            continue
        yaw, cameras = drawn_for(seed, subject, take)
        at_50 = resample(tracks, RATE, FPS)
        yield recording(
            subject,
            take,
            at_50[:, :17],
            face=at_50[:, 17],
            wrists=at_50[:, 18:],
            yaw=yaw,
            cameras=cameras,
            stride=FPS // RATE,
            kind=joints,
        )


@cache
def _tracks() -> dict[str, np.ndarray]:
    """The 17 joints, the face and both wrists of each take, (T, 20, 3) metres."""
    return {
        name: np.cumsum(steps, axis=0, dtype=np.int32) / 1000.0
        for name, steps in read_npz(FILE).items()
    }

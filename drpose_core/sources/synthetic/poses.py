"""The embedded default: an animated figure in front of the Human3.6M cameras. Made up, seeded, no
download; not human data.
"""

from collections.abc import Iterator

import numpy as np

from ...data import PoseSet
from ..film import film
from ..h36m import TEST_SUBJECTS, TRAIN_SUBJECTS
from ..motion import FPS, Recording
from ..rig import SUBJECTS
from .actions import ACTIONS
from .figure import draw_body, joints_in_motion
from .movement import mirror_motion

SPLITS = {"train": TRAIN_SUBJECTS, "test": TEST_SUBJECTS}


def synthetic_poses(
    split: str = "train",
    *,
    seed: int = 0,
    keypoints: str = "detected",
    stride: int = 5,
    seconds: float = 10.0,
    takes: int = 2,
) -> PoseSet:
    """Synthetic poses of the five training or the two test subjects: fifteen actions each, seen by
    four cameras.

    Recordings last the given seconds; every stride-th frame at 50 Hz is taken. The defaults give
    60,000 training and 24,000 test poses. keypoints: "detected" (the detector model, with
    confidence) or "exact". Subjects differ in their proportions. The same seed gives the same poses
    for both kinds of keypoints.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose from {', '.join(SPLITS)}")
    if stride < 1 or takes < 1 or seconds < 1:
        raise ValueError(
            f"stride and takes must be at least 1 and seconds at least 1, got {stride}, {takes} "
            f"and {seconds}"
        )
    source = f"synthetic figure (not human data), {split} subjects, seed {seed}, 2D: {keypoints}"
    recordings = _perform(split, seed, stride, seconds, takes)
    return film(
        recordings, keypoints=keypoints, seed=seed, source=source, skeleton="synthetic figure"
    )


def _perform(split: str, seed: int, stride: int, seconds: float, takes: int) -> Iterator[Recording]:
    t = np.arange(round(seconds * FPS)) / FPS
    for subject in SPLITS[split]:
        person = SUBJECTS.index(subject)
        body = draw_body(np.random.default_rng([seed, 2, person]))
        for number, (action, family) in enumerate(ACTIONS.items()):
            for take in range(takes):
                rng = np.random.default_rng([seed, 3, person, number, take])
                motion = family(rng, t, body)
                if rng.uniform() < 0.5:
                    motion = mirror_motion(motion)
                world = joints_in_motion(body, motion)[::stride]
                yield Recording(subject, f"{action} {take + 1}", world, stride, subject)

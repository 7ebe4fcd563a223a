"""The training or test poses of a source, by its name."""

from pathlib import Path

from ..data import PoseSet
from ..support import project_root
from .cmu import cmu_poses, cmu_subjects
from .h36m import TEST_SUBJECTS, TRAIN_SUBJECTS, h36m_poses
from .people import people_poses
from .synthetic import synthetic_poses

SOURCES = ("people", "synthetic", "cmu", "h36m")


def load_poses(
    source: str, split: str, folder: str | Path | None = None, *, keypoints: str | None = None
) -> PoseSet:
    """The training or test poses of a source, by its name. The two splits have different subjects.

    people and synthetic come with the kit; cmu and h36m read a folder (default data/). CMU subjects
    are split in the order of their names: the last fifth, at least one, is the test split.
    keypoints: None for detections; otherwise a value that the source's own function takes ("exact",
    or a file's name for h36m). Raises ValueError or FileNotFoundError, with a remedy.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown source {source!r}: choose from {', '.join(SOURCES)}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: choose train or test")
    kind = {} if keypoints is None else {"keypoints": keypoints}
    folder = Path(folder) if folder else project_root() / "data"
    if source == "people":
        return people_poses(split, **kind)
    if source == "synthetic":
        return synthetic_poses(split, **kind)
    if source == "h36m":
        return h36m_poses(
            folder, subjects=TRAIN_SUBJECTS if split == "train" else TEST_SUBJECTS, **kind
        )
    subjects = tuple(cmu_subjects(folder))
    if len(subjects) < 2:
        raise ValueError(
            f"{folder} has one subject, {subjects[0]}; training and testing need different ones: "
            "add another"
        )
    tests = max(1, len(subjects) // 5)
    return cmu_poses(
        folder, subjects=subjects[:-tests] if split == "train" else subjects[-tests:], **kind
    )

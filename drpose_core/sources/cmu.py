"""Real motion: ASF/AMC files of the motion capture databases of CMU and HDM05 -> the 17 joints, 50
Hz, in front of cameras.

CMU's files come from mocap.cs.cmu.edu (free for research; not to be resold), HDM05's from the
University of Bonn (CC BY-SA 3.0); data/README.md says how to get and cite them.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data import PoseSet
from .asf import REMEDY, read_amc, read_asf
from .asf_body import body, joint_positions
from .film import film
from .motion import JOINT_KINDS, Recording, drawn_for, not_human, recording, resample
from .rig import SUBJECTS

__all__ = ["cmu_poses", "cmu_subjects", "joint_positions", "read_amc", "read_asf", "recordings"]
CMU_FPS = 120
DATABASES = {
    "HDM05": "HDM05 mocap (CC BY-SA 3.0)",
    "CMU": "CMU mocap",
}
TERMS = {
    "HDM05": "HDM05: CC BY-SA 3.0",
    "CMU": "CMU mocap: free to use, not to be resold, credit asked for",
}


def cmu_poses(
    folder: str | Path,
    *,
    subjects: tuple[str, ...] | None = None,
    keypoints: str = "detected",
    cameras: str = "h36m",
    joints: str = "own",
    seed: int = 0,
    stride: int = 1,
    frame_rate: float | None = None,
    **filming,
) -> PoseSet:
    """Poses of all recordings below folder, in the layout of CMU and HDM05: AMC files beside the
    ASF file of their skeleton. Takes all subjects unless some are named, and every stride-th frame.

    Each recording is turned about the vertical by an angle drawn from seed, moved to the middle of
    the room, and filmed (see film): cameras "h36m" or "random"; keypoints "detected", "exact" or
    "wild"; filming: the options views, least_confidence and proportions. joints: "own" places the
    joints where the skeletons have them, "coco" where read_keypoints places them (docs/joints.md).
    frame_rate: that of the recordings; None takes the file's own rate, the number at the end of
    HDM05's names, or 120. A subject is the name of a skeleton, an action that of a recording, such
    as "02_01". Raises FileNotFoundError or ValueError that names the file, what is wrong with it
    and the remedy.
    """
    if stride < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    if joints not in JOINT_KINDS:
        raise ValueError(f"unknown joints {joints!r}: choose from {', '.join(JOINT_KINDS)}")
    if frame_rate is not None and not 1 <= frame_rate <= 1000:
        raise ValueError(f"frame_rate lies between 1 and 1000 frames per second, got {frame_rate}")
    found = cmu_subjects(folder)
    wanted = tuple(found) if subjects is None else subjects
    if not wanted:
        raise ValueError(f"no subject is named: {folder} has {', '.join(found)}")
    if missing := [s for s in wanted if s not in found]:
        raise FileNotFoundError(
            f"{folder} has no subject {', '.join(missing)} (it has {', '.join(found)}): {REMEDY}"
        )
    chosen = {name: found[name] for name in wanted}
    skeletons = [name for name in ("CMU", "HDM05") if any(database(s) == name for s in chosen)]
    who = "; ".join(
        f"{DATABASES[name]} {', '.join(s for s in chosen if database(s) == name)}"
        for name in skeletons
    )
    filmed = "filmed by Human3.6M cameras" if cameras == "h36m" else f"filmed by {cameras} cameras"
    poses = film(
        recordings(chosen, seed, stride, joints=joints, frame_rate=frame_rate),
        keypoints=keypoints,
        cameras=cameras,
        seed=seed,
        **filming,
        source=f"{who}, {filmed}, 2D: {keypoints}",
        skeleton=" + ".join(skeletons) if joints == "own" else "made of COCO's joints",
    )
    return replace(poses, terms=[TERMS[database(take.subject)] for take in poses.takes])


def database(subject: str) -> str:
    """The database that a subject's name is of: HDM05's begin with HDM."""
    return "HDM05" if re.search(r"(^|-)hdm", subject, re.IGNORECASE) else "CMU"


def cmu_subjects(folder: str | Path) -> dict[str, Path]:
    """Subject -> skeleton file, for every .asf below folder; where several files have one name, the
    subjects are told apart by their folders, as "a-01" and "b-01".

    Raises FileNotFoundError if there is none.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(
            f"{folder} is no folder: give the folder that holds NN/NN.asf and NN/NN_MM.amc (see "
            "data/README.md)"
        )
    files = _files(Path(folder).rglob("*"), ".asf")
    if not files:
        raise FileNotFoundError(
            f"{folder} holds no .asf skeleton: give the folder that holds NN/NN.asf and "
            "NN/NN_MM.amc (make tour SOURCE=cmu DATA=<folder>), "
            "or fetch some first: python -m drpose_core download-cmu data/cmu 02 16 35"
        )
    stems = [path.stem for path in files]
    found = {}
    for path in files:
        where = path.relative_to(folder).parent.parts
        where = where[:-1] if where and where[-1] == path.stem else where
        name = path.stem if stems.count(path.stem) == 1 else "-".join((*where, path.stem))
        if name in found:
            raise ValueError(
                f"{found[name]} and {path} are both subject {name}: give their folders other names"
            )
        found[name] = path
    return found


def recordings(
    skeletons: dict[str, Path],
    seed: int,
    stride: int,
    *,
    joints: str = "own",
    frame_rate: float | None = None,
) -> Iterator[Recording]:
    """The recordings of some subjects; see cmu_poses."""
    for subject, asf in skeletons.items():
        takes = _files(asf.parent.glob("*"), ".amc")
        if len(_files(asf.parent.glob("*"), ".asf")) > 1:
            takes = [path for path in takes if path.stem.startswith(f"{asf.stem}_")]
        if not takes:
            raise FileNotFoundError(
                f"{asf.parent} has a skeleton but no recording {asf.stem}_MM.amc: {REMEDY}"
            )
        skeleton = read_asf(asf)
        for amc in takes:
            motion = read_amc(amc, skeleton)
            person = body(skeleton, motion)
            if wrong := not_human(person.joints):
                raise ValueError(f"{amc} shows no human body, {wrong}: leave this file out")
            tracks = [person.joints, person.face[:, None]]
            tracks += [person.wrists] if person.wrists is not None else []
            rate = frame_rate or motion.rate or _rate(amc, subject)
            tracks = resample(np.concatenate(tracks, axis=1), rate)
            yaw, cameras = _heading(seed, subject, amc.stem)
            yield recording(
                subject,
                amc.stem,
                tracks[:, :17],
                face=tracks[:, 17],
                wrists=tracks[:, 18:] if person.wrists is not None else None,
                yaw=yaw,
                cameras=cameras,
                stride=stride,
                kind=joints,
            )


def _heading(seed: int, subject: str, take: str) -> tuple[float, str]:
    """Heading and cameras of a recording; those of subjects with a number come from the numbers."""
    if not subject.isdigit():
        return drawn_for(seed, subject, take)
    digits = [int(part) for part in take.split("_") if part.isdigit()]
    yaw = np.random.default_rng([seed, 4, *digits]).uniform(0, 2 * np.pi)
    return yaw, SUBJECTS[sum(digits[:1]) % len(SUBJECTS)]


def _rate(path: Path, subject: str) -> float:
    """Frames per second: at the end of HDM05's names, as HDM_bd_walk_01_120.amc; else 120."""
    last = path.stem.split("_")[-1]
    return float(last) if database(subject) == "HDM05" and last in ("60", "120") else CMU_FPS


def _files(paths, suffix: str) -> list[Path]:
    """Those with a suffix in small or capital letters, sorted; not the ._ files that macOS leaves
    in archives.
    """
    return sorted(p for p in paths if p.suffix.lower() == suffix and not p.name.startswith("."))

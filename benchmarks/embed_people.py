"""Makes drpose_core/sources/people.npz: a few thousand poses of CMU's recordings, converted.

python benchmarks/embed_people.py --data data/cmu

Of each subject's recordings, the few with the most movement, their middle seconds at 25 Hz: the 17
joints, the face and both wrists in the world, whole millimetres. Each frame is written as its
difference from the one before, which compresses well.
"""

from pathlib import Path

import numpy as np
import tyro

from drpose_core.skeleton import J
from drpose_core.sources.asf import read_amc, read_asf
from drpose_core.sources.asf_body import body
from drpose_core.sources.cmu import CMU_FPS, cmu_subjects, database
from drpose_core.sources.motion import resample
from drpose_core.sources.people import FILE, RATE, TESTED


def main(
    data: Path,
    out: Path = FILE,
    takes: int = 3,
    tested_takes: int = 6,
    seconds: float = 8.0,
) -> None:
    """Write the file.

    Args:
        data: Folder of CMU's recordings.
        out: The file.
        takes: Recordings of each subject.
        tested_takes: Recordings of each test subject.
        seconds: Of each recording.
    """
    found = {}
    for subject, asf in cmu_subjects(data).items():
        if database(subject) != "CMU" or not subject.isdigit():
            continue  # recordings whose number is not known are left out
        skeleton, moving = read_asf(asf), []
        for amc in sorted(asf.parent.glob("*.amc")):
            person = body(skeleton, read_amc(amc, skeleton))
            if person.wrists is None:
                continue
            tracks = np.concatenate([person.joints, person.face[:, None], person.wrists], axis=1)
            tracks = resample(tracks, CMU_FPS, RATE)
            spare = max(0, len(tracks) - round(seconds * RATE)) // 2
            tracks = tracks[spare : spare + round(seconds * RATE)]
            relative = tracks[:, :J] - tracks[:, :1]
            moving.append((relative.std(0).mean(), amc.stem, tracks))
        moving.sort(key=lambda take: take[0], reverse=True)
        for _, name, tracks in moving[: tested_takes if subject in TESTED else takes]:
            found[f"{subject}/{name}"] = whole_millimetres(tracks)
    np.savez_compressed(out, **found)
    poses = sum(len(steps) for steps in found.values())
    print(f"{out}: {poses} poses of {len(found)} takes, {out.stat().st_size / 1e6:.2f} MB")


def whole_millimetres(tracks: np.ndarray) -> np.ndarray:
    """(T, 20, 3) metres -> int16, the first frame and then the differences."""
    points = np.round(1000 * (tracks - tracks[:1, :1] * [1, 1, 0])).astype(np.int32)
    steps = np.diff(points, axis=0, prepend=np.zeros_like(points[:1]))
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        raise ValueError("a joint moves more than 32 m from frame to frame")
    return steps.astype(np.int16)


if __name__ == "__main__":
    tyro.cli(main)

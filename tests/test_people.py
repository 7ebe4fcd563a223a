"""The embedded people: who is in which split, and that they are CMU's recordings."""

from pathlib import Path

import pytest
import torch

import drpose_core as dr
from drpose_core.skeleton import bone_lengths
from drpose_core.sources.motion import not_human
from drpose_core.sources.people import FILE, TESTED, _tracks

MOTION = Path(__file__).parents[2] / "shared" / "motion" / "cmu"


def test_the_splits_have_other_people():
    train, test = (dr.people_poses(split, views=1) for split in ("train", "test"))
    assert set(test.subjects()) == set(TESTED) and not {*train.subjects()} & set(TESTED)
    assert len(train.subjects()) == 14 and len(train) > 3000 and len(test) > 800
    assert dr.load_poses("people", "test").describe() == dr.people_poses().describe()
    assert "real people" in test.source and test.keypoints == "wild"


def test_they_are_human_and_their_bones_keep_their_lengths():
    for name, tracks in _tracks().items():
        assert not_human(tracks[:, :17]) is None, name
        lengths = bone_lengths(torch.from_numpy(tracks[:, :17]))
        rigid = [1, 2, 4, 5, 11, 12, 14, 15]  # limbs
        assert (lengths.std(0)[rigid] < 0.002).all(), name  # rounding to millimetres


def test_frames_are_every_second_of_50_hz():
    poses = dr.people_poses(cameras="h36m", keypoints="exact", joints="own")
    same = poses.sequence[1:] == poses.sequence[:-1]
    assert (poses.frame.diff()[same] == 2).all()
    speed = (poses.pose3d.diff(dim=0)[same] * 25).norm(dim=-1)
    assert 0.05 < speed.mean() < 3  # metres a second, relative to the hip


def test_terms_stand_beside_the_file():
    text = FILE.with_suffix(".md").read_text()
    assert "mocap.cs.cmu.edu" in text and "NSF EIA-0196217" in text
    poses = sum(len(x) for x in _tracks().values())
    assert f"{poses:,} poses of {len({n.split('/')[0] for n in _tracks()})} people" in text
    assert FILE.stat().st_size < 3e6


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="choose train or test"):
        dr.people_poses("val")
    with pytest.raises(ValueError, match="unknown joints"):
        dr.people_poses(joints="hands")
    with pytest.raises(ValueError, match="unknown cameras"):
        dr.people_poses(cameras="phone")


@pytest.mark.skipif(not MOTION.is_dir(), reason="CMU's own files are not here")
def test_they_are_the_recordings():
    """Against a second reading of the files: the same bones, and the same movement."""
    poses = dr.cmu_poses(MOTION, subjects=("07",), cameras="h36m", keypoints="exact")
    names = [name for name in _tracks() if name.startswith("07/")]
    assert names
    for name in names:
        take = next(i for i, s in enumerate(poses.sequences) if s.startswith(name))
        original = poses.pose3d[poses.sequence == take]
        kept = torch.from_numpy(_tracks()[name][:, :17]).float()
        difference = bone_lengths(original).mean(0) - bone_lengths(kept).mean(0)
        assert difference.abs().max() < 0.003, name
        # each kept pose is one of the recording's: distances of joints know no turn
        apart = torch.cdist(*2 * (kept[::50],))
        every = torch.cdist(original, original)
        nearest = torch.cdist(apart.flatten(1), every.flatten(1)).amin(1) / 17
        assert nearest.max() < 0.01, name

"""PoseSet and batches: what an index, a mirror, a file and an epoch must keep."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch

import drpose_core as dr

COLUMNS = ("kp2d", "pose3d", "root", "intrinsics", "action", "sequence", "frame", "confidence")


def same(a, b):
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in COLUMNS) and (
        a.actions,
        a.sequences,
    ) == (b.actions, b.sequences)


def test_any_index_gives_a_smaller_set(poses):
    for index in (slice(3, 9), torch.tensor([5, 2, 2]), torch.arange(len(poses)) % 2 == 0, [1, 4]):
        part = poses[index]
        assert (
            torch.equal(part.pose3d, poses.pose3d[index])
            and torch.equal(part.frame, poses.frame[index])
            and len(part) == len(part.kp2d)
        )
    assert len(poses[3]) == 1 and torch.equal(poses[3].kp2d[0], poses.kp2d[3])
    assert len(poses[:0]) == 0


def test_only_the_eight_named_columns_are_needed(poses):
    names = COLUMNS[:-1]
    bare = dr.PoseSet(**{name: getattr(poses, name) for name in names}, actions=poses.actions)
    assert (
        bare.confidence is None
        and len(bare.flipped()[:2]) == 2
        and len(bare.sequences) == int(poses.sequence.max()) + 1
    )


def test_mirroring_twice_is_nothing_and_once_keeps_the_camera_right(poses):
    assert same(poses.flipped().flipped(), poses)
    exact = dr.synthetic_poses("test", stride=25, seconds=2, takes=1, keypoints="exact").flipped()
    assert torch.allclose(
        dr.project(exact.pose3d + exact.root[:, None], exact.intrinsics), exact.kp2d, atol=1e-5
    )


def test_a_file_keeps_everything_without_pickles(poses, tmp_path):
    poses.save(tmp_path / "a.npz")
    again = dr.PoseSet.load(tmp_path / "a.npz")
    assert same(again, poses) and again.source == poses.source
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert not any(file[name].dtype.hasobject for name in file.files)
    without = dataclasses.replace(poses, confidence=None)
    without.save(tmp_path / "a.npz")
    assert dr.PoseSet.load(tmp_path / "a.npz").confidence is None
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_an_epoch_is_every_pose_and_its_mirror_image_once(poses):
    order = []
    for batch in dr.batches(poses, 100, shuffle=True, augment=True, generator=dr.generator(3)):
        assert len(batch) <= 100
        order.append(
            torch.cat(
                [
                    batch.pose3d.flatten(1),
                    batch.root,
                    batch.intrinsics,
                    batch.kp2d.flatten(1),
                    batch.confidence,
                ],
                1,
            )
        )
    got = torch.cat(order)
    both = [
        torch.cat([p.pose3d.flatten(1), p.root, p.intrinsics, p.kp2d.flatten(1), p.confidence], 1)
        for p in (poses, poses.flipped())
    ]

    def sort(rows):
        return np.array(sorted(map(tuple, rows.tolist())))

    assert np.array_equal(sort(got), sort(torch.cat(both)))


def test_order_follows_the_generator(poses):
    first = [b.frame for b in dr.batches(poses, 64, shuffle=True, generator=dr.generator(1))]
    again = [b.frame for b in dr.batches(poses, 64, shuffle=True, generator=dr.generator(1))]
    other = [b.frame for b in dr.batches(poses, 64, shuffle=True, generator=dr.generator(2))]
    assert all(torch.equal(a, b) for a, b in zip(first, again)) and not torch.equal(
        first[0], other[0]
    )
    assert torch.equal(torch.cat([b.frame for b in dr.batches(poses, 64)]), poses.frame)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; none here")
def test_everything_moves_to_the_gpu(poses):
    there = poses.to("cuda")
    assert all(getattr(there, name).is_cuda for name in COLUMNS) and same(
        there.flipped().to("cpu"), poses.flipped()
    )


def test_a_set_without_ground_truth_is_whole(poses, tmp_path):
    blind = replace(poses[:6], pose3d=None, root=None, person=torch.arange(6))
    assert not blind.has_truth and poses.has_truth
    assert torch.equal(blind.flipped().flipped().kp2d, blind.kp2d)
    batch = next(dr.batches(blind, 4, augment=True))
    assert batch.pose3d is None and torch.equal(batch.person, torch.arange(4))
    blind.save(tmp_path / "blind.npz")
    again = dr.PoseSet.load(tmp_path / "blind.npz")
    assert not again.has_truth and torch.equal(again.person, blind.person)
    assert torch.equal(again[2:].kp2d, blind.kp2d[2:])


def test_a_sequence_says_who_what_and_which_camera(poses):
    named = replace(poses[:2], sequences=["S9/Walking 1/2", "plain"], sequence=torch.tensor([0, 1]))
    assert named.takes == [("S9", "Walking 1", "2"), ("plain", "", "0")]
    assert named.takes[0].camera == "2"

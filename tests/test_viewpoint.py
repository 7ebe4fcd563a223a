"""Redrawing pictures for a training camera: exact, reversible, the same wherever the person was in
the picture.
"""

import math

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.keypoints.viewpoint import (
    FOCAL,
    MIDDLE,
    SIZE,
    picture_frame,
    pinhole,
    training_view,
)


@pytest.fixture
def people(poses):
    """Somebody a few metres ahead, float64: (24, 17, 3)."""
    return (poses.pose3d[:: len(poses) // 24][:24] + torch.tensor([0.4, -0.3, 4.5])).double()


def axis_rotation(x, y, z):
    """Degrees about the axes, one after the other, from the definition."""
    turn = torch.eye(3, dtype=torch.float64)
    for axis, degrees in enumerate((x, y, z)):
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        one = torch.eye(3, dtype=torch.float64)
        i, j = [k for k in range(3) if k != axis]
        one[i, i] = one[j, j] = c
        one[i, j], one[j, i] = -s, s
        turn = one @ turn
    return turn


@pytest.mark.parametrize("angle", [30, 47, 90, 120])
def test_a_turned_and_zoomed_camera_sees_what_is_redrawn(people, angle):
    """By its rotation and its focal length the training camera projects the same people to the same
    picture: no perspective has changed.
    """
    camera = pinhole(16, 9, angle).double()
    people = people @ axis_rotation(8, -12, 3).T  # somewhere off the middle
    view = training_view(dr.project(people, camera), camera)
    if angle <= 90:  # project stops at 45 degrees from the axis
        again = dr.project(torch.einsum("nij,nkj->nki", view.rotation, people), view.intrinsics)
        assert torch.allclose(again, view.kp2d, atol=1e-9)
    assert torch.allclose(
        view.rotation @ view.rotation.transpose(1, 2),
        torch.eye(3, dtype=torch.float64).expand(24, 3, 3),
        atol=1e-9,
    )
    assert torch.allclose(torch.linalg.det(view.rotation), torch.ones(24, dtype=torch.float64))
    back = picture_frame(torch.einsum("nij,nkj->nki", view.rotation, people), view.rotation)
    assert torch.allclose(back, people, atol=1e-9)


def test_people_come_to_the_middle_in_a_usual_size(people):
    near, far = people - torch.tensor([0, 0, 2.5]), people + torch.tensor([6.0, -3, 30])
    camera = pinhole(1, 1, 80).double()
    for group in (near, people, far):
        view = training_view(dr.project(group, camera), camera)
        assert torch.allclose(
            view.kp2d.mean(1), torch.tensor(MIDDLE).double().expand(24, 2), atol=0.02
        )
        size = (view.kp2d - view.kp2d.mean(1, keepdim=True)).square().sum(-1).mean(-1).sqrt()
        assert size.min() > SIZE[0] - 0.01 and size.max() < SIZE[1] + 0.01
    usual = training_view(dr.project(people, pinhole(1, 1).double()), pinhole(1, 1).double())
    assert (usual.intrinsics[:, 0] / FOCAL - 1).abs().median() < 0.1, (
        "people at the usual distance are hardly zoomed"
    )


def test_where_the_person_stood_in_the_picture_does_not_matter(people):
    """Level cameras that pan: the redrawn pictures are the same, and so the poses, each in its own
    frame.
    """
    camera = pinhole(4, 3, 75).double()
    views = [
        training_view(dr.project(people @ axis_rotation(0, pan, 0).T, camera), camera)
        for pan in (-20, 0, 14)
    ]
    for view in views[1:]:
        assert torch.allclose(view.kp2d, views[0].kp2d, atol=1e-9)


def test_mirror(people):
    """The picture in a mirror is redrawn as the mirror of the picture redrawn, but for the middle,
    which is not at 0.
    """
    camera = pinhole(4, 3, 60).double()
    kp2d = dr.project(people, camera)
    poses = [training_view(x, camera) for x in (kp2d, dr.flip(kp2d))]
    a, b = poses[0].kp2d, dr.flip(poses[1].kp2d)
    assert torch.allclose(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True), atol=0.02)


def test_a_lens_is_taken_out(people):
    camera = pinhole(1, 1).double()
    camera[4:6] = torch.tensor([-0.2, 0.24])
    plain = camera.clone()
    plain[4:] = 0
    assert torch.allclose(
        training_view(dr.project(people, camera), camera).kp2d,
        training_view(dr.project(people, plain), plain).kp2d,
        atol=1e-5,
    )


def test_the_root_is_found_again_through_the_view(people):
    """estimate_root in the training camera, turned back, is where the person stands; with a wrong
    field of view, off in proportion.
    """
    camera = pinhole(16, 9, 70).double()
    people = people @ axis_rotation(-6, 15, 0).T
    kp2d = dr.project(people, camera)
    pose = people - people[:, :1]
    view = training_view(kp2d, camera)
    root = picture_frame(
        dr.estimate_root(
            torch.einsum("nij,nkj->nki", view.rotation, pose), view.kp2d, view.intrinsics
        ),
        view.rotation,
    )
    assert torch.allclose(root, people[:, 0], atol=1e-6)
    assumed = training_view(kp2d, pinhole(16, 9, 47).double())
    wrong = dr.estimate_root(
        torch.einsum("nij,nkj->nki", assumed.rotation, pose), assumed.kp2d, assumed.intrinsics
    )
    ratio = wrong.norm(dim=-1) / people[:, 0].norm(dim=-1)
    focal = math.tan(math.radians(35)) / math.tan(math.radians(23.5))
    assert (ratio / focal - 1).abs().max() < 0.25


def test_pinhole_and_camera_matrix_agree(poses):
    """The angle lies over the longer side, lying or upright; the same camera as a matrix in pixels
    gives the same poses.
    """
    for width, height in ((1920, 1080), (1080, 1920), (500, 500)):
        edge = pinhole(width, height, 60)
        longer = max(width, height) / width
        assert math.degrees(2 * math.atan(longer / float(edge[0]))) == pytest.approx(60, abs=1e-4)
        focal = max(width, height) / 2 / math.tan(math.radians(30))
        matrix = [[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]
        pixels = dr.screen_to_pixels(poses.kp2d[:4] * 0.4, width, height).numpy()
        keypoints = dr.read_keypoints(pixels, format="h36m17", image_size=(width, height))
        one, other = keypoints.poses(field_of_view=60), keypoints.poses(camera_matrix=matrix)
        assert torch.allclose(one.kp2d, other.kp2d, atol=1e-5) and torch.allclose(
            one.rotation, other.rotation, atol=1e-5
        )


def test_rotation_travels_with_the_set(poses, tmp_path):
    pixels = dr.screen_to_pixels(poses.kp2d[:6], 1000, 1000).numpy()
    made = dr.read_keypoints(pixels, format="h36m17", image_size=(1000, 1000)).poses()
    made.save(tmp_path / "own.npz")
    again = dr.PoseSet.load(tmp_path / "own.npz")
    assert (
        torch.equal(again.rotation, made.rotation)
        and again.keypoints == "h36m17"
        and len(made[2:4].rotation) == 2
    )
    mirror = torch.tensor([-1.0, 1, 1])
    direction = torch.tensor(np.random.default_rng(0).normal(size=(6, 3)), dtype=torch.float32)
    there = torch.einsum("nij,nj->ni", made.rotation, direction) * mirror
    assert torch.allclose(
        torch.einsum("nij,nj->ni", made.flipped().rotation, direction * mirror), there, atol=1e-6
    )
    assert torch.equal(made.flipped().flipped().rotation, made.rotation)

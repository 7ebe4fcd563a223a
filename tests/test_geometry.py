"""Skeleton and cameras against slow re-derivations and invariances."""

import math

import numpy as np
import torch

import drpose_core as dr
from drpose_core.cameras import camera_to_world, flip_intrinsics, rotate, world_to_camera
from drpose_core.skeleton import BONES, H36M_32, LEFT, RIGHT, bone_lengths
from drpose_core.sources.rig import SUBJECTS


def random_poses(n, seed=0):
    return 0.4 * torch.randn(n, 17, 3, generator=dr.generator(seed), dtype=torch.float64)


def test_skeleton_is_a_tree_with_two_alike_halves():
    assert len(BONES) == 16 and {child for _, child in BONES} == set(range(1, 17))
    swap = dict(zip(LEFT + RIGHT, RIGHT + LEFT))
    assert {(swap.get(i, i), swap.get(j, j)) for i, j in BONES} == set(BONES)
    assert all(
        ("left" in name) == (j in LEFT) and ("right" in name) == (j in RIGHT)
        for j, name in enumerate(dr.JOINTS)
    )
    assert len(set(H36M_32)) == 17


def test_flip_mirrors_and_swaps():
    pose = random_poses(3)
    flipped = dr.flip(pose)
    for joint in range(17):
        other = dict(zip(LEFT + RIGHT, RIGHT + LEFT)).get(joint, joint)
        assert torch.equal(flipped[:, joint], pose[:, other] * torch.tensor([-1.0, 1, 1]))
    assert torch.equal(dr.flip(flipped), pose)
    lengths = dict(zip((c for _, c in BONES), bone_lengths(pose).T))
    mirrored = dict(zip((c for _, c in BONES), bone_lengths(flipped).T))
    assert torch.allclose(lengths[13], mirrored[16])


def test_projection_of_the_mirrored_world_is_the_mirrored_projection():
    points = random_poses(4) + torch.tensor([0.2, -0.1, 4.5])
    intrinsics = dr.h36m_cameras("S9")[1].intrinsics.double()
    assert torch.allclose(
        dr.project(dr.flip(points), flip_intrinsics(intrinsics)),
        dr.flip(dr.project(points, intrinsics)),
    )


def test_projection_by_hand():
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = values = (
        2.2,
        2.3,
        0.02,
        -0.01,
        -0.2,
        0.24,
        -0.01,
        -0.001,
        -0.002,
    )
    x, y, z = 0.7, -0.9, 4.0
    px, py = x / z, y / z
    r2 = px * px + py * py
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    tangential = p1 * px + p2 * py
    expected = [
        fx * (px * (radial + tangential) + p1 * r2) + cx,
        fy * (py * (radial + tangential) + p2 * r2) + cy,
    ]
    own = dr.project(
        torch.tensor([[x, y, z]], dtype=torch.float64), torch.tensor(values, dtype=torch.float64)
    )
    assert torch.allclose(own[0], torch.tensor(expected, dtype=torch.float64))


def test_projection_takes_one_camera_per_pose():
    points = random_poses(4) + torch.tensor([0, 0, 4.5])
    intrinsics = torch.stack([camera.intrinsics for camera in dr.h36m_cameras("S1")]).double()
    together = dr.project(points, intrinsics)
    hypotheses = dr.project(points[:, None].expand(-1, 3, -1, -1), intrinsics)
    for n in range(4):
        assert torch.allclose(together[n], dr.project(points[n], intrinsics[n]))
        assert torch.equal(hypotheses[n, 2], together[n])


def test_world_and_camera_frames_are_inverse_and_rigid():
    world = random_poses(5)
    for subject in SUBJECTS:
        for camera in dr.h36m_cameras(subject):
            seen = world_to_camera(world, camera)
            assert torch.allclose(camera_to_world(seen, camera), world, atol=1e-6)
            assert torch.allclose(bone_lengths(seen), bone_lengths(world), atol=1e-6)
            # Upright people stand upright: the world's up is the camera's -y, within the tilt of a
            # surveillance view.
            up = world_to_camera(torch.tensor([[0.0, 0, 1]]), camera) - world_to_camera(
                torch.zeros(1, 3), camera
            )
            assert up[0, 1] < -0.9


def test_rotation_by_matrix():
    q = torch.nn.functional.normalize(
        torch.randn(4, generator=dr.generator(3), dtype=torch.float64), dim=0
    )
    w, x, y, z = q.tolist()
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    points = random_poses(2)
    assert np.allclose(rotate(points, q).numpy(), points.numpy() @ matrix.T)


def test_screen_units():
    pixels = torch.tensor([[0.0, 0.0], [1000.0, 1002.0], [500.0, 501.0]])
    screen = dr.normalize_screen(pixels, 1000, 1002)
    assert torch.allclose(screen, torch.tensor([[-1, -1.002], [1, 1.002], [0, 0]]), atol=1e-6)
    assert torch.allclose(dr.screen_to_pixels(screen, 1000, 1002), pixels, atol=1e-3)
    # a detector's array
    assert torch.equal(dr.normalize_screen(pixels.double().numpy(), 1000, 1002), screen)
    assert math.isclose(
        dr.h36m_cameras("S1")[0].intrinsics[0].item(), 2 * 1145.0494384765625 / 1000, rel_tol=1e-6
    )

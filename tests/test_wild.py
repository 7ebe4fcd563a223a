"""Random cameras and everyday detectors: geometry that can be computed otherwise, errors of the
promised size, and pictures that look as read_keypoints would hand them over.
"""

import warnings

import numpy as np
import pytest
import tiny_cmu
import torch

import drpose_core as dr
from drpose_core.keypoints import FORMATS, to_h36m
from drpose_core.skeleton import bone_lengths
from drpose_core.sources import film as filming
from drpose_core.sources.bodies import other_proportions
from drpose_core.sources.joints import coco_joints, coco_points
from drpose_core.sources.random_rig import DISTANCE, FIELD_OF_VIEW, HEIGHT, random_shots
from drpose_core.sources.wild_detector import NAMES, detect_wild, hides


@pytest.fixture(scope="module")
def figure():
    """The synthetic figure as recordings, (T, 17, 3) each."""
    from drpose_core.sources.synthetic.poses import _perform

    return list(_perform("test", 0, 5, 2, 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("cmu")
    for subject in ("07", "08"):
        tiny_cmu.write_subject(place, subject, takes=1, frames=301)
    return place


def test_cameras_stand_where_they_are_said_to(figure):
    shots = [
        random_shots(take.world, 10, 4, np.random.default_rng(n)) for n, take in enumerate(figure)
    ]
    for shot, take in zip(shots, figure):
        turn = shot.axes @ shot.axes.transpose(0, 2, 1)
        assert np.allclose(turn, np.eye(3), atol=1e-9) and (np.linalg.det(shot.axes) > 0.99).all()
        floor = take.world[..., 2].min()
        assert (shot.eye[:, 2] > floor + HEIGHT[0] - 0.2).all()
        assert (shot.eye[:, 2] < floor + HEIGHT[1] + 0.2).all()
    focal = np.concatenate([s.focal * s.picture[:, 0] / s.picture.max(-1) for s in shots])
    angle = 2 * np.degrees(np.arctan(1 / focal))
    assert angle.min() >= FIELD_OF_VIEW[0] and angle.max() <= FIELD_OF_VIEW[1]
    assert np.ptp(angle) > 40
    away = [
        np.linalg.norm(
            (take.world[shot.frame[len(shot.frame) // 2]].mean(1) - shot.eye)[:, :2], axis=-1
        )
        for shot, take in zip(shots, figure)
    ]
    away = np.concatenate(away)
    assert away.min() > DISTANCE[0] - 1e-6 and away.max() < DISTANCE[1] + 1e-6 and np.ptp(away) > 8
    tilt = np.degrees(np.arcsin(np.concatenate([s.axes[:, 0, 2] for s in shots])))
    assert 2 < np.median(np.abs(tilt)) < 6 and np.abs(tilt).max() > 12  # of the picture's horizon


def test_every_pose_of_a_recording_is_seen_by_every_view_once(figure):
    take = figure[0]
    shot = random_shots(take.world, 6, 3, np.random.default_rng(0))
    seen = np.sort(shot.frame[shot.there])
    assert np.array_equal(seen, np.repeat(np.arange(len(take.world)), 3))


def test_exact_keypoints_of_random_cameras_are_projections(folder):
    poses = dr.cmu_poses(folder, cameras="random", keypoints="exact")
    again = dr.project(poses.pose3d + poses.root[:, None], poses.intrinsics)
    assert (again - poses.kp2d).abs().max() < 1e-4
    assert torch.allclose(poses.rotation @ poses.rotation.transpose(1, 2), torch.eye(3), atol=1e-5)
    assert poses.root[:, 2].min() > 0.3
    own = dr.cmu_poses(folder, keypoints="exact")  # the same bodies, other cameras
    assert torch.allclose(
        torch.cdist(poses.pose3d, poses.pose3d)[:, 1, 13].sort().values,
        torch.cdist(own.pose3d, own.pose3d)[:, 1, 13].sort().values,
        atol=1e-4,
    )


def test_a_recording_is_filmed_alike_whatever_else_is_loaded(folder):
    options = {"cameras": "random", "keypoints": "wild", "joints": "coco"}
    both, one = dr.cmu_poses(folder, **options), dr.cmu_poses(folder, subjects=("08",), **options)
    rows = torch.tensor([both.sequences[s].startswith("08") for s in both.sequence])
    assert torch.equal(both.kp2d[rows], one.kp2d) and torch.equal(both.pose3d[rows], one.pose3d)
    shots = {name.split("/")[0] for name in both.sequences}
    assert len(both.sequences) == len(shots) * 2 * 4  # 126 frames are two shots, four views each
    other = dr.cmu_poses(folder, subjects=("08",), seed=1, **options)
    assert len(other) != len(one) or not torch.allclose(other.kp2d, one.kp2d)


def test_wild_pictures_are_those_that_read_keypoints_would_give(folder, monkeypatch):
    """The same COCO points, through the kit's reader one person at a time."""
    given = []

    def noted(points, screen, picture, seconds, rng):
        seen, confidence = detect_wild(points, screen, picture, seconds, rng)
        given.append((seen, confidence, picture))
        return seen, confidence

    monkeypatch.setattr(filming, "detect_wild", noted)
    poses = dr.cmu_poses(
        folder, subjects=("07",), cameras="random", keypoints="wild", joints="coco"
    )
    seen, confidence, picture = given[0]
    checked = 0
    for row in range(0, len(poses), 37):
        number, frame = int(poses.sequence[row]), int(poses.frame[row])
        first = poses.frame[poses.sequence == number].min() // 100 * 100  # of two seconds
        at = frame - int(first)
        width, height = (int(x) for x in picture[number])
        pixels = (seen[at, number] + [1, height / width]) * width / 2
        person = np.concatenate([pixels, confidence[at, number][:, None]], axis=-1)
        person[confidence[at, number] < 0.15] = np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            read = dr.read_keypoints(person, image_size=(width, height), format="coco17")
        assert np.allclose(read.confidence[0], poses.confidence[row], atol=1e-5)
        own = poses[row].rotation[0]
        focal = float(poses.intrinsics[row, 0])
        rays = torch.cat([poses.kp2d[row] / focal, torch.ones(17, 1)], dim=1) @ own
        there = torch.from_numpy(read.kp2d[0]) * 2 / width - torch.tensor([1, height / width])
        scale = (rays[:, :2] / rays[:, 2:] / there).median()
        wrong = (rays[:, :2] / rays[:, 2:] - scale * there).abs().max()
        assert wrong < 2e-3, row
        checked += 1
    assert checked > 5


def test_other_proportions_change_lengths_and_nothing_else(figure):
    pose = np.stack([take.world[:20] for take in figure], axis=1)  # every recording a shot
    coco = np.stack([coco_points(take.world)[:20] for take in figure], axis=1)
    joints = coco_joints(coco)
    rng = np.random.default_rng(0)
    moved_joints, moved = other_proportions(joints, coco, 0.1, rng)
    at = NAMES.index
    for a, b in (("hip", "knee"), ("knee", "foot"), ("shoulder", "elbow"), ("elbow", "wrist")):
        sides = []
        for side in ("left", "right"):
            before, after = (
                x[..., at(f"{side} {b}"), :] - x[..., at(f"{side} {a}"), :] for x in (coco, moved)
            )
            factor = np.linalg.norm(after, axis=-1) / np.linalg.norm(before, axis=-1)
            assert np.allclose(after, factor[..., None] * before)  # its direction stays
            assert np.allclose(factor, factor[:1])  # one body a shot
            sides.append(factor[0])
        assert np.allclose(*sides) and np.ptp(sides[0]) > 0.05  # both sides alike, shots not
    hips = [at("left hip"), at("right hip")]
    assert np.allclose(moved[..., hips, :].mean(-2), coco[..., hips, :].mean(-2))
    assert np.allclose(moved_joints, coco_joints(moved))  # the joints that a picture of it gives
    same = other_proportions(pose, coco, 0.0, rng)
    assert np.allclose(same[0], pose) and np.allclose(same[1], coco)


def test_shots_of_other_bodies_are_filmed_consistently(folder):
    how = {"cameras": "random", "keypoints": "exact", "joints": "coco"}
    plain, other = (dr.cmu_poses(folder, **how, proportions=p) for p in (0.0, 0.1))
    assert len(plain) == len(other) and torch.equal(plain.frame, other.frame)
    seen = dr.project(other.pose3d + other.root[:, None], other.intrinsics)
    assert torch.allclose(seen, other.kp2d, atol=1e-4)
    ratio = bone_lengths(other.pose3d)[:, 4] / bone_lengths(plain.pose3d)[:, 4]
    for number in other.sequence.unique():
        assert torch.allclose(*ratio[other.sequence == number].aminmax(), atol=1e-4)
    assert 0.05 < ratio.std() < 0.2


def test_coco_s_points_make_the_joints_that_pictures_make(figure):
    world = figure[0].world
    points = coco_points(world)
    made = coco_joints(points)
    flat = np.stack([points[..., 0], points[..., 2]], axis=-1)  # seen from far away
    wanted = to_h36m(flat, np.ones(flat.shape[:-1]), "coco17")[0]
    assert np.allclose(np.stack([made[..., 0], made[..., 2]], axis=-1), wanted)
    for name in ("left knee", "right foot", "left elbow", "right wrist"):
        j = dr.JOINTS.index(name)
        assert np.array_equal(points[:, FORMATS["coco17"].joints.index(name)], world[:, j])
    assert np.abs(made[:, 0] - world[:, [1, 4]].mean(1)).max() < 1e-9


def test_the_face_looks_forward_and_left_is_left(figure):
    for take in figure[:6]:
        points = dict(zip(NAMES, np.moveaxis(coco_points(take.world), 1, 0)))
        shoulders = points["left shoulder"] - points["right shoulder"]
        up = take.world[:, 8] - take.world[:, 0]
        forward = np.cross(shoulders, up)
        ears = points["left ear"] - points["right ear"]
        assert ((ears * shoulders).sum(-1) > 0).all()
        ahead = points["nose"] - (points["left ear"] + points["right ear"]) / 2
        assert ((ahead * forward).sum(-1) > 0).all()
        assert np.allclose(np.linalg.norm(ahead, axis=-1), np.linalg.norm(ahead[0]), rtol=0.05)
    face = np.tile([0.0, 1.0, 0.0], (len(world := figure[0].world), 1))
    upright = np.abs(world[:, 10] - world[:, 9])[:, :2].sum(-1) < 0.02
    ahead = coco_points(world, face)[:, 0] - world[:, 10]
    assert (ahead[upright, 1] > 0).all()


def test_widths_no_human_has_are_mended_and_others_kept(figure):
    world = figure[0].world
    same = coco_points(world)
    wide = world.copy()
    middle = wide[:, [11, 14]].mean(1, keepdims=True)
    wide[:, [11, 14]] = middle + 3 * (wide[:, [11, 14]] - middle)
    leg = np.linalg.norm(world[0, 4] - world[0, 5]) + np.linalg.norm(world[0, 5] - world[0, 6])
    points = coco_points(wide)
    k = [NAMES.index("left shoulder"), NAMES.index("right shoulder")]
    width = np.median(np.linalg.norm(points[:, k[0]] - points[:, k[1]], axis=-1)) / leg
    assert width == pytest.approx(0.48) and not np.allclose(points[:, k], same[:, k])


def test_a_body_hides_what_is_behind_it():
    """Somebody side-on: the far arm and the far hip are behind the trunk, nothing of the near side
    is hidden.
    """
    at = {
        "nose": (-0.1, -0.65, 3), "left eye": (-0.09, -0.68, 2.97), "right eye": (-0.09, -0.68, 3.03),
        "left ear": (0, -0.66, 2.92), "right ear": (0, -0.66, 3.08),
        "left shoulder": (0, -0.45, 2.82), "right shoulder": (0, -0.45, 3.18),
        "left elbow": (0, -0.2, 2.8), "right elbow": (0, -0.2, 3.2),
        "left wrist": (-0.25, -0.2, 2.8), "right wrist": (-0.25, -0.2, 3.2),
        "left hip": (0, 0, 2.9), "right hip": (0, 0, 3.1), "left knee": (0.1, 0.4, 2.9),
        "right knee": (-0.2, 0.4, 3.1), "left foot": (0.2, 0.8, 2.9), "right foot": (-0.2, 0.8, 3.1),
    }  # fmt: skip
    hidden = hides(np.array([[at[name] for name in NAMES]]))[0]
    found = {name for name, gone in zip(NAMES, hidden) if gone}
    assert {"right ear", "right elbow", "right wrist", "right hip"} <= found
    assert not any(name.startswith("left") for name in found) and "right knee" not in found


@pytest.fixture(scope="module")
def detections():
    """A person who stands before 300 cameras of 40 frames; half of them turned away."""
    take = np.zeros((40, 300, 17, 3))
    figure = dr.synthetic_poses("test", stride=10, seconds=2, takes=1, keypoints="exact")
    body = (figure.pose3d + torch.tensor([0.0, 0, 4.0]))[:300].double().numpy()
    take[:] = coco_points(body)[None]  # the face looks anywhere: only the errors are of interest
    screen = 2 * take[..., :2] / take[..., 2:]
    picture = np.tile([1920, 1080], (300, 1))
    seen, confidence = detect_wild(take, screen, picture, 0.1, np.random.default_rng(0))
    return take, screen, seen, confidence


def test_errors_grow_with_the_person_and_have_tails(detections):
    take, screen, seen, confidence = detections
    inside = (np.abs(screen) < (1, 1080 / 1920)).all(-1)
    size = (screen.max(-2) - screen.min(-2)).max(-1)[..., None]
    off = np.linalg.norm(seen - screen, axis=-1) / size
    typical = np.median(off[inside & (confidence > 0)])
    assert 0.008 < typical < 0.03  # of the person's size
    assert 0.01 < (off[inside] > 6 * typical).mean() < 0.15
    far = take + [0, 0, 60.0]
    distant = 2 * far[..., :2] / far[..., 2:]
    small, _ = detect_wild(
        far, distant, np.tile([640, 480], (300, 1)), 0.1, np.random.default_rng(0)
    )
    pixels = np.linalg.norm(small - distant, axis=-1) * 320
    assert np.median(pixels) > 0.7  # nobody is seen more precisely than the picture has pixels


def test_joints_outside_the_picture_are_missed_or_put_at_its_edge(detections):
    take, screen, _, _ = detections
    aside = screen + [0.95, 0]
    seen, confidence = detect_wild(
        take, aside, np.tile([1920, 1080], (300, 1)), 0.1, np.random.default_rng(1)
    )
    outside = aside[..., 0] > 1
    assert outside.mean() > 0.2
    assert 0.5 < (confidence[outside] == 0).mean() < 0.9
    found = outside & (confidence > 0)
    assert (seen[found][:, 0] <= 1 + 1e-9).all() and confidence[found].mean() < 0.35


def test_limbs_are_exchanged_now_and_then(detections):
    _, screen, seen, _ = detections
    left, right = NAMES.index("left foot"), NAMES.index("right foot")
    apart = np.linalg.norm(screen[..., left, :] - screen[..., right, :], axis=-1)
    wide = apart > 0.12
    crossed = np.linalg.norm(seen[..., left, :] - screen[..., right, :], axis=-1) < apart / 3
    assert 0.005 < crossed[wide].mean() < 0.06


def test_least_confidence_decides_what_is_filled_in(folder):
    options = {"cameras": "random", "keypoints": "wild", "joints": "coco"}
    strict, free = (dr.cmu_poses(folder, least_confidence=c, **options) for c in (0.4, 0.02))
    assert (strict.confidence > 0).float().mean() < (free.confidence > 0).float().mean()
    assert free.confidence[free.confidence > 0].min() >= 0.02
    assert ((strict.confidence > 0).sum(1) >= 8).all()


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"cameras": "drone"}, "unknown cameras 'drone': choose from h36m, random"),
        (
            {"keypoints": "perfect"},
            "unknown keypoints 'perfect': choose from detected, exact, wild",
        ),
        ({"joints": "smpl"}, "unknown joints 'smpl': choose from own, coco"),
        ({"frame_rate": 0}, "frame_rate lies between"),
        ({"cameras": "random", "views": 0}, "views must be at least 1"),
        ({"proportions": 2}, "proportions lies between 0 and 0.3"),
    ],
)
def test_unknown_ways_of_filming_get_a_sentence(folder, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        dr.cmu_poses(folder, **options)

"""Files for other programs, read again by other readers: angles by hand, TRC by its words, glTF by
its bytes; and the floor, where it is known.
"""

import json
import math
import struct

import numpy as np
import pandas as pd
import pytest
import torch

import drpose_core as dr
from drpose_core.cameras import rotate
from drpose_core.cli.jobs import Job
from drpose_core.output.angles import mean_and_spread
from drpose_core.output.gltf import write_glb
from drpose_core.output.trc import write_trc
from drpose_core.prediction import Prediction
from drpose_core.skeleton import BONES, JOINTS, J
from drpose_core.sources import h36m_cameras


@pytest.fixture(scope="module")
def walking():
    """A true walk seen by camera 0 of S9, as a prediction whose hypotheses differ."""
    poses = dr.synthetic_poses("test", stride=10, seconds=3, takes=1, keypoints="exact")
    (one,) = [n for n, name in enumerate(poses.sequences) if name == "S9/Walking 1/0"]
    poses = poses[poses.sequence == one]
    noise = torch.randn(len(poses), 5, J, 3, generator=torch.Generator().manual_seed(0)) * 0.02
    noise[:, :, 0] = 0
    spread = noise.var(1, correction=0).sum(-1).sqrt()
    frame = torch.arange(len(poses)) + 3
    poses = dr.PoseSet(**{**vars(poses), "frame": frame, "person": frame * 0})
    hypotheses = poses.pose3d[:, None] + noise
    return Prediction(poses, hypotheses, poses.pose3d, spread, poses.root, spread[:, 0] * 0)


def places(found):
    return (found.pose3d + found.root[:, None]).double().numpy()


# --- the floor


def up_of(camera):
    conjugate = camera.quaternion * torch.tensor([1, -1, -1, -1.0])
    return rotate(torch.tensor([0.0, 0, 1]), conjugate).double().numpy()


def test_the_floor_of_who_walks_is_that_of_the_cameras():
    """Human3.6M's cameras know what is up, and how high they hang: they look down by 10 degrees and
    more, and the estimate is off by less than 3.
    """
    poses = dr.synthetic_poses("test", stride=10, seconds=3, takes=1, keypoints="exact")
    level, off = [], []
    for n, name in enumerate(poses.sequences):
        subject, recording, camera = name.split("/")
        if not recording.startswith(("Walking", "WalkTogether", "Greeting")):
            continue
        rig = h36m_cameras(subject)[int(camera)]
        rows = poses.sequence == n
        floor = dr.estimate_floor((poses.pose3d + poses.root[:, None])[rows])
        off.append(math.degrees(math.acos(floor.rotation[1] @ up_of(rig))))
        level.append(math.degrees(math.acos(-up_of(rig)[1])))
        assert floor.height == pytest.approx(float(rig.translation[2]), abs=0.45)
    assert len(off) == 24 and min(level) > 9 and max(off) < 4 and np.median(off) < 2.5


@pytest.mark.parametrize("roll, pitch", [(0, 0), (30, 0), (-20, -25), (0, 40)])
def test_a_tilted_camera_sees_the_same_floor(roll, pitch):
    """A straight body that walks on a plane: turned by any camera, it stands upright again."""
    body = np.zeros((60, J, 3))
    heights = dict(zip(range(J), (0.9, 0.9, 0.5, 0.08, 0.9, 0.5, 0.08, 1.1, 1.4, 1.5, 1.7, 1.4, 1.1, 0.8, 1.4, 1.1, 0.8)))  # fmt: skip
    for joint, height in heights.items():
        side = 0.12 if "left" in JOINTS[joint] else -0.12 if "right" in JOINTS[joint] else 0
        body[:, joint, 0], body[:, joint, 1] = side, 1.5 - height  # the camera is 1.5 m up
    angle = np.linspace(0, 2 * math.pi, len(body))
    body += np.stack([np.cos(angle), 0 * angle, 4 + np.sin(angle)], axis=-1)[:, None]
    a, b = math.radians(roll), math.radians(pitch)
    turn = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array(
        [[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]]
    )
    floor = dr.estimate_floor(body @ turn.T)
    assert np.allclose(floor.rotation @ floor.rotation.T, np.eye(3))
    assert np.linalg.det(floor.rotation) == pytest.approx(1)
    upright = floor.world(body @ turn.T)
    tilt = (roll**2 + pitch**2) ** 0.5
    assert np.abs(upright[:, [3, 6], 1] - 0.08).max() < 0.01 + 0.004 * tilt
    lean = upright[:, 8] - upright[:, [3, 6]].mean(1)
    assert math.degrees(math.acos(lean[0, 1] / np.linalg.norm(lean[0]))) < 0.01 + 0.1 * tilt


def test_who_lies_does_not_turn_the_world(walking):
    body, root = walking.pose3d.double().numpy(), walking.root[:1, None].double().numpy()
    lying = body[:, :, [1, 0, 2]] + root
    assert dr.estimate_floor(lying).rotation[1] @ (0, -1, 0) > math.cos(math.radians(25))
    for wrong in (lying[0], lying[:0], lying[:, :5]):
        with pytest.raises(ValueError, match=r"a floor needs places \(N, 17, 3\)"):
            dr.estimate_floor(wrong)
    with pytest.raises(ValueError, match="NaN or infinite"):
        dr.estimate_floor(lying * np.nan)


# --- joint angles: a doll that is bent by known turns


def about(axis, degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = c
    turn[i, j], turn[j, i] = -s, s
    return turn


X, Y, Z = range(3)


def doll(hip=(0, 0, 0), knee=0, shoulder=(0, 0, 0), elbow=0):
    """Joints (17, 3), x forward, y up, z right: the right thigh by turns about z, x, y (Grood and
    Suntay), the right upper arm by y, x, y (ISB, whose elevation is negative).
    """
    at = np.zeros((J, 3))
    put = {name: n for n, name in enumerate(JOINTS)}
    for name, place in (("right hip", (0, 0, 0.1)), ("left hip", (0, 0, -0.1)), ("spine", (0, 0.25, 0)), ("thorax", (0, 0.5, 0)),
                        ("neck", (0, 0.6, 0)), ("head", (0, 0.7, 0)), ("right shoulder", (0, 0.5, 0.2)), ("left shoulder", (0, 0.5, -0.2)),
                        ("left knee", (0, -0.4, -0.1)), ("left foot", (0, -0.8, -0.1)), ("left elbow", (0, 0.2, -0.2)), ("left wrist", (0, 0, -0.2))):  # fmt: skip
        at[put[name]] = place
    thigh = about(Z, hip[0]) @ about(X, hip[1]) @ about(Y, hip[2])
    at[put["right knee"]] = at[put["right hip"]] + thigh @ (0, -0.4, 0)
    at[put["right foot"]] = at[put["right knee"]] + thigh @ about(Z, -knee) @ (0, -0.4, 0)
    arm = about(Y, shoulder[0]) @ about(X, -shoulder[1]) @ about(Y, shoulder[2])
    at[put["right elbow"]] = at[put["right shoulder"]] + arm @ (0, -0.3, 0)
    at[put["right wrist"]] = at[put["right elbow"]] + arm @ about(Z, elbow) @ (0, -0.25, 0)
    return at


def in_camera(body, turn=None):
    """Seen by a camera: y down, z away, from anywhere."""
    turn = np.eye(3) if turn is None else turn
    return body @ turn.T * (1, -1, -1)


NAMES = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_flexion", "shoulder_plane", "shoulder_elevation", "shoulder_rotation", "elbow_flexion")  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_angles_are_the_turns_that_bent_the_doll(seed):
    random = np.random.default_rng(seed)
    hip = random.uniform((-20, -30, -35), (100, 25, 35))
    shoulder = random.uniform((-40, 20, -70), (120, 150, 70))
    knee, elbow = random.uniform(25, 130, 2)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    body = in_camera(doll(hip, knee, shoulder, elbow), turn)
    wanted = (*hip, knee, *shoulder, elbow)
    angles = dr.joint_angles(body)
    for name, value in zip(NAMES, wanted):
        assert angles[f"right_{name}"] == pytest.approx(value, abs=1e-6), name
    mirrored = dr.flip(torch.from_numpy(body))
    for name, value in zip(NAMES, wanted):
        assert dr.joint_angles(mirrored)[f"left_{name}"] == pytest.approx(value, abs=1e-6), name


def test_angles_mean_what_a_physician_means():
    """A thigh that is lifted is flexed, a leg to the side is abducted, an arm before the body is in
    plane 90, the foot to the outside is external rotation.
    """
    at = {name: n for n, name in enumerate(JOINTS)}
    body = doll()
    body[at["right knee"]] = body[at["right hip"]] + (0.4, 0, 0)  # straight ahead
    body[at["right foot"]] = body[at["right knee"]] + (0, -0.4, 0.1)  # the foot to the right
    body[at["right elbow"]] = body[at["right shoulder"]] + (0.3, 0, 0)
    body[at["right wrist"]] = body[at["right elbow"]] + (0, 0, -0.2)  # the hand before the chest
    angles = dr.joint_angles(in_camera(body))
    assert angles["right_hip_flexion"] == pytest.approx(90)
    assert angles["right_hip_rotation"] == pytest.approx(math.degrees(math.atan2(0.1, 0.4)))
    assert angles["right_shoulder_plane"] == pytest.approx(90)
    assert angles["right_shoulder_elevation"] == pytest.approx(90)
    assert angles["right_elbow_flexion"] == pytest.approx(90)
    body[at["left knee"]] = body[at["left hip"]] + (0, -0.3, -0.3)
    assert dr.joint_angles(in_camera(body))["left_hip_adduction"] == pytest.approx(-45)


def test_what_is_not_defined_is_nan():
    angles = dr.joint_angles(in_camera(doll(hip=(10, 5, 20), knee=5, shoulder=(30, 3, 0))))
    missing = {name for name, value in angles.items() if np.isnan(value) and "right" in name}
    assert missing == {"right_hip_rotation", "right_shoulder_plane", "right_shoulder_rotation"}
    assert all(np.isnan(x) for x in dr.joint_angles(np.zeros((J, 3))).values())
    with pytest.raises(ValueError, match=r"angles need poses \(..., 17, 3\)"):
        dr.joint_angles(np.zeros((J, 2)))


def test_spread_of_angles_is_on_the_circle():
    mean, spread = mean_and_spread(np.array([[179.0, -179.0], [10.0, 30.0], [5.0, np.nan]]))
    assert mean[0] == pytest.approx(180) and spread[0] == pytest.approx(1, abs=0.01)
    assert mean[1] == pytest.approx(20) and spread[1] == pytest.approx(10, abs=0.1)
    assert np.isnan(mean[2]) and np.isnan(spread[2])


def test_the_table_of_angles_has_each_hypothesis_counted(walking, tmp_path):
    (path,) = dr.write_predictions(tmp_path / "walk.angles.csv", walking)
    table = pd.read_csv(path)
    assert table.frame.tolist() == walking.poses.frame.tolist() and (table.person == 0).all()
    one = [float(dr.joint_angles(h)["left_knee_flexion"]) for h in walking.hypotheses[4]]
    assert table.left_knee_flexion[4] == pytest.approx(np.mean(one), abs=0.02)
    assert table.left_knee_flexion_spread[4] == pytest.approx(np.std(one), rel=0.02, abs=0.01)


def test_of_several_inputs_a_file_of_angles_stays_one(tmp_path):
    job = Job(tmp_path / "a.json", tmp_path / "a.json", "a", ())
    assert job.own(tmp_path / "walk.angles.csv").name == "walk-a.angles.csv"
    assert job.own(tmp_path / "over.MP4").name == "over-a.mp4"
    assert job.own(tmp_path / "my.film.json").name == "my.film-a.json"


# --- TRC: tab by tab


def read_trc(path):
    """Names, times (T,), places (T, markers, 3), units."""
    lines = path.read_text().split("\n")
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t")))
    names = [name for name in lines[3].split("\t")[2:] if name]
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"] and lines[5] == ""
    rows = [[float(x) for x in line.split("\t")] for line in lines[6:] if line]
    assert len(rows) == int(head["NumFrames"]) and len(names) == int(head["NumMarkers"])
    numbers = np.array(rows)
    return names, numbers[:, 1], numbers[:, 2:].reshape(len(rows), -1, 3), head


def test_trc_read_again_is_the_motion_upright_on_its_floor(walking, tmp_path):
    (path,) = dr.write_predictions(tmp_path / "walk.trc", walking, fps=25)
    names, times, markers, head = read_trc(path)
    assert names[0] == "Hip" and names[16] == "RightWrist" and head["Units"] == "m"
    assert times[0] == pytest.approx(3 / 25) and np.allclose(np.diff(times), 0.04)
    floor = dr.estimate_floor(places(walking))
    assert np.abs(markers - floor.world(places(walking))).max() < 1e-5
    assert np.quantile(markers[:, [3, 6], 1].min(1), 0.4) == pytest.approx(0.08, abs=1e-4)
    assert (markers[:, 10, 1] > 1.4).all(), "the head is up"


# --- glTF: the bytes of the specification, and three channels a bone evaluated by hand


def read_glb(path):
    raw = path.read_bytes()
    magic, version, size = struct.unpack("<4sII", raw[:12])
    assert (magic, version, size) == (b"glTF", 2, len(raw))
    length, kind = struct.unpack("<I4s", raw[12:20])
    assert kind == b"JSON"
    content = json.loads(raw[20 : 20 + length])
    size, kind = struct.unpack("<I4s", raw[20 + length : 28 + length])
    assert kind == b"BIN\0"
    blob = raw[28 + length : 28 + length + size]

    def array(number):
        accessor = content["accessors"][number]
        view = content["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        code = {5126: "f", 5123: "H"}[accessor["componentType"]]
        start = view.get("byteOffset", 0)
        found = struct.unpack_from(f"<{accessor['count'] * width}{code}", blob, start)
        found = np.array(found).reshape(-1, width)
        assert np.allclose(found.min(0), accessor["min"]) and np.allclose(
            found.max(0), accessor["max"]
        )
        return found

    (animation,) = content["animations"]
    nodes = {
        n: {"name": node["name"], "mesh": node.get("mesh")}
        for n, node in enumerate(content["nodes"])
    }
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        nodes[channel["target"]["node"]][channel["target"]["path"]] = array(sampler["output"])
        times = array(sampler["input"])[:, 0]
    return {node.pop("name"): node for node in nodes.values()}, times, array, content


def test_glb_read_again_has_its_bones_between_its_joints(walking, tmp_path):
    (path,) = dr.write_predictions(tmp_path / "walk.glb", walking, fps=25)
    nodes, times, array, content = read_glb(path)
    wanted = dr.estimate_floor(places(walking)).world(places(walking))
    assert np.allclose(times, np.arange(len(wanted)) / 25)
    for joint, name in enumerate(JOINTS):
        assert np.abs(nodes[name]["translation"] - wanted[:, joint]).max() < 1e-5
    for parent, child in BONES:
        node = nodes[f"{JOINTS[parent]} to {JOINTS[child]}"]
        x, y, z, w = node["rotation"].T
        along = np.stack(
            [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)], axis=-1
        )
        tip = node["translation"] + along * node["scale"][:, 1:2]  # of the mesh's corner (0, 1, 0)
        assert np.abs(tip - wanted[:, child]).max() < 1e-5
        assert (np.square(np.diff(node["rotation"], axis=0)).sum(1) < 0.3).all(), "it does not spin"
        color = 0 if "left" in JOINTS[child] else 1 if "right" in JOINTS[child] else 2
        assert node["mesh"] == color
    corners = array(content["meshes"][0]["primitives"][0]["attributes"]["POSITION"])
    assert (0, 1, 0) in [tuple(corner) for corner in corners]


def test_motion_files_refuse_what_is_no_motion(tmp_path, monkeypatch, walking):
    good = np.random.default_rng(0).normal(size=(3, J, 3))
    for write, name in ((write_trc, "a.trc"), (write_glb, "a.glb")):
        for positions, sentence in (
            (good[0], "needs positions"),
            (good * np.nan, "NaN or infinite"),
        ):
            with pytest.raises(ValueError, match=sentence):
                write(tmp_path / name, positions)
        with pytest.raises(ValueError, match="frames per second must be positive"):
            write(tmp_path / name, good, fps=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r"glTF needs pygltflib: pip install pygltflib, or take .bvh"
    ):
        dr.write_predictions(tmp_path / "a.glb", walking)
    assert not list(tmp_path.iterdir())

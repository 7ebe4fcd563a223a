"""Poses of pictures without a truth: what comes out, in any batches, after interruptions; and the
files for other programs.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import drpose_core as dr
from drpose_core import prediction
from drpose_core.output import export
from drpose_core.output.bvh import write_bvh
from drpose_core.prediction import forget, joined, predict
from drpose_core.skeleton import BONES, JOINTS, J, bone_lengths


@pytest.fixture(scope="module")
def keypoints():
    return dr.read_keypoints(dr.project_root() / "notebooks" / "example_keypoints.json")


@pytest.fixture(scope="module")
def model():
    return dr.load_checkpoint(dr.weights.DEFAULT)


@pytest.fixture(scope="module")
def found(model, keypoints):
    return joined(predict(model, keypoints.poses(field_of_view=65), hypotheses=4, steps=3))


def test_what_comes_out_is_what_its_parts_say(model, keypoints, found):
    """sample_poses, aggregate and estimate_root in the training camera, then turned back; spread
    from the definition.
    """
    poses = keypoints.poses(field_of_view=65)
    rows = [0, 31]
    for row in rows:
        one = poses[row]
        samples = dr.sample_poses(model, one.observed, hypotheses=4, steps=3)[-1]
        turn = one.rotation[0].T
        assert torch.allclose(found.hypotheses[row], samples[0] @ turn.T, atol=1e-5)
        assert torch.allclose(found.pose3d[row], samples[0].mean(0) @ turn.T, atol=1e-5)
        root = dr.estimate_root(samples.mean(1), one.kp2d, one.intrinsics)[0]
        assert torch.allclose(found.root[row], turn @ root, atol=1e-4)
        for joint in (0, 5, 13):
            x = samples[0, :, joint].double()
            by_hand = math.sqrt(sum(float(((h - x.mean(0)) ** 2).sum()) for h in x) / 4)
            assert found.spread[row, joint].item() == pytest.approx(by_hand, abs=1e-5)
    assert (found.hypotheses[:, :, 0] == 0).all()


def test_the_answer_projected_into_the_own_picture_is_near_the_keypoints(keypoints, found):
    """Pose and root in the frame of the phone's camera: they must fall on the keypoints of the
    file, without the training view.
    """
    from drpose_core.keypoints.viewpoint import pinhole

    screen = dr.project(found.pose3d + found.root[:, None], pinhole(1920, 1080, 65))
    off = np.linalg.norm(
        dr.screen_to_pixels(screen, 1920, 1080).numpy() - keypoints.kp2d, axis=-1
    ).mean(1)
    size = np.sqrt(
        np.square(keypoints.kp2d - keypoints.kp2d.mean(1, keepdims=True)).sum(-1).mean(-1)
    )
    assert (off / size).max() < 0.08 and np.abs(off / size - found.misfit.numpy()).max() < 0.02
    assert found.root[keypoints.person == 0, 2].mean() == pytest.approx(4.2, abs=0.4)
    assert found.root[keypoints.person == 1, 2].mean() == pytest.approx(8.5, abs=1.0), (
        "the one far back and at the side stands there"
    )
    assert found.root[keypoints.person == 1, 0].mean() == pytest.approx(3.2, abs=0.4)


def test_batches_do_not_matter(model, keypoints, found, monkeypatch):
    monkeypatch.setattr(prediction, "AT_ONCE", 20)
    parts = list(predict(model, keypoints.poses(field_of_view=65), hypotheses=4, steps=3))
    assert [len(part) for part in parts] == [5] * 9 + [3]
    again = joined(parts)
    for name in ("hypotheses", "pose3d", "spread", "root"):
        assert torch.allclose(getattr(again, name), getattr(found, name), atol=1e-4), name
    assert torch.equal(again.poses.frame, found.poses.frame)


def test_a_film_moves_smoothly(found, keypoints):
    """Hypothesis h starts from the same noise in every frame, so from frame to frame it moves about
    as little as the answer.
    """
    mine = found.hypotheses[keypoints.person == 0]
    steps = (mine[1:] - mine[:-1]).norm(dim=-1).mean()
    assert steps < 1.5 * (found.pose3d[keypoints.person == 0].diff(dim=0)).norm(dim=-1).mean()


def test_an_interruption_loses_nothing(model, keypoints, found, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction, "AT_ONCE", 20)
    poses = keypoints.poses(field_of_view=65)
    stream = predict(model, poses, hypotheses=4, steps=3, keep=tmp_path / "kept")
    first = [next(stream) for _ in range(4)]
    del stream
    assert len(list((tmp_path / "kept").iterdir())) == 4
    asked = []
    original = prediction.sample_poses
    monkeypatch.setattr(
        prediction,
        "sample_poses",
        lambda model, kp2d, *how, **more: (
            asked.append(len(kp2d)) or original(model, kp2d, *how, **more)
        ),
    )
    whole = joined(predict(model, poses, hypotheses=4, steps=3, keep=tmp_path / "kept"))
    assert sum(asked) == len(poses) - sum(map(len, first)) and torch.allclose(
        whole.pose3d, found.pose3d, atol=1e-4
    )
    asked.clear()
    assert torch.equal(
        joined(predict(model, poses, hypotheses=4, steps=3, keep=tmp_path / "kept")).hypotheses,
        whole.hypotheses,
    )
    assert not asked, "all was kept"
    joined(predict(model, poses, hypotheses=4, steps=2, keep=tmp_path / "kept"))
    assert sum(asked) == len(poses), "other settings start afresh"
    sorted((tmp_path / "kept").iterdir())[0].write_bytes(b"PK")
    with pytest.warns(UserWarning, match=r"cannot be read .*: computed again"):
        mended = [
            joined(predict(model, poses, hypotheses=4, steps=k, keep=tmp_path / "kept"))
            for k in (2, 3)
        ]
    assert torch.equal(mended[1].hypotheses, whole.hypotheses)
    (tmp_path / "kept" / "mine-00.npz").write_bytes(b"the user's own")
    forget(tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["mine-00.npz"]
    (tmp_path / "kept" / "mine-00.npz").unlink()
    forget(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_joints_not_seen_do_not_count_as_misfit(model, keypoints):
    poses = keypoints.poses(field_of_view=65)[:1]
    moved = poses.kp2d.clone()
    moved[0, 13] += 0.5
    unsure = poses.confidence.clone()
    unsure[0, 13] = 0
    doubted = joined(predict(model, replace(poses, kp2d=moved), hypotheses=2, steps=2))
    spared = joined(
        predict(model, replace(poses, kp2d=moved, confidence=unsure), hypotheses=2, steps=2)
    )
    assert doubted.misfit > spared.misfit + 0.03, (
        "a wrist half a picture away: no pose looks like it"
    )


def test_arguments_get_a_sentence(model, keypoints, tmp_path, found):
    poses = keypoints.poses()
    with pytest.raises(ValueError, match="nothing to predict"):
        next(predict(model, poses[:0]))
    with pytest.raises(ValueError, match="hypotheses and steps must be at least 1"):
        next(predict(model, poses, hypotheses=0))
    with pytest.raises(ValueError, match="unknown aggregation 'best'"):
        next(predict(model, poses, answer="best"))
    with pytest.raises(ValueError, match="nothing to join"):
        joined([])
    with pytest.raises(
        ValueError,
        match=r"the name must end in .json, .csv, .parquet, .angles.csv, .bvh, .trc, .glb",
    ):
        dr.write_predictions(tmp_path / "pose.fbx", found)
    for suffix in (".csv", ".json", ".parquet", ".angles.csv", ".bvh", ".trc", ".glb"):
        with pytest.raises(ValueError, match="nothing to write"):
            dr.write_predictions(tmp_path / f"pose{suffix}", iter([]))
    sparse = predicted_rows(found, slice(0, 3))
    scattered = replace(
        sparse.poses,
        person=torch.zeros(3, dtype=torch.int64),
        frame=torch.tensor([0, 40, 500_000]),
    )
    with pytest.raises(
        ValueError,
        match=r"person 0 has 3 poses between frames 0 and 500,000, which is no film: take .json or .csv",
    ):
        dr.write_predictions(tmp_path / "pose.bvh", replace(sparse, poses=scattered))
    assert not list(tmp_path.iterdir())


# --- files


def test_json_has_everything(found, keypoints, tmp_path):
    (path,) = dr.write_predictions(tmp_path / "pose.json", found, about={"checkpoint": "mine"})
    content = json.loads(path.read_text())
    about = content["about"]
    assert (
        about["units"] == "metres"
        and "y down" in about["axes"]
        and about["joints"] == list(JOINTS)
        and about["checkpoint"] == "mine"
    )
    assert len(content["poses"]) == len(found)
    for n in (0, 30):
        item = content["poses"][n]
        assert item["frame"] == keypoints.frame[n] and item["person"] == keypoints.person[n]
        for name, wanted in (
            ("pose", found.pose3d),
            ("root", found.root),
            ("spread", found.spread),
            ("hypotheses", found.hypotheses),
        ):
            assert np.allclose(item[name], wanted[n].numpy(), atol=6e-5), name


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_hold_the_answers_in_one_piece_or_many(found, keypoints, tmp_path, suffix, model):
    (whole,) = dr.write_predictions(tmp_path / f"whole{suffix}", found)
    parts = [predicted_rows(found, rows) for rows in (slice(0, 7), slice(7, 48))]
    (pieces,) = dr.write_predictions(tmp_path / f"pieces{suffix}", iter(parts))
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    table = read(whole)
    pd.testing.assert_frame_equal(table, read(pieces))
    assert list(table.columns) == [
        "frame",
        "person",
        "joint",
        "x",
        "y",
        "z",
        "root_x",
        "root_y",
        "root_z",
        "misfit",
        "spread",
        "confidence",
    ]
    back = table[["x", "y", "z"]].to_numpy().reshape(-1, J, 3)
    assert np.allclose(back, found.pose3d.numpy(), atol=1e-5) and table.joint[:J].tolist() == list(
        JOINTS
    )
    assert (
        table.person[::J].tolist() == keypoints.person.tolist()
        and table.frame[::J].tolist() == keypoints.frame.tolist()
    )


def predicted_rows(found, rows):
    arrays = {
        name: getattr(found, name)[rows]
        for name in ("hypotheses", "pose3d", "spread", "root", "misfit")
    }
    return prediction.Prediction(found.poses[rows], **arrays)


def test_a_file_is_whole_or_not_there(found, tmp_path):
    def breaks():
        yield found
        raise KeyboardInterrupt

    for suffix in (".json", ".csv", ".parquet"):
        with pytest.raises(KeyboardInterrupt):
            dr.write_predictions(tmp_path / f"pose{suffix}", breaks())
    assert not list(tmp_path.iterdir())


def test_parquet_says_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r"Parquet needs pyarrow: pip install pyarrow, or take .csv"
    ):
        export.check_path(tmp_path / "pose.parquet")


# --- BVH: read again by the format's own words, slowly


def read_bvh(path):
    """Positions by node name, (frames, 3) each, centimetres; "X end" is the end site of X.

    One number and one matrix at a time.
    """
    text = path.read_text()
    words = text[: text.index("MOTION")].split()
    motion = text[text.index("MOTION") :].splitlines()
    frames, seconds = int(motion[1].split(":")[1]), float(motion[2].split(":")[1])
    table = [[float(x) for x in line.split()] for line in motion[3:] if line.strip()]
    assert len(table) == frames
    nodes, stack, at, column = [], [], 1, 0
    while at < len(words):
        word = words[at]
        if word in ("ROOT", "JOINT"):
            nodes.append(
                {"name": words[at + 1], "parent": stack[-1] if stack else None, "channels": []}
            )
            stack.append(len(nodes) - 1)
            at += 3
        elif word == "End":
            nodes.append(
                {"name": nodes[stack[-1]]["name"] + " end", "parent": stack[-1], "channels": []}
            )
            stack.append(len(nodes) - 1)
            at += 3
        elif word == "OFFSET":
            nodes[stack[-1]]["offset"] = np.array([float(x) for x in words[at + 1 : at + 4]])
            at += 4
        elif word == "CHANNELS":
            count = int(words[at + 1])
            nodes[stack[-1]]["channels"] = [
                (name, column + n) for n, name in enumerate(words[at + 2 : at + 2 + count])
            ]
            column += count
            at += 2 + count
        elif word == "}":
            stack.pop()
            at += 1
        else:
            raise AssertionError(word)
    assert column == len(table[0])
    places = {node["name"]: [] for node in nodes}
    for row in table:
        world = []
        for node in nodes:
            shift, turn = node["offset"].copy(), np.eye(3)
            for name, c in node["channels"]:
                axis = "XYZ".index(name[0])
                if name.endswith("position"):
                    shift[axis] += row[c]
                    continue
                cosine, sine = math.cos(math.radians(row[c])), math.sin(math.radians(row[c]))
                i, j = (axis + 1) % 3, (axis + 2) % 3
                one = np.eye(3)
                one[i, i] = one[j, j] = cosine
                one[i, j], one[j, i] = -sine, sine
                turn = turn @ one
            place, whole = (
                world[node["parent"]] if node["parent"] is not None else (np.zeros(3), np.eye(3))
            )
            world.append((place + whole @ shift, whole @ turn))
            places[node["name"]].append(world[-1][0])
    return {name: np.array(x) for name, x in places.items()}, seconds


WHERE = {
    "hip": "Hips", "right hip": "RightUpLeg", "right knee": "RightLeg", "right foot": "RightLeg end", "left hip": "LeftUpLeg",
    "left knee": "LeftLeg", "left foot": "LeftLeg end", "spine": "Spine", "thorax": "Neck", "neck": "Head", "head": "Head end",
    "left shoulder": "LeftArm", "left elbow": "LeftForeArm", "left wrist": "LeftForeArm end", "right shoulder": "RightArm",
    "right elbow": "RightForeArm", "right wrist": "RightForeArm end",
}  # fmt: skip


def joints_of(path):
    places, seconds = read_bvh(path)
    assert np.allclose(places["Neck"], places["LeftShoulder"]) and np.allclose(
        places["Neck"], places["RightShoulder"]
    )
    return np.stack([places[WHERE[name]] for name in JOINTS], axis=1) / (100, -100, -100), seconds


def test_bvh_of_a_body_whose_bones_keep_their_length_is_exact(tmp_path):
    poses = dr.synthetic_poses("test", stride=10, seconds=3, takes=1)
    for name in ("S9/SittingDown", "S9/Walking", "S11/Photo"):
        one = next(n for n, x in enumerate(poses.sequences) if x.startswith(name))
        positions = (poses.pose3d + poses.root[:, None])[poses.sequence == one].double().numpy()
        write_bvh(tmp_path / "one.bvh", positions, fps=25)
        again, seconds = joints_of(tmp_path / "one.bvh")
        assert np.abs(again - positions).max() < 1e-5 and seconds == pytest.approx(0.04)


def test_bvh_of_a_prediction_is_off_only_by_its_bones(found, keypoints, tmp_path):
    """Directions are those predicted; joints differ by what the lengths of the bones before them
    differ from the median.
    """
    paths = dr.write_predictions(tmp_path / "pose.bvh", found, fps=25)
    assert [path.name for path in paths] == ["pose_person0.bvh", "pose_person1.bvh"]
    places = (found.pose3d + found.root[:, None]).double().numpy()
    upright = dr.estimate_floor(places).world(places) * (1, -1, -1)
    for person, path in enumerate(paths):
        wanted = upright[keypoints.person == person]
        again, _ = joints_of(path)
        for parent, child in BONES:
            a, b = wanted[:, child] - wanted[:, parent], again[:, child] - again[:, parent]
            cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
            assert cosine.min() > 1 - 1e-9
        lengths = bone_lengths(torch.from_numpy(wanted))
        allowed = (lengths - lengths.median(0).values).abs().sum(1).max()
        assert np.abs(again - wanted).max() < allowed + 0.02
        assert np.abs(again[:, 0] - wanted[:, 0]).max() < 1e-5


def test_bvh_at_rest_is_a_t_pose_facing_the_viewer(tmp_path):
    """All rotations 0: arms out, the left hand at +x."""
    rest = np.zeros((2, J, 3))
    for parent, child in BONES:
        name = JOINTS[child]
        side = 1 if "left" in name else -1
        out = "shoulder" in name or "elbow" in name or "wrist" in name or "hip" in name
        direction = (
            (side, 0, 0) if out else (0, 1, 0) if "knee" in name or "foot" in name else (0, -1, 0)
        )
        rest[:, child] = rest[:, parent] + 0.3 * np.array(direction)
    write_bvh(tmp_path / "t.bvh", rest)
    numbers = np.loadtxt((tmp_path / "t.bvh").read_text().splitlines()[-2:])
    assert np.abs(numbers).max() < 1e-4


def test_people_keep_their_numbers_whatever_they_are(found):
    named = replace(found.poses, person=-3 * (1 - found.poses.sequence))
    assert set(export.persons(replace(found, poses=named))) == {-3, 0}
    assert set(export.persons(replace(found, poses=replace(found.poses, person=None)))) == {0, 1}


def test_frames_without_a_pose_are_drawn_in_between(found, keypoints, tmp_path):
    rows = torch.from_numpy(
        (keypoints.person == 0) & (keypoints.frame != 5) & (keypoints.frame != 6)
    )
    dr.write_predictions(tmp_path / "pose.bvh", predicted_rows(found, rows))
    again, _ = joints_of(tmp_path / "pose.bvh")
    assert len(again) == 24 and np.allclose(
        again[5, 0], again[4, 0] + (again[7, 0] - again[4, 0]) / 3, atol=1e-4
    )


def test_bvh_refuses_what_is_no_person(tmp_path):
    good = np.random.default_rng(0).normal(size=(3, J, 3))
    for positions, sentence in (
        (good[0], r"needs positions"),
        (good[:0], r"needs positions"),
        (good * np.nan, "NaN or infinite"),
        (good * 0, "a bone has no length"),
    ):
        with pytest.raises(ValueError, match=sentence):
            write_bvh(tmp_path / "no.bvh", positions)
    with pytest.raises(ValueError, match="frames per second must be positive"):
        write_bvh(tmp_path / "no.bvh", good, fps=0)
    assert not list(tmp_path.iterdir())


def test_one_file_that_fails_spoils_only_itself(found, tmp_path):
    sparse = predicted_rows(found, slice(0, 3))
    poses = replace(
        sparse.poses, person=torch.zeros(3, dtype=torch.int64), frame=torch.tensor([0, 40, 500_000])
    )
    paths = [tmp_path / name for name in ("a.json", "b.bvh", "c.csv")]
    with pytest.raises(ValueError, match="which is no film"):
        dr.write_predictions(paths, replace(sparse, poses=poses))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "c.csv"]


def test_an_error_of_the_predictions_keeps_its_words_and_leaves_no_file(found, tmp_path):
    def stream():
        yield found
        raise FileNotFoundError(2, "No such file", "clip.mp4")

    with pytest.raises(FileNotFoundError, match=r"clip\.mp4"):
        dr.write_predictions([tmp_path / "a.json", tmp_path / "b.csv"], stream())
    assert not list(tmp_path.iterdir())

"""Files and questions of users: each kind of file that once was refused, or gave wrong numbers, is
written here as its tool writes it, and read.
"""

import gzip
import json
import os
import re
from types import SimpleNamespace as Thing

import numpy as np
import pandas as pd
import pytest
import torch
from keypoint_files import alphapose, detected, mmpose_inferencer, mmpose_instances, openpose

import drpose_core as dr
from drpose_core.keypoints.conversion import to_h36m
from drpose_core.keypoints.formats import FORMATS, LEAST_OF
from drpose_core.keypoints.people import film_of, follow, good_numbers
from drpose_core.keypoints.readers import LAYOUTS
from drpose_core.keypoints.recognised import recognised
from drpose_core.skeleton import JOINTS

SIZE = (1000, 1000)
WRIST = JOINTS.index("left wrist")


@pytest.fixture(scope="module")
def walk():
    """Human3.6M's joints of somebody walking, (20, 17, 2) pixels of a picture of 1000 x 1000."""
    poses = dr.synthetic_poses("test", stride=5, seconds=4, takes=1, keypoints="exact")
    one = next(n for n, name in enumerate(poses.sequences) if name.startswith("S9/Walking"))
    return dr.screen_to_pixels(poses.kp2d[poses.sequence == one][:20], 1000, 1000).numpy()


@pytest.fixture(scope="module")
def coco(walk):
    """The same as COCO's joints with their confidence, (20, 17, 3)."""
    return sure(detected(walk, "coco17"))


def sure(points, value=0.9):
    return np.concatenate([points, np.full((*points.shape[:-1], 1), value)], axis=-1)


def wanted(points, form="coco17"):
    return to_h36m(points[..., :2], np.ones(points.shape[:-1]), form)[0]


def flat(person):
    return np.asarray(person).round(3).ravel().tolist()


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def triples(person):
    return {"pose_keypoints_2d": flat(person), "person_id": [-1]}


def xyc(person, **names):
    """[{"x", "y", "score"}], with the names of the joints if asked for."""
    name = names.get("name")
    return [
        {"x": x, "y": y, "score": c} | ({name: joint} if name else {})
        for (x, y, c), joint in zip(
            np.asarray(person).tolist(),
            (j.replace("foot", "ankle").replace(" ", "_") for j in FORMATS["coco17"].joints),
        )
    ]


# --- every tool's file
# --------------------------------------------------------------------------------------------------


def ultralytics(person, track=None):
    """Results.summary(): to_json writes a list of them."""
    x, y, c = np.asarray(person).T.tolist()
    found = {"name": "person", "class": 0, "confidence": 0.9, "box": {"x1": 1.0, "y1": 2.0}}
    found |= {} if track is None else {"track_id": track}
    return found | {"keypoints": {"x": x, "y": y, "visible": c}}


def instance(person):
    return mmpose_instances([(person[:, :2], person[:, 2])])[0]


LAYOUTS_OF_FILMS = {
    "MMPoseInferencer, the list of what it returned": lambda film: [
        {"visualization": [], "predictions": [[instance(p)]]} for p in film
    ],
    "its predictions alone": lambda film: [[instance(p)] for p in film],
    "one call's predictions": lambda film: {
        "visualization": [], "predictions": [[instance(p)] for p in film]
    },
    "MMPose 0, threes": lambda film: [
        [{"bbox": [1, 2, 3, 4, 0.9], "keypoints": p.tolist()}] for p in film
    ],
    "ComfyUI": lambda film: [{"people": [triples(p)], "canvas_width": 1000, "canvas_height": 1000}
                             for p in film],
    "ultralytics": lambda film: [[ultralytics(p)] for p in film],
    "OpenPifPaf": lambda film: [
        {"frame": n, "predictions": [{"keypoints": flat(p), "score": 0.8, "category_id": 1}]}
        for n, p in enumerate(film)
    ],
    "PoseFlow": lambda film: {
        f"{n}.jpg": [{"keypoints": flat(p), "scores": 2.9, "idx": 4}] for n, p in enumerate(film)
    },
    "tracked people": lambda film: {
        "4": {f"{n:04d}": {"keypoints": flat(p), "scores": 2.9} for n, p in enumerate(film)}
    },
    "Kinetics-skeleton": lambda film: {"label": "walk", "data": [
        {"frame_index": n, "skeleton": [{"pose": flat(p[:, :2]), "score": p[:, 2].tolist()}]}
        for n, p in enumerate(film)
    ]},
    "GAST-Net": lambda film: {"data": [
        {"frame_index": n, "skeleton": [{"pose": p[:, :2].tolist(), "score": p[:, 2:].tolist()}]}
        for n, p in enumerate(film)
    ]},
    "TensorFlow.js": lambda film: [
        [{"score": 0.8, "keypoints": xyc(p, name="name")}] for p in film
    ],
    "PoseNet": lambda film: [
        [{"keypoints": [{"part": re.sub("_(.)", lambda m: m[1].upper(), k["name"]), "score": 0.9,
                         "position": {"x": k["x"], "y": k["y"]}} for k in xyc(p, name="name")]}]
        for p in film
    ],
    "ml5": lambda film: [
        [{"pose": {"score": 0.5, "keypoints": xyc(p, name="name")}, "skeleton": []}] for p in film
    ],
    "plain numbers": lambda film: film.tolist(),
    "numbers by name": lambda film: {
        "keypoints": film[..., :2].tolist(), "scores": film[..., 2].tolist()
    },
}  # fmt: skip


@pytest.mark.parametrize("lay_out", LAYOUTS_OF_FILMS.values(), ids=LAYOUTS_OF_FILMS)
def test_a_film_of_one_person_is_read_as_each_tool_lays_it_out(tmp_path, coco, lay_out):
    form = "coco17"
    film = coco
    if "people" in json.dumps(lay_out(coco)):  # OpenPose's own has 18 joints
        form, film = "body18", sure(detected(coco_to_pixels(coco), "body18"))
    found = dr.read_keypoints(write(tmp_path / "k.json", lay_out(film)), image_size=SIZE)
    assert found.format == form and found.frame.tolist() == list(range(20))
    assert len(set(found.person)) == 1
    assert np.abs(found.kp2d - wanted(film, form)).max() < 0.01
    assert np.allclose(found.confidence, 0.9, atol=1e-3)


def coco_to_pixels(coco):
    return wanted(coco)


def test_json_in_lines_and_packed_is_read(tmp_path, coco):
    frames = [{"frame_id": n, "instances": [instance(p)]} for n, p in enumerate(coco)]
    text = "\n".join(map(json.dumps, frames)) + "\n"
    (tmp_path / "k.jsonl").write_text(text)
    (tmp_path / "k.json.gz").write_bytes(gzip.compress(json.dumps(frames).encode()))
    (tmp_path / "bom.json").write_bytes(json.dumps(frames).encode("utf-8-sig"))
    (tmp_path / "wide.json").write_bytes(json.dumps(frames).encode("utf-16"))
    for name in ("k.jsonl", "k.json.gz", "bom.json", "wide.json"):
        assert len(dr.read_keypoints(tmp_path / name, image_size=SIZE)) == 20, name


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_recognised_and_arrives_as_the_same_pose(form, walk):
    points = detected(walk, form)
    found = dr.read_keypoints(points, image_size=SIZE)
    assert found.format == form
    height = np.ptp(walk[..., 1])
    off = np.linalg.norm(found.kp2d - walk, axis=-1) / height
    assert off.max() < 0.06 and np.median(off) < 0.01


def test_single_people_with_noise_and_gaps_are_hardly_ever_taken_for_another_format():
    """Thirty per format, three pixels of noise, every seventh joint missing: of 300 at most three
    are read in another format (docs/keypoint_files.md has more).
    """
    poses = dr.synthetic_poses("test", stride=125, takes=1, keypoints="exact")
    people = dr.screen_to_pixels(poses.kp2d, 1000, 1000).numpy()
    rng = np.random.default_rng(0)
    wrong = []
    for form in FORMATS:
        for person in detected(people[rng.permutation(len(people))[:30]], form):
            there = rng.random((1, len(person))) > 1 / 7
            try:
                found = recognised((person + rng.normal(0, 3, person.shape))[None], there, there)
            except ValueError:
                continue  # it asks
            wrong += [(form, found)] * (found != form)
    assert len(wrong) <= 3, wrong


@pytest.mark.parametrize(
    "count, form, places",
    [
        (133, "coco17", range(17)),
        (136, "halpe26", range(26)),
        (68, "halpe26", range(26)),
        (308, "coco17", [*range(9), 62, 41, *range(9, 15)]),
    ],
)
def test_whole_bodies_hold_a_body(count, form, places, walk):
    points = np.full((20, count, 2), 5.0)
    points[:, list(places)] = detected(walk, form)
    found = dr.read_keypoints(points, image_size=SIZE)
    assert (
        found.format == form
        and np.abs(found.kp2d - wanted(detected(walk, form), form)).max() < 1e-3
    )


def test_the_size_that_stands_in_the_file_is_used(tmp_path, coco):
    people = [triples(sure(detected(wanted(coco), "body18"))[0])]
    for facts, size in (
        ({"canvas_width": 1024, "canvas_height": 1600}, (1024, 1600)),
        ({"image_size": [1200, 1300]}, (1200, 1300)),
        ({"width": 1280, "height": 1024}, (1280, 1024)),
        ({"metadata": {"w": 1100, "h": 1010}}, (1100, 1010)),
        ({"video_info": {"img_shape": [1080, 1920]}}, (1920, 1080)),
        ({"width": 0, "height": None}, (1280, 720)),
    ):
        for content in ({"people": people, **facts}, [{"people": people, **facts}]):
            found = dr.read_keypoints(write(tmp_path / "k.json", content))
            if size == (1280, 720):
                assert any("assumed" in note for note in found.notes)
            else:
                assert (found.width, found.height) == size
                assert not any("assumed, the smallest" in note for note in found.notes)


def test_a_persons_box_is_no_picture(tmp_path, coco):
    person = {"keypoints": flat(coco[0]), "x": 3, "y": 4, "width": 90, "height": 200}
    for content in ([person], person):
        found = dr.read_keypoints(write(tmp_path / "k.json", content))
        assert (found.width, found.height) == (1280, 720)


def test_fractions_of_the_picture_are_multiplied_by_its_size(tmp_path, coco):
    part = coco.copy()
    part[..., :2] /= (1920, 1080)
    path = write(tmp_path / "k.json", [[ultralytics(p, 7)] for p in part])
    with pytest.raises(ValueError, match=r"fractions of the picture.*--image-size 1920 1080"):
        dr.read_keypoints(path)
    found = dr.read_keypoints(path, image_size=(1920, 1080))
    assert np.abs(found.kp2d - wanted(coco)).max() < 0.01 and found.person.tolist() == [7] * 20
    assert "fractions of the picture, multiplied by its 1920 x 1080 pixels" in found.notes
    path = write(tmp_path / "k.json", [{"canvas_width": 1920, "canvas_height": 1080, "people": [
        triples(p) for p in part[:1]]}])  # fmt: skip
    assert np.abs(dr.read_keypoints(path).kp2d - wanted(coco[:1])).max() < 1


@pytest.mark.parametrize("more", ["", " 0.87", " 3", " 0.87 3"], ids=["", "conf", "id", "both"])
@pytest.mark.parametrize("visible", [True, False])
def test_yolo_labels_are_read(tmp_path, coco, more, visible):
    folder = tmp_path / "labels"
    folder.mkdir()
    for n, person in enumerate(coco[:12]):
        row = person.copy()
        row[:, :2] /= (1920, 1080)
        numbers = (row if visible else row[:, :2]).ravel()
        line = "0 0.5 0.5 0.2 0.6 " + " ".join(f"{x:g}" for x in numbers) + more
        (folder / f"film_{n + 1}.txt").write_text(line + "\n")
    found = dr.read_keypoints(folder, image_size=(1920, 1080))
    assert found.frame.tolist() == list(range(1, 13))
    assert set(found.person) == ({3} if more.endswith("3") else {0})
    assert np.abs(found.kp2d - wanted(coco[:12])).max() < 0.02


def test_videopose3d_files_are_read_and_run_no_code(tmp_path, coco):
    """As inference/infer_video_d2.py and data/prepare_data_2d_custom.py write them."""
    layout = {"layout_name": "coco", "num_joints": 17}
    layout["video_metadata"] = {"film.mp4": {"w": 1000, "h": 1100}}
    content = {"film.mp4": {"custom": [coco[..., :2].astype("float32")]}}
    np.savez_compressed(tmp_path / "data_2d_custom_me.npz", positions_2d=content, metadata=layout)
    found = dr.read_keypoints(tmp_path / "data_2d_custom_me.npz")
    assert (found.format, found.width, found.height) == ("coco17", 1000, 1100)
    assert np.abs(found.kp2d - wanted(coco)).max() < 0.01

    boxes, keypoints = [], []
    for n, (x, y, _) in enumerate(coco.transpose(0, 2, 1)):
        person = np.stack([x, y, np.zeros(17), np.full(17, 0.09)])[None]
        boxes.append([[], [] if n == 4 else np.ones((1, 5))])
        keypoints.append([[], [] if n == 4 else person])
    np.savez_compressed(
        tmp_path / "film.mp4.npz", boxes=np.array(boxes, dtype=object),
        keypoints=np.array(keypoints, dtype=object), metadata={"w": 1000, "h": 1100},
        segments=np.array([None] * 20, dtype=object),
    )  # fmt: skip
    with pytest.warns(UserWarning, match="barely visible"):
        found = dr.read_keypoints(tmp_path / "film.mp4.npz")
    assert found.frame.tolist() == [n for n in range(20) if n != 4] and found.width == 1000
    assert (found.confidence > 0).all(), "0.09 is sure enough for Detectron"
    assert "1 frame of 20 without a person: they get no pose" in found.notes

    two = {"a.mp4": {"custom": [coco[..., :2]]}, "b.mp4": {"custom": [coco[..., :2]]}}
    np.savez(tmp_path / "two.npz", positions_2d=two, metadata=layout)
    with pytest.raises(ValueError, match=r"holds 2 recordings .a.mp4/custom, b.mp4/custom"):
        dr.read_keypoints(tmp_path / "two.npz")


class Malice:
    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("name", ["k.npz", "k.npy", "film.mp4.npz"])
def test_pickled_arrays_never_run_code(tmp_path, name):
    array = np.array([Malice(tmp_path / "ran")] * 2, dtype=object)
    if name == "k.npy":
        np.save(tmp_path / name, array, allow_pickle=True)
    elif name == "k.npz":
        np.savez(tmp_path / name, positions_2d=array)
    else:
        np.savez(tmp_path / name, keypoints=array, boxes=array, metadata=array)
    with pytest.raises(ValueError, match=f"{name} .*mkdir, which plain data does not need"):
        dr.read_keypoints(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_arrays_of_mhformer_and_its_kin_are_people_before_frames(tmp_path, walk):
    np.savez(tmp_path / "keypoints.npz", reconstruction=walk[None])
    found = dr.read_keypoints(tmp_path / "keypoints.npz", image_size=SIZE)
    assert found.frame.tolist() == list(range(20)) and not found.person.any()
    both = np.stack([walk, walk + (400, 0)])  # (people, frames, 17, 2)
    for array in (both, both.swapaxes(0, 1)):
        found = dr.read_keypoints(array, image_size=(1500, 1000))
        assert found.frame.tolist() == sorted([*range(20)] * 2)
        assert np.abs(found.kp2d[found.person == 0] - walk).max() < 0.01
    np.savez(tmp_path / "two.npz", keypoint=both, keypoint_score=np.full(both.shape[:-1], 0.7))
    assert np.allclose(dr.read_keypoints(tmp_path / "two.npz").confidence, 0.7)
    assert np.allclose(dr.read_keypoints(np.load(tmp_path / "two.npz")).confidence, 0.7)
    np.save(tmp_path / "k.npy", walk)
    assert len(dr.read_keypoints(tmp_path / "k.npy", image_size=SIZE)) == 20


@pytest.mark.filterwarnings("ignore:.*people jump:UserWarning")
def test_people_of_one_picture_are_not_taken_for_frames(walk):
    """Three people side by side are no film of one: the array does not tell, so it is asked."""
    crowd = np.stack([walk[3 * n] + (260 * n, 10 * n) for n in range(3)])
    with pytest.raises(ValueError, match=r"3 people in one picture or one person in 3 frames"):
        dr.read_keypoints(crowd)
    people = dr.read_keypoints(crowd[None], image_size=(1600, 1200))
    assert people.frame.tolist() == [0, 0, 0] and people.person.tolist() == [0, 1, 2]
    film = dr.read_keypoints(crowd[:, None], image_size=(1600, 1200))
    assert film.frame.tolist() == [0, 1, 2] and not film.person.any()
    assert dr.read_keypoints(walk[::2], image_size=SIZE).frame.tolist() == list(range(10))


def test_lists_of_arrays_of_differing_numbers_of_people(coco):
    right = coco + (400, 0, 0)
    frames = [np.stack([a, b]) if n % 3 else a[None] for n, (a, b) in enumerate(zip(coco, right))]
    frames[5] = np.zeros((0, 17, 3))
    frames[6] = None
    found = dr.read_keypoints(frames, image_size=(1500, 1000))
    assert found.frame.tolist() == [n for n in range(20) if n not in (5, 6)
                                    for _ in range(1 + (n % 3 > 0))]  # fmt: skip
    assert np.abs(found.kp2d[found.person == 0] - wanted(coco)[found.frame[found.person == 0]]
                  ).max() < 0.01  # fmt: skip
    assert "2 frames of 20 without a person: they get no pose" in found.notes
    alone = dr.read_keypoints([torch.from_numpy(p) for p in coco], image_size=SIZE)
    assert len(alone) == 20


def test_what_detectors_return_in_a_notebook_is_read(coco):
    """By their attributes alone: no detector is imported."""
    people = torch.from_numpy(np.stack([coco[0], coco[0] + (300, 0, 0)])).float()
    keypoints = Thing(data=people, orig_shape=(1080, 1920))
    result = Thing(keypoints=keypoints, boxes=Thing(id=torch.tensor([4.0, 9.0])))
    result.orig_shape = (1080, 1920)
    empty = Thing(keypoints=None, boxes=Thing(id=None), orig_shape=(1080, 1920))
    found = dr.read_keypoints([result, empty])
    assert (found.width, found.height) == (1920, 1080) and found.person.tolist() == [4, 9]
    assert np.abs(found.kp2d[0] - wanted(coco[0])).max() < 0.01
    assert len(dr.read_keypoints(keypoints)) == len(dr.read_keypoints(result)) == 2
    rtmlib = (np.asarray(people[..., :2]), np.asarray(people[..., 2]))
    assert len(dr.read_keypoints(rtmlib)) == 2
    film = dr.read_keypoints([rtmlib] * 3)
    assert film.frame.tolist() == [0, 0, 1, 1, 2, 2]
    call = {"visualization": [], "predictions": [[instance(coco[0])]]}
    assert len(dr.read_keypoints([call] * 3)) == 3
    with pytest.raises(TypeError, match="got object"):
        dr.read_keypoints(object())


# --- MediaPipe
# --------------------------------------------------------------------------------------------------


def landmarks(points, visibility=None):
    hidden = np.ones(len(points)) if visibility is None else visibility
    return [
        {"x": x, "y": y, "z": 0.1, "visibility": v}
        for (x, y), v in zip(np.asarray(points).tolist(), hidden)
    ]


def test_mediapipes_landmarks_are_read_and_its_hidden_joints_kept(tmp_path, walk):
    points = detected(walk, "mediapipe33") / 1000
    hidden = np.ones(33)
    hidden[15] = 0.01  # the left wrist
    for content in (
        [{"frame": n, "landmarks": landmarks(p, hidden)} for n, p in enumerate(points)],
        [{"poseLandmarks": landmarks(p, hidden), "image": "a"} for p in points],
        [{"landmarks": [landmarks(p, hidden)], "worldLandmarks": []} for p in points],
        [{"pose_landmarks": {"landmark": landmarks(p, hidden)}} for p in points],
        [landmarks(p, hidden) for p in points],
        [[landmarks(p, hidden)] for p in points],
    ):
        path = write(tmp_path / "pose.json", content)
        with pytest.raises(ValueError, match="fractions of the picture"):
            dr.read_keypoints(path)
        found = dr.read_keypoints(path, image_size=SIZE)
        assert found.format == "mediapipe33" and len(found) == 20 and not found.person.any()
        assert np.abs(found.kp2d[:, WRIST] - walk[:, WRIST]).max() < 0.01
        assert np.allclose(found.confidence[:, WRIST], 0.7 + 0.3 * 0.01)
    dropped = dr.read_keypoints(path, image_size=SIZE, least_confidence=0.15)
    assert (dropped.confidence[:, WRIST] == 0).all()
    assert LEAST_OF["mediapipe33"] == 0 and LEAST_OF["coco17"] == 0.15


def test_mediapipes_arrays_and_objects(walk):
    points = detected(walk, "mediapipe33")
    rows = np.concatenate([points, np.full((20, 33, 1), 0.2), np.full((20, 33, 1), 0.8)], axis=-1)
    for array in (points, rows, rows[:, [*range(33)]][..., [0, 1, 3]]):
        assert np.abs(dr.read_keypoints(array, image_size=SIZE).kp2d - wanted(points, "mediapipe33")
                      ).max() < 0.01  # fmt: skip
    marks = [Thing(x=x / 1000, y=y / 1000, z=0, visibility=0.7) for x, y in points[0]]
    for result in (
        Thing(pose_landmarks=Thing(landmark=marks)),  # mp.solutions.pose
        Thing(pose_landmarks=[marks]),  # PoseLandmarker
    ):
        nobody = Thing(pose_landmarks=None)
        found = dr.read_keypoints([nobody, result], image_size=SIZE)
        assert found.frame.tolist() == [1] and np.allclose(found.confidence, 0.91)
    world = np.random.default_rng(0).uniform(-1, 1, (20, 1, 33, 2))
    with pytest.raises(ValueError, match="not MediaPipe's world landmarks"):
        dr.read_keypoints(world, image_size=SIZE)


# --- tables
# --------------------------------------------------------------------------------------------------


def long_table(coco, **names):
    joints = [name.replace(" ", "_").replace("foot", "ankle") for name in FORMATS["coco17"].joints]
    table = pd.DataFrame(
        [
            {"frame": f, "joint": joint, "x": x, "y": y, "confidence": c}
            for f, person in enumerate(coco)
            for joint, (x, y, c) in zip(joints, person)
        ]
    )
    return table.rename(columns=names)


@pytest.mark.parametrize("name", ["conf", "score", "likelihood", "visibility", "Confidence"])
def test_a_tables_confidence_is_used_whatever_its_name(tmp_path, coco, name):
    faint = coco.copy()
    faint[:, 9] = 700, 300, 0.01
    table = long_table(faint, confidence=name)
    table.to_csv(tmp_path / "k.csv", index=False)
    for given in (table, tmp_path / "k.csv"):
        found = dr.read_keypoints(given, image_size=SIZE)
        assert (found.confidence[:, WRIST] == 0).all()
        assert np.linalg.norm(found.kp2d[:, WRIST] - (700, 300), axis=-1).min() > 50


def test_tables_take_the_columns_of_tools_and_say_which_they_do_not_use(coco):
    two = pd.concat([long_table(coco).assign(track_id=1, z=0.5),
                     long_table(coco + (300, 0, 0)).assign(track_id=8, z=0.5)])  # fmt: skip
    for names in ({"frame": "frame_id", "joint": "bodypart"}, {"frame": "frame_idx"}):
        found = dr.read_keypoints(two.rename(columns=names), image_size=(1500, 1000))
        assert sorted(set(found.person)) == [1, 8] and len(found) == 40
        assert "columns not used: z" in found.notes
    with pytest.raises(ValueError, match=r"nose twice in frame 0.*columns not used: shot, z"):
        dr.read_keypoints(two.rename(columns={"track_id": "shot"}))


def test_wide_tables_and_deeplabcuts_are_read(tmp_path, coco):
    joints = [name.replace(" ", "_").replace("foot", "ankle") for name in FORMATS["coco17"].joints]
    wide = {f"{j}_{a}": coco[:, n, k] for n, j in enumerate(joints) for k, a in enumerate("xyc")}
    wide = pd.DataFrame({"frame": range(20), **wide, "tail_x": 1.0, "tail_y": 2.0})
    for table in (
        wide,
        wide.drop(columns="frame"),
        wide.rename(columns=lambda c: c.replace("_c", "_score")),
    ):
        table.to_csv(tmp_path / "wide.csv", index=False)
        found = dr.read_keypoints(tmp_path / "wide.csv", image_size=SIZE)
        assert np.abs(found.kp2d - wanted(coco)).max() < 0.01 and len(found) == 20
        assert np.allclose(found.confidence, 0.9)
    columns = pd.MultiIndex.from_product(
        [["DLC_resnet50"], joints, ["x", "y", "likelihood"]],
        names=["scorer", "bodyparts", "coords"],
    )
    dlc = pd.DataFrame(coco.reshape(20, -1), columns=columns)
    dlc.to_csv(tmp_path / "dlc.csv")
    for given in (dlc, tmp_path / "dlc.csv"):
        found = dr.read_keypoints(given, image_size=SIZE)
        assert np.abs(found.kp2d - wanted(coco)).max() < 0.01 and np.allclose(found.confidence, 0.9)
    several = pd.concat({"A": dlc["DLC_resnet50"], "B": dlc["DLC_resnet50"] + 300}, axis=1)
    several = pd.concat(
        {"DLC": several}, axis=1, names=["scorer", "individuals", "bodyparts", "coords"]
    )
    several.to_csv(tmp_path / "dlc.csv")
    found = dr.read_keypoints(tmp_path / "dlc.csv", image_size=(1500, 1500))
    assert len(found) == 40 and found.person.tolist() == [0, 1] * 20
    with pytest.raises(ValueError, match=r"HDF5: give the csv that DeepLabCut writes"):
        (tmp_path / "dlc.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
        dr.read_keypoints(tmp_path / "dlc.h5")


# --- who is who
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 13, 30, 250])
def test_people_of_thinned_films_are_followed_by_frames_seen(tmp_path, walk, step):
    """Every n-th frame of a film, with a wrist gone once: as in the film itself."""
    film = sure(detected(walk, "body25"))
    film[7, FORMATS["body25"].joints.index("left wrist")] = 0
    folder = openpose(tmp_path, [[(p[:, :2], p[:, 2])] for p in film])
    for path in sorted(folder.iterdir(), reverse=True):
        number = int(path.stem.split("_")[1])
        path.rename(folder / f"film_{number * step:012d}_keypoints.json")
    found = dr.read_keypoints(folder, image_size=SIZE)
    assert found.frame.tolist() == [n * step for n in range(20)] and not found.person.any()
    middle = (walk[6, WRIST] + walk[8, WRIST]) / 2
    assert np.allclose(found.kp2d[7, WRIST], middle, atol=0.01)
    assert "1 joint briefly not seen" in " ".join(found.notes)
    assert "without a person" not in " ".join(found.notes)


def test_frames_never_looked_at_are_not_called_empty(tmp_path, coco):
    rows = [{"image_id": f"{13 * n:05d}.jpg", "keypoints": flat(p), "score": 2}
            for n, p in enumerate(coco) if n != 5]  # fmt: skip
    found = dr.read_keypoints(write(tmp_path / "k.json", rows), image_size=SIZE)
    assert "1 frame of 20 without a person: they get no pose" in found.notes
    assert not found.person.any()


def test_microseconds_in_names_are_no_numbers_of_frames(tmp_path, coco):
    rows = [
        {"image_id": f"2018-07-04T12_04_17.{100000 + 40000 * n + n % 3}.png", "keypoints": flat(p)}
        for n, p in enumerate(coco)
    ]
    found = dr.read_keypoints(write(tmp_path / "k.json", rows), image_size=SIZE)
    assert found.frame.tolist() == list(range(20)) and not found.person.any()


def test_numbers_of_a_data_set_are_of_unrelated_pictures(tmp_path, coco):
    ids = np.random.default_rng(0).choice(500_000, 12, replace=False)
    rows = [{"image_id": int(n), "keypoints": flat(p)} for n, p in zip(np.sort(ids), coco)]
    found = dr.read_keypoints(write(tmp_path / "k.json", rows), image_size=SIZE)
    assert found.person.tolist() == list(range(12))
    assert not any("without a person" in note for note in found.notes)


def test_ticks_count_frames_looked_at():
    def tick(*numbers, **more):
        return film_of(np.array(numbers), **more).tick.tolist()

    assert tick(0, 30, 60, 60, 120) == [0, 1, 2, 2, 4]
    assert tick(5, 6, 9) == [0, 1, 4]
    assert tick(0, 90, looked=[0, 30, 60, 90]) == [0, 3]
    assert tick(7) == [0]
    assert film_of(np.array([0, 30, 60]), fps=15).seconds == 2.0
    assert film_of(np.array([0, 1, 2])).seconds == 1 / 30
    assert not film_of(np.array([139, 285, 581781])).regular


def test_somebody_alone_is_followed_at_a_low_rate(walk):
    """A step of two sizes between frames: one person is one, of two each is somebody's nearest."""
    seen = np.ones((10, 17), bool)
    size = np.sqrt(walk[0].var(0).sum())
    alone = walk[0] + np.arange(10)[:, None, None] * (2 * size, 0)
    assert not follow(alone, seen, np.arange(10)).any()
    both = np.stack([alone, alone + (0, 900)], 1).reshape(-1, 17, 2)
    frames = np.repeat(np.arange(10), 2)
    slow = follow(both, np.ones((20, 17), bool), frames, seconds=1.0)
    assert slow.tolist() == [0, 1] * 10
    fast = follow(both, np.ones((20, 17), bool), frames, seconds=1 / 30)
    assert fast.tolist() == list(range(20)), "nobody runs sixty sizes in a second"


def test_good_ids_are_kept_whatever_one_bad_id_says(tmp_path, coco):
    """One without a number, one number twice: the others keep theirs, as in the file without."""
    right = coco + (400, 0, 0)

    def film(change):
        content = [
            {
                "frame_id": n,
                "instances": [{**instance(a), "track_id": 7}, {**instance(b), "track_id": 9}],
            }
            for n, (a, b) in enumerate(zip(coco, right))
        ]
        change(content)
        return dr.read_keypoints(write(tmp_path / "k.json", content), image_size=(3000, 1000))

    def stranger(content, number):
        content[12]["instances"].append({**instance(coco[0] + (1500, 0, 0)), "track_id": number})

    good = film(lambda content: None)
    assert good.person.tolist() == [7, 9] * 20 and "number" not in " ".join(good.notes)
    for bad in (-1, None, "x", float("nan"), [-1]):
        found = film(lambda content, bad=bad: stranger(content, bad))
        assert found.person.tolist() == [7, 9] * 12 + [7, 9, 10] + [7, 9] * 7
        assert "without a number: numbered by their position" in " ".join(found.notes)
    twice = film(lambda content: stranger(content, 7))
    assert twice.person.tolist() == [7, 9] * 12 + [7, 9, 10] + [7, 9] * 7
    assert "the file has number 7 twice in frame 12" in " ".join(twice.notes)
    lost = film(lambda content: content[8]["instances"][1].pop("track_id"))
    assert lost.person.tolist() == [7, 9] * 20, "who lost their number for a frame gets it back"
    hidden = film(lambda content: [frame["instances"].pop() for frame in content[4:17]]
                  and stranger(content, -1))  # fmt: skip
    assert set(hidden.person) == {7, 9, 10} and (hidden.person == 9).sum() == 7


def test_numbers_that_everybody_has_are_no_ids(walk):
    frame = np.repeat(np.arange(10), 2)
    people = np.stack([walk[:10], walk[:10] + (500, 0)], 1).reshape(20, 17, 2)
    given, why = good_numbers([0] * 20, people, frame)
    assert (given == -1).all() and why == "the file has number 0 twice in frame 0"
    assert good_numbers([3, 4] * 10, people, frame)[1] is None
    assert good_numbers([None] * 20, people, frame)[1] is None


def test_unrelated_photos_are_not_drawn_into_each_other(tmp_path, walk):
    """A wrist that one of three photos lacks is guessed from that photo, and a word says that they
    were taken for a film.
    """
    rng = np.random.default_rng(3)
    for n in range(3):
        person = sure(detected(walk[6 * n : 6 * n + 1], "coco17"))[0]
        person[:, :2] += rng.uniform(-60, 60, 2)
        person[9, 2] = 0.9 if n != 1 else 0.0
        write(tmp_path / f"photo_{n + 1}.json", [instance(person)])
    found = dr.read_keypoints(tmp_path, image_size=SIZE)
    notes = " ".join(found.notes)
    assert "3 files read as frames of one film, in the order of their names" in notes
    assert "interpolated" not in notes and "placed where they are most likely" in notes


# --- one bad thing spoils only itself
# --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*left out:UserWarning")
def test_one_bad_person_is_left_out_and_said(tmp_path, walk):
    body = sure(detected(walk, "body25"))
    for bad in (None, {}, {"pose_keypoints_2d": []}, {"pose_keypoints_2d": [None]},
                {"pose_keypoints_2d": "x"}, 3, {"face_keypoints_2d": [1, 2, 3]}):  # fmt: skip
        for n, person in enumerate(body[:6]):
            people = [triples(person)] + ([bad] if n == 3 else [])
            write(tmp_path / f"a_{n:012d}_keypoints.json", {"version": 1.3, "people": people})
        found = dr.read_keypoints(tmp_path, image_size=SIZE)
        assert found.frame.tolist() == list(range(6)), bad
        assert "1 person left out (first in frame 3): " in " ".join(found.notes)
    write(tmp_path / "a_000000000003_keypoints.json", {"people": [None]})
    found = dr.read_keypoints(tmp_path, image_size=SIZE)
    assert found.frame.tolist() == [0, 1, 2, 4, 5] and "1 frame of 6 without" in str(found.notes)


@pytest.mark.parametrize("bad", [b"", b"{", b"\x00\x05\x16\x07Mac OS X"],
                         ids=["empty", "cut", "macOS"])  # fmt: skip
def test_one_bad_file_is_left_out_and_said(tmp_path, walk, bad):
    body = sure(detected(walk, "body25"))
    folder = openpose(tmp_path, [[(p[:, :2], p[:, 2])] for p in body[:5]])
    (folder / "pose.json").write_bytes(bad)
    found = dr.read_keypoints(folder, image_size=SIZE)
    assert found.frame.tolist() == list(range(5))
    assert "1 of 6 files left out, the first: " in " ".join(found.notes) and "pose.json" in str(
        found.notes
    )
    (folder / "pose.json").rename(folder / "._film_000000000000_keypoints.json")
    assert not any("left out" in note for note in dr.read_keypoints(folder, image_size=SIZE).notes)


def test_a_few_people_with_other_joints_are_left_out(tmp_path, coco):
    people = [[(p[:, :2], p[:, 2])] for p in coco]
    people[7].append((coco[0, :13, :2], coco[0, :13, 2]))
    found = dr.read_keypoints(mmpose_inferencer(tmp_path, people), image_size=SIZE)
    assert len(found) == 20
    assert "1 of 21 people left out: they do not have 17 keypoints" in found.notes


def test_nulls_and_names_of_frames(tmp_path, coco):
    def film(**change):
        frames = [{"frame_id": n, "instances": [instance(p)]} for n, p in enumerate(coco[:5])]
        frames[2] |= change
        return dr.read_keypoints(write(tmp_path / "k.json", frames), image_size=SIZE)

    assert film(instances=None).frame.tolist() == [0, 1, 3, 4]
    assert film(instances=[instance(coco[2]) | {"keypoint_scores": None}]).confidence[2].min() == 1
    assert film(frame_id=1e30).frame.tolist() == list(range(5))
    assert "1e+30 is no number" in " ".join(film(frame_id=1e30).notes)
    assert film(frame_id=3).frame.tolist() == list(range(5))
    assert "a number occurs twice" in " ".join(film(frame_id=3).notes)
    named = [{"frame_id": f"frame_{n:04d}", "instances": [instance(p)]} for n, p in enumerate(coco)]
    found = dr.read_keypoints(write(tmp_path / "k.json", named), image_size=SIZE)
    assert found.frame.tolist() == list(range(20))


def test_several_files_are_frames_and_capital_endings_count(tmp_path, coco):
    paths = [write(tmp_path / f"{n}.JSON", [instance(p)]) for n, p in enumerate(coco[:12])]
    for given in (tmp_path, paths, [str(p) for p in reversed(paths)]):
        found = dr.read_keypoints(given, image_size=SIZE)
        assert found.frame.tolist() == list(range(12)) and not found.person.any()
    assert dr.read_keypoints(paths, image_size=SIZE).name == "0.JSON and 11 files more"


# --- what is said
# --------------------------------------------------------------------------------------------------


REFUSED = {
    "3D poses": ({"about": {}, "poses": []}, "what drpose predict wrote: 3D poses, not keypoints"),
    "annotations": ({"annotations": [], "images": []}, "a data set's annotations"),
    "boxes": ([{"bbox": [1, 2, 3, 4], "score": 0.5, "image_id": 3}], "boxes without keypoints"),
    "Panoptic": ({"bodies": [{"id": 1, "joints19": [1, 2]}]}, "3D joints of Panoptic Studio"),
    "3D of MMPose": ([{"keypoints": [[1, 2, 3]] * 17, "keypoint_scores": [1] * 17}], "3D, not 2D"),
    "like OpenPose": ({"version": 1.3, "persons": [{"pose_keypoints_2d": [1, 2, 1]}]},
                      "it resembles OpenPose by 'pose_keypoints_2d'"),
    "like MediaPipe": ({"result": {"landmarks": 5, "presence": 1}},
                       "it resembles MediaPipe by 'landmarks', 'presence'"),
    "empty": ({}, "it is empty"),
    "like nothing": ({"a": 1, "b": [2]}, r"it has 'a', 'b', no people\)"),
    "nobody": ({"version": 1.3, "people": []}, "holds nobody: 1 frame, all empty"),
    "no body": ({"people": [{"pose_keypoints_2d": [], "pose_keypoints_3d": [1.0] * 100}]},
                "holds nobody who can be read: a person has no keypoints of a body"),
}  # fmt: skip


@pytest.mark.parametrize("content, sentence", REFUSED.values(), ids=REFUSED)
def test_a_refused_file_is_told_what_it_is_or_resembles(tmp_path, content, sentence):
    with pytest.raises(ValueError, match=f"k.json.*{sentence}"):
        dr.read_keypoints(write(tmp_path / "k.json", content))


OTHERS = {
    "page.json": (b"<!DOCTYPE html><html>", "is a web page or XML"),
    "people.pkl": (b"\x80\x04\x95\x00", "is a pickle, which can run code.*np.savez instead"),
    "photo.json": (b"\xff\xd8\xff\xe0", "is a picture: it needs a detector"),
    "k.npz": (b"PK\x03\x04 and no more", "is not complete npz"),
    "k.npy": (b"hello", "is no complete .npy"),
    "k.csv": (b"", "is not complete table"),
    "k.json.gz": (b"\x1f\x8b\x08\x00cut", "is no complete .gz"),
    "labels.txt": (b"0 0.5 hello", "it has something else than numbers"),
    "short.txt": (b"0 0.5 0.5 0.2 0.6 0.1 0.2", "a line has 7 numbers, not a class, a box"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_other_kinds_are_named(tmp_path, name):
    content, sentence = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} .*{sentence}"):
        dr.read_keypoints(tmp_path / name)


def test_low_scores_of_all_joints_get_a_threshold_that_works(tmp_path, coco):
    low = coco.copy()
    low[..., 2] = np.random.default_rng(0).uniform(0.06, 0.14, low.shape[:2])
    low[:, :3, 2] = 0.3
    path = alphapose(tmp_path, [[(p[:, :2], p[:, 2])] for p in low])
    with pytest.raises(
        ValueError, match=r"too few joints are sure enough.*--least-confidence"
    ) as error:
        dr.read_keypoints(path)
    least = float(re.search(r"least_confidence=([\d.]+)", str(error.value))[1])
    with pytest.warns(UserWarning, match="barely visible"):
        assert len(dr.read_keypoints(path, least_confidence=least)) == 20


def test_what_is_assumed_is_said(tmp_path, coco):
    path = mmpose_inferencer(tmp_path, [[(p[:, :2], p[:, 2])] for p in coco])
    notes = " ".join(dr.read_keypoints(path).notes)
    assert "the file has no frame rate: give fps if it matters, otherwise 30 is assumed" in notes
    assert "assumed, the smallest usual size" in notes
    content = {
        "meta_info": {"fps": 25, "image_size": [1000, 1000]},
        "instance_info": json.loads(path.read_text()),
    }
    known = dr.read_keypoints(write(tmp_path / "known.json", content))
    assert known.fps == 25 and not any("assumed" in note for note in known.notes)


def test_turned_pictures_and_exchanged_axes_are_pointed_out(walk):
    x, y = np.moveaxis(walk, -1, 0)
    for way in ((y, x), (1000 - y, x), (y, 1000 - x)):
        with pytest.warns(UserWarning, match="x and y are swapped, or the picture is rotated"):
            dr.read_keypoints(np.stack(way, -1), image_size=SIZE, format="h36m17")
    notes = dr.read_keypoints(walk, image_size=SIZE, format="h36m17").notes
    assert not any("swapped" in note for note in notes)


def test_the_documents_matrix_names_every_tool_and_format():
    text = (dr.project_root() / "docs" / "keypoint_files.md").read_text()
    for layout in LAYOUTS[2:]:
        assert layout.tool in text, layout.tool
    for form in FORMATS:
        assert f"`{form}`" in text, form

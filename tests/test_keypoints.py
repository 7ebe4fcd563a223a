"""2D keypoints from anywhere: files exactly as the tools write them, conversion by the table,
people followed, gaps filled, nonsense refused.
"""

import json
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from keypoint_files import (
    alphapose,
    alphapose_open,
    detected,
    mmpose_demo,
    mmpose_demo_picture,
    mmpose_inferencer,
    mmpose_inferencer_pictures,
    mmpose_instances,
    openpose,
)

import drpose_core as dr
from drpose_core.keypoints import plausible
from drpose_core.keypoints.conversion import to_h36m
from drpose_core.keypoints.formats import FORMATS, conversion_table, formats_of
from drpose_core.keypoints.people import follow
from drpose_core.skeleton import JOINTS, MIRRORED, J

ROOT = dr.project_root()
SIZE = (1000, 1000)


@pytest.fixture(scope="module")
def pixels():
    """Human3.6M's joints of somebody walking, (20, 17, 2)."""
    poses = dr.synthetic_poses("test", stride=5, seconds=4, takes=1, keypoints="exact")
    one = next(n for n, name in enumerate(poses.sequences) if name.startswith("S9/Walking"))
    return dr.screen_to_pixels(poses.kp2d[poses.sequence == one][:20], 1000, 1000).numpy()


WRITERS = [
    (mmpose_inferencer, "coco17", 0),
    (mmpose_inferencer, "halpe26", 0),
    (mmpose_inferencer, "h36m17", 0),
    (mmpose_inferencer_pictures, "coco17", 8),
    (mmpose_demo, "coco17", 1),
    (alphapose, "halpe26", 0),
    (alphapose, "coco17", 0),
    (alphapose_open, "body18", 0),
    (openpose, "body25", 0),
]


@pytest.mark.parametrize(
    "write, form, first", WRITERS, ids=lambda x: getattr(x, "__name__", str(x))
)
def test_files_as_the_tools_write_them(tmp_path, pixels, write, form, first):
    """Two people in twelve frames; none in frame 4; the other comes in frame 6.

    Numbers, frames and confidence arrive.
    """
    rng = np.random.default_rng(0)
    one, two = detected(pixels, form), detected(pixels + (400, 30), form)
    sure = rng.uniform(0.3, 0.9, one.shape[:2]).round(3)
    frames = [
        [] if n == 4 else [(one[n], sure[n])] + [(two[n], sure[n])] * (n >= 6) for n in range(12)
    ]
    found = dr.read_keypoints(write(tmp_path, frames))
    assert found.format == form and len(found) == 17
    assert found.frame.tolist() == [first + n for n, people in enumerate(frames) for _ in people]
    assert found.person.tolist() == [0] * 5 + [0, 1] * 6
    wanted, confidence = to_h36m(one, sure, form)
    mine = found.person == 0
    kept = [n for n in range(12) if n != 4]
    assert (
        np.abs(found.kp2d[mine] - wanted[kept]).max() < 0.01
        and np.abs(found.confidence[mine] - confidence[kept]).max() < 0.002
    )
    assert np.abs(found.kp2d[~mine] - wanted[6:12] - (400, 30)).max() < 0.01
    notes = " ".join(found.notes)
    assert (
        "1 frame of 12 without a person" in notes
        and "people are tracked" in notes
        and "picture of" in notes
    )


def test_whole_body_formats_begin_with_a_body(pixels):
    for count, form in ((133, "coco17"), (136, "halpe26")):
        body = detected(pixels, form)
        longer = np.concatenate([body, np.full((len(body), count - body.shape[1], 2), 7.0)], axis=1)
        assert np.allclose(
            dr.read_keypoints(longer).kp2d, dr.read_keypoints(body, format=form).kp2d
        )


def test_the_tools_own_numbers_of_people_are_kept(tmp_path, pixels):
    one = detected(pixels, "halpe26")
    people = [[(x, np.ones(26)), (x + (400, 0), np.ones(26))] for x in one]
    assert (
        dr.read_keypoints(alphapose(tmp_path, people, follow=True)).person.tolist() == [1, 2] * 20
    )


def test_the_data_set_named_in_the_file_decides(tmp_path, pixels):
    found = dr.read_keypoints(
        mmpose_demo_picture(tmp_path, [[(pixels[0], np.ones(17))]], dataset="h36m")
    )
    assert (
        found.format == "h36m17"
        and np.allclose(found.kp2d[0], pixels[0], atol=0.01)
        and found.frame.tolist() == [0]
    )


def test_arrays_and_tables_say_the_same(pixels):
    coco = detected(pixels, "coco17")
    sure = np.random.default_rng(1).uniform(0.2, 1, coco.shape[:2])
    wanted = dr.read_keypoints(np.concatenate([coco, sure[..., None]], axis=-1), image_size=SIZE)
    assert wanted.format == "coco17" and len(wanted) == 20 and not wanted.person.any()
    again = dr.read_keypoints(
        torch.from_numpy(np.concatenate([coco, sure[..., None]], axis=-1))[:, None], image_size=SIZE
    )
    assert np.array_equal(again.kp2d, wanted.kp2d)
    long = pd.DataFrame(
        [
            {
                "frame": f,
                "person": "Ann",
                "joint": name,
                "x": coco[f, k, 0],
                "y": coco[f, k, 1],
                "confidence": sure[f, k],
            }
            for f in range(20)
            for k, name in enumerate(FORMATS["coco17"].joints)
        ]
    )
    for table in (
        long,
        long.sample(frac=1, random_state=0),
        long.drop(columns="joint"),
        long.rename(columns={"joint": "keypoint", "confidence": "score"}),
    ):
        found = dr.read_keypoints(table, image_size=SIZE)
        assert np.allclose(found.kp2d, wanted.kp2d, atol=1e-4) and np.allclose(
            found.confidence, wanted.confidence
        )
    without = dr.read_keypoints(
        long[~((long.joint == "left wrist") & (long.frame == 7))], image_size=SIZE
    )
    assert without.confidence[
        7, JOINTS.index("left wrist")
    ] == 0 and "1 joint briefly not seen" in " ".join(without.notes)


def test_saved_keypoints_are_read_again(tmp_path, pixels):
    people = np.stack([pixels, pixels + (300, 0)], axis=1)
    people[3, 0, 5] = np.nan
    found = dr.read_keypoints(people, image_size=(1400, 900))
    found.save(tmp_path / "k.json")
    again = dr.read_keypoints(tmp_path / "k.json")
    assert (again.width, again.height, again.format) == (1400, 900, "h36m17")
    assert np.allclose(again.kp2d, found.kp2d, atol=0.02) and np.array_equal(
        again.person, found.person
    )
    assert np.array_equal(again.confidence > 0, found.confidence > 0)


# --- conversion


@pytest.mark.parametrize("form", FORMATS)
def test_conversion_is_the_table(form, pixels):
    """Joint by joint, by reading the words of the table."""
    keypoints = detected(pixels, form)
    at = {name: keypoints[:, k] for k, name in enumerate(FORMATS[form].joints)}
    if "left ear" in at:
        at["ears"] = (at["left ear"] + at["right ear"]) / 2
    table = conversion_table()[form]

    def made(name):
        if table[name] == "same":
            return at[name]
        value = 0
        for sign, weight, part in re.findall(
            r"(?:^|([+-]) )([\d.]+ )?([a-z ]+?)(?= [+-] |$)", table[name]
        ):
            place = at[part] if part in at else made(part)
            value = value + (-1 if sign == "-" else 1) * float(weight or 1) * place
        return value

    kp2d, confidence = to_h36m(keypoints, np.ones(keypoints.shape[:2]), form)
    assert (confidence == 1).all()
    for j, name in enumerate(JOINTS):
        assert np.allclose(kp2d[:, j], made(name), atol=1e-3), name
    near = np.linalg.norm(kp2d - pixels, axis=-1).mean(0) / (
        pixels[..., 1].max() - pixels[..., 1].min()
    )
    assert near.max() < 0.04, "the joints made lie near those of the skeleton"


@pytest.mark.parametrize("form", FORMATS)
def test_a_mirrored_person_is_converted_to_a_mirrored_pose(form, pixels):
    names = FORMATS[form].joints
    other = [
        names.index(n.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right"))
        for n in names
    ]
    keypoints = detected(pixels, form)
    mirrored = (keypoints * (-1, 1))[:, other]
    sure = np.ones(keypoints.shape[:2])
    assert np.allclose(
        to_h36m(mirrored, sure, form)[0],
        (to_h36m(keypoints, sure, form)[0] * (-1, 1))[:, list(MIRRORED)],
    )


def test_a_made_joint_is_as_sure_as_its_least_sure_part(pixels):
    keypoints, sure = detected(pixels, "coco17")[:1], np.full((1, 17), 0.9)
    names = FORMATS["coco17"].joints
    sure[0, names.index("left shoulder")] = 0.2
    confidence = dict(zip(JOINTS, to_h36m(keypoints, sure, "coco17")[1][0]))
    assert (
        confidence["thorax"]
        == confidence["spine"]
        == confidence["neck"]
        == confidence["head"]
        == 0.2
        and confidence["hip"] == 0.9
    )
    sure[0, names.index("left ear")] = 0
    one_ear = to_h36m(keypoints, sure, "coco17")[0][0, JOINTS.index("head")]
    thorax = (keypoints[0, 5] + keypoints[0, 6]) / 2
    assert np.allclose(one_ear, 1.6 * keypoints[0, names.index("right ear")] - 0.6 * thorax), (
        "one ear is enough"
    )
    sure[
        0, [names.index(n) for n in ("left hip", "nose", "left eye", "right eye", "right ear")]
    ] = 0
    confidence = dict(zip(JOINTS, to_h36m(keypoints, sure, "coco17")[1][0]))
    assert [name for name in JOINTS if confidence[name] == 0] == [
        "hip",
        "left hip",
        "spine",
        "neck",
        "head",
    ]


# --- who is who, gaps, guesses


def test_people_are_followed_whatever_their_order(pixels):
    rng = np.random.default_rng(2)
    steps = (
        np.linspace(0, 120, 20)[:, None, None, None]
        * np.array([[1, 0], [-1, 0], [0, 0.3]])[None, :, None]
    )
    # (20, 3, 17, 2)
    people = pixels[:, None] + np.array([[0, 0], [500, 0], [250, 300]])[None, :, None] + steps
    order = np.stack([rng.permutation(3) for _ in range(20)])
    shuffled = np.take_along_axis(people, order[..., None, None], axis=1)
    found = dr.read_keypoints(shuffled, image_size=(2000, 1500))
    first = {who: order[0, who] for who in range(3)}
    assert [first[p] for p in found.person] == order.ravel().tolist()


def test_somebody_who_leaves_and_comes_back_soon_is_the_same(pixels):
    seen = np.ones(17, dtype=bool)
    row = pixels[0]
    frames = np.array([0, 1, 2, 20, 80])
    assert follow(np.stack([row] * 5), np.stack([seen] * 5), frames).tolist() == [0, 0, 0, 0, 1]
    far = np.stack([row, row + (900, 0)])
    assert follow(far, np.stack([seen] * 2), np.array([0, 1])).tolist() == [0, 1], (
        "nobody jumps so far"
    )


def test_a_joint_gone_for_a_moment_is_drawn_in_between(pixels):
    gone = pixels.copy()
    gone[5:8, 13] = np.nan
    found = dr.read_keypoints(gone, image_size=SIZE)
    line = pixels[4, 13] + (pixels[8, 13] - pixels[4, 13]) * np.array([[0.25], [0.5], [0.75]])
    assert (
        np.allclose(found.kp2d[5:8, 13], line, atol=1e-3) and (found.confidence[5:8, 13] == 0).all()
    )
    assert np.allclose(np.delete(found.kp2d, 13, 1), np.delete(pixels, 13, 1), atol=1e-3)


def test_a_joint_never_seen_is_guessed_near_where_it_is(pixels):
    gone = pixels.copy()
    gone[:, [10, 13]] = np.nan
    found = dr.read_keypoints(gone, format="h36m17", image_size=SIZE)
    height = np.ptp(pixels[..., 1])
    off = np.linalg.norm(found.kp2d - pixels, axis=-1) / height
    assert (
        off[:, 10].max() < 0.05
        and off[:, 13].max() < 0.3
        and np.delete(off, [10, 13], 1).max() < 1e-5
    )
    assert (
        "40 joints not seen (head, left wrist): placed where they are most likely, confidence 0"
        in found.notes
    )


def test_the_guess_is_the_conditional_mean(pixels):
    """By brute force: the missing coordinates that minimise the surprise of the whole."""
    seen = np.ones((1, J), dtype=bool)
    seen[0, 13] = False
    kp2d, _ = plausible.filled(pixels[:1], seen)

    def whole(place):
        return plausible.filled(
            np.concatenate([kp2d[:, :13], place[None, None], kp2d[:, 14:]], axis=1),
            np.ones((1, J), bool),
        )[1][0]

    best = kp2d[0, 13]
    size = np.ptp(pixels[0, :, 1])
    for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert whole(best + 0.15 * size * np.array(direction)) > whole(best)


def test_guess_and_surprise_do_not_know_place_and_size(pixels):
    seen = np.ones((20, J), dtype=bool)
    seen[:, [3, 12, 13]] = False
    near, surprise = plausible.filled(pixels, seen)
    far, other = plausible.filled(pixels * 0.1 + (5000, -300), seen)
    assert np.allclose((far - (5000, -300)) * 10, near, atol=1e-6) and np.allclose(surprise, other)


def test_people_are_not_surprising_and_wrong_orders_are(pixels):
    """Shares above STRANGE: none of 2,400 poses of the synthetic test subjects; all of shuffled
    joints, of COCO's order, of y upwards.
    """
    poses = dr.synthetic_poses("test", stride=25, takes=1)
    kp2d, seen = poses.kp2d.numpy(), np.ones((len(poses), J), dtype=bool)

    def strange(x):
        return (plausible.filled(x, seen)[1] > plausible.STRANGE).mean()

    assert strange(kp2d) == 0
    # COCO's order taken for Human3.6M's
    coco = [10, 10, 10, 10, 10, 11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3]
    assert (
        strange(kp2d[:, np.random.default_rng(0).permutation(J)]) == 1
        and strange(kp2d[:, coco]) == 1
        and strange(kp2d * (1, -1)) == 1
    )


# --- what is said, and what is refused


def test_what_may_be_wrong_is_warned_of(pixels):
    with pytest.warns(
        UserWarning,
        match=r"20 of 20 poses do not resemble a human pose .worst: .* does y point down",
    ):
        found = dr.read_keypoints(SIZE[1] - pixels, format="h36m17", image_size=SIZE)
    assert "do not resemble a human" in found.notes[-1]
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match="do not resemble a human"):
        dr.read_keypoints(rng.uniform(0, 900, (5, 1, 25, 2)))
    half = np.concatenate([pixels[:, None], pixels[:, None] + (400, 0)], axis=1)
    half[:, 1, 5:] = np.nan
    with pytest.warns(
        UserWarning,
        match=r"20 poses left out .first in frame 0.: fewer than 8 of the 17 joints are seen",
    ):
        assert len(dr.read_keypoints(half, format="h36m17")) == 20
    point = pixels.copy()
    point[3] = 500
    with pytest.warns(
        UserWarning, match=r"1 pose left out .first in frame 3.: all joints lie within two pixels"
    ):
        assert 3 not in dr.read_keypoints(point, image_size=SIZE).frame


def test_seventeen_joints_are_told_apart(pixels):
    assert dr.read_keypoints(pixels[:1]).format == "h36m17"
    coco = detected(pixels, "coco17")
    assert dr.read_keypoints(coco[:1]).format == "coco17"
    for gone in ([0, 1, 2, 3], [11, 13, 15]):
        part = coco.copy()
        part[:, gone] = np.nan
        assert dr.read_keypoints(part).format == "coco17"
    assert formats_of(26) == ["halpe26"] and formats_of(17) == ["coco17", "h36m17"]


def test_the_size_of_the_picture_is_guessed_aloud(pixels):
    for kp, size in (
        (pixels * 0.3, (640, 480)),
        (pixels, (1280, 720)),
        (pixels + (0, 900), (1080, 1920)),
        (pixels * 9, None),
    ):
        found = dr.read_keypoints(kp)
        size = size or (found.width, found.height)
        assert (found.width, found.height) == size and any(
            f"{size[0]} x {size[1]} assumed" in note for note in found.notes
        )
        assert found.kp2d[..., 0].max() <= size[0] and found.kp2d[..., 1].max() <= size[1]


BAD = [
    (np.zeros((3, 17, 2)), "no keypoint with a confidence of 0.15 or more"),
    (
        np.concatenate([np.ones((2, 17, 2)) * 400, np.zeros((2, 17, 1))], -1),
        "no keypoint with a confidence of 0.15 or more",
    ),
    (np.full((3, 17, 2), np.nan), "holds nobody: 3 frames, all empty"),
    (
        np.random.default_rng(0).uniform(0, 1, (3, 1, 17, 2)),
        r"between 0 and 1, fractions of the picture.*image_size=.1920, 1080. .--image-size 1920",
    ),
    (
        np.random.default_rng(0).uniform(-1, 1, (3, 1, 17, 2)),
        r"between -2 and 2, around 0, not in pixels.*keypoint_scale 0",
    ),
    (
        np.concatenate(
            [
                np.random.default_rng(0).uniform(0, 900, (3, 1, 17, 2)),
                np.full((3, 1, 17, 1), -0.2),
            ],
            -1,
        ),
        "confidences below 0: is the third number a depth",
    ),
    (
        np.random.default_rng(0).uniform(0, 1, (3, 1, 17, 2)) * 1e7,
        "outside any picture: give pixels",
    ),
    (
        np.zeros((3, 19, 2)) + 5,
        "19 keypoints a person belong to no known format: bring them into one of coco17 .17., "
        "halpe26",
    ),
    (np.zeros((3, 17, 4)), "four numbers per keypoint are known of MediaPipe only"),
    (np.zeros((0, 17, 2)), r"keypoints must be .K, 2."),
    (pd.DataFrame({"x": [1.0]}), "the table lacks y"),
    (pd.DataFrame({"x": ["a"], "y": [1.0]}), "something else than numbers in x, y"),
    (
        pd.DataFrame({"x": [1.0, 2], "y": [1.0, 2], "joint": ["knee", "elbow"]}),
        "joints knee, elbow, ... are those of no known format; coco17, for one, has nose, left eye",
    ),
    (
        pd.DataFrame({"x": [9.0] * 35, "y": [9.0] * 35, "frame": [0] * 18 + [1] * 17}),
        r"\[17, 18\] keypoints for different people",
    ),
    (pd.DataFrame({"x": [9.0], "y": [9.0], "frame": [np.nan]}), "frames that are no whole numbers"),
    (
        pd.DataFrame({"x": [9.0] * 2, "y": [9.0] * 2, "joint": [0, 0]}),
        "the table has joint 0 twice in frame 0, person 0",
    ),
    (
        pd.DataFrame({"x": [9.0], "y": [9.0], "joint": [3]}),
        "numbered .3. ..., not 0 to K - 1: number them from 0",
    ),
]


@pytest.mark.parametrize("given, sentence", BAD, ids=lambda x: str(x)[:40].replace("\n", " "))
def test_nonsense_gets_a_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        dr.read_keypoints(given)


def test_other_arguments_get_a_sentence(pixels):
    with pytest.raises(ValueError, match="unknown keypoint format 'mpii': choose from coco17"):
        dr.read_keypoints(pixels, format="mpii")
    with pytest.raises(ValueError, match="17 keypoints a person, body25 has 25"):
        dr.read_keypoints(pixels, format="body25")
    with pytest.raises(ValueError, match="image_size must be a width and a height"):
        dr.read_keypoints(pixels, image_size=(0, 5))
    with pytest.raises(TypeError, match="got object"):
        dr.read_keypoints(object())
    found = dr.read_keypoints(pixels, image_size=SIZE)
    with pytest.raises(ValueError, match=r"field of view .* between 4 and 170 degrees, got 0"):
        found.poses(field_of_view=0)
    with pytest.raises(ValueError, match=r"got 1.13"):
        found.poses(field_of_view=1.13)  # radians
    for matrix in (
        np.zeros((3, 3)),
        np.array([[900, 0, 500], [0, 900, 500], [0, 0, 1]]).T,
        np.eye(3) * np.nan,
    ):
        with pytest.raises(ValueError, match="camera_matrix must be"):
            found.poses(camera_matrix=matrix)
    with pytest.raises(
        ValueError, match="sees 180 degrees: it is one for pictures of another size"
    ):
        found.poses(camera_matrix=np.eye(3))


BROKEN = {
    "": "is not complete JSON",
    '[{"keypoints": [[1, 2], [3': "is not complete JSON",
    "[" * 100_000: "is not complete JSON",
    "7": "no keypoints of a known layout .it is one int",
    '"x"': "no keypoints of a known layout",
    "[1, 2]": "it is a list, but not of people, frames or numbers",
    '[{"a": 1}]': "it has 'a', no people",
    '[{"keypoints": [1, 2, 3, 4]}]': "4 numbers, not x, y, confidence in a row",
    '[{"keypoints": [[1, 2, 3]], "keypoint_scores": [1]}]': "three coordinates and a score: 3D, not 2D",
    '[{"keypoints": [[1, 2]], "keypoint_scores": [1, 2]}]': "1 keypoints have .2,. scores",
    '[{"keypoints": [["a", 2]], "keypoint_scores": [1]}]': "nobody who can be read: keypoints of a person are not numbers",
    '[{"keypoints": [[1, 2], [3]]}]': "keypoints of a person are not numbers, or not alike in length",
    '{"people": [{"pose_keypoints_2d": [1, 2, 3]}, {"pose_keypoints_2d": [1, 2, 3, 4, 5, 6]}]}': "people have 1 and 2 keypoints",
    '{"people": 3}': "no keypoints of a known layout",
    '{"people": [{"person_id": [], "pose_keypoints_2d": [1, 2]}]}': "2 numbers, not x, y, confidence in a row",
    '[{"frame_id": 1e30, "instances": [{"keypoints": [[1, 2]]}]}]': "1 keypoints a person belong to no known format",
    '{"annotations": [], "images": []}': "a data set's annotations, not what a detector found",
    '{"0": {"keypoints": []}}': "it has .0., .keypoints., no people; it resembles ultralytics",
    "[[1, 2], [3, 4]]": "2 keypoints a person belong to no known format",
    '{"people": []}': "holds nobody: 1 frame, all empty",
    "[]": "holds nobody",
    '{"meta_info": 5, "instance_info": []}': "holds nobody: 1 frame, all empty",
    '[{"image_id": 3, "keypoints": []}]': "holds nobody who can be read: a person has no keypoints of a body",
}


@pytest.mark.parametrize("text, sentence", BROKEN.items(), ids=[text[:30] for text in BROKEN])
def test_broken_files_get_a_sentence(tmp_path, text, sentence):
    (tmp_path / "k.json").write_text(text)
    with pytest.raises(ValueError, match=f"k.json.*{sentence}"):
        dr.read_keypoints(tmp_path / "k.json")


def test_missing_files_and_folders_get_a_sentence(tmp_path, pixels):
    with pytest.raises(FileNotFoundError, match=r"nothing.json not found: give the JSON, npz"):
        dr.read_keypoints(tmp_path / "nothing.json")
    with pytest.raises(FileNotFoundError, match=r"holds no .json files"):
        dr.read_keypoints(tmp_path)
    film = mmpose_inferencer(tmp_path, [[(detected(pixels, "coco17")[0], np.ones(17))]] * 3)
    assert len(dr.read_keypoints(tmp_path)) == 3, "one file of a folder is read as that file"
    (tmp_path / "film_2.json").write_bytes(film.read_bytes())
    with pytest.raises(
        ValueError, match=r"film.json holds 3 frames; of several files each should be one frame"
    ):
        dr.read_keypoints(tmp_path)


def test_numbers_of_people_that_cannot_be_are_not_believed(tmp_path, pixels):
    rows = [
        {
            "image_id": f"{n}.jpg",
            "keypoints": np.column_stack([pixels[n] + shift, np.ones(17)]).ravel().tolist(),
            "score": 1,
            "idx": 4,
        }
        for n in range(2)
        for shift in (0, 300)
    ]
    (tmp_path / "twice.json").write_text(json.dumps(rows))
    found = dr.read_keypoints(tmp_path / "twice.json")
    assert found.person.tolist() == [
        0,
        1,
        0,
        1,
    ] and "the file has number 4 twice in frame 0" in " ".join(found.notes)


def test_a_nan_in_a_file_is_a_missing_joint(tmp_path, pixels):
    row = [{"keypoints": pixels[0].tolist(), "keypoint_scores": [0.9] * 17}]
    row[0]["keypoints"][13] = [float("nan"), 3.0]
    row[0]["keypoint_scores"][2] = float("nan")
    (tmp_path / "nan.json").write_text(json.dumps(row))
    found = dr.read_keypoints(tmp_path / "nan.json")
    assert (
        np.flatnonzero(found.confidence[0] == 0).tolist() == [2, 13]
        and np.isfinite(found.kp2d).all()
    )


def test_a_hundred_people_and_ten_thousand_frames(tmp_path, pixels):
    grid = np.stack(np.meshgrid(np.arange(10) * 400, np.arange(10) * 1000), -1).reshape(100, 1, 2)
    crowd = pixels[:5, None] + grid[None]  # (5, 100, 17, 2)
    found = dr.read_keypoints(crowd, image_size=(5000, 12000))
    assert len(found) == 500 and found.person.tolist() == list(range(100)) * 5
    long = np.concatenate([pixels, pixels[::-1]] * 250)  # 10,000 frames
    tracemalloc.start()
    assert len(dr.read_keypoints(long, image_size=SIZE)) == 10_000
    assert tracemalloc.get_traced_memory()[1] < 300e6
    tracemalloc.stop()


def test_the_example_is_the_projection_it_says_it_is():
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "make_keypoints", ROOT / "docs" / "make_keypoints.py"
    )
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    content = json.loads((ROOT / "notebooks" / "example_keypoints.json").read_text())
    assert "nothing was detected" in content["meta_info"]["description"]
    written = np.array(
        [[p["keypoints"] for p in frame["instances"]] for frame in content["instance_info"]]
    )
    assert np.abs(written - maker.made().numpy()).max() < 0.06


def test_one_wild_keypoint_does_not_stop_a_film(pixels):
    """However far away: it is not believed, the others of the frame stay, and every picture can be
    redrawn.
    """
    wild = np.concatenate([pixels] * 3)
    for n, x in ((7, 20_000), (20, -30_000), (41, 3_000_000)):
        wild[n, 13] = x, 400
    found = dr.read_keypoints(wild, format="h36m17", image_size=SIZE)
    assert "3 keypoints far away from all others of the person: treated as not seen" in found.notes
    assert np.flatnonzero(found.confidence[:, 13] == 0).tolist() == [7, 20, 41]
    for angle in (47, 90, 150, 170):
        assert found.poses(field_of_view=angle).kp2d.abs().max() <= 4


def test_a_picture_of_another_size_is_noticed(pixels):
    wide = pixels * 1.9
    for size in ((640, 480), (320, 1900)):
        with pytest.warns(
            UserWarning, match=r"of the joints lie outside the picture of .* width before height"
        ):
            dr.read_keypoints(wide, format="h36m17", image_size=size)
    with pytest.warns(UserWarning, match="outside the picture"):
        assert dr.read_keypoints(pixels - (2500, 0), format="h36m17").width >= 1
    assert not any("outside" in note for note in dr.read_keypoints(pixels, image_size=SIZE).notes)


@pytest.mark.filterwarnings("ignore:.*left out:UserWarning")
def test_people_hardly_seen_are_pointed_out(pixels):
    sure = np.full((20, 17, 1), 0.9)
    sure[4] = 0.2
    with pytest.warns(
        UserWarning,
        match="1 pose of 20 barely visible .mean confidence below 0.3; first: person 0 in frame 4",
    ):
        dr.read_keypoints(np.concatenate([pixels, sure], -1), image_size=SIZE)
    sure[4] = 0.1
    assert (
        len(
            dr.read_keypoints(
                np.concatenate([pixels, sure], -1)[:5], image_size=SIZE, least_confidence=0.15
            )
        )
        == 4
    )


def test_the_least_confidence_is_the_users(pixels):
    sure = np.full((20, 17, 1), 0.9)
    sure[:, 13] = 0.25
    for least, guessed in ((0.2, 0), (0.3, 20)):
        found = dr.read_keypoints(
            np.concatenate([pixels, sure], -1), image_size=SIZE, least_confidence=least
        )
        assert (found.confidence == 0).sum() == guessed


def test_frames_keep_the_order_of_their_names(tmp_path, pixels):
    for name, n in (("12-00-58", 0), ("12-00-59", 1), ("12-01-00", 2)):
        (tmp_path / f"{name}.json").write_text(
            json.dumps(mmpose_instances([(pixels[n], np.ones(17))]))
        )
    found = dr.read_keypoints(tmp_path, format="h36m17")
    assert found.frame.tolist() == [0, 1, 2] and np.allclose(found.kp2d, pixels[:3], atol=0.01)


def test_a_folder_of_different_kinds_is_refused(tmp_path, pixels):
    for n, size in enumerate(([640, 480], [1920, 1080])):
        info = {
            "meta_info": {"dataset_name": "h36m", "image_size": size},
            "instance_info": mmpose_instances([(pixels[n], np.ones(17))]),
        }
        (tmp_path / f"{n}.json").write_text(json.dumps(info))
    with pytest.raises(
        ValueError,
        match=r"1.json has image size \(1920, 1080\), the files before \(640, 480\): give each kind by itself",
    ):
        dr.read_keypoints(tmp_path)
    (tmp_path / "1.json").write_text(
        json.dumps(mmpose_instances([(np.ones((26, 2)), np.ones(26))]))
    )
    with pytest.raises(ValueError, match=r"1.json: people have 17 and 26 keypoints"):
        dr.read_keypoints(tmp_path)


def test_numbers_below_zero_are_nobodys(tmp_path, pixels):
    rows = [
        {"keypoints": (pixels[0] + shift).tolist(), "keypoint_scores": [1] * 17, "track_id": who}
        for shift, who in ((0, -1), (300, 0))
    ]
    (tmp_path / "k.json").write_text(json.dumps(rows))
    assert dr.read_keypoints(tmp_path / "k.json", format="h36m17").person.tolist() == [1, 0]


def test_tables_take_the_names_that_tools_use(pixels):
    coco = detected(pixels, "coco17")
    names = [name.replace(" ", "_").replace("foot", "ankle") for name in FORMATS["coco17"].joints]
    rows = [
        {"Frame": f, "keypoint": name, "X": coco[f, k, 0], "Y": coco[f, k, 1], "likelihood": 0.5}
        for f in range(20)
        for k, name in enumerate(names)
    ]
    found = dr.read_keypoints(pd.DataFrame(rows), image_size=SIZE)
    assert found.format == "coco17" and np.allclose(
        found.kp2d, to_h36m(coco, np.ones((20, 17)), "coco17")[0], atol=1e-3
    )
    assert (found.confidence == 0.5).all()
    people = pd.DataFrame([{**row, "person": None if row["Frame"] == 3 else "Ann"} for row in rows])
    assert len(dr.read_keypoints(people, image_size=SIZE)) == 20, (
        "rows without a person's name are not lost"
    )


def test_pictures_with_numbers_of_a_data_set_are_no_film(tmp_path, pixels):
    rows = [
        {
            "image_id": image,
            "category_id": 1,
            "keypoints": np.column_stack([pixels[n], np.ones(17)]).ravel().tolist(),
            "score": 0.9,
        }
        for n, image in enumerate((139, 285, 581781))
    ]
    (tmp_path / "results.json").write_text(json.dumps(rows))
    found = dr.read_keypoints(tmp_path / "results.json", format="h36m17")
    assert found.frame.tolist() == [139, 285, 581781] and not any(
        "without a person" in note for note in found.notes
    )


def test_the_typical_pose_is_the_synthetic_figures():
    """typical_pose.json, recomputed from the training set that it was computed from."""
    kp2d = dr.synthetic_poses("train", stride=25, takes=1).kp2d.numpy().astype(float)
    kp2d -= kp2d.mean(1, keepdims=True)
    kp2d /= np.sqrt(np.square(kp2d).sum(-1).mean(-1))[:, None, None]
    typical = json.loads(Path(plausible.__file__).with_name("typical_pose.json").read_text())
    np.testing.assert_allclose(typical["mean"], kp2d.mean(0), atol=1e-6)
    np.testing.assert_allclose(
        typical["covariance"], np.cov(kp2d.reshape(len(kp2d), -1).T), atol=1e-6
    )

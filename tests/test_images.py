"""Pictures and films to keypoints: everything around the detector, with recorded keypoints in the
place of its networks.
"""

import json
from functools import partial

import numpy as np
import pytest

import drpose_core as dr
from drpose_core.keypoints import detectors
from drpose_core.keypoints.formats import FORMATS

cv2 = pytest.importorskip(
    "cv2", reason="the optional detector is not installed: pip install -e '.[image]'"
)
rtmlib = pytest.importorskip(
    "rtmlib", reason="the optional detector is not installed: pip install -e '.[rtmpose]'"
)

detect = partial(dr.detect_keypoints, detector="rtmpose-balanced")
EXAMPLE = dr.project_root() / "notebooks" / "example_keypoints.json"


class Recorded:
    """Answers in the place of rtmlib.BodyWithFeet: for the frame whose brightness says which, boxes
    and then keypoints.
    """

    MODE = rtmlib.BodyWithFeet.MODE
    made = 0

    def __init__(self, mode, backend, device):
        type(self).made += 1
        self.looked = []
        people = json.loads(EXAMPLE.read_text())["instance_info"]
        order = [
            FORMATS["coco17"].joints.index(name) if name in FORMATS["coco17"].joints else None
            for name in FORMATS["halpe26"].joints
        ]
        self.frames = [
            [
                np.array([p["keypoints"][k] if k is not None else [0, 0] for k in order])
                for p in f["instances"]
            ]
            for f in people
        ]
        for frame in self.frames:
            for person in frame:
                # crown, neck base and pelvis, which COCO does not have
                person[17] = person[0] - (0, 40)
                person[18], person[19] = (person[5] + person[6]) / 2, (person[11] + person[12]) / 2
                person[20:] = person[[15, 16, 15, 16, 15, 16]]

    def det_model(self, image):
        self.number = round((float(image.mean()) - 20) / 8)
        self.looked.append(self.number)
        people = self.frames[self.number]
        return (
            np.array([[*p.min(0), *p.max(0)] for p in people]) if self.number != 2 else np.array([])
        )

    def pose_model(self, image, bboxes):
        assert len(bboxes), "rtmlib takes the whole picture for a person if there is no box"
        people = self.frames[self.number]
        return np.stack(people), np.full((len(people), 26), 1.1)  # SimCC scores pass 1


@pytest.fixture
def recorded(monkeypatch):
    made = []
    monkeypatch.setattr(
        rtmlib,
        "BodyWithFeet",
        type(
            "BodyWithFeet",
            (Recorded,),
            {"__init__": lambda self, **k: (Recorded.__init__(self, **k), made.append(self))[0]},
        ),
    )
    return made


def frame(number, size=(1080, 1920)):
    return np.full((*size, 3), 20 + 8 * number, dtype=np.uint8)


def film(path, count=8):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (1920, 1080))
    assert writer.isOpened()
    for number in range(count):
        writer.write(frame(number))
    writer.release()
    return path


def test_a_film_becomes_keypoints(tmp_path, recorded):
    found = detect(film(tmp_path / "film.avi"), tmp_path / "kept")
    wanted = dr.read_keypoints(EXAMPLE)
    assert (found.width, found.height, found.fps, found.format, found.name) == (
        1920,
        1080,
        25.0,
        "halpe26",
        "film.avi",
    )
    assert found.frame.tolist() == [n for n in range(8) if n != 2 for _ in range(2)] and set(
        found.person
    ) == {0, 1}
    assert found.confidence.max() == 1 and "1 frame of 8 without a person" in " ".join(found.notes)
    arms = slice(11, 17)
    for n in (0, 3, 7):
        mine = found.kp2d[(found.frame == n) & (found.person == 0)]
        theirs = wanted.kp2d[(wanted.frame == n) & (wanted.person == 0)]
        assert np.abs(mine[:, arms] - theirs[:, arms]).max() < 0.02


def test_a_long_film_goes_on_where_it_stopped(tmp_path, recorded, monkeypatch):
    path, original = film(tmp_path / "film.avi"), Recorded.det_model

    def stops(self, image):
        if len(self.looked) == 3:
            raise KeyboardInterrupt
        return original(self, image)

    monkeypatch.setattr(Recorded, "det_model", stops)
    with pytest.raises(KeyboardInterrupt):
        detect(path, tmp_path / "kept")
    monkeypatch.setattr(Recorded, "det_model", original)
    found = detect(path, tmp_path / "kept")
    assert recorded[0].looked == [0, 1, 2] and recorded[1].looked == [3, 4, 5, 6, 7]
    assert len(found) == 14
    again = detect(path, tmp_path / "kept")
    assert len(recorded) == 2 and np.array_equal(again.kp2d, found.kp2d), "nothing was left to do"
    with pytest.raises(
        ValueError,
        match="kept keeps keypoints of something else, of older files or of another detector",
    ):
        detect(path, tmp_path / "kept", detector="rtmpose-lightweight")


def test_pictures_one_or_a_folder(tmp_path, recorded):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (0, 1):
        cv2.imwrite(str(folder / f"{number}.png"), frame(number))
    (folder / "notes.txt").write_text("not a picture")
    assert detect(folder, tmp_path / "many").frame.tolist() == [0, 0, 1, 1]
    one = detect(folder / "1.png", tmp_path / "one")
    assert len(one) == 2 and one.fps is None and (one.width, one.height) == (1920, 1080)
    with pytest.raises(ValueError, match="holds nobody"):
        cv2.imwrite(str(tmp_path / "empty.png"), frame(2))
        detect(tmp_path / "empty.png", tmp_path / "empty")


def test_what_cannot_be_read_gets_a_sentence(tmp_path, recorded):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "broken.mp4").write_bytes(b"not a film")
    for name, sentence in (
        ("broken.png", "no picture or film that OpenCV can read"),
        ("broken.mp4", "no film that OpenCV can read: convert it"),
    ):
        with pytest.raises(ValueError, match=sentence):
            detect(tmp_path / name, tmp_path / f"kept-{name}")
    with pytest.raises(FileNotFoundError, match="not found: give a picture, a film"):
        detect(tmp_path / "nothing.jpg", tmp_path / "kept")
    with pytest.raises(
        ValueError, match="unknown detector 'huge': choose from blazepose, rtmpose-lightweight"
    ):
        cv2.imwrite(str(tmp_path / "one.png"), frame(0))
        detect(tmp_path / "one.png", tmp_path / "kept", detector="huge")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "3.json").write_text("[]")
    with pytest.raises(ValueError, match="JSON files that this detector did not write"):
        detect(tmp_path / "one.png", tmp_path / "other")


def test_weights_that_cannot_be_fetched_get_a_sentence(tmp_path, monkeypatch):
    """rtmlib itself, without a network: what it raises is told in one sentence."""
    import urllib.error

    import rtmlib.tools.file as downloads

    def no_network(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(downloads, "urlopen", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    cv2.imwrite(str(tmp_path / "one.png"), frame(0))
    with pytest.raises(
        OSError,
        match=r"RTMPose's weights could not be fetched or read .*no route to host.*: rtmlib takes https://.*yolox_m.*zip and https://.*halpe26.*zip",
    ):
        detect(tmp_path / "one.png", tmp_path / "kept")


def test_the_real_detector_is_called_as_it_wants():
    """The parts of rtmlib that the kit leans on: modes, and a detector and a pose network that can
    be asked one after the other.
    """
    import inspect

    assert {"lightweight", "balanced", "performance"} == set(rtmlib.BodyWithFeet.MODE)
    assert {"mode", "backend", "device"} <= set(
        inspect.signature(rtmlib.BodyWithFeet.__init__).parameters
    )
    source = inspect.getsource(rtmlib.BodyWithFeet)
    assert "self.det_model(image)" in source and "self.pose_model(image, bboxes=bboxes)" in source
    assert "halpe26" in rtmlib.BodyWithFeet.MODE["balanced"]["pose"]


def test_without_the_extra_the_remedy_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(detectors.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(
        ValueError,
        match=r"photo.jpg needs a detector: pip install -e '.\[image\]', or give the JSON of MMPose",
    ):
        dr.detect_keypoints(tmp_path / "photo.jpg", tmp_path / "kept")


@pytest.mark.filterwarnings("ignore:.*hardly:UserWarning")
def test_many_pictures_are_frames_in_the_order_of_their_numbers(tmp_path, recorded):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        cv2.imwrite(str(folder / f"{number}.png"), frame(number))
    (folder / "5.png").write_bytes(b"not a picture")
    with pytest.warns(RuntimeWarning, match="1 of 12 frames could not be read, the first is 5"):
        found = detect(folder, tmp_path / "kept")
    assert recorded[0].looked == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert sorted(set(found.frame.tolist())) == [0, 1, 3, 4, 6, 7, 8, 9, 10, 11]
    cv2.imwrite(str(folder / "5.png"), frame(5))
    with pytest.raises(ValueError, match="of older files"):
        detect(folder, tmp_path / "kept")

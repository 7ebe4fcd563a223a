"""From real frames to keypoints and poses by the detector that comes with the kit: no recorded
answers, no network.
"""

import json
import socket
from pathlib import Path

import numpy as np
import pytest

import drpose_core as dr
from drpose_core import cli
from drpose_core.keypoints import detectors
from drpose_core.keypoints.blazepose import STRIDES, BlazePose, _cells, _groups, _refined
from drpose_core.skeleton import JOINTS

WHY = "the detector is not installed: pip install -e '.[image]'"
cv2 = pytest.importorskip("cv2", reason=WHY)
pytest.importorskip("ai_edge_litert", reason=WHY)

# A walk and a balance with known 3D (BSD-3), which developers have beside the repository.
PHOTOS = Path(__file__).parents[2] / "shared" / "photos"
real = pytest.mark.skipif(not (PHOTOS / "film.mp4").is_file(), reason="no real film here")
LIMBS = [j for j, name in enumerate(JOINTS) if name.split()[0] in ("left", "right")]


@pytest.fixture(scope="module")
def frames():
    """Every tenth of the film's hundred frames, (1920, 1080, 3), by their number."""
    film, found = cv2.VideoCapture(str(PHOTOS / "film.mp4")), {}
    for number in range(100):
        assert film.grab()
        if number % 10 == 0:
            found[number] = film.retrieve()[1]
    return found


@pytest.fixture(scope="module")
def known():
    """Pixels (50, 17, 2) of the joints of every second frame, of 3D poses that were triangulated
    from four cameras. The film's lens distorts by a few pixels, which this does not know.
    """
    with np.load(PHOTOS / "pose2sim.npz") as file:
        places = (file["pose3d"] + file["root"][:, None])[::4]
        pixels = np.einsum("nij,nkj->nki", file["K"][::4], places)
    return pixels[..., :2] / pixels[..., 2:]


@pytest.fixture
def no_network(monkeypatch):
    def refused(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)


def write_film(path, pictures, fps=25):
    height, width = pictures[0].shape[:2]
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (width, height))
    assert film.isOpened()
    for picture in pictures:
        film.write(picture)
    film.release()
    return path


@real
def test_joints_lie_where_four_cameras_saw_them(tmp_path, frames, known, no_network):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (0, 20, 40, 60, 80):
        cv2.imwrite(str(folder / f"{number:03d}.png"), frames[number])
    found = dr.detect_keypoints(folder, tmp_path / "kept")
    assert (found.format, found.width, found.height) == ("mediapipe33", 1080, 1920)
    assert found.frame.tolist() == [0, 1, 2, 3, 4] and not found.person.any()
    truth = known[:50:10][:, LIMBS]
    off = np.linalg.norm(found.kp2d[:, LIMBS] - truth, axis=-1)
    height = np.ptp(known[..., 1], axis=1).mean()
    assert 600 < height < 700
    assert np.median(off) < 0.015 * height and off.mean() < 0.02 * height, (
        np.median(off),
        off.mean(),
    )


@real
def test_a_picture_turned_or_smaller_gives_the_same_person(frames):
    """What the networks see is a square around the person: turned and scaled by the picture."""
    find, image = BlazePose(), frames[0]
    points, sure = find(image)
    assert points.shape == (1, 33, 2) and sure.shape == (1, 33) and sure.min() > 0.5
    size = np.ptp(points[0], axis=0).max()
    half = find(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))[0]
    assert np.linalg.norm(2 * half[0] - points[0], axis=-1).mean() < 0.02 * size
    mirrored = find(image[:, ::-1])[0][0]
    assert abs(1079 - mirrored[0, 0] - points[0, 0, 0]) < 0.03 * size, "the nose"
    assert abs(1079 - mirrored[11, 0] - points[0, 12, 0]) < 0.03 * size, "shoulders change sides"
    moved = find(np.roll(image, 40, axis=0))[0][0]
    assert np.linalg.norm(moved - (0, 40) - points[0], axis=-1).mean() < 0.02 * size
    assert len(find(np.full_like(image, 90))[0]) == 0, "nobody on an empty wall"
    assert len(find(image[:30, :20])[0]) == 0


@real
def test_people_in_a_wide_picture_and_a_small_one_are_found(frames):
    """Three people in a row, each narrower than a quarter of the picture; one in a corner, a
    seventh of the picture tall.
    """
    find = BlazePose()
    row = np.hstack([frames[n][300:1300] for n in (0, 40, 90)])
    middles = find(row)[0].mean(1)[:, 0] // 1080
    assert {0, 1, 2} == set(middles.astype(int).tolist())
    alone = find(frames[0])[0][0]
    wall = np.full((1800, 1800, 3), 128, np.uint8)
    wall[1100:1780, 1350:1730] = cv2.resize(frames[0], (380, 680), interpolation=cv2.INTER_AREA)
    (small,) = find(wall)[0]
    scale = (380 / 1080, 680 / 1920)
    assert np.linalg.norm(small - (1350, 1100) - alone * scale, axis=-1).mean() < 8


@real
def test_two_people_are_found_and_followed(tmp_path, frames, no_network):
    """Two moments side by side, which change places with nobody."""
    pictures = [np.hstack([frames[n], frames[90 - n]]) for n in (0, 10, 20, 30)]
    film = write_film(tmp_path / "film.avi", [p[::2, ::2] for p in pictures], fps=3)
    found = dr.detect_keypoints(film, tmp_path / "kept")
    assert found.frame.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] and found.fps == 3
    assert (found.width, found.height) == (1080, 960)
    for person in (0, 1):
        middle = found.kp2d[found.person == person].mean(1)
        assert len(middle) == 4 and np.ptp(middle[:, 0]) < 100
    assert len(set(found.person)) == 2


@real
def test_from_a_film_to_poses_interrupted_and_resumed(
    tmp_path, frames, monkeypatch, capsys, no_network
):
    """drpose predict film.avi on a machine without a network, stopped in the third frame; what was
    done is kept, and a picture gives what its frame gave.
    """
    monkeypatch.setattr(cli.jobs, "project_root", lambda: tmp_path)
    film = write_film(tmp_path / "film.avi", list(frames.values())[:5], fps=3)
    looked, original = [], BlazePose.__call__

    def stops(self, image):
        looked.append(image)
        if len(looked) == 3:
            raise KeyboardInterrupt
        return original(self, image)

    monkeypatch.setattr(BlazePose, "__call__", stops)

    def predict(path, *more):
        options = ["--hypotheses", "2", "--steps", "1", *map(str, more)]
        monkeypatch.setattr("sys.argv", ["drpose", "predict", str(path), *options])
        cli.main()
        return capsys.readouterr()

    with pytest.raises(SystemExit, match="run the same command again to resume"):
        predict(film)
    kept = tmp_path / "output" / "film-keypoints"
    assert sorted(p.name for p in kept.iterdir()) == ["000000.json", "000001.json", "about.txt"]
    said = predict(film)
    assert len(looked) == 6, "two frames were not looked at again"
    assert "5/5" in said.err and "keypoints of film.avi" in said.err, "progress is shown"
    assert "film.avi: 1 person in 5 frames, 5 poses" in said.out
    poses = json.loads((tmp_path / "output" / "film.json").read_text())["poses"]
    assert [pose["frame"] for pose in poses] == list(range(5))
    assert max(pose["misfit"] for pose in poses) < 0.15, "the poses look like their keypoints"
    assert all(2 < pose["root"][2] < 12 for pose in poses)
    other = tmp_path / "other" / "film.avi"
    other.parent.mkdir()
    write_film(other, list(frames.values())[5:7], fps=3)
    predict(other)
    assert len(json.loads((tmp_path / "output" / "film-2.json").read_text())["poses"]) == 2
    assert len(list(kept.iterdir())) == 6, "the other film's keypoints went to another folder"
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "photo.png"), frames[0])
    said = predict(photos / "photo.png", "--out", tmp_path / "photo.csv")
    assert "photo.png: 1 person in 1 frame" in said.out and (tmp_path / "photo.csv").is_file()
    for _ in range(2):  # a result beside the pictures is no file of keypoints
        said = predict(photos, "--out", photos / "pose.json")
        assert "photos: 1 person in 1 frame" in said.out


def test_cells_boxes_and_heat():
    """The detector's 2254 cells; boxes of one person; a landmark goes to the middle of its heat."""
    cells = np.concatenate([_cells(224 // stride, n) for stride, n in STRIDES])
    assert cells.shape == (2254, 2) and np.allclose(cells.mean(0), 0.5)
    assert np.allclose(cells[:3], [[4 / 224, 4 / 224], [4 / 224, 4 / 224], [12 / 224, 4 / 224]])
    boxes = np.zeros((4, 6, 2))
    boxes[:, 0] = (50, 50), (55, 50), (150, 50), (52, 48)
    boxes[:, 1] = 40
    groups = _groups(boxes, np.array([0.6, 0.9, 0.8, 0.7]))
    assert [sorted(group.tolist()) for group in groups] == [[0, 1, 3], [2]] and groups[0][0] == 1
    heat = np.zeros((64, 64, 39))
    heat[20, 30, 0], heat[20, 32, 0] = 0.9, 0.9
    heat[20, 30, 1] = 0.2  # too little
    places = np.full((39, 2), (0.49, 0.33))
    places[2] = 1.3, 0.5  # outside
    found = _refined(places, heat)
    assert np.allclose(found[0], (31 / 64, 20 / 64)) and np.allclose(found[1:], places[1:])


def test_the_weights_come_with_the_kit_and_their_terms():
    folder = Path(detectors.__file__).parent / "blazepose"
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert names == {"__init__.py", "LICENSE", "pose_detection.tflite", "pose_landmark_full.tflite"}
    assert "Apache License" in (folder / "LICENSE").read_text()
    assert "BlazePose" in (dr.project_root() / "docs" / "terms.md").read_text()

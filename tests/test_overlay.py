"""Predictions back onto their film: where things are drawn, frame by frame, in files read again."""

import math
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

import drpose_core as dr
from drpose_core import cli
from drpose_core.keypoints.images import _frames
from drpose_core.keypoints.viewpoint import pinhole
from drpose_core.output import film as films
from drpose_core.output.canvas import pen
from drpose_core.output.film import open_film, writer
from drpose_core.output.floor import estimate_floor
from drpose_core.output.person import Person, bone_colors
from drpose_core.output.stage import Stage
from drpose_core.skeleton import BONES

av = pytest.importorskip("av", reason="PyAV is not installed: pip install -e .[film]")

GREY = (90, 120, 100)
SIZE = (480, 270)  # of the film: that of the keypoints, 1920 x 1080, in small


@pytest.fixture(scope="module")
def keypoints():
    found = dr.read_keypoints(dr.project_root() / "notebooks" / "example_keypoints.json")
    return found.kept(found.frame < 6)


@pytest.fixture(scope="module")
def found(keypoints):
    model = dr.load_checkpoint(dr.weights.DEFAULT)
    return dr.joined(dr.predict(model, keypoints.poses(field_of_view=65), hypotheses=4, steps=2))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return grey_film(tmp_path_factory.mktemp("film") / "film.mp4")


def grey_film(path, frames=6, size=SIZE):
    with writer(path, size, Fraction(10)) as add:
        for _ in range(frames):
            add(Image.new("RGB", size, GREY))
    return path


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def drawn_person(found, rows, picture=(1920, 1080), fps=30.0):
    places = (found.pose3d + found.root[:, None]).numpy()
    floor = estimate_floor(places)
    return Person(found.rows(rows), bone_colors(0, True), floor, picture, fps)


def test_keypoints_come_back_to_the_pixel(found, keypoints):
    """Out of the training camera and back into the picture; the answer by the plain pinhole."""
    for who in (0, 1):
        rows = np.flatnonzero(keypoints.person == who)
        person = drawn_person(found, rows)
        for n, row in enumerate(rows):
            moment = person.at(int(keypoints.frame[row]))
            assert np.abs(moment.kp2d - keypoints.kp2d[row]).max() < 0.05
            assert ((moment.seen > 0) == (keypoints.confidence[row] > 0)).all()
            focal = float(pinhole(1920, 1080, 65)[0]) * 960
            place = (found.hypotheses[row, 2] + found.root[row]).numpy()
            by_hand = place[:, :2] / place[:, 2:] * focal + (960, 540)
            assert np.abs(moment.hypotheses2d[2] - by_hand).max() < 0.05, n


def test_between_two_rows_it_is_interpolated_and_beyond_nobody_is_there(found, keypoints):
    mine = np.flatnonzero(keypoints.person == 0)
    person = drawn_person(found, mine[[0, 2, 4]])  # frames 0, 2, 4
    a, b = person.at(0), person.at(2)
    assert np.allclose(person.at(1).hypotheses, (a.hypotheses + b.hypotheses) / 2)
    assert np.allclose(person.at(1).kp2d, (a.kp2d + b.kp2d) / 2)
    assert person.at(5) is None and person.at(-1) is None
    person = drawn_person(found, mine[[0, 1, 2, 5]])  # gone for three frames
    assert person.at(3) is None and person.at(5) is not None


def test_an_mp4_is_the_film_with_the_people_in_it(found, keypoints, film, tmp_path):
    path = dr.overlay(found, film, tmp_path / "over.mp4")
    frames = decoded(path)
    assert len(frames) == 6 and open_film(path).fps == 10
    height, width = frames[0].shape[:2]
    assert height == SIZE[1] and width > 1.3 * SIZE[0]
    for n in (0, 5):
        picture = frames[n][:, : SIZE[0]]
        changed = np.abs(picture - GREY).max(-1) > 25
        rows = np.flatnonzero(keypoints.frame == n)
        spots = np.concatenate([keypoints.kp2d[r][keypoints.confidence[r] > 0] for r in rows]) / 4
        for x, y in spots.round().astype(int):
            assert changed[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].any(), (n, x, y)
        ys, xs = np.nonzero(changed)
        away = np.hypot(xs[:, None] - spots[:, 0], ys[:, None] - spots[:, 1]).min(1)
        assert away.max() < 45, "nothing is drawn where nobody is"
        panel = frames[n][:, SIZE[0] + 2 :]
        assert (panel[:8] > 240).all(), "paper"
        blue = (panel[..., 2] - panel[..., 0] > 60).sum()
        orange = (panel[..., 0] - panel[..., 2] > 60).sum()
        assert blue > 100 and orange > 100, "two people, a colour each"


def test_a_film_that_lost_its_times_is_one_of_30_frames_a_second(tmp_path):
    """Such a film says 1,500 a second, and a film model took its frames for standing still."""
    import av
    import cv2

    example, lost = dr.project_root() / "notebooks" / "example_film.mp4", tmp_path / "lost.mp4"
    with av.open(str(example)) as whole, av.open(str(lost), "w") as copy:
        stream = copy.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                packet.stream, packet.pts, packet.dts = stream, 0, 0
                copy.mux(packet)
    assert cv2.VideoCapture(str(lost)).get(cv2.CAP_PROP_FPS) > 1000
    assert open_film(lost).fps == 30 and _frames(lost)[2] is None
    assert open_film(example).fps == _frames(example)[2] == 30


def test_the_eye_goes_around(found, film, tmp_path):
    frames = decoded(dr.overlay(found, film, tmp_path / "over.mp4"))
    panels = [frame[:, SIZE[0] + 2 :] for frame in frames]
    assert np.abs(panels[0] - panels[2]).mean() > 1


def test_gif_and_stills_are_read_again(found, keypoints, film, tmp_path):
    path = dr.overlay(found, film, tmp_path / "over.gif")
    with Image.open(path) as gif:
        assert gif.n_frames == 6 and gif.info["duration"] == 100 and gif.info["loop"] == 0
    one = found.rows(np.flatnonzero(keypoints.frame == 0))
    Image.new("RGB", (1920, 1080), GREY).save(tmp_path / "photo.jpg")
    for name in ("over.png", "over.jpg"):
        path = dr.overlay(iter([one]), tmp_path / "photo.jpg", tmp_path / name)
        with Image.open(path) as still:
            assert still.height == 720 and still.width > 1280
            x, y = keypoints.kp2d[0, 5] * 1280 / 1920  # an ankle that is seen
            assert min(still.convert("RGB").getpixel((round(x), round(y)))) > 200


def test_a_phone_held_upright_gives_an_upright_film(found, keypoints, tmp_path):
    """The matrix in the track's header turns the film, as phones write it; stored lying."""
    path = grey_film(tmp_path / "phone.mp4")
    raw = bytearray(path.read_bytes())
    at = raw.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and ids, layer to volume
    one = 1 << 16
    turned = (0, one, 0, -one, 0, 0, 270 << 16, 0, 1 << 30)  # by 90 degrees, clockwise
    assert raw[at : at + 4] == one.to_bytes(4, "big")
    raw[at : at + 36] = b"".join(x.to_bytes(4, "big", signed=True) for x in turned)
    path.write_bytes(raw)
    shown = open_film(path)
    assert (shown.width, shown.height) == (270, 480)
    (first, *_) = films.frames(shown, (270, 480))
    assert first.size == (270, 480)


def test_a_turned_frame_has_its_upper_edge_where_the_phone_had_it(tmp_path):
    path = tmp_path / "phone.mp4"
    picture = Image.new("RGB", SIZE, GREY)
    picture.paste((230, 40, 40), (0, 0, 60, SIZE[1]))  # left as it is stored
    with writer(path, SIZE, Fraction(10)) as add:
        add(picture)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"tkhd") + 44
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, 270 << 16, 0, 1 << 30)
    raw[at : at + 36] = b"".join(x.to_bytes(4, "big", signed=True) for x in turned)
    path.write_bytes(raw)
    (first,) = films.frames(open_film(path), (270, 480))
    # x' = -y, y' = x: what is left as stored is above as shown
    assert first.getpixel((135, 20))[0] > 200 and first.getpixel((135, 400))[0] < 120


def test_what_cannot_be_drawn_gets_a_sentence(found, film, tmp_path, monkeypatch):
    Image.new("RGB", (64, 64)).save(tmp_path / "photo.png")
    (tmp_path / "text.mp4").write_text("no film")
    late = found.rows(slice(0, 2))
    late = dr.Prediction(
        dr.PoseSet(**{**vars(late.poses), "frame": late.poses.frame + 600}),
        *(getattr(late, x) for x in ("hypotheses", "pose3d", "spread", "root", "misfit")),
    )
    for given, source, name, error, sentence in (
        (found, film, "a.avi", ValueError, r"must end in .mp4, .gif, .png, .jpg"),
        (found, film, "a.png", ValueError, r"the overlay of a film must end in .mp4 or .gif"),
        (found, tmp_path / "none.mp4", "a.mp4", FileNotFoundError, "not found"),
        (found, tmp_path, "a.mp4", ValueError, "is a folder: an overlay needs a film"),
        (found, tmp_path / "text.mp4", "a.mp4", ValueError, "cannot be read as a film"),
        (
            found,
            tmp_path / "photo.png",
            "a.png",
            ValueError,
            "one picture, and the keypoints are of 6",
        ),
        (late, film, "a.mp4", ValueError, "no frame of the film has keypoints"),
        (found, film, film, ValueError, "is the film itself"),
    ):
        with pytest.raises(error, match=sentence):
            dr.overlay(given, source, tmp_path / name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs PyAV and Pillow: pip install -e .\[film\]"):
        dr.overlay(found, film, tmp_path / "a.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photo.png", "text.mp4"]
    assert len(decoded(film)) == 6


# --- drawing


def test_a_line_covers_what_it_should_and_nothing_else():
    """The sum over pixels is length times width times opacity; a pixel far away is untouched."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    picture = Image.fromarray(noise.copy())
    with pen(picture, [(20, 20), (50, 40)], 6) as p:
        p.lines([[(20, 20), (20.001, 20)]], 0.001, [(0, 0, 0)], 0)
    assert (np.asarray(picture) == noise).all(), "what is not drawn on is as it was"
    picture = Image.new("RGB", (80, 60), (0, 0, 0))
    ends = np.array([(12.3, 10.1), (60.7, 44.4)])
    with pen(picture, ends, 6) as p:
        p.lines([ends], 4.5, [(200, 100, 0)], 0.5)
    light = np.asarray(picture).astype(float)
    wanted = np.linalg.norm(ends[1] - ends[0]) * 4.5 * 0.5
    assert light[..., 0].sum() / 200 == pytest.approx(wanted, rel=0.06)
    shades = np.unique(light[..., 0])
    assert len(shades) > 3, "edges are smooth"


def test_the_stage_sees_as_an_eye_that_walks_around():
    """A pinhole by hand: from FAR radii away, 14 degrees above."""
    points = np.random.default_rng(1).normal(size=(20, 3)) * 0.5
    center = np.array([0.3, 0.9, -4.0])
    for turn in (0.0, 0.7, math.pi):
        stage = Stage(center, 1.2, 300.0, turn, (100, 0, 400, 600))
        pixels, scale = stage.seen(center + points)
        for point, pixel, near in zip(points, pixels, scale):
            a, b = turn, math.radians(14)
            x = math.cos(a) * point[0] - math.sin(a) * point[2]
            z = math.sin(a) * point[0] + math.cos(a) * point[2]
            y, z = (
                math.cos(b) * point[1] - math.sin(b) * z,
                math.sin(b) * point[1] + math.cos(b) * z,
            )
            grow = 4.2 * 1.2 / (4.2 * 1.2 - z)
            assert near == pytest.approx(300 * grow)
            assert pixel == pytest.approx([300 + 300 * grow * x, 300 - 300 * grow * y])


def test_people_have_colours_of_their_own():
    alone = bone_colors(0, True)
    sides = {alone[n] for n, (_, child) in enumerate(BONES) if child in (1, 2, 3, 14, 15, 16)}
    assert len(set(alone)) == 3 and len(sides) == 1
    assert not set(bone_colors(0, False)) & set(bone_colors(1, False))


def test_overlay_on_the_command_line(keypoints, film, tmp_path, capsys, monkeypatch):
    def run(*more):
        call = ["predict", tmp_path / "kp.json", "--out", tmp_path / "pose.angles.csv", *more]
        call += ["--hypotheses", 2, "--steps", 2, "--image-size", 1920, 1080]
        monkeypatch.setattr("sys.argv", ["drpose", *map(str, call)])
        cli.main()

    keypoints.kept(keypoints.person == 0).save(tmp_path / "kp.json")
    over = tmp_path / "over.mp4"
    for more, sentence in (
        (("--overlay", over), "--overlay needs the film of the keypoints: --film"),
        (("--film", film), "--film is for --overlay, which is missing"),
        (("--overlay", film, "--film", film), "is an input, and would be replaced"),
    ):
        with pytest.raises(SystemExit, match=sentence):
            run(*more)
    run("--overlay", over, "--film", film)
    assert f"written to {over}" in capsys.readouterr().out
    assert len(decoded(over)) == 6 and (tmp_path / "pose.angles.csv").is_file()

"""drpose predict on files: what is written never replaces what is read, nor another film's result;
several inputs at once; one bad part spoils only itself.
"""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from keypoint_files import alphapose, detected, openpose

import drpose_core as dr
from drpose_core import cli
from drpose_core.cli import jobs as jobs_module
from drpose_core.keypoints.formats import FORMATS

FAST = ("--hypotheses", 1, "--steps", 1)


@pytest.fixture(scope="module")
def coco():
    """Twenty frames of somebody walking, COCO's joints, (20, 17, 3), in a picture of 1000 x 1000."""
    poses = dr.synthetic_poses("test", stride=5, seconds=4, takes=1, keypoints="exact")
    one = next(n for n, name in enumerate(poses.sequences) if name.startswith("S9/Walking"))
    walk = dr.screen_to_pixels(poses.kp2d[poses.sequence == one][:20], 1000, 1000).numpy()
    points = detected(walk, "coco17")
    return np.concatenate([points, np.full((20, 17, 1), 0.9)], axis=-1)


@pytest.fixture(scope="module")
def small():
    return dr.DRPose(dr.ModelConfig(depth=1, channels=16)).eval()


@pytest.fixture
def predict(monkeypatch, tmp_path, capsys, small):
    """Runs drpose predict with little sampling; default results go below tmp_path. Returns what it
    said.
    """
    monkeypatch.setattr(jobs_module, "project_root", lambda: tmp_path / "home")
    monkeypatch.setattr(cli.models, "load_model", lambda *_: small)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["drpose", "predict", *map(str, (*arguments, *FAST))])
        capsys.readouterr()
        cli.main()
        return capsys.readouterr().out

    return run


def film(folder, people, name="alphapose-results.json"):
    folder.mkdir(parents=True, exist_ok=True)
    path = alphapose(folder, [[(p[:, :2], p[:, 2])] for p in people])
    return path.rename(folder / name)


def frames_in(result):
    return [pose["frame"] for pose in json.loads(result.read_text())["poses"]]


# --- never lost
# --------------------------------------------------------------------------------------------------


def test_an_input_is_never_replaced(predict, tmp_path, coco):
    """By its own name, another spelling of it, a link to it, or the default name."""
    path = film(tmp_path / "in", coco[:2], "kp.json")
    other = film(tmp_path / "in", coco[:4], "other.json")
    before = path.read_bytes(), other.read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(path)
    for out in (path, tmp_path / "in" / ".." / "in" / "kp.json", link):
        with pytest.raises(
            SystemExit, match="is an input, and would be replaced: choose another name"
        ):
            predict(path, "--out", tmp_path / "new.json", out)
    with pytest.raises(SystemExit, match="would be replaced"):
        predict(path, "--out", tmp_path / "p.csv", "--html", path)
    with pytest.raises(SystemExit, match="would be replaced"):
        predict(path.parent, "--out", other)
    assert (path.read_bytes(), other.read_bytes()) == before
    assert not (tmp_path / "new.json").exists() and not (tmp_path / "p.csv").exists()
    at_home = film(tmp_path / "home" / "output", coco[:2], "film.json")
    before = at_home.read_bytes()
    assert "film-2.json" in predict(at_home) and at_home.read_bytes() == before
    assert frames_in(at_home.with_name("film-2.json")) == [0, 1]


def test_two_films_of_one_name_have_two_results(predict, tmp_path, coco):
    """AlphaPose calls every result alphapose-results.json: the second film's takes a free name; the
    same film's again replaces its own.
    """
    a, b = film(tmp_path / "a", coco[:2]), film(tmp_path / "b", coco[:3])
    assert "output/alphapose-results.json" in predict(a)
    assert "output/alphapose-results-2.json" in predict(b)
    assert "output/alphapose-results.json" in predict(a)
    assert "output/alphapose-results-2.json" in predict(b)
    home = tmp_path / "home" / "output"
    assert sorted(path.name for path in home.iterdir()) == [
        "alphapose-results-2.json",
        "alphapose-results.json",
    ]
    assert frames_in(home / "alphapose-results.json") == [0, 1]
    assert frames_in(home / "alphapose-results-2.json") == [0, 1, 2]


def test_a_result_among_its_frames_is_no_frame(predict, tmp_path, coco):
    """predict film --out film/pose.json, twice: the second run is as the first."""
    body = detected(np.asarray(dr.read_keypoints(coco, image_size=(1000, 1000)).kp2d), "body25")
    folder = openpose(tmp_path, [[(p, np.full(len(p), 0.9))] for p in body[:5]])
    result = folder / "pose.json"
    first = predict(folder, "--out", result, folder / "pose.csv")
    written = json.loads(result.read_text())
    again = predict(folder, "--out", result, folder / "pose.csv")
    assert first == again and json.loads(result.read_text()) == written
    for path in sorted(folder.glob("*.json"))[1:-1]:
        path.unlink()
    assert "1 person in 1 frame" in predict(folder, "--out", tmp_path / "one.json")
    next(folder.glob("*_keypoints.json")).unlink()
    with pytest.raises(SystemExit, match="what drpose predict wrote: 3D poses, not keypoints"):
        predict(folder)


# --- several at once
# --------------------------------------------------------------------------------------------------


def test_several_films_have_several_results_and_a_bad_one_spoils_only_itself(
    predict, tmp_path, coco
):
    a, b = film(tmp_path / "a", coco[:2], "film.json"), film(tmp_path / "b", coco[:3], "film.json")
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    with pytest.raises(SystemExit, match=r"2 of 4 failed, the first: .*bad.json"):
        predict(a, bad, b, a, tmp_path / "nothing.csv")
    home = tmp_path / "home" / "output"
    assert sorted(p.name for p in home.iterdir()) == ["a-film.json", "b-film.json"]
    assert frames_in(home / "b-film.json") == [0, 1, 2]
    said = predict(a, b, "--out", tmp_path / "p.json", tmp_path / "p.bvh")
    assert said.count("written to") == 4
    assert sorted(p.name for p in tmp_path.glob("p-*")) == [
        f"p-{name}" for name in ("a-film.bvh", "a-film.json", "b-film.bvh", "b-film.json")
    ]
    with pytest.raises(SystemExit, match="predict needs a file"):
        predict()


def test_files_of_one_frame_in_one_folder_are_one_film(predict, tmp_path, coco):
    paths = []
    for n, person in enumerate(coco[:6]):
        paths.append(tmp_path / "frames" / f"{n}.json")
        paths[-1].parent.mkdir(exist_ok=True)
        paths[-1].write_text(json.dumps([{"keypoints": person.ravel().tolist()}]))
    long = film(tmp_path / "frames", coco[:4], "long.json")
    said = predict(*paths, long)
    assert "1 person in 6 frames" in said and "1 person in 4 frames" in said
    assert frames_in(tmp_path / "home" / "output" / "frames.json") == list(range(6))
    paths[2].write_text("{")
    with pytest.raises(SystemExit, match=r"1 of 2 failed, the first: .*2.json is not complete"):
        predict(*paths, "--out", tmp_path / "p.json")
    assert frames_in(tmp_path / "p-frames.json") == [0, 1, 3, 4, 5]


def test_packed_files_arrays_and_tables(predict, tmp_path, coco):
    path = film(tmp_path, coco[:4], "kp.json")
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(path.read_bytes()))
    np.save(tmp_path / "array.npy", coco[:4])
    np.savez(tmp_path / "named.npz", keypoints=coco[:4])
    joints = [name.replace(" ", "_") for name in FORMATS["coco17"].joints]
    wide = {f"{j}_{a}": coco[:4, n, k] for n, j in enumerate(joints) for k, a in enumerate("xyc")}
    pd.DataFrame(wide).to_csv(tmp_path / "table.csv", index=False)
    names = ("kp.json", "packed.json.gz", "array.npy", "named.npz", "table.csv")
    predict(*(tmp_path / name for name in names))
    home = tmp_path / "home" / "output"
    results = {p.stem: json.loads(p.read_text())["poses"] for p in home.iterdir()}
    assert sorted(results) == ["array", "kp", "named", "packed", "table"]
    for poses in results.values():
        assert np.allclose(poses[3]["pose"], results["kp"][3]["pose"], atol=2e-3)


@pytest.mark.parametrize("size", [("1000x1100",), ("1000×1100",), (1000, 1100)])
def test_a_size_is_two_numbers_or_one_word(predict, tmp_path, coco, size):
    path = film(tmp_path, coco[:1], "kp.json")
    assert "picture 1000 x 1100 pixels" in predict(
        path, "--image-size", *size, "--out", tmp_path / "p.csv"
    )


# --- motion
# --------------------------------------------------------------------------------------------------


def motion(path):
    lines = path.read_text().splitlines()
    start = lines.index("MOTION")
    return int(lines[start + 1].split()[1]), float(lines[start + 2].split()[2])


def test_somebody_seen_twice_does_not_stop_the_motion_of_others(predict, tmp_path, coco):
    """Person 1 in 400 frames, a number that the tracker gave to somebody in two of them."""
    people = coco[np.arange(400) % 20]
    rows = [{"image_id": f"{n}.jpg", "keypoints": p.ravel().tolist(), "idx": 1, "score": 2}
            for n, p in enumerate(people)]  # fmt: skip
    for n in (3, 395):
        away = (people[n] + (2000, 0, 0)).ravel().tolist()
        rows.append({"image_id": f"{n}.jpg", "keypoints": away, "idx": 2, "score": 2})
    path = tmp_path / "kp.json"
    path.write_text(json.dumps(rows))
    said = predict(path, "--out", tmp_path / "x.bvh", tmp_path / "x.json")
    assert "person 2 has 2 poses between frames 3 and 395, which is no film: no BVH" in said
    assert motion(tmp_path / "x_person1.bvh") == (400, pytest.approx(1 / 30, abs=1e-6))
    assert not (tmp_path / "x_person2.bvh").exists()
    assert len(frames_in(tmp_path / "x.json")) == 402
    lonely = tmp_path / "two.json"
    lonely.write_text(json.dumps(rows[-2:]))
    with pytest.raises(
        SystemExit, match=r"person 2 has 2 poses between.*no film: take .json or .csv"
    ):
        predict(lonely, "--out", tmp_path / "y.bvh")


@pytest.mark.parametrize("step, fps", [(1, None), (30, None), (30, 60)])
def test_the_motion_of_a_thinned_film_lasts_as_long_as_the_film(predict, tmp_path, coco, step, fps):
    """Every 30th frame is a frame of the BVH, half a second or a second apart; one that is missing
    is drawn in between. What is assumed of the rate is said.
    """
    rows = [
        {"image_id": f"{n * step:05d}.jpg", "keypoints": p.ravel().tolist(), "score": 2}
        for n, p in enumerate(coco[:12])
        if n != 5
    ]
    path = tmp_path / "kp.json"
    path.write_text(json.dumps(rows))
    more = () if fps is None else ("--fps", fps)
    said = predict(path, "--out", tmp_path / "x.bvh", *more)
    assert motion(tmp_path / "x.bvh") == (12, pytest.approx(step / (fps or 30), abs=1e-6))
    assert "the file has no frame rate: give fps if it matters, otherwise 30 is assumed" in said

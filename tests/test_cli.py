"""The command line: what it writes is what the functions make, and a mistake ends in one sentence."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import torch

import drpose_core as dr
from drpose_core import cli

TINY = [
    "--lifter.batch-size",
    "64",
    "--denoiser.batch-size",
    "64",
    "--model.depth",
    "1",
    "--seed",
    "3",
]


@pytest.fixture
def command(monkeypatch, poses, tmp_path):
    """Runs python -m drpose_core <arguments> on a few poses of the synthetic figure."""
    few = poses[torch.arange(0, len(poses), 4)]
    for part in (cli.prepare, cli.evaluate, cli.train):
        monkeypatch.setattr(part, "load_poses", lambda source, split, folder, keypoints=None: few)

    def run(*arguments):
        if arguments[0] == "train" and "--folder" not in arguments:
            arguments = (
                *arguments,
                "--folder",
                tmp_path / "runs" / str(len(list(tmp_path.rglob("run.json")))),
            )
        monkeypatch.setattr("sys.argv", ["drpose_core", *map(str, arguments)])
        cli.main()
        return few

    return run


def test_train_leaves_a_checkpoint_with_its_story(command, tmp_path, capsys):
    path = tmp_path / "mlp.safetensors"
    few = command("train", "--out", path, "--model.lifter", "mlp", *TINY)
    model = dr.load_checkpoint(path)
    record = model.record
    assert (
        record["train"] == few.describe()
        and record["seed"] == 3
        and "--model.lifter mlp" in record["command"]
    )
    scores = dr.table(
        dr.evaluate(
            model,
            few[torch.randperm(len(few), generator=dr.generator(3))],
            hypotheses=1,
            steps=1,
            seed=3,
        )
    )
    assert record["scores_mm"]["p_avg"]["MPJPE"] == pytest.approx(scores.MPJPE["p_avg"], abs=0.05)
    assert str(path) in capsys.readouterr().out

    command("train", "--out", tmp_path / "again.safetensors", "--model.lifter", "mlp", *TINY)
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            model.state_dict().values(),
            dr.load_checkpoint(tmp_path / "again.safetensors").state_dict().values(),
        )
    )

    command(
        "train",
        "--out",
        tmp_path / "on.safetensors",
        "--model.lifter",
        "mlp",
        "--lifter-from",
        path,
        *TINY,
    )
    for name, value in dr.load_checkpoint(tmp_path / "on.safetensors").lifter.state_dict().items():
        assert torch.equal(value, model.lifter.state_dict()[name]), name
    dr.save_checkpoint(
        tmp_path / "exact.safetensors", model, record={"train": {"keypoints": "exact"}}
    )
    with pytest.warns(
        UserWarning,
        match="--lifter-from: wrong pairing .* trained on keypoints 'exact', given 'detected'",
    ):
        command(
            "train",
            "--out",
            tmp_path / "o.safetensors",
            "--model.lifter",
            "mlp",
            "--lifter-from",
            tmp_path / "exact.safetensors",
            *TINY,
        )
    with pytest.raises(
        SystemExit,
        match=r"mlp.safetensors holds a ResidualMLP, not the lifter 'dcgct': give --model.lifter its name",
    ):
        command("train", "--out", tmp_path / "no.safetensors", "--lifter-from", path, *TINY)
    assert not (tmp_path / "no.safetensors").exists()
    with pytest.raises(
        SystemExit,
        match=r"--out w.pth: own checkpoints are .safetensors files; convert turns one into a .pth",
    ):
        command("train", "--out", "w.pth", *TINY)


def test_train_on_predictions(command, poses, tmp_path):
    few = poses[torch.arange(0, len(poses), 4)]
    dr.save_predictions(tmp_path / "p.npz", few, few.pose3d)
    command(
        "train",
        "--out",
        tmp_path / "e.safetensors",
        "--predictions",
        tmp_path / "p.npz",
        "--half",
        *TINY,
    )
    model = dr.load_checkpoint(tmp_path / "e.safetensors")
    assert model.config.lifter == "elsewhere" and model.record["scores_mm"]["initial"]["MPJPE"] == 0
    with pytest.raises(SystemExit, match=r"p2.npz not found"):
        command("train", "--predictions", tmp_path / "p2.npz", *TINY)


def test_evaluate_writes_a_report_that_says_it_all(command, small_model, tmp_path, capsys):
    import pandas as pd

    dr.save_checkpoint(
        tmp_path / "m.safetensors",
        small_model,
        record={"train": {"source": "nobody", "keypoints": "exact"}},
    )
    arguments = [
        "--checkpoint",
        tmp_path / "m.safetensors",
        "--hypotheses",
        "3",
        "--spacing",
        "900",
        "20",
        "--poses",
        "30",
        "--seed",
        "5",
        "--eta",
        "1",
    ]
    with pytest.warns(UserWarning, match="trained on keypoints 'exact', given 'detected'"):
        few = command("evaluate", *arguments, "--parquet", "--out", tmp_path / "a report <b>")
    some = few[torch.randperm(len(few), generator=dr.generator(5))[:30]]
    found = dr.assess(small_model, some, hypotheses=3, steps=2, spacing=[900, 20], eta=1, seed=5)
    for name in ("scores", "joints", "calibration", "summary"):
        written = pd.read_csv(tmp_path / "a report <b>" / f"{name}.csv", keep_default_na=False)
        own = getattr(found, name)
        numbers = own.select_dtypes("number").columns
        assert (
            list(written.columns) == list(own.columns)
            and abs(written[numbers] - own[numbers]).max().max() < 1e-2
        )
    assert pd.read_parquet(
        tmp_path / "a report <b>" / "scores.parquet"
    ).error_mm.to_numpy() == pytest.approx(found.scores.error_mm.to_numpy(), abs=1e-2)
    text = (tmp_path / "a report <b>" / "report.md").read_text()
    for part in (
        "python -m drpose_core evaluate --checkpoint",
        "trained on nobody",
        "torch 2.",
        "m.safetensors",
        "hypotheses 3",
        "spacing (900, 20)",
    ):
        assert part in text, part
    answers, oracles = text.split("## Answers")[1].split("## Oracles")
    assert "initial pose" in answers and "oracle" not in answers and "best (oracle)" in oracles
    assert (
        f"{dr.table(found.scores).MPJPE['medoid']:.1f}" in answers
        and "step picked on the test set" in text
    )
    page = (tmp_path / "a report <b>" / "figures.html").read_text()
    assert "<b>" not in page.split("<pre>")[1].split("</pre>")[0]
    assert page.count("plotly-graph-div") >= 5 and 'src="http' not in page
    assert (
        not list((tmp_path / "a report <b>").glob("unfinished*"))
        and "p_best" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--device", "nonsense"], r"error: device 'nonsense' cannot be used here"),
        (["--poses", "0"], "error: --poses must be at least 1, got 0"),
        (["--steps", "0"], "error: hypotheses and steps must be at least 1, got 20 and 0"),
        (["--checkpoint", "gone.pth"], "error: gone.pth not found"),
    ],
)
def test_evaluate_says_what_is_wrong(arguments, sentence, command, small_model, tmp_path):
    dr.save_checkpoint(tmp_path / "m.safetensors", small_model)
    with pytest.raises(SystemExit, match=sentence):
        command(
            "evaluate",
            "--checkpoint",
            tmp_path / "m.safetensors",
            "--out",
            tmp_path / "r",
            *arguments,
        )
    assert not (tmp_path / "r").exists()


def test_parquet_is_asked_for_before_the_work(command, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="error: --parquet needs pyarrow: pip install pyarrow"):
        command("evaluate", "--parquet", "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_evaluate_shares_poses_between_processes(small_model, poses, tmp_path):
    """The command itself under torchrun: one report, the same scores as one process writes."""
    import subprocess
    import sys

    import tiny_cmu

    for subject in ("07", "08"):
        tiny_cmu.write_subject(tmp_path / "cmu", subject, takes=1, frames=60)
    dr.save_checkpoint(tmp_path / "m.safetensors", small_model)
    arguments = [
        "--source",
        "cmu",
        "--data",
        tmp_path / "cmu",
        "--checkpoint",
        tmp_path / "m.safetensors",
        "--hypotheses",
        "2",
        "--steps",
        "1",
    ]
    written = []
    for count in (1, 2):
        launch = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(count),
            "-m",
            "drpose_core",
            "evaluate",
        ]
        done = subprocess.run(
            [*launch, *map(str, arguments), "--out", str(tmp_path / str(count))],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        written.append((tmp_path / str(count) / "scores.csv").read_text())
    assert written[0] == written[1]


EXAMPLE = dr.project_root() / "notebooks" / "example_keypoints.json"


def test_predict_writes_what_predict_gives(command, tmp_path, capsys):
    outs = [tmp_path / name for name in ("pose.json", "pose.csv", "pose.bvh")]
    default = dr.weights.DEFAULT
    command(
        "predict",
        EXAMPLE,
        "--out",
        *outs,
        "--hypotheses",
        3,
        "--steps",
        2,
        "--field-of-view",
        65,
        "--checkpoint",
        default,
    )
    said = capsys.readouterr().out
    assert (
        "2 people in 24 frames, 48 poses\nCOCO, 17 joints; picture 1920 x 1080 pixels" in said
        and "65 degrees over the longer side\nmodel default.safetensors, trained on CMU mocap"
        in said
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        "pose.json",
        "pose.csv",
        "pose_person0.bvh",
        "pose_person1.bvh",
    }, "nothing unfinished"
    content = json.loads((tmp_path / "pose.json").read_text())
    model = dr.load_checkpoint(default)
    found = dr.joined(
        dr.predict(model, dr.read_keypoints(EXAMPLE).poses(field_of_view=65), hypotheses=3, steps=2)
    )
    assert np.allclose([item["pose"] for item in content["poses"]], found.pose3d, atol=1e-3)
    assert (
        content["about"]["field_of_view"] == 65
        and content["about"]["hypotheses"] == 3
        and "predict" in content["about"]["command"]
    )
    assert "Frame Time: 0.04" in (tmp_path / "pose_person0.bvh").read_text(), (
        "the file's 25 frames per second"
    )


def test_predict_takes_the_film_model_for_films_and_the_other_for_pictures(
    command, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    content = json.loads(EXAMPLE.read_text())
    content["instance_info"] = content["instance_info"][:1]
    (tmp_path / "picture.json").write_text(json.dumps(content))
    few = ("--hypotheses", 2, "--steps", 1)
    command("predict", EXAMPLE, tmp_path / "picture.json", "--out", tmp_path / "p.json", *few)
    said = capsys.readouterr().out
    film, picture = said.index("model film.safetensors"), said.index("model default.safetensors")
    assert film < said.index("a film: the model sees 27 frames at once") < picture
    found = json.loads((tmp_path / "p-example_keypoints.json").read_text())
    assert found["about"]["checkpoint"] == "film.safetensors"
    model, people = dr.load_checkpoint(dr.weights.FILM), dr.read_keypoints(EXAMPLE)
    expected = dr.joined(
        dr.predict(model, people.poses(), hypotheses=2, steps=1, fps=found["about"]["fps"])
    )
    assert np.allclose([item["pose"] for item in found["poses"]], expected.pose3d, atol=1e-3)


def test_predict_goes_on_and_says_what_is_odd(command, tmp_path, capsys, monkeypatch):
    """Interrupted half way: what is done is kept beside the output; upside down: warned of before,
    doubted after.
    """
    from drpose_core import prediction

    monkeypatch.setattr(prediction, "AT_ONCE", 10)
    original, calls = prediction.sample_poses, []

    def stops(*args, **more):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*args, **more)

    monkeypatch.setattr(prediction, "sample_poses", stops)
    arguments = (
        "predict",
        EXAMPLE,
        "--out",
        tmp_path / "pose.json",
        "--hypotheses",
        1,
        "--steps",
        1,
        "--checkpoint",
        dr.weights.DEFAULT,
    )
    with pytest.raises(SystemExit, match=r"stopped; run the same command again to resume"):
        command(*arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["pose-unfinished"] and len(
        list((tmp_path / "pose-unfinished").iterdir())
    ) == 3
    command(*arguments)
    assert len(calls) == 6, "three batches were left out: done before"
    assert [path.name for path in tmp_path.iterdir()] == ["pose.json"]
    capsys.readouterr()

    content = json.loads(EXAMPLE.read_text())
    for frame in content["instance_info"]:
        for person in frame["instances"]:
            person["keypoints"] = [[x, 1080 - y] for x, y in person["keypoints"]]
    (tmp_path / "upside.json").write_text(json.dumps(content))
    command(
        "predict",
        tmp_path / "upside.json",
        "--out",
        tmp_path / "up.csv",
        "--hypotheses",
        1,
        "--steps",
        1,
    )
    said = capsys.readouterr()
    assert (
        said.out.count("is coco17 the order of the joints, does y point down") == 1
        and "UserWarning" not in said.err
    )
    assert "47 degrees over the longer side assumed" in said.out


def test_predict_refuses_in_a_sentence_before_any_work(command, tmp_path):
    for arguments, sentence in (
        (("nothing.json", "--out", tmp_path / "p.json"), "nothing.json not found"),
        ((EXAMPLE, "--out", tmp_path / "p.fbx"), "the name must end in .json"),
        ((EXAMPLE, "--out", tmp_path / "p.json", "--field-of-view", 400), "field of view"),
        ((EXAMPLE, "--out", tmp_path / "p.bvh", "--fps", -3), "--fps must be positive, got -3"),
        (
            (tmp_path / "photo.jpg", "--out", tmp_path / "p.json", "--image-size", 5, 5),
            "a picture has both",
        ),
    ):
        with pytest.raises(SystemExit, match=sentence):
            command("predict", *arguments)
    assert not list(tmp_path.iterdir())


def test_predict_leaves_a_page(command, tmp_path, monkeypatch):
    from drpose_core.explorer import page as explorer

    monkeypatch.setattr(explorer, "PAGE_STEPS", (1, 2))
    monkeypatch.setattr(explorer, "PAGE_HYPOTHESES", (1, 5))
    command(
        "predict",
        EXAMPLE,
        "--out",
        tmp_path / "p.csv",
        "--html",
        tmp_path / "p.html",
        "--hypotheses",
        2,
        "--steps",
        1,
    )
    page = (tmp_path / "p.html").read_text()
    assert "example_keypoints.json, person 0" in page and "redrawn for a training camera" in page
    # the page shows a film picture by picture; so do the files, and it shows what they hold
    model, poses = dr.load_checkpoint(dr.weights.DEFAULT), dr.read_keypoints(EXAMPLE).poses()
    found = dr.joined(dr.predict(model, poses, hypotheses=2, steps=1)).pose3d
    table = pd.read_csv(tmp_path / "p.csv")
    first = table[(table.person == 0) & (table.frame == table.frame.min())]
    assert np.allclose(first[["x", "y", "z"]], found[0], atol=1e-3)

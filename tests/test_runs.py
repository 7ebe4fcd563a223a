"""Trainings kept in folders: killed and continued they end in the same weights, and what is broken
never replaces what is whole.
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import tiny_cmu
import torch

import drpose_core as dr
from drpose_core import training

CONFIG = dr.TrainConfig(epochs=3, batch_size=32, seed=4)


def weights(module):
    return torch.cat([value.double().flatten() for value in module.state_dict().values()])


def trained(folder, poses, config=CONFIG, *, stop=None, loss=dr.denoising_loss, **more):
    torch.manual_seed(0)
    model = dr.DRPose(dr.ModelConfig(lifter="mlp", depth=1, dropout=0.1))
    for step in dr.train_in(folder, model, loss, poses, config, **more):
        if step.step == stop:
            break
    return model


@pytest.fixture(scope="module")
def few(poses):
    return poses[:100]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cmu")
    for subject in ("01", "02", "03"):
        tiny_cmu.write_subject(folder, subject, takes=1, frames=80)
    return folder


def test_a_cell_stopped_before_anything_was_kept_begins_with_the_same_weights(few, tmp_path):
    torch.manual_seed(0)
    model = dr.DRPose(dr.ModelConfig(lifter="mlp", depth=1, dropout=0.1))
    for stop in (2, None):  # the same module again, as when a cell runs a second time
        for step in dr.train_in(tmp_path / "r", model, dr.denoising_loss, few, CONFIG):
            if step.step == stop:
                break
        assert len(dr.runs(tmp_path)) == 1
    assert torch.equal(weights(model), weights(trained(tmp_path / "whole", few)))
    (tmp_path / "r" / "run.json").unlink()  # a state without its story counts for nothing
    trained(tmp_path / "r", few, dr.TrainConfig(epochs=1, batch_size=32, seed=9), stop=1)
    assert dr.history(tmp_path / "r").empty


@pytest.mark.parametrize("stop", [1, 6, 7, 17, 18])  # six steps an epoch
def test_what_was_left_goes_on_and_ends_in_the_same_weights(stop, few, tmp_path, monkeypatch):
    def validate(model):
        return {"there_mm": float(model.denoiser.output.weight.sum())}

    whole = trained(tmp_path / "whole", few, validate=validate)
    monkeypatch.setattr("drpose_core.experiments.resumable.KEEP", 0)  # at every step
    trained(tmp_path / "left", few, validate=validate, stop=stop)
    for _ in range(2):  # the second time there is nothing left to do
        assert torch.equal(
            weights(trained(tmp_path / "left", few, validate=validate)), weights(whole)
        )
    ends = [
        dr.history(tmp_path / name).dropna().drop(columns=["seconds", "loss"])
        for name in ("whole", "left")
    ]
    pd.testing.assert_frame_equal(*(end.reset_index(drop=True) for end in ends))
    torch.manual_seed(0)
    plain = dr.DRPose(dr.ModelConfig(lifter="mlp", depth=1, dropout=0.1))
    for _ in dr.train(plain, dr.denoising_loss, few, CONFIG):
        pass
    assert torch.equal(weights(plain), weights(whole))  # and keeping changes nothing


def test_a_killed_process_goes_on(recordings, tmp_path):
    command = [
        sys.executable,
        "-m",
        "drpose_core",
        "train",
        "--source",
        "cmu",
        "--data",
        recordings,
        "--model.lifter",
        "mlp",
    ]
    command += [
        "--model.depth",
        "1",
        "--lifter.epochs",
        "4",
        "--denoiser.epochs",
        "12",
        "--denoiser.batch-size",
        "16",
    ]

    def start(name):
        return subprocess.Popen(
            [
                *map(str, command),
                "--out",
                str(tmp_path / f"{name}.safetensors"),
                "--folder",
                str(tmp_path / name),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "DRPOSE_DEVICE": "cpu"},
        )

    def finished(process):
        _, error = process.communicate()
        assert process.returncode == 0, error.decode()[-2000:]

    finished(start("whole"))
    kills = 0
    for part in ("lifter", "denoiser"):
        process = start("killed")
        while (
            process.poll() is None
            and not (tmp_path / "killed" / part / "state.safetensors").is_file()
        ):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills == 2, "the process ended before it was killed"
    assert (
        not (tmp_path / "killed.safetensors").exists()
        and dr.runs(tmp_path / "killed").done.min() < 1
    )
    finished(start("killed"))
    models = [dr.load_checkpoint(tmp_path / f"{name}.safetensors") for name in ("whole", "killed")]
    assert (
        torch.equal(*map(weights, models))
        and models[0].record["scores_mm"] == models[1].record["scores_mm"]
    )


def test_a_loss_that_breaks_keeps_the_last_good_weights(few, tmp_path):
    def loss(model, batch, *, generator):
        loss.calls += 1
        return dr.denoising_loss(model, batch, generator=generator) * (
            float("nan") if loss.calls == 10 else 1
        )

    loss.calls = 0
    with pytest.raises(
        FloatingPointError,
        match=r"the loss or its gradient is not finite at step 10: lower lr .* or look for bad poses; .*r keeps the training as it",
    ):
        trained(tmp_path / "r", few, loss=loss)
    kept = dr.history(tmp_path / "r")
    assert kept.step.iloc[-1] == 6 and kept.loss.notna().all()
    # it was a passing thing
    assert torch.equal(
        weights(trained(tmp_path / "r", few, loss=loss)), weights(trained(tmp_path / "s", few))
    )


def test_a_broken_loss_is_seen_later_where_asking_is_dear_and_does_no_harm_before(few, monkeypatch):
    """As on a GPU: the optimiser leaves out a step whose loss is not finite, whether or not anyone
    looks.
    """
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 3)

    def loss(m, batch, generator):
        return dr.mpjpe(m(batch.kp2d), batch.pose3d).mean()

    state = training.TrainState(model, CONFIG)
    list(dr.train(model, loss, few, dr.TrainConfig(epochs=1, seed=4), state=state))
    before = {name: value.clone() for name, value in state.tensors().items()}
    for spoilt in ("loss", "gradient"):
        value = loss(model, few, None)
        value.backward()
        if spoilt == "gradient":
            model.weight.grad[0, 0] = float("nan")
        state.broken = torch.tensor(False)
        state.update(1e-3, value.detach() * (float("inf") if spoilt == "loss" else 1))
        assert state.broken
        for name, value in state.tensors().items():
            assert name.endswith(".step") or torch.equal(value, before[name]), name


def test_a_full_disk_leaves_the_old_state_whole(few, tmp_path):
    trained(tmp_path / "r", few, stop=6)
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # no file may grow beyond: what a full disk does
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(
            OSError,
            match=r"state.safetensors cannot be written .*: choose another place or make room",
        ):
            trained(tmp_path / "r", few)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert {path.name for path in (tmp_path / "r").iterdir()} == set(before)
    assert (tmp_path / "r" / "state.safetensors").read_bytes() == before["state.safetensors"]
    assert torch.equal(weights(trained(tmp_path / "r", few)), weights(trained(tmp_path / "s", few)))


def test_a_folder_keeps_to_its_training(few, tmp_path):
    trained(tmp_path / "r", few, stop=8)
    with pytest.raises(
        ValueError,
        match=r"holds another training \(config lr 0.002, not 0.001, config seed 4, not 0\): choose another",
    ):
        trained(tmp_path / "r", few, dr.TrainConfig(epochs=3, batch_size=32, lr=1e-3))
    with pytest.raises(ValueError, match=r"holds another training \(train poses 100, not 50"):
        trained(tmp_path / "r", few[:50])
    with pytest.raises(
        ValueError, match=r"holds another training \(module 'DRPose \w+', not 'ResidualMLP \w+'"
    ):
        list(dr.train_in(tmp_path / "r", dr.build_lifter("mlp"), dr.denoising_loss, few, CONFIG))
    with pytest.raises(
        ValueError, match=r"holds another training \(loss 'loss \w+', not 'denoising_loss \w+'\)"
    ):

        def halved(model, batch, generator):
            return dr.denoising_loss(model, batch, generator=generator) / 2

        halved.__name__ = "loss"
        trained(tmp_path / "other", few, loss=halved, stop=1)
        trained(tmp_path / "other", few)
    assert torch.equal(
        weights(trained(tmp_path / "other", few, afresh=True)),
        weights(trained(tmp_path / "r", few)),
    )
    (tmp_path / "r" / "state.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"cannot be read .*: delete it to train from scratch"):
        trained(tmp_path / "r", few)
    with pytest.raises(FileNotFoundError, match=r"history.csv not found: runs\(\) lists"):
        dr.history(tmp_path / "no")


def test_runs_can_be_listed_and_compared(few, tmp_path):
    assert list(dr.runs(tmp_path / "none").columns) == ["run", "started", "done"]
    trained(tmp_path / "a", few, validate=lambda model: {"error_mm": 3.0})
    trained(tmp_path / "b" / "c", few, dr.TrainConfig(epochs=2, batch_size=64), stop=4)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "run.json").write_text("{")
    table = dr.runs(tmp_path).set_index("run")
    assert (
        set(table.index) == {"a", "b/c", "d"} and table.done["a"] == 1 and table.done["b/c"] == 0.5
    )
    assert (
        table.error_mm["a"] == 3
        and table.batch_size["b/c"] == 64
        and "unreadable" in table.started["d"]
    )
    about = json.loads((tmp_path / "a" / "run.json").read_text())
    assert (
        about["versions"]["torch"] == torch.__version__
        and re.fullmatch("[0-9a-f]{40}", about["git"]["commit"])
        and about["command"]
    )

    from drpose_core import plots

    figure = plots.losses_figure(
        {name: dr.history(tmp_path / name) for name in ("a", "b/c")}, title="two runs"
    )
    assert {trace.name for trace in figure.data} == {"a", "b/c"} and [
        list(t.x) for t in figure.data if t.xaxis == "x2"
    ] == [[6, 12, 18]]


SHARED = """
import json, sys, torch, drpose_core as dr
from drpose_core.support import distributed_run

def losses(dtype):
    poses = dr.PoseSet.load(sys.argv[1])._each(lambda x: x.to(dtype) if x.is_floating_point() else x)
    torch.manual_seed(0)
    model = dr.DRPose(dr.ModelConfig(lifter="mlp", depth=1, dropout=0.1)).to(dtype)
    steps = dr.train(model, dr.denoising_loss, poses, dr.TrainConfig(epochs=3, batch_size=15, seed=4))
    return [step.loss.item() for step in steps] + [sum(p.abs().sum().item() for p in model.denoiser.parameters())]

with distributed_run() as rank:
    found = [losses(torch.float32), losses(torch.float64)]
    torch.manual_seed(0)
    lifter, poses = dr.build_lifter("dcgct"), dr.PoseSet.load(sys.argv[1])
    for step in dr.train(lifter, dr.lifting_loss, poses, dr.TrainConfig(epochs=1, batch_size=16)):
        pass
    everyone = [None, None]
    if torch.distributed.is_initialized():
        torch.distributed.all_gather_object(everyone, [value.double().sum().item() for value in lifter.state_dict().values()])
    assert everyone[0] == everyone[1], "the processes end with different lifters"
    try:
        next(dr.train(lifter, dr.lifting_loss, poses, dr.TrainConfig(batch_size=4)))
    except ValueError as error:
        assert "batch_size 4 is too small for 2 processes: at least 8 poses" in str(error)
    if rank == 0:
        print(json.dumps(found))
"""


def test_two_processes_train_as_one(few, tmp_path):
    """The same losses for the same batches, dropout and odd shares included.

    In float32 rounding grows with the steps, in float64 hardly.
    """
    (tmp_path / "shared.py").write_text(SHARED)
    few.save(tmp_path / "few.npz")
    found = []
    for count in (1, 2):
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            count,
            tmp_path / "shared.py",
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*map(str, command), str(tmp_path / "few.npz")],
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout))
    (one, exact), (two, exact_two) = found
    assert (
        len(one) == 40
        and two[:20] == pytest.approx(one[:20], rel=1e-5)
        and two == pytest.approx(one, rel=1e-3)
    )
    assert exact_two == pytest.approx(exact, rel=1e-9)


def test_only_one_of_two_processes_writes(recordings, tmp_path):
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "drpose_core",
        "train",
    ]
    command += [
        "--source",
        "cmu",
        "--data",
        recordings,
        "--model.lifter",
        "dcgct",
        "--model.depth",
        "1",
        "--folder",
        tmp_path / "r",
    ]
    command += ["--out", tmp_path / "m.safetensors"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DRPOSE_DEVICE": "cpu"}
    for _ in range(2):  # the second time both find it done
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("written to") == done.stdout.count("As a notebook cell") == 1
    assert (
        set(dr.runs(tmp_path / "r").run) == {"lifter", "denoiser"}
        and (dr.runs(tmp_path / "r").done == 1).all()
    )
    assert dr.load_checkpoint(tmp_path / "m.safetensors").record["scores_mm"]["poses"] > 0


def test_the_printed_notebook_cell_trains_what_the_command_trains(
    recordings, tmp_path, monkeypatch, capsys
):
    from drpose_core import cli

    monkeypatch.setattr("drpose_core.cli.train.find_device", lambda: torch.device("cpu"))
    command = [
        "drpose_core",
        "train",
        "--source",
        "cmu",
        "--data",
        recordings,
        "--out",
        tmp_path / "m.safetensors",
        "--folder",
        tmp_path / "r",
    ]
    command += [
        "--model.lifter",
        "mlp",
        "--model.depth",
        "1",
        "--model.channels",
        "32",
        "--denoiser.lr",
        "1e-3",
        "--seed",
        "5",
    ]
    monkeypatch.setattr("sys.argv", [*map(str, command)])
    cli.main()
    cell = (
        capsys.readouterr()
        .out.split("As a notebook cell:\n\n")[1]
        .split("\n\n   ")[0]
        .split("\n\nscore")[0]
    )
    cell = cell[: cell.index("poses.describe()})") + len("poses.describe()})")]
    command_made = dr.load_checkpoint(tmp_path / "m.safetensors")
    monkeypatch.setattr("drpose_core.plots.live_losses", lambda: lambda history: None)
    monkeypatch.setenv("DRPOSE_DEVICE", "cpu")
    for folder in ("r", "again"):  # it reads what the command has done, and does it by itself
        exec(
            cell.replace(str(tmp_path / "r"), str(tmp_path / folder)).replace(
                "m.safetensors", f"{folder}.safetensors"
            ),
            {},
        )
        assert torch.equal(
            weights(dr.load_checkpoint(tmp_path / f"{folder}.safetensors")), weights(command_made)
        )
    assert command_made.config.channels == 32


def test_a_folder_of_the_former_scheme_is_compared_by_what_can_be():
    """Its digits are of another kind; the names of the loss and the module are not."""
    from drpose_core.experiments.runs import _differences

    old = {"config": {"lr": 1.0}, "train": {"source": "a"}, "poses": "0"}
    old |= {"loss": "denoising_loss 0123", "module": "DRPose 4567"}
    new = {"scheme": 2, **old, "poses": "1", "loss": "denoising_loss ab", "module": "DRPose cd"}
    assert _differences(old, new) == ""
    assert "mine" in _differences(old, new | {"loss": "mine ef"})
    assert "poses" in _differences(new | {"poses": "2"}, new)

"""The command line: what it writes is what the functions make, and a mistake ends in one sentence."""

import pytest
import torch

import drpose_core as dr
from drpose_core import cli

TINY = ["--lifter.batch-size", "64", "--denoiser.batch-size", "64", "--model.depth", "1", "--seed", "3"]


@pytest.fixture
def command(monkeypatch, poses):
    """Runs python -m drpose_core <arguments> on a few poses of the synthetic figure."""
    few = poses[torch.arange(0, len(poses), 4)]
    monkeypatch.setattr(cli, "load_poses", lambda source, split, folder: few)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["drpose_core", *map(str, arguments)])
        cli.main()
        return few

    return run


def test_train_leaves_a_checkpoint_with_its_story(command, tmp_path, capsys):
    path = tmp_path / "mlp.safetensors"
    few = command("train", "--out", path, "--model.lifter", "mlp", *TINY)
    model = dr.load_checkpoint(path)
    record = model.record
    assert record["train"] == few.describe() and record["seed"] == 3 and "--model.lifter mlp" in record["command"]
    scores = dr.table(dr.evaluate(model, few[torch.randperm(len(few), generator=dr.generator(3))], hypotheses=1, steps=1, seed=3))
    assert record["scores_mm"]["p_avg"]["MPJPE"] == pytest.approx(scores.MPJPE["p_avg"], abs=0.05)
    assert str(path) in capsys.readouterr().out

    command("train", "--out", tmp_path / "again.safetensors", "--model.lifter", "mlp", *TINY)
    assert all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), dr.load_checkpoint(tmp_path / "again.safetensors").state_dict().values())
    )

    command("train", "--out", tmp_path / "on.safetensors", "--model.lifter", "mlp", "--lifter-from", path, *TINY)
    for name, value in dr.load_checkpoint(tmp_path / "on.safetensors").lifter.state_dict().items():
        assert torch.equal(value, model.lifter.state_dict()[name]), name
    with pytest.raises(SystemExit, match=r"mlp.safetensors holds a ResidualMLP, not the lifter 'dcgct': give --model.lifter its name"):
        command("train", "--out", tmp_path / "no.safetensors", "--lifter-from", path, *TINY)
    assert not (tmp_path / "no.safetensors").exists()


def test_train_on_predictions(command, poses, tmp_path):
    few = poses[torch.arange(0, len(poses), 4)]
    dr.save_predictions(tmp_path / "p.npz", few, few.pose3d)
    command("train", "--out", tmp_path / "e.safetensors", "--predictions", tmp_path / "p.npz", "--half", *TINY)
    model = dr.load_checkpoint(tmp_path / "e.safetensors")
    assert model.config.lifter == "elsewhere" and model.record["scores_mm"]["initial"]["MPJPE"] == 0
    with pytest.raises(SystemExit, match=r"p2.npz not found"):
        command("train", "--predictions", tmp_path / "p2.npz", *TINY)

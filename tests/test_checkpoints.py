"""Weights in and out: own files, the published layout, and files that mean harm."""

import json
import os
import pickle
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import GOLDEN, published_state
from safetensors import safe_open
from safetensors.torch import save_file

import drpose_core as dr
from drpose_core import cli


def test_saving_and_loading_draw_nothing_from_the_caller(small_model, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    dr.save_checkpoint(tmp_path / "m.safetensors", small_model)
    dr.load_checkpoint(tmp_path / "m.safetensors")
    assert torch.equal(torch.rand(4), expected)


def test_own_checkpoint_comes_back_whole(small_model, poses, tmp_path):
    path = tmp_path / "deep" / "model.safetensors"
    dr.save_checkpoint(path, small_model, record={"train": poses.source, "seed": 3})
    again = dr.load_checkpoint(path)
    assert again.config == small_model.config and not again.training
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.state_dict().values(), small_model.state_dict().values())
    )
    assert dr.checkpoint_record(path)["record"] == {"train": poses.source, "seed": 3}
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


def test_half_a_checkpoint_computes_nearly_the_same(small_model, poses, tmp_path):
    dr.save_checkpoint(tmp_path / "full.safetensors", small_model)
    dr.save_checkpoint(tmp_path / "half.safetensors", small_model, dtype=torch.float16)
    full, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half"))
    again = dr.load_checkpoint(tmp_path / "half.safetensors")
    assert half < 0.52 * full and all(p.dtype == torch.float32 for p in again.parameters())
    assert (again.initial_pose(poses.kp2d[:50]) - small_model.initial_pose(poses.kp2d[:50])).norm(
        dim=-1
    ).max() < 5e-3


def test_a_checkpoint_says_what_made_it(small_model, poses, tmp_path):
    path = tmp_path / "m.safetensors"
    dr.save_checkpoint(path, small_model, record={"train": poses.describe()})
    content = dr.checkpoint_record(path)
    assert content["versions"]["torch"] == torch.__version__ and content["joints"] == list(
        dr.JOINTS
    )
    model = dr.load_checkpoint(path)
    assert model.record["train"] == {
        "source": poses.source,
        "keypoints": "detected",
        "skeleton": "synthetic figure",
        "poses": len(poses),
    }
    dr.save_checkpoint(tmp_path / "again.safetensors", model)  # the record stays with the model
    assert dr.checkpoint_record(tmp_path / "again.safetensors")["record"] == content["record"]


def test_a_wrong_pairing_is_said_aloud(small_model, poses):
    small_model.record = {"train": poses.describe()}
    one = {"hypotheses": 1, "steps": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dr.evaluate(small_model, poses[:2], **one)
        dr.evaluate(small_model, replace(poses[:2], keypoints="unknown"), **one)
    with pytest.warns(UserWarning, match="trained on keypoints 'detected', given 'exact'"):
        dr.evaluate(small_model, replace(poses[:2], keypoints="exact"), **one)
    with pytest.warns(
        UserWarning, match="trained on skeleton 'synthetic figure', given 'Human3.6M'"
    ):
        dr.evaluate(small_model, replace(poses[:2], skeleton="Human3.6M"), **one)


def test_another_skeleton_is_refused(small_model, tmp_path):
    path = tmp_path / "m.safetensors"
    dr.save_checkpoint(path, small_model)
    with safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["drpose"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    content["joints"] = content["joints"][::-1]
    save_file(state, path, metadata={"drpose": json.dumps(content)})
    with pytest.raises(
        ValueError,
        match=r"m.safetensors was trained on another skeleton, its joints are right wrist",
    ):
        dr.load_checkpoint(path)


def test_the_newest_checkpoint_is_the_sources_own_else_the_default(tmp_path, monkeypatch):
    from drpose_core.weights import checkpoints

    monkeypatch.setattr(checkpoints, "project_root", lambda: tmp_path)
    assert dr.latest_checkpoint("cmu") == checkpoints.DEFAULT
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "cmu.safetensors").touch()
    assert (
        dr.latest_checkpoint("cmu").name == "cmu.safetensors"
        and dr.latest_checkpoint() == checkpoints.DEFAULT
    )
    own = tmp_path / "checkpoints" / "default.safetensors"
    own.touch()
    assert dr.latest_checkpoint() == own and dr.latest_checkpoint("cmu").name == "cmu.safetensors"


def test_the_default_checkpoint_is_small_says_how_it_was_made_and_refines():
    path = dr.weights.DEFAULT
    assert path.stat().st_size < 8_000_000
    model = dr.load_checkpoint(path)
    record = model.record
    readme = (Path(__file__).parents[1] / "checkpoints" / "README.md").read_text()
    assert "HDM05" in record["train"]["source"] and "CC BY-SA 3.0" in readme
    assert record["command"] in readme and f"{record['train']['poses']:,}" in readme
    assert str(model.sampling.widen) in readme
    for who, scores in record["scores_mm"].items():
        row = f"| {scores['lifter']} | {scores['mean']} ({scores['mean, aligned']}) | "
        assert f"{who.replace('HDM_', 'HDM05 ')} {row}{scores['best of 20']} |" in readme
    test = dr.people_poses("test")
    assert {*test.subjects()} <= {*record["held_out"]}
    again = dr.table(
        dr.evaluate(model, test[:: len(test) // 150], hypotheses=1, steps=1, widen=1), over="frames"
    ).MPJPE
    assert again["p_avg"] < again["initial"] < 90


def test_the_film_checkpoint_is_small_and_says_how_it_was_made():
    path = dr.weights.FILM
    assert path.stat().st_size < 8_000_000
    model = dr.load_checkpoint(path)
    assert isinstance(model, dr.FilmDRPose) and model.config.frames == 27
    readme = (Path(__file__).parents[1] / "checkpoints" / "README.md").read_text()
    assert model.record["command"] in readme and f"{model.record['train']['poses']:,}" in readme
    assert str(model.sampling.widen) in readme
    poses = dr.people_poses("test", keypoints="exact")
    film = poses[poses.sequence == poses.sequence[0]][:8]
    hypotheses = dr.sample_film(model, film, hypotheses=2, steps=1)
    assert (
        torch.isfinite(hypotheses).all()
        and 1000 * dr.mpjpe(hypotheses.mean(1), film.pose3d).mean() < 150
    )


@pytest.mark.parametrize("lifter", ["dcgct", "htnet"])
def test_bare_initial_models_go_in_and_out(lifter, tmp_path, capsys, monkeypatch):
    """As their own authors publish them, from a full checkpoint, and back, bit by bit; the command
    line does the same.
    """
    full = published_state(lifter)
    bare = {
        name.removeprefix("encoder_feat."): value
        for name, value in full.items()
        if name.startswith("encoder_feat.")
    }
    torch.save({f"module.{name}": value for name, value in bare.items()}, tmp_path / "bare.pth")
    for weights in (tmp_path / "bare.pth", full):
        exported = dr.export_published(dr.load_published_lifter(weights, lifter))
        assert exported.keys() == bare.keys() and all(
            torch.equal(exported[name], value) for name, value in bare.items()
        )
    with pytest.raises(
        ValueError, match="if it is a bare initial model, use load_published_lifter"
    ):
        dr.load_published(tmp_path / "bare.pth", lifter)
    with pytest.raises(
        ValueError,
        match=f"is not of the published layout .* has the names of {lifter}: give lifter='{lifter}'",
    ):
        dr.load_published_lifter(tmp_path / "bare.pth", "htnet" if lifter == "dcgct" else "dcgct")

    torch.save(full, tmp_path / "full.pth")

    def convert(*arguments):
        monkeypatch.setattr("sys.argv", ["drpose_core", "convert", *map(str, arguments)])
        cli.main()

    convert(tmp_path / "full.pth", tmp_path / "own.safetensors", "--lifter", lifter)
    assert (
        dr.load_checkpoint(tmp_path / "own.safetensors").record["train"]["skeleton"] == "Human3.6M"
    )
    with pytest.raises(
        SystemExit,
        match=r"error: a lifter alone is no checkpoint: drpose train --lifter-from",
    ):
        convert(tmp_path / "bare.pth", tmp_path / "bare.safetensors", "--lifter-only")
    convert(tmp_path / "own.safetensors", tmp_path / "back.pth")
    convert(tmp_path / "own.safetensors", tmp_path / "lifter.pth", "--lifter-only")
    back, alone = (
        torch.load(tmp_path / name, weights_only=True) for name in ("back.pth", "lifter.pth")
    )
    assert back.keys() == full.keys() and all(
        torch.equal(back[name], full[name]) for name in full if "." in name
    )
    assert alone.keys() == bare.keys() and all(
        torch.equal(alone[name], bare[name]) for name in bare
    )
    with pytest.raises(
        SystemExit,
        match=r"error: convert reads .pth and writes .safetensors or the other way round",
    ):
        convert(tmp_path / "full.pth", tmp_path / "again.pth")


@pytest.mark.parametrize("lifter", ["dcgct", "htnet"])
def test_published_weights_go_round_bit_by_bit(lifter):
    state = published_state(lifter)
    exported = dr.export_published(dr.load_published(state, lifter))
    assert exported.keys() == state.keys()
    for name, value in state.items():
        if "." in name:
            assert exported[name].dtype == value.dtype and torch.equal(exported[name], value), name


def test_published_buffers_follow_from_the_schedule():
    """Against the defining recursions, one step at a time."""
    out = dr.export_published(dr.DRPose())
    product = 1.0
    for t in (0, 1, 2, 500, 998, 999):
        before = out["alphas_cumprod"][t - 1].item() if t else 1.0
        beta = out["betas"][t].item()
        product = before * (1 - beta)
        assert (
            abs(product - out["alphas_cumprod"][t].item()) < 1e-12
            and out["alphas_cumprod_prev"][t].item() == before
        )
        assert (
            abs(out["posterior_variance"][t].item() - beta * (1 - before) / (1 - product)) < 1e-12
        )
        mean1, mean2 = out["posterior_mean_coef1"][t].item(), out["posterior_mean_coef2"][t].item()
        assert abs(mean1 - before**0.5 * beta / (1 - product)) < 1e-9
        assert abs(mean2 - (1 - beta) ** 0.5 * (1 - before) / (1 - product)) < 1e-9


@pytest.mark.parametrize("timesteps", [50, 1000])
def test_exported_buffers_are_the_published_ones(timesteps):
    import numpy as np

    golden = torch.from_numpy(
        np.load(GOLDEN / "model.npz")[f"schedule/alphas_cumprod/T{timesteps}"]
    )
    exported = dr.export_published(dr.DRPose(dr.ModelConfig(depth=1, timesteps=timesteps)))
    # Not bit by bit: the last bit of a cosine depends on the processor.
    for own, published in (
        (exported["alphas_cumprod"], golden),
        (exported["sqrt_alphas_cumprod"], golden.sqrt()),
        (torch.cumprod(1 - exported["betas"], dim=0), golden),
    ):
        assert torch.allclose(own, published, rtol=1e-15, atol=0)


def test_numbers_too_large_for_half_precision_are_refused(small_model, tmp_path):
    with torch.no_grad():
        small_model.denoiser.time1.bias[0] = 1e5
    with pytest.raises(
        ValueError,
        match=r"denoiser.time1.bias holds NaN or numbers too large for torch.float16: nothing was written",
    ):
        dr.save_checkpoint(tmp_path / "m.safetensors", small_model, dtype=torch.float16)
    assert not list(tmp_path.iterdir())


def test_a_published_file_loads_like_its_state_dict(tmp_path):
    torch.save(
        {f"module.{name}": value for name, value in published_state().items()},
        tmp_path / "best.pth",
    )
    model = dr.load_published(tmp_path / "best.pth")
    assert torch.equal(
        model.denoiser.time1.bias, published_state()["pose_estimator.time_mlp.1.bias"]
    )


def test_a_shorter_schedule_is_read_from_its_buffers():
    assert len(dr.load_published(published_state(timesteps=50)).schedule) == 50


@pytest.fixture(scope="module")
def weights():
    return published_state()


WRAPPERS = {
    "under a name": lambda state: {"state_dict": state, "epoch": 3},
    "of VideoPose3D's kin": lambda state: {"model_pos": state, "lr": 1e-3, "optimizer": {"a": 1}},
    "two prefixes": lambda state: {f"module.module.{name}": x for name, x in state.items()},
    "compiled": lambda state: {f"_orig_mod.module.{name}": x for name, x in state.items()},
    "of a trainer": lambda state: {"model": {f"model.{name}": x for name, x in state.items()}},
    "half": lambda state: {n: x.half() if x.is_floating_point() else x for n, x in state.items()},
    "bfloat16": lambda state: {
        n: x.bfloat16() if x.is_floating_point() else x for n, x in state.items()
    },
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrapped_and_half_precise_weights_are_the_same_weights(tmp_path, weights, wrap):
    torch.save(wrap(weights), tmp_path / "w.pth.tar")
    model = dr.load_published(tmp_path / "w.pth.tar")
    bias = model.denoiser.time1.bias
    assert bias.dtype == torch.float32
    assert torch.allclose(bias, weights["pose_estimator.time_mlp.1.bias"], atol=4e-3)


def test_what_is_no_file_of_weights_is_named(tmp_path, weights):
    """And torch's advice to open it all the same is never repeated."""
    path = tmp_path / "w.pth"

    def refused(content, sentence, load=dr.load_published):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        with pytest.raises(ValueError, match=sentence) as error:
            load(path)
        assert "weights_only" not in str(error.value) and "\x1b" not in str(error.value)

    page = b"\n<!DOCTYPE html><html><head><title>Virus scan warning</title></head></html>"
    for load in (dr.load_published, dr.load_checkpoint):
        refused(page, r"w.pth is a web page, not weights.*download the file itself", load)
        refused(b"", "w.pth is empty: download it again", load)
        refused(b"version https://git-lfs.github.com/spec/v1", "pointer of Git LFS", load)
    refused(b"hello, this is text", "cannot be read as weights alone: it is damaged, cut short")
    torch.save(weights, path)
    refused(path.read_bytes()[:5000], "cannot be read as weights alone: it is damaged, cut short")
    refused({"net": torch.nn.Linear(2, 2)}, r"it asks for torch.nn.modules.linear.Linear.*not run")
    refused({"model": weights, "ema": weights}, "it has model, ema: choose one of model, ema and")
    refused({"lr": 1.0}, "holds no plain state dict: it has lr: save model.state_dict")
    refused([1, 2], "holds no plain state dict: save model.state_dict")
    refused(weights, r"is a file of PyTorch.*a name that ends in .pth", dr.load_checkpoint)
    other = {n: x.flip(0) if n == "alphas_cumprod" else x for n, x in weights.items()}
    refused(other, "was trained with another noise schedule")


class Malice:
    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("kind", ["pth", "old pth", "npz"])
def test_pickles_never_run_code(kind, tmp_path):
    witness, path = tmp_path / "ran", tmp_path / "data_3d_h36m.npz"
    if kind == "pth":
        torch.save({"alphas_cumprod": Malice(witness)}, path)
    elif kind == "old pth":
        path.write_bytes(pickle.dumps({"alphas_cumprod": Malice(witness)}))
    else:
        import numpy as np

        np.savez(path, positions_3d=np.array({"S1": Malice(witness)}, dtype=object))
        np.savez(tmp_path / "data_2d_h36m_gt.npz", positions_2d=np.array({}, dtype=object))
    with pytest.raises(ValueError, match=r"cannot be (read as weights alone|used)"):
        if kind == "npz":
            assert zipfile.is_zipfile(path)
            dr.h36m_poses(tmp_path, keypoints="gt")
        else:
            dr.load_published(path)
    assert not witness.exists()


class Raw:
    """Makes numpy build an array of raw pointers from bytes, if the reader lets it."""

    def __reduce__(self):
        import numpy as np

        return np.ndarray, ((1,), "O", b"A" * 8)


class Disguised:
    """An object array whose content is given as bytes."""

    def __reduce__(self):
        import numpy as np

        reconstruct = np.zeros(1).__reduce__()[0]
        return reconstruct, (np.ndarray, (0,), b"b"), (1, (1,), np.dtype(object), False, b"A" * 8)


@pytest.mark.parametrize("payload", [Raw, Disguised])
def test_pickles_cannot_make_arrays_of_pointers(payload, tmp_path):
    """In a process of its own: getting it wrong ends in a segmentation fault."""
    import io
    import subprocess
    import sys

    import numpy as np

    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        member, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    pickle.dump({"S1": payload()}, member, protocol=3)
    for name, key in (("data_3d_h36m", "positions_3d"), ("data_2d_h36m_gt", "positions_2d")):
        with zipfile.ZipFile(tmp_path / f"{name}.npz", "w") as archive:
            archive.writestr(f"{key}.npy", member.getvalue())
    code = f"import drpose_core as dr; dr.h36m_poses({str(tmp_path)!r}, keypoints='gt', subjects=('S1',))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "data_3d_h36m.npz cannot be used" in done.stderr


def test_damaged_files_always_get_a_sentence(tmp_path):
    """A few hundred files with flipped bytes: never another error than ours (seeded; nearly all
    flips hit the compressed data).
    """
    import random

    source = (GOLDEN / "h36m_mini" / "data_3d_h36m.npz").read_bytes()
    (tmp_path / "data_2d_h36m_gt.npz").write_bytes(
        (GOLDEN / "h36m_mini" / "data_2d_h36m_gt.npz").read_bytes()
    )
    draw = random.Random(0)
    for _ in range(300):
        damaged = bytearray(source)
        for _ in range(draw.choice((1, 3, 20))):
            near_an_end = draw.choice(
                (draw.randrange(200), -1 - draw.randrange(200), draw.randrange(len(source)))
            )
            damaged[near_an_end] = draw.randrange(256)
        (tmp_path / "data_3d_h36m.npz").write_bytes(damaged)
        try:
            dr.h36m_poses(tmp_path, keypoints="gt")
        except ValueError as error:
            assert "data_3d_h36m.npz" in str(error)


def test_a_checkpoint_is_one_whatever_the_length_of_its_header(tmp_path, small_model):
    """The length is the file's first number; one in 32 looks like the first byte of a pickle."""
    path, seen = tmp_path / "m.safetensors", set()
    for n in range(0, 8 * 32, 8):
        dr.save_checkpoint(path, small_model, record={"note": "x" * n})
        with open(path, "rb") as file:
            seen.add(file.read(1)[0])
        assert dr.checkpoint_record(path)["record"] == {"note": "x" * n}
    assert 0x80 in seen and len(seen) == 32

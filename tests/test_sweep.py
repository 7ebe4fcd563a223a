"""Sweeps: every cell once, whatever interrupts them, and anew when anything changes that they depend on."""

import functools
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import drpose_core as dr

CALLS = []  # not in the measuring functions' closures, where it would count as something that they depend on


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


def test_all_combinations_in_order_and_only_once(tmp_path):
    def measure(given, *, a, b):
        CALLS.append((a, b))
        return {"sum": torch.tensor(float(a + given)), "b twice": np.int64(2) * len(b)}

    over = {"a": [1, 2], "b": ["x", "yy"]}
    table = dr.sweep(measure, over, 10, folder=tmp_path)
    assert table.to_dict("list") == {"a": [1, 1, 2, 2], "b": ["x", "yy", "x", "yy"], "sum": [11, 11, 12, 12], "b twice": [2, 4, 2, 4]}
    assert CALLS == [(1, "x"), (1, "yy"), (2, "x"), (2, "yy")]
    assert dr.sweep(measure, over, 10, folder=tmp_path).equals(table) and len(CALLS) == 4
    more = dr.sweep(measure, [{"b": "x", "a": 1}, {"a": 3, "b": "x"}], 10, folder=tmp_path)
    assert more["sum"].tolist() == [11, 13] and CALLS[4:] == [(3, "x")], "a cell is known by its settings, not by their order"
    dr.sweep(measure, over, 11, folder=tmp_path)
    assert len(CALLS) == 9, "another given: all anew"


def test_an_interrupted_sweep_goes_on(tmp_path):
    def measure(*, k):
        CALLS.append(k)
        if len(CALLS) == 3:
            raise KeyboardInterrupt
        return {"found": k * k}

    with pytest.raises(KeyboardInterrupt):
        dr.sweep(measure, {"k": [1, 2, 3, 4]}, folder=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text(kept.read_text() + '\n{"cell": "{\\"k\\": 3}", "fou')  # a kill in the middle of writing
    CALLS[:] = CALLS[:2]
    CALLS.append("again")
    assert dr.sweep(measure, {"k": [1, 2, 3, 4]}, folder=tmp_path).found.tolist() == [1, 4, 9, 16]
    assert CALLS == [1, 2, "again", 3, 4]
    assert dr.sweep(measure, {"k": [4, 3]}, folder=tmp_path).found.tolist() == [16, 9] and len(CALLS) == 5


def test_settings_that_cannot_be_kept_get_a_sentence_before_any_work(tmp_path):
    def measure(**cell):
        raise AssertionError("measured")

    for value in (torch.zeros(1), float("nan"), object()):
        with pytest.raises(ValueError, match="settings of a sweep must be numbers, texts or lists"):
            dr.sweep(measure, {"k": [value]}, folder=tmp_path)


def test_fingerprints_change_with_what_matters(small_model, poses):
    some = poses[:4]
    changed = dr.DRPose(small_model.config).eval()
    changed.load_state_dict(small_model.state_dict())
    assert dr.fingerprint(changed, some) == dr.fingerprint(small_model, some)
    changed.record = {"said": "of its training"}
    assert dr.fingerprint(changed.train()) == dr.fingerprint(small_model), "a mode and a record change no number"
    codes = [dr.fingerprint(small_model)]
    changed.denoiser.bf16 = True
    codes.append(dr.fingerprint(changed))
    changed.denoiser.bf16 = False
    with torch.no_grad():
        changed.denoiser.blend.fc2.bias[3] += 1e-6
    codes.append(dr.fingerprint(changed))
    codes += [dr.fingerprint(some), dr.fingerprint(replace(some, frame=some.frame + 1)), dr.fingerprint(replace(some, source="other"))]

    def times(n):
        return lambda x: n * x

    codes += [dr.fingerprint(f) for f in (times(2), times(3), functools.partial(min, 2), functools.partial(min, 3), min, max)]
    codes += [dr.fingerprint(thing) for thing in (1, "1", [1], torch.ones(1), torch.ones(1).double(), None)]
    assert len(set(codes)) == len(codes)


def test_fingerprints_are_the_same_in_another_process():
    code = "import torch, drpose_core as dr; torch.manual_seed(0); print(dr.fingerprint(dr.DRPose(dr.ModelConfig(depth=1)), dr.flip, {'b': 1, 'a': [2]}))"
    first, second = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert first == second and len(first.strip()) == 16


def test_rows_are_plain_text(tmp_path):
    def measure(*, k):
        return {"found": 0.1 * k}

    dr.sweep(measure, {"k": [1]}, folder=tmp_path)
    (kept,) = tmp_path.iterdir()
    assert [json.loads(line) for line in kept.read_text().split("\n") if line] == [{"cell": '{"k": 1}', "found": {"found": 0.1}}]

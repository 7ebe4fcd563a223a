"""Sweeps: every cell once, whatever interrupts them, and anew when anything changes that they
depend on.
"""

import functools
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import drpose_core as dr


class Calls:
    """A log that measuring functions may use: as an object of no known kind it counts by its type,
    so what it holds changes nothing.
    """

    def __init__(self):
        self.made = []


CALLS = Calls()


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.made = []


def test_all_combinations_in_order_and_only_once(tmp_path):
    def measure(given, *, a, b):
        CALLS.made.append((a, b))
        return {"sum": torch.tensor(float(a + given)), "b twice": np.int64(2) * len(b)}

    over = {"a": [1, 2], "b": ["x", "yy"]}
    table = dr.sweep(measure, over, 10, folder=tmp_path)
    assert table.to_dict("list") == {
        "a": [1, 1, 2, 2],
        "b": ["x", "yy", "x", "yy"],
        "sum": [11, 11, 12, 12],
        "b twice": [2, 4, 2, 4],
    }
    assert CALLS.made == [(1, "x"), (1, "yy"), (2, "x"), (2, "yy")]
    assert dr.sweep(measure, over, 10, folder=tmp_path).equals(table) and len(CALLS.made) == 4
    more = dr.sweep(measure, [{"b": "x", "a": 1}, {"a": 3, "b": "x"}], 10, folder=tmp_path)
    assert more["sum"].tolist() == [11, 13] and CALLS.made[4:] == [(3, "x")], (
        "a cell is known by its settings, not by their order"
    )
    dr.sweep(measure, over, 11, folder=tmp_path)
    assert len(CALLS.made) == 9, "another given: all anew"


def test_an_interrupted_sweep_goes_on(tmp_path):
    def measure(*, k):
        CALLS.made.append(k)
        if len(CALLS.made) == 3:
            raise KeyboardInterrupt
        return {"found": k * k}

    with pytest.raises(KeyboardInterrupt):
        dr.sweep(measure, {"k": [1, 2, 3, 4]}, folder=tmp_path)
    (kept,) = tmp_path.iterdir()
    # a kill in the middle of writing
    kept.write_text(kept.read_text() + '\n{"cell": "{\\"k\\": 3}", "fou')
    CALLS.made = CALLS.made[:2]
    CALLS.made.append("again")
    assert dr.sweep(measure, {"k": [1, 2, 3, 4]}, folder=tmp_path).found.tolist() == [1, 4, 9, 16]
    assert CALLS.made == [1, 2, "again", 3, 4]
    assert (
        dr.sweep(measure, {"k": [4, 3]}, folder=tmp_path).found.tolist() == [16, 9]
        and len(CALLS.made) == 5
    )


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
    assert dr.fingerprint(changed.train()) == dr.fingerprint(small_model), (
        "a mode and a record change no number"
    )
    codes = [dr.fingerprint(small_model)]
    changed.denoiser.bf16 = True
    codes.append(dr.fingerprint(changed))
    changed.denoiser.bf16 = False
    with torch.no_grad():
        changed.denoiser.blend.fc2.bias[3] += 1e-6
    codes.append(dr.fingerprint(changed))
    codes += [
        dr.fingerprint(some),
        dr.fingerprint(replace(some, frame=some.frame + 1)),
        dr.fingerprint(replace(some, source="other")),
    ]

    def times(n):
        return lambda x: n * x

    codes += [
        dr.fingerprint(f)
        for f in (
            times(2),
            times(3),
            functools.partial(min, 2),
            functools.partial(min, 3),
            min,
            max,
        )
    ]
    codes += [
        dr.fingerprint(thing)
        for thing in (1, "1", [1], torch.ones(1), torch.ones(1).double(), None)
    ]
    codes += [dr.fingerprint({"a": {"b": 1}}), dr.fingerprint({"a": {}, "b": 1})]
    codes += [dr.fingerprint(np.arange(5000) // n) for n in (4999, 4998)]
    assert len(set(codes)) == len(codes)


def test_fingerprints_see_what_is_no_weight(small_model):
    """A schedule, a lifter that is an object, a method's object, a class written anew."""

    class Offset:
        def __init__(self, by):
            self.by = by

        def __call__(self, kp2d):
            return torch.zeros(len(kp2d), 17, 3) + self.by

    models = [dr.DRPose(small_model.config, lifter=Offset(by)) for by in (1, 2)]
    for model in models:
        model.denoiser.load_state_dict(small_model.denoiser.state_dict())
    codes = [dr.fingerprint(model) for model in models]
    models[0].schedule.alpha_bar = models[0].schedule.alpha_bar ** 2
    codes.append(dr.fingerprint(models[0]))
    codes += [dr.fingerprint(Offset(by).__call__) for by in (1, 2)]

    class Half(torch.nn.Module):
        def forward(self, x):
            return x / 2

    first = dr.fingerprint(Half())

    class Half(torch.nn.Module):
        def forward(self, x):
            return 0.5 * x

    codes += [first, dr.fingerprint(Half())]
    assert len(set(codes)) == len(codes)


def test_a_function_that_is_called_and_a_value_that_is_looked_up_count():
    """As in a notebook, where cells are run again with other text."""
    codes = []
    for factor, body in ((2, "x"), (3, "x"), (3, "x + 1")):
        cell = {"__name__": "__main__", "FACTOR": factor}
        exec(
            f"def inner(x):\n    return FACTOR * ({body})\ndef measure(*, k):\n    return "
            f"{{'found': inner(k)}}",
            cell,
        )
        codes.append(dr.fingerprint(cell["measure"]))
    assert len(set(codes)) == 3

    def unfinished():
        return later

    dr.fingerprint(unfinished)  # a name that has no value yet
    later = 1
    assert unfinished() == later


def test_fingerprints_are_the_same_in_another_process():
    code = "import torch, drpose_core as dr; torch.manual_seed(0); print(dr.fingerprint(dr.DRPose(dr.ModelConfig(depth=1)), dr.flip, {'b': 1, 'a': [2]}))"
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    )
    assert first == second and len(first.strip()) == 16


def test_rows_are_plain_text(tmp_path):
    def measure(*, k):
        return {"found": 0.1 * k}

    dr.sweep(measure, {"k": [1]}, folder=tmp_path)
    (kept,) = tmp_path.iterdir()
    assert [json.loads(line) for line in kept.read_text().split("\n") if line] == [
        {"cell": '{"k": 1}', "found": {"found": 0.1}}
    ]


def test_a_first_docstring_changes_nothing_and_the_models_own_sampling_counts(
    tmp_path, small_model
):
    """Functions with a text count by what it says; a model by how it samples."""
    import importlib.util

    def measured(text, number):
        (path := tmp_path / f"own{number}.py").write_text(text)
        spec = importlib.util.spec_from_file_location("own", path)
        spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
        return dr.fingerprint(module.f)

    bare = measured("def f(x):\n    return x * 2 + 0.5\n", 0)
    told = measured('def f(x):\n    """Twice."""\n    return x * 2 + 0.5  # and a half\n', 1)
    assert bare == told != measured("def f(x):\n    return x * 3 + 0.5\n", 2)
    before = dr.fingerprint(small_model)
    small_model.sampling = dr.Sampling.published()
    assert dr.fingerprint(small_model) != before

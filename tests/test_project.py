"""The house itself: imports run downwards, versions do not drift, notebooks are clean, nothing is
hard-wired.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers import LEVELS
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CORE = ROOT / "drpose_core"

FLOOR = {room: floor for floor, rooms in enumerate(LEVELS) for room in rooms.split()}


WINDOWS = {("output", "report")}  # needs plotly, so the door of its wing must not import it


def imports(path):
    """What a file imports from other rooms: (room, whether by its door)."""
    here = path.relative_to(CORE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + 1]
            whole = (
                [(*base, *node.module.split("."))]
                if node.module
                else [(*base, alias.name) for alias in node.names]
            )
            yield from (
                (name[0], len(name) == 1 or name in WINDOWS)
                for name in whole
                if name[0] != module(path)
            )


def module(path):
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda p: str(p.relative_to(CORE)))
def test_imports_run_downwards_and_through_doors(path):
    for name, door in imports(path):
        below = FLOOR[name] < FLOOR[module(path)] or (name, module(path)) in {("cli", "__main__")}
        assert below, f"{name} is not below {module(path)}"
        assert door, f"{module(path)} enters {name} by a window: import from its __init__"


def code_lines(function):
    """Lines of a function without its signature and docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda p: str(p.relative_to(CORE)))
def test_no_room_is_too_large(path):
    text = path.read_text()
    long = len(text.splitlines()) > 250
    assert not long or "Longer than 250 lines:" in text, "split it, or say why at its top"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert code_lines(node) <= 60, f"{node.name} has {code_lines(node)} lines"


def test_fingerprints_do_not_read_comments():
    """A mended comment or docstring must not refuse a run's continuation."""
    import drpose_core as dr
    from drpose_core.experiments.fingerprint import _source

    def measured(text):
        scope = {}
        exec(compile(text, "<cell>", "exec"), scope)
        return dr.fingerprint(scope["f"])

    assert measured('def f(x):\n    """One."""\n    return x + 1  # why') == measured(
        'def f(x):\n    """Two words."""\n\n    return x + 1'
    )
    assert measured("def f(x):\n    return x + 1") != measured("def f(x):\n    return x + 2")
    scope = {"dr": dr, "table": 1}
    exec("def f(x):\n    return dr.table(x)", scope)
    before = dr.fingerprint(scope["f"])
    scope["table"] = 2
    assert dr.fingerprint(scope["f"]) == before, "the name of an attribute is no global"
    assert "Two switches for speed" not in _source(dr.Denoiser), "docstrings are left out"


def test_each_part_keeps_to_its_own():
    for path in CORE.rglob("*.py"):
        text, name = path.read_text(), module(path)
        assert "os.environ" not in text or name == "support", path
        assert not re.search(r"(?<![\w.])print\(", text) or name == "cli", path
        assert ".cuda(" not in text and "weights_only=False" not in text, path
        assert not re.search(r"allow_pickle\s*=\s*True", text), path


def test_notebooks_name_files_that_exist():
    named = re.compile(r"`((?:docs|benchmarks|data|sources)/[\w/]+\.(?:md|py))`")
    notebooks = (ROOT / "notebooks").glob("*.ipynb")
    found = {name for path in notebooks for name in named.findall(path.read_text())}
    lost = [n for n in found if not any((at / n).is_file() for at in (ROOT, CORE))]
    assert found and not lost, f"notebooks point to {', '.join(lost)}, which is not there"


def test_the_core_needs_no_plotting_library():
    code = "import sys, drpose_core; print([m for m in ('plotly', 'ipywidgets', 'matplotlib', 'IPython') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def pins(path):
    """The exact versions of a requirements file: {name: version}."""
    lines = (ROOT / path).read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_pinned_versions_lie_in_the_ranges():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    # only CI installs it, to test
    detector = dict(re.findall(r"'([\w-]+)==([\d.]+)'", (ROOT / ".ci" / "run").read_text()))
    docs, rtmpose = extras.pop("docs"), extras.pop("rtmpose")
    everything = project["dependencies"] + [each for extra in extras.values() for each in extra]
    for wanted, pinned, complete in (
        (everything, pins("requirements.txt"), True),
        (docs, pins("docs/requirements.txt"), True),
        (rtmpose, detector, False),  # CI also pins what rtmlib brings
    ):
        wanted = [Requirement(each) for each in wanted]
        assert {each.name for each in wanted} == set(pinned) or not complete
        for each in wanted:
            assert each.specifier.contains(pinned[each.name]), each
    assert pins("requirements.txt")["torch"] == "2.13.0"
    environment = (ROOT / "environment.yml").read_text()
    assert "- -r requirements.txt" in environment and not re.search(
        "|".join(rf"\b{name}[=<>]" for name in pins("requirements.txt")), environment
    )


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebooks_are_clean(path):
    cells = json.loads(path.read_text())["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    assert not any(c["outputs"] or c["execution_count"] for c in code), (
        "clear all outputs before committing"
    )
    assert len({c["id"] for c in cells}) == len(cells)
    assert [i for i, c in enumerate(code) if "parameters" in c["metadata"].get("tags", ())] == [1]
    sources = ["".join(c["source"]) for c in cells]
    assert sources[0].startswith("# ") and "## Checks" in sources[-2] and "assert " in sources[-1]
    assert sum("fast_mode" in s for s in sources) <= 1  # only the parameters cell looks at it
    assert max(len("".join(c["source"]).splitlines()) for c in code) <= 20
    assert all(re.fullmatch("[a-z0-9-]+", c["id"]) for c in cells), "ids are words that stay"
    texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    lines = [line for text in texts for line in text.split("\n") if line[:1] != "|"]
    assert max(map(len, lines)) <= 100, "lines of at most 100 characters, but for tables"
    prose = sum(map(len, texts))
    lesson = sum(len("".join(c["source"])) for c in code[2:-1])  # between parameters and checks
    assert prose >= lesson, "at least as much prose as code"

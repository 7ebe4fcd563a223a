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
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CORE = ROOT / "drpose_core"

# A room imports rooms of higher lines only; a wing (a folder) is entered by its door, its __init__.
LEVELS = (
    "support",
    "skeleton cameras",
    "data layers",
    "lifters diffusion denoiser scores keypoints",
    "model training sources",
    "experiments",
    "weights evaluation prediction plots",
    "output explorer",
    "cli",
    "__init__ __main__",
)
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


def test_each_part_keeps_to_its_own():
    for path in CORE.rglob("*.py"):
        text, name = path.read_text(), module(path)
        assert "os.environ" not in text or name == "support", path
        assert not re.search(r"(?<![\w.])print\(", text) or name == "cli", path
        assert ".cuda(" not in text and "weights_only=False" not in text, path
        assert not re.search(r"allow_pickle\s*=\s*True", text), path


def test_the_core_needs_no_plotting_library():
    code = "import sys, drpose_core; print([m for m in ('plotly', 'ipywidgets', 'matplotlib', 'IPython') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_pinned_versions_lie_in_the_ranges():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [
        Requirement(r)
        for r in project["dependencies"]
        + [r for name in extras if name != "image" for r in extras[name]]
    ]
    pins = dict(
        line.split("==")
        for line in (ROOT / "requirements.txt").read_text().split("\n")
        if line and not line.startswith("#")
    )
    assert {r.name for r in wanted} == set(pins)
    for requirement in wanted:
        assert requirement.specifier.contains(pins[requirement.name]), requirement
    assert pins["torch"] == "2.13.0"
    detector = dict(
        re.findall(r"'([\w-]+)==([\d.]+)'", (ROOT / ".ci" / "run").read_text())
    )  # heavy: only CI installs it to test
    assert [
        r.name for r in map(Requirement, extras["image"]) if r.specifier.contains(detector[r.name])
    ] == ["rtmlib"]
    environment = (ROOT / "environment.yml").read_text()
    assert "- -r requirements.txt" in environment and not re.search(
        "|".join(rf"\b{name}[=<>]" for name in pins), environment
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
    prose = sum(len("".join(c["source"])) for c in cells if c["cell_type"] == "markdown")
    lesson = sum(len("".join(c["source"])) for c in code[2:-1])  # between parameters and checks
    assert prose >= lesson, "at least as much prose as code"


def test_the_readme_is_whole():
    text = (ROOT / "README.md").read_text()
    for name in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / name).exists(), f"README points to {name}, which is not there"
    assert "make tour" in text and "make test" in text and not re.search(r"^[A-Z]{4,}$", text, re.M)
    for notebook in re.findall(r"`(\d\d_\w+)`", text):
        assert (ROOT / "notebooks" / f"{notebook}.ipynb").is_file()


def test_the_readme_has_the_conversion_as_it_is():
    from drpose_core.keypoints.formats import conversion_table

    table = conversion_table()
    for joint in table.index[(table[["coco17", "halpe26", "body25"]] != "same").any(axis=1)]:
        row = " | ".join(
            ["", joint, *table.loc[joint, ["coco17", "halpe26", "body25"]], ""]
        ).strip()
        assert row in (ROOT / "README.md").read_text(), row

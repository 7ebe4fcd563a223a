"""Benchmarks and the scripts of docs, which no other test runs: every name that they take from a
module is there. They are read, not run. What tests share lies in modules that are no tests.
"""

import ast
import importlib.util
from pathlib import Path

import pytest
from helpers import ROOT

SCRIPTS = [*sorted((ROOT / "benchmarks").glob("*.py")), *sorted((ROOT / "docs").glob("*.py"))]
NOT_INSTALLED = ("sphinx",)  # of docs/requirements.txt, which make docs installs
# Where a script finds modules that are not installed: beside itself, and where it says in sys.path.
BESIDE = (ROOT / "benchmarks", ROOT / "tests")


def source_of(module: str) -> Path | None:
    """The file of a module of this project; None if it is of another."""
    places = [ROOT / Path(*module.split("."))] if module.split(".")[0] == "drpose_core" else []
    places += [folder / module for folder in BESIDE]
    for place in places:
        # no with_suffix: "films.SMOOTHERS" is a name in films.py, not that module
        for path in (place.parent / f"{place.name}.py", place / "__init__.py"):
            if path.is_file():
                return path
    return None


def names_in(path: Path) -> set[str]:
    """What a module defines at its top level, and the modules beside it where it is a package."""
    found = set()
    tree = ast.parse(path.read_text())
    for node in tree.body:
        for part in ast.walk(node) if isinstance(node, (ast.If, ast.With, ast.Try)) else [node]:
            if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                found.add(part.name)
            elif isinstance(part, (ast.Import, ast.ImportFrom)):
                found |= {alias.asname or alias.name.split(".")[0] for alias in part.names}
            elif isinstance(part, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                found |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
    if path.name == "__init__.py":
        found |= {beside.stem for beside in path.parent.glob("*.py")}
        found |= {beside.parent.name for beside in path.parent.glob("*/__init__.py")}
    return found


def lacking(script: Path) -> list[str]:
    """Modules and names that a script wants and that are not there, as "module.name"."""
    tree, missing, modules = ast.parse(script.read_text()), [], {}

    def want(module: str, name: str | None = None) -> bool:
        """Whether it is a module of this project; names in others are looked up by importing."""
        path = source_of(module)
        if path is None:
            try:
                found = importlib.import_module(module)
            except ImportError:
                if module.split(".")[0] not in NOT_INSTALLED:
                    missing.append(module)
                return False
            if (
                name
                and not hasattr(found, name)
                and not importlib.util.find_spec(f"{module}.{name}")
            ):
                missing.append(f"{module}.{name}")
        elif name and name not in names_in(path):
            missing.append(f"{module}.{name}")
        return path is not None

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if want(alias.name):
                    modules[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                want(node.module, alias.name)
                if source_of(inside := f"{node.module}.{alias.name}"):
                    modules[alias.asname or alias.name] = inside
    for node in ast.walk(tree):  # dr.name, where dr is a module of this project
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module and node.attr not in names_in(source_of(module)):
                missing.append(f"{module}.{node.attr}")
    return sorted(set(missing))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_name_that_a_script_takes_from_a_module_is_there(script):
    assert lacking(script) == []


def test_names_that_are_not_there_are_found(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import nowhere\n"
        "import refinement\n"
        "import drpose_core as dr\n"
        "from browser import jupyter_lab, run_until_the_explorer_stands\n"
        "from drpose_core import plots\n"
        "from drpose_core.explorer import HypothesisExplorer, Hypotheses\n"
        "from drpose_core.runtime import device\n"
        "from torch.nn import functional as F, fractional\n"
        "dr.sample_poses, dr.sample_pictures, plots.table_of, refinement.run, F.anything\n"
    )
    assert lacking(script) == [
        "browser.run_until_the_explorer_stands",
        "drpose_core.explorer.Hypotheses",
        "drpose_core.plots.table_of",
        "drpose_core.runtime",
        "drpose_core.sample_pictures",
        "nowhere",
        "torch.nn.fractional",
    ]


def test_no_test_imports_another():
    for path in (ROOT / "tests").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith("test_")], path

"""The kit from a wheel, away from the clone: what pip install gives a user."""

import json
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import drpose_core as dr

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NOT_INSTALLED = ("__pycache__", "*.pyc", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy, so that the working tree keeps nothing of it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignore = shutil.ignore_patterns(*NOT_INSTALLED)
    shutil.copytree(ROOT / "drpose_core", source / "drpose_core", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", folder, source]
    run([sys.executable, "-m", "pip", *build], folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def drpose(wheel, tmp_path_factory):
    """The command in a new environment that has the wheel, and only borrows the libraries."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    python = next(scripts.glob("python*"))
    install = ["install", "--no-deps", "--no-index", "-q", wheel]
    run([sys.executable, "-m", "pip", "--python", python, *install], folder)
    # Libraries come from the environment that runs the tests. A path in a .pth file does not read
    # the .pth files over there, so an editable install of the clone stays out.
    (packages,) = folder.rglob("site-packages")
    borrowed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    return next(scripts.glob("drpose*"))


def run(command, folder, fails=False):
    """Run a command in a folder, with nothing of the clone on Python's path; what it printed, or
    what it complained of where it fails.
    """
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={"PATH": "", "OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == fails, done.stderr[-3000:]
    return done.stderr if fails else done.stdout


def test_the_wheel_is_small_and_has_every_file_of_the_package_and_the_licence(wheel):
    # the default checkpoint, BlazePose's weights, a few minutes of motion; the rest is text
    assert wheel.stat().st_size < 25_000_000
    names = zipfile.ZipFile(wheel).namelist()
    tracked = subprocess.run(
        ["git", "ls-files", "drpose_core"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    package = tracked or [
        str(path.relative_to(ROOT))
        for path in (ROOT / "drpose_core").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    assert set(package) <= set(names)
    assert {Path(name).parts[0] for name in names} <= {
        "drpose_core",
        f"drpose-{VERSION}.dist-info",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_predict_works_outside_the_clone_and_writes_below_the_working_directory(drpose, tmp_path):
    keypoints = tmp_path / "elsewhere" / "people.json"
    keypoints.parent.mkdir()
    shutil.copy(ROOT / "notebooks" / "example_keypoints.json", keypoints)
    work = tmp_path / "work"
    work.mkdir()
    said = run([drpose, "predict", keypoints, "--hypotheses", 2, "--steps", 1], work)
    assert "48 poses" in said and "film.safetensors" in said
    assert [path.relative_to(work) for path in work.rglob("*") if path.is_file()] == [
        Path("output/people.json")
    ]
    assert len(json.loads((work / "output" / "people.json").read_text())["poses"]) == 48


def test_the_help_is_one_screen(drpose, tmp_path):
    lines = run([drpose, "--help"], tmp_path).splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 90
    for command in ("prepare", "download-cmu", "train", "evaluate", "predict", "convert"):
        assert any(line.startswith(f"  {command} ") for line in lines)


def test_evaluate_without_the_libraries_for_figures_says_what_to_install(drpose, tmp_path):
    code = (
        "import sys; sys.modules['plotly'] = None; sys.argv = ['drpose', 'evaluate'];"
        "from drpose_core import cli; cli.main()"
    )
    said = run([next(drpose.parent.glob("python*")), "-c", code], tmp_path, fails=True)
    assert said == "error: this needs plotly, which is not installed: pip install plotly\n"
    assert not list(tmp_path.iterdir())


def test_the_package_that_is_used_is_the_wheels_own(drpose, tmp_path):
    code = (
        "import sys, drpose_core as dr; from drpose_core import cli;"
        "print(dr.__file__, dr.latest_checkpoint(), dr.project_root(), sep='\\n');"
        "sys.argv = ['drpose', '--version']; cli.main()"
    )
    said = run([next(drpose.parent.glob("python*")), "-c", code], tmp_path).splitlines()
    package, checkpoint, root = map(Path, said[:3])
    assert package.is_relative_to(drpose.parents[1])
    assert checkpoint == package.with_name("weights") / "default.safetensors"
    assert root == tmp_path
    assert said[3] == f"drpose {VERSION}"


def test_the_clones_folders_are_used_anywhere_in_the_clone(tmp_path, monkeypatch):
    assert dr.project_root() == ROOT
    monkeypatch.chdir(tmp_path)
    assert dr.project_root() == ROOT, "of an editable install, also from elsewhere"
    installed = tmp_path / "site-packages" / "drpose_core" / "support" / "tour.py"
    monkeypatch.setattr("drpose_core.support.tour.__file__", str(installed))
    assert dr.project_root() == tmp_path
    monkeypatch.chdir(ROOT / "notebooks")
    assert dr.project_root() == ROOT, "of a wheel, where the notebooks are"

"""The notebooks as make tour runs them, and their pages in a real browser without a network."""

import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tiny_cmu
from browser import CHROMIUM, NO_BROWSER, watched_page
from helpers import ROOT, clone
from PIL import Image

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def run(root, notebooks, **environment):
    """Execute notebooks and turn them into pages as the Makefile does, from the clone at root;
    returns the folder of pages.
    """
    env = {
        **os.environ,
        "DRPOSE_FAST": "1",
        "PLOTLY_RENDERER": "notebook",
        "PYTHONPATH": str(root),
        "DRPOSE_SOURCE": "",
        "DRPOSE_DATA": "",
        **environment,
    }
    config = str(root / "notebooks" / "nbconvert_config.py")
    executed = root / "output" / "notebooks"
    names = [notebook.name for notebook in notebooks]
    for arguments in (
        ["--to", "notebook", "--execute", "--output-dir", executed, *notebooks],
        ["--to", "html", "--output-dir", root / "output", *(executed / name for name in names)],
    ):
        convert = [sys.executable, "-m", "nbconvert", "--config", config, *map(str, arguments)]
        done = subprocess.run(convert, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    return root / "output"


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """The whole tour in fast mode, in order, on the embedded data."""
    root = clone(tmp_path_factory.mktemp("tour"))
    return run(root, [root / "notebooks" / path.name for path in NOTEBOOKS])


def test_the_tour_runs_in_order_and_leaves_pages(tour):
    assert [path.name for path in sorted(tour.glob("*.html"))] == [
        *(path.stem + ".html" for path in NOTEBOOKS),
        "explorer_fast.html",
    ]
    page = (tour / "03_training.html").read_text()
    assert page.count("Denoiser (joints weigh 1 to 4)") == 2, (
        "once in the code, once in the figure: its last state alone"
    )
    assert page.count("* plotly.js v") == 1, "plotly's code is in a page once"
    assert (tour.parent / "checkpoints" / "synthetic_fast.safetensors").is_file()
    assert not (tour.parent / "checkpoints" / "synthetic.safetensors").exists()


def test_hypotheses_run_alone_on_real_motion_files(tmp_path):
    """Notebook 04 without the others, on recordings in the CMU layout: it takes the default
    checkpoint, and says that this was trained on other poses.
    """
    root = clone(tmp_path / "clone")
    for subject in ("07", "08"):
        tiny_cmu.write_subject(tmp_path / "cmu", subject, takes=1, frames=100)
    pages = run(
        root,
        [root / "notebooks" / "04_hypotheses.ipynb"],
        DRPOSE_SOURCE="cmu",
        DRPOSE_DATA=str(tmp_path / "cmu"),
    )
    page = (pages / "04_hypotheses.html").read_text()
    assert (
        "CMU mocap 08" in page
        and "default.safetensors was not trained for these test subjects" in page
    )
    assert re.search(r"trained on skeleton .{1,10}made of COCO's joints.{1,10}, given 'CMU'", page)


def test_notebooks_name_files_that_exist():
    named = re.compile(r"`((?:docs|benchmarks|data|sources)/[\w/]+\.(?:md|py))`")
    found = {name for path in NOTEBOOKS for name in named.findall(path.read_text())}
    lost = [n for n in found if not any((ROOT / at / n).is_file() for at in ("", "drpose_core"))]
    assert found and not lost, f"notebooks point to {', '.join(lost)}, which is not there"


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_pages_draw_in_a_browser_without_a_network(tour, name):
    problems = []
    with watched_page(problems) as page:
        page.goto((tour / f"{name}.html").as_uri())
        page.wait_for_function(
            "document.querySelectorAll('.js-plotly-plot .main-svg').length > 0", timeout=60_000
        )
        figures = page.evaluate(
            """() => [...document.querySelectorAll('.js-plotly-plot')].map(g => ({
                traces: g.data.length, size: g.getBoundingClientRect().height, subtitle: g.layout.title?.subtitle?.text || '',
                scene: !!g.layout.scene, points: g.data.reduce((n, t) => n + (t.x ? t.x.length : 0), 0)}))"""
        )
        assert len(figures) >= (1 if name == "05_explorer" else 3) and all(
            f["traces"] and f["points"] and f["size"] > 200 for f in figures
        )
        sources = ("synthetic", "real people", "film")
        labelled = [f for f in figures if any(name in f["subtitle"] for name in sources)]
        assert len(labelled) >= len(figures) - 1, (
            "figures of data say where the data is from; the noise schedule has none"
        )
        if any(f["scene"] for f in figures):
            assert_pixels_of_both_sides(page)
        if page.locator(".slider-group").count():
            assert_slider_moves(page)
        if name == "07_your_own_pose":
            assert_film_plays(page)
    assert not problems, problems[:5]


def assert_pixels_of_both_sides(page):
    """The 3D view shows left and right in their colours: blue and vermilion pixels in its
    screenshot.
    """
    scene = page.locator(".gl-container canvas").first
    scene.scroll_into_view_if_needed()
    for _ in range(20):  # software WebGL takes a while
        page.wait_for_timeout(500)
        pixels = np.asarray(Image.open(io.BytesIO(scene.screenshot())).convert("RGB")).astype(int)
        red, blue = pixels[..., 0], pixels[..., 2]
        if (blue > red + 40).sum() > 100 and (red > blue + 40).sum() > 100:
            return
    raise AssertionError("no skeleton was drawn")


def assert_film_plays(page):
    """The overlay stands in the page itself: it is decoded, it runs, and it is no empty picture."""
    video = page.locator("video")
    video.scroll_into_view_if_needed()
    page.wait_for_function(
        """() => {
            const v = document.querySelector("video");
            return v.currentSrc.startsWith("data:video/mp4") && v.videoWidth > 500 && v.currentTime > 0;
        }""",
        timeout=60_000,
    )
    assert np.asarray(Image.open(io.BytesIO(video.screenshot())).convert("L")).std() > 30


def assert_slider_moves(page):
    """Clicking along a figure's slider shows other data each time."""
    read = """() => {
        const figure = document.querySelector('.slider-group').closest('.js-plotly-plot');
        return JSON.stringify(figure.data[0].x).slice(0, 2000);
    }"""
    seen = [page.evaluate(read)]
    rail = page.locator(".slider-rail-touch-rect").first
    rail.scroll_into_view_if_needed()
    area = rail.bounding_box()
    for part in (0.5, 0.25):  # figures start at an end of their slider
        page.mouse.click(area["x"] + part * area["width"], area["y"] + area["height"] / 2)
        page.wait_for_function(f"(seen) => !seen.includes(({read})())", arg=seen, timeout=30_000)
        seen.append(page.evaluate(read))

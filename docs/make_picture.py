"""Make the README's pictures:

the explorer's own page, and COCO's joints beside Human3.6M's. python docs/make_picture.py (needs
Chromium).
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import drpose_core as dr
from drpose_core import plots
from drpose_core.explorer import HypothesisExplorer
from drpose_core.keypoints.files import read_files

ACTION, FRAME = "Directions", 4
DRAWN = "document.querySelector('.js-plotly-plot')?.data?.[0].x?.length > 0"

model = dr.load_checkpoint(dr.weights.DEFAULT)
explorer = HypothesisExplorer(model, dr.synthetic_poses("test"), hypotheses=20, steps=8)
explorer.controls.action.value, explorer.controls.frame.value = ACTION, FRAME
with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    path = explorer.save_html(Path(folder) / "explorer.html", frames=3)
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox", "--enable-unsafe-swiftshader"],
    )
    page = browser.new_page(viewport={"width": 1280, "height": 770}, device_scale_factor=1.25)
    page.goto(path.as_uri())
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(3000)  # until software WebGL has drawn it
    page.screenshot(path=dr.project_root() / "docs" / "explorer.png")

    example = dr.project_root() / "notebooks" / "example_keypoints.json"
    keypoints, raw = dr.read_keypoints(example), read_files(example).rows[0][:, :2]
    figure = plots.conversion_figure(
        raw,
        keypoints.kp2d[0],
        keypoints.format,
        title="The same person twice",
        source="a synthetic figure",
    )
    figure.write_html(Path(folder) / "joints.html", include_plotlyjs=True)
    page = browser.new_page(viewport={"width": 1000, "height": 660}, device_scale_factor=1.0)
    page.goto((Path(folder) / "joints.html").as_uri())
    page.wait_for_timeout(1500)
    page.screenshot(path=dr.project_root() / "docs" / "joints.png")
    browser.close()

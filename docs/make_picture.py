"""Take the documentation's pictures with Chromium: python docs/make_picture.py [which ...].

explorer: the explorer's own page (docs/explorer.png). joints: COCO's joints beside Human3.6M's
(docs/joints.png). photographs: frames of the example film with their poses
(docs/pictures/photographs.jpg). pages: a figure of each page in output/ (docs/pictures), for
output/index.html; run make tour and make docs first. cost: the figure that benchmarks/cost.py
wrote (docs/pictures/cost.png). Without a name, all five.
"""

import io
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import av
import torch
from PIL import Image, ImageOps
from playwright.sync_api import sync_playwright

import drpose_core as dr
from drpose_core import plots
from drpose_core.explorer import HypothesisExplorer
from drpose_core.keypoints.files import read_files

DOCS = Path(__file__).resolve().parent
TAKE, CAMERA, FRAME = "07_11", "1", 32  # of the people that the default checkpoint has not seen
FILM_FRAMES, FIELD_OF_VIEW = (5, 20, 31, 45), 59.5  # of notebooks/example_film.mp4
DRAWN = "document.querySelector('.js-plotly-plot')?.data?.[0].x?.length > 0"
# Which figure of a page stands for it, by its number; the first one where no number is given.
FIGURES = {
    "01_data": 3, "02_lifters": 3, "03_training": 1, "04_hypotheses": 6, "09_methods": 4,
}  # fmt: skip
SIZE = (640, 400)


@contextmanager
def browser_page(width: int, height: int, scale: float = 1.0):
    """A page of a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--enable-unsafe-swiftshader"],
        )
        viewport = {"width": width, "height": height}
        yield browser.new_page(viewport=viewport, device_scale_factor=scale)
        browser.close()


def explorer(folder: Path) -> None:
    model = dr.load_checkpoint(dr.weights.DEFAULT)
    poses = dr.people_poses("test")
    mine = [(t.recording, t.camera) == (TAKE, CAMERA) for t in poses.takes]
    poses = poses[torch.tensor(mine)[poses.sequence]]
    widget = HypothesisExplorer(model, poses)
    widget.controls.frame.value = FRAME
    path = widget.save_html(folder / "explorer.html", frames=3)
    with browser_page(1280, 810, scale=1.25) as page:
        page.goto(path.as_uri())
        page.wait_for_function(DRAWN)
        page.wait_for_timeout(3000)  # until software WebGL has drawn it
        page.screenshot(path=DOCS / "explorer.png")


def joints(folder: Path) -> None:
    example = dr.project_root() / "notebooks" / "example_keypoints.json"
    keypoints, raw = dr.read_keypoints(example), read_files(example).rows[0][:, :2]
    figure = plots.conversion_figure(
        raw,
        keypoints.kp2d[0],
        keypoints.format,
        title="The same person twice",
        source="a synthetic figure",
    )
    figure.write_html(folder / "joints.html", include_plotlyjs=True)
    with browser_page(1000, 660) as page:
        page.goto((folder / "joints.html").as_uri())
        page.wait_for_timeout(1500)
        page.screenshot(path=DOCS / "joints.png")


def photographs(folder: Path) -> None:
    film = dr.project_root() / "notebooks" / "example_film.mp4"
    keypoints = dr.detect_keypoints(film, folder / "keypoints")
    model = dr.load_checkpoint(dr.weights.DEFAULT)
    found = dr.joined(dr.predict(model, keypoints.poses(field_of_view=FIELD_OF_VIEW)))
    with av.open(str(dr.overlay(found, film, folder / "overlay.mp4"))) as drawn:
        frames = [frame.to_image() for frame in drawn.decode(video=0)]
    width, height = frames[0].size
    sheet = Image.new("RGB", (2 * width, 2 * height))
    for n, frame in enumerate(FILM_FRAMES):
        sheet.paste(frames[frame], (n % 2 * width, n // 2 * height))
    sheet.thumbnail((1200, 1200), Image.Resampling.LANCZOS)
    sheet.save(DOCS / "pictures" / "photographs.jpg", quality=85, optimize=True)


def pages(folder: Path) -> None:
    (DOCS / "pictures").mkdir(exist_ok=True)
    with browser_page(1000, 700) as page:
        for path in sorted((dr.project_root() / "output").glob("[0-9][0-9]_*.html")):
            page.goto(path.as_uri())
            page.wait_for_selector(".js-plotly-plot .main-svg")
            figure = page.locator(".js-plotly-plot").nth(FIGURES.get(path.stem, 0))
            figure.scroll_into_view_if_needed()
            page.wait_for_timeout(4000)
            small(figure.screenshot()).save(DOCS / "pictures" / f"{path.stem}.png", optimize=True)
        site = dr.project_root() / "output" / "site" / "docs" / "architecture.html"
        if site.is_file():
            page.goto(site.as_uri())
            small(page.screenshot()).save(DOCS / "pictures" / "documentation.png", optimize=True)
    small((DOCS / "explorer.png").read_bytes()).save(DOCS / "pictures/explorer.png", optimize=True)


def cost(folder: Path) -> None:
    with browser_page(820, 500) as page:
        page.goto((dr.project_root() / "output" / "cost.html").as_uri())
        page.wait_for_selector(".js-plotly-plot .main-svg")
        page.wait_for_timeout(1000)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        picture.quantize(128).save(DOCS / "pictures" / "cost.png", optimize=True)


def small(picture: bytes) -> Image.Image:
    """A picture without its margins, on a white ground of SIZE, in few colours."""
    found = Image.open(io.BytesIO(picture)).convert("RGB")
    found = found.crop(ImageOps.invert(found.convert("L")).getbbox())
    found.thumbnail([side - 24 for side in SIZE], Image.Resampling.LANCZOS)
    ground = Image.new("RGB", SIZE, "white")
    ground.paste(found, tuple((a - b) // 2 for a, b in zip(SIZE, found.size)))
    return ground.quantize(128)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        takes = {f.__name__: f for f in (explorer, joints, photographs, pages, cost)}
        for take in sys.argv[1:] or takes:
            takes[take](Path(folder))

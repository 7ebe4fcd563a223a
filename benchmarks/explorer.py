"""How fluid the explorer is: from key press to pixels in headless Chromium with software WebGL, and
the kernel's share of it.

python benchmarks/explorer.py

JupyterLab runs on this machine beside the browser, so both share its cores. Frames not seen before
are sampled (H = 20, K = 5 unless --steps says otherwise); those seen before, and fewer hypotheses,
are not. Needs the test extra and Debian's chromium.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import tyro

import drpose_core as dr
from drpose_core.explorer import HypothesisExplorer

ROOT = dr.project_root()
sys.path.insert(0, str(ROOT / "tests"))
from browser import ask, jupyter_lab, open_notebook, run_until, watched_page  # noqa: E402

H = 20
WARM_UP = 3  # presses that are not counted
PRESS = """(figure) => {
    window.moved = new Promise(done => {
        figure.on('plotly_afterplot', () => {
            figure.removeAllListeners('plotly_afterplot');
            requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0));
        });
    });
    document.addEventListener(
        'keydown', () => { window.pressed = performance.now(); }, {capture: true, once: true});
}"""


def press(page, slider: str, key: str) -> float:
    """Milliseconds from the key press to the frame painted after the figure's first redraw, which
    brings the new data.
    """
    figure = page.locator(".js-plotly-plot").first.element_handle()
    page.locator(".widget-hslider", has_text=slider).first.locator("[role=slider]").focus()
    page.evaluate(PRESS, figure)
    page.keyboard.press(key)
    took = page.evaluate("async () => (await window.moved) - window.pressed")
    page.wait_for_timeout(250)
    return took


def show(what: str, times: list[float]) -> None:
    late = statistics.quantiles(times, n=20)[-1]
    print(
        f"{what}: median {statistics.median(times):.0f} ms, 95th percentile {late:.0f} ms, "
        f"{len(times)} presses",
        flush=True,
    )


def kernel_share(steps: int, frames: Iterable[int]) -> list[float]:
    """Milliseconds that Python needs for each move to a frame, without a browser."""
    model = dr.load_checkpoint(dr.weights.DEFAULT)
    explorer = HypothesisExplorer(model, dr.synthetic_poses("test"), hypotheses=H, steps=steps)
    times = []
    for frame in frames:
        begun = time.perf_counter()
        explorer.controls.frame.value = frame
        explorer.hypotheses  # noqa: B018 (waits until it is drawn)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def main(presses: int = 30, steps: int = 5) -> None:
    """presses: moves of each kind, at least 2. steps: K of the frames that are sampled."""
    share = kernel_share(steps, range(1, presses + WARM_UP + 1))
    show(f"kernel's share of a move, frame sampled (K = {steps}), no browser", share[WARM_UP:])
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyter_lab(ROOT, Path(folder), PYTHONPATH=str(ROOT)) as (address, token),
        watched_page([], height=1100) as page,
    ):
        open_notebook(page, address, token, "notebooks/05_explorer.ipynb")
        run_until(page, "explorer")
        settings = f"c = explorer.controls; c.hypotheses.value, c.steps.value = {H}, {steps}"
        ask(page, f"{settings}; explorer.hypotheses")
        page.locator(".jp-OutputArea .js-plotly-plot").first.scroll_into_view_if_needed()
        page.wait_for_timeout(3000)
        for _ in range(WARM_UP):
            press(page, "frame", "ArrowRight")
        show("frame not seen before", [press(page, "frame", "ArrowRight") for _ in range(presses)])
        show("frame seen before", [press(page, "frame", "ArrowLeft") for _ in range(presses)])
        back_and_forth = ("ArrowLeft", "ArrowRight") * (presses // 2)
        show(
            "hypotheses, fewer and back",
            [press(page, "hypoth. H", key) for key in back_and_forth],
        )
        print("kernel, last move:", ask(page, "print(explorer._status.value)"))


if __name__ == "__main__":
    tyro.cli(main)

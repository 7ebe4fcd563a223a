"""How fluid the explorer is: from key press to pixels in headless Chromium with software WebGL, and
the kernel's share of it.

python benchmarks/explorer.py

JupyterLab runs on this machine beside the browser, so both share its cores. Frames not seen before
are sampled (H = 20, K = 5); those seen before, and fewer hypotheses, are not. Needs the test extra
and Debian's chromium.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import drpose_core as dr

ROOT = dr.project_root()
sys.path.insert(0, str(ROOT / "tests"))
from browser import jupyter_lab, watched_page  # noqa: E402
from test_explorer import ask, run_until_the_explorer_stands  # noqa: E402

PRESSES = 30
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
        f"{len(times)} presses"
    )


def kernel_share(slider: str, values: list) -> list[float]:
    from drpose_core.explorer import HypothesisExplorer

    model = dr.load_checkpoint(dr.weights.DEFAULT)
    explorer = HypothesisExplorer(model, dr.synthetic_poses("test"), hypotheses=20, steps=5)
    times = []
    for value in values:
        begun = time.perf_counter()
        getattr(explorer.controls, slider).value = value
        explorer.hypotheses  # noqa: B018 (waits until it is drawn)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def main() -> None:
    show(
        "kernel's share of a move, frame sampled, no browser",
        kernel_share("frame", range(1, PRESSES + 1))[3:],
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyter_lab(ROOT, Path(folder)) as (address, token),
        watched_page([], height=1100) as page,
    ):
        page.goto(
            f"{address}/lab/tree/notebooks/05_explorer.ipynb?token={token}&reset",
            wait_until="domcontentloaded",
        )
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === "
            "'idle'",
            timeout=90_000,
        )
        run_until_the_explorer_stands(page)
        page.locator(".jp-OutputArea .js-plotly-plot").first.scroll_into_view_if_needed()
        page.wait_for_timeout(3000)
        for _ in range(3):  # warm up
            press(page, "frame", "ArrowRight")
        show("frame not seen before", [press(page, "frame", "ArrowRight") for _ in range(PRESSES)])
        show("frame seen before", [press(page, "frame", "ArrowLeft") for _ in range(PRESSES)])
        show(
            "hypotheses, fewer and back",
            [
                press(page, "hypoth. H", key)
                for _ in range(PRESSES // 2)
                for key in ("ArrowLeft", "ArrowRight")
            ],
        )
        print("kernel, last move:", ask(page, "print(explorer._status.value)"))


if __name__ == "__main__":
    main()

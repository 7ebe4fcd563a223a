"""Losses drawn while training, in a real JupyterLab: they grow, and after an interruption and a new
kernel training resumes from there.
"""

import shutil

import nbformat
import pytest
from browser import CHROMIUM, NO_BROWSER, jupyter_lab, open_notebook, watched_page

CELL = """
import torch
import drpose_core as dr
from drpose_core import plots
from drpose_core.experiments import resumable

resumable.WATCH = 0.5
poses = dr.synthetic_poses("train", seconds=1, takes=1)[:200]
torch.manual_seed(0)
model = dr.DRPose(dr.ModelConfig(lifter="mlp", depth=1))
config = dr.TrainConfig(epochs=100_000, batch_size=16)
watch = plots.live_losses(title="Losses as they fall", source="synthetic figure")
for step in dr.train_in({folder!r}, model, dr.denoising_loss, poses, config, watch=watch):
    pass
"""
SHOWN = (
    "Array.from(document.querySelector('.jp-OutputArea .js-plotly-plot')?._fullData?.[0].x ?? [])"
)
STEPS = f"() => {SHOWN}.at(-1) ?? 0"
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext"


def last_step(page, least):
    """The last step that the figure shows, once it is at least that; there is only one figure,
    drawn over and over.
    """
    page.wait_for_function(f"() => ({STEPS})() >= {least}", timeout=90_000)
    assert page.locator(".jp-OutputArea .js-plotly-plot").count() == 1
    return page.evaluate(STEPS)


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_losses_grow_and_resume_after_a_restart(tmp_path):
    scratch, problems = tmp_path / "lab", []
    scratch.mkdir()
    (tmp_path / "root").mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL.format(folder=str(tmp_path / "run")))]
    )
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, tmp_path / "root" / "live.ipynb")
    with (
        jupyter_lab(tmp_path / "root", scratch, OMP_NUM_THREADS="1") as (address, token),
        watched_page(problems) as page,
    ):
        open_notebook(page, address, token, "live.ipynb")

        def run():
            return page.evaluate(
                "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
            )

        run()
        first = last_step(page, 25)
        later = last_step(page, first + 50)
        page.screenshot(path=tmp_path / "live.png")
        page.evaluate(f"async () => {{ await {KERNEL}.session.kernel.interrupt(); }}")
        page.wait_for_function(f"{KERNEL}.session.kernel.status === 'idle'", timeout=30_000)
        page.evaluate(f"async () => {{ await {KERNEL}.restartKernel(); }}")
        page.wait_for_function(f"{KERNEL}.session.kernel.status === 'idle'", timeout=60_000)
        run()
        page.wait_for_timeout(500)
        assert last_step(page, later + 25) > later, (
            "the history from before the restart is there, and grows"
        )
        points = page.evaluate(f"() => {SHOWN}")
        assert points[0] <= 25 and points == sorted(points)
        page.evaluate(f"async () => {{ await {KERNEL}.session.kernel.interrupt(); }}")
        page.wait_for_function(f"{KERNEL}.session.kernel.status === 'idle'", timeout=30_000)
    assert not problems, problems[:5]
    shutil.rmtree(scratch)

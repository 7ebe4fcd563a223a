"""The explorer: what it shows is what sample_poses gives, only what moves changes, and it works in
JupyterLab and as a page.
"""

import contextlib
import io
import json
import re
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from browser import CHROMIUM, NO_BROWSER, jupyter_lab, watched_page
from PIL import Image
from test_notebooks import ROOT, clone

import drpose_core as dr
from drpose_core.explorer import HypothesisExplorer, clicked, explorer_view
from drpose_core.explorer import widget as module
from drpose_core.skeleton import BONES, J

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


@pytest.fixture
def explorer(small_model, poses):
    return HypothesisExplorer(small_model, poses, hypotheses=4, steps=3, seed=1)


def sampled(model, explorer, hypotheses, steps, **settings):
    settings = {
        "spacing": "quadratic",
        "eta": 0.0,
        "generator": dr.hypothesis_generators(1, hypotheses),
    } | settings
    return dr.sample_poses(
        model, explorer.poses.kp2d, hypotheses=hypotheses, steps=steps, **settings
    )


def trace(explorer, name):
    (found,) = (t for t in explorer.figure.data if t.name == name)
    return found


def test_it_shows_what_sample_poses_gives(explorer, small_model):
    c = explorer.controls
    assert torch.equal(
        explorer.samples, sampled(small_model, explorer, 4, 3)
    ) and explorer.hypotheses.shape == (4, J, 3)
    c.steps.value, c.hypotheses.value, c.frame.value = 6, 10, 2
    assert torch.allclose(explorer.samples, sampled(small_model, explorer, 10, 6), atol=1e-5)
    assert explorer.steps == small_model.schedule.timesteps(6, "quadratic")[:-1]
    c.eta.value, c.spacing.value, c.flip.value = 1.0, "linear", False
    again = sampled(small_model, explorer, 10, 6, eta=1.0, spacing="linear", flip_test=False)
    assert torch.allclose(explorer.samples, again, atol=1e-5)
    c.step.value = 2
    assert torch.allclose(explorer.hypotheses, again[1, 0], atol=1e-5)
    points = np.stack([trace(explorer, "hypotheses")[axis] for axis in "xyz"]).reshape(3, 10, 16, 3)
    child = explorer.hypotheses[:, [b for _, b in BONES]].permute(2, 0, 1).numpy()
    assert np.allclose(
        points[..., 1], child[[0, 2, 1]] * np.array([1, 1, -1])[:, None, None], atol=1e-4
    )
    assert np.isnan(points[..., 2]).all()


def test_only_what_moves_changes(explorer, monkeypatch):
    c, calls = explorer.controls, []
    original = module.ddim
    monkeypatch.setattr(
        module,
        "ddim",
        lambda denoise, x, *a, **k: calls.append(x.shape[1]) or original(denoise, x, *a, **k),
    )
    first = explorer.samples
    c.hypotheses.value = 10
    assert torch.equal(explorer.samples[:, :, :4], first) and calls == [6], (
        "only the new ones are sampled"
    )
    c.hypotheses.value = 2
    assert torch.equal(explorer.samples, first[:, :, :2]) and calls == [6]
    c.steps.value = 5
    assert torch.allclose(explorer.samples[0], first[0, :, :2], atol=1e-5) and calls == [6, 2], (
        "the start noise stays"
    )
    c.steps.value, c.frame.value, c.answer.value = 3, 1, "medoid"
    explorer.samples  # noqa: B018 (waits)
    before = len(calls)
    c.frame.value = 0
    explorer.samples  # noqa: B018
    assert len(calls) == before, "a frame seen before is not sampled again"
    c.seed.value = 7
    assert not torch.allclose(explorer.samples, first[:, :, :2], atol=1e-3)


def test_view_and_hidden_layers_stay(explorer):
    figure, c = explorer.figure, explorer.controls
    figure.layout.scene.camera.eye.x = 0.123
    trace(explorer, "truth").visible = "legendonly"
    c.frame.value = c.frame.max
    explorer.samples  # noqa: B018
    assert (
        figure.layout.scene.camera.eye.x == 0.123
        and trace(explorer, "truth").visible == "legendonly"
    )
    assert figure.layout.uirevision == "keep" and figure.layout.scene.uirevision == "keep"


def test_an_older_wish_is_dropped_for_a_newer_one(explorer, monkeypatch):
    """With each step held up, a second wish comes while the first is at work:

    the first is never finished.
    """
    c, original, finished = explorer.controls, module.ddim, []
    begun, go_on = threading.Event(), threading.Event()

    def slow(denoise, x, schedule, steps, **more):
        for step in original(denoise, x, schedule, steps, **more):
            if steps == 50:
                begun.set()
                assert go_on.wait(60)
            yield step
        finished.append(steps)

    monkeypatch.setattr(module, "ddim", slow)
    monkeypatch.setattr(module, "PATIENCE", 0)
    c.steps.value = 50
    assert begun.wait(60)
    c.steps.value = 2
    go_on.set()
    assert explorer.samples.shape[0] == 2 and finished == [2]


def test_what_is_nearly_done_is_shown_while_wishes_go_on(explorer, monkeypatch):
    """A new wish at every step, as when frames play faster than they can be sampled:

    each chain is finished all the same.
    """
    c, original, finished = explorer.controls, module.ddim, []

    def restless(denoise, x, schedule, steps, **more):
        for step in original(denoise, x, schedule, steps, **more):
            if len(finished) < 3 and step.k == 1:
                c.frame.value += 1
            yield step
        finished.append(steps)

    monkeypatch.setattr(module, "ddim", restless)
    c.frame.max = 50
    c.frame.value = 1
    assert explorer.samples.shape[0] == 3 and len(finished) >= 2


def test_what_is_read_may_be_changed(explorer):
    before = explorer.samples
    explorer.hypotheses.add_(1)
    explorer.samples.zero_()
    explorer.controls.frame.value = 1
    explorer.controls.frame.value = 0
    assert torch.equal(explorer.samples, before)


def test_old_samples_make_room(explorer, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3 * explorer.samples.numel())
    for frame in range(6):
        explorer.controls.frame.value = frame % (explorer.controls.frame.max + 1)
        explorer.controls.seed.value = frame
    assert (
        explorer.samples.numel() and sum(x.numel() for x in explorer._kept.values()) <= module.KEPT
    )


def test_saving_a_page_changes_nothing_that_is_shown(explorer, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAGE_STEPS", (1, 2000))  # more than the schedule has: left out
    explorer.controls.frame.value = explorer.controls.frame.max
    before, row = explorer.samples, explorer.poses
    path = explorer.save_html(tmp_path / "page.html", frames=2)
    assert (
        torch.equal(explorer.samples, before)
        and torch.equal(explorer.poses.frame, row.frame)
        and path.is_file()
    )
    with pytest.raises(ValueError, match="at least 1 frame"):
        explorer.save_html(tmp_path / "page.html", frames=0)


def test_choosers_offer_what_exists_together(explorer, poses):
    c = explorer.controls
    for action in c.action.options:
        c.action.value = action
        name = poses.sequences[int(explorer.poses.sequence)]
        assert poses.actions[int(explorer.poses.action)] == action
        assert (c.subject.value, c.camera.value) == (name.split("/")[0], name.split("/")[2])
    c.camera.value = c.camera.options[-1]
    assert poses.sequences[int(explorer.poses.sequence)].endswith(f"/{c.camera.value}")
    assert (
        explorer.figure.layout.title.text
        == f"{c.action.value}, {c.subject.value}, camera {c.camera.value}"
    )


def test_readout_says_what_is_an_oracle(explorer):
    text, one = explorer._readout.value, explorer.poses
    errors = dr.hypothesis_errors(explorer.samples[-1], one.pose3d)
    assert f"best hypothesis <i>(oracle)</i><br><b>{1000 * errors['p_best'].item():.1f} mm" in text
    assert f"answer: mean<br><b>{1000 * errors['p_avg'].item():.1f} mm" in text
    explorer.controls.answer.value = "median"
    assert "answer: median" in (explorer.samples, explorer._readout.value)[1]


def test_poses_without_a_truth_show_no_errors(small_model, poses):
    blind = HypothesisExplorer(
        small_model, replace(poses, pose3d=torch.zeros_like(poses.pose3d)), hypotheses=2, steps=1
    )
    assert not trace(blind, "truth").x.size and not len(trace(blind, "error of the answer").y)
    assert "oracle" not in blind._readout.value and "spread" in blind._readout.value


def test_a_click_highlights_in_all_views_and_a_second_lets_go(explorer):
    hypothesis, joint = clicked("hypotheses", 2 * 48 + 3 * 15 + 1)
    assert (hypothesis, joint) == (2, BONES[15][1])
    explorer._pick(hypothesis, joint)
    assert (
        explorer.samples.shape[2] == 4
        and len(trace(explorer, "picked hypothesis").x)
        == len(trace(explorer, "picked reprojection").x)
        == 48
    )
    assert (
        len(trace(explorer, "picked joint").x) == 4
        and len(trace(explorer, "picked joint, 2D").x) == 5
    )
    assert list(trace(explorer, "picked joint, bars").x) == [dr.JOINTS[joint]]
    explorer._pick(hypothesis, joint)
    assert explorer.samples.shape[2] == 4 and not len(trace(explorer, "picked hypothesis").x)


def test_a_clicked_point_belongs_to_its_joint():
    """Against the coordinates of the traces themselves."""
    hypotheses, kp2d = (
        torch.randn(2, J, 3, generator=dr.generator(0)),
        torch.randn(J, 2, generator=dr.generator(1)),
    )
    view = explorer_view(
        kp2d,
        hypotheses,
        hypotheses[..., :2],
        answer=hypotheses[0],
        initial=hypotheses[0],
        truth=hypotheses[1],
    )
    for name in module.CLICKABLE:
        for point, x in enumerate(view[name]["x"]):
            hypothesis, joint = clicked(name, point)
            if isinstance(x, str):
                assert (hypothesis, dr.JOINTS[joint]) == (None, x)
            elif not np.isnan(x):
                assert (
                    abs(
                        x
                        - (
                            kp2d[joint, 0]
                            if hypothesis is None
                            else hypotheses[hypothesis, joint, 0]
                        )
                    )
                    < 1e-4
                )


def test_bad_settings_get_a_sentence(small_model, poses):
    for wrong, sentence in (
        ({"steps": 0}, "steps must lie between 1 and 1000"),
        ({"hypotheses": 0}, "hypotheses between 1 and 200"),
    ):
        with pytest.raises(ValueError, match=sentence):
            HypothesisExplorer(small_model, poses, **wrong)
    with pytest.raises(ValueError, match="nothing to explore"):
        HypothesisExplorer(small_model, poses[:0])


def test_an_error_while_sampling_is_shown_and_raised_at_the_next_read(explorer, monkeypatch):
    def broken(*_, **__):
        raise ValueError("no pose for <you>")

    monkeypatch.setattr(module, "denoise_fn", broken)
    explorer.controls.seed.value = 99
    with pytest.raises(ValueError, match="no pose for"):
        explorer.samples  # noqa: B018
    assert "no pose for &lt;you&gt;" in explorer._status.value
    monkeypatch.undo()
    explorer.controls.seed.value = 1
    assert explorer.samples.shape[2] == 4


# --- in a browser

LAYER = """([figure, name]) => {
    const trace = figure.data.find(t => t.name === name);
    return ['x', 'y', 'z'].filter(a => trace[a]).map(a => Array.from(trace[a], v => Number.isFinite(v) ? v : null));
}"""


PICKED = "document.querySelector('.js-plotly-plot').data.find(t => t.name === 'picked joint').x?.length > 0"


def layer(page, name):
    """Data of a trace of the last figure on the page, as the browser holds it: (axes, points)."""
    figure = page.locator(".js-plotly-plot").last.element_handle()
    return np.array(page.evaluate(LAYER, [figure, name]), dtype=float)


def pixels(page):
    return np.asarray(
        Image.open(io.BytesIO(page.locator(".js-plotly-plot").last.screenshot())).convert("RGB")
    ).astype(int)


@needs_chromium
def test_the_saved_page_moves_without_a_kernel(explorer, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PAGE_STEPS", (1, 4))
    path, problems = explorer.save_html(tmp_path / "page.html", frames=3), []
    assert path.stat().st_size < 15e6
    with watched_page(problems) as page:
        page.goto(path.as_uri())
        page.wait_for_function(
            "document.querySelector('.js-plotly-plot')?.data?.[0].x?.length > 0", timeout=60_000
        )
        # It begins at the frame shown, and nearest to the steps and hypotheses shown.
        explorer.controls.steps.value, explorer.controls.hypotheses.value = 4, 5
        explorer.samples  # noqa: B018
        assert np.allclose(
            layer(page, "hypotheses"), view_of(explorer, "hypotheses"), atol=1e-3, equal_nan=True
        )
        page.wait_for_timeout(2000)
        before = pixels(page)
        for slider, key, setting in (
            ("hypotheses H", "Home", {"hypotheses": 1}),
            ("steps K", "ArrowLeft", {"steps": 1}),
            ("frame", "End", {"frame": 2}),
        ):
            page.get_by_role("slider", name=slider).focus()
            page.keyboard.press(key)
            for name, value in setting.items():
                getattr(explorer.controls, name).value = value
            explorer.samples  # noqa: B018
            assert np.allclose(
                layer(page, "hypotheses"),
                view_of(explorer, "hypotheses"),
                atol=1e-3,
                equal_nan=True,
            ), slider
            values = re.compile(r"[\d.]+ mm")
            assert values.findall(explorer._readout.value) == values.findall(
                page.locator("#readout").inner_text()
            )
        page.wait_for_timeout(2000)
        assert (np.abs(pixels(page) - before).sum(-1) > 100).sum() > 300, "the picture changed"
    assert not problems, problems[:5]


def view_of(explorer, name):
    found = trace(explorer, name)
    return np.stack([np.asarray(found[axis], dtype=float) for axis in "xyz"])


@needs_chromium
def test_the_explorer_in_jupyterlab(tmp_path):
    """Notebook 05 from a clean kernel; sliders by keyboard; the change in the page's data and in
    its pixels; nothing in the console.
    """
    with notebook_in_jupyterlab(tmp_path, "05_explorer", "explorer", height=1100) as page:
        figure = page.locator(".jp-OutputArea .js-plotly-plot").first
        figure.wait_for(timeout=90_000)
        figure.scroll_into_view_if_needed()
        assert layer(page, "hypotheses").shape == (3, 20 * 48)
        page.wait_for_timeout(2000)
        before = pixels(page)
        first = layer(page, "hypotheses")

        press(page, "hypoth. H", "ArrowLeft", lambda data: data.shape[1] < 20 * 48)
        assert np.allclose(
            layer(page, "hypotheses"), first[:, : 15 * 48], atol=1e-5, equal_nan=True
        ), "fewer are the first ones"
        press(
            page,
            "steps K",
            "ArrowRight",
            lambda data: not np.allclose(data[:, :48], first[:, :48], equal_nan=True),
        )
        moved = layer(page, "hypotheses")
        press(page, "frame", "End", lambda data: not np.allclose(data, moved, equal_nan=True))
        kernel = json.loads(
            ask(
                page,
                "import json; c = explorer.controls; print(json.dumps([c.hypotheses.value, "
                "c.steps.value, c.frame.value == c.frame.max]))",
            )
        )
        assert kernel == [15, 6, True]
        text = ask(page, "print(explorer.hypotheses[0, 1].tolist())")
        x, down, depth = json.loads(text)
        assert np.allclose(layer(page, "hypotheses")[:, 1], [x, depth, -down], atol=1e-3), (
            "the page shows what the kernel holds"
        )
        bar = page.locator(".js-plotly-plot .barlayer .point path").nth(13)
        bar.scroll_into_view_if_needed()
        bar = bar.bounding_box()
        page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
        page.wait_for_function(PICKED, timeout=30_000)
        assert ask(page, "print(explorer._picked['joint'])") == "13" and layer(
            page, "picked joint"
        ).shape == (3, 15)
        page.wait_for_timeout(2000)
        shot = ROOT / "output" / "screenshots"
        shot.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=shot / "explorer.png")
        after = pixels(page)
        assert (np.abs(after - before).sum(-1) > 100).sum() > 500, "the picture changed"
        red, blue = after[..., 0], after[..., 2]
        assert (blue > red + 40).sum() > 100 and (red > blue + 40).sum() > 100, (
            "left and right in their colours"
        )


@contextlib.contextmanager
def notebook_in_jupyterlab(tmp_path, name, cell, *, height):
    """A page with a notebook of a fresh clone in fast mode, run up to a cell; at the end nothing
    may have gone wrong in the console.
    """
    root, problems = clone(tmp_path / "clone"), []
    scratch = tmp_path / "lab"
    scratch.mkdir()
    environment = {
        "DRPOSE_FAST": "1",
        "PYTHONPATH": str(root),
        "DRPOSE_SOURCE": "",
        "DRPOSE_DATA": "",
    }
    with (
        jupyter_lab(root, scratch, **environment) as (address, token),
        watched_page(problems, height=height) as page,
    ):
        page.goto(
            f"{address}/lab/tree/notebooks/{name}.ipynb?token={token}&reset",
            wait_until="domcontentloaded",
        )
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === "
            "'idle'",
            timeout=90_000,
        )
        run_until(page, cell)
        yield page
    shutil.rmtree(scratch)
    assert not problems, problems[:5]


def run_until(page, cell):
    """Run the cells up to the one with that id, as shift-enter does."""
    errors = page.evaluate(
        """async (cell) => {
            const app = window.jupyterapp, panel = app.shell.currentWidget, cells = panel.content.widgets;
            const last = cells.findIndex(c => c.model.sharedModel.getId() === cell);
            panel.content.activeCellIndex = last + 1;
            await app.commands.execute('notebook:run-all-above');
            const code = cells.slice(0, last + 1).map(c => c.model.sharedModel).filter(m => m.cell_type === 'code');
            for (let n = 0; n < 1200 && code.some(m => m.execution_count == null); n++) await new Promise(r => setTimeout(r, 100));
            return code.flatMap(m => m.outputs.filter(o => o.output_type === 'error').map(o => o.evalue));
        }""",
        cell,
    )
    assert errors == []


def press(page, name, key, changed):
    """Move a widget's slider by keyboard and wait until the page's data say that it arrived."""
    page.locator(".widget-hslider", has_text=name).first.locator("[role=slider]").focus()
    page.keyboard.press(key)
    for _ in range(300):
        if changed(layer(page, "hypotheses")):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{name} did not move the hypotheses")


def ask(page, code):
    """What code prints in the notebook's kernel."""
    return page.evaluate(
        """async (code) => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            let out = '';
            const future = kernel.requestExecute({code, store_history: false});
            future.onIOPub = m => { out += m.content.text ?? m.content.evalue ?? ''; };
            await future.done;
            return out.trim();
        }""",
        code,
    )

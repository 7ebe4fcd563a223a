"""The explorer: what it shows is what sample_poses gives, only what moves changes, and it works in
JupyterLab and as a page.
"""

import io
import json
import re
import threading
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from browser import CHROMIUM, NO_BROWSER, ask, layer, notebook_in_jupyterlab, watched_page
from helpers import ROOT
from PIL import Image

import drpose_core as dr
from drpose_core.explorer import HypothesisExplorer, clicked, explorer_view
from drpose_core.explorer import page as page_module
from drpose_core.explorer import samples as sampling_module
from drpose_core.explorer import widget as module
from drpose_core.explorer import worker as worker_module
from drpose_core.explorer.controls import explorer_controls
from drpose_core.explorer.readout import trail
from drpose_core.explorer.samples import Samples
from drpose_core.skeleton import BONES, J

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


@pytest.fixture(autouse=True)
def nothing_ahead(monkeypatch):
    """No frame is sampled before it is asked for: tests count what is sampled."""
    monkeypatch.setattr(worker_module, "REST", 3600)


@pytest.fixture
def explorer(small_model, poses):
    return HypothesisExplorer(small_model, poses, hypotheses=4, steps=3, seed=1)


def sampled(model, explorer, hypotheses, steps, **settings):
    settings = {"hypotheses": hypotheses, "steps": steps} | settings
    return dr.sample_poses(model, explorer.poses.kp2d, noise=dr.per_hypothesis(1), **settings)


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


EVERYTHING = (  # settings that are not the defaults, each at least once
    dr.Sampling(7, 3, spacing=(900, 300, 20), eta=0.5, flip_test=False),
    dr.Sampling(3, 6, spacing="log-snr", start=150, solver="dpm", widen=1.75),
)


def test_the_controls_begin_with_all_settings(small_model, poses):
    default = dr.Sampling()
    for field in fields(dr.Sampling):
        assert any(getattr(s, field.name) != getattr(default, field.name) for s in EVERYTHING)
    for how in (default, dr.Sampling.published(), *EVERYTHING):
        controls = explorer_controls(dr.DRPose(), how, 0)
        assert controls.sampling() == how
        for widget in vars(controls).values():
            assert getattr(widget, "index", 0) is not None or not widget.options, "a blank chooser"
        explorer = HypothesisExplorer(small_model, poses, how, seed=1)
        expected = dr.sample_poses(
            small_model, explorer.poses.kp2d, how, noise=dr.per_hypothesis(1)
        )
        assert torch.allclose(explorer.samples, expected, atol=1e-5)
        times = small_model.schedule.timesteps(how.steps, how.spacing, start=how.start)
        assert explorer.steps == times[:-1]


def test_the_model_s_own_settings_are_the_first(small_model, poses):
    small_model.sampling = dr.Sampling(6, 2, eta=0.3)
    assert HypothesisExplorer(small_model, poses).controls.sampling() == small_model.sampling
    explorer = HypothesisExplorer(small_model, poses, steps=4)
    assert explorer.controls.sampling() == dr.Sampling(6, 4, eta=0.3)
    explorer = HypothesisExplorer(small_model, poses, dr.Sampling(5, 3), hypotheses=2)
    assert explorer.controls.sampling() == dr.Sampling(2, 3)


@pytest.mark.parametrize("how", [dr.Sampling(6, 3), dr.Sampling(6, 3, spacing="linear", eta=1.0)])
def test_one_seed_gives_the_same_hypotheses_everywhere(small_model, poses, how):
    """Explorer, sample_poses and predict, of which two also see other poses beside this one."""
    explorer = HypothesisExplorer(small_model, poses, how, seed=3)
    explorer.controls.frame.value = 2
    (row,) = (poses.kp2d == explorer.poses.kp2d).flatten(1).all(1).nonzero().flatten().tolist()
    some = poses[: row + 4]
    drawn = dr.sample_poses(small_model, some.kp2d, how, noise=dr.per_hypothesis(3))[-1, row]
    predicted = dr.joined(dr.predict(small_model, some, how, seed=3)).hypotheses[row]
    assert torch.allclose(explorer.hypotheses, drawn, atol=1e-5)
    assert torch.allclose(explorer.hypotheses, predicted, atol=1e-5)


def test_times_that_are_given_fix_the_steps(small_model, poses):
    explorer = HypothesisExplorer(small_model, poses, hypotheses=2, spacing=(900, 300, 20))
    c = explorer.controls
    assert (c.steps.value, c.steps.disabled, explorer.steps) == (3, True, [900, 300, 20])
    c.spacing.value = "quadratic"
    assert not c.steps.disabled and len(explorer.steps) == 3
    c.steps.value = 5
    assert len(explorer.steps) == c.step.max == 5
    c.spacing.value = (900, 300, 20)
    assert (c.steps.value, c.steps.disabled, explorer.steps) == (3, True, [900, 300, 20])


def test_the_solver_that_adds_no_noise_has_no_eta(explorer, small_model):
    c = explorer.controls
    c.eta.value, c.solver.value = 0.7, "dpm"
    assert (c.eta.value, c.eta.disabled) == (0, True)
    expected = sampled(small_model, explorer, 4, 3, solver="dpm")
    assert torch.allclose(explorer.samples, expected, atol=1e-5)
    c.solver.value, c.eta.value = "ddim", 0.7
    assert not c.eta.disabled
    expected = sampled(small_model, explorer, 4, 3, eta=0.7)
    assert torch.allclose(explorer.samples, expected, atol=1e-5)


def test_a_start_that_does_not_fit_gets_a_sentence(small_model, poses):
    explorer = HypothesisExplorer(small_model, poses, hypotheses=4, steps=3, start=3, seed=1)
    expected = sampled(small_model, explorer, 4, 3, start=3)
    assert torch.allclose(explorer.samples, expected, atol=1e-5)
    explorer.controls.steps.value = 5
    with pytest.raises(ValueError, match="at least 1 and at most 4 steps fit, got 5"):
        explorer.samples  # noqa: B018
    assert "at most 4 steps fit" in explorer._status.value
    explorer.controls.start.value = "pure noise"
    assert torch.allclose(explorer.samples, sampled(small_model, explorer, 4, 5), atol=1e-5)


def test_only_what_moves_changes(explorer, monkeypatch):
    c, calls = explorer.controls, []
    original = sampling_module.sampling_chain

    def counted(model, kp2d, how, *, first, **more):
        calls.append(how.hypotheses - first)
        return original(model, kp2d, how, first=first, **more)

    monkeypatch.setattr(sampling_module, "sampling_chain", counted)
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
    trace(explorer, "ground truth").visible = "legendonly"
    c.frame.value = c.frame.max
    explorer.samples  # noqa: B018
    assert (
        figure.layout.scene.camera.eye.x == 0.123
        and trace(explorer, "ground truth").visible == "legendonly"
    )
    assert figure.layout.uirevision == "keep" and figure.layout.scene.uirevision == "keep"


def test_a_slider_moved_while_sampling_drops_the_chain(explorer, monkeypatch):
    """Each step is held up until a second wish has come: the first is never finished."""
    c, original, finished = explorer.controls, sampling_module.sampling_chain, []
    begun, go_on = threading.Event(), threading.Event()

    def slow(model, kp2d, how, **more):
        for step in original(model, kp2d, how, **more):
            if how.steps == 50:
                begun.set()
                assert go_on.wait(60)
            yield step
        finished.append(how.steps)

    monkeypatch.setattr(sampling_module, "sampling_chain", slow)
    monkeypatch.setattr(sampling_module, "PATIENCE", 0)
    c.steps.value = 50
    assert begun.wait(60)
    c.steps.value = 2
    go_on.set()
    assert explorer.samples.shape[0] == 2 and finished == [2]


def test_what_is_read_may_be_changed(explorer):
    before = explorer.samples
    explorer.hypotheses.add_(1)
    explorer.samples.zero_()
    explorer.controls.frame.value = 1
    explorer.controls.frame.value = 0
    assert torch.equal(explorer.samples, before)


def test_saving_a_page_changes_nothing_that_is_shown(explorer, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "PAGE_STEPS", (1, 2000))  # 2000: more than fit
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


def test_frames_play_in_order_whatever_the_order_of_the_set(small_model, poses):
    order = torch.randperm(len(poses), generator=dr.generator(0))
    shuffled = HypothesisExplorer(small_model, poses[order], hypotheses=1, steps=1)
    seen = []
    for frame in range(shuffled.controls.frame.max + 1):
        shuffled.controls.frame.value = frame
        seen.append((int(shuffled.poses.sequence), int(shuffled.poses.frame)))
    name = poses.takes[seen[0][0]]
    expected = [
        (s, f)
        for s, f, a in zip(*(x.tolist() for x in (poses.sequence, poses.frame, poses.action)))
        if (poses.takes[s].subject, poses.takes[s].camera) == (name.subject, name.camera)
        and poses.actions[a] == shuffled.controls.action.value
    ]
    assert len(seen) > 2 and seen == sorted(expected)


def test_poses_are_replaced_by_those_of_the_same_frames_alone(explorer, poses):
    before = explorer.samples
    for other in (poses[:-1], replace(poses, frame=poses.frame + 1)):
        with pytest.raises(ValueError, match=f"holds {len(poses)} poses.* sequences and frames"):
            explorer.replace(other)
    explorer.replace(replace(poses, kp2d=poses.kp2d + 0.02, pose3d=None, root=None))
    assert not torch.allclose(explorer.samples, before, atol=1e-4)
    assert not trace(explorer, "ground truth").x.size, "the new poses have no ground truth"
    assert "error" not in explorer.figure.layout.annotations[1].text


def test_the_best_hypothesis_is_the_nearest_to_the_ground_truth(explorer):
    hypotheses, truth = explorer.hypotheses, explorer.poses.pose3d[0]
    errors = [float((pose - truth).norm(dim=-1).mean()) for pose in hypotheses]
    x, down, depth = hypotheses[errors.index(min(errors))][[child for _, child in BONES]].T
    ends = view_of(explorer, "best (oracle)").reshape(3, 16, 3)[..., 1]
    assert np.allclose(ends, torch.stack([x, depth, -down]), atol=1e-4)


def test_readout_says_what_is_an_oracle(explorer):
    text, one = explorer._readout.value, explorer.poses
    errors = dr.hypothesis_errors(explorer.samples[-1], one.pose3d)
    assert f"best hypothesis <i>(oracle)</i><br><b>{1000 * errors['p_best'].item():.1f} mm" in text
    assert f"answer: mean<br><b>{1000 * errors['p_avg'].item():.1f} mm" in text
    explorer.controls.answer.value = "median"
    assert "answer: median" in (explorer.samples, explorer._readout.value)[1]


def test_poses_without_a_ground_truth_show_no_errors(small_model, poses, tmp_path):
    blind = replace(poses, pose3d=None, root=None)
    explorer = HypothesisExplorer(small_model, blind, hypotheses=2, steps=1)
    assert not trace(explorer, "ground truth").x.size
    assert not trace(explorer, "best (oracle)").x.size
    assert not len(trace(explorer, "error of the answer").y)
    titles = [annotation.text for annotation in explorer.figure.layout.annotations]
    assert titles[1] == "spread of the hypotheses", "there is no error"
    assert "oracle" not in explorer._readout.value and "spread" in explorer._readout.value
    assert explorer.save_html(tmp_path / "page.html", frames=1).is_file()


def test_a_pose_of_zeros_is_a_ground_truth(small_model, poses):
    explorer = HypothesisExplorer(
        small_model, replace(poses, pose3d=torch.zeros_like(poses.pose3d)), hypotheses=2, steps=1
    )
    from_origin = 1000 * explorer.hypotheses.norm(dim=-1).mean(-1).min()
    assert f"<b>{from_origin:.1f} mm" in explorer._readout.value


def test_the_initial_pose_is_averaged_as_in_sampling(explorer, small_model):
    kp2d = explorer.poses.kp2d
    for flip_test in (True, False):
        explorer.controls.flip.value = flip_test
        pose = small_model.initial_pose(kp2d, flip_test=flip_test)
        pose[:, 0] = 0
        error = 1000 * dr.mpjpe(pose, explorer.poses.pose3d).item()
        assert (
            f"initial pose<br><b>{error:.1f} mm" in (explorer.samples, explorer._readout.value)[1]
        )


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


def test_a_highlighted_joint_leaves_a_trail_of_the_frames_shown_before(explorer, small_model):
    """Against sample_poses, frame by frame; in plotly's axes (x, depth, up), a gap a hypothesis."""
    c, joint, places = explorer.controls, dr.JOINTS.index("left wrist"), []
    explorer.highlight("left wrist")
    for frame in (0, 1, 2):
        c.frame.value = frame
        x, down, depth = sampled(small_model, explorer, 4, 3)[-1, 0, :, joint].T.numpy()
        places.append(np.stack([x, depth, -down], axis=-1))
    expected = np.full((4, 4, 3), np.nan)
    expected[:, :3] = np.stack(places, axis=1)  # four hypotheses, three frames and a gap
    explorer.samples  # noqa: B018 (waits)
    shown = np.stack([trace(explorer, "trail")[axis] for axis in "xyz"], axis=-1)
    np.testing.assert_allclose(shown, expected.reshape(-1, 3), atol=1e-4)
    c.seed.value = 2  # of the frames before nothing is known with this seed
    explorer.samples  # noqa: B018
    assert len(trace(explorer, "trail").x) == 4 * 2
    explorer.highlight(None)
    explorer.samples  # noqa: B018
    assert not len(trace(explorer, "trail").x)
    split = replace(explorer._samples.poses, sequence=explorer._samples.poses.frame)
    row, rows = explorer._shown.wish.row, explorer._chooser.beside(explorer._shown.wish.row)
    apart = Samples(small_model, split)
    shown = [apart.take(replace(explorer._shown.wish, row=r)) for r in rows[: rows.index(row) + 1]]
    assert trail(apart, shown[-1], rows, joint).shape == (1, 4, 3), "another recording's frames"
    with pytest.raises(ValueError, match="unknown joint 'nose': choose one of hip"):
        explorer.highlight("nose")


def test_a_clicked_point_belongs_to_its_joint():
    """Against the coordinates of the traces themselves."""
    hypotheses = torch.randn(2, J, 3, generator=dr.generator(0))
    kp2d = torch.randn(J, 2, generator=dr.generator(1))
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
        ({"steps": 0}, "hypotheses and steps must be at least 1, got 20 and 0"),
        ({"steps": 1001}, "at most 1000 steps fit, got 1001"),
        ({"hypotheses": 201}, "hypotheses between 1 and 200 and eta between 0 and 1, got 201"),
        ({"eta": 1.5}, "eta must lie between 0 and 1, got 1.5"),
        ({"spacing": "even"}, "unknown spacing 'even'"),
        ({"spacing": (10, 900)}, "times must fall"),
        ({"start": 500, "spacing": (900, 10)}, "start must be the first of the times given"),
    ):
        with pytest.raises(ValueError, match=sentence):
            HypothesisExplorer(small_model, poses, **wrong)
    with pytest.raises(TypeError, match="unknown setting of sampling: stpes; there are hypotheses"):
        HypothesisExplorer(small_model, poses, stpes=3)
    with pytest.raises(ValueError, match="nothing to explore"):
        HypothesisExplorer(small_model, poses[:0])


def test_an_error_while_sampling_is_shown_and_raised_at_the_next_read(explorer, monkeypatch):
    def broken(*_, **__):
        raise ValueError("no pose for <you>")

    monkeypatch.setattr(sampling_module, "sampling_chain", broken)
    explorer.controls.seed.value = 99
    with pytest.raises(ValueError, match="no pose for"):
        explorer.samples  # noqa: B018
    assert "no pose for &lt;you&gt;" in explorer._status.value
    monkeypatch.undo()
    explorer.controls.seed.value = 1
    assert explorer.samples.shape[2] == 4


# --- in a browser

PICKED = "document.querySelector('.js-plotly-plot').data.find(t => t.name === 'picked joint').x?.length > 0"


def pixels(page):
    return np.asarray(
        Image.open(io.BytesIO(page.locator(".js-plotly-plot").last.screenshot())).convert("RGB")
    ).astype(int)


@needs_chromium
def test_the_saved_page_moves_without_a_kernel(explorer, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "PAGE_STEPS", (1, 4))
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


def not_widened(data):
    """The layer of hypotheses (3, H * 48) without the default checkpoint's factor, (3, H, 48)."""
    poses = data.reshape(3, -1, 48)
    mean = poses.mean(1, keepdims=True)
    return mean + (poses - mean) / dr.load_checkpoint(dr.weights.DEFAULT).sampling.widen


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
        fewer = not_widened(layer(page, "hypotheses"))
        assert np.allclose(fewer, not_widened(first)[:, :15], atol=1e-3, equal_nan=True), (
            "fewer are the first ones"
        )
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
        assert ask(page, "print(explorer._picked.joint)") == "13" and layer(
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


def press(page, name, key, changed):
    """Move a widget's slider by keyboard and wait until the page's data say that it arrived."""
    page.locator(".widget-hslider", has_text=name).first.locator("[role=slider]").focus()
    page.keyboard.press(key)
    for _ in range(300):
        if changed(layer(page, "hypotheses")):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{name} did not move the hypotheses")

"""The stick figure: moved by hand in JupyterLab, the hypotheses follow; what Python sees of it."""

import json

import numpy as np
import pytest
import torch
from browser import CHROMIUM, NO_BROWSER, ask, layer, notebook_in_jupyterlab
from helpers import ROOT
from PIL import Image

import drpose_core as dr
from drpose_core.explorer import HypothesisExplorer
from drpose_core.explorer.stick_figure import StickFigure
from drpose_core.skeleton import J

WRIST = dr.JOINTS.index("left wrist")


@pytest.fixture
def keypoints():
    return dr.read_keypoints(ROOT / "notebooks" / "example_keypoints.json")


def shifted(figure, joint, by):
    figure.points = [[x + by * (j == joint), y] for j, (x, y) in enumerate(figure.points)]


def test_moved_keypoints_are_those_of_the_file_but_for_the_hand(keypoints):
    figure, heard = StickFigure(keypoints, row=3), []
    figure.on_move(heard.append)
    shifted(figure, WRIST, 40.0)
    (moved,) = heard
    off = moved.kp2d - keypoints.kp2d
    assert (
        off[3, WRIST] == pytest.approx([40, 0], abs=0.06)
        and np.abs(np.delete(off[3], WRIST, 0)).max() < 0.06
    )
    assert np.array_equal(np.delete(moved.kp2d, 3, 0), np.delete(keypoints.kp2d, 3, 0))
    assert moved.confidence[3, WRIST] == 1 and moved.confidence[3, 0] == keypoints.confidence[3, 0]
    figure.reset()
    assert np.abs(figure.moved.kp2d - keypoints.kp2d).max() < 0.06 and np.array_equal(
        figure.moved.confidence, keypoints.confidence
    )


def test_a_joint_not_seen_becomes_sure_when_it_is_placed(keypoints):
    pixels = keypoints.kp2d[:1].copy()
    pixels[0, WRIST] = np.nan
    figure = StickFigure(dr.read_keypoints(pixels, format="h36m17", image_size=(1920, 1080)))
    assert not figure.sure[WRIST] and sum(figure.sure) == J - 1
    shifted(figure, WRIST, 5.0)
    assert figure.sure[WRIST]


def test_the_explorer_follows_and_keeps_what_did_not_change(keypoints, small_model):
    first = keypoints.kept(keypoints.frame == 0)
    figure = StickFigure(first)
    explorer = HypothesisExplorer(small_model, first.poses(), hypotheses=3, steps=2)
    figure.on_move(lambda moved: explorer.replace(moved.poses()))
    explorer.controls.subject.value = "person 1"
    assert len(explorer.hypotheses) == 3 and "sampled" in explorer._status.value
    explorer.controls.subject.value = "person 0"
    before = explorer.hypotheses
    shifted(figure, WRIST, 60.0)
    after = explorer.hypotheses
    assert not torch.allclose(before, after, atol=1e-3)
    predicted = dr.joined(dr.predict(small_model, figure.moved.poses()[:1], hypotheses=3, steps=2))
    back = dr.picture_frame(after[None], predicted.poses.rotation)
    assert torch.allclose(back, predicted.hypotheses, atol=1e-5), (
        "the explorer and predict say the same"
    )
    assert "sampled" in explorer._status.value
    explorer.controls.subject.value = "person 1"
    assert len(explorer.hypotheses) == 3 and "seen before" in explorer._status.value, (
        "the other person has not moved"
    )
    with pytest.raises(
        ValueError, match="the explorer holds 2 poses: in their place it takes as many"
    ):
        explorer.replace(first.poses()[:1])


def test_bad_input_gets_a_sentence(keypoints, tmp_path):
    with pytest.raises(ValueError, match="row 48 of 48"):
        StickFigure(keypoints, row=48)
    with pytest.raises(ValueError, match=r"nothing\.png is no picture .*: give the path"):
        StickFigure(picture=tmp_path / "nothing.png")
    Image.new("RGB", (1920, 1080), "red").save(tmp_path / "red.png")
    figure = StickFigure(picture=tmp_path / "red.png")
    assert figure.picture.startswith("data:image/png;base64,")
    assert (
        figure.size == [1920, 1080]
        and figure.window == [0, 0, 1920, 1080]
        and (figure.moved.width, figure.moved.height) == (1920, 1080)
    )
    assert np.array(figure.points).min() > 0 and np.ptp(np.array(figure.points), axis=0)[
        1
    ] == pytest.approx(0.568 * 1080, abs=1), "not squeezed"
    assert StickFigure(keypoints, picture=tmp_path / "red.png").window == [0, 0, 1920, 1080]
    Image.new("RGB", (40, 30), "red").save(tmp_path / "small.png")
    with pytest.raises(ValueError, match="40 x 30 pixels, the keypoints are of 1920 x 1080"):
        StickFigure(keypoints, picture=tmp_path / "small.png")
    turned = Image.new("RGB", (60, 90))
    turned.getexif()[0x0112] = 6  # a phone held upright: the file lies on its side
    turned.save(tmp_path / "turned.jpg", exif=turned.getexif())
    assert StickFigure(picture=tmp_path / "turned.jpg").size == [90, 60]
    assert StickFigure().size == [1000, 1000] and not StickFigure().moved.notes, (
        "somebody standing is a plausible pose"
    )


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_dragging_a_joint_in_jupyterlab_moves_the_hypotheses(tmp_path):
    """Notebook 07 from a clean kernel: drag, click and place, arrow keys; the page's 3D data and
    the kernel follow; nothing in the console.
    """
    with notebook_in_jupyterlab(tmp_path, "07_your_own_pose", "hand", height=1300) as page:
        dot = page.locator(f"circle[data-joint='{WRIST}']")
        dot.wait_for(timeout=90_000)
        page.locator(".jp-OutputArea .widget-hbox .js-plotly-plot").first.wait_for(timeout=90_000)
        start = state(page)
        dot.scroll_into_view_if_needed()

        place = center(dot)
        page.mouse.move(*place)
        page.mouse.down()
        for n in range(1, 9):
            page.mouse.move(place[0] + 8 * n, place[1] + 5 * n)
        page.mouse.up()
        dragged = state(page)
        now = center(dot)
        assert np.allclose(np.subtract(now, place), (64, 40), atol=2), (
            "the joint is where the mouse let go"
        )
        assert dragged["points"][WRIST][0] > start["points"][WRIST][0] + 20
        assert [p for j, p in enumerate(dragged["points"]) if j != WRIST] == [
            p for j, p in enumerate(start["points"]) if j != WRIST
        ]
        assert np.allclose(layer(page, "hypotheses")[:, 1], dragged["shown"], atol=1e-3), (
            "the page shows what the kernel holds"
        )

        box = page.locator("svg", has=dot).bounding_box()
        corner = (box["x"] + 25, box["y"] + 25)  # nobody is there
        page.mouse.click(*corner)  # still selected: it comes here
        placed = state(page)
        assert np.allclose(center(dot), corner, atol=2)
        page.keyboard.press("Shift+ArrowRight")
        nudged = state(page)
        assert (
            nudged["points"][WRIST][0] > placed["points"][WRIST][0]
            and nudged["points"][WRIST][1] == placed["points"][WRIST][1]
        )
        page.wait_for_timeout(1500)
        shot = ROOT / "output" / "screenshots"
        shot.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=shot / "stick_figure.png")


def center(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def state(page):
    """The figure's points and the first joint shown, in plotly's axes, of the kernel, once it has
    heard of all that the hand has done.

    On the way it hears of places in between: it has heard of all when its wrist is where the page
    has it, and the page shows its hypotheses.
    """
    code = "import json; x, y, z = explorer.hypotheses[0, 1].tolist(); print(json.dumps({'points': figure.points, 'shown': [x, z, -y]}))"
    dot = page.locator(f"circle[data-joint='{WRIST}']")
    for _ in range(300):
        found = json.loads(ask(page, code))
        here = [float(dot.get_attribute(name)) for name in ("cx", "cy")]
        if found["points"][WRIST] == here and np.allclose(
            layer(page, "hypotheses")[:, 1], found["shown"], atol=1e-3
        ):
            return found
        page.wait_for_timeout(100)
    raise AssertionError("the kernel did not hear of it")

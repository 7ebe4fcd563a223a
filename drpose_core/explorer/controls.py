"""The explorer's sliders and choosers: one for each setting of Sampling, and those for what of it
is shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import ipywidgets as widgets
import torch

from ..model import DRPose
from ..scores import ANSWERS
from ..settings import Sampling

STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 50, 100, 200)
HYPOTHESES = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100, 200)
NOISE = "pure noise"  # Sampling.start = None; a chooser takes None for no choice
STARTS = (100, 200, 400)
# Four controls stand in a row of a notebook on a small screen.
_WIDE, _NARROW = {"width": "250px"}, {"width": "190px"}
_STYLE = {"description_width": "76px"}


@dataclass(frozen=True, eq=False)
class Controls:
    """The widgets by name. What a hand does, a cell does by controls.steps.value = 8."""

    # which poses: sequences with this action, subject and camera, and a frame of them
    action: widgets.Dropdown
    subject: widgets.Dropdown
    camera: widgets.Dropdown
    frame: widgets.IntSlider  # from 0, a position among the poses chosen
    play: widgets.Play  # moves frame
    # how they are sampled
    hypotheses: widgets.SelectionSlider  # H
    steps: widgets.SelectionSlider  # K; fixed while spacing is a tuple of times
    spacing: widgets.Dropdown  # a name, or the times themselves as a tuple
    start: widgets.Dropdown  # "pure noise", or the time to which the initial pose is noised
    solver: widgets.Dropdown  # the method's own
    eta: widgets.FloatSlider  # fixed at 0 unless solver is "ddim"
    widen: widgets.FloatSlider  # Sampling.widen
    flip: widgets.Checkbox  # Sampling.flip_test
    seed: widgets.BoundedIntText  # of the noise (per_hypothesis)
    # what of it is shown
    step: widgets.IntSlider  # from 1: hypotheses as this step of the chain estimates them
    answer: widgets.Dropdown  # how aggregate chooses

    def sampling(self) -> Sampling:
        """The present settings."""
        spacing, solver = self.spacing.value, self.solver.value
        return Sampling(
            hypotheses=self.hypotheses.value,
            steps=self.steps.value if isinstance(spacing, str) else len(spacing),
            spacing=spacing,
            start=None if self.start.value == NOISE else self.start.value,
            eta=self.eta.value if solver == "ddim" else 0.0,
            solver=solver,
            flip_test=self.flip.value,
            widen=self.widen.value,
        )

    def rows(self) -> list[list[widgets.Widget]]:
        """The rows in which a notebook shows them."""
        return [
            [self.action, self.subject, self.camera, self.answer],
            [self.steps, self.hypotheses, self.eta, self.flip],
            [self.frame, self.step, self.widen, self.play],
            [self.spacing, self.start, self.solver, self.seed],
        ]


def explorer_controls(model: DRPose, sampling: Sampling, seed: int) -> Controls:
    """The widgets, set to sampling; times and solvers are those of the model.

    The values of steps and hypotheses grow roughly like a logarithmic scale; other values in
    sampling are added, and so are times and starts. Raises ValueError for values out of range.
    """
    if sampling.hypotheses > HYPOTHESES[-1] or not 0 <= sampling.eta <= 1:
        raise ValueError(
            f"the explorer shows hypotheses between 1 and {HYPOTHESES[-1]} and eta between 0 and "
            f"1, got {sampling.hypotheses} and {sampling.eta}"
        )
    narrow = {"style": _STYLE, "layout": _NARROW}
    wide = {"style": _STYLE, "layout": _WIDE}
    last, most = sampling.steps, len(model.schedule)
    controls = Controls(
        action=widgets.Dropdown(description="action", **narrow),
        subject=widgets.Dropdown(description="subject", **narrow),
        camera=widgets.Dropdown(description="camera", **narrow),
        frame=widgets.IntSlider(description="frame", max=0, **wide),
        play=widgets.Play(interval=300, max=0),
        hypotheses=_slider("hypoth. H", HYPOTHESES, sampling.hypotheses),
        steps=_slider("steps K", (k for k in STEPS if k <= most), sampling.steps),
        spacing=_chooser("spacing", model.schedule.spacings, sampling.spacing),
        start=_chooser(
            "start",
            [NOISE, *(t for t in STARTS if t < most)],
            NOISE if sampling.start is None else sampling.start,
        ),
        solver=_chooser("solver", model.solvers(0.0, torch.randn_like), sampling.solver),
        eta=widgets.FloatSlider(
            description="η", min=0, max=1, step=0.1, value=sampling.eta, **narrow
        ),
        widen=widgets.FloatSlider(
            description="widen",
            min=0,
            max=max(4.0, sampling.widen),
            step=0.001,  # browsers round to it, and a fitted factor has three digits
            value=sampling.widen,
            readout_format=".2f",
            **narrow,
        ),
        flip=widgets.Checkbox(
            description="mirrored pass",
            value=sampling.flip_test,
            indent=False,
            layout={"width": "130px"},
        ),
        seed=widgets.BoundedIntText(description="seed", min=0, max=2**31 - 1, value=seed, **narrow),
        step=widgets.IntSlider(description="show step", min=1, max=last, value=last, **wide),
        answer=_chooser("answer", ANSWERS, ANSWERS[0]),
    )
    _connect(controls)
    return controls


def _slider(name: str, values: Iterable[int], value: int) -> widgets.SelectionSlider:
    options = sorted({*values, value})
    return widgets.SelectionSlider(
        options=options, value=value, description=name, style=_STYLE, layout=_WIDE
    )


def _chooser(name: str, values: Iterable, value) -> widgets.Dropdown:
    options = [(_label(option), option) for option in dict.fromkeys([*values, value])]
    return widgets.Dropdown(
        options=options, value=value, description=name, style=_STYLE, layout=_NARROW
    )


def _label(option: str | int | tuple[int, ...]) -> str:
    if isinstance(option, int):
        return f"pose, t = {option}"
    return option if isinstance(option, str) else ", ".join(map(str, option))


def _connect(c: Controls) -> None:
    """Controls that move or hold others."""
    widgets.link((c.play, "value"), (c.frame, "value"))

    def show_last(change=None) -> None:  # unless an earlier step was picked
        at_the_end = c.step.value == c.step.max
        c.step.max = c.steps.value
        if at_the_end:
            c.step.value = c.step.max

    def hold_steps(change=None) -> None:  # times that are given have a number
        c.steps.disabled = not isinstance(c.spacing.value, str)
        if c.steps.disabled:
            c.steps.value = len(c.spacing.value)

    def hold_eta(change=None) -> None:  # it belongs to ddim alone
        c.eta.disabled = c.solver.value != "ddim"
        if c.eta.disabled:
            c.eta.value = 0.0

    c.steps.observe(show_last, "value")
    c.spacing.observe(hold_steps, "value")
    c.solver.observe(hold_eta, "value")
    hold_steps()
    hold_eta()

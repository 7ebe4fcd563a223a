"""The explorer's sliders and choosers."""

from collections.abc import Iterable
from types import SimpleNamespace

import ipywidgets as widgets

from ..model import Sampling
from ..scores import ANSWERS

STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 50, 100, 200)
HYPOTHESES = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100, 200)
SPACINGS = ("quadratic", "linear", "log-snr")
_WIDE, _NARROW = (
    {"width": "250px"},
    {"width": "190px"},
)  # four controls in a row of a notebook on a small screen


def explorer_controls(sampling: Sampling, seed: int, *, most: int) -> SimpleNamespace:
    """The widgets by name, with the settings of sampling (steps up to most) to begin with.

    Steps and hypotheses go up like a logarithm; a value in between that was asked for is put in.
    Raises ValueError for values out of range.
    """

    hypotheses, steps = sampling.hypotheses, sampling.steps
    style = {"description_width": "76px"}

    def slider(values: Iterable[int], value: int, name: str) -> widgets.SelectionSlider:
        return widgets.SelectionSlider(
            options=sorted({*values, value}),
            value=value,
            description=name,
            style=style,
            layout=_WIDE,
        )

    def chooser(options: Iterable[str], name: str) -> widgets.Dropdown:
        return widgets.Dropdown(
            options=list(options), description=name, style=style, layout=_NARROW
        )

    if not (1 <= steps <= most and 1 <= hypotheses <= HYPOTHESES[-1]):
        raise ValueError(
            f"steps must lie between 1 and {most}, hypotheses between 1 and {HYPOTHESES[-1]}; got "
            f"{steps} and {hypotheses}"
        )
    frame = widgets.IntSlider(description="frame", max=0, style=style, layout=_WIDE)
    play = widgets.Play(interval=300, max=0)
    widgets.link((play, "value"), (frame, "value"))
    scrub = widgets.IntSlider(
        description="show step", min=1, max=steps, value=steps, style=style, layout=_WIDE
    )
    many = slider((k for k in STEPS if k <= most), steps, "steps K")

    def follow(change) -> None:  # the last step is shown unless an earlier one was picked
        at_the_end = scrub.value == scrub.max
        scrub.max = change["new"]
        if at_the_end:
            scrub.value = scrub.max

    many.observe(follow, "value")
    return SimpleNamespace(
        action=chooser((), "action"),
        subject=chooser((), "subject"),
        camera=chooser((), "camera"),
        answer=chooser(ANSWERS, "answer"),
        steps=many,
        hypotheses=slider(HYPOTHESES, hypotheses, "hypoth. H"),
        spacing=chooser(SPACINGS, "spacing"),
        eta=widgets.FloatSlider(
            description="η", min=0, max=1, step=0.1, value=0, style=style, layout=_NARROW
        ),
        frame=frame,
        play=play,
        step=scrub,
        seed=widgets.BoundedIntText(
            description="seed", min=0, max=2**31 - 1, value=seed, style=style, layout=_NARROW
        ),
        flip=widgets.Checkbox(
            description="mirrored pass", value=True, indent=False, layout={"width": "130px"}
        ),
    )

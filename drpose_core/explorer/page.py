"""The explorer without a kernel: one self-contained page with sliders over precomputed views."""

import html
import json
from collections.abc import Callable
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from ..support import written_whole
from .samples import Samples, Shown, Wish

PAGE_FRAMES, PAGE_STEPS, PAGE_HYPOTHESES = 10, (1, 2, 4, 8, 16), (1, 5, 10, 20)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>@title@</title><style>
body { font: 14px Arial, sans-serif; margin: 12px auto; max-width: 1240px; padding: 0 12px;
  background: #fff; color: #222 }
label { display: inline-block; margin-right: 28px }
input { width: 220px; vertical-align: middle }
output { display: inline-block; min-width: 2.5em }
td { padding: 2px 18px 2px 0 }
@media (prefers-color-scheme: dark) {
  body { background: #111; color: #ddd; color-scheme: dark }
  #figure { border-radius: 8px; overflow: hidden }
}
</style></head><body>
<div id="sliders"></div><div id="readout"></div><div id="figure"></div>
<p>Computed beforehand with drpose; needs no network. Drag to turn the view, click in the legend to
show or hide a layer.
Oracles are picked using the ground truth.</p>
<script>@plotly@</script>
<script>
const figure = @figure@, sliders = @sliders@, cells = @cells@, readouts = @readouts@,
layers = @layers@;
const at = sliders.map(s => s.start), div = document.getElementById("figure");
function cell() { return sliders.reduce((n, s, i) => n * s.values.length + at[i], 0); }
function show() {
  const view = cells[cell()], axes = ["x", "y", "z"], update = {};
  for (const a of axes) update[a] = view.map(layer => layer[a]);
  document.getElementById("readout").innerHTML = readouts[cell()];
  return Plotly.restyle(div, update, layers);
}
sliders.forEach((s, i) => {
  const label = document.createElement("label"), input = document.createElement("input"),
  out = document.createElement("output");
  Object.assign(input, {type: "range", min: 0, max: s.values.length - 1, value: s.start, step: 1});
  input.setAttribute("aria-label", s.name);
  out.textContent = s.values[s.start];
  input.addEventListener("input",
  () => { at[i] = +input.value; out.textContent = s.values[at[i]]; show(); });
  label.append(s.name + " ", input, " ", out);
  document.getElementById("sliders").append(label);
});
Plotly.newPlot(div, figure.data, figure.layout, {responsive: true, displaylogo: false}).then(show);
</script></body></html>
"""


def save_page(
    path: str | Path,
    figure: go.Figure,
    samples: Samples,
    wish: Wish,
    rows: list[int],
    drawn: Callable[[Shown], tuple[dict, str]],
) -> Path:
    """Sample what sliders over rows, PAGE_STEPS and PAGE_HYPOTHESES show, and write the page.

    All other settings are those of wish, whose row is among rows. drawn: a sample's view and
    readout.
    """
    how = wish.sampling
    most = samples.most if how.start is None else how.start + 1
    all_steps = [k for k in PAGE_STEPS if k <= most]
    if not isinstance(how.spacing, str):
        all_steps = [how.steps]
    cells = []
    for row, k in product(rows, all_steps):
        shown = {}
        for many in sorted(PAGE_HYPOTHESES, reverse=True):  # fewer are the first of these
            one = Wish(row, how.but(steps=k, hypotheses=many), wish.seed, step=k)
            shown[many] = samples.take(one)
        cells += [drawn(shown[many]) for many in PAGE_HYPOTHESES]
    names = [f"{int(samples.poses.frame[row])}" for row in rows]
    sliders = {"frame": names, "steps K": all_steps, "hypotheses H": PAGE_HYPOTHESES}
    start = [
        rows.index(wish.row),
        nearest(all_steps, how.steps),
        nearest(PAGE_HYPOTHESES, how.hypotheses),
    ]
    return write_page(Path(path), figure, sliders, cells, start=start)


def write_page(
    path: Path,
    figure: go.Figure,
    sliders: dict[str, list],
    cells: list[tuple[dict, str]],
    *,
    start: list[int],
) -> Path:
    """Write the page. sliders: values by name. cells: one (view, readout in HTML) for every
    combination of the values; the last slider changes fastest.

    Traces of figure that have the name of a view's layer follow the sliders; others do not change.
    start: the first position of each slider.
    """
    if prod(len(values) for values in sliders.values()) != len(cells):
        raise ValueError(
            f"one view for each of {list(product(*map(len, sliders.values())))} is needed, got "
            f"{len(cells)}"
        )
    moving = [
        (number, trace.name)
        for number, trace in enumerate(figure.data)
        if trace.name in cells[0][0]
    ]
    empty = json.loads(figure.to_json())
    for number, _ in moving:
        for axis in "xyz":
            empty["data"][number].pop(axis, None)
    views = [
        [{axis: _plain(values) for axis, values in view[name].items()} for _, name in moving]
        for view, _ in cells
    ]
    parts = {
        "title": html.escape(figure.layout.title.text or "Hypotheses"),
        "plotly": get_plotlyjs(),
        "figure": _script(empty),
        "sliders": _script(
            [
                {"name": name, "values": list(values), "start": at}
                for (name, values), at in zip(sliders.items(), start)
            ]
        ),
        "cells": _script(views),
        "readouts": _script([readout for _, readout in cells]),
        "layers": _script([number for number, _ in moving]),
    }
    page = _PAGE
    # plotly's code last: it may hold any of the marks
    for name in ("title", "figure", "sliders", "cells", "readouts", "layers", "plotly"):
        page = page.replace(f"@{name}@", parts[name], 1)
    with written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _plain(values) -> list:
    """Numbers to the millimetre (space) or a two-thousandth of the screen; gaps become null."""
    if isinstance(values, list):
        return values
    return [None if np.isnan(v) else round(float(v), 4) for v in np.asarray(values, dtype=float)]


def _script(value) -> str:
    """JSON that can stand inside a script element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def nearest(values: list[int] | tuple[int, ...], value: int) -> int:
    """The position of the nearest of the values."""
    return min(range(len(values)), key=lambda n: abs(values[n] - value))

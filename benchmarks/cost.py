"""How the time of sampling and of evaluation grows with the work: pictures B, hypotheses H, steps
K, poses N.

python benchmarks/cost.py

From a small job, one number at a time is doubled; medians of ROUNDS rounds, in turn. The slope is
that of a straight line through the logarithms: 1 is linear, below 1 means that small jobs cost more
for each unit. Writes output/cost.html, a figure.
"""

import platform
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
import tyro
from sampling import seconds
from tqdm import tqdm

import drpose_core as dr
from drpose_core.output.report import markdown

ROUNDS = 3
BASE = {"pictures B": 8, "hypotheses H": 5, "steps K": 4}
DOUBLED = 5  # times
POSES = 16  # of the smallest evaluation, with one hypothesis in one step


def main(device: str = "cpu", out: Path = Path("output/cost.html")) -> None:
    """Print the table and write the figure."""
    on = dr.device(device)
    model = dr.load_checkpoint(dr.weights.DEFAULT, on)
    most = max(BASE["pictures B"], POSES) * 2**DOUBLED
    test = dr.synthetic_poses("test")[:most].to(on)

    def sample(b: int, h: int, k: int):
        dr.sample_poses(model, test.observed[:b], hypotheses=h, steps=k)

    def evaluate(n: int):
        dr.evaluate(model, test[:n], hypotheses=1, steps=1)

    jobs = []
    for name, start in BASE.items():
        for size in (start * 2**n for n in range(DOUBLED + 1)):
            b, h, k = (BASE | {name: size}).values()
            jobs.append((name, size, lambda b=b, h=h, k=k: sample(b, h, k)))
    for n in (POSES * 2**n for n in range(DOUBLED + 1)):
        jobs.append(("poses N, evaluated", n, lambda n=n: evaluate(n)))
    jobs[0][2]()  # warms up
    took = [[seconds(work, on) for *_, work in jobs] for _ in tqdm(range(ROUNDS), "rounds")]
    rows = [
        {"of": name, "number": size, "ms": 1000 * median(each)}
        for (name, size, _), each in zip(jobs, zip(*took))
    ]
    table = pd.DataFrame(rows)
    slopes = []
    for name, part in table.groupby("of", sort=False):
        last = np.log(part.ms.iloc[-1] / part.ms.iloc[-2]) / np.log(2)
        cells = {str(n): f"{ms:.0f}" for n, ms in zip(part.number, part.ms)}
        row = {"of": name, "ms at": cells, "slope": slope(part), "of the last doubling": last}
        slopes.append(row)
    out = dr.project_root() / out
    out.parent.mkdir(exist_ok=True)
    figure(table).write_html(out, include_plotlyjs=True)
    where = (
        f"{platform.machine()}, {torch.get_num_threads()} threads" if on.type == "cpu" else "GPU"
    )
    print(f"{where}, torch {torch.__version__}; from {BASE}, one number at a time\n")
    print(markdown(pd.DataFrame(slopes).round(2)))
    print(f"\nwritten to {out}")


def slope(part: pd.DataFrame) -> float:
    return np.polyfit(np.log(part.number), np.log(part.ms), 1)[0]


def figure(table: pd.DataFrame) -> go.Figure:
    """Milliseconds against numbers, both as logarithms; a line for each of the columns "of"."""
    shown = go.Figure()
    for name, part in table.groupby("of", sort=False):
        label = f"{name}: slope {slope(part):.2f}"
        shown.add_scatter(x=part.number, y=part.ms, name=label, line={"width": 3})
    ticks = [m * 10**n for n in range(5) for m in (1, 2, 5)]
    axis = {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,}" for tick in ticks]}
    return shown.update_layout(
        xaxis=axis | {"title": "number"},
        yaxis=axis | {"title": "milliseconds"},
        title="Time against work",
        template="plotly_white",
        font={"size": 14},
    )


if __name__ == "__main__":
    tyro.cli(main)

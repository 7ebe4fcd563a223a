"""An assessment as files: tables as CSV, one page of figures that needs no network, and a short
Markdown report that ties them together.
"""

from html import escape
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from .. import plots
from ..evaluation import Assessment
from ..scores import ORACLES, paper_table, table
from ..support import versions, written_whole

NAMES = {
    "initial": "initial pose", "p_avg": "mean", "median": "median", "medoid": "medoid",
    "jpma": "JPMA", "weighted": "weighted",
    "p_best": "best (oracle)", "j_best": "best by joint (oracle)",
    "j_avg": "JPMA, true root (half oracle)",
}  # fmt: skip
EXPLAINED = (
    "The mean, the median of each coordinate, the medoid (the hypothesis nearest to all others); "
    "JPMA (each joint from the hypothesis that "
    "reprojects nearest) and weighted (mean of the five nearest) estimate where the root stands."
)


def write_report(
    folder: Path,
    found: Assessment,
    *,
    command: str,
    facts: dict[str, str],
    source: str,
    parquet: bool = False,
) -> Path:
    """Write the tables of an assessment as CSV (scores also as Parquet), figures.html and
    report.md; returns the report.

    facts: lines of the report's head (device, checkpoint, settings). Each file appears whole or not
    at all.
    """
    for name in ("scores", "joints", "calibration", "dispersion", "summary"):
        frame = getattr(found, name)
        _write(folder / f"{name}.csv", frame.to_csv(index=False))
    if parquet:
        with written_whole(folder / "scores.parquet") as temporary:
            found.scores.to_parquet(temporary, index=False)
    _write(folder / "figures.html", _page(figures(found, source), command))
    _write(folder / "report.md", _report(found, command, facts, source))
    return folder / "report.md"


def figures(found: Assessment, source: str) -> list[go.Figure]:
    """A figure for each table: errors by score, by action and by joint, over the steps,
    calibration.
    """
    scores = found.scores[found.scores.protocol == "MPJPE"]
    shown = ["initial", "p_avg", "p_best"]
    wide, aligned = (
        part[part.step.isin([0, part.step.max()])].pivot(
            index="action", columns="score", values="error_mm"
        )
        for part in (scores, found.scores[found.scores.protocol == "P-MPJPE"])
    )
    glance = table(found.scores)
    by_joint = {
        "initial pose": found.joints.initial_mm,
        "mean": found.joints.mean_mm,
        "spread": found.joints.spread_mm,
    }
    bars = {protocol: glance[protocol].tolist() for protocol in ("MPJPE", "P-MPJPE")}
    result = [
        plots.joint_error_figure(
            bars,
            [NAMES[n] for n in glance.index],
            title="Error by score (mean over actions, last step)",
            source=source,
        ),
        plots.joint_error_figure(
            {NAMES[n]: wide[n] for n in shown}, wide.index, title="MPJPE by action", source=source
        ),
        *(
            plots.heat_figure(
                part[list(NAMES)].rename(columns=NAMES).T,
                title=f"{name} by action, all scores (mm)",
                source=source,
            )
            for name, part in (("MPJPE", wide), ("P-MPJPE", aligned))
        ),
        plots.joint_error_figure(
            by_joint, found.joints.joint, title="MPJPE and spread by joint", source=source
        ),
        plots.calibration_figure(found.calibration, title="Calibration", source=source),
        plots.dispersion_figure(found.dispersion, title="Error against spread", source=source),
    ]
    steps = (
        scores[scores.score.isin(["p_avg", "p_best", "j_best"])]
        .groupby(["step", "score"], sort=False)
        .error_mm.mean()
        .reset_index()
    )
    if steps.step.nunique() > 1:
        steps["score"] = steps.score.map(NAMES)
        curve = plots.curve_figure(
            steps,
            "step",
            "error_mm",
            color="score",
            title="MPJPE by step (mean over actions)",
            source=source,
        )
        result.append(curve.update_xaxes(tickformat="d", dtick=max(1, steps.step.max() // 20)))
    return result


def _report(found: Assessment, command: str, facts: dict[str, str], source: str) -> str:
    glance = table(found.scores)
    frames = table(found.scores, over="frames")
    honest, oracles = (
        [n for n in glance.index if (n in ORACLES) == oracle] for oracle in (False, True)
    )
    head = {
        "poses": f"{source}: {int(found.scores.groupby('action').poses.first().sum()):,}"
    } | facts
    head["versions"] = ", ".join(f"{name} {number}" for name, number in versions().items())

    def errors(names: list[str]) -> str:
        rows = [
            [NAMES[n], *(x.loc[n, p] for x in (glance, frames) for p in ("MPJPE", "P-MPJPE"))]
            for n in names
        ]
        columns = [
            "",
            "MPJPE, mean over actions",
            "P-MPJPE, mean over actions",
            "MPJPE, mean over frames",
            "P-MPJPE, mean over frames",
        ]
        return markdown(pd.DataFrame(rows, columns=columns))

    paper = paper_table(found.scores).reset_index()
    paper["score"] = paper["score"].map(NAMES)
    return "\n\n".join(
        [
            "# Evaluation",
            f"    {command}",
            "\n".join(f"- {name}: {value}" for name, value in head.items()),
            "Errors in mm, joint 0 at the origin, at the last step. Figures: "
            "[figures.html](figures.html).",
            "## Answers\n\nPoses that one gets from the picture alone. "
            f"{EXPLAINED}\n\n{errors(honest)}",
            "## Oracles\n\nThe truth had a hand in choosing these; they say how good the set of "
            "hypotheses is.\n\n" + errors(oracles),
            "## Spread, calibration, symmetry\n\n" + markdown(found.summary.round(3)),
            "## By joint\n\n" + markdown(found.joints),
            "## Error against spread\n\n" + markdown(found.dispersion.round(2)),
            "## The published layout\n\nFor comparison with papers only: each row but the first of "
            "a protocol takes the step with the lowest "
            "*test* error.\n\n" + markdown(paper),
        ]
    )  # fmt: skip


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, numbers to one digit (whole ones as they are)."""

    def cell(value) -> str:
        if isinstance(value, float):
            return f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"
        return str(value)

    rows = [
        [str(c) for c in frame.columns],
        ["---"] * len(frame.columns),
        *([cell(v) for v in row] for row in frame.itertuples(index=False)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _page(all_figures: list[go.Figure], command: str) -> str:
    parts = [figure.to_html(full_html=False, include_plotlyjs=False) for figure in all_figures]
    style = "body{max-width:1150px;margin:auto;background:#fff;font-family:Arial,sans-serif}"
    head = '<meta charset="utf-8"><title>drpose evaluation</title>'
    head += f"<style>{style}</style><script>{get_plotlyjs()}</script>"
    body = f"<pre>{escape(command)}</pre>{''.join(parts)}"
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""From the hypotheses shown to what is drawn and written about them: answers, reprojections,
errors.
"""

from dataclasses import dataclass, replace

import torch

from ..cameras import estimate_root, project
from ..scores import aggregate, energy_score, hypothesis_errors, more_central, mpjpe
from .figure import explorer_view
from .samples import Samples, Shown

TRAIL = 12  # frames


@dataclass(frozen=True)
class Picked:
    """What is highlighted in all views."""

    hypothesis: int | None = None  # its number
    joint: int | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """Single poses (J, 3) that are drawn beside the hypotheses, metres, joint 0 at the origin."""

    answer: torch.Tensor  # chosen by aggregate
    initial: torch.Tensor  # the initial pose, averaged with the mirrored one as in sampling
    # with a ground truth: itself, and the hypothesis with the least MPJPE to it (an oracle)
    truth: torch.Tensor | None = None
    best: torch.Tensor | None = None


def answers(shown: Shown, how: str) -> Answers:
    """The single poses to draw beside the hypotheses; how is an argument of aggregate."""
    one, hypotheses = shown.pose, shown.hypotheses
    answer = aggregate(hypotheses[None], how, kp2d=one.kp2d, intrinsics=one.intrinsics)[0]
    initial = one.initial_pose(flip_test=shown.wish.sampling.flip_test)[0]
    if not one.has_truth:
        return Answers(answer, initial)
    best = hypotheses[mpjpe(hypotheses, one.pose3d).argmin()]
    return Answers(answer, initial, one.pose3d[0], best)


def view(shown: Shown, poses: Answers, picked: Picked, trail: torch.Tensor | None = None) -> dict:
    """The data of all layers of the figure (explorer_view)."""
    one, hypotheses = shown.pose, shown.hypotheses
    root = estimate_root(hypotheses[None], one.kp2d[:, None], one.intrinsics)
    reprojected = project(hypotheses[None] + root[:, :, None], one.intrinsics)[0]
    return explorer_view(
        one.kp2d[0],
        hypotheses,
        reprojected,
        answer=poses.answer,
        initial=poses.initial,
        truth=poses.truth,
        best=poses.best,
        picked=picked.hypothesis,
        joint=picked.joint,
        trail=trail,
    )


def trail(
    samples: Samples, shown: Shown, rows: list[int], joint: int | None
) -> torch.Tensor | None:
    """Where a joint was in the TRAIL frames before the one shown, as far as they are kept: (T, H,
    3), the frame shown last; None without a joint. rows: those that play, in order.
    """
    if joint is None:
        return None
    place, found = rows.index(shown.wish.row), [shown.hypotheses]
    recording = samples.poses.sequence
    for row in reversed(rows[max(0, place - TRAIL) : place]):
        before = samples.known(replace(shown.wish, row=row))
        if before is None or recording[row] != recording[shown.wish.row]:
            break
        found.append(before)
    return torch.stack(found[::-1])[:, :, joint]


def readout(shown: Shown, poses: Answers, answer: str) -> str:
    """Errors and spread of the hypotheses shown, in mm, as an HTML table with oracles marked;
    without a ground truth, only the spread. answer: the name of the answer.
    """
    hypotheses = shown.hypotheses
    spread = hypotheses.std(0, correction=0).norm(dim=-1).mean()
    cells = [("spread of the hypotheses", spread)]
    outside = ""
    if poses.truth is not None:
        oracles = hypothesis_errors(hypotheses, poses.truth)
        nearer = int(more_central(hypotheses[None], poses.truth[None]))
        outside = _cell("more central than the ground truth", f"{nearer} of {len(hypotheses)}")
        cells = [
            ("initial pose", mpjpe(poses.initial, poses.truth)),
            (f"answer: {answer}", mpjpe(poses.answer, poses.truth)),
            ("best hypothesis <i>(oracle)</i>", oracles["p_best"]),
            ("best joint by joint <i>(oracle)</i>", oracles["j_best"]),
            ("energy score", energy_score(hypotheses, poses.truth)),
            *cells,
        ]
    text = "".join(_cell(name, f"{1000 * float(value):.1f} mm") for name, value in cells)
    return f"<table><tr>{text}{outside}</tr></table>"


def _cell(name: str, value: str) -> str:
    return f"<td style='padding:2px 18px 2px 0'>{name}<br><b>{value}</b></td>"

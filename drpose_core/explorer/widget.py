"""Hypotheses under your hands: widgets around sampling and plots, for a notebook. No maths here.

explorer = HypothesisExplorer(model, poses)   # the last line of a cell shows it
explorer.controls.hypotheses.value = 50       # what the sliders do, from a cell
explorer.hypotheses                           # (H, J, 3), what is shown
"""

import html
import threading
import time
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import ipywidgets as widgets
import plotly.graph_objects as go
import torch

from ..cameras import estimate_root, project
from ..data import PoseSet
from ..model import DRPose, Sampling, with_initial_poses
from ..sampling import sampling_chain
from ..scores import aggregate, hypothesis_errors, mpjpe
from ..skeleton import flip
from ..support import per_hypothesis
from .controls import explorer_controls
from .figure import clicked, explorer_figure, explorer_view, fit_axes
from .page import write_page

CLICKABLE = (
    "hypotheses",
    "reprojections",
    "2D input, left",
    "2D input, right",
    "2D input, middle",
    "error of the answer",
    "spread",
)
PATIENCE = 0.5  # seconds that an overtaken chain may still take
KEPT = 50_000_000  # numbers of sampled poses in memory, 200 MB
PAGE_FRAMES, PAGE_STEPS, PAGE_HYPOTHESES = 10, (1, 2, 4, 8, 16), (1, 5, 10, 20)


class HypothesisExplorer(widgets.VBox):
    """Sliders for steps, hypotheses, frames and noise; the hypotheses in space and over the 2D
    input; error and spread by joint.

    model samples for poses (a PoseSet; its truth is shown where it has one: a set without has
    pose3d all zero). What is drawn is kept: a frame, a number of steps or fewer hypotheses seen
    before do not sample again. Sampling runs in a thread of its own and drops what a newer wish has
    overtaken; reading a property waits for it.

    figure: a plotly FigureWidget like any other. controls: the widgets by name. poses: the PoseSet
    of the frame shown. samples (K, 1, H, J, 3): clean estimates of all steps, as sample_poses gives
    them with hypothesis_generators(seed, H). hypotheses (H, J, 3): those of the step shown, the
    last unless scrubbed. steps: the times of the K steps.
    """

    def __init__(
        self,
        model: DRPose,
        poses: PoseSet,
        sampling: Sampling | None = None,
        *,
        seed: int = 0,
        **overrides,
    ):
        how = (sampling or model.sampling).but(**overrides)
        if not len(poses):
            raise ValueError("nothing to explore: the set of poses is empty")
        self._model, self._all, self._how = model, poses, how
        self._names = [
            (poses.actions[a], poses.takes[s].subject, poses.takes[s].camera)
            for a, s in zip(poses.action.tolist(), poses.sequence.tolist())
        ]
        self._kept: OrderedDict[tuple, torch.Tensor] = OrderedDict()
        self._initial: dict[tuple[int, int], torch.Tensor] = {}
        self._version = [0] * len(poses)  # of each row, see replace
        self._picked: dict[str, int | None] = {"picked": None, "joint": None}
        self._sampling = threading.RLock()
        self._change, self._wish, self._done, self._worker, self._error = (
            threading.Condition(),
            0,
            0,
            None,
            None,
        )
        self.controls = c = explorer_controls(how, seed, most=len(model.schedule))
        self._readout, self._status = widgets.HTML(), widgets.HTML("&nbsp;")
        c.action.options = list(dict.fromkeys(action for action, *_ in self._names))
        c.action.value = c.action.options[0]
        self._fitted, self._choosing = None, False
        self._choose("action")
        self._shown = self._sampled(None)
        self._truth = poses.has_truth
        # Axes before the widget: what changes in its layout before a page is connected (Voila runs
        # a notebook first) never arrives there.
        figure = explorer_figure(self._view(self._shown), title=self._title(), source=poses.source)
        self.figure = go.FigureWidget(self._fit(figure, self._shown.rows))
        self.figure._config = {"responsive": True, "displaylogo": False}
        self._traces = {trace.name: trace for trace in self.figure.data}
        self._draw()
        self._listen()
        rows = [
            [c.action, c.subject, c.camera, c.answer],
            [c.steps, c.hypotheses, c.eta],
            [c.frame, c.step, c.play],
            [c.spacing, c.seed, c.flip],
        ]
        wrap = widgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                *(widgets.HBox(row, layout=wrap) for row in rows),
                self._status,
                self.figure,
                self._readout,
            ]
        )

    # --- what the next cell may read

    @property
    def poses(self) -> PoseSet:
        return self._all[self._settled().row]

    @property
    def samples(self) -> torch.Tensor:
        return self._settled().samples[:, None].clone()

    @property
    def hypotheses(self) -> torch.Tensor:
        return _hypotheses(self._settled()).clone()

    @property
    def steps(self) -> list[int]:
        return self._settled().times

    def replace(self, poses: PoseSet) -> None:
        """Other poses in the place of these, row for row, as where keypoints are moved by hand;
        unchanged rows keep their samples.
        """
        poses = poses.to(self._all.device)
        if (
            len(poses) != len(self._all)
            or poses.sequences != self._all.sequences
            or not torch.equal(poses.frame, self._all.frame)
        ):
            raise ValueError(
                f"the explorer holds {len(self._all)} poses: in their place it takes as many, of "
                "the same sequences and frames"
            )
        changed = (poses.kp2d != self._all.kp2d).flatten(1).any(1) | (
            poses.intrinsics != self._all.intrinsics
        ).any(1)
        self._all = (
            poses  # before the versions: a thread that sees a new version must find its poses
        )
        for row in changed.nonzero().flatten().tolist():
            self._version[row] += 1
            self._initial.pop((row, self._version[row] - 1), None)
        self._ask()

    def save_html(self, path: str | Path, *, frames: int = PAGE_FRAMES) -> Path:
        """One self-contained page, for a browser without kernel and network: frames of this
        sequence from the one shown on, with sliders.

        Steps and hypotheses are those of PAGE_STEPS and PAGE_HYPOTHESES, each shown at its last
        step; the rest stands as it does here.
        """
        if frames < 1:
            raise ValueError(f"a page needs at least 1 frame, got {frames}")
        before, cells = self._settled(), []
        c, rows, all_steps = (
            self.controls,
            before.rows,
            [k for k in PAGE_STEPS if k <= len(self._model.schedule)],
        )
        first = min(rows.index(before.row), max(0, len(rows) - frames))
        chosen = rows[first : first + frames]
        for row in chosen:
            for steps in all_steps:
                self._sampled(
                    None, row=row, steps=steps, hypotheses=max(PAGE_HYPOTHESES)
                )  # fewer are the first of these
                for hypotheses in PAGE_HYPOTHESES:
                    shown = self._sampled(None, row=row, steps=steps, hypotheses=hypotheses)
                    cells.append((self._view(shown), self._table(shown)))
        names = [f"{int(self._all.frame[row])}" for row in chosen]
        sliders = {"frame": names, "steps K": all_steps, "hypotheses H": PAGE_HYPOTHESES}
        figure = go.Figure(self.figure.to_dict())

        def nearest(values, value):
            return min(range(len(values)), key=lambda n: abs(values[n] - value))

        start = [
            chosen.index(before.row),
            nearest(all_steps, c.steps.value),
            nearest(PAGE_HYPOTHESES, c.hypotheses.value),
        ]
        return write_page(Path(path), figure, sliders, cells, start=start)

    # --- choosing

    def _choose(self, changed: str) -> None:
        """Options that exist together, then the frames that they leave."""
        if self._choosing:  # an option set below, not by hand
            return
        self._choosing, c = True, self.controls
        order = ("action", "subject", "camera")
        chosen = [getattr(c, name).value for name in order]
        for level in range(order.index(changed) + 1, len(order)):
            widget = getattr(c, order[level])
            fits = [names for names in self._names if list(names[:level]) == chosen[:level]]
            options, before = list(dict.fromkeys(names[level] for names in fits)), widget.value
            widget.options = options
            widget.value = chosen[level] = before if before in options else options[0]
        rows = [row for row, names in enumerate(self._names) if list(names) == chosen]
        self._rows = sorted(
            rows, key=lambda row: (int(self._all.sequence[row]), int(self._all.frame[row]))
        )
        c.frame.max = c.play.max = len(self._rows) - 1
        c.frame.value = min(c.frame.value, c.frame.max)
        self._choosing = False

    def _listen(self) -> None:
        c = self.controls
        for name in ("action", "subject", "camera"):
            getattr(c, name).observe(
                lambda change, name=name: (self._choose(name), self._ask()), "value"
            )
        for name in (
            "steps",
            "hypotheses",
            "spacing",
            "eta",
            "frame",
            "step",
            "seed",
            "flip",
            "answer",
        ):
            getattr(c, name).observe(lambda change: self._ask(), "value")
        for name in CLICKABLE:
            self._traces[name].on_click(
                lambda trace, points, state: (
                    points.point_inds and self._pick(*clicked(trace.name, points.point_inds[0]))
                )
            )

    def _pick(self, hypothesis: int | None, joint: int) -> None:
        """Highlight what was clicked in all views; a second click takes it back."""
        wish = {"picked": hypothesis, "joint": joint}
        self._picked = {"picked": None, "joint": None} if wish == self._picked else wish
        self._ask()

    # --- one thread at a time samples and draws

    def _ask(self) -> None:
        with self._change:
            self._wish += 1
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while True:
            with self._change:
                if self._done == self._wish:
                    self._worker = None
                    self._change.notify_all()
                    return
                wish = self._wish
            try:
                shown = self._sampled(wish)
                if shown is not None:
                    self._shown = shown
                    self._draw()
                self._error = None
            except (
                Exception
            ) as error:  # a thread has nobody to raise to: it is shown, and raised at the next read
                self._error = error
                self._status.value = f"<span style='color:#D55E00'>{html.escape(str(error))}</span>"
            with self._change:
                self._done = wish

    def _settled(self) -> SimpleNamespace:
        """What is shown, once nothing is left to do."""
        with self._change:
            if threading.current_thread() is not self._worker:
                self._change.wait_for(lambda: self._worker is None)
        if self._error is not None:
            raise self._error
        return self._shown

    def _sampled(self, wish: int | None, **fixed) -> SimpleNamespace | None:
        with self._sampling:  # a page is saved from a cell while the sliders are moved by hand
            return self._sample(wish, **fixed)

    def _sample(self, wish: int | None, **fixed) -> SimpleNamespace | None:
        """Samples for the settings of now, as far as they are not kept; None if a newer wish came
        up on the way.
        """
        c = self.controls
        rows = self._rows
        row = fixed.get("row", rows[min(c.frame.value, len(rows) - 1)])
        steps, hypotheses = (
            fixed.get("steps", c.steps.value),
            fixed.get("hypotheses", c.hypotheses.value),
        )
        chain = {"spacing": c.spacing.value, "eta": c.eta.value}
        seed, flip_test = c.seed.value, c.flip.value  # read once: a hand may move them meanwhile
        key = (row, self._version[row], steps, *chain.values(), seed, flip_test)
        kept = self._kept.get(key)
        begun, have = time.perf_counter(), 0 if kept is None else kept.shape[1]
        if have < hypotheses:
            more = []
            how = self._how.but(hypotheses=hypotheses, steps=steps, flip_test=flip_test, **chain)
            for step in sampling_chain(
                self._model,
                self._all[row].kp2d,
                how,
                noise=per_hypothesis(seed),
                initial=self._initial_of(row),
                rows=[row],
                first=have,
            ):
                taken = time.perf_counter() - begun
                # What is nearly done is finished: while a slider is dragged or frames play,
                # something must be seen.
                if (
                    wish is not None
                    and wish != self._wish
                    and taken * (steps / step.k - 1) > PATIENCE
                ):
                    return None
                if wish is not None and taken > 0.3:
                    self._status.value = (
                        f"computing: step {step.k} of {steps}, {hypotheses - have} hypotheses"
                    )
                more.append(step.x0[0].cpu())
            more = torch.stack(more)
            more[..., 0, :] = 0
            kept = more if kept is None else torch.cat([kept, more], dim=1)
            self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(x.numel() for x in self._kept.values()) > KEPT:
            self._kept.popitem(last=False)
        times = self._model.schedule.timesteps(steps, chain["spacing"])[:-1]
        seconds = time.perf_counter() - begun if have < hypotheses else 0.0
        step = steps if fixed else min(c.step.value, steps)
        return SimpleNamespace(
            row=row,
            rows=rows,
            samples=kept[:, :hypotheses],
            step=step,
            times=times,
            seconds=seconds,
        )

    def _initial_of(self, row: int) -> torch.Tensor:
        key = row, self._version[row]
        if key not in self._initial:
            self._initial[key] = with_initial_poses(self._model, self._all[row]).initial
        return self._initial[key]

    # --- drawing

    def _answers(self, what: SimpleNamespace) -> dict[str, torch.Tensor]:
        """Poses (J, 3) by name:

        the answer chosen, the initial pose, and with a truth the best hypothesis, an oracle.
        """
        one, shown = self._all[what.row].to("cpu"), _hypotheses(what)
        both = self._initial_of(what.row).cpu()
        initial = (
            (both[0, 0] + flip(both[0, 1])) / 2 if self.controls.flip.value else both[0, 0].clone()
        )
        initial[0] = 0
        answer = aggregate(
            shown[None], self.controls.answer.value, kp2d=one.kp2d, intrinsics=one.intrinsics
        )[0]
        found = {"answer": answer, "initial": initial}
        if self._truth:
            found |= {"truth": one.pose3d[0], "best": shown[mpjpe(shown, one.pose3d).argmin()]}
        return found

    def _view(self, what: SimpleNamespace) -> dict:
        one, shown = self._all[what.row].to("cpu"), _hypotheses(what)
        root = estimate_root(shown[None], one.kp2d[:, None], one.intrinsics)
        reprojected = project(shown[None] + root[:, :, None], one.intrinsics)[0]
        return explorer_view(one.kp2d[0], shown, reprojected, **self._answers(what), **self._picked)

    def _table(self, what: SimpleNamespace) -> str:
        """Errors of what is shown in mm, oracles marked."""
        shown, answers = _hypotheses(what), self._answers(what)
        cells = [
            (
                "spread of the hypotheses",
                1000 * float(shown.std(0, correction=0).norm(dim=-1).mean()),
                "",
            )
        ]
        if self._truth:
            truth = answers["truth"]
            found = hypothesis_errors(shown, truth)
            errors = [
                ("initial pose", mpjpe(answers["initial"], truth), ""),
                (f"answer: {self.controls.answer.value}", mpjpe(answers["answer"], truth), ""),
            ]
            errors += [
                ("best hypothesis", found["p_best"], "oracle"),
                ("best joint by joint", found["j_best"], "oracle"),
            ]
            cells = [(name, 1000 * float(value), mark) for name, value, mark in errors] + cells
        text = "".join(
            "<td style='padding:2px 18px 2px "
            f"0'>{name}{' <i>(' + mark + ')</i>' if mark else ''}<br><b>{value:.1f} mm</b></td>"
            for name, value, mark in cells
        )
        return f"<table><tr>{text}</tr></table>"

    def _draw(self) -> None:
        view, title = self._view(self._shown), self._title()
        with self.figure.batch_update():
            for name, data in view.items():
                self._traces[name].update(data)
            self.figure.layout.title.text = title
            if self._fitted is not self._shown.rows:
                self._fit(self.figure, self._shown.rows)
        self._readout.value = self._table(self._shown)
        took = (
            f"sampled in {1000 * self._shown.seconds:.0f} ms"
            if self._shown.seconds
            else "seen before"
        )
        k = self._shown.step
        self._status.value = (
            f"step {k} of {len(self._shown.times)} (t = {self._shown.times[k - 1]}); {took}"
        )

    def _title(self) -> str:
        action, subject, camera = self._names[self._shown.row]
        return f"{action}, {subject}, camera {camera}"

    def _fit(self, figure: go.Figure, rows: list[int]) -> go.Figure:
        """Axes for a whole sequence, so that they stand still while it plays."""
        index = torch.tensor(rows, device=self._all.device)
        around = (
            self._all.pose3d[index]
            if self._truth
            else torch.cat([self._initial_of(row)[:, 0] for row in rows[:20]])
        )
        self._fitted = rows
        return fit_axes(figure, around, self._all.kp2d[index])


def _hypotheses(what: SimpleNamespace) -> torch.Tensor:
    """Those of the step shown, (H, J, 3)."""
    return what.samples[what.step - 1]

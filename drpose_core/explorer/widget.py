"""An interactive view of hypotheses for a notebook: sliders, a figure and a table of errors.

explorer = HypothesisExplorer(model, poses)   # the last line of a cell shows it
explorer.controls.hypotheses.value = 50       # a cell can move the sliders too
explorer.hypotheses                           # (H, J, 3), those shown

This file handles choices, clicks, drawing, and what other cells can read. samples.py samples and
caches, in the thread of worker.py; readout.py computes what is drawn.
"""

import html
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
import plotly.graph_objects as go
import torch

from ..data import PoseSet
from ..films import FilmDRPose
from ..model import DRPose
from ..settings import Sampling
from ..skeleton import JOINTS
from .chooser import LEVELS, Chooser
from .controls import explorer_controls
from .figure import CLICKABLE, bars_title, clicked, explorer_figure, fit_axes
from .film_samples import FilmSamples
from .page import PAGE_FRAMES, save_page
from .readout import Picked, answers, readout, trail, view
from .samples import Samples, Shown, Wish
from .worker import Worker

MOVERS = (
    "steps", "hypotheses", "spacing", "start", "solver", "eta", "flip", "seed", "frame", "step",
    "answer",
)  # fmt: skip


class HypothesisExplorer(widgets.VBox):
    """Sliders for frames and all settings of Sampling; hypotheses in 3D and over the 2D input;
    error and spread for each joint.

    model samples for poses, any PoseSet; without a ground truth (poses.has_truth) no errors are
    shown. sampling: the first settings; None takes the model's own (DRPose.sampling), and overrides
    change single settings, such as hypotheses=50. The noise is per_hypothesis(seed): with the same
    settings and seed, sample_poses and predict give the same hypotheses. With fps, the rate at
    which poses.frame counts, a film model samples a clip at a time, with the noise of sample_film
    (FilmSamples); without, every frame is a picture. Raises ValueError for an empty set and for
    settings that cannot be sampled or shown.

    Samples are cached: what was shown before is not sampled again. Sampling runs in its own thread,
    and a newer request replaces an older one. Reading a property waits for the thread and raises
    its error, if it failed. figure: a plotly FigureWidget like any other. controls: the widgets by
    name (Controls).
    """

    def __init__(
        self,
        model: DRPose,
        poses: PoseSet,
        sampling: Sampling | None = None,
        *,
        seed: int = 0,
        fps: float | None = None,
        **overrides,
    ):
        how = (sampling or model.sampling).but(**overrides)
        if not len(poses):
            raise ValueError("nothing to explore: the set of poses is empty")
        # Raises if there are no such times, before anything is built.
        model.schedule.timesteps(how.steps, how.spacing, start=how.start)
        self._samples = Samples(model, poses)
        if fps and isinstance(model, FilmDRPose):
            self._samples = FilmSamples(model, poses, fps=fps)
        self._worker = Worker(self._fulfil, self._failed, self._foresee)
        self.controls = explorer_controls(model, how, seed)
        self._chooser, self._picked = Chooser(poses, self.controls), Picked()
        self._readout, self._status = widgets.HTML(), widgets.HTML("&nbsp;")
        self._shown = self._samples.take(self._wish())
        self.figure = self._new_figure()
        self._traces = {trace.name: trace for trace in self.figure.data}
        self._draw()
        self._listen()
        wrap = widgets.Layout(flex_flow="row wrap")
        rows = [widgets.HBox(row, layout=wrap) for row in self.controls.rows()]
        super().__init__([*rows, self._status, self.figure, self._readout])

    # --- what the next cell may read

    @property
    def poses(self) -> PoseSet:
        """The pose shown, a set with N = 1."""
        return self._samples.poses[self._settled().wish.row]

    @property
    def samples(self) -> torch.Tensor:
        """(K, 1, H, J, 3), the clean estimates of all steps, as sample_poses returns them."""
        return self._settled().samples[:, None].clone()

    @property
    def hypotheses(self) -> torch.Tensor:
        """(H, J, 3), those of the step shown: the last step, unless another was chosen."""
        return self._settled().hypotheses.clone()

    @property
    def steps(self) -> list[int]:
        """The times of the K steps."""
        return self._settled().times

    def highlight(self, joint: str | None) -> None:
        """Highlight a joint in all views, with a trail of where it was in the frames before; None
        removes the highlight. A click on a joint does the same.
        """
        if joint is not None and joint not in JOINTS:
            raise ValueError(f"unknown joint {joint!r}: choose one of {', '.join(JOINTS)}")
        self._picked = Picked() if joint is None else Picked(None, JOINTS.index(joint))
        self._ask()

    def replace(self, poses: PoseSet) -> None:
        """Replace the poses by others, row for row, for example when keypoints are moved by hand.
        Rows that did not change keep their samples (of a film: clips).
        """
        now = self._samples.poses
        poses = poses.to(now.device)
        same = len(poses) == len(now) and poses.sequences == now.sequences
        if not (same and poses.sequence.equal(now.sequence) and poses.frame.equal(now.frame)):
            raise ValueError(
                f"the explorer holds {len(now)} poses: in their place it takes as many, of "
                "the same sequences and frames"
            )
        self._samples.poses = poses
        self._ask()

    def save_html(self, path: str | Path, *, frames: int = PAGE_FRAMES) -> Path:
        """Write one self-contained page that needs no kernel and no network: frames of this
        sequence, from the one shown, with sliders.

        The sliders for steps and hypotheses have the values PAGE_STEPS and PAGE_HYPOTHESES, each
        shown at its last step; if the times of the steps are given, they stay. All other settings
        are the present ones.
        """
        if frames < 1:
            raise ValueError(f"a page needs at least 1 frame, got {frames}")
        wish = self._settled().wish
        rows = self._chooser.beside(wish.row)
        first = min(rows.index(wish.row), max(0, len(rows) - frames))
        figure, chosen = go.Figure(self.figure.to_dict()), rows[first : first + frames]
        return save_page(path, figure, self._samples, wish, chosen, self._drawn)

    # --- listening

    def _listen(self) -> None:
        def choose(change) -> None:
            self._chooser.choose(named[change["owner"]])
            self._ask()

        named = {getattr(self.controls, name): name for name in LEVELS}
        for widget in named:
            widget.observe(choose, "value")
        for name in MOVERS:
            getattr(self.controls, name).observe(lambda change: self._ask(), "value")
        for name in CLICKABLE:
            self._traces[name].on_click(self._click)

    def _click(self, trace, points, state) -> None:
        if points.point_inds:
            self._pick(*clicked(trace.name, points.point_inds[0]))

    def _pick(self, hypothesis: int | None, joint: int) -> None:
        """Highlight a clicked joint or hypothesis in all views; a second click removes the
        highlight.
        """
        picked = Picked(hypothesis, joint)
        self._picked = Picked() if picked == self._picked else picked
        self._ask()

    # --- from the settings of now to what is shown

    def _wish(self) -> Wish:
        c, how = self.controls, self.controls.sampling()
        step = min(c.step.value, how.steps)
        return Wish(self._chooser.row(), how, seed=c.seed.value, step=step)

    def _ask(self) -> None:
        if not self._chooser.busy:  # choices that do not exist together yet
            self._worker.ask(self._wish())

    def _fulfil(self, wish: Wish, overtaken: Callable[[], bool]) -> None:
        shown = self._samples.take(wish, overtaken=overtaken, progress=self._progress)
        if shown is not None:
            self._shown = shown
            self._draw()

    def _foresee(self, wish: Wish, overtaken: Callable[[], bool]) -> None:
        """Sample the frames beside the one shown while the hand rests."""
        self._samples.sample_ahead(wish, self._chooser.near(wish.row), overtaken)

    def _progress(self, k: int, hypotheses: int) -> None:
        self._status.value = f"computing: step {k}, {hypotheses} hypotheses"

    def _failed(self, error: Exception) -> None:
        self._status.value = f"<span style='color:#D55E00'>{html.escape(str(error))}</span>"

    def _settled(self) -> Shown:
        """What is shown, once nothing is left to do."""
        self._worker.wait()
        return self._shown

    # --- drawing

    def _new_figure(self) -> go.FigureWidget:
        # Axes before the widget: what changes in its layout before a page is connected (Voila runs
        # a notebook first) never arrives there.
        data, source = self._drawn(self._shown)[0], self._samples.poses.source
        title = self._chooser.title(self._shown.wish.row)
        figure = go.FigureWidget(self._fit(explorer_figure(data, title=title, source=source)))
        figure._config = {"responsive": True, "displaylogo": False}
        return figure

    def _drawn(self, shown: Shown) -> tuple[dict, str]:
        """The view and the readout."""
        answer = self.controls.answer.value
        poses = answers(shown, answer)
        rows = self._chooser.beside(shown.wish.row)
        before = trail(self._samples, shown, rows, self._picked.joint)
        return view(shown, poses, self._picked, before), readout(shown, poses, answer)

    def _draw(self) -> None:
        shown = self._shown
        data, said = self._drawn(shown)
        with self.figure.batch_update():
            for name, values in data.items():
                self._traces[name].update(values)
            self.figure.layout.title.text = self._chooser.title(shown.wish.row)
            self.figure.layout.annotations[1].text = bars_title(data)
            if self._fitted is not self._chooser.beside(shown.wish.row):
                self._fit(self.figure)
        self._readout.value = said
        took = f"sampled in {1000 * shown.seconds:.0f} ms" if shown.seconds else "seen before"
        k = shown.wish.step
        self._status.value = f"step {k} of {len(shown.times)} (t = {shown.times[k - 1]}); {took}"

    def _fit(self, figure: go.Figure) -> go.Figure:
        """Axes for the whole sequence shown, so that they do not move while it plays."""
        self._fitted = rows = self._chooser.beside(self._shown.wish.row)
        poses = self._samples.poses[rows]
        around = poses.pose3d
        if not poses.has_truth:
            around = torch.cat([self._samples.pose(row).initial_pose() for row in rows[:20]])
        return fit_axes(figure, around, poses.kp2d)

"""What the explorer samples and keeps, without a widget: wishes, samples, and the thread between.

A Wish says what shall be shown. Samples fulfils it, as far as possible from what it kept. A Worker
does so in a thread of its own, where a newer wish overtakes those before it.
"""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import torch

from ..data import PoseSet
from ..model import DRPose, Sampling, with_initial_poses
from ..sampling import sampling_chain
from ..support import per_hypothesis
from ..widening import widened

PATIENCE = 0.5  # seconds that an overtaken chain may still take
QUIET = 0.3  # seconds before progress is reported
REST = 0.15  # seconds without a wish after which one is foreseen
KEPT = 50_000_000  # numbers of sampled poses in memory, 200 MB


@dataclass(frozen=True)
class Wish:
    """What shall be shown: one pose of the set, sampled in some way, at one step of the chain."""

    row: int  # of the set
    sampling: Sampling
    seed: int  # of per_hypothesis
    step: int  # from 1 to sampling.steps: whose clean estimates are shown


@dataclass(frozen=True, eq=False)  # tensors compare element by element
class Shown:
    """A wish fulfilled. All tensors are on the CPU, metres."""

    wish: Wish
    pose: PoseSet  # the pose alone, N = 1, with its initial poses
    samples: torch.Tensor  # (K, H, J, 3) clean estimates of all steps, joint 0 at the origin
    times: list[int]  # of the K steps
    seconds: float  # that sampling took, 0 where everything was kept

    @property
    def hypotheses(self) -> torch.Tensor:
        """(H, J, 3), those of the step shown."""
        return self.samples[self.wish.step - 1]


class Samples:
    """The hypotheses of a set's poses, sampled once.

    Of the same pose and settings, fewer hypotheses are the first of those that are kept, and more
    sample only what is missing. Samples are kept by the keypoints and initial poses that they
    depend on, so poses may be replaced at any time by a set with the same rows. kept: how many
    numbers stay in memory; the longest unused go first. May be used by several threads.
    """

    def __init__(self, model: DRPose, poses: PoseSet, *, kept: int = KEPT):
        self.poses = poses
        self._model = model
        self._samples, self._initial = _Memory(kept), _Memory(kept)
        self._lock = threading.RLock()

    def pose(self, row: int) -> PoseSet:
        """One pose of the set, N = 1, with its initial poses, on the set's device."""
        one = self.poses[row]
        if one.initial is not None:
            return one
        with self._lock:
            key = _bytes(one.kp2d)
            if (initial := self._initial.get(key)) is None:
                initial = with_initial_poses(self._model, one).initial
                self._initial.put(key, initial)
        return replace(one, initial=initial)

    def take(
        self,
        wish: Wish,
        *,
        overtaken: Callable[[], bool] = lambda: False,
        patience: float | None = None,
        progress: Callable[[int, int], None] = lambda k, hypotheses: None,
    ) -> Shown | None:
        """Sample what a wish needs and is not kept.

        overtaken: asked after each step; None is returned if it says yes, unless the rest would
        take less than patience seconds (None: PATIENCE): while a slider is dragged or frames play,
        something must be seen.
        progress: called as progress(k, hypotheses) after each step of a chain that has taken longer
        than QUIET, with the number of hypotheses that are sampled.
        """
        patience = PATIENCE if patience is None else patience
        how, begun, seconds = wish.sampling, time.perf_counter(), 0.0
        times = self._model.schedule.timesteps(how.steps, how.spacing, start=how.start)[:-1]
        with self._lock:
            one = self.pose(wish.row)
            kind = replace(how, hypotheses=1, widen=1)
            key = _bytes(one.kp2d), _bytes(one.initial), kind, wish.seed
            kept = self._samples.get(key)
            have = 0 if kept is None else kept.shape[1]
            if have < how.hypotheses:
                more = self._chain(one, wish, have, begun, overtaken, patience, progress)
                if more is None:
                    return None
                kept = more if kept is None else torch.cat([kept, more], dim=1)
                self._samples.put(key, kept)
                seconds = time.perf_counter() - begun
        samples = widened(kept[:, : how.hypotheses], how.widen)
        return Shown(wish, one.to("cpu"), samples, times, seconds)

    def sample_ahead(self, wish: Wish, rows: list[int], overtaken: Callable[[], bool]) -> None:
        """Sample the wish for other rows, until it is overtaken."""
        for row in rows:
            if not overtaken():
                self.take(replace(wish, row=row), overtaken=overtaken, patience=0.0)

    def _chain(self, one: PoseSet, wish: Wish, have, begun, overtaken, patience, progress):
        """The hypotheses from number have on, (K, H - have, J, 3); None if overtaken."""
        how, noise = wish.sampling, per_hypothesis(wish.seed)
        given = {"noise": noise, "initial": one.initial, "rows": [wish.row], "first": have}
        estimates = []
        for step in sampling_chain(self._model, one.kp2d, how, **given):
            taken = time.perf_counter() - begun
            if taken * (how.steps / step.k - 1) > patience and overtaken():
                return None
            if taken > QUIET:
                progress(step.k, how.hypotheses - have)
            estimates.append(step.x0[0].cpu())
        samples = torch.stack(estimates)
        samples[..., 0, :] = 0
        return samples


class _Memory:
    """Tensors by key, up to a total size; the longest unused go first."""

    def __init__(self, most: int):
        self._most = most
        self._tensors: OrderedDict[Hashable, torch.Tensor] = OrderedDict()

    def get(self, key: Hashable) -> torch.Tensor | None:
        if key in self._tensors:
            self._tensors.move_to_end(key)
        return self._tensors.get(key)

    def put(self, key: Hashable, tensor: torch.Tensor) -> None:
        self._tensors[key] = tensor
        self._tensors.move_to_end(key)
        while len(self._tensors) > 1 and self.numbers() > self._most:
            self._tensors.popitem(last=False)

    def numbers(self) -> int:
        return sum(tensor.numel() for tensor in self._tensors.values())


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.cpu().numpy().tobytes()


class Worker:
    """A thread that fulfils the newest wish, and ends when there is none left.

    fulfil(wish, overtaken) runs in the thread; overtaken() says whether a newer wish has come.
    failed(error) is called there too if fulfil raises: a thread has nobody to raise to. Once no
    wish has come for REST seconds, foresee(wish, overtaken), given the last wish, prepares likely
    ones; nobody waits for it.
    """

    def __init__(
        self,
        fulfil: Callable[[Wish, Callable[[], bool]], None],
        failed: Callable[[Exception], None] = lambda error: None,
        foresee: Callable[[Wish, Callable[[], bool]], None] = lambda wish, overtaken: None,
    ):
        self._fulfil, self._failed, self._foresee = fulfil, failed, foresee
        self._change = threading.Condition()
        self._wish: Wish | None = None
        self._asked = self._done = 0  # numbers of wishes
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def ask(self, wish: Wish) -> None:
        """Overtake all earlier wishes with this one; returns at once."""
        with self._change:
            self._wish = wish
            self._asked += 1
            self._change.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until no wish is left; raises what fulfilling the last one raised.

        Does not wait if the worker's own thread calls it.
        """
        with self._change:
            if threading.current_thread() is not self._thread:
                self._change.wait_for(lambda: self._done == self._asked)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            with self._change:
                wish, number = self._wish, self._asked

            def overtaken(number=number) -> bool:
                return self._asked != number

            try:
                self._fulfil(wish, overtaken)
                self._error = None
            except Exception as error:
                self._error = error
                self._failed(error)
            with self._change:
                self._done = number
                self._change.notify_all()
                rests = not self._change.wait_for(overtaken, REST)
            if rests and self._error is None:
                # what may come need not; if it does, its own errors are shown
                with contextlib.suppress(Exception):
                    self._foresee(wish, overtaken)
            with self._change:
                if not overtaken():
                    self._thread = None
                    return

"""What the explorer samples and keeps, without a widget: wishes and samples.

A Wish says what shall be shown. Samples fulfils it, as far as possible from what it kept.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace

import torch

from ..data import PoseSet
from ..diffusion import Step
from ..model import DRPose, Sampling, with_initial_poses
from ..sampling import sampling_chain
from ..support import per_hypothesis
from ..widening import widened

PATIENCE = 0.5  # seconds that an overtaken chain may still take
QUIET = 0.3  # seconds before progress is reported
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
        self.poses, self.most = poses, len(model.schedule)  # most steps of a chain
        self._model = model
        self._samples, self._initial = _Memory(kept), _Memory(kept)
        self._lock = threading.RLock()

    def pose(self, row: int) -> PoseSet:
        """One pose of the set, N = 1, with its initial poses, on the set's device."""
        one = self.poses[row]
        if one.initial is not None:
            return one
        with self._lock:
            key = as_bytes(one.kp2d)
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
            kept = self._kept(wish)
            have = 0 if kept is None else kept.shape[1]
            if have < how.hypotheses:
                rows, chain = self._chain(wish, have)
                estimates = []
                for step in chain:
                    taken = time.perf_counter() - begun
                    if taken * (how.steps / step.k - 1) > patience and overtaken():
                        return None
                    if taken > QUIET:
                        progress(step.k, how.hypotheses - have)
                    estimates.append(step.x0.cpu())
                kept = self._keep(wish, rows, have, torch.stack(estimates, dim=1))
                seconds = time.perf_counter() - begun
        samples = widened(kept[:, : how.hypotheses], how.widen)
        return Shown(wish, self.pose(wish.row).to("cpu"), samples, times, seconds)

    def known(self, wish: Wish) -> torch.Tensor | None:
        """The hypotheses (H, J, 3) of a wish if they are kept, without sampling."""
        with self._lock:
            kept = self._kept(wish)
        if kept is None or kept.shape[1] < wish.sampling.hypotheses:
            return None
        how = wish.sampling
        return widened(kept[wish.step - 1, : how.hypotheses][None], how.widen)[0]

    def sample_ahead(self, wish: Wish, rows: list[int], overtaken: Callable[[], bool]) -> None:
        """Sample the wish for other rows, until it is overtaken."""
        for row in rows:
            if not overtaken():
                self.take(replace(wish, row=row), overtaken=overtaken, patience=0.0)

    def _chain(self, wish: Wish, have: int) -> tuple[list[int], Iterator[Step]]:
        """The rows that are sampled together for a wish, its own among them, and the chain of their
        hypotheses from number have on.
        """
        one = self.pose(wish.row)
        given = {"noise": per_hypothesis(wish.seed), "initial": one.initial}
        given |= {"rows": [wish.row], "first": have}
        return [wish.row], sampling_chain(self._model, one.kp2d, wish.sampling, **given)

    def _depends(self, row: int) -> Hashable:
        """What the samples of a row depend on, besides settings and seed."""
        one = self.pose(row)
        return as_bytes(one.kp2d), as_bytes(one.initial)

    def _key(self, wish: Wish, row: int) -> Hashable:
        return self._depends(row), replace(wish.sampling, hypotheses=1, widen=1), wish.seed

    def _kept(self, wish: Wish) -> torch.Tensor | None:
        return self._samples.get(self._key(wish, wish.row))

    def _keep(self, wish: Wish, rows: list[int], have: int, more: torch.Tensor) -> torch.Tensor:
        """Keep more hypotheses (B, K, H - have, J, 3) of rows; returns all of the wish's own."""
        more[..., 0, :] = 0
        own = rows.index(wish.row)
        for number in [*(n for n in range(len(rows)) if n != own), own]:
            key, found = self._key(wish, rows[number]), more[number]
            kept = self._samples.get(key)
            if (0 if kept is None else kept.shape[1]) == have:  # else it was forgotten, or has more
                found = found if kept is None else torch.cat([kept, found], dim=1)
                self._samples.put(key, found)
        return found


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


def as_bytes(tensor: torch.Tensor) -> bytes:
    return tensor.cpu().numpy().tobytes()

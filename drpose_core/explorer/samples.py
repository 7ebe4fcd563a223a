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
from ..model import DRPose, with_initial_poses
from ..sampling import sampling_chain
from ..settings import Sampling
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


@dataclass(frozen=True, eq=False)
class Part:
    """Poses that are sampled together."""

    rows: list[int]  # of the set
    poses: PoseSet  # of these rows, with their initial poses, on the set's device
    depends: dict[int, Hashable]  # of the rows that are kept: what their samples depend on

    def pose(self, row: int) -> PoseSet:
        return self.poses[[self.rows.index(row)]]


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

    def part(self, row: int) -> Part:
        """What is sampled together with a row, of the poses as they are now."""
        one = self.poses[row]
        if one.initial is None:
            given, model = one, self._model
            initial = self._lifted(
                as_bytes(one.observed), lambda: with_initial_poses(model, given).initial
            )
            one = replace(one, initial=initial)
        return Part([row], one, {row: (as_bytes(one.observed), as_bytes(one.initial))})

    def pose(self, row: int) -> PoseSet:
        """One pose of the set, N = 1, with its initial poses, on the set's device."""
        return self.part(row).pose(row)

    def _lifted(self, key: Hashable, lift: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Initial poses, kept by the key."""
        with self._lock:
            if (lifted := self._initial.get(key)) is None:
                lifted = lift()
                self._initial.put(key, lifted)
        return lifted

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
            part = self.part(wish.row)  # once: while a chain runs, poses may be replaced
            kept = self._samples.get(_key(part, wish, wish.row))
            have = 0 if kept is None else kept.shape[1]
            if have < how.hypotheses:
                estimates = []
                for step in self._chain(part, wish, have):
                    taken = time.perf_counter() - begun
                    if taken * (how.steps / step.k - 1) > patience and overtaken():
                        return None
                    if taken > QUIET:
                        progress(step.k, how.hypotheses - have)
                    estimates.append(step.x0.cpu())
                kept = self._keep(part, wish, kept, torch.stack(estimates, dim=1))
                seconds = time.perf_counter() - begun
        samples = widened(kept[:, : how.hypotheses], how.widen)
        return Shown(wish, part.pose(wish.row).to("cpu"), samples, times, seconds)

    def known(self, wish: Wish) -> torch.Tensor | None:
        """The hypotheses (H, J, 3) of a wish if they are kept, without sampling."""
        with self._lock:
            kept = self._samples.get(_key(self.part(wish.row), wish, wish.row))
        if kept is None or kept.shape[1] < wish.sampling.hypotheses:
            return None
        how = wish.sampling
        return widened(kept[wish.step - 1, : how.hypotheses][None], how.widen)[0]

    def sample_ahead(self, wish: Wish, rows: list[int], overtaken: Callable[[], bool]) -> None:
        """Sample the wish for other rows, until it is overtaken."""
        for row in rows:
            if not overtaken():
                self.take(replace(wish, row=row), overtaken=overtaken, patience=0.0)

    def _chain(self, part: Part, wish: Wish, have: int) -> Iterator[Step]:
        """The chain of a part's hypotheses from number have on."""
        given = {"noise": per_hypothesis(wish.seed), "initial": part.poses.initial}
        given |= {"rows": part.rows, "first": have}
        return sampling_chain(self._model, part.poses.observed, wish.sampling, **given)

    def _keep(
        self, part: Part, wish: Wish, own: torch.Tensor | None, more: torch.Tensor
    ) -> torch.Tensor:
        """Keep more hypotheses (B, K, H - have, J, 3) of a part; returns all of the wish's own row,
        of which own were kept.
        """
        more[..., 0, :] = 0
        have = 0 if own is None else own.shape[1]
        for number, row in enumerate(part.rows):
            if row == wish.row or row not in part.depends:
                continue
            kept = self._samples.get(key := _key(part, wish, row))
            if (0 if kept is None else kept.shape[1]) == have:  # else forgotten, or has more
                self._samples.put(key, _joined(kept, more[number]))
        found = _joined(own, more[part.rows.index(wish.row)])
        self._samples.put(_key(part, wish, wish.row), found)
        return found


def _joined(kept: torch.Tensor | None, more: torch.Tensor) -> torch.Tensor:
    """One tensor of its own."""
    return more.clone() if kept is None else torch.cat([kept, more], dim=1)


def _key(part: Part, wish: Wish, row: int) -> Hashable:
    return part.depends[row], replace(wish.sampling, hypotheses=1, widen=1), wish.seed


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

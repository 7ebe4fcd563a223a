"""PoseSet: poses as flat tensors on one device; a batch is an index."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch

from .cameras import flip_intrinsics
from .skeleton import MIRRORED, J, flip
from .support import constant, written_whole

_TENSORS = {
    "kp2d": (J, 2),
    "pose3d": (J, 3),
    "root": (3,),
    "intrinsics": (9,),
    "action": (),
    "sequence": (),
    "frame": (),
}
_TENSORS |= {"confidence": (J,), "initial": (2, J, 3), "rotation": (3, 3)}
_OPTIONAL = ("confidence", "initial", "rotation")  # tensors that may be None
_MIRROR_AXES = torch.tensor(
    [[1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]]
)  # M R M of a rotation R, M = diag(-1, 1, 1)
_TEXTS = ("source", "keypoints", "skeleton")


@dataclass(
    frozen=True, eq=False
)  # comparing sets by value is nobody's wish, and tensors cannot be hashed
class PoseSet:
    """N poses with their 2D keypoints and cameras. All tensors share N and the device; float32,
    indices int64.

    poses[index] is a smaller PoseSet for any tensor index, slice or boolean mask. Raises ValueError
    when shapes do not fit together.
    """

    kp2d: torch.Tensor  # (N, J, 2) screen units
    pose3d: (
        torch.Tensor
    )  # (N, J, 3) metres, camera frame, relative to joint 0, which is at the origin
    root: torch.Tensor  # (N, 3) joint 0 in the camera frame, metres
    intrinsics: torch.Tensor  # (N, 9) fx fy cx cy k1 k2 k3 p1 p2 in screen units
    action: torch.Tensor  # (N,) index into actions
    sequence: torch.Tensor  # (N,) index into sequences: one recording seen by one camera
    frame: torch.Tensor  # (N,) frame number within the recording, at 50 Hz
    actions: list[str]
    sequences: list[str] | None = None  # "subject/recording/camera"; None numbers them
    confidence: torch.Tensor | None = (
        None  # (N, J) the detector's, 0 to 1; None where there is none
    )
    initial: torch.Tensor | None = (
        # (N, 2, J, 3) an initial model's poses of the picture and of its mirror image; None: ask
        # the lifter
        None
    )
    rotation: torch.Tensor | None = (
        # (N, 3, 3) from the picture's own camera to the one redrawn here (viewpoint); None: the
        # same
        None
    )
    source: str = "unknown source"  # one line for figures and tables: where the poses come from
    # what made the 2D: "exact" (true projections), "detected" (the detector model), or a detector's
    # name
    keypoints: str = "unknown"
    # whose joint positions these are: two motion capture systems put a hip centimetres apart
    skeleton: str = "unknown"

    def __post_init__(self):
        n = len(self.kp2d)
        for name, shape in _TENSORS.items():
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            if tuple(value.shape) != (n, *shape):
                raise ValueError(
                    f"PoseSet.{name} must be {('N', *shape)} with N = {n}, got {tuple(value.shape)}"
                )
            if value.device != self.kp2d.device:
                raise ValueError(
                    f"PoseSet.{name} is on {value.device}, kp2d on {self.kp2d.device}: put them on "
                    "one device"
                )
        if self.sequences is None:
            count = int(self.sequence.max()) + 1 if n else 0
            object.__setattr__(self, "sequences", [str(i) for i in range(count)])

    def check(self) -> None:
        """Look at every value, not only at shapes; done for files, where anything may stand.

        Raises ValueError.
        """
        for name in _TENSORS:
            value, wanted = (
                getattr(self, name),
                torch.int64 if name in ("action", "sequence", "frame") else torch.float32,
            )
            if value is None:
                continue
            if value.dtype != wanted:
                raise ValueError(f"{name} must be {wanted}, it is {value.dtype}")
            if not torch.isfinite(value).all():
                raise ValueError(f"{name} holds NaN or infinite numbers")
        if self.pose3d[:, 0].any():
            raise ValueError("pose3d is not relative to joint 0")
        for name, texts in (("action", self.actions), ("sequence", self.sequences)):
            index = getattr(self, name)
            if len(index) and (index.min() < 0 or index.max() >= len(texts)):
                raise ValueError(f"PoseSet.{name} points past its {len(texts)} names")

    def tensors(self) -> dict[str, torch.Tensor]:
        """The columns that are there, by name."""
        return {name: value for name in _TENSORS if (value := getattr(self, name)) is not None}

    def describe(self) -> dict[str, str | int]:
        """What a checkpoint's record says of the set it was trained on:

        source, keypoints, skeleton, poses.
        """
        return {name: getattr(self, name) for name in _TEXTS} | {"poses": len(self)}

    def __len__(self) -> int:
        return len(self.kp2d)

    @property
    def device(self) -> torch.device:
        return self.kp2d.device

    def _each(self, change) -> "PoseSet":
        """The same set with every tensor changed."""
        return replace(self, **{name: change(value) for name, value in self.tensors().items()})

    def __getitem__(self, index) -> "PoseSet":
        if getattr(index, "ndim", 0) == 0 and hasattr(
            index, "__index__"
        ):  # an int, numpy's or torch's
            if not -len(self) <= int(index) < len(self):
                raise IndexError(f"pose {int(index)} of {len(self)}")
            index = [int(index)]  # one pose is still a batch
        return self._each(lambda value: value[index])

    def to(self, device: torch.device | str) -> "PoseSet":
        """The set on another device (itself if it is there already)."""
        return (
            self
            if self.device == torch.device(device)
            else self._each(lambda value: value.to(device))
        )

    def flipped(self) -> "PoseSet":
        """The set seen in a mirror:

        x -> -x, left <-> right, and the camera that would see it so.
        """
        return replace(
            self,
            kp2d=flip(self.kp2d),
            pose3d=flip(self.pose3d),
            root=self.root * constant((-1, 1, 1), self.root.dtype, self.device),
            intrinsics=flip_intrinsics(self.intrinsics),
            confidence=None
            if self.confidence is None
            else self.confidence.index_select(1, constant(MIRRORED, torch.int64, self.device)),
            initial=None if self.initial is None else self.initial.flip(1),
            rotation=None
            if self.rotation is None
            else self.rotation * _MIRROR_AXES.to(self.rotation),
        )

    def save(self, path: str | Path) -> None:
        """Write a flat npz without pickles; the file appears whole or not at all."""
        arrays = {name: value.cpu().numpy() for name, value in self.tensors().items()}
        texts = {
            name: np.array(getattr(self, name), dtype=str)
            for name in ("actions", "sequences", *_TEXTS)
        }
        with written_whole(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays, **texts)

    @classmethod
    def load(cls, path: str | Path) -> "PoseSet":
        """Read what save wrote.

        Raises FileNotFoundError or ValueError naming the file; never runs what a file contains.
        """
        remedy = "make it with PoseSet.save (notebook 01_data shows how)"
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} not found: {remedy}")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except Exception as error:  # a damaged file can fail in any way
            raise ValueError(
                f"{path} is no pose set, or a damaged one ({' '.join(str(error).split())}): "
                f"{remedy}"
            ) from None
        missing = [
            f.name
            for f in fields(cls)
            if f.name not in (*_OPTIONAL, "keypoints", "skeleton") and f.name not in arrays
        ]
        if missing:
            raise ValueError(f"{path} is no pose set, it lacks {', '.join(missing)}: {remedy}")
        try:
            tensors = {name: torch.from_numpy(arrays[name]) for name in _TENSORS if name in arrays}
            if arrays["actions"].ndim != 1 or arrays["sequences"].ndim != 1:
                raise ValueError("actions and sequences must be lists of names")
            names = {name: arrays[name].tolist() for name in ("actions", "sequences")}
            poses = cls(
                **tensors, **names, **{name: str(arrays[name]) for name in _TEXTS if name in arrays}
            )
            poses.check()
        except (ValueError, IndexError, TypeError) as error:
            raise ValueError(f"{path}: {error}: {remedy}") from None
        return poses


def batches(
    poses: PoseSet,
    batch_size: int,
    *,
    shuffle: bool = False,
    augment: bool = False,
    generator: torch.Generator | None = None,
) -> Iterator[PoseSet]:
    """The set in batches, each a PoseSet on the set's device; the last may be smaller.

    augment also yields every pose mirrored, so that an epoch has 2 N poses, as published. shuffle
    draws the order from generator (CPU).
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if len(poses) == 0:
        raise ValueError("the pose set is empty: nothing to make batches of")
    rows = len(poses) * (2 if augment else 1)
    order = torch.randperm(rows, generator=generator) if shuffle else torch.arange(rows)
    order = order.to(poses.device)
    for index in order.split(batch_size):
        batch = poses[index % len(poses)]
        if augment:
            batch = _mirrored_where(batch, index >= len(poses))
        yield batch


def _mirrored_where(batch: PoseSet, mirrored: torch.Tensor) -> PoseSet:
    """The batch with the poses marked in mirrored (B,) flipped; no host synchronisation."""
    other = batch.flipped()
    chosen = {}
    for name in ("kp2d", "pose3d", "root", "intrinsics", *_OPTIONAL):
        plain, flipped = getattr(batch, name), getattr(other, name)
        if plain is not None:
            chosen[name] = torch.where(mirrored.view(-1, *[1] * (plain.ndim - 1)), flipped, plain)
    return replace(batch, **chosen)

"""PoseSet: poses as flat tensors on one device; a batch is an index."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch

from .columns import COLUMNS, Take
from .layers import columns
from .skeleton import mirror_mean
from .support import read_npz, write_npz

_TEXTS = ("source", "keypoints", "skeleton")
_NAMES = ("actions", "sequences", "terms")


@dataclass(frozen=True, eq=False, kw_only=True)  # tensors compare element by element
class PoseSet:
    """N poses with their 2D keypoints and cameras.

    All tensors share N and the device; float32, indices int64. poses[index] is a smaller PoseSet
    for any tensor index, slice or boolean mask. The ground truth (pose3d and root) may be absent,
    as for your own pictures; see has_truth. Raises ValueError when shapes do not fit together.
    """

    kp2d: torch.Tensor  # (N, J, 2) screen units
    # (N, J, 3) metres, camera frame, relative to joint 0, which is at the origin
    pose3d: torch.Tensor | None = None
    root: torch.Tensor | None = None  # (N, 3) joint 0 in the camera frame, metres
    intrinsics: torch.Tensor  # (N, 9) fx fy cx cy k1 k2 k3 p1 p2 in screen units
    action: torch.Tensor  # (N,) index into actions
    sequence: torch.Tensor  # (N,) index into sequences: one recording seen by one camera
    frame: torch.Tensor  # (N,) frame number in the recording: 50 Hz, or the film's own
    actions: list[str]
    sequences: list[str] | None = None  # "subject/recording/camera"; None numbers them
    # terms of use of each sequence, where sources differ in them; None: those of source
    terms: list[str] | None = None
    person: torch.Tensor | None = None  # (N,) number of the person, where a picture may show many
    confidence: torch.Tensor | None = None  # (N, J) the detector's, 0 to 1
    # (N, 2, J, 3) initial poses of the picture and of its mirror image; None: ask the lifter
    initial: torch.Tensor | None = None
    # (N, 3, 3) from the picture's own camera to the one redrawn here; None: they are the same
    rotation: torch.Tensor | None = None
    # (N, 9) intrinsics of the picture's own camera, as read_keypoints has it; None: not known, or
    # as intrinsics
    own_intrinsics: torch.Tensor | None = None
    source: str = "unknown source"  # one line for figures and tables: where the poses come from
    # "exact" (true projections), "detected" (the detector model), or a detector's name
    keypoints: str = "unknown"
    # whose joint positions these are: two motion capture systems put a hip centimetres apart
    skeleton: str = "unknown"

    def __post_init__(self):
        n = len(self.kp2d)
        for name, column in COLUMNS.items():
            value = getattr(self, name)
            if value is None and column.optional:
                continue
            if tuple(value.shape) != (n, *column.shape):
                raise ValueError(
                    f"PoseSet.{name} must be {('N', *column.shape)} with N = {n}, got "
                    f"{tuple(value.shape)}"
                )
            if value.device != self.kp2d.device:
                raise ValueError(
                    f"PoseSet.{name} is on {value.device}, kp2d on {self.kp2d.device}: put them on "
                    "one device"
                )
        if (self.pose3d is None) != (self.root is None):
            raise ValueError("PoseSet.pose3d and PoseSet.root are given together or not at all")
        if self.sequences is None:
            count = int(self.sequence.max()) + 1 if n else 0
            object.__setattr__(self, "sequences", [str(i) for i in range(count)])
        if self.terms is not None and len(self.terms) != len(self.sequences):
            raise ValueError(
                f"PoseSet.terms has {len(self.terms)} entries for {len(self.sequences)} sequences"
            )

    def check(self) -> None:
        """Check every value, not only shapes. Files are checked when they are loaded.

        Raises ValueError.
        """
        for name, value in self.tensors().items():
            wanted = torch.int64 if COLUMNS[name].index else torch.float32
            if value.dtype != wanted:
                raise ValueError(f"{name} must be {wanted}, it is {value.dtype}")
            if not torch.isfinite(value).all():
                raise ValueError(f"{name} holds NaN or infinite numbers")
        sure = self.confidence
        if sure is not None and not ((sure >= 0) & (sure <= 1)).all():
            raise ValueError("confidence must lie between 0 and 1")
        if self.has_truth and self.pose3d[:, 0].any():
            raise ValueError("pose3d is not relative to joint 0")
        for name, texts in (("action", self.actions), ("sequence", self.sequences)):
            index = getattr(self, name)
            if len(index) and (index.min() < 0 or index.max() >= len(texts)):
                raise ValueError(f"PoseSet.{name} points past its {len(texts)} names")

    def tensors(self) -> dict[str, torch.Tensor]:
        """The columns that the set has, by name."""
        return {name: value for name in COLUMNS if (value := getattr(self, name)) is not None}

    def describe(self) -> dict[str, str | int | list[str]]:
        """Source, keypoints, skeleton, number of poses, and their terms of use where they are known
        by sequence; as saved in a checkpoint's record.
        """
        found = {name: getattr(self, name) for name in _TEXTS} | {"poses": len(self)}
        if self.terms is None:
            return found
        used = {self.terms[number] for number in self.sequence.unique().tolist()}
        return found | {"terms": sorted(used)}

    def __len__(self) -> int:
        return len(self.kp2d)

    @property
    def has_truth(self) -> bool:
        """Whether the set has the ground truth, pose3d and root."""
        return self.pose3d is not None

    def require_truth(self, what: str) -> None:
        """Raise ValueError if the set has no ground truth; what is the subject of the error's
        sentence.
        """
        if not self.has_truth:
            raise ValueError(
                f"{what} needs the ground truth, and these poses have none ({self.source}): take a "
                "source with known 3D poses (load_poses), or predict"
            )

    @property
    def observed(self) -> torch.Tensor:
        """(N, J, 3): kp2d, and the confidence, 1 where the set has none."""
        if self.confidence is None:
            return columns(self.kp2d, confidence=True)
        return torch.cat([self.kp2d, self.confidence[..., None]], dim=-1)

    def initial_pose(self, *, flip_test: bool = True) -> torch.Tensor:
        """The initial poses (N, J, 3) with joint 0 at the origin, averaged with the mirrored ones
        if flip_test. The set must have them (with_initial_poses).
        """
        pose = mirror_mean(self.initial) if flip_test else self.initial[:, 0].clone()
        pose[:, 0] = 0
        return pose

    @property
    def takes(self) -> list[Take]:
        """Subject, recording and camera of each sequence; a name without slashes is the subject."""
        return [Take.named(name) for name in self.sequences]

    def subjects(self) -> list[str]:
        """Whose poses these are, sorted."""
        takes = self.takes
        return sorted({takes[number].subject for number in self.sequence.unique().tolist()})

    @property
    def device(self) -> torch.device:
        return self.kp2d.device

    def _each(self, change) -> "PoseSet":
        """The same set with every tensor changed."""
        return replace(self, **{name: change(value) for name, value in self.tensors().items()})

    def __getitem__(self, index) -> "PoseSet":
        # An int, numpy's or torch's:
        if getattr(index, "ndim", 0) == 0 and hasattr(index, "__index__"):
            if not -len(self) <= int(index) < len(self):
                raise IndexError(f"pose {int(index)} of {len(self)}")
            index = [int(index)]  # one pose is still a batch
        return self._each(lambda value: value[index])

    def to(self, device: torch.device | str) -> "PoseSet":
        """The set on another device (itself if it is there already)."""
        if self.device == torch.device(device):
            return self
        return self._each(lambda value: value.to(device))

    def flipped(self) -> "PoseSet":
        """The mirrored set: x -> -x, left <-> right, with mirrored cameras."""
        return replace(self, **self._mirrored())

    def _mirrored(self) -> dict[str, torch.Tensor]:
        """The columns that a mirror changes, mirrored."""
        mirrors = {name: column.mirror for name, column in COLUMNS.items() if column.mirror}
        return {name: mirrors[name](x) for name, x in self.tensors().items() if name in mirrors}

    def mirrored_where(self, mask: torch.Tensor) -> "PoseSet":
        """The set with the poses marked in mask (N,) mirrored; no host synchronisation."""
        chosen = {}
        for name, flipped in self._mirrored().items():
            where = mask.view(-1, *[1] * (flipped.ndim - 1))
            chosen[name] = torch.where(where, flipped, getattr(self, name))
        return replace(self, **chosen)

    def save(self, path: str | Path) -> None:
        """Write a flat npz without pickles, atomically."""
        arrays = {name: value.cpu().numpy() for name, value in self.tensors().items()}
        texts = {
            name: np.array(value, dtype=str)
            for name in (*_NAMES, *_TEXTS)
            if (value := getattr(self, name)) is not None
        }
        write_npz(path, **arrays, **texts)

    @classmethod
    def load(cls, path: str | Path) -> "PoseSet":
        """Read what save wrote.

        Raises FileNotFoundError or ValueError that names the file; never runs code from the file.
        """
        remedy = "make it with PoseSet.save (notebook 01_data shows how)"
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} not found: {remedy}")
        try:
            arrays = read_npz(path)
        except ValueError as error:
            raise ValueError(
                f"{path} is no pose set, or a damaged one ({error}): {remedy}"
            ) from None
        optional = {name for name, column in COLUMNS.items() if column.optional}
        wanted = {f.name for f in fields(cls)} - optional - {"keypoints", "skeleton", "terms"}
        missing = wanted - set(arrays)
        if found := {"pose3d", "root"} & set(arrays):  # they come together
            missing |= {"pose3d", "root"} - found
        if missing:
            raise ValueError(
                f"{path} is no pose set, it lacks {', '.join(sorted(missing))}: {remedy}"
            )
        try:
            tensors = {name: torch.from_numpy(arrays[name]) for name in COLUMNS if name in arrays}
            if any(arrays[name].ndim != 1 for name in _NAMES if name in arrays):
                raise ValueError("actions, sequences and terms must be lists of names")
            names = {name: arrays[name].tolist() for name in _NAMES if name in arrays}
            poses = cls(
                **tensors, **names, **{name: str(arrays[name]) for name in _TEXTS if name in arrays}
            )
            poses.check()
        except (ValueError, IndexError, TypeError) as error:
            raise ValueError(f"{path}: {error}: {remedy}") from None
        return poses

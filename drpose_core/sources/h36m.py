"""Human3.6M exactly as VideoPose3D packs it: three npz files that the user brings -> PoseSet."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ..cameras import normalize_screen, world_to_camera
from ..data import PoseSet
from ..skeleton import H36M_32, J
from ..support import read_pickled_npz
from .h36m_checks import Projections, check_metadata, check_metres, check_pixels
from .rig import SUBJECTS, h36m_cameras

TRAIN_SUBJECTS = ("S1", "S5", "S6", "S7", "S8")
TEST_SUBJECTS = ("S9", "S11")
REMEDY = "see data/README.md for how VideoPose3D makes the Human3.6M files"


def h36m_poses(
    folder: str | Path,
    *,
    keypoints: str = "cpn_ft_h36m_dbb",
    subjects: tuple[str, ...] = TEST_SUBJECTS,
    stride: int = 1,
) -> PoseSet:
    """Read data_3d_h36m.npz and data_2d_h36m_<keypoints>.npz from folder: every stride-th frame of
    each recording and camera.

    Rows are ordered by subject, recording, camera and frame. 2D sequences that are longer than the
    3D ones are cut. The files are checked (h36m_checks): metres, pixels, order of the joints, left
    and right, and 2D against the projection of 3D. Raises FileNotFoundError or ValueError that
    names the file, what is wrong with it and the remedy.
    """
    if stride < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    if unknown := [s for s in subjects if s not in SUBJECTS]:
        raise ValueError(
            f"unknown subject {', '.join(unknown)}: Human3.6M has {', '.join(SUBJECTS)}"
        )
    path3d, path2d = _paths(Path(folder), keypoints)
    positions3d = _by_subject(path3d, "positions_3d", subjects)
    positions2d = _by_subject(path2d, "positions_2d", subjects)
    check_metadata(path2d, REMEDY)
    # One recording at a time into lists: the peak stays near twice the size of the result.
    columns: dict[str, list] = {
        name: [] for name in ("kp2d", "pose3d", "root", "intrinsics", "sequence", "frame", "action")
    }
    actions, sequences, projections = [], [], Projections()
    for subject in subjects:
        cameras = h36m_cameras(subject)
        for recording, world in positions3d[subject].items():
            name = f"{subject}/{recording}"
            world = _checked(path3d, name, world, ((32, 3), (J, 3)))
            length, world = len(world), world[::stride]
            world = world[:, H36M_32] if world.shape[1] == 32 else world
            check_metres(path3d, name, world, REMEDY)
            views = _views(path2d, path3d, name, positions2d[subject].get(recording), length)
            action = str(recording).split(" ")[0]
            if action not in actions:
                actions.append(action)
            frames = torch.arange(len(world)) * stride
            for index, (camera, pixels) in enumerate(zip(cameras, views)):
                pixels, pose = pixels[::stride], world_to_camera(world, camera)
                projections.add(subject, camera, world, pose, pixels)
                columns["root"].append(pose[:, 0].clone())
                columns["pose3d"].append(pose - pose[:, :1])
                columns["kp2d"].append(normalize_screen(pixels, camera.width, camera.height))
                columns["intrinsics"].append(camera.intrinsics.expand(len(world), -1))
                columns["sequence"].append(torch.full_like(frames, len(sequences)))
                columns["action"].append(torch.full_like(frames, actions.index(action)))
                columns["frame"].append(frames)
                sequences.append(f"{name}/{index}")
    if not sequences:
        raise ValueError(f"{path3d} holds no recordings of {', '.join(subjects)}: {REMEDY}")
    projections.check(path2d, path3d, REMEDY)
    tensors = {name: torch.cat(parts) for name, parts in columns.items()}
    source = f"Human3.6M {', '.join(subjects)}, 2D: {keypoints}"
    kind = "exact" if keypoints == "gt" else keypoints
    return PoseSet(
        **tensors,
        actions=actions,
        sequences=sequences,
        source=source,
        keypoints=kind,
        skeleton="Human3.6M",
    )


def _paths(folder: Path, keypoints: str) -> tuple[Path, Path]:
    """The files of 3D joints and of these 2D keypoints."""
    path2d = folder / f"data_2d_h36m_{keypoints}.npz"
    if not path2d.is_file():
        found = sorted(
            p.stem.removeprefix("data_2d_h36m_") for p in folder.glob("data_2d_h36m_*.npz")
        )
        hint = f"this folder has keypoints {', '.join(found)}" if found else REMEDY
        raise FileNotFoundError(f"{path2d} not found: {hint}")
    return folder / "data_3d_h36m.npz", path2d


def _views(
    path2d: Path, path3d: Path, name: str, views: object, length: int
) -> Iterator[torch.Tensor]:
    """The keypoints (frames, 17, 2) of a recording, camera by camera, as long as its 3D."""
    if views is None:
        raise ValueError(f"{path2d} lacks {name}, which {path3d.name} has: {REMEDY}")
    if not isinstance(views, list | tuple | np.ndarray) or getattr(views, "ndim", 1) == 0:
        raise ValueError(
            f"{path2d}: {name} should be a list of 4 cameras, it is {type(views).__name__}: "
            f"{REMEDY}"
        )
    if len(views) != 4:
        raise ValueError(f"{path2d}: {name} has {len(views)} cameras instead of 4: {REMEDY}")
    for index, view in enumerate(views):
        view_name, array = f"{name}/{index}", isinstance(view, np.ndarray) and view.ndim
        if array and len(view) < length:
            raise ValueError(
                f"{path2d}: {view_name} has fewer frames than {path3d.name}, {len(view)} of "
                f"{length}: {REMEDY}"
            )
        pixels = _checked(path2d, view_name, view[:length] if array else view, ((J, 2),))
        check_pixels(path2d, view_name, pixels, REMEDY)
        yield pixels


def _by_subject(path: Path, key: str, subjects: tuple[str, ...]) -> dict:
    content = read_pickled_npz(path, key, remedy=REMEDY)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: {key!r} is no dictionary of subjects: {REMEDY}")
    if missing := [s for s in subjects if s not in content]:
        raise ValueError(
            f"{path} lacks subject {', '.join(missing)} (it has "
            f"{', '.join(map(str, content)) or 'none'}): {REMEDY}"
        )
    if broken := [s for s in subjects if not isinstance(content[s], dict)]:
        raise ValueError(
            f"{path}: subject {', '.join(broken)} is no dictionary of recordings: {REMEDY}"
        )
    return content


def _checked(
    path: Path, name: str, array: object, shapes: tuple[tuple[int, int], ...]
) -> torch.Tensor:
    """The array as a float32 tensor (frames, joints, D), or a sentence on what is wrong."""
    if isinstance(array, np.ndarray) and array.dtype == object:
        # numbers in an object array, as numpy makes of views of equal length
        with contextlib.suppress(TypeError, ValueError):
            array = array.astype(np.float32)
    if (
        not isinstance(array, np.ndarray)
        or array.dtype.kind not in "fiu"
        or array.ndim != 3
        or array.shape[1:] not in shapes
    ):
        shape = getattr(array, "shape", type(array).__name__)
        raise ValueError(
            f"{path}: {name} should be numbers (frames, {shapes[0][0]}, {shapes[0][1]}), it is "
            f"{shape}: {REMEDY}"
        )
    if len(array) == 0:
        raise ValueError(f"{path}: {name} has no frames: {REMEDY}")
    with np.errstate(over="ignore"):
        array = np.array(array, dtype=np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{path}: {name} holds NaN or infinite numbers: {REMEDY}")
    return torch.from_numpy(array)

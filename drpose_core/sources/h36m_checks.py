"""Whether files of Human3.6M are what the reader takes them for, before hours of training: units,
pixels, the order of the joints, and whether the 2D keypoints are the projection of the 3D joints.
"""

import zipfile
from pathlib import Path

import torch

from ..cameras import Camera, normalize_screen, project
from ..skeleton import LEFT, MIRRORED, RIGHT
from ..support import read_pickled_npz

SAMPLES = 20  # frames looked at of a recording and camera
APART = 0.3  # sizes of a person that keypoints may lie from the projected joints; detectors: 0.07
THIGH = (0.25, 0.7)  # metres from hip to knee
SIDES = [list(LEFT), list(RIGHT)]
NAMES = ("h36m", "human36m", "human3.6m")  # of this order of joints


def check_metadata(path: Path, remedy: str) -> None:
    """Compare the order of the joints that a 2D file names, if any. ValueError if it is another."""
    with zipfile.ZipFile(path) as archive:
        if "metadata.npy" not in archive.namelist():
            return
    about = read_pickled_npz(path, "metadata", remedy=remedy)
    about = about if isinstance(about, dict) else {}
    layout, sides = about.get("layout_name"), about.get("keypoints_symmetry")
    other = layout is not None and str(layout).lower() not in NAMES
    if sides is not None and not other:
        try:
            other = [sorted(map(int, side)) for side in sides] != SIDES
        except (TypeError, ValueError):
            other = True
    if other:
        raise ValueError(
            f"{path} says in its metadata that its joints are those of "
            f"{layout or 'another layout'}, left and right {sides}, not Human3.6M's seventeen: "
            f"take keypoints of Human3.6M's joints, as cpn_ft_h36m_dbb has them: {remedy}"
        )


def check_metres(path: Path, name: str, world: torch.Tensor, remedy: str) -> None:
    """Joints (frames, 17, 3) of a recording: ValueError if people have not the size of people."""
    thigh = float((world[:, 1] - world[:, 2]).norm(dim=-1).median())
    if THIGH[0] <= thigh <= THIGH[1]:
        return
    unit = next(
        (f"{what}: divide by {n}" for what, n in (("millimetres", 1000), ("centimetres", 100))
         if THIGH[0] <= thigh / n <= THIGH[1]), "another unit or another order of joints",
    )  # fmt: skip
    raise ValueError(
        f"{path}: {name} has {thigh:.4g} from hip to knee, metres are needed; these look like "
        f"{unit}: {remedy}"
    )


def check_pixels(path: Path, name: str, pixels: torch.Tensor, remedy: str) -> None:
    """Keypoints (frames, 17, 2) of a recording and camera: ValueError if they are no pixels."""
    if pixels.abs().amax(dim=(1, 2)).median() <= 5:
        raise ValueError(
            f"{path}: {name} has keypoints between {pixels.min():.2g} and {pixels.max():.2g}, "
            f"normalised already: pixels are needed: {remedy}"
        )


class Projections:
    """How far a file's 2D keypoints lie from the projected 3D joints, and from what they would be
    if the files were wrong in a usual way; recording by recording, judged subject by subject.
    """

    def __init__(self) -> None:
        self.apart: dict[str, list[torch.Tensor]] = {}

    def add(self, subject: str, camera: Camera, world, pose, pixels) -> None:
        """One recording and camera: joints (frames, 17, 3) in the world and in the camera's frame,
        keypoints (frames, 17, 2).
        """
        some = slice(None, None, max(1, len(world) // SAMPLES))
        seen = normalize_screen(pixels[some], camera.width, camera.height)
        projected = project(pose[some], camera.intrinsics)
        unmoved = project(world[some], camera.intrinsics)
        apart = [
            _apart(projected, seen),
            _apart(projected, seen[:, list(MIRRORED)]),
            _apart(unmoved, seen),
            world[some][:, 0].norm(dim=-1).median(),
        ]
        self.apart.setdefault(subject, []).append(torch.stack(apart))

    def check(self, path2d: Path, path3d: Path, remedy: str) -> None:
        """ValueError that names the first subject whose keypoints are, as a rule, somewhere else
        than the joints.
        """
        for subject, rows in self.apart.items():
            apart, mirrored, unmoved, root = torch.stack(rows).median(0).values.tolist()
            best = min(row[2] for row in torch.stack(rows).tolist())
            if apart <= APART:
                continue
            if mirrored <= APART:
                why = "left and right are swapped in one of them"
            elif root < 1e-6:
                why = f"{path3d.name} is relative to the root, joints in the world are needed"
            elif min(unmoved, best) <= APART:
                why = f"{path3d.name} is in a camera's frame, joints in the world are needed"
            else:
                why = (
                    "another order of joints, other cameras, or frames that do not belong together"
                )
            raise ValueError(
                f"{path2d}: the keypoints of {subject} are not the projection of {path3d.name}, "
                f"they lie {apart:.2g} sizes of a person away, at most {APART} are usual: {why}: "
                f"{remedy}"
            )


def _apart(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Median over frames of the mean distance between joints of a and b (frames, 17, 2), in sizes
    (root mean square distance from the middle) of b.
    """
    size = (b - b.mean(1, keepdim=True)).square().sum(-1).mean(-1).sqrt()
    return ((a - b).norm(dim=-1).mean(-1) / size.clamp_min(1e-9)).median()

"""A moving person as TRC, the table of markers that OpenSim, Mokka and Blender's add-ons read.

The joints as markers, metres, y up: what OpenSim's inverse kinematics fits a model to. They are
centres of joints, not markers on the skin: a model's marker set must place them there.
"""

from pathlib import Path

from ..skeleton import JOINTS, J
from ..support import written_whole
from .motion import checked_motion

# OpenSim's names have no spaces.
MARKERS = tuple("".join(word.capitalize() for word in joint.split()) for joint in JOINTS)


def write_trc(path: str | Path, positions, fps: float = 30.0, start: float = 0.0) -> None:
    """Write positions (T, 17, 3) of Human3.6M's joints, metres, y up; start: the time of
    the first, in seconds.

    Raises ValueError for wrong shapes and numbers that are not finite.
    """
    positions, path = checked_motion("a TRC file", positions, fps), Path(path)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\t"
        "OrigNumFrames",
        f"{fps:g}\t{fps:g}\t{len(positions)}\t{J}\tm\t{fps:g}\t1\t{len(positions)}",
        "Frame#\tTime\t" + "\t\t\t".join(MARKERS) + "\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, J + 1)),
        "",
    ]
    for n, place in enumerate(positions):
        numbers = "\t".join(f"{x:.5f}" for x in place.ravel())
        lines.append(f"{n + 1}\t{start + n / fps:.6f}\t{numbers}")
    with written_whole(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")

"""A made-up subject in the ASF/AMC layout of the CMU database: CRLF, sections, units, CMU's bone
names; random angles.
"""

import numpy as np

# bone: (parent, direction, length in file units, axis degrees, dof)
BONES = {
    "lhipjoint": ("root", (0.57, -0.75, 0.35), 2.4, (0, 0, 0), ()),
    "lfemur": ("lhipjoint", (0.34, -0.94, 0), 7.2, (0, 0, 20), ("rx", "ry", "rz")),
    "ltibia": ("lfemur", (0.34, -0.94, 0), 7.5, (0, 0, 20), ("rx",)),
    "lfoot": ("ltibia", (0.07, -0.18, 0.98), 2.4, (-90, 7.6, 20), ("rx", "rz")),
    "rhipjoint": ("root", (-0.55, -0.76, 0.35), 2.4, (0, 0, 0), ()),
    "rfemur": ("rhipjoint", (-0.34, -0.94, 0), 7.4, (0, 0, -20), ("rx", "ry", "rz")),
    "rtibia": ("rfemur", (-0.34, -0.94, 0), 7.5, (0, 0, -20), ("rx",)),
    "lowerback": ("root", (0.01, 0.99, -0.09), 2.0, (0, 0, 0), ("rx", "ry", "rz")),
    "upperback": ("lowerback", (0.03, 1.0, -0.02), 2.1, (0, 0, 0), ("rx", "ry", "rz")),
    "thorax": ("upperback", (0.02, 1.0, 0.02), 2.1, (0, 0, 0), ("rx", "ry", "rz")),
    "lowerneck": ("thorax", (-0.03, 0.99, 0.1), 1.8, (0, 0, 0), ("rx", "ry", "rz")),
    "upperneck": ("lowerneck", (0.0, 0.98, 0.1), 1.7, (0, 0, 0), ("rx", "ry", "rz")),
    "head": ("upperneck", (0.0, 1.0, -0.05), 1.7, (0, 0, 0), ("rx", "ry", "rz")),
    "lclavicle": ("thorax", (0.9, 0.4, -0.2), 3.6, (0, 0, 0), ("ry", "rz")),
    "lhumerus": ("lclavicle", (1, 0, 0), 5.0, (180, 30, 90), ("rx", "ry", "rz")),
    "lradius": ("lhumerus", (1, 0, 0), 3.2, (180, 30, 90), ("rx",)),
    "rclavicle": ("thorax", (-0.9, 0.4, -0.2), 3.6, (0, 0, 0), ("ry", "rz")),
    "rhumerus": ("rclavicle", (-1, 0, 0), 5.0, (180, -30, -90), ("rx", "ry", "rz")),
    "rradius": ("rhumerus", (-1, 0, 0), 3.2, (180, -30, -90), ("rx",)),
}


def asf_text(leave_out=()):
    lines = [
        "# made up",
        ":version 1.10",
        ":name VICON",
        ":units",
        "  mass 1.0",
        "  length 0.45",
        "  angle deg",
        ":documentation",
        "   none",
    ]
    lines += [
        ":root",
        "   order TX TY TZ RX RY RZ",
        "   axis XYZ",
        "   position 0 0 0",
        "   orientation 0 0 0",
        ":bonedata",
    ]
    for number, (name, (_, direction, length, axis, dof)) in enumerate(BONES.items(), start=1):
        if name in leave_out:
            continue
        lines += [
            "  begin",
            f"     id {number}",
            f"     name {name}",
            "     direction " + " ".join(map(str, direction)),
            f"     length {length}",
        ]
        lines += ["     axis " + " ".join(map(str, axis)) + "  XYZ"]
        if dof:
            lines += [
                "    dof " + " ".join(dof),
                *(
                    "    limits (-160.0 20.0)" if i == 0 else "           (-70.0 70.0)"
                    for i in range(len(dof))
                ),
            ]
        lines += ["  end"]
    lines += [":hierarchy", "  begin"]
    for parent in ("root", *BONES):
        children = [
            name for name, bone in BONES.items() if bone[0] == parent and name not in leave_out
        ]
        if children and parent not in leave_out:
            lines.append("    " + " ".join((parent, *children)))
    return "\r\n".join([*lines, "  end", ""])


def channels(frames, seed=0):
    """Smooth random channels: {"root": (frames, 6), bone: (frames, dof)}."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 3, frames)[:, None]

    def wave(n, size):
        return size * np.sin(rng.uniform(0.5, 2, n) * t + rng.uniform(0, 6, n))

    values = {"root": np.concatenate([wave(3, 3) + [0, 17, 0], wave(3, 30)], 1)}
    return values | {name: wave(len(bone[4]), 35) for name, bone in BONES.items() if bone[4]}


def amc_text(values):
    lines = ["#!OML:ASF made up", ":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(len(values["root"])):
        lines.append(str(frame + 1))
        lines += [
            " ".join([name, *(f"{v:.6g}" for v in rows[frame])]) for name, rows in values.items()
        ]
    return "\r\n".join([*lines, ""])


def write_subject(folder, subject, takes=2, frames=60):
    place = folder / subject
    place.mkdir(parents=True)
    (place / f"{subject}.asf").write_bytes(asf_text().encode())
    for take in range(1, takes + 1):
        (place / f"{subject}_{take:02d}.amc").write_bytes(
            amc_text(channels(frames, seed=take)).encode()
        )
    return place

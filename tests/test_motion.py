"""Recordings from anywhere: the ASF/AMC files of several databases, BVH, sets joined and thinned."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_cmu
import torch

import drpose_core as dr
from drpose_core.output.bvh import write_bvh
from drpose_core.skeleton import bone_lengths
from drpose_core.sources.asf import read_amc, read_asf
from drpose_core.sources.asf_body import body
from drpose_core.sources.bvh import read_bvh
from drpose_core.sources.bvh_body import bvh_joints, metres
from drpose_core.sources.bvh_names import common_nodes
from drpose_core.sources.cmu import cmu_subjects, recordings


def rewritten(path, edit):
    path.write_bytes(edit(path.read_bytes().decode("latin-1")).encode("latin-1"))


def one(folder, **options):
    return dr.cmu_poses(folder, keypoints="exact", **options)


def test_latin_letters_capitals_and_mac_files_change_nothing(tmp_path):
    plain = tiny_cmu.write_subject(tmp_path / "a", "07", takes=1).parent
    other = tiny_cmu.write_subject(tmp_path / "b", "07", takes=1)
    for name in ("07.asf", "07_01.amc"):
        rewritten(other / name, lambda text: "# aufgenommen f\xfcr Bonn\r\n" + text)
        (other / f"._{name}").write_bytes(b"\x00\x05\x16\x07 no skeleton")
        (other / name).rename(other / name.upper())
    (other / "07_01.AMC").rename(other / "07_01x.AMC")
    (other / "07_01x.AMC").rename(other / "07_01.AMC")
    a, b = one(plain), one(other.parent)
    assert torch.equal(a.kp2d, b.kp2d) and a.sequences == b.sequences


def test_radians_are_degrees_in_another_unit(tmp_path):
    degrees = tiny_cmu.write_subject(tmp_path / "a", "07", takes=1, frames=20)
    for name, where in (("amc", "header"), ("both", "skeleton alone")):
        place = tiny_cmu.write_subject(tmp_path / name, "07", takes=1, frames=20)
        values = tiny_cmu.channels(20, seed=1)
        for bone, rows in values.items():
            turning = slice(3, 6) if bone == "root" else slice(None)
            rows[:, turning] = np.radians(rows[:, turning])
        text = tiny_cmu.amc_text(values)
        if where == "header":
            text = text.replace(":DEGREES", ":RADIANS")
        else:
            text = text.replace(":DEGREES\r\n", "")
            rewritten(place / "07.asf", in_radians)
        (place / "07_01.amc").write_text(text)
        a, b = one(degrees.parent), one(place.parent)
        assert (a.pose3d - b.pose3d).abs().max() < 1e-4, where


def in_radians(text):
    lines = []
    for line in text.replace("angle deg", "angle rad").splitlines():
        words = line.split()
        if words[:1] == ["axis"] and len(words) == 5:
            line = " ".join(["axis", *(f"{np.radians(float(x)):.9f}" for x in words[1:4]), "XYZ"])
        lines.append(line)
    return "\r\n".join(lines)


def test_angles_that_may_be_radians_are_pointed_out(tmp_path):
    place = tiny_cmu.write_subject(tmp_path, "07", takes=1, frames=150)
    values = {k: 0.02 * v if k != "root" else v * 0 + 1 for k, v in tiny_cmu.channels(150).items()}
    (place / "07_01.amc").write_text(tiny_cmu.amc_text(values))
    with pytest.warns(UserWarning, match=r"no angle is above .* write :RADIANS into its header"):
        one(tmp_path)


@pytest.mark.parametrize(
    "unit, metre", [("centimetres", 0.01), ("metres", 1.0), ("inches", 0.0254)]
)
def test_a_length_unit_of_one_is_found_by_the_legs(tmp_path, unit, metre):
    """:units length 1.0 means inches to the formula of CMU's files; others write other units."""
    plain = tiny_cmu.write_subject(tmp_path / "a", "07", takes=1)
    place = tiny_cmu.write_subject(tmp_path / "b", "07", takes=1)
    factor = 0.0254 / 0.45 / metre

    def edit(text):
        lines = []
        for line in text.replace("length 0.45", "LENGTH 1.0").splitlines():
            words = line.split()
            if words[:1] == ["length"]:
                line = f"length {float(words[1]) * factor:.9f}"
            lines.append(line.replace("LENGTH", "length"))
        return "\r\n".join(lines)

    rewritten(place / "07.asf", edit)
    values = tiny_cmu.channels(60, seed=1)
    values["root"][:, :3] *= factor
    (place / "07_01.amc").write_text(tiny_cmu.amc_text(values))
    if unit == "inches":
        b = one(place.parent)
    else:
        with pytest.warns(UserWarning, match=f"its lengths are taken for {unit}"):
            b = one(place.parent)
    a = one(plain.parent)
    assert (a.pose3d - b.pose3d).abs().max() < 1e-4 and (a.root - b.root).abs().max() < 1e-3


def test_equal_names_in_several_folders_stay_apart(tmp_path):
    for database in ("one", "two"):
        tiny_cmu.write_subject(tmp_path / database, "07", takes=1)
    tiny_cmu.write_subject(tmp_path / "two", "08", takes=1)
    assert list(cmu_subjects(tmp_path)) == ["one-07", "two-07", "08"]
    poses = one(tmp_path)
    subjects = [name.split("/")[0] for name in poses.sequences]
    assert sorted(set(subjects)) == ["08", "one-07", "two-07"] and len(set(poses.sequences)) == 12


def test_subjects_named_by_letters_have_headings_and_cameras_of_their_own(tmp_path):
    names = ("HDM_bd", "HDM_bk", "zombie", "backflip", "salsa", "tango", "walk")
    for name in names:
        tiny_cmu.write_subject(tmp_path, name, takes=1)
    takes = list(recordings(cmu_subjects(tmp_path), 0, 1))
    facing = [take.world[0, 4] - take.world[0, 1] for take in takes]
    angles = np.sort([np.arctan2(x[1], x[0]) for x in facing])
    assert np.diff(angles).min() > 0.005 and len({take.cameras for take in takes}) > 2
    again = next(iter(recordings({"salsa": tmp_path / "salsa" / "salsa.asf"}, 0, 1)))
    assert np.array_equal(again.world, takes[sorted(names).index("salsa")].world)


def test_headings_of_numbered_subjects_are_those_they_always_had(tmp_path):
    tiny_cmu.write_subject(tmp_path, "07", takes=1)
    take = next(recordings(cmu_subjects(tmp_path), 3, 1))
    yaw = np.random.default_rng([3, 4, 7, 1]).uniform(0, 2 * np.pi)
    place = tmp_path / "07"
    skeleton = read_asf(place / "07.asf")
    hips = body(skeleton, read_amc(place / "07_01.amc", skeleton)).joints[0, [1, 4]]
    x, y = (hips[1] - hips[0])[:2]
    turned = (x * np.cos(yaw) - y * np.sin(yaw), x * np.sin(yaw) + y * np.cos(yaw))
    assert np.allclose((take.world[0, 4] - take.world[0, 1])[:2], turned, atol=1e-9)
    assert take.cameras == "S1"  # 7 % 7


@pytest.mark.parametrize("rate, frames", [(None, 51), (60, 101), (240, 26)])
def test_the_frame_rate_decides_how_many_frames_there_are(tmp_path, rate, frames):
    tiny_cmu.write_subject(tmp_path, "07", takes=1, frames=121)
    assert one(tmp_path, frame_rate=rate).frame.max() + 1 == frames
    rewritten(tmp_path / "07" / "07_01.amc", lambda t: ":SAMPLES-PER-SECOND 60\r\n" + t)
    assert one(tmp_path, frame_rate=rate).frame.max() + 1 == (frames if rate else 101)


def test_hdm05_says_its_rate_at_the_end_of_its_names(tmp_path):
    place = tiny_cmu.write_subject(tmp_path, "HDM_bd", takes=1, frames=121)
    (place / "HDM_bd_01.amc").rename(place / "HDM_bd_01-02_03_60.amc")
    poses = one(tmp_path)
    assert poses.frame.max() + 1 == 101
    assert poses.skeleton == "HDM05" and "CC BY-SA 3.0" in poses.source


def test_the_wrist_is_the_end_of_the_forearm_s_second_bone(tmp_path):
    """CMU splits the forearm, so that it can twist; both parts lie on one line."""
    place = tiny_cmu.write_subject(tmp_path, "07", takes=1)

    def with_wrists(text):
        bones = "".join(
            f"  begin\r\n id 9{k}\r\n name {s}wrist\r\n direction {1 - 2 * k} 0 0\r\n length 1.6\r\n"
            f" axis 180 {30 - 60 * k} {90 - 180 * k} XYZ\r\n end\r\n"
            for k, s in enumerate("lr")
        )
        text = text.replace(":hierarchy", bones + ":hierarchy")
        for s in "lr":
            text = text.replace(
                f"{s}humerus {s}radius", f"{s}humerus {s}radius\r\n{s}radius {s}wrist"
            )
        return text

    rewritten(place / "07.asf", with_wrists)
    own, coco = one(tmp_path), one(tmp_path, joints="coco")
    elbow, wrist = (own.pose3d + own.root[:, None])[:, [12, 13]].unbind(1)
    wanted = elbow + (wrist - elbow) * (3.2 + 1.6) / 3.2
    assert ((coco.pose3d + coco.root[:, None])[:, 13] - wanted).norm(dim=-1).max() < 2e-3
    assert coco.skeleton == "made of COCO's joints"


def walking(frames=40):
    """Somebody in the frame of a camera, (frames, 17, 3)."""
    poses = dr.synthetic_poses("test", stride=1, seconds=2, takes=1, keypoints="exact")
    rows = poses.sequence == 1
    return (poses.pose3d + poses.root[:, None])[rows][:frames]


@pytest.mark.parametrize("unit", [1.0, 0.01, 0.45 / 2.54, 1 / 2.54])
def test_bvh_files_of_this_kit_come_back(tmp_path, unit):
    body = walking()
    write_bvh(tmp_path / "walk.bvh", body, fps=50)
    if unit != 1:
        rewritten(tmp_path / "walk.bvh", lambda text: scaled(text, unit))
    poses = dr.bvh_poses(tmp_path / "walk.bvh", keypoints="exact")
    assert len(poses) == 4 * len(body) and poses.skeleton == "BVH walk"
    assert (bone_lengths(poses.pose3d)[:40] - bone_lengths(body)).abs().max() < 0.01
    apart = torch.cdist(body, body), torch.cdist(poses.pose3d[:40], poses.pose3d[:40])
    assert (apart[0] - apart[1]).abs().max() < 0.012  # the same body, turned


def scaled(text, factor):
    head, motion = text.split("MOTION")
    lines = []
    for line in head.splitlines():
        words = line.split()
        if words[:1] == ["OFFSET"]:
            line = "OFFSET " + " ".join(f"{factor * float(x):.7f}" for x in words[1:])
        lines.append(line)
    first, second, third, *rows = motion.strip().splitlines()
    assert first.startswith("Frames")
    rows = [third, *rows] if not third.startswith("Frame") else rows
    numbers = np.array([[float(x) for x in row.split()] for row in rows])
    numbers[:, :3] *= factor
    body = "\n".join(" ".join(f"{x:.7f}" for x in row) for row in numbers)
    return "\n".join([*lines, "MOTION", first, second, body])


ARMED = """HIERARCHY
ROOT {hips}
{{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
 {spine}
 {left}
 {right}
}}
MOTION
Frames: 2
Frame Time: 0.0333333
{values}
{values}
"""


def chain(nodes, end):
    """Nested nodes of (name, offset) and what hangs on the last one."""
    text, channels = "", 0
    for name, offset in nodes:
        text += f"JOINT {name} {{ OFFSET {offset} CHANNELS 3 Zrotation Xrotation Yrotation "
        channels += 3
    tail, more = end
    return text + tail + " }" * len(nodes), channels + more


TIP = ("End Site { OFFSET 0 5 0 }", 0)
STYLES = {
    "LAFAN1": (
        "Hips",
        "{S}UpLeg {S}Leg {S}Foot",
        "Spine Spine1 Spine2",
        "{S}Shoulder {S}Arm {S}ForeArm {S}Hand",
        ("Left", "Right"),
    ),
    "100STYLE": (
        "Hips",
        "{S}Hip {S}Knee {S}Ankle",
        "Chest Chest2 Chest3",
        "{S}Collar {S}Shoulder {S}Elbow {S}Wrist",
        ("Left", "Right"),
    ),
    "Bandai Namco": (
        "Hips",
        "UpperLeg_{S} LowerLeg_{S} Foot_{S}",
        "Spine Chest Chest2",
        "Shoulder_{S} UpperArm_{S} LowerArm_{S} Hand_{S}",
        ("L", "R"),
    ),
    "Mixamo": (
        "mixamorig:Hips",
        "mixamorig:{S}UpLeg mixamorig:{S}Leg mixamorig:{S}Foot",
        "mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2",
        "mixamorig:{S}Shoulder mixamorig:{S}Arm mixamorig:{S}ForeArm mixamorig:{S}Hand",
        ("Left", "Right"),
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_the_widespread_skeletons_are_read_by_their_names(tmp_path, style):
    root, leg, back, arm, sides = STYLES[style]
    parts, count = {}, 6
    arms = []
    for side, sign in zip(sides, (1, -1)):
        legs = leg.format(S=side).split()
        parts[sign], n = chain(
            list(zip(legs, (f"{sign * 9} -8 0", "0 -42 0", "0 -41 0"))),
            ("End Site { OFFSET 0 0 12 }", 0),
        )
        names = arm.format(S=side).split()
        text, m = chain(
            list(
                zip(
                    names,
                    (
                        f"{sign * 3} 20 0",
                        f"{sign * 15} 0 0",
                        f"{sign * 28} 0 0",
                        f"{sign * 26} 0 0",
                    ),
                )
            ),
            ("End Site { OFFSET 9 0 0 }", 0),
        )
        arms.append(text)
        count += n + m
    prefix = "mixamorig:" if "mixamo" in root else ""
    head, n = chain(
        [(prefix + "Neck", "0 24 0"), (prefix + "Head", "0 12 2")],
        ("End Site { OFFSET 0 18 0 }", 0),
    )
    spine, m = chain(
        list(zip(back.split(), ("0 10 0", "0 12 0", "0 11 0"))), (" ".join([head, *arms]), n)
    )
    values = " ".join(["5 93 7", *["0"] * (count + m - 3)])
    file = tmp_path / "someone.bvh"
    file.write_text(
        ARMED.format(hips=root, spine=spine, left=parts[1], right=parts[-1], values=values)
    )
    tree, motion, rate = read_bvh(file)
    assert rate == pytest.approx(30, rel=1e-4)
    joints = metres(file, bvh_joints(file, tree, motion, common_nodes(file, tree)))[0]
    x, y, z = joints.T
    expected = {
        "left hip": (0.14, 0.85), "left knee": (0.14, 0.43), "left foot": (0.14, 0.02),
        "right foot": (-0.04, 0.02), "spine": (0.05, 1.26), "thorax": (0.05, 1.50),
        "neck": (0.05, 1.62), "head": (0.05, 1.80), "left shoulder": (0.23, 1.46),
        "left elbow": (0.51, 1.46), "left wrist": (0.77, 1.46), "right wrist": (-0.67, 1.46),
    }  # fmt: skip
    for name, place in expected.items():
        j = dr.JOINTS.index(name)
        assert (x[j], z[j]) == pytest.approx(place, abs=1e-6), name
    assert y[dr.JOINTS.index("left knee")] == pytest.approx(-0.07)


def test_rotations_follow_the_order_of_the_channels(tmp_path):
    """One bone, turned step by step with matrices written out."""
    file = tmp_path / "bone.bvh"
    file.write_text(
        "HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 6 Xposition Yposition Zposition Yrotation "
        "Xrotation Zrotation JOINT b { OFFSET 1 2 3 CHANNELS 3 Zrotation Xrotation Yrotation "
        "End Site { OFFSET 4 5 6 } } } MOTION Frames: 1 Frame Time: 0.01\n7 8 9 10 20 30 40 50 60"
    )
    from drpose_core.sources.bvh_body import _places

    tree, motion, _ = read_bvh(file)
    place = _places(tree, motion)[0]

    def about(axis, degrees):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i, j = [(1, 2), (2, 0), (0, 1)]["xyz".index(axis)]
        matrix = np.eye(3)
        matrix[i, i] = matrix[j, j] = c
        matrix[i, j], matrix[j, i] = -s, s
        return matrix

    a = about("y", 10) @ about("x", 20) @ about("z", 30)
    b = a @ about("z", 40) @ about("x", 50) @ about("y", 60)
    start = np.array([7.0, 8, 9])
    assert np.allclose(place[1], start + a @ [1, 2, 3])
    assert np.allclose(place[2], start + a @ [1, 2, 3] + b @ [4, 5, 6])


@pytest.mark.parametrize(
    "edit, sentence",
    [
        (lambda t: t[:600], "is no complete BVH file .*MOTION"),
        (
            lambda t: t[: t.rindex("\n", 0, -300)],
            r"BVH file \([\d,]+ numbers in place of 40 frames of 54",
        ),
        (lambda t: t.replace("Time: 0.02000000", "Time: 20"), "a Frame Time of 20"),
        (lambda t: t.replace("Zrotation", "Wrotation"), "an unknown channel 'wrotation'"),
        (lambda t: t.replace("LeftForeArm", "Tail"), "no node that looks like the left elbow"),
        (lambda t: scaled(t, 31.0), "no human's in metres, centimetres"),
    ],
)
def test_bad_bvh_files_get_a_sentence(tmp_path, edit, sentence):
    write_bvh(tmp_path / "walk.bvh", walking(), fps=50)
    rewritten(tmp_path / "walk.bvh", edit)
    with pytest.raises(ValueError, match=sentence):
        dr.bvh_poses(tmp_path / "walk.bvh")


def test_the_conversion_that_lost_a_bone_is_pointed_out(tmp_path):
    write_bvh(tmp_path / "walk.bvh", walking(), fps=50)

    def as_cgspeed(text):
        text = text.replace("JOINT Neck", "JOINT Spine1").replace("JOINT Head", "JOINT Neck1")
        return text

    rewritten(tmp_path / "walk.bvh", as_cgspeed)
    tree = read_bvh(tmp_path / "walk.bvh")[0]
    from drpose_core.sources.bvh_names import Node, known_fault

    spine = next(n for n, node in enumerate(tree) if node.name == "Spine1")
    tree.append(Node("Neck", spine, np.zeros(3)))
    for node in tree:
        if node.name in ("LeftShoulder", "RightShoulder"):
            node.parent = spine
    assert "lost the bone thorax" in known_fault(tree)
    tree[-1].parent = 0
    assert known_fault(tree) is None


def small(name="07", **options):
    return dr.synthetic_poses("test", stride=10, seconds=2, takes=1, **options)


def test_joined_sets_keep_every_row_and_name(tmp_path):
    tiny_cmu.write_subject(tmp_path / "a", "07", takes=2)
    tiny_cmu.write_subject(tmp_path / "b", "HDM_bd", takes=1)
    a, b = one(tmp_path / "a"), one(tmp_path / "b")
    both = dr.joined_poses([a, b])
    both.check()
    assert len(both) == len(a) + len(b) and torch.equal(both.kp2d[len(a) :], b.kp2d)
    assert both.sequences == [f"CMU:{s}" for s in a.sequences] + [f"HDM05:{s}" for s in b.sequences]
    assert [both.actions[i] for i in both.action[len(a) :]] == [b.actions[i] for i in b.action]
    assert (
        both.skeleton == "CMU + HDM05" and "CC BY-SA" in both.source and "CMU mocap" in both.source
    )
    assert [("resold" in words, "BY-SA" in words) for words in both.terms] == [
        (take.subject.startswith("CMU"), take.subject.startswith("HDM05")) for take in both.takes
    ]
    both.save(tmp_path / "both.npz")
    assert dr.PoseSet.load(tmp_path / "both.npz").terms == both.terms
    assert len(both.describe()["terms"]) == 2 and len(both[: len(a)].describe()["terms"]) == 1
    with pytest.raises(ValueError, match=r"PoseSet.terms has 1 entries for"):
        replace(both, terms=["mine"])
    own = replace(a, sequences=[f"my {name}" for name in a.sequences], terms=None, source="mine")
    assert dr.joined_poses([a, own]).terms == a.terms + ["mine"] * len(own.sequences)
    wild = one(tmp_path / "a", cameras="random", joints="coco")
    some = dr.joined_poses([a, wild])
    assert torch.equal(some.rotation[: len(a)], torch.eye(3).expand(len(a), 3, 3))
    assert torch.equal(some.rotation[len(a) :], wild.rotation)
    with pytest.raises(ValueError, match="two of the pose sets have the sequence 07/07_01/0"):
        dr.joined_poses([a, a])
    with pytest.raises(ValueError, match="at least one"):
        dr.joined_poses([])


@pytest.mark.parametrize("millimetres", [5.0, 60.0, 1e6])
def test_thinning_keeps_the_poses_that_differ_one_after_the_other(millimetres):
    poses = dr.synthetic_poses("test", stride=5, seconds=2, takes=1, keypoints="exact")
    poses = poses[torch.randperm(len(poses), generator=dr.generator(0))]
    thin = dr.thinned(poses, millimetres)
    kept = []
    for sequence in range(len(poses.sequences)):
        rows = torch.where(poses.sequence == sequence)[0]
        last = None
        for row in rows[poses.frame[rows].argsort()].tolist():
            if last is None or 1000 * dr.mpjpe(poses.pose3d[row], last) >= millimetres:
                kept.append(row)
                last = poses.pose3d[row]
    assert torch.equal(thin.pose3d, poses.pose3d[sorted(kept)])
    assert len(dr.thinned(poses, 0)) == len(poses)

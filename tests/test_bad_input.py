"""Bad files and bad arguments: each gets one sentence that names the culprit and the remedy, and
nothing is left half written.
"""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import tiny_cmu
import torch
from helpers import MINI, published_state

import drpose_core as dr
from drpose_core import plots
from drpose_core.cameras import world_to_camera
from drpose_core.skeleton import MIRRORED

# --- Human3.6M files


def mini(folder, which="2d", edit=None, raw=None):
    """A copy of the small Human3.6M set in folder, with one file's dictionary edited or its bytes
    replaced.
    """
    shutil.copytree(MINI, folder, dirs_exist_ok=True)
    key, name = {
        "2d": ("positions_2d", "data_2d_h36m_gt.npz"),
        "3d": ("positions_3d", "data_3d_h36m.npz"),
    }[which]
    if edit:
        content = np.load(folder / name, allow_pickle=True)[key].item()
        np.savez(folder / name, **{key: np.array(edit(content) or content, dtype=object)})
    if raw:
        (folder / name).write_bytes(raw((folder / name).read_bytes()))
    return lambda: dr.h36m_poses(folder, keypoints="gt")


def change(content, value, subject="S9", recording="Walking 1"):
    content[subject][recording] = value(content[subject][recording])


def nan_in(array):
    array = array.copy()
    array[3, 4, 0] = np.nan
    return array


def everywhere(edit):
    """Edit every array of a file's dictionary, a list of cameras camera by camera."""

    def change_all(content):
        for recordings in content.values():
            for name, value in recordings.items():
                many = isinstance(value, list)
                recordings[name] = [edit(x) for x in value] if many else edit(value)

    return change_all


def in_camera(content):
    for subject, recordings in content.items():
        camera = dr.h36m_cameras(subject)[0]
        for name, world in recordings.items():
            world = torch.as_tensor(np.array(world), dtype=torch.float32)
            recordings[name] = world_to_camera(world, camera).numpy()


def named(folder, **metadata):
    """The small set, its 2D file with VideoPose3D's metadata."""
    shutil.copytree(MINI, folder, dirs_exist_ok=True)
    path = folder / "data_2d_h36m_gt.npz"
    content = np.load(path, allow_pickle=True)["positions_2d"]
    np.savez(path, positions_2d=content, metadata=np.array(metadata, dtype=object))
    return lambda: dr.h36m_poses(folder, keypoints="gt")


COCO_SIDES = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
H36M = {
    "COCO by name": (lambda d: named(d, layout_name="coco", keypoints_symmetry=COCO_SIDES), r"gt.npz says in its metadata that its joints are those of coco.*take keypoints of Human3.6M's joints"),
    "COCO by its sides": (lambda d: named(d, keypoints_symmetry=COCO_SIDES), r"metadata that its joints are those of another layout"),
    "millimetres": (lambda d: mini(d, "3d", everywhere(lambda a: a * 1000)), r"data_3d_h36m.npz: S9/\S+ 1 has 4\d\d.* from hip to knee, metres are needed.*millimetres: divide by 1000"),
    "inches": (lambda d: mini(d, "3d", everywhere(lambda a: a * 39.37)), r"another unit or another order"),
    "normalised 2D": (lambda d: mini(d, "2d", everywhere(lambda a: a / 500 - 1)), r"gt.npz: S9/\S+ 1/0 has keypoints between -.* normalised already: pixels are needed"),
    "sides swapped": (lambda d: mini(d, "2d", everywhere(lambda a: a[:, list(MIRRORED)])), r"gt.npz: the keypoints of S9 are not the projection of data_3d_h36m.npz.*left and right are swapped"),
    "COCO's order unnamed": (lambda d: mini(d, "2d", everywhere(lambda a: np.roll(a, 5, axis=1))), r"not the projection .* another order of joints, other cameras"),
    "3D in a camera's frame": (lambda d: mini(d, "3d", in_camera), r"not the projection .* is in a camera's frame"),
    "3D relative to the root": (lambda d: mini(d, "3d", everywhere(lambda a: a - a[:, :1])), r"not the projection .* is relative to the root"),
    "other frames": (lambda d: mini(d, "2d", everywhere(lambda a: a + 200)), r"they lie [\d.]+ sizes of a person away"),
    "missing folder": (lambda d: lambda: dr.h36m_poses(d / "nowhere"), r"data_2d_h36m_cpn_ft_h36m_dbb.npz not found: see data/README.md"),
    "missing 3D file": (lambda d: (mini(d), (d / "data_3d_h36m.npz").unlink())[0], r"data_3d_h36m.npz not found: see data/README.md"),
    "other keypoints there": (lambda d: (mini(d), lambda: dr.h36m_poses(d, keypoints="hrnet"))[1], r"hrnet.npz not found: this folder has keypoints cpn_ft_h36m_dbb, gt"),
    "truncated": (lambda d: mini(d, raw=lambda b: b[: len(b) // 2]), r"data_2d_h36m_gt.npz cannot be used.*see data/README.md"),
    "damaged inside": (lambda d: mini(d, raw=lambda b: b[:3000] + bytes(200) + b[3200:]), r"data_2d_h36m_gt.npz cannot be used"),
    "no zip": (lambda d: mini(d, raw=lambda b: b"hello"), r"data_2d_h36m_gt.npz cannot be used"),
    "empty file": (lambda d: mini(d, "3d", raw=lambda b: b""), r"data_3d_h36m.npz cannot be used"),
    "wrong key": (lambda d: (mini(d), np.savez(d / "data_3d_h36m.npz", poses=np.zeros(3)))[0], r"data_3d_h36m.npz cannot be used, it holds no 'positions_3d'"),
    "an array instead": (lambda d: (mini(d), np.savez(d / "data_3d_h36m.npz", positions_3d=np.zeros(3)))[0], r"no pickled dictionary"),
    "a list instead": (lambda d: mini(d, "3d", lambda c: [1, 2]), r"'positions_3d' is no (pickled )?dictionary"),
    "missing subject": (lambda d: mini(d, "3d", lambda c: c.pop("S11") and c), r"data_3d_h36m.npz lacks subject S11 \(it has S1, .*S9\): see"),
    "subject is no dictionary": (lambda d: mini(d, "2d", lambda c: c.update(S9=3)), r"data_2d_h36m_gt.npz: subject S9 is no dictionary"),
    "wrong joints 3D": (lambda d: mini(d, "3d", lambda c: change(c, lambda a: a[:, :20])), r"3d_h36m.npz: S9/Walking 1 should be numbers \(frames, 32, 3\), it is \(24, 20, 3\)"),
    "wrong joints 2D": (lambda d: mini(d, "2d", lambda c: change(c, lambda v: [a[:, :16] for a in v])), r"gt.npz: S9/Walking 1/0 should be numbers \(frames, 17, 2\)"),
    "text as poses": (lambda d: mini(d, "3d", lambda c: change(c, lambda a: "walk")), r"S9/Walking 1 should be numbers .* it is str"),
    "NaN 3D": (lambda d: mini(d, "3d", lambda c: change(c, nan_in)), r"3d_h36m.npz: S9/Walking 1 holds NaN or infinite"),
    "NaN 2D": (lambda d: mini(d, "2d", lambda c: change(c, lambda v: [*v[:2], nan_in(v[2]), v[3]])), r"gt.npz: S9/Walking 1/2 holds NaN"),
    "three cameras": (lambda d: mini(d, "2d", lambda c: change(c, lambda v: v[:3])), r"gt.npz: S9/Walking 1 has 3 cameras instead of 4"),
    "views are a number": (lambda d: mini(d, "2d", lambda c: change(c, lambda v: 4)), r"gt.npz: S9/Walking 1 should be a list of 4 cameras, it is int"),
    "missing recording": (lambda d: mini(d, "2d", lambda c: c["S9"].pop("Walking 1") and c), r"gt.npz lacks S9/Walking 1, which data_3d_h36m.npz has"),
    "short 2D": (lambda d: mini(d, "2d", lambda c: change(c, lambda v: [a[:20] for a in v])), r"S9/Walking 1/0 has fewer frames than data_3d_h36m.npz, 20 of 24"),
    "no recordings": (lambda d: mini(d, "3d", lambda c: c.update(S9={}, S11={})), r"data_3d_h36m.npz holds no recordings of S9, S11"),
    "no frames": (lambda d: mini(d, "3d", lambda c: change(c, lambda a: a[:0])), r"3d_h36m.npz: S9/Walking 1 has no frames"),
    "unknown subject": (lambda d: lambda: dr.h36m_poses(MINI, subjects=("S9", "S2")), r"unknown subject S2: Human3.6M has S1, S5"),
    "stride 0": (lambda d: lambda: dr.h36m_poses(MINI, stride=0), r"stride must be at least 1, got 0"),
}  # fmt: skip


# --- CMU files


def cmu(folder, edit_asf=None, edit_amc=None):
    place = tiny_cmu.write_subject(folder / "cmu", "07", takes=1, frames=10)
    for name, edit in (("07.asf", edit_asf), ("07_01.amc", edit_amc)):
        if edit:
            (place / name).write_text(edit((place / name).read_text()))
    return lambda: dr.cmu_poses(folder / "cmu")


CMU = {
    "no folder": (lambda d: lambda: dr.cmu_poses(d / "nowhere"), r"nowhere is no folder: give the folder that holds NN/NN.asf"),
    "no skeleton": (lambda d: lambda: dr.cmu_poses(d), r"holds no .asf skeleton: give the folder"),
    "no recording": (lambda d: (cmu(d), (d / "cmu/07/07_01.amc").unlink())[0], r"has a skeleton but no recording 07_MM.amc: download it again"),
    "missing subject": (lambda d: (cmu(d), lambda: dr.cmu_poses(d / "cmu", subjects=("09",)))[1], r"has no subject 09 \(it has 07\)"),
    "one subject to split": (lambda d: (cmu(d), lambda: dr.load_poses("cmu", "train", d / "cmu"))[1], r"one subject, 07; .* need different ones"),
    "skeleton cut off": (lambda d: cmu(d, lambda s: s[: len(s) // 2]), r"07.asf is no complete ASF skeleton"),
    "bone missing": (lambda d: cmu(d, lambda s: tiny_cmu.asf_text(leave_out=("rradius",))), r"07.asf lacks the bones rradius"),
    "bone of no length": (lambda d: cmu(d, lambda s: s.replace("length 7.2", "length nan")), r"07.asf is no complete ASF skeleton \(lfemur has a length or an axis that is not finite"),
    "unit of no length": (lambda d: cmu(d, lambda s: s.replace("length 0.45", "length 0")), r"07.asf is no complete ASF skeleton"),
    "foreign angles": (lambda d: cmu(d, lambda s: s.replace("angle deg", "angle gon")), r"07.asf is no complete ASF skeleton \(angles in gon, neither deg nor rad"),
    "nobody's legs": (lambda d: cmu(d, lambda s: s.replace("length 7.2", "length 300")), r"07.asf: thigh and shank together are [\d.]+ m long by its unit, and no human's"),
    "nobody's arm": (lambda d: cmu(d, lambda s: s.replace("length 5.0", "length 50")), r"07_01.amc shows no human body, the upper arm of 2.8 m does not fit legs of 0.8\d m"),
    "NaN axis": (lambda d: cmu(d, lambda s: s.replace("axis 0 0 20", "axis nan 0 20")), r"07.asf .* \(lfemur has a length or an axis that is not finite"),
    "unknown channel": (lambda d: cmu(d, lambda s: s.replace("dof rx ry rz", "dof rx ry rq", 1)), r"07.asf .* \(lfemur moves in unknown ways, rq"),
    "word for a number": (lambda d: cmu(d, lambda s: s.replace("length 7.2", "length long")), r"07.asf is no complete ASF skeleton"),
    "recording cut off": (lambda d: cmu(d, edit_amc=lambda s: s[:-200]), r"07_01.amc(, line \d+: .* does not fit| breaks off or skips bones)"),
    "frame cut off": (lambda d: cmu(d, edit_amc=lambda s: s[: s.rindex("rradius")]), r"07_01.amc breaks off or skips bones \(rradius has 9 of 10"),
    "foreign bone": (lambda d: cmu(d, edit_amc=lambda s: s.replace("rradius", "tail", 1)), r"07_01.amc, line \d+: tail with 1 channels does not fit"),
    "no number": (lambda d: cmu(d, edit_amc=lambda s: s.replace("rradius ", "rradius x", 1)), r"line \d+: rradius has something that is no number"),
    "NaN": (lambda d: cmu(d, edit_amc=lambda s: s.replace("rradius ", "rradius nan#", 1).replace("nan#", "nan\r\n#", 1)), r"07_01.amc holds NaN"),
    "empty recording": (lambda d: cmu(d, edit_amc=lambda s: ""), r"07_01.amc holds no frames"),
    "binary": (lambda d: (cmu(d), (d / "cmu/07/07_01.amc").write_bytes(b"\xff\xfe\x00"))[0], r"07_01.amc cannot be read as text"),
}  # fmt: skip


# --- pose sets, checkpoints


def pose_file(folder, **edits):
    poses = dr.synthetic_poses("test", stride=50, seconds=1, takes=1)[:5]
    poses.save(folder / "p.npz")
    content = dict(np.load(folder / "p.npz")) | edits
    np.savez(
        folder / "p.npz", **{name: value for name, value in content.items() if value is not None}
    )
    return lambda: dr.PoseSet.load(folder / "p.npz")


def checkpoint(folder, edit=lambda b: b, metadata=None):
    from safetensors.torch import save_file

    if metadata is not None:
        save_file({"a": torch.zeros(2)}, folder / "c.safetensors", metadata=metadata)
    else:
        dr.save_checkpoint(folder / "c.safetensors", dr.DRPose(dr.ModelConfig(depth=1)))
    (folder / "c.safetensors").write_bytes(edit((folder / "c.safetensors").read_bytes()))
    return lambda: dr.load_checkpoint(folder / "c.safetensors")


def published(edit):
    state = published_state()
    edit(state)
    return lambda: dr.load_published(state)


FILES = {
    "no pose file": (lambda d: lambda: dr.PoseSet.load(d / "p.npz"), r"p.npz not found: make it with PoseSet.save"),
    "pose file cut off": (lambda d: (pose_file(d), (d / "p.npz").write_bytes((d / "p.npz").read_bytes()[:5000]))[0], r"p.npz is no pose set, or a damaged"),
    "column missing": (lambda d: pose_file(d, root=None), r"p.npz is no pose set, it lacks root"),
    "column too short": (lambda d: pose_file(d, root=np.zeros((3, 3), np.float32)), r"p.npz: PoseSet.root must be \('N', 3\) with N = 5, got \(3, 3\)"),
    "NaN in a column": (lambda d: pose_file(d, root=np.full((5, 3), np.nan, np.float32)), r"p.npz: root holds NaN"),
    "pickled column": (lambda d: pose_file(d, root=np.array([None] * 5)), r"p.npz is no pose set, or a damaged one"),
    "action without a name": (lambda d: pose_file(d, action=np.full(5, 77)), r"p.npz: PoseSet.action points past its 15 names"),
    "text as a column": (lambda d: pose_file(d, kp2d=np.array(["a"] * 5)), r"p.npz: can't convert np.ndarray of type numpy.str_"),
    "doubles": (lambda d: pose_file(d, root=np.zeros((5, 3))), r"p.npz: root must be torch.float32, it is torch.float64"),
    "poses in the world": (lambda d: pose_file(d, pose3d=np.ones((5, 17, 3), np.float32)), r"p.npz: pose3d is not relative to joint 0"),
    "heads that do not divide": (lambda d: checkpoint(d, metadata={"drpose": '{"config": {"heads": 7}}'}), r"config this version does not know .*multiple of heads"),
    "no checkpoint": (lambda d: lambda: dr.load_checkpoint(d / "c.safetensors"), r"c.safetensors not found: train one with notebook 03"),
    "checkpoint cut off": (lambda d: checkpoint(d, lambda b: b[:3000]), r"c.safetensors is not a checkpoint, or is damaged"),
    "foreign safetensors": (lambda d: checkpoint(d, metadata={"format": "pt"}), r"without a drpose config"),
    "config is no JSON": (lambda d: checkpoint(d, metadata={"drpose": "{"}), r"c.safetensors has a config that cannot be read"),
    "config of tomorrow": (lambda d: checkpoint(d, metadata={"drpose": '{"config": {"wings": 2}}'}), r"c.safetensors has a config this version does not know"),
    "weights do not fit": (lambda d: checkpoint(d, metadata={"drpose": '{"config": {}}'}), r"c.safetensors does not fit its own config"),
    "no .pth": (lambda d: lambda: dr.load_published(d / "best.pth"), r"best.pth not found: give the published .pth"),
    ".pth is text": (lambda d: ((d / "best.pth").write_text("hi"), lambda: dr.load_published(d / "best.pth"))[1], r"best.pth cannot be read as weights alone"),
    ".pth is a list": (lambda d: (torch.save([1], d / "best.pth"), lambda: dr.load_published(d / "best.pth"))[1], r"best.pth holds no plain state dict"),
    "entry missing": (lambda d: published(lambda s: s.pop("pose_estimator.gconv_input.bias")), r"it lacks pose_estimator.gconv_input.bias$"),
    "entry left over": (lambda d: published(lambda s: s.update({"encoder_feat.extra.weight": torch.zeros(1)})), r"it has left over encoder_feat.extra.weight"),
    "entry of another shape": (lambda d: published(lambda s: s.update({"encoder_feat.fcn.bias": torch.zeros(4)})), r"other shapes: encoder_feat.fcn.bias \(4,\), not \(3,\)"),
    "NaN weights": (lambda d: published(lambda s: s["encoder_feat.fcn.bias"].fill_(float("nan"))), r"holds NaN or infinite numbers in encoder_feat.fcn.bias"),
    "numbers as names": (lambda d: lambda: dr.load_published({1: torch.zeros(2)}), r"the state dict holds no plain state dict"),
    "another schedule": (lambda d: published(lambda s: s.update(alphas_cumprod=torch.linspace(1, 0, 1000))), r"another noise schedule than the cosine"),
    "empty .pth": (lambda d: ((d / "best.pth").write_bytes(b""), lambda: dr.load_published(d / "best.pth"))[1], r"best.pth is empty: download it again"),
    "no diffusion buffers": (lambda d: published(lambda s: s.pop("alphas_cumprod")), r"lacks alphas_cumprod: it is no full DRPose checkpoint"),
    "layout unknown": (lambda d: lambda: dr.load_published({}, lifter="mlp"), r"no published layout is known for lifter 'mlp': choose from dcgct, htnet"),
}  # fmt: skip


# --- arguments

KP2D = torch.zeros(2, 17, 2)


def other_heads():
    """A lifter with the weights of DC-GCT that computes something else."""
    from drpose_core.lifters.dcgct import DCGCT

    torch.manual_seed(0)
    return dr.DRPose(lifter=DCGCT(heads=4))


def sample(**arguments):
    return lambda: dr.sample_poses(
        dr.DRPose(dr.ModelConfig(depth=1)), arguments.pop("kp2d", KP2D), **arguments
    )


def poses():
    return dr.synthetic_poses("test", stride=50, seconds=1, takes=1)[:5]


def blind():
    return replace(poses(), pose3d=None, root=None)


ARGUMENTS = {
    "COCO-like joints": (lambda d: sample(kp2d=torch.zeros(2, 18, 2)), r"kp2d must be \(B, 17, 2\) Human3.6M joints in screen units, .* got \(2, 18, 2\)"),
    "one pose without a batch": (lambda d: sample(kp2d=KP2D[0]), r"kp2d must be \(B, 17, 2\)"),
    "NaN keypoints": (lambda d: sample(kp2d=KP2D * float("nan")), r"kp2d holds NaN or infinite numbers: fill or drop missing joints"),
    "double keypoints": (lambda d: sample(kp2d=KP2D.double()), r"kp2d is torch.float64, the model torch.float32: kp2d.to"),
    "pixels": (lambda d: sample(kp2d=KP2D + 500), r"kp2d looks like pixels \(up to 500\): normalize_screen"),
    "numpy": (lambda d: sample(kp2d=KP2D.numpy()), r"kp2d must be a torch tensor, got ndarray"),
    "no hypotheses": (lambda d: sample(hypotheses=0), r"hypotheses and steps must be at least 1, got 0 and 8"),
    "no steps": (lambda d: sample(steps=0), r"steps must be at least 1"),
    "too many steps": (lambda d: sample(steps=1001), r"at most 1000 steps fit, got 1001"),
    "noisy poses of other images": (lambda d: lambda: dr.denoise_fn(dr.DRPose(), KP2D)(torch.zeros(9, 2, 17, 3), 5), r"x_t must be \(B, H, 17, 3\) with the B ="),
    "start that is not the first time": (lambda d: sample(steps=2, spacing=[300, 10], start=400), r"start must be the first of the times given: start=400"),
    "duplicate times": (lambda d: sample(steps=3, spacing=[900, 10, 10]), r"times must fall, be distinct"),
    "times out of range": (lambda d: sample(steps=2, spacing=[1000, 10]), r"lie in \[0, 1000\)"),
    "unknown spacing": (lambda d: sample(spacing="cubic"), r"unknown spacing 'cubic': use \"linear\", \"quadratic\", \"log-snr\" or give the times"),
    "noise of another size": (lambda d: sample(noise=torch.zeros(5, 2, 4, 17, 3)), r"noise must be \(K, B, H, J, 3\) = \(8, 2, 20, 17, 3\), got"),
    "unknown setting": (lambda d: sample(generator=dr.generator(0)), r"unknown setting of sampling: generator; there are hypotheses, steps"),
    "noise of fewer pictures": (lambda d: sample(noise=dr.replay(torch.zeros(8, 1, 20, 17, 3))), r"but the chain needs B = 2, H = 20"),
    "noise of a solver that adds none": (lambda d: lambda: dr.Sampling(solver="dpm", eta=1), r"eta must be 0 with it, got 1"),
    "unknown solver": (lambda d: lambda: dr.Sampling(solver="heun"), r"unknown solver 'heun': choose"),
    "ground truth without a place": (lambda d: lambda: replace(poses(), root=None), r"pose3d and PoseSet.root are given together"),
    "scores without ground truth": (lambda d: lambda: dr.evaluate(dr.DRPose(), blind()), r"evaluate needs the ground truth, and these poses have none"),
    "training without ground truth": (lambda d: lambda: next(dr.train(dr.build_lifter("mlp"), dr.lifting_loss, blind())), r"lifting_loss needs the ground truth"),
    "lifter of another shape": (lambda d: lambda: dr.DRPose(lifter=lambda x: x).initial_pose(KP2D), r"a lifter maps \(B, 17, 2\) to \(B, 17, 3\)"),
    "unknown lifter": (lambda d: lambda: dr.build_lifter("resnet"), r"unknown lifter 'resnet': choose from dcgct, htnet, mlp, elsewhere, dcgct-film, or register yours"),
    "heads do not divide": (lambda d: lambda: dr.ModelConfig(channels=98), r"channels must be even and a multiple of heads, got 98 and 4"),
    "no heads": (lambda d: lambda: dr.ModelConfig(heads=0), r"ModelConfig.heads must be an integer from 1 to 256, got 0"),
    "all dropped": (lambda d: lambda: dr.ModelConfig(dropout=1.0), r"dropout must be at least 0 and below 1"),
    "lifter changed behind its name": (lambda d: lambda: dr.save_checkpoint(d / "c", other_heads()), r"this lifter is no 'dcgct'"),
    "record of tensors": (lambda d: lambda: dr.save_checkpoint(d / "c", dr.DRPose(), record={"x": torch.zeros(1)}), r"the record must be plain numbers"),
    "checkpoint onto a folder": (lambda d: ((d / "c").mkdir(), lambda: dr.save_checkpoint(d / "c", dr.DRPose()))[1], r"c cannot be written \(Is a directory\)"),
    "negative seed": (lambda d: lambda: dr.hypothesis_generators(-1, 2), r"seeds must not be negative, got -1"),
    "NaN predictions": (lambda d: lambda: dr.p_mpjpe(torch.full((17, 3), torch.nan), torch.ones(17, 3)), r"poses hold NaN .* no alignment exists"),
    "no pose of that number": (lambda d: lambda: poses()[5], r"pose 5 of 5"),
    "nothing to evaluate": (lambda d: lambda: dr.evaluate(dr.DRPose(), poses()[:0]), r"evaluate needs poses"),
    "training without a batch": (lambda d: lambda: dr.TrainConfig(batch_size=0), r"epochs and batch_size must be at least 1"),
    "figure of 3D for 2D": (lambda d: lambda: plots.pair_figure(torch.zeros(17, 3), torch.zeros(17, 3)), r"expected \(J, 2\) with J = 17, got \(17, 3\)"),
    "unregistered lifter saved": (lambda d: lambda: dr.save_checkpoint(d / "c", dr.DRPose(lifter=torch.nn.Linear(2, 3))), r"register it \(LIFTERS\['mine'\]"),
    "unknown source": (lambda d: lambda: dr.load_poses("coco", "train"), r"unknown source 'coco': choose from people, synthetic, cmu, h36m"),
    "unknown split": (lambda d: lambda: dr.synthetic_poses("val"), r"unknown split 'val': choose from train, test"),
    "unknown keypoints": (lambda d: lambda: dr.synthetic_poses("test", keypoints="gt"), r"unknown keypoints 'gt': choose from detected, exact"),
    "unknown camera": (lambda d: lambda: dr.h36m_cameras("S2"), r"no camera calibration for subject 'S2': choose from S1"),
    "image without width": (lambda d: lambda: dr.normalize_screen(KP2D, 0, 100), r"image size must be positive, got 0 x 100"),
    "flat points projected": (lambda d: lambda: dr.project(KP2D, torch.zeros(9)), r"project needs points \(..., 3\) and intrinsics \(..., 9\)"),
    "flip of other joints": (lambda d: lambda: dr.flip(torch.zeros(16, 3)), r"flip needs \(..., 17, D\)"),
    "scores of mixed joints": (lambda d: lambda: dr.mpjpe(torch.zeros(16, 3), torch.zeros(17, 3)), r"the same J, got \(16, 3\) and \(17, 3\)"),
    "scores without hypotheses": (lambda d: lambda: dr.hypothesis_errors(torch.zeros(17, 3), torch.zeros(17, 3)), r"hypotheses must be \(..., H, J, 3\)"),
    "empty set": (lambda d: lambda: next(dr.batches(poses()[:0], 4)), r"the pose set is empty"),
    "batch of none": (lambda d: lambda: next(dr.batches(poses(), 0)), r"batch_size must be at least 1, got 0"),
    "nothing to train": (lambda d: lambda: next(dr.train(torch.nn.ReLU(), dr.lifting_loss, poses())), r"nothing to train"),
    "unknown decay": (lambda d: lambda: next(dr.train(torch.nn.Linear(2, 3), dr.lifting_loss, poses(), dr.TrainConfig(decay="step"))), r"unknown decay 'step'"),
    "no timesteps": (lambda d: lambda: dr.CosineSchedule(0), r"a schedule needs at least 1 timestep"),
    "figure of a flat pose": (lambda d: lambda: plots.pose_figure(np.zeros((17, 2))), r"expected \(J, 3\) with J = 17, got \(17, 2\)"),
    "unwritable folder": (lambda d: ((d / "file").write_text(""), lambda: poses().save(d / "file" / "p.npz"))[1], r"p.npz cannot be written .* choose another place"),
}  # fmt: skip

CASES = {
    f"{group}: {name}": case
    for group, cases in (("h36m", H36M), ("cmu", CMU), ("file", FILES), ("argument", ARGUMENTS))
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_its_sentence(name, tmp_path):
    prepare, sentence = CASES[name]
    call = prepare(tmp_path)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    with pytest.raises((ValueError, OSError, IndexError, TypeError), match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value), "one sentence, one line"
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before, (
        "nothing new is left behind"
    )


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "p.npz"
    poses().save(path)
    old = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match=r"p.npz cannot be written \(No space left on device\)"):
        poses()[:2].save(path)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["p.npz"]


def test_the_command_line_ends_in_one_sentence(tmp_path):
    import subprocess
    import sys

    command = [
        sys.executable,
        "-m",
        "drpose_core",
        "prepare",
        "--source",
        "cmu",
        "--data",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (
        done.returncode == 1
        and done.stderr.startswith("error: ")
        and done.stderr.count("\n") == 1
        and "Traceback" not in done.stderr
    )

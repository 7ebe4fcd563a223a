"""How sure a checkpoint's hypotheses are by the way they are sampled, and which answer to take.

python benchmarks/how_sure.py --data data/motion --fit 07 --subjects 16 HDM_mm

People whom the checkpoint has not seen, filmed as train_default films its own. Each way of sampling
gets its factor (calibrate) on the poses of --fit, and is scored on those of --subjects with factor
1 and with its own: errors, energy score and spread in mm; H = 20 and 8 network calls each. The last
table has every answer that needs no ground truth.
"""

from pathlib import Path

import pandas as pd
import torch
import tyro

import drpose_core as dr
from drpose_core.output.report import markdown
from drpose_core.scores import ANSWERS
from drpose_core.weights import DEFAULT
from drpose_core.widening import widened

DPM = dr.Sampling(solver="dpm")
TIMES = (999, 727, 499, 316, 175, 76, 18, 3)  # seven quadratic ones, and a last one near the end
WAYS = {
    "ddim, even (the default checkpoint's)": dr.Sampling(spacing="linear"),
    "ddim, quadratic": dr.Sampling(),
    "ddim, even, η = 1 (published)": dr.Sampling.published(20, 8),
    "DPM-Solver++ 2M, quadratic": DPM,
    "DPM-Solver++ 2M, the last at t = 3": DPM.but(spacing=TIMES),
    "ddim, even, no mirrored pass": dr.Sampling(spacing="linear", flip_test=False),
    "ddim, even, mirrored passes as hypotheses of their own": None,
}


def main(
    data: Path,
    checkpoint: Path = DEFAULT,
    fit: tuple[str, ...] = ("07",),
    subjects: tuple[str, ...] = ("16", "HDM_mm"),
    poses: int = 256,
    seed: int = 0,
) -> None:
    """Print the tables."""
    model = dr.load_checkpoint(checkpoint)
    fitted, test = (filmed(data, who, poses, seed) for who in (fit, subjects))
    rows = []
    for name, how in WAYS.items():
        near, far = (sampled(model, some, how, seed) for some in (fitted, test))
        factors = [0.5 * 1.1**n for n in range(25)]
        energies = [energy(widened(near, f), fitted) for f in factors]
        best = factors[energies.index(min(energies))]
        for factor in (1.0, best):
            row = {"sampling": name, "factor": round(factor, 2)}
            rows.append(row | scores(widened(far, factor), test))
            print(rows[-1], flush=True)
    print(markdown(pd.DataFrame(rows)))
    rows = []
    drawn = sampled(model, test, model.sampling.but(widen=1), seed)
    camera = {"kp2d": test.kp2d, "intrinsics": test.intrinsics}
    for factor in dict.fromkeys((1.0, model.sampling.widen)):
        for name in ANSWERS:
            pose = dr.aggregate(widened(drawn, factor), name, **camera)
            errors = (1000 * f(pose, test.pose3d).mean().item() for f in (dr.mpjpe, dr.p_mpjpe))
            found = dict(zip(("MPJPE", "P-MPJPE"), (round(e, 1) for e in errors)))
            rows.append({"answer": name, "factor": factor} | found)
    print(markdown(pd.DataFrame(rows)))


def filmed(data: Path, subjects: tuple[str, ...], poses: int, seed: int) -> dr.PoseSet:
    """As many poses of each subject."""
    sets = []
    for subject in subjects:
        kind = {"cameras": "random", "keypoints": "wild", "joints": "coco"}
        found = dr.cmu_poses(
            data, subjects=(subject,), **kind, least_confidence=0.02, seed=seed + 1
        )
        order = torch.randperm(len(found), generator=dr.generator(seed))
        sets.append(found[order[: poses // len(subjects)]])
    return dr.joined_poses(sets)


def sampled(
    model: dr.DRPose, poses: dr.PoseSet, how: dr.Sampling | None, seed: int
) -> torch.Tensor:
    """(B, H, J, 3), never widened. None: half of the hypotheses are the plain pass's, and half the
    mirrored ones of the mirror image's.
    """
    noise = dr.per_hypothesis(seed)
    if how is not None:
        return dr.sample_poses(model, poses.observed, how.but(widen=1), noise=noise)[-1]
    half = dr.Sampling(hypotheses=10, spacing="linear", flip_test=False)
    images = (poses.observed, dr.flip(poses.observed))
    plain, mirrored = (dr.sample_poses(model, x, half, noise=noise)[-1] for x in images)
    return torch.cat([plain, dr.flip(mirrored)], dim=1)


def energy(x: torch.Tensor, poses: dr.PoseSet) -> float:
    return 1000 * dr.energy_score(x, poses.pose3d).mean().item()


def scores(x: torch.Tensor, poses: dr.PoseSet) -> dict[str, float]:
    errors = dr.hypothesis_errors(x, poses.pose3d)
    curve = dr.calibration_curve(dr.covered(x, poses.pose3d).sum(0), len(x), x.shape[1])
    row = {name: 1000 * errors[name].mean().item() for name in ("p_avg", "p_best", "j_best")}
    row |= {"ECE": dr.calibration_error(curve)["ece"], "energy": energy(x, poses)}
    row["spread"] = 1000 * x.std(1, correction=0).norm(dim=-1)[:, 1:].mean().item()
    return {name: round(value, 3 if name == "ECE" else 1) for name, value in row.items()}


if __name__ == "__main__":
    tyro.cli(main)

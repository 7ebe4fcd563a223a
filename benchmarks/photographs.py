"""How good a checkpoint is on people it has not seen: photographs with a known 3D, held-out actors.

python benchmarks/photographs.py --photos photographs.npz --data data/motion --subjects 16 HDM_mm

MPJPE / P-MPJPE in mm over the 13 joints marked on a body, of the initial pose, the mean of 20
hypotheses and the best of them (an oracle); the energy score and the calibration error over all
joints but the hip; all with the checkpoint's own factor (Sampling.widen) and with 1. Keypoints with
a confidence of at least --least are kept. Give several checkpoints to compare them.
"""

from pathlib import Path

import pandas as pd
import torch
import tyro
from real_people import photographed

import drpose_core as dr
from drpose_core.output.report import markdown
from drpose_core.skeleton import MARKED
from drpose_core.weights import DEFAULT


def main(
    checkpoint: tuple[Path, ...] = (DEFAULT,),
    photos: Path | None = None,
    data: Path | None = None,
    subjects: tuple[str, ...] = ("16", "HDM_mm"),
    least: float = 0.0,
    poses: int = 400,
    seed: int = 0,
) -> None:
    """Print the table."""
    tests = {"photographs": photographed(photos, least)} if photos else {}
    for subject in subjects if data else ():
        found = dr.cmu_poses(
            data,
            subjects=(subject,),
            cameras="random",
            keypoints="wild",
            joints="coco",
            least_confidence=max(least, 0.02),
            seed=seed + 1,
        )
        found = dr.thinned(found, 60)
        tests[subject] = found[torch.randperm(len(found), generator=dr.generator(seed))[:poses]]
    rows = []
    for path in checkpoint:
        model = dr.load_checkpoint(path)
        for name, test in tests.items():
            for widen in dict.fromkeys((1.0, model.sampling.widen)):
                row = {"checkpoint": path.stem, "people": name, "poses": len(test), "widen": widen}
                rows.append(row | scores(model, test, widen, seed))
                print(rows[-1], flush=True)
    print(markdown(pd.DataFrame(rows)))


@torch.no_grad()
def scores(model: dr.DRPose, test: dr.PoseSet, widen: float, seed: int) -> dict:
    drawn = dr.sample_poses(model, test.observed, noise=dr.per_hypothesis(seed), widen=widen)[-1]
    first = model.initial_pose(test.observed, flip_test=True)
    truth, chosen = test.pose3d[:, MARKED], {}
    chosen["initial"] = (first - first[:, :1])[:, MARKED]
    chosen["mean"] = drawn.mean(1)[:, MARKED]
    row = {
        name: f"{1000 * dr.mpjpe(x, truth).mean():.1f} / {1000 * dr.p_mpjpe(x, truth).mean():.1f}"
        for name, x in chosen.items()
    }
    each = drawn[..., MARKED, :], truth[:, None].expand(-1, drawn.shape[1], -1, -1)
    row["best (oracle)"] = " / ".join(
        f"{1000 * error(*each).amin(1).mean():.1f}" for error in (dr.mpjpe, dr.p_mpjpe)
    )
    curve = dr.calibration_curve(
        dr.covered(drawn, test.pose3d).sum(0), len(test), model.sampling.hypotheses
    )
    row["ECE"] = round(dr.calibration_error(curve)["ece"], 3)
    row["energy"] = round(1000 * dr.energy_score(drawn, test.pose3d).mean().item(), 1)
    row["spread"] = round(1000 * drawn.std(1, correction=0).norm(dim=-1)[:, 1:].mean().item(), 1)
    return row


if __name__ == "__main__":
    tyro.cli(main)

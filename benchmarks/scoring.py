"""Speed of the four P-MPJPE scores against the published way, in the same run: python
benchmarks/scoring.py [cuda]

Baseline: each of the three scores over hypotheses aligns all of them by a batched numpy
decomposition, and the mean pose is aligned once more, as the published evaluation does (written
anew here). Own: drpose_core.hypothesis_errors(align=True), which aligns once, in closed form.
"""

import platform
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import drpose_core as dr

B, H, ROUNDS = 256, 50, 7


def aligned_errors_by_decomposition(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Errors (N, J) after the best similarity (Umeyama 1991), by one batched singular value
    decomposition.
    """
    p, q = (x - x.mean(1, keepdims=True) for x in (pred, target))
    p_size, q_size = (np.sqrt((x**2).sum((1, 2), keepdims=True)) for x in (p, q))
    u, s, vt = np.linalg.svd((p / p_size).transpose(0, 2, 1) @ (q / q_size))
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    s[:, 2] *= sign
    scale = s.sum(1)[:, None, None] * q_size / p_size
    return np.linalg.norm(scale * (p @ (u @ vt)) - q, axis=-1)


def published_way(
    pred: np.ndarray, target: np.ndarray, reprojection: np.ndarray
) -> dict[str, np.ndarray]:
    """p_best, j_best and j_avg each with an alignment of their own, and p_avg with that of the mean
    pose.
    """
    flat, truth = pred.reshape(-1, *pred.shape[2:]), np.repeat(target, pred.shape[1], axis=0)

    def align():
        return aligned_errors_by_decomposition(flat, truth).reshape(pred.shape[:3])

    nearest = reprojection.argmin(1)[:, None]
    return {
        "p_avg": aligned_errors_by_decomposition(pred.mean(1), target).mean(-1),
        "p_best": align().mean(-1).min(1),
        "j_best": align().min(1).mean(-1),
        "j_avg": np.take_along_axis(align(), nearest, axis=1)[:, 0].mean(-1),
    }


def milliseconds(work: Callable, device: str = "cpu") -> float:
    """The fastest of several rounds, after one to warm up."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        rounds.append(1000 * (time.perf_counter() - start))
    return min(rounds)


def main() -> None:
    device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    target = 0.3 * torch.randn(B, 17, 3, generator=dr.generator(0))
    pred = target[:, None] + 0.05 * torch.randn(B, H, 17, 3, generator=dr.generator(1))
    reprojection = torch.rand(B, H, 17, generator=dr.generator(2))
    on = [x.to(device) for x in (pred, target, reprojection)]

    def score():
        return dr.hypothesis_errors(on[0], on[1], reprojection_error=on[2], align=True)

    plain = [x.numpy() for x in (pred, target, reprojection)]
    slow, fast = published_way(*plain), score()
    worst = max(np.abs(slow[name] - fast[name].cpu().numpy()).max() for name in slow)
    before, own = milliseconds(lambda: published_way(*plain)), milliseconds(score, device)
    where = (
        torch.cuda.get_device_name()
        if device != "cpu"
        else f"{platform.machine()}, {torch.get_num_threads()} threads"
    )
    print(
        f"P-MPJPE, four scores, B = {B}, H = {H}: published way {before:.0f} ms, own {own:.1f} ms, "
        f"ratio {before / own:.1f}; ",
        end="",
    )
    print(
        f"largest difference {1000 * worst:.5f} mm ({where}, torch {torch.__version__}, numpy "
        f"{np.__version__}, best of {ROUNDS})"
    )


if __name__ == "__main__":
    main()

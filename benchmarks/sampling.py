"""Speed of sampling against the published order of work, in the same run: python
benchmarks/sampling.py [--device cuda]

A hypothesis-step is one hypothesis of one image taken through one denoising step, both mirror sides
included. The baseline is benchmarks/published_way.py on the same weights and noise; the results are
compared first. The ceiling is what the same matrix products take alone, one after the other, each
on operands and an output of its own that are ready: recorded from one pass of the network,
attention's two products included.
"""

import importlib.util
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import pandas as pd
import published_way
import torch
import tyro
from torch.utils._python_dispatch import TorchDispatchMode
from tqdm import tqdm

import drpose_core as dr
from drpose_core.lifters import lift
from drpose_core.model import CARD_CHUNK, CHUNK
from drpose_core.output.report import markdown

ROUNDS = 5
MANY = 1000  # pictures


SIZES = {"cpu": ((20, 5), (5, 5), (200, 1)), "cuda": ((20, 5), (200, 5), (200, 20))}  # H, K


def main(
    device: str = "cpu",
    images: int = 32,
    naive: Path | None = None,
    sizes: tuple[tuple[int, int], ...] | None = None,
) -> None:
    """Print the table.

    Args:
        device: Where to sample.
        images: B, how many pictures at once.
        naive: Another baseline: a file with Denoiser() and sample(net, kp2d, kp2d_flip, initial,
            initial_flip, H, K).
        sizes: H and K of each part of the table; None: those of the docs.
    """
    on = dr.device(device)
    plain = load(on)
    test = dr.with_initial_poses(plain, dr.synthetic_poses("test")[:images].to(on))
    models = {
        "float32": plain,
        "float32, compiled": load(on, compiled=True),
        "bf16": load(on, bf16=True),
    }
    models |= {"bf16, compiled": load(on, bf16=True, compiled=True)}
    sizes = sizes or SIZES[on.type]
    rows = [row for size in sizes for row in compare(models, test, *size, naive)]
    where = (
        torch.cuda.get_device_name()
        if on.type == "cuda"
        else f"{platform.machine()}, {torch.get_num_threads()} threads"
    )
    print(
        f"Sampling, B = {images}, default checkpoint, synthetic pictures, medians of {ROUNDS} "
        "rounds in turn;"
    )
    print(f"{where}, torch {torch.__version__}\n")
    print(markdown(pd.DataFrame(rows)))
    flops, alone, whole = ceiling(*network(plain.denoiser, on), on)
    print(
        f"\nOne float32 pass: {flops / 1e6:.1f} MFLOP of matrix products a pose; alone they reach "
        f"{flops / alone / 1e9:.0f} GFLOP/s,"
    )
    print(
        f"within the network, not compiled, {flops / whole / 1e9:.0f}: {100 * alone / whole:.0f} % "
        "of that ceiling."
    )

    def one():
        return dr.sample_poses(plain, test.observed[:1], steps=8)

    one()
    print(
        "One image with its initial pose, H = 20, K = 8: "
        f"{1000 * median(seconds(one, on) for _ in range(3 * ROUNDS)):.0f} ms."
    )
    many_pictures(plain, dr.synthetic_poses("test")[:MANY].to(on))


def many_pictures(model: dr.DRPose, poses: dr.PoseSet) -> None:
    """Print how fast initial poses and single answers of many pictures are."""
    on = poses.device
    lifted = dr.with_initial_poses(model, poses)
    once = {"hypotheses": 1, "steps": 1, "initial": lifted.initial}
    work = {
        "initial poses (both mirror sides)": lambda: dr.with_initial_poses(model, poses),
        "refined once, H = 1, K = 1": lambda: dr.sample_poses(model, poses.observed, **once),
    }
    for run in work.values():
        run()
    for name, run in work.items():
        rate = len(poses) / median(seconds(run, on) for _ in range(ROUNDS))
        print(f"{len(poses)} pictures, {name}: {rate:.0f} a second.")
    kp2d = poses.observed[:CHUNK]
    _, alone, whole = ceiling(lambda: lift(model.lifter, kp2d), len(kp2d), on)
    print(f"The lifter is at {100 * alone / whole:.0f} % of what its matrix products take alone.")


def load(on: torch.device, *, bf16: bool = False, compiled: bool = False) -> dr.DRPose:
    model = dr.load_checkpoint(dr.weights.DEFAULT, on).eval()
    model.denoiser.bf16 = bf16
    if compiled:
        model.denoiser.compile()
    return model


def compare(
    models: dict[str, dr.DRPose], test: dr.PoseSet, hypotheses: int, steps: int, naive: Path | None
) -> list[dict]:
    """Every model and the baselines in turn, round by round, so that all see the same machine; a
    row a model.
    """
    plain, on = models["float32"], test.device
    noise = torch.randn(steps, len(test), hypotheses, 17, 3, generator=dr.generator(0)).to(on)

    def own(model):
        how = dr.Sampling.published(hypotheses, steps)
        return dr.sample_poses(model, test.observed, how, noise=noise, initial=test.initial)

    def published():
        return published_way.sample(plain, test.observed, test.initial, noise)

    if on.type == "cuda":
        models = models | {"TF32": plain}
    work = {"published way": published} | {
        name: partial(own, model) for name, model in models.items()
    }
    if "TF32" in work:
        work["TF32"] = partial(in_tf32, work["TF32"])
    if naive:
        work[naive.name] = foreign(naive, test, hypotheses, steps)
    exact = published()
    # warms up, and compiles
    moved = {name: 1000 * (work[name]() - exact)[-1].norm(dim=-1) for name in models}
    rounds = []
    for _ in tqdm(range(ROUNDS), f"H = {hypotheses}, K = {steps}"):
        rounds.append({name: seconds(run, on) for name, run in work.items()})
    rows = []
    for name in models:
        ratios = {
            f"times {base}": median(r[base] / r[name] for r in rounds)
            for base in ("published way", *([naive.name] if naive else []))
        }
        rate = len(test) * hypotheses * steps / median(r[name] for r in rounds)
        row = {
            "computed": name,
            "H": hypotheses,
            "K": steps,
            "hypothesis-steps / s": round(rate),
        } | {n: f"{r:.2f}" for n, r in ratios.items()}
        rows.append(
            row
            | {
                "mean difference (mm)": f"{moved[name].mean():.4f}",
                "largest (mm)": f"{moved[name].max():.3f}",
            }
        )
    return rows


def in_tf32(work: Callable):
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        return work()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def seconds(work: Callable, device: torch.device) -> float:
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def foreign_module(path: Path):
    """The module in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def foreign(path: Path, test: dr.PoseSet, hypotheses: int, steps: int) -> Callable:
    module = foreign_module(path)
    net = module.Denoiser().eval()
    pictures, poses = (test.kp2d, dr.flip(test.kp2d)), test.initial.unbind(1)
    return lambda: module.sample(net, *pictures, *poses, hypotheses, steps)


class Products(TorchDispatchMode):
    """Records the operands' shapes of every matrix product that runs inside."""

    def __init__(self):
        super().__init__()
        self.operands: list[tuple[torch.Size, torch.Size, bool]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "bmm", "addmm", "baddbmm"):
            a, b = args[-2:]
            self.operands.append((a.shape, b.shape, b.stride(-1) != 1))
        elif name.startswith("_scaled_dot_product"):
            b, heads, joints, width = args[0].shape
            scores = torch.Size((b * heads, joints, joints))
            self.operands.append(
                (
                    torch.Size((b * heads, joints, width)),
                    torch.Size((b * heads, width, joints)),
                    True,
                )
            )
            self.operands.append((scores, torch.Size((b * heads, joints, width)), False))
        return func(*args, **(kwargs or {}))


def network(net: torch.nn.Module, device: torch.device) -> tuple[Callable, int]:
    """A pass of the denoiser over a chunk, and how many poses it is."""
    hypotheses = 20
    images = (CHUNK if device.type == "cpu" else CARD_CHUNK) // hypotheses
    kp2d = torch.randn(images, 17, 2, device=device)
    initial = torch.randn(images, 17, 3, device=device)
    x_t = torch.randn(images, hypotheses, 17, 3, device=device)
    with torch.no_grad():
        cond = net.condition(kp2d, torch.full((images,), 500, device=device))
    return lambda: net(x_t, initial, cond), images * hypotheses


@torch.no_grad()
def ceiling(run: Callable, poses: int, device: torch.device) -> tuple[float, float, float]:
    """Of one pass of a network over some poses: floating-point operations, seconds of its matrix
    products alone, seconds of the pass; each per pose.
    """
    with Products() as products:
        run()
    ready, flops = [], 0
    for a_shape, b_shape, transposed in products.operands:
        a, b = torch.randn(a_shape, device=device), torch.randn(b_shape, device=device)
        b = b.mT.contiguous().mT if transposed else b
        out = a @ b
        ready.append((torch.bmm if a.ndim == 3 else torch.mm, a, b, out))
        flops += 2 * out.numel() * a.shape[-1]

    def alone() -> None:
        for product, a, b, out in ready:
            product(a, b, out=out)

    times = [(seconds(alone, device), seconds(run, device)) for _ in range(6 * ROUNDS)]
    return tuple(x / poses for x in (flops, *map(median, zip(*times))))


if __name__ == "__main__":
    tyro.cli(main)

"""Speed of sampling against the published order of work, in the same run: python benchmarks/sampling.py [--device cuda]

A hypothesis-step is one hypothesis of one image taken through one denoising step, both mirror sides included. The baseline is
benchmarks/published_way.py on the same weights and noise; the results are compared first. The ceiling is what the same matrix products take
alone, one after the other, each on operands and an output of its own that are ready: recorded from one pass of the network, attention's two
products included.
"""

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import published_way
import torch
import tyro
from torch.utils._python_dispatch import TorchDispatchMode

import drpose_core as dr
from drpose_core.model import CARD_CHUNK, CHUNK
from drpose_core.report import markdown

ROUNDS = 5


def main(device: str = "cpu", images: int = 32, naive: Path | None = None) -> None:
    """Print the table.

    Args:
        device: Where to sample.
        images: B, how many pictures at once.
        naive: Another baseline: a file with Denoiser() and sample(net, kp2d, kp2d_flip, initial, initial_flip, H, K).
    """
    torch.manual_seed(0)
    on = dr.device(device)
    model = dr.load_checkpoint(dr.project_root() / "checkpoints" / "default.safetensors", on).eval()
    test = dr.with_initial_poses(model, dr.synthetic_poses("test")[:images].to(on))
    sizes = [(20, 5), (5, 5), (200, 2)] if on.type == "cpu" else [(20, 5), (200, 5), (200, 20)]
    rows = []
    for switch in ("float32", "bf16", "compiled", "compiled, bf16", *(["TF32"] if on.type == "cuda" else [])):
        model.denoiser.bf16 = "bf16" in switch
        torch.backends.cuda.matmul.allow_tf32 = switch == "TF32"
        if "compiled" in switch and model.denoiser._compiled_call_impl is None:
            model.denoiser.compile()
        for hypotheses, steps in sizes:
            rows.append(row(model, test, switch, hypotheses, steps, naive))
            print(f"{switch}, H = {hypotheses}, K = {steps}: done", file=sys.stderr)
    where = torch.cuda.get_device_name() if on.type == "cuda" else f"{platform.machine()}, {torch.get_num_threads()} threads"
    print(
        f"Sampling, B = {images}, default checkpoint, synthetic pictures; {where}, torch {torch.__version__}, best of {ROUNDS} rounds in turn\n"
    )
    print(markdown(pd.DataFrame(rows)))
    torch.backends.cuda.matmul.allow_tf32, model.denoiser.bf16 = False, False
    model = dr.load_checkpoint(dr.project_root() / "checkpoints" / "default.safetensors", on).eval()
    flops, alone, whole = ceiling(model.denoiser, on)
    print(f"\nOne float32 pass: {flops / 1e6:.1f} MFLOP of matrix products a pose; alone they reach {flops / alone / 1e9:.0f} GFLOP/s,")
    print(f"within the network, not compiled, {flops / whole / 1e9:.0f}: {100 * alone / whole:.0f} % of that ceiling.")
    one = seconds(lambda: dr.sample_poses(model, test.kp2d[:1], hypotheses=20, steps=5), on)
    print(f"One image with its initial pose, H = 20, K = 5: {1000 * min(one):.0f} ms.")


def row(model: dr.DRPose, test: dr.PoseSet, switch: str, hypotheses: int, steps: int, naive: Path | None) -> dict:
    noise = torch.randn(steps, len(test), hypotheses, 17, 3, generator=dr.generator(0)).to(test.kp2d.device)
    arguments = {"hypotheses": hypotheses, "steps": steps, "noise": noise, "initial": test.initial}
    own = lambda: dr.sample_poses(model, test.kp2d, **arguments)  # noqa: E731
    published = lambda: published_way.sample(model, test.kp2d, test.initial, noise)  # noqa: E731
    moved = 1000 * (own() - published())[-1].norm(dim=-1)
    own_seconds, published_seconds = (min(times) for times in zip(*(pair(own, published, noise.device) for _ in range(ROUNDS))))
    counted = len(test) * hypotheses * steps
    found = {"computed": switch, "H": hypotheses, "K": steps, "hypothesis-steps / s": f"{counted / own_seconds:,.0f}"}
    found |= {"times the published way": round(published_seconds / own_seconds, 2)}
    if naive:
        found["times " + naive.name] = round(min(seconds(foreign(naive, test, hypotheses, steps), noise.device)) / own_seconds, 2)
    return found | {"mean difference (mm)": f"{moved.mean():.4f}", "largest (mm)": f"{moved.max():.3f}"}


def pair(first: Callable, second: Callable, device: torch.device) -> tuple[float, float]:
    """One round of each, so that both see the same machine."""
    return seconds(first, device, rounds=1)[0], seconds(second, device, rounds=1)[0]


def seconds(work: Callable, device: torch.device, rounds: int = ROUNDS) -> list[float]:
    out = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        out.append(time.perf_counter() - start)
    return out


def foreign(path: Path, test: dr.PoseSet, hypotheses: int, steps: int) -> Callable:
    import importlib.util

    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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
            self.operands.append((torch.Size((b * heads, joints, width)), torch.Size((b * heads, width, joints)), True))
            self.operands.append((scores, torch.Size((b * heads, joints, width)), False))
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def ceiling(net: torch.nn.Module, device: torch.device) -> tuple[float, float, float]:
    """Of one pass over a chunk: floating-point operations, seconds of its matrix products alone, seconds of the pass; each per pose."""
    hypotheses = 20
    images = (CHUNK if device.type == "cpu" else CARD_CHUNK) // hypotheses
    kp2d, initial = torch.randn(images, 17, 2, device=device), torch.randn(images, 17, 3, device=device)
    x_t, cond = torch.randn(images, hypotheses, 17, 3, device=device), net.condition(kp2d, torch.full((images,), 500, device=device))
    with Products() as products:
        net(x_t, initial, cond)
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

    times = [pair(alone, lambda: net(x_t, initial, cond), device) for _ in range(6 * ROUNDS)]
    return tuple(x / (images * hypotheses) for x in (flops, *map(min, zip(*times))))


if __name__ == "__main__":
    tyro.cli(main)

"""The order of work of the published code, written anew on a kit model's own weights: the baseline
of the other benchmarks.

Same layers and numbers as drpose_core (the benchmarks compare them), but as a research script does
it: Chebyshev terms rebuilt in every call, the condition and all modulations once per hypothesis,
queries, keys and values apart, the mirrored pass as a second one, training poses noised one at a
time, poses fetched one at a time.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import drpose_core as dr
from drpose_core.cameras import world_to_camera
from drpose_core.denoiser import Denoiser
from drpose_core.layers import columns
from drpose_core.layers.graph import ChebConv
from drpose_core.lifters import lift
from drpose_core.losses import JOINT_WEIGHTS
from drpose_core.model import CLIP
from drpose_core.skeleton import H36M_32, J, bone_adjacency

Drop = Callable[[torch.Tensor], torch.Tensor]


def no_dropout(x: torch.Tensor) -> torch.Tensor:
    return x


def chebyshev(conv: ChebConv, x: torch.Tensor) -> torch.Tensor:
    """x (n, J, inputs) -> (n, J, outputs)."""
    adjacency = (bone_adjacency() + torch.eye(J)).to(x)
    adjacency = adjacency / adjacency.sum(1, keepdim=True)
    degree = torch.diag(adjacency.sum(1) ** -0.5)
    laplacian = torch.eye(J).to(x) - degree @ adjacency @ degree
    terms = torch.stack(
        [torch.eye(J).to(x), laplacian, 2 * laplacian @ laplacian - torch.eye(J).to(x)]
    )
    # (3, 1, inputs, outputs)
    weight = conv.weight.view(x.shape[-1], 3, -1).transpose(0, 1)[:, None]
    return torch.matmul(torch.matmul(terms[:, None], x), weight).sum(0) + conv.bias


def attention(f, x: torch.Tensor, drop: Drop) -> torch.Tensor:
    parts = zip(f.qkv.weight.chunk(3), f.qkv.bias.chunk(3))
    q, k, v = (F.linear(x, w, b).view(len(x), J, f.heads, -1).transpose(1, 2) for w, b in parts)
    logits = (q @ k.mT) / math.sqrt(q.shape[-1])
    logits = logits.masked_fill(torch.zeros(1, 1, 1, J, dtype=torch.bool, device=x.device), -1e9)
    return f.proj((drop(logits.softmax(-1)) @ v).transpose(1, 2).contiguous().view(x.shape))


def learned_graph(f, x: torch.Tensor, drop: Drop) -> torch.Tensor:
    def mixed(y: torch.Tensor) -> torch.Tensor:
        a = f.adjacency[None].repeat(len(y), 1, 1)
        d = (a.sum(1) + 1e-5) ** -0.5
        return torch.bmm(d[:, :, None] * a * d[:, None], y)

    return f.fc2(mixed(torch.relu(f.fc1(mixed(x)))))


def modulated(part, f, h: torch.Tensor, cond: torch.Tensor, drop: Drop) -> torch.Tensor:
    shift, scale, gate = part.modulation(F.silu(cond)).chunk(3, dim=2)
    normed = (
        part.norm.weight * (h - h.mean(-1, keepdim=True)) / (h.std(-1, keepdim=True) + 1e-6)
        + part.norm.bias
    )
    return h + gate * drop(f(part.f, normed * (1 + scale) + shift, drop))


def denoise(
    net: Denoiser,
    kp2d: torch.Tensor,
    x_t: torch.Tensor,
    initial: torch.Tensor,
    t: torch.Tensor,
    drop: Drop = no_dropout,
) -> torch.Tensor:
    """kp2d (B, J, 2 or 3), x_t (B, H, J, 3), initial (B, J, 3), t (B,) -> x0 (B, H, J, 3)."""
    b, hypotheses = x_t.shape[:2]
    initial = initial[:, None].repeat(1, hypotheses, 1, 1).view(-1, J, 3)
    h = chebyshev(net.embed, torch.cat([initial, x_t.reshape(-1, J, 3)], dim=-1))
    angles = t[:, None] * net.frequencies
    time = net.time2(F.silu(net.time1(torch.cat([angles.sin(), angles.cos()], dim=-1))))
    kp2d = columns(kp2d, confidence=net.confidence)[:, None].repeat(1, hypotheses, 1, 1)
    seen = chebyshev(net.embed_kp2d, kp2d.flatten(0, 1))
    cond = time[:, None].repeat(1, hypotheses, 1).view(-1, 1, time.shape[-1]).repeat(1, J, 1) + seen
    for layer in net.layers:
        h = modulated(layer.attention, attention, h, cond, drop)
        h = modulated(layer.graph, learned_graph, h, cond, drop)
        y = torch.relu(drop(torch.relu(chebyshev(layer.cheb1, h))))
        h = h + torch.relu(drop(torch.relu(chebyshev(layer.cheb2, y))))
    refined = chebyshev(net.output, h)
    hidden = F.gelu(net.blend.fc1(torch.cat([refined, initial], dim=-1).view(len(h), -1)))
    hidden = hidden if drop is no_dropout else F.dropout(hidden, 0.5)
    weight = torch.sigmoid(net.blend.fc2(hidden)).view(-1, J, 2)
    out = refined.clone()
    out[..., :2] = weight * refined[..., :2] + (1 - weight) * initial[..., :2]
    return out.view(b, hypotheses, J, 3)


@torch.no_grad()
def sample(
    model: dr.DRPose, kp2d: torch.Tensor, initial: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Even steps, eta = 1, flip-averaged: initial (B, 2, J, 3), noise (K, B, H, J, 3) -> (K, B, H,
    J, 3), joint 0 at the origin.
    """
    a = model.schedule.alpha_bar.tolist()
    times, x, out = model.schedule.timesteps(len(noise)), noise[0], []
    for k, (now, after) in enumerate(pairwise(times)):
        t = torch.full((len(kp2d),), now, device=kp2d.device)
        seen = x.clamp(-CLIP, CLIP)
        plain = denoise(model.denoiser, kp2d, seen, initial[:, 0], t)
        mirrored = denoise(model.denoiser, dr.flip(kp2d), dr.flip(seen), initial[:, 1], t)
        x0 = ((plain + dr.flip(mirrored)) / 2).clamp(-CLIP, CLIP)
        out.append(x0.clone())
        if after >= 0:
            spread = math.sqrt((1 - a[now] / a[after]) * (1 - a[after]) / (1 - a[now]))
            direction = (x / math.sqrt(a[now]) - x0) / math.sqrt(1 / a[now] - 1)
            x = (
                math.sqrt(a[after]) * x0
                + math.sqrt(1 - a[after] - spread**2) * direction
                + spread * noise[k + 1]
            )
    out = torch.stack(out)
    out[..., 0, :] = 0
    return out


def loss(model: dr.DRPose, batch: dr.PoseSet, drop: Drop, initial: torch.Tensor) -> torch.Tensor:
    """The weighted joint error of one denoising, each pose noised by itself; initial (B, J, 3)."""
    noised, times = [], []
    for x0 in batch.pose3d:
        t = torch.randint(len(model.schedule), (1,), device=x0.device)
        a = model.schedule.alpha_bar.to(x0)[t]
        noised.append((a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)).clamp(-CLIP, CLIP))
        times.append(t)
    pred = denoise(
        model.denoiser,
        batch.observed,
        torch.stack(noised)[:, None],
        initial,
        torch.stack(times).squeeze(-1),
        drop,
    )[:, 0]
    return (
        (pred - batch.pose3d).norm(dim=-1) * torch.tensor(JOINT_WEIGHTS, device=pred.device)
    ).mean()


def training(
    model: dr.DRPose, batches: Iterable[dr.PoseSet], *, lifter: bool, rate=lambda step: 5e-4
) -> Iterator[float]:
    """A step on each batch, with Adam (amsgrad) and rate(step), yielding the loss; lifter: ask it
    in every step, dropout on, as published.
    """
    optimizer = torch.optim.Adam(model.denoiser.parameters(), lr=5e-4, amsgrad=True)

    def drop(x):
        return F.dropout(x, model.config.dropout)

    for step, batch in enumerate(batches):
        optimizer.param_groups[0]["lr"] = rate(step)
        with torch.no_grad():
            initial = lift(model.lifter.train(), batch.observed) if lifter else batch.initial[:, 0]
        value = loss(model, batch, drop, initial)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        yield value.item()


class Fetched(torch.utils.data.Dataset):
    """VideoPose3D's files for training, one pose at a time: read and converted recording by
    recording, looked up by an index of frames.
    """

    def __init__(self, folder: Path, keypoints: str, subjects: tuple[str, ...]):
        positions = np.load(folder / "data_3d_h36m.npz", allow_pickle=True)["positions_3d"].item()
        pixels = np.load(folder / f"data_2d_h36m_{keypoints}.npz", allow_pickle=True)[
            "positions_2d"
        ].item()
        self.poses, self.keypoints, self.index = [], [], []
        for subject in subjects:
            for action, world in positions[subject].items():
                for camera, view in zip(dr.h36m_cameras(subject), pixels[subject][action]):
                    pose = world_to_camera(torch.from_numpy(np.float32(world)), camera).numpy()[
                        :, H36M_32
                    ]
                    self.poses.append(pose - pose[:, :1])
                    self.keypoints.append(
                        view[: len(pose)] / camera.width * 2 - [1, camera.height / camera.width]
                    )
                    rows = [
                        (len(self.poses) - 1, frame, mirrored)
                        for frame in range(len(pose))
                        for mirrored in (False, True)
                    ]
                    self.index.extend(rows)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        recording, frame, mirrored = self.index[number]
        pose, kp2d = self.poses[recording][frame].copy(), self.keypoints[recording][frame].copy()
        if mirrored:
            left, right = [4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]
            for x in (pose, kp2d):
                x[:, 0] *= -1
                x[left + right] = x[right + left]
        return np.float32(kp2d), np.float32(pose)

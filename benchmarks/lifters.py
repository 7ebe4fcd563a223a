"""What one training step of the initial models costs, against the same models written as a research
script does it.

python benchmarks/lifters.py

Both ways have the same weights and compute the same poses (checked before anything is timed). The
plain way: joints in the last place and 1 x 1 convolutions between two permutations, an einsum over
the four graphs, attention from matrix products and a softmax, torch's dropout, graphs rebuilt in
every call, Adam as torch makes it. Synthetic poses; medians of ROUNDS rounds in turn.
"""

import copy
import platform
from collections.abc import Callable, Iterator
from statistics import median

import pandas as pd
import torch
import tyro
from sampling import seconds
from torch.nn import functional as F
from tqdm import tqdm

import drpose_core as dr
from drpose_core.lifters.dcgct import DCGCT, GraphConv, partitioned_adjacency
from drpose_core.lifters.htnet import HTNet, ModulatedGraphConv, Part
from drpose_core.lifters.layers import Mlp
from drpose_core.output.report import markdown
from drpose_core.skeleton import J, bone_adjacency

ROUNDS = 12


def main(device: str = "cpu", batch_size: int = 256) -> None:
    """Print the table."""
    on = dr.device(device)
    poses = dr.synthetic_poses("train")[:batch_size].to(on)
    rows = []
    for name, forward in (("dcgct", plain_dcgct), ("htnet", plain_htnet)):
        torch.manual_seed(0)
        lifter = dr.build_lifter(name).to(on).eval()
        with torch.no_grad():
            apart = (forward(lifter, poses.kp2d) - lifter(poses.kp2d)).abs().max()
        assert apart < 1e-4, "the two ways do not compute the same"
        work = {"plain": plain_steps(lifter, forward, poses)}
        work |= {kind: own_steps(lifter, poses, kind == "bf16") for kind in ("float32", "bf16")}
        for steps in work.values():  # warms up
            next(steps), next(steps)
        rounds = [
            {kind: seconds(lambda steps=steps: next(steps), on) for kind, steps in work.items()}
            for _ in tqdm(range(ROUNDS), name)
        ]
        for kind in ("float32", "bf16"):
            ratio = median(r["plain"] / r[kind] for r in rounds)
            row = {"lifter": name, "computed": kind, "times the plain way": f"{ratio:.2f}"}
            each = median(r[kind] for r in rounds)
            rows.append(
                row | {"ms a step": round(1000 * each), "poses/s": round(batch_size / each)}
            )
    where = (
        f"{platform.machine()}, {torch.get_num_threads()} threads" if on.type == "cpu" else "GPU"
    )
    print(f"A training step of {batch_size} poses, {where}, torch {torch.__version__}\n")
    print(markdown(pd.DataFrame(rows)))


def own_steps(lifter, poses: dr.PoseSet, bf16: bool) -> Iterator:
    """The kit's steps without end, on a copy of the lifter."""
    lifter = copy.deepcopy(lifter)
    lifter.bf16 = bf16
    config = dr.TrainConfig(epochs=100_000, batch_size=len(poses), mirror=False)
    return dr.train(lifter, dr.lifting_loss, poses, config)


def plain_steps(lifter, forward: Callable, poses: dr.PoseSet) -> Iterator[None]:
    """Steps of the plain way without end, on a copy of the lifter."""
    lifter = copy.deepcopy(lifter).train()
    optimizer = torch.optim.Adam(lifter.parameters(), lr=1e-3, amsgrad=True)
    while True:
        loss = (forward(lifter, poses.kp2d) - poses.pose3d).norm(dim=-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        yield


def dropped(layer, x: torch.Tensor) -> torch.Tensor:
    return F.dropout(x, layer.p, layer.training)


def kept(layer, x: torch.Tensor) -> torch.Tensor:
    """Stochastic depth."""
    if not layer.training or layer.p == 0:
        return x
    keep = 1 - layer.p
    mask = keep + torch.rand(len(x), 1, 1, dtype=x.dtype, device=x.device)
    return x.div(keep) * mask.floor()


def attention(f, x: torch.Tensor) -> torch.Tensor:
    qkv = f.qkv(x).reshape(len(x), J, 3, f.heads, -1).permute(2, 0, 3, 1, 4)
    q, k, v = qkv[0], qkv[1], qkv[2]
    weights = ((q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5).softmax(dim=-1)
    return dropped(f.dropout, f.proj((weights @ v).transpose(1, 2).reshape(x.shape)))


def mlp(f: Mlp, x: torch.Tensor) -> torch.Tensor:
    return dropped(f.dropout, f.fc2(dropped(f.dropout, F.gelu(f.fc1(x)))))


def normalised(norm, x: torch.Tensor) -> torch.Tensor:
    """BatchNorm of (B, C, 1, J)."""
    settings = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    return F.batch_norm(x, *settings, training=norm.training, momentum=norm.momentum, eps=norm.eps)


def graph_conv(f: GraphConv, x: torch.Tensor) -> torch.Tensor:
    """x (B, C, 1, J)."""
    y = F.conv2d(x, f.spread.weight[..., None, None], f.spread.bias)
    y = y.view(len(y), 4, -1, 1, J)
    y = torch.einsum("nkctv,kvw->nctw", y, partitioned_adjacency().to(x)).contiguous()
    y = dropped(f.dropout, F.relu(normalised(f.norm1, y)))
    y = F.conv2d(y, f.pointwise.weight[..., None, None], f.pointwise.bias)
    return F.gelu(dropped(f.dropout, normalised(f.norm2, y)))


def local(f, x: torch.Tensor) -> torch.Tensor:
    y = f.norm1(x).permute(0, 2, 1)[:, :, None].contiguous()
    y = graph_conv(f.gcn2, graph_conv(f.gcn1, y))[:, :, 0].permute(0, 2, 1)
    return x + kept(f.drop_path, f.norm2(y))


def whole(f, x: torch.Tensor) -> torch.Tensor:
    return x + kept(f.drop_path, attention(f.attention, f.norm(x)))


def plain_dcgct(net: DCGCT, kp2d: torch.Tensor) -> torch.Tensor:
    x = net.embed(kp2d) + net.joint_embedding
    for f in net.blocks:
        a, b = x[..., : f.widths[0]], x[..., f.widths[0] :]
        a, b = local(f.local1, a), whole(f.global2, b)
        s = torch.cat([a, b], dim=-1)
        fused = s + mlp(f.fusion, f.norm_fusion(s))
        fa, fb = fused[..., : f.widths[0]], fused[..., f.widths[0] :]
        x = torch.cat([whole(f.global1, a + fa), local(f.local2, b + fb)], dim=-1) + s
        x = x + kept(f.drop_path, mlp(f.mlp, f.norm_mlp(x)))
    return net.output(net.norm(x))


def modulated(f: ModulatedGraphConv, x: torch.Tensor) -> torch.Tensor:
    neighbours, eye = bone_adjacency().to(x), torch.eye(J).to(x)
    graph = neighbours / neighbours.sum(1, keepdim=True) + eye + f.correction
    graph = (graph.T + graph) / 2
    h0, h1 = torch.matmul(x, f.weight[0]), torch.matmul(x, f.weight[1])
    y = torch.matmul(graph * eye, f.gain * h0) + torch.matmul(graph * (1 - eye), f.gain * h1)
    return y + f.bias.view(1, 1, -1)


def part(f: Part, x: torch.Tensor) -> torch.Tensor:
    y = f.norm(x)
    channels, joints = x.shape[-1], len(f.joints) // 4
    weight = f.merge.weight.view(channels, joints, channels).permute(0, 2, 1)
    z = F.conv1d(y[:, f.joints].permute(0, 2, 1), weight, f.merge.bias, stride=joints)
    z = kept(f.drop_path, F.gelu(z).permute(0, 2, 1))
    z = z + kept(f.drop_path, mlp(f.mlp, f.norm_mlp(z)))
    y = y.clone()
    for limb in range(4):
        for joint in f.replaced[limb * (joints - 1) : (limb + 1) * (joints - 1)]:
            y[:, joint] = z[:, limb]
    return y


def plain_htnet(net: HTNet, kp2d: torch.Tensor) -> torch.Tensor:
    x = net.embed(kp2d) + net.joint_embedding
    for f in net.blocks:
        joint, limb, body = x.chunk(3, dim=-1)
        y = F.gelu(modulated(f.joint.gcn1, f.joint.norm1(joint)))
        joint = joint + kept(f.joint.drop_path, f.joint.norm2(modulated(f.joint.gcn2, y)))
        limb = limb + joint
        limb = limb + part(f.part3, limb) + part(f.part2, limb)
        body = body + limb
        body = body + kept(f.drop_path, attention(f.body, f.norm_body(body)))
        x = torch.cat([joint, limb, body], dim=-1)
        x = x + kept(f.drop_path, mlp(f.mlp, f.norm_mlp(x)))
    return net.output(net.norm(x))


if __name__ == "__main__":
    tyro.cli(main)

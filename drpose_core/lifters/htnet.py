"""HTNet, an initial model: joint, part and body each on a third of the channels, the finer feeding
the coarser (Cai et al. 2023).
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..layers import WIDTHS, Attention, bfloat16
from ..skeleton import J, bone_adjacency
from .layers import DropPath, Mlp

LIMBS = ((1, 2, 3), (4, 5, 6), (11, 12, 13), (14, 15, 16))  # root of the limb first


class ModulatedGraphConv(nn.Module):
    """Graph convolution with one weight for a joint itself and one for its neighbours, a learned
    gain per joint and channel, and a learned correction of the graph. (B, J, inputs) -> (B, J,
    outputs). Source: Zou and Tang 2021."""

    adjacency: torch.Tensor

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        # Xavier, for the ReLU-like activations that follow
        bound = 1.414 * math.sqrt(6 / (inputs + outputs))
        self.weight = nn.Parameter(torch.empty(2, inputs, outputs).uniform_(-bound, bound))
        self.gain = nn.Parameter(torch.ones(J, outputs))
        self.correction = nn.Parameter(torch.full((J, J), 1e-6))
        self.bias = nn.Parameter(torch.zeros(outputs))
        neighbours = bone_adjacency()
        adjacency = neighbours / neighbours.sum(1, keepdim=True) + torch.eye(J)
        self.register_buffer("adjacency", adjacency, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        graph = self.adjacency + self.correction
        graph = (graph + graph.T) / 2
        own = graph.diagonal()
        both = x @ self.weight.transpose(0, 1).flatten(1)  # one product for the two weights
        h0, h1 = both.chunk(2, dim=-1)
        itself = torch.addcmul(self.bias, own[:, None] * self.gain, h0)
        return itself + (graph - torch.diag(own)) @ (self.gain * h1)


class JointLevel(nn.Module):
    """x + droppath(norm(gcn2(gelu(gcn1(norm(x))))))."""

    def __init__(self, channels: int, drop_path: float, hidden: int = 384):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.gcn1 = ModulatedGraphConv(channels, hidden)
        self.gcn2 = ModulatedGraphConv(hidden, channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.drop_path(self.norm2(self.gcn2(F.gelu(self.gcn1(self.norm1(x))))))


class Part(nn.Module):
    """One vector per limb, from its last `joints` joints, put in place of the outer ones; the other
    joints pass normalised.
    """

    def __init__(self, channels: int, joints: int, drop_path: float, hidden: int = 1024):
        super().__init__()
        self.joints = [j for limb in LIMBS for j in limb[-joints:]]
        self.replaced = [j for limb in LIMBS for j in limb[-joints:][1:]]
        self.norm, self.norm_mlp = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.merge = nn.Linear(joints * channels, channels)
        self.mlp, self.drop_path = Mlp(channels, hidden), DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(x)
        z = self.drop_path(F.gelu(self.merge(y[:, self.joints].view(len(x), len(LIMBS), -1))))
        z = z + self.drop_path(self.mlp(self.norm_mlp(z)))
        y = y.clone()
        z = z.repeat_interleave(len(self.replaced) // len(LIMBS), dim=1)
        y[:, self.replaced] = z.to(y)
        return y


class Block(nn.Module):
    """Joint level, then parts, then the whole body; each hears what the one before found."""

    def __init__(self, channels: int, heads: int, drop_path: float):
        super().__init__()
        third = channels // 3
        self.joint = JointLevel(third, drop_path)
        self.part3, self.part2 = Part(third, 3, drop_path), Part(third, 2, drop_path)
        self.norm_body, self.body = nn.LayerNorm(third), Attention(third, heads, output_dropout=0.1)
        self.norm_mlp, self.mlp = nn.LayerNorm(channels, eps=1e-6), Mlp(channels, 1024)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joint, part, body = x.chunk(3, dim=-1)
        joint = self.joint(joint)
        part = part + joint
        part = part + self.part3(part) + self.part2(part)
        body = body + part
        body = body + self.drop_path(self.body(self.norm_body(body)))
        x = torch.cat([joint, part, body], dim=-1)
        return x + self.drop_path(self.mlp(self.norm_mlp(x)))


class HTNet(nn.Module):
    """kp2d (B, J, 2) screen units -> pose (B, J, 3) metres, camera frame; joint 0 is near the
    origin, not at it. With confidence=True, kp2d (B, J, 3) has the detector's confidence too.
    bf16 = True computes the blocks in bfloat16, for training.
    """

    bf16 = False

    def __init__(
        self, channels: int = 240, depth: int = 3, heads: int = 8, confidence: bool = False
    ):
        super().__init__()
        self.confidence = confidence
        self.embed = nn.Linear(WIDTHS[confidence], channels)
        self.joint_embedding = nn.Parameter(torch.zeros(1, J, channels))
        drop_paths = torch.linspace(0.1, 0.3, depth).tolist()
        self.blocks = nn.ModuleList(Block(channels, heads, p) for p in drop_paths)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.output = nn.Linear(channels, 3)

    def forward(self, kp2d: torch.Tensor) -> torch.Tensor:
        x = self.embed(kp2d) + self.joint_embedding
        with bfloat16(x, self.bf16):
            for block in self.blocks:
                x = block(x)
        return self.output(self.norm(x))

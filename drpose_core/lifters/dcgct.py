"""DC-GCT, the default initial model: local graph convolution and global attention on two channel
groups (Kang et al. 2023).
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..layers import WIDTHS, Attention, Dropout, bfloat16
from ..skeleton import BONES, J
from .layers import DropPath, Mlp

SYMMETRIC_PAIRS = ((1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16))
# Bones between a joint and the body's centre (the thorax counts 1, as the hip does), which sorts
# neighbours into towards and away.
CENTER_DISTANCE = (1, 2, 3, 4, 2, 3, 4, 0, 1, 2, 3, 2, 3, 4, 2, 3, 4)


def partitioned_adjacency() -> torch.Tensor:
    """(4, J, J): the graph split into self, towards the centre, away from it, and left/right pairs;
    columns of the sum add up to 1.
    """
    full = torch.eye(J)
    pairs = torch.zeros(J, J)
    for i, j in BONES:
        full[i, j] = full[j, i] = 1
    for i, j in SYMMETRIC_PAIRS:
        full[i, j] = full[j, i] = pairs[i, j] = pairs[j, i] = 1
    full = full / full.sum(0, keepdim=True)
    distance = torch.tensor(CENTER_DISTANCE)
    row, column = distance[:, None], distance[None]
    return full * torch.stack([torch.eye(J), row > column, row < column, pairs])


class JointBatchNorm(nn.BatchNorm1d):
    """BatchNorm over images and joints: (B, J, C) -> (B, J, C)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(0, 1)).view_as(x)


class GraphConv(nn.Module):
    """One graph convolution over the four neighbour sets, then BatchNorm, ReLU, a pointwise layer,
    BatchNorm, GELU.
    """

    graph: torch.Tensor

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.05):
        super().__init__()
        self.spread = nn.Linear(inputs, 4 * outputs)  # channel = neighbour set * outputs + c
        self.norm1, self.norm2 = JointBatchNorm(outputs), JointBatchNorm(outputs)
        self.pointwise = nn.Linear(outputs, outputs)
        self.dropout = Dropout(dropout)
        # out_w = sum_k sum_v y_kv A_k[v, w]: rows of the spread, read as (J * 4, outputs), are
        # ordered (joint, set).
        self.register_buffer(
            "graph", partitioned_adjacency().permute(2, 1, 0).reshape(J, 4 * J), persistent=False
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.graph @ self.spread(x).view(len(x), 4 * J, -1)  # (B, J, outputs)
        y = self.pointwise(self.dropout(F.relu(self.norm1(y))))
        return F.gelu(self.dropout(self.norm2(y)))


class Local(nn.Module):
    """x + droppath(norm(gcn2(gcn1(norm(x)))))."""

    def __init__(self, channels: int, drop_path: float):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.gcn1, self.gcn2 = GraphConv(channels, 2 * channels), GraphConv(2 * channels, channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.drop_path(self.norm2(self.gcn2(self.gcn1(self.norm1(x)))))


class Global(nn.Module):
    """x + droppath(attention(norm(x)))."""

    def __init__(self, channels: int, heads: int, drop_path: float):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, output_dropout=0.1)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.drop_path(self.attention(self.norm(x)))


class Block(nn.Module):
    """A narrow group goes local then global, a wide one global then local; in between they exchange
    what they found.
    """

    def __init__(self, channels: int, narrow: int, heads: int, drop_path: float):
        super().__init__()
        self.widths = [narrow, channels - narrow]
        self.local1, self.global1 = Local(narrow, drop_path), Global(narrow, heads, drop_path)
        self.global2 = Global(channels - narrow, heads, drop_path)
        self.local2 = Local(channels - narrow, drop_path)
        self.norm_fusion, self.fusion = nn.LayerNorm(channels, eps=1e-6), Mlp(channels, 128)
        self.norm_mlp, self.mlp = nn.LayerNorm(channels, eps=1e-6), Mlp(channels, 4 * channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.split(self.widths, dim=-1)
        a, b = self.local1(a), self.global2(b)
        s = torch.cat([a, b], dim=-1)
        fa, fb = (s + self.fusion(self.norm_fusion(s))).split(self.widths, dim=-1)
        x = s + torch.cat([self.global1(a + fa), self.local2(b + fb)], dim=-1)
        return x + self.drop_path(self.mlp(self.norm_mlp(x)))


class DCGCT(nn.Module):
    """kp2d (B, J, 2) screen units -> pose (B, J, 3) metres, camera frame; joint 0 is near the
    origin, not at it. With confidence=True, kp2d (B, J, 3) has the detector's confidence too.
    bf16 = True computes the blocks in bfloat16, for training.
    """

    bf16 = False

    def __init__(
        self,
        channels: int = 160,
        narrow: int = 32,
        depth: int = 3,
        heads: int = 8,
        confidence: bool = False,
    ):
        super().__init__()
        self.confidence = confidence
        self.embed = nn.Linear(WIDTHS[confidence], channels)
        self.joint_embedding = nn.Parameter(torch.zeros(1, J, channels))
        drop_paths = torch.linspace(0.1, 0.3, depth).tolist()
        self.blocks = nn.ModuleList(Block(channels, narrow, heads, p) for p in drop_paths)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.output = nn.Linear(channels, 3)

    def forward(self, kp2d: torch.Tensor) -> torch.Tensor:
        x = self.embed(kp2d) + self.joint_embedding
        with bfloat16(x, self.bf16):
            for block in self.blocks:
                x = block(x)
        return self.output(self.norm(x))

"""Layers on the joints of a skeleton: Chebyshev and learned-graph convolution, attention. x is
(..., J, C) throughout.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..skeleton import J, bone_adjacency
from .dropout import Dropout


def chebyshev_terms() -> torch.Tensor:
    """(3, J, J): the Chebyshev polynomials T0, T1, T2 of the skeleton's Laplacian L = I - A.

    A: bones and self loops, rows divided by their sums. Source: Defferrard et al. 2016, eq. 4, with
    L not rescaled, as published.
    """
    eye = torch.eye(J)
    adjacency = bone_adjacency() + eye
    laplacian = eye - adjacency / adjacency.sum(1, keepdim=True)
    return torch.stack([eye, laplacian, 2 * laplacian @ laplacian - eye])


def linear(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """layer(x). The usual call first writes the bias all over the output; added in place, a
    compiler can merge it with what follows.
    """
    return F.linear(x, layer.weight).add_(layer.bias)


class ChebConv(nn.Module):
    """Chebyshev graph convolution of order 2: sum_k T_k X W_k + b. (..., J, inputs) -> (..., J,
    outputs).
    """

    mix: torch.Tensor

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        # mixing joints costs by the channel: it is done on the narrow side
        self.mix_first = inputs < outputs
        # W_0, W_1, W_2 side by side: one matrix product
        self.weight = nn.Parameter(torch.empty(inputs, 3 * outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        # T_k[j, i], ordered (j, k, i) to mix first, and (j, i, k) to mix X [W_0 W_1 W_2], whose
        # rows are then ordered (i, k).
        order = (1, 0, 2) if self.mix_first else (1, 2, 0)
        self.register_buffer(
            "mix",
            chebyshev_terms().permute(order).reshape(-1, J if self.mix_first else 3 * J),
            persistent=False,
        )
        # Xavier over the (3, 1, inputs, outputs) tensor of GraFormer, whose fans are 1 and 3 times
        # inputs * outputs: small, so that the residual pairs start near the identity. Xavier on
        # each W_k by itself makes the untrained denoiser's output explode.
        nn.init.normal_(self.weight, std=math.sqrt(2 / (4 * inputs * outputs)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inputs, outputs = x.shape[-1], len(self.bias)
        if self.mix_first:
            terms = (self.mix @ x).view(*x.shape[:-1], 3 * inputs)  # (..., J, k and input)
            return (
                terms
                @ self.weight.view(inputs, 3, outputs).transpose(0, 1).reshape(3 * inputs, outputs)
                + self.bias
            )
        y = (x @ self.weight).view(-1, 3 * J, outputs)
        return (self.mix @ y).add_(self.bias).view(*x.shape[:-1], outputs)


class LearnedGraph(nn.Module):
    """Two layers on a learned graph G: fc2(G relu(G-mixed fc1)). G starts as the identity; D =
    column sums + 1e-5, G -> D^-1/2 G D^-1/2.
    """

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.adjacency = nn.Parameter(torch.eye(J))
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        d = (self.adjacency.sum(0) + 1e-5) ** -0.5
        # as a batch of products: broadcasting would move the joints to the front and back
        rows = x.reshape(-1, *x.shape[-2:])
        graph = (d[:, None] * self.adjacency * d).expand(len(rows), J, J)
        hidden = F.relu_(linear(self.fc1, torch.bmm(graph, rows)))
        # mixed after fc2, which is half as wide
        y = torch.bmm(graph, F.linear(hidden, self.fc2.weight))
        return y.add_(self.fc2.bias).view(x.shape)


class Attention(nn.Module):
    """Multi-head self-attention over joints.

    (..., J, C) -> (..., J, C); qkv channels are ordered (3, heads, C / heads).
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        attention_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ):
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels must be a multiple of heads, got {channels} and {heads}")
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.attention_dropout, self.dropout = Dropout(attention_dropout), Dropout(output_dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            linear(self.qkv, x)
            .view(-1, x.shape[-2], 3, self.heads, x.shape[-1] // self.heads)
            .permute(2, 0, 3, 1, 4)
        )
        dropped = self.training and self.attention_dropout.p > 0
        if not dropped and (x.is_cuda or (x.requires_grad and q.dtype == torch.float32)):
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            # On a CPU the fused kernel takes twice as long for 17 joints, and eight times in a
            # training step in bfloat16; in float32 its backward pass makes up for that.
            y = self.attention_dropout((q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)) @ v
        return self.dropout(linear(self.proj, y.transpose(1, 2).reshape(x.shape)))

"""Layers on the joints of a skeleton: Chebyshev and learned-graph convolution, attention. x is (..., J, C) throughout."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .skeleton import J, bone_adjacency


def chebyshev_terms() -> torch.Tensor:
    """(3, J, J): the Chebyshev polynomials T0, T1, T2 of the skeleton's Laplacian L = I - A.

    A: bones and self loops, rows divided by their sums. Source: Defferrard et al. 2016, eq. 4, with L not rescaled, as published.
    """
    eye = torch.eye(J)
    adjacency = bone_adjacency() + eye
    laplacian = eye - adjacency / adjacency.sum(1, keepdim=True)
    return torch.stack([eye, laplacian, 2 * laplacian @ laplacian - eye])


class ChebConv(nn.Module):
    """Chebyshev graph convolution of order 2: sum_k T_k X W_k + b. (..., J, inputs) -> (..., J, outputs)."""

    mix: torch.Tensor

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, 3 * outputs))  # W_0, W_1, W_2 side by side: one matrix product
        self.bias = nn.Parameter(torch.zeros(outputs))
        # Rows of X [W_0 W_1 W_2], read as (J * 3, outputs), are ordered (joint, k); so are the columns of the mix.
        self.register_buffer("mix", chebyshev_terms().permute(1, 2, 0).reshape(J, 3 * J), persistent=False)
        bound = math.sqrt(6 / (inputs + outputs))  # Xavier, each W_k by itself
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = (x @ self.weight).view(-1, 3 * J, len(self.bias))
        return (self.mix @ y + self.bias).view(*x.shape[:-1], -1)


class LearnedGraph(nn.Module):
    """Two layers on a learned graph G: fc2(G relu(G-mixed fc1)). G starts as the identity; D = column sums + 1e-5, G -> D^-1/2 G D^-1/2."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.adjacency = nn.Parameter(torch.eye(J))
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        d = (self.adjacency.sum(0) + 1e-5) ** -0.5
        graph = d[:, None] * self.adjacency * d
        return self.fc2(graph @ F.relu(self.fc1(graph @ x)))


class Attention(nn.Module):
    """Multi-head self-attention over joints. (..., J, C) -> (..., J, C); qkv channels are ordered (3, heads, C / heads)."""

    def __init__(self, channels: int, heads: int, *, attention_dropout: float = 0.0, output_dropout: float = 0.0):
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels must be a multiple of heads, got {channels} and {heads}")
        self.heads, self.attention_dropout = heads, attention_dropout
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(output_dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).view(-1, x.shape[-2], 3, self.heads, x.shape[-1] // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.attention_dropout if self.training else 0.0)
        return self.dropout(self.proj(y.transpose(1, 2).reshape(x.shape)))

"""The denoiser's layers against slow, obvious versions, and its switches for speed."""

import shutil

import pytest
import torch

import drpose_core as dr
from drpose_core.denoiser import Norm
from drpose_core.layers.graph import Attention, ChebConv, LearnedGraph, chebyshev_terms
from drpose_core.skeleton import J


@pytest.mark.parametrize("size", [1.0, 1e-2, 1e3])
def test_norm_by_hand(size):
    torch.manual_seed(0)
    norm, x = Norm(96), size * torch.randn(2, 3, J, 96, dtype=torch.float64)
    norm = norm.double()
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    scale, shift = torch.randn(2, 2, 1, J, 96, dtype=torch.float64)
    published = (
        norm.weight * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) + norm.bias
    )
    assert torch.allclose(
        norm(x, scale, shift), published * (1 + scale) + shift, rtol=1e-6, atol=1e-6
    )


def test_norm_of_equal_channels_is_finite():
    x, none = torch.full((1, 1, J, 96), 0.3), torch.zeros(1, 1, J, 96)
    assert torch.equal(Norm(96)(x, none, none), torch.zeros_like(x))


@pytest.mark.parametrize("inputs, outputs", [(6, 96), (96, 96), (96, 3)])
def test_chebyshev_convolution_by_hand(inputs, outputs):
    torch.manual_seed(0)
    conv, x = ChebConv(inputs, outputs), torch.randn(2, 5, J, inputs)
    torch.nn.init.normal_(conv.bias)
    by_hand = (
        sum(
            term @ x @ w
            for term, w in zip(chebyshev_terms(), conv.weight.view(inputs, 3, outputs).unbind(1))
        )
        + conv.bias
    )
    assert torch.allclose(conv(x), by_hand, atol=1e-5)


def test_learned_graph_by_hand():
    torch.manual_seed(0)
    graph, x = LearnedGraph(96, 192), torch.randn(4, J, 96)
    torch.nn.init.uniform_(graph.adjacency, 0.1, 1)
    d = torch.diag((graph.adjacency.sum(0) + 1e-5) ** -0.5)
    mixed = d @ graph.adjacency @ d
    assert torch.allclose(graph(x), graph.fc2(mixed @ graph.fc1(mixed @ x).relu()), atol=1e-5)


def sampled(model, poses):
    return dr.sample_poses(
        model,
        poses.kp2d[:6],
        hypotheses=3,
        steps=3,
        noise=torch.randn(3, 6, 3, J, 3, generator=dr.generator(0)),
    )


@pytest.mark.parametrize("training", (False, True))
def test_attention_on_a_cpu_is_that_of_the_fused_kernel(training):
    torch.manual_seed(0)
    attention = Attention(24, 4).train(training)
    x = torch.randn(5, J, 24, requires_grad=training)
    q, k, v = attention.qkv(x).view(5, J, 3, 4, 6).permute(2, 0, 3, 1, 4)
    fused = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    expected = attention.proj(fused.transpose(1, 2).reshape(5, J, 24))
    with torch.set_grad_enabled(training):
        assert torch.allclose(attention(x), expected, atol=1e-6)


def test_bfloat16_moves_poses_by_less_than_two_millimetres(poses):
    """Of the default checkpoint; each pose once in its own precision and once in a coarse one.

    Training goes through the same switch.
    """
    model = dr.load_checkpoint(dr.weights.DEFAULT).eval()
    exact = sampled(model, poses)
    model.denoiser.bf16 = True
    coarse = sampled(model, poses)
    moved = (coarse - exact).norm(dim=-1)
    assert coarse.dtype == torch.float32 and 0 < moved.mean() < 0.002
    loss = dr.denoising_loss(model.train(), poses[:8], generator=dr.generator(0))
    loss.backward()
    assert loss.dtype == torch.float32 and all(
        torch.isfinite(p.grad).all() for p in model.denoiser.parameters()
    )


@pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU; none here"
)
def test_compiled_is_the_same(small_model, poses):
    exact = sampled(small_model, poses)
    small_model.denoiser.compile()
    assert torch.allclose(sampled(small_model, poses), exact, atol=1e-5)

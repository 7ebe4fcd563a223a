"""The loop: it learns, it repeats itself, it leaves the caller's random state alone."""

import math

import pytest
import torch

import drpose_core as dr
from drpose_core.training import learning_rate, steps_per_epoch


def test_a_lifter_learns_eight_poses(poses):
    torch.manual_seed(0)
    lifter = dr.build_lifter("dcgct")
    log = [
        float(s.loss)
        for s in dr.train(
            lifter,
            dr.lifting_loss,
            poses[:8],
            dr.TrainConfig(epochs=40, batch_size=8, mirror=False),
        )
    ]
    assert len(log) == 40 and sum(log[-5:]) < 0.5 * sum(log[:5])


def test_a_denoiser_learns_eight_poses(small_model, poses):
    before = dr.denoising_loss(small_model.eval(), poses[:8], generator=dr.generator(9))
    for _ in dr.train(
        small_model,
        dr.denoising_loss,
        poses[:8],
        dr.TrainConfig(epochs=60, batch_size=8, mirror=False),
    ):
        pass
    after = dr.denoising_loss(small_model.eval(), poses[:8], generator=dr.generator(9))
    assert after < 0.5 * before


def test_the_same_seed_gives_the_same_weights(poses):
    def run(seed):
        torch.manual_seed(0)
        model = dr.DRPose(dr.ModelConfig(depth=1, dropout=0.1))
        for _ in dr.train(
            model, dr.denoising_loss, poses[:40], dr.TrainConfig(epochs=1, batch_size=16, seed=seed)
        ):
            torch.rand(3)  # the caller's own draws change nothing
        return torch.cat([p.flatten() for p in model.denoiser.parameters()])

    assert torch.equal(run(1), run(1)) and not torch.equal(run(1), run(2))


def test_the_callers_random_state_is_left_alone(poses):
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    model = torch.nn.Linear(2, 3)
    torch.manual_seed(5)
    for _ in dr.train(model, dr.lifting_loss, poses[:8], dr.TrainConfig(epochs=2, batch_size=4)):
        pass
    assert torch.equal(torch.rand(4), expected)


def test_steps_and_epochs_are_counted_from_one(poses):
    config = dr.TrainConfig(epochs=2, batch_size=16)
    log = list(dr.train(torch.nn.Linear(2, 3), dr.lifting_loss, poses[:20], config))
    assert (
        steps_per_epoch(19, config) == 2
        and steps_per_epoch(20, config) == 3
        and steps_per_epoch(3, config) == 1
    )
    assert [(s.epoch, s.step) for s in log] == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6)]


def test_learning_rates():
    published = dr.TrainConfig.published()
    rates = [learning_rate(10 * epoch, 10, published) for epoch in range(12)]
    expected = 5e-4
    for epoch, rate in enumerate(rates):
        if epoch:
            expected *= 0.5 if epoch % 5 == 0 else 0.95
        assert math.isclose(rate, expected)
    cosine = dr.TrainConfig(epochs=2, lr=1.0)
    rates = [learning_rate(step, 500, cosine) for step in range(1000)]
    assert (
        rates[0] < 0.05
        and 0.95 < max(rates) <= 1
        and rates[-1] < 1e-4
        and rates.index(max(rates)) < 40
    )


def test_a_loss_that_is_not_a_number_stops_before_the_weights_are_touched(poses):
    module = torch.nn.Linear(2, 3)
    weights = module.weight.detach().clone()

    def broken(module, batch, generator):
        return module(batch.kp2d).sum() * float("nan")

    with pytest.raises(
        FloatingPointError, match=r"the loss or its gradient is not finite at step 1: lower lr"
    ):
        list(dr.train(module, broken, poses[:8]))
    assert torch.equal(module.weight, weights)


def test_dropout_keeps_the_mean_and_the_share():
    from drpose_core.layers.dropout import Dropout

    layer, x = Dropout(0.1).train(), torch.ones(1000, 1001)
    y = layer(x)
    assert abs((y == 0).float().mean() - 26 / 256) < 1e-3 and abs(y.mean() - 1) < 1e-3
    assert torch.equal(layer.eval()(x), x)
    for _ in range(2):
        both = torch.nn.Sequential(Dropout(0.5), Dropout(0.5)).train()

        def masks():
            return [layer(torch.ones(100, 100)) == 0 for layer in both]  # noqa: B023 (called at once)

        torch.manual_seed(1)
        plain = masks()
        torch.manual_seed(1)
        compiled = torch.compile(
            masks, backend="aot_eager_decomp_partition"
        )()  # as torch.compile, but for the compiler
        assert not torch.equal(*compiled) and all(map(torch.equal, plain, compiled))
    columns = (layer.train()(torch.ones(4000, 64)) == 0).float()
    correlation = torch.corrcoef(columns.T) - torch.eye(64)
    assert correlation.abs().max() < 0.1  # the bytes of one draw are independent

"""Flow matching, GFPose and D3DP's way: each solver against distributions whose ideal denoiser is a
formula, each loss by hand, and every service of the kit with a small model of each.
"""

import math
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

import drpose_core as dr
from drpose_core.explorer.samples import Samples, Wish
from drpose_core.methods import StraightPath, SubVP, flow_loss, midpoint, score_loss
from drpose_core.methods.gfpose import METRES, PARTS, hidden_joints
from drpose_core.methods.subvp import SPREAD, reverse_sde
from drpose_core.skeleton import J

FLOW, SUB = StraightPath(), SubVP()
NAMES = ("drpose", "d3dp", "flow", "gfpose", "gfpose-concat")
DRAWS = dr.generator(1)
NOISY = {"noise_sampler": lambda x: torch.randn(x.shape, generator=DRAWS, dtype=x.dtype)}
# schedule, solver, steps, spacing, and how far a deviation of 50 and of 100 mm may be off
EULER = partial(dr.ddim, eta=0.0)
SOLVERS = {
    "Euler": (FLOW, EULER, 200, "linear", 0.04),
    "Euler, log grid": (FLOW, EULER, 30, "log", 0.05),
    "midpoint": (FLOW, midpoint, 50, "linear", 0.02),
    "midpoint, log grid": (FLOW, midpoint, 8, "log", 0.02),
    "noise added along the path": (FLOW, partial(dr.ddim, eta=1.0, **NOISY), 400, "linear", 0.06),
    "DPM-Solver++ on the path": (FLOW, dr.dpm_solver, 8, "log", 0.03),
    "Euler-Maruyama": (SUB, partial(reverse_sde, share=1.0, **NOISY), 300, "linear", 0.03),
    "probability flow": (SUB, partial(reverse_sde, share=0.5), 300, "linear", 0.03),
    "ddim on the sub-VP levels": (SUB, EULER, 100, "linear", 0.05),
}


def ideal(schedule, means, deviations, weights):
    """The exact denoiser of a mixture of Gaussians (one Gaussian: a mixture of one)."""
    m, s, p = (torch.tensor(v, dtype=torch.float64) for v in (means, deviations, weights))

    def denoise(x, t):
        a = schedule.alpha_bar[t].item()
        v, off = a * s**2 + 1 - a, x[..., None] - math.sqrt(a) * m
        responsible = torch.softmax(p.log() - v.log() / 2 - off**2 / (2 * v), -1)
        return (responsible * (m + math.sqrt(a) * s**2 / v * off)).sum(-1)

    return denoise


def sampled(name, *mixture, n=20_000):
    schedule, solver, steps, spacing, _ = SOLVERS[name]
    x = torch.randn(n, generator=dr.generator(0), dtype=torch.float64)
    *_, last = solver(ideal(schedule, *mixture), x, schedule, steps, spacing=spacing)
    return last.x0


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("spread", [0.05, 0.1])
def test_a_gaussian_comes_out_as_it_is(name, spread):
    found, bound = sampled(name, [0.3], [spread], [1.0]), SOLVERS[name][-1]
    assert abs(found.mean() - 0.3) < 0.06 * spread
    assert abs(found.std() / spread - 1) < bound + 0.01  # 20,000 samples are 0.5 % off themselves


@pytest.mark.parametrize("name", SOLVERS)
def test_two_modes_come_out_where_they_are(name):
    """-100 +- 30 mm with 30 %, 200 +- 50 mm with 70 %."""
    found = sampled(name, [-0.1, 0.2], [0.03, 0.05], [0.3, 0.7])
    low = found < 0.03
    assert abs(low.double().mean() - 0.3) < 0.02
    assert abs(found[low].mean() + 0.1) < 0.006 and abs(found[~low].mean() - 0.2) < 0.006
    assert abs(found[low].std() - 0.03) < 0.005 and abs(found[~low].std() - 0.05) < 0.005


@pytest.mark.parametrize("method, steps, spacing", [("euler", 3, "linear"), ("mid", 25, "linear"), ("mid", 4, "log")])  # fmt: skip
def test_flows_in_their_own_variable(method, steps, spacing):
    """The solvers written out as dy = velocity ds, s from noise to pose, in numpy."""
    s2 = 0.05**2
    times = np.array(FLOW.timesteps(steps, spacing))
    grid = 1 - (times + 1) / 1000
    assert np.allclose(grid, np.linspace(0, 1, steps + 1), atol=0.002) or spacing == "log"
    y = start = np.linspace(-2, 2, 5)
    for a, b in pairwise(grid):
        middle = 1 - round(1000 * (1 - (a + b) / 2) + 1e-6) / 1000 if method == "mid" else a

        def velocity(y, s):  # E[pose - noise | y], by Gaussian regression
            return (s * s2 - (1 - s)) / (s * s * s2 + (1 - s) ** 2) * y

        y = y + (b - a) * velocity(y + (middle - a) * velocity(y, a), middle)
    solver = midpoint if method == "mid" else EULER
    denoise = ideal(FLOW, [0.0], [0.05], [1.0])
    *_, last = solver(denoise, torch.from_numpy(start), FLOW, steps, spacing=spacing)
    assert np.allclose(last.x0.numpy(), y, atol=1e-9)


def test_three_euler_steps_hardly_spread_and_the_published_shortcut_not_at_all():
    """What the notes of the field call fast has a price: of 50 mm, 5 and less than 1 are left."""
    x = torch.randn(2000, generator=dr.generator(0), dtype=torch.float64)
    *_, few = EULER(ideal(FLOW, [0.3], [0.05], [1.0]), x, FLOW, 3)
    assert 0.004 < few.x0.std() < 0.006
    *_, short = reverse_sde(ideal(SUB, [0.3], [0.05], [1.0]), x, SUB, 300, share=1.0)
    assert short.x0.std() < 0.001 and abs(short.x0.mean() - 0.3) < 0.001
    *_, modes = reverse_sde(ideal(SUB, [-0.1, 0.2], [0.03, 0.05], [0.3, 0.7]), x, SUB, 300, share=1)
    assert (modes.x0 > 0.1).all(), "the likelier mode alone"


def test_levels_of_the_sub_vp_sde_solve_its_equations():
    """dm = -beta m / 2 du and d(sigma^2) = (g^2 - beta sigma^2) du, by small steps from u = 1e-3."""
    m, variance, n = math.exp(-19.9 / 4 * 1e-6 - 0.05e-3), (1 - math.exp(-19.9 / 2 * 1e-6 - 1e-4)) ** 2, 200_000  # fmt: skip
    for i in range(n):
        u = 1e-3 + (0.999 / n) * (i + 0.5)
        beta = 0.1 + 19.9 * u
        g2 = beta * (1 - math.exp(-0.2 * u - 19.9 * u * u))
        variance += (g2 - beta * variance) * 0.999 / n
        m -= beta * m / 2 * 0.999 / n
    assert SUB.sigma(999).item() == pytest.approx(math.sqrt(variance), rel=1e-3)
    ratio = (m / SPREAD) ** 2 / variance
    assert (SUB.alpha_bar[-1] / (1 - SUB.alpha_bar[-1])).item() == pytest.approx(ratio, rel=1e-2)
    assert SUB.size(0).item() == pytest.approx(1 / SPREAD, rel=1e-3), "no noise: poses / SPREAD"


def test_one_step_of_the_sde_by_hand():
    x = torch.tensor([0.4, -1.0], dtype=torch.float64)
    z = torch.tensor([0.3, 0.2], dtype=torch.float64)
    first, second = reverse_sde(
        lambda x, t: x / 2, x, SUB, 2, share=1.0, noise_sampler=lambda x: z, spacing=[499, 249]
    )
    m = math.exp(-0.25 * 19.9 * 0.25 - 0.5 * 0.1 * 0.5)
    sigma, beta = 1 - m * m, 0.1 + 19.9 * 0.5
    y = x * math.sqrt((m / 0.25) ** 2 + sigma**2)  # m pose / 0.25 + sigma noise
    score = -(y - m * (x / 2) / 0.25) / sigma**2
    g2 = beta * (1 - math.exp(-0.2 * 0.5 - 19.9 * 0.25))
    y = y - (-beta * y / 2 - g2 * score) * 0.25 + math.sqrt(g2 * 0.25) * z
    assert torch.allclose(second.x_t * SUB.size(249), y)
    assert torch.equal(first.x0, x / 2) and (first.t, second.t) == (499, 249)


@pytest.mark.parametrize("start", [None, 999, 400, 150])
def test_times_of_a_straight_path(start):
    first = 999 if start is None else start
    for spacing in StraightPath.spacings:
        for steps in (1, 2, 5, 8, 100, first + 1):
            times = FLOW.timesteps(steps, spacing, start=start)
            assert times[-1] == -1 and len(times) == steps + 1
            assert times[0] == first or steps == 1
            assert all(a > b for a, b in pairwise(times))
    assert FLOW.timesteps(3, "log") == [999, 99, 9, -1], "shares 1, 0.1, 0.01"
    for spacing, words in (("log-snr", 'use "log"'), ("cubic", "unknown spacing")):
        with pytest.raises(ValueError, match=words):
            FLOW.timesteps(3, spacing)
    with pytest.raises(ValueError, match="at most 1000 steps fit, got 2000"):
        FLOW.timesteps(2000, "log")


def model_of(name, **changes):
    torch.manual_seed(0)
    size = {"channels": 64, "depth": 1, "dropout": 0.0, "lifter": "mlp"} | changes
    return dr.build_model(dr.ModelConfig(method=name, **size)).eval()


@pytest.mark.parametrize("skip", [0.0, 0.1])
def test_the_loss_of_flows_is_that_of_the_velocity(poses, skip):
    """By hand, in the path's own variable."""
    model, batch, g = model_of("flow", skip=skip), poses[:5], dr.generator(3)
    t = torch.randint(1000, (5,), generator=g)
    noise, shake = torch.randn(5, J, 3, generator=g), torch.randn(5, J, 3, generator=g)
    share = ((t + 1) / 1000)[:, None, None]
    y = (1 - share) * batch.pose3d + share * noise
    initial = model.initial_pose(batch.kp2d) + 0.06 * shake
    cond = model.denoiser.condition(batch.kp2d, t)
    if skip:  # through the clean pose
        x_t = model.schedule.add_noise(batch.pose3d, t, noise)
        assert torch.allclose(x_t * model.schedule.size(t)[:, None, None], y, atol=1e-5)
        velocity = (model.clean(x_t[:, None], initial, cond, t)[:, 0] - y) / share
    else:  # the network's own answer
        velocity = model.denoiser(y[:, None], initial, cond)[:, 0]
    by_hand = (velocity - (batch.pose3d - noise)).square().mean()
    found = flow_loss(model, batch, generator=dr.generator(3))
    assert found.item() == pytest.approx(by_hand.item(), rel=1e-3)
    assert model.loss(batch, generator=dr.generator(3)) == found, "the same as a method"


@pytest.mark.parametrize("name", ["gfpose", "gfpose-concat"])
def test_the_loss_of_scores_by_hand(poses, name):
    model, batch, g = model_of(name), poses[:5], dr.generator(3)
    t = torch.randint(1000, (5,), generator=g)
    noise = torch.randn(5, J, 3, generator=g)
    hidden = hidden_joints(torch.rand(5, 6 + J, generator=g))
    total = 0.0
    for n in range(5):
        u = (t[n].item() + 1) / 1000
        m = math.exp(-0.25 * u * u * 19.9 - 0.5 * u * 0.1)
        y = m * batch.pose3d[n] / 0.25 + (1 - m * m) * noise[n]
        kp2d = batch.kp2d[n].masked_fill(hidden[n][:, None], torch.nan)
        out = model.denoiser(
            y[None, None], None, model.denoiser.condition(kp2d[None], t[n : n + 1])
        )
        # the score network: s = -out / sigma; the loss: (sigma s + noise)^2 / 2
        total += ((-out[0, 0] + noise[n]) ** 2).sum().item() / 2 / 5
    found = score_loss(model, batch, generator=dr.generator(3))
    assert found.item() == pytest.approx(total, rel=1e-3)


def test_what_the_score_network_is_told(poses):
    """The published difference, coordinate by coordinate; nothing of joints that are not known."""
    net = model_of("gfpose").denoiser
    told, kp2d = [], poses.kp2d[:1].clone()
    net.embed_known.register_forward_pre_hook(lambda module, given: told.append(given[0]))
    kp2d[:, 11:14] = torch.nan
    y = torch.randn(1, 2, J, 3, generator=dr.generator(0))
    net(y, None, net.condition(kp2d, torch.tensor([7])))
    for h in range(2):
        for j in range(J):
            place = kp2d[0, j] - (kp2d[0, 0] if j else 0)
            far = y[0, h, j, :2] - METRES / SPREAD * place
            expected = torch.zeros(3) if j in (11, 12, 13) else torch.cat([far, torch.zeros(1)])
            assert torch.allclose(told[0][0, h].view(J, 3)[j], expected, atol=1e-5)


def test_joints_parts_and_whole_pictures_are_hidden_as_often_as_published():
    hidden = hidden_joints(torch.rand(40_000, 6 + J, generator=dr.generator(0)))
    assert sorted(j for part in PARTS for j in part) == list(range(1, J)), "each joint in one part"
    each = hidden.float().mean(0)
    assert torch.allclose(each[1:], torch.tensor(1 - 0.9**3), atol=0.01)
    whole = hidden.all(1)
    assert abs(whole.float().mean() - 0.1) < 0.01 and (hidden[:, 0] == whole).all()
    arm = hidden[:, list(PARTS[2])].all(1).float().mean()
    assert abs(arm - (0.1 + 0.9 * (0.1 + 0.9 * 0.001))) < 0.01


def test_hidden_joints_are_not_looked_at(poses):
    kp2d, noise = poses.kp2d[:2].clone(), dr.per_hypothesis(0)
    for name in ("gfpose", "gfpose-concat"):
        model = model_of(name)
        sample = partial(dr.sample_poses, model, hypotheses=2, steps=3, noise=noise)
        none = sample(torch.full_like(kp2d, torch.nan))
        assert torch.isfinite(none).all() and torch.allclose(none[:, 0], none[:, 1], atol=1e-3)
        arm = kp2d.clone()
        arm[:, 14:] = torch.nan
        assert not torch.allclose(sample(arm), sample(kp2d), atol=1e-4)
        arm[:, 0] = torch.nan
        with pytest.raises(ValueError, match="the hip can be hidden only with all other joints"):
            sample(arm)
        with pytest.raises(ValueError, match="NaN or infinite"):
            sample(kp2d / 0)
        with pytest.raises(ValueError, match="a later start needs initial"):
            sample(torch.full_like(kp2d, torch.nan), start=50)
        noisy = sample(torch.full_like(kp2d, torch.nan), start=50, initial=poses.pose3d[:2])
        assert torch.isfinite(noisy).all(), "a 3D pose is denoised without a picture"
    with pytest.raises(ValueError, match="NaN or infinite"):
        dr.sample_poses(model_of("flow"), torch.full_like(kp2d, torch.nan))


def test_d3dps_way_does_not_look_at_the_initial_pose(poses):
    kp2d, initial = poses.kp2d[:3], torch.randn(3, J, 3, generator=dr.generator(0))
    found = {
        name: [
            dr.sample_poses(model_of(name), kp2d, hypotheses=2, initial=x) for x in (None, initial)
        ]
        for name in ("drpose", "d3dp")
    }
    assert torch.equal(*found["d3dp"]) and not torch.allclose(*found["drpose"], atol=1e-3)
    weights = {name: model_of(name).denoiser.state_dict() for name in ("drpose", "d3dp")}
    extra = weights["drpose"].keys() - weights["d3dp"].keys()
    assert extra == {k for k in weights["drpose"] if k.startswith("blend.")}, (
        "nothing to blend with"
    )


@pytest.mark.parametrize("name", NAMES)
def test_training_teaches_each(poses, name):
    """On a few poses the loss falls, and the mean hypothesis comes nearer to the truth."""
    few = poses[:: len(poses) // 16][:16]
    model = model_of(name)
    few = dr.with_initial_poses(model, few)

    def error():
        found = dr.sample_poses(model.eval(), few.kp2d, hypotheses=4, solver="ddim", steps=20)[-1]
        return dr.hypothesis_errors(found, few.pose3d)["p_avg"].mean()

    epochs = 300 if name.startswith("gfpose") else 60  # it learns the noise, not the pose
    config = dr.TrainConfig(epochs=epochs, batch_size=16, lr=3e-3, mirror=False)
    before = error()
    losses = [step.loss.item() for step in dr.train(model, type(model).loss, few, config)]
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])
    assert error() < 0.9 * before


@pytest.mark.parametrize("name", NAMES)
def test_every_service_works_with_each(poses, name, tmp_path):
    """Checkpoint, assess, evaluate, predict, explorer and sweep give the hypotheses of
    sample_poses.
    """
    model, few = model_of(name), poses[:6]
    own = replace(model.sampling, hypotheses=3)
    model.sampling = own
    dr.save_checkpoint(tmp_path / "m.safetensors", model)
    again = dr.load_checkpoint(tmp_path / "m.safetensors")
    assert type(again) is type(model) and again.config == model.config and again.sampling == own
    expected = dr.sample_poses(model, few.kp2d)
    assert torch.equal(dr.sample_poses(again, few.kp2d), expected)
    assert expected.shape == (own.steps, 6, 3, J, 3) and torch.isfinite(expected).all()
    with (
        pytest.raises(ValueError, match="no other method")
        if name != "drpose"
        else pytest.raises(ValueError, match="no published layout")
    ):
        dr.export_published(model)

    found = dr.assess(model, few, every_step=False, resume=tmp_path / "kept")
    errors = dr.hypothesis_errors(expected[-1], few.pose3d)
    mean = 1000 * errors["p_avg"].mean().item()
    scored = found.scores.query("protocol == 'MPJPE' and score == 'p_avg'")
    assert (scored.error_mm * scored.poses).sum() / 6 == pytest.approx(mean, abs=0.01)
    predicted = dr.joined(dr.predict(model, few, keep=tmp_path / "p"))
    assert torch.allclose(predicted.hypotheses, expected[-1], atol=1e-5)
    shown = Samples(model, few).take(Wish(2, own, 0, own.steps))
    assert (
        torch.allclose(shown.samples, expected[:, 2], atol=1e-3) and len(shown.times) == own.steps
    )
    rows = dr.sweep(scores, {"hypotheses": [1, 2]}, model, few, folder=tmp_path)
    assert len(rows) == 2 and rows.mean_mm.notna().all()


def scores(model, poses, *, hypotheses):
    return {"mean_mm": dr.table(dr.evaluate(model, poses, hypotheses=hypotheses)).MPJPE["p_avg"]}


@pytest.mark.parametrize("name", NAMES)
def test_mirrored_pictures_and_chunks(poses, name, monkeypatch):
    model, kp2d = model_of(name), poses.kp2d[:3]
    steps = model.sampling.steps
    noise = torch.randn(steps, 3, 2, J, 3, generator=dr.generator(0))
    plain = dr.sample_poses(model, kp2d, hypotheses=2, noise=noise)
    mirrored = dr.sample_poses(model, dr.flip(kp2d), hypotheses=2, noise=dr.flip(noise))
    assert torch.allclose(dr.flip(mirrored), plain, atol=1e-3)
    monkeypatch.setattr("drpose_core.model.CHUNK", 2)
    small = dr.sample_poses(model, kp2d, hypotheses=2, noise=noise)
    assert torch.allclose(small, plain, atol=1e-3)


def test_kept_trainings_know_their_method(poses, tmp_path):
    few, config = poses[:16], dr.TrainConfig(epochs=2, batch_size=16, mirror=False)
    model = model_of("gfpose", lifter="mlp")
    for _ in dr.train_in(tmp_path / "run", model, type(model).loss, few, config):
        pass
    again = model_of("gfpose")
    assert not list(dr.train_in(tmp_path / "run", again, type(again).loss, few, config))
    assert torch.equal(again.denoiser.output.weight, model.denoiser.output.weight)
    for name in ("gfpose-concat", "flow"):
        other = model_of(name)
        with pytest.raises(ValueError, match="holds another training"):
            list(dr.train_in(tmp_path / "run", other, type(other).loss, few, config))


def test_methods_by_name():
    assert {*NAMES} <= {*dr.METHODS}
    with pytest.raises(ValueError, match="unknown method 'cvae': choose from drpose, d3dp, flow"):
        dr.build_model(dr.ModelConfig(method="cvae"))
    with pytest.raises(ValueError, match="its config says 'flow': use build_model"):
        dr.DRPose(dr.ModelConfig(method="flow"))
    with pytest.raises(ValueError, match="the method drpose has no solver 'sde': choose from ddim"):
        dr.sample_poses(model_of("drpose"), torch.rand(1, J, 2), solver="sde")
    with pytest.raises(ValueError, match="channels must be a multiple of 32"):
        model_of("gfpose", channels=40)
    config = dr.GFPose.published(lifter="mlp")
    assert (config.channels, config.depth, config.dropout) == (1024, 2, 0.25)


def test_a_method_of_your_own_is_registered_or_refused(tmp_path, monkeypatch):
    class Mine(dr.DRPose):
        pass

    torch.manual_seed(0)
    model = Mine(dr.ModelConfig(lifter="mlp", depth=1))
    with pytest.raises(ValueError, match=r"it is a Mine: give its class a method"):
        dr.save_checkpoint(tmp_path / "m.safetensors", model)
    assert not list(tmp_path.iterdir())
    Mine.method = "mine"
    monkeypatch.setitem(dr.METHODS, "mine", Mine)
    model = Mine(dr.ModelConfig(lifter="mlp", depth=1, method="mine"))
    dr.save_checkpoint(tmp_path / "m.safetensors", model)
    assert type(dr.load_checkpoint(tmp_path / "m.safetensors")) is Mine

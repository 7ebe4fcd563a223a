"""Schedule and sampler against closed forms."""

import math
from itertools import pairwise

import pytest
import torch

import drpose_core as dr


def test_noise_and_its_prediction_are_inverse():
    schedule = dr.CosineSchedule()
    x0, noise = torch.randn(2, 5, 17, 3, generator=dr.generator(0), dtype=torch.float64)
    t = torch.tensor([0, 10, 300, 700, 990])
    assert torch.allclose(schedule.predict_noise(schedule.add_noise(x0, t, noise), t, x0), noise)
    one_by_one = torch.stack([schedule.add_noise(x0[i], int(t[i]), noise[i]) for i in range(5)])
    assert torch.allclose(schedule.add_noise(x0, t, noise), one_by_one)


def test_schedule_falls_from_signal_to_noise():
    a = dr.CosineSchedule().alpha_bar
    assert a.dtype == torch.float64 and a[0] > 0.999 and a[-1] < 1e-4 and (a.diff() < 0).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 199, 200, 333, 999, 1000])
def test_times_are_the_published_ones(steps):
    times = dr.CosineSchedule().timesteps(steps)
    assert times[0] == 999 and times[-1] == -1 and len(times) == len(set(times)) == steps + 1
    exact = [-1 + 1000 * k / steps for k in range(steps, -1, -1)]
    assert all(abs(t - math.trunc(e + 1e-3)) <= 1 for t, e in zip(times, exact))
    gaps = {a - b for a, b in pairwise(times)}
    # even, but for the rounding and the last one's cut towards zero
    assert max(gaps) - min(gaps) <= 2


def test_times_of_the_published_log():
    """t at steps 1, 50, 100, 150, 180, 195, 198 and 200 of 200."""
    times = dr.CosineSchedule().timesteps(200)
    assert [times[k - 1] for k in (1, 50, 100, 150, 180, 195, 198, 200)] == [
        999,
        754,
        504,
        254,
        104,
        29,
        14,
        4,
    ]


def test_the_schedule_stays_exact_when_the_model_is_cast():
    schedule = dr.CosineSchedule()
    assert (
        torch.equal(schedule.to(torch.float32).alpha_bar, dr.CosineSchedule().alpha_bar)
        and schedule.half().alpha_bar.dtype == torch.float64
    )


def test_own_times():
    assert dr.CosineSchedule().timesteps(3, [400, 50, 8]) == [400, 50, 8, -1]


def test_ddim_by_hand():
    """Three steps written out with numbers, for a denoiser that halves."""
    schedule = dr.CosineSchedule()
    x = torch.randn(2, 3, generator=dr.generator(0), dtype=torch.float64)
    noise = torch.randn(3, 2, 3, generator=dr.generator(1), dtype=torch.float64)
    draws = iter(noise)
    own = list(
        dr.ddim(lambda x, t: x / 2, x, schedule, 3, eta=0.7, noise_sampler=lambda x: next(draws))
    )
    times = schedule.timesteps(3)
    for k in range(3):
        assert (own[k].k, own[k].t) == (k + 1, times[k]) and torch.allclose(own[k].x_t, x)
        x0 = x / 2
        assert torch.allclose(own[k].x0, x0)
        if k < 2:
            a, b = schedule.alpha_bar[times[k]].item(), schedule.alpha_bar[times[k + 1]].item()
            sigma = 0.7 * math.sqrt((1 - b) / (1 - a)) * math.sqrt(1 - a / b)
            eps = (x - math.sqrt(a) * x0) / math.sqrt(1 - a)
            x = math.sqrt(b) * x0 + math.sqrt(1 - b - sigma**2) * eps + sigma * noise[k]


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ideal_denoiser_samples_its_distribution(eta):
    """Data N(m, s^2): the ideal denoiser is linear, and the chain must end with mean m and
    deviation s, whatever eta.
    """
    schedule, m, s = dr.CosineSchedule(), 0.3, 0.2

    def ideal(x, t):
        a = schedule.alpha_bar[t].item()
        return m + math.sqrt(a) * s**2 / (a * s**2 + 1 - a) * (x - math.sqrt(a) * m)

    g = dr.generator(0)
    start = torch.randn(200_000, generator=g, dtype=torch.float64)

    def sampler(x):
        return torch.randn(x.shape, generator=g, dtype=x.dtype)

    *_, last = dr.ddim(ideal, start, schedule, 200, eta=eta, noise_sampler=sampler)
    assert abs(last.x0.mean() - m) < 0.005 and abs(last.x0.std() - s) < 0.01


def test_deterministic_chain_draws_nothing():
    def never(x):
        raise AssertionError("eta = 0 must not draw noise")

    chain = dr.ddim(
        lambda x, t: 0.5 * x, torch.ones(2), dr.CosineSchedule(), 4, eta=0.0, noise_sampler=never
    )
    assert len(list(chain)) == 4


def test_flip_wrapper_makes_any_denoiser_symmetric():
    def lopsided(x, t):
        return x * torch.linspace(0.1, 1, 17)[:, None] + 0.2

    both = dr.with_flip(lopsided, lopsided, dr.flip)
    x = torch.randn(3, 17, 3, generator=dr.generator(0))
    assert torch.allclose(both(dr.flip(x), 5), dr.flip(both(x, 5)), atol=1e-6)


@pytest.mark.parametrize("start", [None, 999, 400, 150])
@pytest.mark.parametrize("spacing", ["linear", "quadratic", "log-snr"])
def test_times_of_every_spacing_are_distinct_and_fall(spacing, start):
    schedule = dr.CosineSchedule()
    first = 999 if start is None else start
    for steps in (1, 2, 5, 8, 100, first, first + 1):
        times = schedule.timesteps(steps, spacing, start=start)
        assert (
            times[-1] == -1 and len(times) == steps + 1 and all(a > b for a, b in pairwise(times))
        )
        assert times[0] == first or steps == 1
    with pytest.raises(ValueError, match=rf"at most {first + 1} steps fit, got {first + 2}"):
        schedule.timesteps(first + 2, spacing, start=start)


def test_quadratic_gaps_shrink_evenly_and_log_snr_ones_are_even():
    schedule = dr.CosineSchedule()
    times = schedule.timesteps(8, "quadratic")
    assert all(abs(t + 1 - 1000 * (k / 8) ** 2) <= 1 for t, k in zip(times, range(8, 0, -1)))
    a = schedule.alpha_bar[schedule.timesteps(8, "log-snr", start=400)[:-1]]
    steps = (a / (1 - a)).log().diff()
    assert (
        schedule.timesteps(8, "log-snr", start=400)[-2] == 8
        and (steps / steps.mean() - 1).abs().max() < 0.06
    )


def test_the_second_order_solver_follows_the_exact_path():
    """Data N(m, s^2): the noise-free path keeps every sample's number of standard deviations.

    ddim misses by more than four times as much.
    """
    schedule, m, s = dr.CosineSchedule(), 0.3, 0.2

    def ideal(x, t):
        a = schedule.alpha_bar[t].item()
        return m + math.sqrt(a) * s**2 / (a * s**2 + 1 - a) * (x - math.sqrt(a) * m)

    start = torch.linspace(-2, 2, 9, dtype=torch.float64)
    a = schedule.alpha_bar[600].item()
    exact = m + s * (start - math.sqrt(a) * m) / math.sqrt(a * s**2 + 1 - a)
    chain = {"spacing": "log-snr", "start": 600}
    misses = []
    for solver, more in ((dr.dpm_solver, {}), (dr.ddim, {"eta": 0.0})):
        for steps in (10, 20):
            *_, last = solver(ideal, start, schedule, steps, **chain, **more)
            end = m + s * (last.x_t - math.sqrt(schedule.alpha_bar[8]) * m) / math.sqrt(
                schedule.alpha_bar[8] * s**2 + 1 - schedule.alpha_bar[8]
            )
            misses.append((end - exact).abs().max().item())
    assert 4 * misses[1] < misses[3] and misses[1] < misses[0] / 2.5, misses


def test_one_step_of_both_samplers_is_the_same():
    halve, x = lambda x, t: x / 2, torch.ones(3, dtype=torch.float64)
    first, second = (
        [s.x_t for s in solver]
        for solver in (
            dr.dpm_solver(halve, x, dr.CosineSchedule(), 2),
            dr.ddim(halve, x, dr.CosineSchedule(), 2, eta=0.0),
        )
    )
    assert torch.allclose(first[1], second[1])

"""What several processes draw for their rows of a batch, against what one process draws."""

import pytest
import torch

from drpose_core.support import own_rows, shares, step_draws


def as_process(monkeypatch, rank, world, loss, rows=10):
    """loss(generator, rows of this process) as a training step of this rank computes it."""
    monkeypatch.setattr(shares, "process", lambda: (rank, world))
    with step_draws(5, 7, rows, torch.device("cpu")) as generator:
        return loss(generator, len(shares.own_part(range(rows))))


def drawn_through_own_rows(generator, rows):
    def normal(n, draws):
        return torch.randn(n, 3, generator=draws)

    return torch.cat([own_rows(normal, rows, generator), own_rows(normal, rows, generator)], dim=1)


@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_draw_what_one_does(world, monkeypatch):
    one = as_process(monkeypatch, 0, 1, drawn_through_own_rows)
    parts = [as_process(monkeypatch, rank, world, drawn_through_own_rows) for rank in range(world)]
    assert torch.equal(torch.cat(parts), one)


def test_a_loss_that_draws_as_it_likes_never_repeats_itself(monkeypatch):
    """A loss of one's own need not know of processes: each has a generator of its own."""

    def plain(generator, rows):
        return torch.randn(rows, 3, generator=generator)

    parts = [as_process(monkeypatch, rank, 2, plain) for rank in range(2)]
    assert len(torch.unique(torch.cat(parts), dim=0)) == 10
    again = as_process(monkeypatch, 1, 2, plain)
    assert torch.equal(again, parts[1]), "the same step draws the same numbers"


def test_dropout_draws_the_masks_of_the_whole_batch(monkeypatch):
    def mask(_, rows):
        return own_rows(lambda n, draws: torch.rand(n, 4, generator=draws), rows)

    one = as_process(monkeypatch, 0, 1, mask)
    parts = [as_process(monkeypatch, rank, 2, mask) for rank in range(2)]
    assert torch.equal(torch.cat(parts), one)


def test_the_weighted_means_of_the_shares_are_the_mean(monkeypatch):
    values, rows = torch.arange(10.0), 10
    monkeypatch.setattr(shares, "process", lambda: (0, 1))
    assert shares.share_weight(rows) == 1
    total = 0.0
    for rank in range(3):
        monkeypatch.setattr(shares, "process", lambda rank=rank: (rank, 3))
        first, last = shares._bounds(rows)
        total += shares.share_weight(rows) * values[first:last].mean() / 3
    assert total == pytest.approx(values.mean().item())

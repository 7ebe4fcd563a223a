"""What the explorer samples and keeps, without a widget: the cache, and wishes that overtake."""

import threading
import time
from dataclasses import replace

import pytest
import torch

import drpose_core as dr
from drpose_core.explorer import samples as module
from drpose_core.explorer import worker as worker_module
from drpose_core.explorer.samples import Samples, Wish
from drpose_core.explorer.worker import Worker

HOW = dr.Sampling(4, 3)


def wish(row=0, seed=1, step=None, how=HOW, **changes):
    how = how.but(**changes)
    return Wish(row, how, seed=seed, step=step or how.steps)


@pytest.fixture
def chains(monkeypatch):
    """(first, last) hypothesis of each chain that is begun."""
    begun, original = [], module.sampling_chain

    def counted(model, kp2d, how, *, first, **more):
        begun.append((first, how.hypotheses))
        return original(model, kp2d, how, first=first, **more)

    monkeypatch.setattr(module, "sampling_chain", counted)
    return begun


@pytest.mark.parametrize("how", [HOW, dr.Sampling(4, 3, spacing="linear", eta=1.0)])
def test_hypotheses_sampled_in_parts_are_those_sampled_at_once(small_model, poses, chains, how):
    samples = Samples(small_model, poses)
    for hypotheses in (2, 5, 9):
        shown = samples.take(wish(7, how=how, hypotheses=hypotheses))
    at_once = dr.sample_poses(
        small_model, poses.kp2d[7:8], how, hypotheses=9, noise=dr.per_hypothesis(1)
    )
    assert torch.allclose(shown.samples, at_once[:, 0], atol=1e-5)
    assert chains == [(0, 2), (2, 5), (5, 9)]
    assert torch.equal(samples.take(wish(7, how=how, hypotheses=3)).samples, shown.samples[:, :3])
    assert len(chains) == 3, "fewer are the first of those that are there"


def test_poses_replaced_while_a_chain_runs_get_samples_of_their_own(small_model, poses):
    samples, before = Samples(small_model, poses), Samples(small_model, poses).take(wish())
    samples.take(wish(hypotheses=2))
    moved = replace(poses, kp2d=poses.kp2d + 0.05)

    def in_between():  # asked after every step
        samples.poses = moved
        return False

    shown = samples.take(wish(), overtaken=in_between, patience=0.0)
    assert torch.allclose(shown.samples, before.samples, atol=1e-5)
    assert torch.equal(shown.pose.kp2d, poses.kp2d[:1])
    after = samples.take(wish())
    expected = Samples(small_model, moved).take(wish())
    assert after.seconds and torch.equal(after.pose.kp2d, moved.kp2d[:1])
    assert torch.allclose(after.samples, expected.samples, atol=1e-5)


def test_every_setting_has_samples_of_its_own(small_model, poses, chains):
    samples = Samples(small_model, poses)
    wishes = [
        wish(),
        wish(1),
        wish(seed=2),
        wish(steps=2),
        wish(eta=0.5),
        wish(spacing="linear"),
        wish(start=300),
        wish(solver="dpm"),
        wish(flip_test=False),
    ]
    taken = [samples.take(w).hypotheses for w in wishes]
    assert len(chains) == len(wishes)
    for n, hypotheses in enumerate(taken):
        for other in taken[:n]:
            assert not torch.allclose(hypotheses, other, atol=1e-5)
    again = [samples.take(w) for w in reversed(wishes)]
    assert len(chains) == len(wishes), "nothing is sampled twice"
    assert all(torch.equal(a.hypotheses, b) for a, b in zip(again, reversed(taken)))
    assert {shown.seconds for shown in again} == {0.0}
    first = samples.take(wish(step=1))
    assert torch.equal(first.hypotheses, first.samples[0]) and len(chains) == len(wishes)


def test_a_pose_that_comes_back_is_not_sampled_again(small_model, poses, chains):
    samples = Samples(small_model, poses)
    before = samples.take(wish()).samples
    other = samples.take(wish(1)).samples
    moved = poses.kp2d.clone()
    moved[0, 13, 0] += 0.1
    samples.poses = replace(poses, kp2d=moved)
    assert not torch.allclose(samples.take(wish()).samples, before, atol=1e-4)
    assert torch.equal(samples.take(wish(1)).samples, other), "the other pose has not moved"
    samples.poses = poses
    assert torch.equal(samples.take(wish()).samples, before) and len(chains) == 3


def test_initial_poses_of_the_set_go_before_the_lifter(small_model, poses, chains):
    samples = Samples(small_model, poses)
    lifted = samples.take(wish())
    expected = dr.with_initial_poses(small_model, poses[:1]).initial
    assert torch.allclose(lifted.pose.initial, expected, atol=1e-6)
    given = dr.with_initial_poses(small_model, poses)
    samples.poses = replace(given, initial=given.initial + 0.1)
    shown = samples.take(wish())
    assert len(chains) == 2 and not torch.allclose(shown.samples, lifted.samples, atol=1e-4)
    assert torch.allclose(shown.pose.initial, expected + 0.1, atol=1e-6)


def test_the_longest_unused_samples_make_room(small_model, poses, chains):
    size = 3 * 4 * 17 * 3
    samples = Samples(small_model, poses, kept=3 * size)
    for row in (0, 1, 2, 0, 3):  # 1 is the longest unused when 3 needs room
        samples.take(wish(row))
    assert len(chains) == 4 and samples._samples.numbers() == 3 * size
    for row in (0, 2, 3):
        samples.take(wish(row))
    assert len(chains) == 4
    samples.take(wish(1))
    assert len(chains) == 5
    large = samples.take(wish(0, hypotheses=30))
    assert large.samples.shape[1] == 30, "what is needed now stays, however large"


def test_an_overtaken_chain_is_dropped_unless_it_is_nearly_done(small_model, poses, monkeypatch):
    samples = Samples(small_model, poses)
    monkeypatch.setattr(module, "PATIENCE", 0)
    asked = []
    assert samples.take(wish(steps=50), overtaken=lambda: asked.append(0) or True) is None
    assert len(asked) == 1, "after the first step"
    shown = samples.take(wish(steps=1), overtaken=lambda: True)
    assert shown is not None, "nothing is left to do after the only step"
    monkeypatch.setattr(module, "PATIENCE", 1e9)
    assert samples.take(wish(steps=50), overtaken=lambda: True).samples.shape[0] == 50


def test_progress_is_reported_after_a_while(small_model, poses, monkeypatch):
    samples, said = Samples(small_model, poses), []
    monkeypatch.setattr(module, "QUIET", 1e9)
    samples.take(wish(), progress=lambda *what: said.append(what))
    assert not said
    monkeypatch.setattr(module, "QUIET", -1)
    samples.take(wish(hypotheses=7), progress=lambda *what: said.append(what))
    assert said == [(1, 3), (2, 3), (3, 3)]


def test_a_newer_wish_overtakes_the_one_at_work_and_those_between():
    begun, go_on, done = threading.Event(), threading.Event(), []

    def fulfil(number, overtaken):
        if number == 1:
            assert not overtaken()
            begun.set()
            assert go_on.wait(60)
            assert overtaken()
            return
        done.append((number, overtaken()))

    worker = Worker(fulfil)
    worker.ask(1)
    assert begun.wait(60)
    for number in (2, 3, 4):
        worker.ask(number)
    go_on.set()
    worker.wait()
    assert done == [(4, False)]
    worker.ask(5)
    worker.wait()
    assert done == [(4, False), (5, False)], "a new thread, as the first has ended"


def test_a_wish_from_the_worker_s_own_thread_is_fulfilled_next():
    """As when frames play faster than they can be sampled: each is finished all the same."""
    done = []

    def fulfil(number, overtaken):
        if number < 5:
            worker.ask(number + 1)
            worker.wait()  # does not wait for itself
        done.append(number)

    worker = Worker(fulfil)
    worker.ask(1)
    worker.wait()
    assert done == [1, 2, 3, 4, 5]


def test_an_error_is_reported_at_once_and_raised_at_the_next_wait():
    heard = []

    def fulfil(number, overtaken):
        if number < 0:
            raise ValueError(f"no wish: {number}")

    worker = Worker(fulfil, heard.append)
    worker.ask(-1)
    for _ in range(2):
        with pytest.raises(ValueError, match="no wish: -1"):
            worker.wait()
    assert [str(error) for error in heard] == ["no wish: -1"]
    worker.ask(1)
    worker.wait()


def test_while_nothing_is_wished_for_the_likely_next_is_prepared(monkeypatch):
    """Nobody waits for that, and a new wish interrupts it."""
    monkeypatch.setattr(worker_module, "REST", 0.01)
    begun, over, done, foreseen = threading.Event(), threading.Event(), [], []

    def foresee(number, overtaken):
        begun.set()
        while not overtaken() and not over.is_set():
            time.sleep(0.001)
        foreseen.append((number, overtaken()))

    worker = Worker(lambda number, overtaken: done.append(number), foresee=foresee)
    worker.ask(1)
    assert begun.wait(10)
    worker.wait()  # the wish is fulfilled, though the thread is busy with what may come
    assert done == [1] and not foreseen
    begun.clear()
    worker.ask(2)
    worker.wait()
    assert begun.wait(10) and done == [1, 2] and foreseen == [(1, True)]
    over.set()
    while worker._thread is not None:
        time.sleep(0.001)
    assert foreseen == [(1, True), (2, False)]


def test_a_frame_sampled_ahead_is_not_sampled_again(small_model, poses, chains):
    samples = Samples(small_model, poses)
    samples.sample_ahead(wish(0), [1, 2], lambda: False)
    assert len(chains) == 2
    assert samples.take(wish(1)).seconds == samples.take(wish(2)).seconds == 0
    samples.sample_ahead(wish(0), [3, 4], lambda: True)
    assert len(chains) == 2

"""The noise makers: what they keep when hypotheses, poses or batches change; the four doors agree."""

from itertools import islice

import pytest
import torch

import drpose_core as dr
from drpose_core.explorer import HypothesisExplorer
from drpose_core.skeleton import J

SHAPE = (J, 3)


def drawn(maker, rows, hypotheses, steps=3):
    return torch.stack(list(islice(maker(rows, hypotheses, SHAPE), steps)))


@pytest.mark.parametrize("make", [dr.per_hypothesis, dr.per_pose])
def test_a_part_of_the_poses_and_hypotheses_gets_the_numbers_of_the_whole(make):
    whole = drawn(make(3), range(6), range(5))
    assert whole.shape == (3, 6, 5, J, 3)
    part = drawn(make(3), [4, 1], range(2, 5))
    assert torch.equal(part, whole[:, [4, 1], 2:5])
    assert not torch.equal(drawn(make(4), range(6), range(5)), whole)
    assert abs(whole.mean()) < 0.1 and abs(whole.std() - 1) < 0.1


def test_poses_share_their_noise_or_do_not():
    shared, own = (drawn(make(0), range(3), range(4)) for make in (dr.per_hypothesis, dr.per_pose))
    assert torch.equal(shared[:, 0], shared[:, 2])
    assert len(torch.unique(own.flatten(0, 2).flatten(1), dim=0)) == 3 * 3 * 4, "none twice"
    assert len(torch.unique(shared[:, 0].flatten(0, 1).flatten(1), dim=0)) == 3 * 4


def test_the_streams_are_those_of_hypothesis_generators():
    streams = dr.hypothesis_generators(7, 4)
    by_hand = torch.stack([torch.randn(SHAPE, generator=g) for g in streams])
    assert torch.equal(drawn(dr.per_hypothesis(7), [0], range(4), 1)[0, 0], by_hand)


def test_a_tensor_is_replayed():
    noise = torch.randn(2, 3, 4, J, 3, generator=dr.generator(0))
    assert torch.equal(drawn(dr.replay(noise), [2, 0], range(1, 3), 2), noise[:, [2, 0], 1:3])


def test_one_seed_gives_the_same_hypotheses_everywhere(small_model, poses):
    some, how = poses[:5], dr.Sampling(hypotheses=4, steps=3)
    samples = dr.sample_poses(small_model, some.kp2d, how, noise=dr.per_hypothesis(6))
    predicted = dr.joined(dr.predict(small_model, some, how, seed=6))
    assert torch.allclose(predicted.hypotheses, samples[-1], atol=1e-4)
    scores = dr.evaluate(small_model, some, how, seed=6, batch_size=2)
    last = scores[(scores.step == 3) & (scores.score == "p_best") & (scores.protocol == "MPJPE")]
    best = 1000 * dr.hypothesis_errors(samples[-1], some.pose3d)["p_best"].mean().item()
    assert (last.error_mm * last.poses).sum() / 5 == pytest.approx(best, abs=0.01)
    explorer = HypothesisExplorer(small_model, some, how, seed=6)
    row = next(n for n in range(5) if torch.equal(some.kp2d[n], explorer.poses.kp2d[0]))
    assert torch.allclose(explorer.hypotheses, samples[-1, row], atol=1e-4)


def test_own_noise_for_every_pose_does_not_depend_on_batches(small_model, poses):
    how = dr.Sampling(hypotheses=2, steps=2)
    tables = [
        dr.evaluate(small_model, poses[:7], how, noise=dr.per_pose(1), batch_size=size)
        for size in (2, 7)
    ]
    assert (tables[0].error_mm - tables[1].error_mm).abs().max() < 1e-2


def test_a_checkpoint_carries_its_sampling(small_model, poses, tmp_path):
    small_model.sampling = dr.Sampling(hypotheses=3, spacing=(900, 100, 9), steps=3, solver="dpm")
    dr.save_checkpoint(tmp_path / "m.safetensors", small_model)
    again = dr.load_checkpoint(tmp_path / "m.safetensors")
    assert again.sampling == small_model.sampling
    assert dr.sample_poses(again, poses.kp2d[:2]).shape == (3, 2, 3, J, 3)


def test_the_solver_is_an_argument(small_model, poses):
    """dpm is diffusion.dpm_solver on the model's denoise function."""
    kp2d = poses.kp2d[:2]
    found = dr.sample_poses(small_model, kp2d, hypotheses=2, steps=4, solver="dpm")
    x = drawn(dr.per_hypothesis(0), range(2), range(2), 1)[0]
    denoise = dr.denoise_fn(small_model, kp2d)
    steps = dr.dpm_solver(denoise, x, small_model.schedule, 4, spacing="quadratic")
    for own, step in zip(found, steps, strict=True):
        assert torch.allclose(own[..., 1:, :], step.x0[..., 1:, :], atol=1e-4)


def test_predict_and_assess_replay_a_tensor(small_model, poses):
    some, how = poses[:3], dr.Sampling(hypotheses=2, steps=2)
    noise = torch.randn(2, 3, 2, J, 3, generator=dr.generator(0))
    samples = dr.sample_poses(small_model, some.kp2d, how, noise=noise)[-1]
    predicted = dr.joined(dr.predict(small_model, some, how, noise=noise))
    assert torch.allclose(predicted.hypotheses, samples, atol=1e-4)
    scores = dr.table(dr.evaluate(small_model, some, how, noise=noise), over="frames").MPJPE
    best = 1000 * dr.hypothesis_errors(samples, some.pose3d)["p_best"].mean().item()
    assert scores["p_best"] == pytest.approx(best, abs=0.01)
    part = dr.sample_poses(small_model, some.kp2d[1:], how, noise=noise, rows=[1, 2])[-1]
    assert torch.allclose(part, samples[1:], atol=1e-4)


def test_what_does_not_fit_gets_a_sentence(small_model, poses):
    kp2d, short = poses.kp2d[:2], torch.zeros(2, 2, 3, J, 3)
    with pytest.raises(ValueError, match="noise has 2 steps, but the chain needs more"):
        dr.sample_poses(small_model, kp2d, hypotheses=3, steps=4, eta=1, noise=dr.replay(short))
    with pytest.raises(ValueError, match="rows must number the 2 pictures, got 3"):
        dr.sample_poses(small_model, kp2d, rows=range(3))
    times = dr.Sampling().but(spacing=(900, 20))
    assert times.steps == 2 and times.but(spacing="linear", steps=5).steps == 5
    with pytest.raises(ValueError, match="spacing='linear' in place of times: give steps too"):
        times.but(spacing="linear")
    with pytest.raises(ValueError, match="eta must lie between 0 and 1"):
        dr.Sampling(eta=-3)
    with pytest.raises(ValueError, match="calibrated_loss needs a model with a skip"):
        dr.calibrated_loss(small_model, poses[:2])
    skip = dr.DRPose(dr.ModelConfig(depth=1, skip=0.1))
    with pytest.raises(ValueError, match="the published layout has no skip"):
        dr.export_published(skip)

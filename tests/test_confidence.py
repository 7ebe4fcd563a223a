"""Networks that read the detector's confidence, and those that do not."""

from dataclasses import replace

import pytest
import torch

import drpose_core as dr
from drpose_core.films import FilmDRPose
from drpose_core.layers import columns
from drpose_core.lifters import lift
from drpose_core.skeleton import J

SMALL = {"channels": 16, "depth": 1, "heads": 2, "dropout": 0.0}
ONCE = {"hypotheses": 2, "steps": 2}


def model(**changes):
    torch.manual_seed(0)
    return dr.DRPose(dr.ModelConfig(**SMALL | {"confidence": True} | changes)).eval()


def unsure(poses):
    """The poses with confidences drawn at random, some of them 0."""
    draws = torch.rand(len(poses), J, generator=dr.generator(0))
    return replace(poses, confidence=draws.sub(0.2).clamp_min(0))


def test_columns():
    kp2d = torch.randn(2, 3, J, 2)
    seen = columns(kp2d, confidence=True)
    assert torch.equal(seen[..., :2], kp2d) and (seen[..., 2] == 1).all()
    assert torch.equal(columns(seen, confidence=False), kp2d)
    assert columns(seen, confidence=True) is seen


def test_a_set_without_confidence_is_sure(poses):
    known = unsure(poses[:4])
    assert torch.equal(known.observed[..., :2], known.kp2d)
    assert torch.equal(known.observed[..., 2], known.confidence)
    assert (replace(known, confidence=None).observed[..., 2] == 1).all()


def test_published_networks_do_not_read_it(small_model, poses):
    some = unsure(poses[:4])
    for kp2d in (some.observed, some.kp2d):
        given = dr.sample_poses(small_model, kp2d, **ONCE)
        assert torch.equal(given, dr.sample_poses(small_model, some.kp2d, **ONCE))


@pytest.mark.parametrize("name", ("mlp", "dcgct", "htnet", "dcgct-film"))
def test_both_networks_read_it(name, poses):
    some, net = unsure(poses[:4]), model(lifter=name)
    sure = replace(some, confidence=None)
    assert not torch.allclose(
        net.initial_pose(some.observed), net.initial_pose(sure.observed), atol=1e-4
    )
    initial = net.initial_pose(some.observed)
    told, untold = (
        dr.sample_poses(net, x.observed, initial=initial, **ONCE)[-1] for x in (some, sure)
    )
    assert not torch.allclose(told, untold, atol=1e-4)  # the denoiser
    assert torch.equal(untold, dr.sample_poses(net, sure.kp2d, initial=initial, **ONCE)[-1])


def test_the_mirror_image_has_the_confidence_of_the_other_side(poses):
    some, net = unsure(poses[:4]), model(lifter="mlp")
    noise = torch.randn(2, 4, 2, J, 3, generator=dr.generator(0))
    mirrored = some.mirrored_where(torch.ones(4, dtype=torch.bool))
    plain = dr.sample_poses(net, some.observed, noise=noise, **ONCE)
    other = dr.sample_poses(net, mirrored.observed, noise=dr.flip(noise), **ONCE)
    assert torch.allclose(dr.flip(other), plain, atol=1e-5)


def test_everything_that_takes_a_set_passes_it_on(poses):
    some, net = unsure(poses[:6]), model(lifter="mlp")
    sure = replace(some, confidence=None)

    def answers(given):
        predicted = dr.joined(dr.predict(net, given, **ONCE)).hypotheses
        drawn = dr.sample_poses(net, given.observed, **ONCE)[-1]
        assert torch.allclose(predicted, drawn, atol=1e-5)
        yield predicted
        yield dr.table(dr.evaluate(net, given, **ONCE)).MPJPE["p_avg"]
        yield dr.with_initial_poses(net, given).initial
        yield dr.denoising_loss(net, given, generator=dr.generator(0))
        yield dr.lifting_loss(net.lifter, given)

    for told, untold in zip(answers(some), answers(sure)):
        assert not torch.allclose(torch.as_tensor(told), torch.as_tensor(untold))


def test_films_pass_it_on(poses):
    some = unsure(poses[:6])
    some = replace(some, sequence=some.sequence * 0, frame=torch.arange(6))
    net = FilmDRPose.of(model(lifter="dcgct"), frames=3)
    assert net.config.confidence and net.lifter.confidence
    clips = dr.windows(some, 3)
    sure = replace(clips, poses=replace(some, confidence=None))
    for f in (
        lambda x: dr.sample_film(net, x.poses, **ONCE),
        lambda x: dr.film_loss(net, x, generator=dr.generator(0)),
    ):
        assert not torch.allclose(f(clips), f(sure), atol=1e-5)
    stream = dr.FilmStream(net, **ONCE)
    told, untold = (stream.push(some[:1]), dr.FilmStream(net, **ONCE).push(sure.poses[:1]))
    assert not torch.allclose(told, untold, atol=1e-5)


def test_it_is_kept_in_a_checkpoint(tmp_path, poses):
    net, some = model(lifter="dcgct"), unsure(poses[:3])
    dr.save_checkpoint(tmp_path / "a.safetensors", net)
    again = dr.load_checkpoint(tmp_path / "a.safetensors")
    assert again.config.confidence and again.lifter.confidence and again.denoiser.confidence
    assert torch.equal(again.initial_pose(some.observed), net.initial_pose(some.observed))


def test_your_own_lifter_reads_what_it_says(monkeypatch):
    class Two(torch.nn.Module):
        def forward(self, x):
            assert x.shape[-1] == 2
            return torch.zeros(*x.shape[:-1], 3)

    class Three(torch.nn.Module):
        confidence = True

        def forward(self, x):
            assert x.shape[-1] == 3
            return torch.zeros(*x.shape[:-1], 3)

    for kind in (Two, Three):
        monkeypatch.setitem(dr.LIFTERS, "mine", kind)
        lifter = dr.build_lifter("mine", confidence=True)
        for width in (2, 3):
            assert lift(lifter, torch.zeros(2, J, width)).shape == (2, J, 3)


def test_a_lifter_and_a_model_that_do_not_agree_are_named(tmp_path):
    for lifter, config in ((True, False), (False, True)):
        given = dr.build_lifter("mlp", confidence=lifter)
        net = dr.DRPose(dr.ModelConfig(lifter="mlp", confidence=config), given)
        with pytest.raises(ValueError, match="give both alike"):
            dr.save_checkpoint(tmp_path / "a.safetensors", net)


def test_the_published_layout_has_no_place_for_it():
    for module in (model(lifter="dcgct"), dr.build_lifter("dcgct", confidence=True)):
        with pytest.raises(ValueError, match="read no confidence"):
            dr.export_published(module)


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="got \\(1, 17, 4\\)"):
        columns(torch.zeros(1, J, 4), confidence=False)


def test_a_confidence_beyond_its_range_is_named(small_model):
    with pytest.raises(ValueError, match="third column, must lie between 0 and 1"):
        dr.sample_poses(small_model, torch.full((1, J, 3), 1.5), **ONCE)


def test_a_set_whose_confidence_is_beyond_its_range_is_refused(poses):
    wrong = replace(poses[:2], confidence=torch.full((2, J), 1.5))
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        wrong.check()
    with pytest.raises(ValueError, match="third column"):
        dr.sample_film(FilmDRPose.of(model(lifter="mlp"), frames=3), wrong, **ONCE)

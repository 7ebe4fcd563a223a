"""Published weights: import and export of a state dict of the published code, entry by entry."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import nn

from ..diffusion import CosineSchedule, cosine_betas
from ..lifters import DCGCT, HTNet, build_lifter, reads_confidence
from ..model import DRPose
from ..settings import ModelConfig
from .pth import plain_state, read_pth
from .published_names import DCGCT as DCGCT_NAMES
from .published_names import DENOISER, HTNET

_LIFTER_TABLES = {DCGCT: DCGCT_NAMES, HTNet: HTNET}
_NAMES = ("dcgct", "htnet")
_PREFIXES = {"lifter": "encoder_feat.", "denoiser": "pose_estimator."}
# What the published weights were trained on, for the check of pairing.
TRAINED_ON = {
    "source": "published weights (Human3.6M)",
    "skeleton": "Human3.6M",
    "keypoints": "cpn_ft_h36m_dbb",
}
# Names that only one lifter's weights have.
_SIGNS = {"dcgct": ".local1.", "htnet": "Hiremixer."}
Weights = str | Path | Mapping[str, torch.Tensor]


def load_published(path_or_state_dict: Weights, lifter: str = "dcgct") -> DRPose:
    """A DRPose with its lifter, in eval mode, from published weights: a .pth file or its state
    dict.

    Strict: raises ValueError that lists what is missing, unexpected or of another shape. The file's
    pickle may hold only tensors.
    """
    _known(lifter)
    where, state = _state(path_or_state_dict)
    alphas = state.get("alphas_cumprod")
    if alphas is None or alphas.ndim != 1 or not len(alphas):
        bare = state and not any(name.startswith(tuple(_PREFIXES.values())) for name in state)
        remedy = ": if it is a bare initial model, use load_published_lifter" if bare else ""
        raise ValueError(f"{where} lacks alphas_cumprod: it is no full DRPose checkpoint{remedy}")
    error = 1e-6 if alphas.dtype in (torch.float32, torch.float64) else 5e-3  # half precision
    if not torch.allclose(alphas.double(), CosineSchedule(len(alphas)).alpha_bar, atol=error):
        raise ValueError(
            f"{where} was trained with another noise schedule than the cosine: it cannot be "
            "sampled from here"
        )
    config = ModelConfig(lifter=lifter, timesteps=len(alphas), dropout=0.1)
    model = _filled(DRPose(config), where, state)
    model.record = {"train": dict(TRAINED_ON)}
    return model


def load_published_lifter(path_or_state_dict: Weights, lifter: str = "dcgct") -> nn.Module:
    """A lifter alone, in eval mode, from the weights that its own authors published, or from a full
    DRPose checkpoint.

    Strict and safe like load_published. DRPose(ModelConfig(lifter=name), this) trains a denoiser on
    it.
    """
    _known(lifter)
    where, state = _state(path_or_state_dict)
    prefix = _PREFIXES["lifter"]
    if any(name.startswith(prefix) for name in state):
        state = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if name.startswith(prefix)
        }
    return _filled(build_lifter(lifter), where, state)


def export_published(model: DRPose | nn.Module) -> dict[str, torch.Tensor]:
    """The weights of a DRPose, diffusion buffers included, or of a lifter alone, under the names
    and shapes of the published state dict.
    """
    if isinstance(model, DRPose) and (model.config.skip or model.method != "drpose"):
        raise ValueError(
            "the published layout has no skip and no other method (ModelConfig): keep a "
            ".safetensors"
        )
    if reads_confidence(getattr(model, "lifter", model)) or (
        isinstance(model, DRPose) and model.config.confidence
    ):
        raise ValueError(
            "the published networks read no confidence, and this one does: keep a .safetensors"
        )
    published = _schedule_buffers(model.schedule) if isinstance(model, DRPose) else {}
    for _, value, entries in _entries(model):
        for (name, form), part in zip(
            entries, value.chunk(3) if entries[0][1] == "qkv" else [value]
        ):
            if form == "cheb" and part.ndim == 2:
                part = part.unflatten(1, (3, -1)).transpose(0, 1).unsqueeze(1)
            elif form == "cheb":
                part = part[None, None]
            elif form == "flat" and part.ndim == 2:
                part = part[..., None, None]
            elif form == "conv" and part.ndim == 2:
                part = part.unflatten(1, (-1, len(part))).mT
            published[name] = part.detach().clone()
    return published


def _state(weights: Weights) -> tuple[str, Mapping[str, torch.Tensor]]:
    """What to call the weights in a message, and the weights, without what wrappers add to their
    names.
    """
    mapping = isinstance(weights, Mapping)
    where = "the state dict" if mapping else str(weights)
    state = plain_state(where, weights if mapping else read_pth(Path(weights)))
    return where, state


def _known(lifter: str) -> None:
    if lifter not in _NAMES:
        raise ValueError(
            f"no published layout is known for lifter {lifter!r}: choose from {', '.join(_NAMES)}"
        )


def _filled(module: nn.Module, where: str, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """The module with published weights in it, in eval mode."""
    _compare(where, state, export_published(module))
    module.load_state_dict(
        {own: _to_own(entries, state, like) for own, like, entries in _entries(module)}
    )
    return module.eval()


def _entries(model: nn.Module) -> Iterator[tuple[str, torch.Tensor, list[tuple[str, str]]]]:
    """Yield (own name, tensor, [(published name, form)]) for every entry of the state dict."""
    lifter = model.lifter if isinstance(model, DRPose) else model
    if type(lifter) not in _LIFTER_TABLES:
        raise ValueError(
            f"no published layout is known for a {type(lifter).__name__}: only for "
            f"{', '.join(_NAMES)}"
        )
    tables = {"lifter": _LIFTER_TABLES[type(lifter)], "denoiser": DENOISER}
    for own, value in model.state_dict().items():
        part, rest = own.split(".", 1) if isinstance(model, DRPose) else ("lifter", own)
        for pattern, replacement, form in tables[part]:
            if match := re.match(pattern, rest):
                name = match.expand(replacement) + rest[match.end() :]
                name = _PREFIXES[part] + name if isinstance(model, DRPose) else name
                names = [name.format(i) for i in range(3)] if form == "qkv" else [name]
                yield own, value, [(name, form) for name in names]
                break
        else:
            raise ValueError(f"{own} has no name in the published layout")


def _to_own(
    entries: list[tuple[str, str]], state: Mapping[str, torch.Tensor], like: torch.Tensor
) -> torch.Tensor:
    value = (
        torch.cat([state[name] for name, _ in entries])
        if len(entries) > 1
        else state[entries[0][0]]
    )
    if entries[0][1] == "cheb" and value.ndim == 4:
        value = value.squeeze(1).transpose(0, 1)
    if entries[0][1] == "conv" and value.ndim == 3:
        value = value.mT
    return value.reshape(like.shape)


def _compare(
    where: str, state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> None:
    def some(names) -> str:
        names = sorted(names)
        return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

    problems = []
    if missing := expected.keys() - state.keys():
        problems.append(f"lacks {some(missing)}")
    if extra := state.keys() - expected.keys():
        problems.append(f"has left over {some(extra)}")
    if wrong := [
        f"{n} {tuple(state[n].shape)}, not {tuple(v.shape)}"
        for n, v in expected.items()
        if n in state and state[n].shape != v.shape
    ]:
        problems.append(f"has other shapes: {some(wrong)}")
    if nan := [
        n for n, v in state.items() if n in expected and "." in n and not torch.isfinite(v).all()
    ]:
        problems.append(f"holds NaN or infinite numbers in {some(nan)}")
    if problems:
        signs = [name for name, sign in _SIGNS.items() if any(sign in key for key in state)]
        others = [name for name in signs if not any(_SIGNS[name] in key for key in expected)]
        if others:
            problems = [f"has the names of {others[0]}: give lifter={others[0]!r} (--lifter)"]
        raise ValueError(
            f"{where} is not of the published layout for this lifter: it {'; it '.join(problems)}"
        )


def _schedule_buffers(schedule: CosineSchedule) -> dict[str, torch.Tensor]:
    """The published diffusion buffers, all functions of alpha_bar (Ho et al. 2020, eq. 4-7)."""
    a = schedule.alpha_bar.cpu()
    before = torch.cat([torch.ones_like(a[:1]), a[:-1]])
    betas = cosine_betas(len(a))
    variance = betas * (1 - before) / (1 - a)
    return {
        "betas": betas,
        "alphas_cumprod": a.clone(),
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": a.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - a).sqrt(),
        "log_one_minus_alphas_cumprod": (1 - a).log(),
        "sqrt_recip_alphas_cumprod": (1 / a).sqrt(),
        "sqrt_recipm1_alphas_cumprod": (1 / a - 1).sqrt(),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": variance.clamp_min(1e-20).log(),
        "posterior_mean_coef1": betas * before.sqrt() / (1 - a),
        "posterior_mean_coef2": (1 - before) * (1 - betas).sqrt() / (1 - a),
    }

"""Own checkpoints: one safetensors file that holds weights, config and a record, and cannot run code."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .files import written_whole
from .lifters import LIFTERS, build_lifter
from .model import DRPose, ModelConfig
from .skeleton import J


def save_checkpoint(path: str | Path, model: DRPose, *, record: dict | None = None) -> None:
    """Write weights, config and a record (anything JSON takes: data source, seed, scores) as one safetensors file, whole or not at all.

    Raises ValueError if the lifter cannot be rebuilt from its name alone.
    """
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    with torch.random.fork_rng([]):  # a fresh lifter draws weights, which must not move the caller's random state
        known = model.config.lifter in LIFTERS and _same_lifter(build_lifter(model.config.lifter), model.lifter)
    if not known:
        raise ValueError(
            f"this lifter is no {model.config.lifter!r}: register it (LIFTERS['mine'] = its class) and use ModelConfig(lifter='mine')"
        )
    try:
        metadata = json.dumps({"config": asdict(model.config), "record": record or {}})
    except TypeError as error:
        raise ValueError(f"the record must be plain numbers, strings, lists and dicts ({error})") from None
    with written_whole(path) as temporary:
        try:
            save_file(state, temporary, metadata={"drpose": metadata})
        except SafetensorError as error:
            raise OSError(str(error)) from None


def _same_lifter(rebuilt: Callable, lifter: Callable) -> bool:
    """Whether the one built by name, given the other's weights, computes what the other does (equal weights alone do not say so)."""
    if isinstance(rebuilt, torch.nn.Module) and isinstance(lifter, torch.nn.Module):
        try:
            rebuilt.load_state_dict(lifter.state_dict())
        except RuntimeError:
            return False
        rebuilt.eval()
    probe = torch.linspace(-1, 1, J * 2).view(1, J, 2)
    where = next((p.device for p in lifter.parameters()), probe.device) if isinstance(lifter, torch.nn.Module) else probe.device
    with torch.no_grad():
        return torch.allclose(rebuilt(probe), lifter(probe.to(where)).cpu(), rtol=1e-3, atol=1e-3)


def checkpoint_record(path: str | Path) -> dict:
    """What stands in a checkpoint beside the weights: {"config": ..., "record": ...}. Raises as load_checkpoint does."""
    remedy = "train one with notebook 03_training, or give another path"
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} not found: {remedy}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is no checkpoint, or a damaged one ({error}): {remedy}") from None
    if "drpose" not in metadata:
        raise ValueError(f"{path} is a safetensors file without a drpose config: {remedy}")
    try:
        return dict(json.loads(metadata["drpose"]))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} has a config that cannot be read ({error}): {remedy}") from None


def load_checkpoint(path: str | Path, device: torch.device | str = "cpu") -> DRPose:
    """Rebuild a model from its file alone, in eval mode. Raises FileNotFoundError or ValueError naming the file and the remedy."""
    config = checkpoint_record(path).get("config", {})
    try:
        with torch.random.fork_rng([]):  # its first weights are drawn, and replaced below
            model = DRPose(ModelConfig(**config))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} has a config this version does not know ({error}): register its lifter, or update drpose") from None
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit its own config {config}: {' '.join(str(error).split())[:300]}") from None
    return model.to(device).eval()

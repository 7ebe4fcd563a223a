"""Own checkpoints: one safetensors file that holds weights, config and a record, and cannot run
code.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..lifters import LIFTERS, Elsewhere, build_lifter, lift, reads_confidence
from ..methods import METHODS, build_model
from ..model import DRPose
from ..settings import ModelConfig, Sampling
from ..skeleton import JOINTS, J
from ..support import project_root, versions, written_whole
from .pth import is_pth, what_else

# the kit's own (checkpoints/README.md), of pictures and of films
DEFAULT = Path(__file__).with_name("default.safetensors")
FILM = DEFAULT.with_name("film.safetensors")
REMEDY = "train one with notebook 03_training, or give another path"


def save_checkpoint(
    path: str | Path,
    model: DRPose,
    *,
    record: dict | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write weights, config, joint names, versions and a record to one safetensors file,
    atomically.

    record: anything JSON takes; default model.record. Its "train" should be the describe() of the
    training poses, so that an unsuitable test set is noticed later. dtype float16 halves the file;
    the statistics of BatchNorm stay in float32. Raises ValueError if the model or its lifter
    cannot be rebuilt from its name alone, or if a weight is not finite in dtype.
    """
    # a fresh lifter draws weights, which must not move the caller's random state
    name, confidence = model.config.lifter, model.config.confidence
    known = name in LIFTERS
    if known:
        with torch.random.fork_rng([]):
            rebuilt = build_lifter(name, confidence=confidence)
        if reads_confidence(rebuilt) != reads_confidence(model.lifter):
            raise ValueError(
                f"ModelConfig.confidence is {confidence}, and this lifter reads "
                f"{'no' if confidence else 'the'} confidence: give both alike"
            )
        known = _same_lifter(rebuilt, model.lifter)
    if not known:
        raise ValueError(
            f"this lifter is no {name!r}: register it (LIFTERS['mine'] = its class) "
            "and use ModelConfig(lifter='mine')"
        )
    if METHODS.get(model.config.method) is not type(model):
        raise ValueError(
            f"this model is no {model.config.method!r}, it is a {type(model).__name__}: give its "
            "class a method of its own and register it (METHODS['mine'] = its class)"
        )
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    state = {
        name: value.to(dtype) if value.is_floating_point() and "running" not in name else value
        for name, value in state.items()
    }
    if broken := [
        name
        for name, value in state.items()
        if value.is_floating_point() and not torch.isfinite(value).all()
    ]:
        raise ValueError(
            f"{broken[0]} holds NaN or numbers too large for {dtype}: nothing was written"
        )
    content = {"config": asdict(model.config), "sampling": asdict(model.sampling)}
    content |= {"record": model.record if record is None else record}
    try:
        metadata = json.dumps(content | {"versions": versions(), "joints": JOINTS})
    except TypeError as error:
        raise ValueError(
            f"the record must be plain numbers, strings, lists and dicts ({error})"
        ) from None
    with written_whole(path) as temporary:
        try:
            save_file(state, temporary, metadata={"drpose": metadata})
        except SafetensorError as error:
            raise OSError(str(error)) from None


def _same_lifter(rebuilt: Callable, lifter: Callable) -> bool:
    """Whether the one built by name, given the other's weights, computes what the other does (equal
    weights alone do not say so).
    """
    if isinstance(rebuilt, Elsewhere) or isinstance(lifter, Elsewhere):
        return type(rebuilt) is type(lifter)
    if isinstance(rebuilt, torch.nn.Module) and isinstance(lifter, torch.nn.Module):
        try:
            rebuilt.load_state_dict(lifter.state_dict())
        except RuntimeError:
            return False
        rebuilt.eval()
    probe = torch.linspace(-1, 1, J * 2).view(1, J, 2)
    where = (
        next((p.device for p in lifter.parameters()), probe.device)
        if isinstance(lifter, torch.nn.Module)
        else probe.device
    )
    with torch.no_grad():
        return torch.allclose(
            lift(rebuilt, probe), lift(lifter, probe.to(where)).cpu(), rtol=1e-3, atol=1e-3
        )


def checkpoint_record(path: str | Path) -> dict:
    """Everything in a checkpoint but the weights: config, record, versions, joints. Raises as
    load_checkpoint does.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} not found: {REMEDY}")
    if what := what_else(Path(path)):
        raise ValueError(f"{path} is {what}")
    if is_pth(Path(path)):
        raise ValueError(
            f"{path} is a file of PyTorch, not a checkpoint of this kit: read it with "
            "load_published, or give it a name that ends in .pth"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a checkpoint, or is damaged ({error}): {REMEDY}") from None
    if "drpose" not in metadata:
        raise ValueError(f"{path} is a safetensors file without a drpose config: {REMEDY}")
    try:
        return dict(json.loads(metadata["drpose"]))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} has a config that cannot be read ({error}): {REMEDY}") from None


def load_checkpoint(path: str | Path, device: torch.device | str = "cpu") -> DRPose:
    """Rebuild a model from its file alone, in eval mode, float32. model.record is its record,
    model.sampling its recommended settings.

    Raises FileNotFoundError or ValueError that names the file and the remedy.
    """
    content = checkpoint_record(path)
    config, record = content.get("config", {}), content.get("record", {})
    if tuple(content.get("joints", JOINTS)) != tuple(JOINTS):
        raise ValueError(
            f"{path} was trained on another skeleton, its joints are "
            f"{', '.join(map(str, content['joints']))}: {REMEDY}"
        )
    try:
        with torch.random.fork_rng([]):  # its first weights are drawn, and replaced below
            model = build_model(ModelConfig(**config))
        model.sampling = Sampling(**content.get("sampling", {}))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} has a config this version does not know ({error}): register its lifter or "
            "method, or update drpose"
        ) from None
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not fit its own config {config}: {' '.join(str(error).split())[:300]}"
        ) from None
    model.record = record if isinstance(record, dict) else {}
    return model.to(device).eval()


def latest_checkpoint(*sources: str) -> Path:
    """The checkpoint to use for a source's poses: checkpoints/<source>.safetensors if training left
    one, else checkpoints/default.safetensors if you put one there, else the kit's default.

    Of several sources, the first that has one. checkpoints/ is that of the clone, or of the working
    directory (project_root). The default was trained on real motion (checkpoints/README.md).
    """
    folder = project_root() / "checkpoints"
    own = (folder / f"{source}.safetensors" for source in (*sources, "default"))
    return next((path for path in own if path.is_file()), DEFAULT)

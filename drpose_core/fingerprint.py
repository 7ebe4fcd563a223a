"""A few digits that change with a model, a set of poses or a function: so that what is kept is used again only where it still holds."""

import hashlib
import inspect
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass

import torch
from torch import nn

from .data import PoseSet


def fingerprint(*things) -> str:
    """Sixteen hexadecimal digits of modules, sets of poses, tensors, functions, numbers and texts, and of lists and dicts of these.

    A module counts by its classes, weights and plain attributes, a function by its source and by the values it brings along, but not by
    the functions it calls.
    """
    digest = hashlib.blake2b(digest_size=8)
    for thing in things:
        for part in _parts(thing):
            digest.update(part)
            digest.update(b"\0")
    return digest.hexdigest()


def _parts(thing) -> Iterator[bytes]:
    if isinstance(thing, torch.Tensor):
        yield f"{thing.dtype} {tuple(thing.shape)}".encode()
        yield thing.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(thing, nn.Module):
        for name, module in thing.named_modules():
            yield f"{name} {type(module).__qualname__}".encode()
            for attribute, value in sorted(vars(module).items()):
                if attribute.startswith("_") or attribute in ("training", "record"):
                    continue
                yield attribute.encode()
                yield from _parts(value)
        for name, value in thing.state_dict().items():
            yield name.encode()
            yield from _parts(value)
    elif isinstance(thing, PoseSet):
        yield from _parts([thing.describe(), thing.actions])
        for name, value in thing.tensors().items():
            yield name.encode()
            yield from _parts(value)
    elif isinstance(thing, dict):
        for name, value in thing.items():
            yield str(name).encode()
            yield from _parts(value)
    elif isinstance(thing, list | tuple):
        yield str(len(thing)).encode()
        for value in thing:
            yield from _parts(value)
    elif is_dataclass(thing):
        yield from _parts(asdict(thing))
    elif callable(thing):
        yield _source(thing).encode()
        for value in _captured(thing):
            yield from [_source(value).encode()] if callable(value) and not isinstance(value, nn.Module) else _parts(value)
    else:
        yield repr(thing).encode()


def _captured(function) -> list:
    """The values that a function brings along: defaults, what it closes over, and what functools.partial binds."""
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    bound = [getattr(function, "func", None), getattr(function, "args", None), getattr(function, "keywords", None)]
    return [getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None), *cells, *bound]


def _source(function) -> str:
    """A function's text; its name where there is none (built in, or typed at a prompt that keeps nothing)."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return getattr(function, "__qualname__", type(function).__qualname__)

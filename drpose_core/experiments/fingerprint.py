"""A few digits that change with a model, a set of poses or a function: so that what is kept is used
again only where it still holds.
"""

import ast
import dis
import functools
import hashlib
import inspect
import sys
import textwrap
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from ..data import PoseSet

_PLAIN = (int, float, complex, str, bytes, bool, type(None), torch.dtype, torch.device, range)
_LIBRARIES = ("drpose_core", "torch", "numpy", "pandas", "plotly")


def fingerprint(*things) -> str:
    """Sixteen hexadecimal digits that identify numbers, texts, tensors, arrays, tables, sets of
    poses, modules, functions, and lists and dicts of these.

    Of a module, they depend on the source of its classes (without comments and docstrings), its
    weights, buffers and plain attributes; of a function, on its source and on the values and
    functions of yours that it uses, however deep. The code of libraries is not examined. Of any
    other object, only the type counts.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in _parts(list(things), set()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _parts(thing, seen: set[int]) -> Iterator[bytes]:
    yield type(thing).__qualname__.encode()
    if isinstance(thing, _PLAIN):
        yield repr(thing).encode()
    elif isinstance(thing, torch.Tensor):
        yield f"{thing.dtype} {tuple(thing.shape)}".encode()
        yield thing.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(thing, np.ndarray | np.generic):
        array = np.ascontiguousarray(thing)
        yield f"{array.dtype} {array.shape}".encode()
        yield repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
    elif isinstance(thing, pd.DataFrame | pd.Series):
        yield thing.to_csv().encode()
    elif isinstance(thing, PoseSet):
        yield from _parts([thing.describe(), thing.actions, thing.tensors()], seen)
    elif isinstance(thing, dict):
        yield from _parts([*thing.keys(), *thing.values()], seen)
    elif isinstance(thing, list | tuple | set | frozenset):
        yield str(len(thing)).encode()
        for value in sorted(thing, key=repr) if isinstance(thing, set | frozenset) else thing:
            yield from _parts(value, seen)
    elif id(thing) in seen:
        yield b"again"
    elif isinstance(thing, nn.Module):
        seen.add(id(thing))
        for name, module in thing.named_modules():
            own = {
                key: value
                for key, value in vars(module).items()
                if not key.startswith("_") and key not in ("training", "record")
            }
            methods = {
                key: _text_or_code(f)
                for key, f in vars(type(module)).items()
                if isinstance(f, types.FunctionType)
            }
            yield from _parts([name, _source(type(module)), methods, own], seen)
        yield from _parts([dict(thing.named_parameters()), dict(thing.named_buffers())], seen)
    elif is_dataclass(thing) and not isinstance(thing, type):
        yield from _parts({field.name: getattr(thing, field.name) for field in fields(thing)}, seen)
    elif callable(thing):
        seen.add(id(thing))
        yield _source(thing).encode()
        yield from _parts(_used(thing), seen)


def _used(function) -> list:
    """What a function brings along or looks up: defaults, closure, globals; of a partial, a method,
    an object that can be called: its parts.
    """
    if isinstance(function, functools.partial):
        return [function.func, function.args, function.keywords]
    if isinstance(function, types.MethodType):
        return [function.__func__, _state(function.__self__)]
    if not isinstance(function, types.FunctionType):
        return (
            []
            if isinstance(function, type | types.BuiltinFunctionType)
            else [_source(type(function)), _state(function)]
        )
    closure = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
    if (function.__module__ or "").partition(".")[0] in _LIBRARIES:
        return [function.__qualname__, closure]
    names = sorted(_names(function.__code__) & function.__globals__.keys())
    looked_up = {
        name: function.__globals__[name]
        for name in names
        if not isinstance(function.__globals__[name], types.ModuleType)
    }
    return [
        _text_or_code(function),
        function.__defaults__,
        function.__kwdefaults__,
        closure,
        looked_up,
    ]


def _names(code: types.CodeType) -> set[str]:
    """The globals that a function, or one written inside it, looks up; not names of attributes."""
    own = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return own.union(*(_names(c) for c in code.co_consts if isinstance(c, types.CodeType)))


def _code(code: types.CodeType) -> list:
    """What the code does; not its docstring, which is its first constant if it has one."""
    has_docstring = sys.version_info < (3, 13) or code.co_flags & inspect.CO_HAS_DOCSTRING
    consts = code.co_consts
    consts = consts[1:] if has_docstring and consts and isinstance(consts[0], str) else consts
    consts = [_code(c) if isinstance(c, types.CodeType) else _constant(c) for c in consts]
    return [code.co_code, list(code.co_names), consts]


def _constant(value) -> str:
    # a set's order changes with the process
    return repr(sorted(value, key=repr)) if isinstance(value, frozenset) else repr(value)


def _filled(cell) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a name that has no value yet
        return False


def _state(instance) -> object:
    return (
        instance if isinstance(instance, nn.Module | PoseSet) else getattr(instance, "__dict__", {})
    )


def _text_or_code(function: types.FunctionType):
    """What a function does, by its text; by its code where it has no text of its own."""
    text = "" if function.__name__ == "<lambda>" else _source(function)
    return text if text.partition(" ")[2] else _code(function.__code__)


def _source(thing) -> str:
    """What the text of a function or class says, without comments, layout and docstrings; its name
    where it is a library's or where there is no text (built in, or typed at a bare prompt).
    """
    if not isinstance(thing, type | types.FunctionType | types.BuiltinFunctionType):
        thing = getattr(thing, "__func__", type(thing))
    name = getattr(thing, "__qualname__", type(thing).__qualname__)
    module = getattr(thing, "__module__", None) or ""
    if module.partition(".")[0] in ("torch", "numpy", "pandas", "plotly"):
        return name
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError):  # the lines of a lambda need not stand alone
        return name
    for node in ast.walk(tree):
        if _may_have_docstring(node) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return f"{name} {ast.dump(tree)}"


def _may_have_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)

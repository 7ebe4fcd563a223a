"""Pickled files one need not trust: a reader that admits plain data and nothing else."""

import math
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

# numpy's own constructors must not be called from a pickle: with invented arguments they make
# arrays of raw pointers. These stand-ins take what numpy writes for plain arrays and nothing else;
# _plain then makes the real arrays.


class _Dtype:
    def __init__(self, text: str, align: bool = False, copy: bool = True):
        if not re.fullmatch(r"[biufcSUO]\d{0,9}", text):
            raise pickle.UnpicklingError(
                f"it has a numpy type {text!r}, which plain data does not need"
            )
        self.text = text

    def __setstate__(self, state: tuple) -> None:
        _, order, *fields = state
        if order not in "<>|=" or fields[:3] != [None, None, None]:
            raise pickle.UnpicklingError(
                "it has a structured numpy type, which plain data does not need"
            )
        self.text = order + self.text if order in "<>" else self.text

    @property
    def real(self) -> np.dtype:
        return np.dtype(self.text)


class _Array:
    """What _reconstruct makes: empty until the pickle gives it its state."""

    def __init__(self, kind: object, shape: tuple, code: bytes):
        if kind is not _NDARRAY:
            raise pickle.UnpicklingError("it has an array of an unknown class")

    def __setstate__(self, state: tuple) -> None:
        _, self.shape, self.dtype, self.fortran, self.content = state

    def plain(self) -> np.ndarray:
        if self.dtype.real.hasobject:
            if not isinstance(self.content, list) or len(self.content) != math.prod(self.shape):
                raise pickle.UnpicklingError("it has an object array without its objects")
            array = np.empty(len(self.content), dtype=object)
            for i, item in enumerate(self.content):
                array[i] = _plain(item)
        else:
            content = (
                self.content.encode("latin1")
                if isinstance(self.content, str)
                else bytes(self.content)
            )
            array = np.frombuffer(content, dtype=self.dtype.real)
        return array.reshape(self.shape, order="F" if self.fortran else "C")


def _scalar(dtype: _Dtype, content: bytes | str = b""):
    return np.frombuffer(
        content.encode("latin1") if isinstance(content, str) else content, dtype=_not_object(dtype)
    )[0]


def _frombuffer(content: bytes, dtype: _Dtype, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(content, dtype=_not_object(dtype)).reshape(shape, order=order)


def _not_object(dtype: _Dtype) -> np.dtype:
    if dtype.real.hasobject:
        raise pickle.UnpicklingError("it has raw bytes for objects")
    return dtype.real


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in the oldest pickle protocols."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it has text in {encoding!r}")
    return text.encode("latin1")


_NDARRAY = object()  # names the class; cannot be called
_ALLOWED = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Dtype,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
    ("_codecs", "encode"): _encode,
}


class _ArraysOnly(pickle.Unpickler):
    """Admits numpy arrays, dicts, lists, tuples, strings and numbers, and refuses everything else
    by name.
    """

    def find_class(self, module: str, name: str):
        # where numpy 1 kept what numpy 2 keeps elsewhere
        module = module.replace("numpy.core.", "numpy._core.")
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which plain data does not need, so it was not opened"
            )
        return _ALLOWED[module, name]


def _plain(value):
    """The loaded value with real arrays in place of stand-ins."""
    if isinstance(value, _Array):
        return value.plain()
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, np.ndarray | np.generic | str | bytes | int | float | bool | None):
        return value
    raise pickle.UnpicklingError(
        f"it holds a {type(value).__name__}, which plain data does not need"
    )


def read_pickled_npz(path: str | Path, key: str, *, remedy: str) -> object:
    """The object that an npz holds, pickled, under key: dicts, lists, strings, numbers and numpy
    arrays, nothing else.

    Arrays may be read-only. Raises FileNotFoundError or ValueError; the sentence names the file and
    ends with the remedy.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {remedy}")
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{key}.npy" not in archive.namelist():
                raise ValueError(f"it holds no {key!r}")
            with archive.open(f"{key}.npy") as member:
                return read_npy(member, wanted=key)
    # a damaged file can fail in any way; whatever it is, the file is not what it should be
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be used, {reason}: {remedy}") from None


class PlainNpz(Mapping):
    """The arrays of an npz by name, as np.load gives them, objects too if they are plain data; each
    is read when it is asked for, and one that cannot be is a ValueError then.
    """

    def __init__(self, file):
        self._archive = zipfile.ZipFile(file)
        members = (n for n in self._archive.namelist() if n.endswith(".npy"))
        self._names = {name.removesuffix(".npy"): name for name in members}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> object:
        member = self._names[name]
        try:
            with self._archive.open(member) as file:
                return read_npy(file)
        except Exception as error:  # a damaged file can fail in any way
            raise ValueError(f"{name!r} cannot be read, {' '.join(str(error).split())}") from None


def read_npy(file, wanted: str | None = None) -> object:
    """The array of an open npy file; of one pickled object the object itself. wanted: its name,
    where a pickled object is wanted and nothing else. Runs no code; raises ValueError,
    pickle.UnpicklingError or what numpy raises.
    """
    version = np.lib.format.read_magic(file)
    header = np.lib.format
    read = header.read_array_header_1_0 if version == (1, 0) else header.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if wanted and (not dtype.hasobject or shape not in ((), (1,))):
        raise ValueError(f"{wanted!r} is no pickled dictionary")
    if not dtype.hasobject:
        content = file.read(math.prod(shape) * dtype.itemsize)
        order = "F" if fortran else "C"
        return np.frombuffer(content, dtype=dtype).reshape(shape, order=order)
    if dtype.kind != "O":
        raise ValueError("it has a structured numpy type, which plain data does not need")
    array = _plain(_ArraysOnly(file, encoding="latin1").load())
    return array.reshape(-1)[0] if isinstance(array, np.ndarray) and array.size == 1 else array

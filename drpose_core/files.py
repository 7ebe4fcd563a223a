"""Files one need not trust and files one never half writes: a restricted pickle reader, atomic writing."""

import os
import pickle
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside path; it takes path's place if the body succeeds and vanishes if it does not.

    Raises OSError with a sentence if the folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{path}: cannot make its folder ({error.strerror}): choose another place") from None
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


# What a pickled dictionary of numpy arrays is made of. Nothing here runs foreign code.
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),  # how Python 3 writes bytes in the oldest pickle protocols
}


class _ArraysOnly(pickle.Unpickler):
    """Admits numpy arrays, dicts, lists, tuples, strings and numbers, and refuses everything else by name."""

    def find_class(self, module: str, name: str):
        module = module.replace("numpy.core.", "numpy._core.")  # where numpy 1 kept what numpy 2 keeps elsewhere
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which plain data has no use for, so it was not opened")
        return super().find_class(module, name)


def read_pickled_npz(path: str | Path, key: str, *, remedy: str) -> object:
    """The object that an npz holds, pickled, under key: dicts, lists, strings, numbers and numpy arrays, nothing else.

    Raises FileNotFoundError or ValueError; the sentence names the file and ends with the remedy.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {remedy}")
    try:
        return _unpickle(path, key)
    # A damaged pickle can fail in nearly any way; whatever it is, the file is not what it should be.
    except (pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, AttributeError, IndexError, KeyError,
            TypeError, OverflowError, MemoryError, struct.error) as error:  # fmt: skip
        raise ValueError(f"{path} cannot be used, {error or type(error).__name__}: {remedy}") from None


def _unpickle(path: Path, key: str) -> object:
    with zipfile.ZipFile(path) as archive:
        if f"{key}.npy" not in archive.namelist():
            raise ValueError(f"it holds no {key!r}")
        with archive.open(f"{key}.npy") as member:
            version = np.lib.format.read_magic(member)
            read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read_header(member)
            if not dtype.hasobject or shape not in ((), (1,)):
                raise ValueError(f"{key!r} is no pickled dictionary")
            array = _ArraysOnly(member, encoding="latin1").load()
    return np.asarray(array, dtype=object).reshape(-1)[0]

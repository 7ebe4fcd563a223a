"""Files that are never half written, and arrays in files."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside path; it takes path's place if the body succeeds and vanishes if
    it does not.

    Raises OSError with a sentence naming path if it cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())  # on the disk, before the name changes hands
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({error.strerror or error}): choose another place or make "
            "room"
        ) from None
    finally:
        if path.parent.is_dir():
            temporary.unlink(missing_ok=True)


def write_npz(path: str | Path, **arrays: np.ndarray) -> None:
    """Write arrays as an npz without pickles; the file appears whole or not at all."""
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an npz; nothing in it is ever executed. Raises ValueError with the reason."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file can fail in any way
        raise ValueError(" ".join(str(error).split())) from None

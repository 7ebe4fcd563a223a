"""Files that are never half written."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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

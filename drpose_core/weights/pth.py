"""PyTorch's files of weights (.pth, .pt, .ckpt, .pth.tar) -> a plain state dict. They are pickles:
only tensors and plain data are admitted, and no code of the file is run.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch

State = Mapping[str, torch.Tensor]
LONGEST = 100_000_000  # bytes of a safetensors header, by its own rules
WRAPPED = re.compile(r"^(?:(?:module|_orig_mod)\.)+")  # by DataParallel, torch.compile
WHOLE = ("model.", "net.", "model_pos.")  # where all names begin so
# What a file begins with that is no PyTorch file, and what it is.
OTHERS = {
    b"<": "a web page, not weights: the download asked something first (Google Drive does so for "
    "large files); open its address in a browser and download the file itself",
    b"{": "JSON, not weights: give the file of weights itself",
    b"version https://git-lfs": "a pointer of Git LFS, not the weights: git lfs pull fetches them",
}


def is_pth(path: Path) -> bool:
    """Whether a file begins as PyTorch's do, a zip or a pickle, whatever its name."""
    start = _start(path)
    return start[:4] == b"PK\x03\x04" or start[:1] == b"\x80"


def what_else(path: Path) -> str | None:
    """What a file is that holds no weights at all, in words; None if it may hold some."""
    if not path.stat().st_size:
        return "empty: download it again"
    start = _start(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for begin, what in OTHERS.items() if start.startswith(begin)), None)


def _start(path: Path) -> bytes:
    """The first bytes; none of a safetensors file, which begins with the length of its header, and
    a length may look like anything: one in 32 like a pickle.
    """
    with open(path, "rb") as file:
        start = file.read(64)
    length = int.from_bytes(start[:8], "little")
    return b"" if start[8:9] == b"{" and length <= LONGEST else start


def read_pth(path: Path) -> object:
    """What a file holds, tensors and plain data alone. FileNotFoundError or ValueError that names
    the file and what to do.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: give the published .pth file")
    if what := what_else(path):
        raise ValueError(f"{path} is {what}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way; torch's advice is not repeated
        asks = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = (
            f"it asks for {asks[1]}, which weights have no use for and which was not run: save "
            "model.state_dict() alone, where the file comes from"
            if asks
            else "it is damaged, cut short or no file of PyTorch: download it again"
        )
        raise ValueError(f"{path} cannot be read as weights alone: {reason}") from None


def plain_state(where: str, content: object) -> dict[str, torch.Tensor]:
    """The state dict in a file's content, alone or under a name ("state_dict", "model_pos", ...),
    without the prefixes of wrappers, floating point numbers as float32. ValueError if there is
    none, or several.
    """
    if not _is_state(content):
        found = {k: v for k, v in content.items() if _is_state(v)} if _named(content) else {}
        if len(found) != 1:
            has = f"it has {', '.join(map(str, list(content)[:6]))}: " if _named(content) else ""
            which = f"choose one of {', '.join(found)} and " if found else ""
            raise ValueError(
                f"{where} holds no plain state dict: {has}{which}save model.state_dict() alone"
            )
        content = next(iter(found.values()))
    state = {WRAPPED.sub("", name): value for name, value in content.items()}
    for prefix in WHOLE:
        if state and all(name.startswith(prefix) for name in state):
            state = {WRAPPED.sub("", name[len(prefix) :]): value for name, value in state.items()}
    return state


def _named(content: object) -> bool:
    return isinstance(content, Mapping) and all(isinstance(name, str) for name in content)


def _is_state(content: object) -> bool:
    return (
        _named(content)
        and bool(content)
        and all(isinstance(value, torch.Tensor) for value in content.values())
    )

"""A file of any packing -> what stands in it: JSON, JSON in lines, npz, npy, csv, parquet, YOLO's
labels, each also as .gz. By the first bytes, and the name where these do not tell.
"""

import gzip
import io
import json
from pathlib import Path

import pandas as pd

from ..support import PlainNpz, read_npy
from .found import BAD
from .readers.tools import Lines

TABLES = (".csv", ".tsv")
KINDS = (".json", ".jsonl", ".npz", ".npy", *TABLES, ".parquet", ".txt")
# What begins so is no file of keypoints, and why.
OTHERS = {
    b"\x80": "a pickle, which can run code when it is opened: save arrays with np.savez instead",
    b"\x89HDF": "HDF5: give the csv that DeepLabCut writes beside it, or read it with pandas and "
    "pass the table to read_keypoints",
    b"\xff\xd8\xff": "a picture: it needs a detector",
    b"\x89PNG": "a picture: it needs a detector",
    b"\x00\x05\x16\x07": "the shadow of another file that macOS leaves: take the file itself",
    b"<": "a web page or XML: was the file downloaded whole?",
}


def suffix(path: Path) -> str:
    """The ending that tells the packing, .gz aside."""
    name = path.name.lower().removesuffix(".gz")
    return "".join(Path(name).suffixes[-1:])


def bare_name(path: Path) -> str:
    """A file's name without its ending, and without .gz; a folder's as it is."""
    return path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem


def opened(path: Path) -> object:
    """JSON's dictionaries and lists, arrays by name, an array, a DataFrame or Lines. Raises
    ValueError that says what is wrong; the sentence does not name the file.
    """
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"is no complete .gz ({error})") from None
    for start, what in OTHERS.items():
        if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:8].startswith(start):
            raise ValueError(f"is {what}")
    read, what = _json, "JSON"
    if content[:4] == b"PK\x03\x04":
        read, what = _npz, "npz"
    elif content[:6] == b"\x93NUMPY":
        read, what = _npy, "npy"
    elif content[:4] == b"PAR1":
        read, what = _parquet, "parquet"
    elif suffix(path) in TABLES:
        read, what = _table, "table"
    elif suffix(path) == ".txt":
        read, what = _lines, "list of YOLO's labels"
    elif suffix(path) in (".npz", ".npy", ".parquet"):
        raise ValueError(f"is no complete {suffix(path)}")
    try:
        return read(content)
    except Exception as error:  # a damaged file can fail in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"is not complete {what} ({reason})") from None


def _json(content: bytes):
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
        return [json.loads(line) for line in lines]  # OpenPifPaf and many scripts: one frame each


def _npz(content: bytes):
    return PlainNpz(io.BytesIO(content))


def _npy(content: bytes):
    return read_npy(io.BytesIO(content))


def _parquet(content: bytes):
    return pd.read_parquet(io.BytesIO(content))


def _table(content: bytes) -> pd.DataFrame:
    """A csv, of DeepLabCut too, whose first three or four rows are the names of columns."""
    text = content.decode("utf-8-sig")
    first = [line.split(",")[0].strip().lower() for line in text.splitlines()[:4]]
    if first[:1] == ["scorer"] and "bodyparts" in first:
        header = list(range(first.index("coords") + 1))
        return pd.read_csv(io.StringIO(text), header=header, index_col=0)
    return pd.read_csv(io.StringIO(text), sep=None, engine="python")


def _lines(content: bytes) -> Lines:
    try:
        lines = content.decode("utf-8-sig").splitlines()
        return Lines([float(x) for x in line.split()] for line in lines if line.strip())
    except BAD:
        raise ValueError("it has something else than numbers") from None

"""Fetch chosen subjects of the CMU motion capture database from its own site, with checks, resume and progress."""

import re
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from .cmu import read_amc, read_asf

SITE = "http://mocap.cs.cmu.edu/subjects"
GAP = 5  # the site has no index of recordings: a subject ends where so many numbers in a row are missing


def download_cmu(folder: str | Path, subjects: tuple[str, ...], *, site: str = SITE) -> list[Path]:
    """Fetch NN.asf and every NN_MM.amc of the subjects into folder/NN/; returns the files, old and new.

    What is there already is checked and kept; a partial file goes on where it stopped. A file takes its name only when it is complete and
    reads as motion capture. Raises ValueError for a subject that is no number or not there, ConnectionError (run again to resume) otherwise.
    """
    wrong = [s for s in subjects if not re.fullmatch(r"\d{2,3}", s)]
    if wrong or not subjects:
        raise ValueError(f"subjects are numbers of two or three digits, such as 02 or 105; got {', '.join(wrong) or 'none'}")
    files = []
    with tqdm(desc="CMU mocap", unit="B", unit_scale=True) as progress:
        for subject in subjects:
            place = Path(folder) / subject
            asf = place / f"{subject}.asf"
            if not _fetch(f"{site}/{subject}/{asf.name}", asf, read_asf, progress):
                raise ValueError(f"the database has no subject {subject} ({site}/{subject}/{asf.name} is missing): choose another")
            files.append(asf)
            skeleton = read_asf(asf)
            number, missing = 1, 0
            while missing < GAP:
                amc = place / f"{subject}_{number:02d}.amc"
                got = _fetch(f"{site}/{subject}/{amc.name}", amc, lambda path, skeleton=skeleton: read_amc(path, skeleton), progress)
                missing = 0 if got else missing + 1
                number += 1
                if got:
                    files.append(amc)
    return files


def _fetch(url: str, path: Path, check, progress: tqdm) -> bool:
    """Bring one file; False if the site does not have it. check(path) raises ValueError for a file that is not what it should be."""
    if path.exists():
        check(path)
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    progress.set_postfix_str(path.name)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            have = have if resumed else 0
            length = answer.headers.get("Content-Length")
            with open(part, "ab" if resumed else "wb") as file:
                while chunk := answer.read(1 << 16):
                    file.write(chunk)
                    progress.update(len(chunk))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        if error.code == 416:  # the part is as long as the file or longer, so it is not a part of it
            part.unlink()
            return _fetch(url, path, check, progress)
        raise ConnectionError(f"{url} answered {error.code} {error.reason}: try again later, finished files are kept") from None
    except OSError as error:
        raise ConnectionError(f"{url} broke off ({error}): run the same command again, it goes on where it stopped") from None
    if length is not None and part.stat().st_size != have + int(length):
        raise ConnectionError(f"{url} broke off at {part.stat().st_size} bytes: run the same command again, it goes on where it stopped")
    try:
        check(part)
    except ValueError:
        part.unlink()
        raise
    part.replace(path)
    return True

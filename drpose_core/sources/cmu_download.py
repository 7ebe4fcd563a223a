"""Fetch chosen subjects of the CMU motion capture database from its own site, with checks, resume
and progress.
"""

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from .cmu import read_amc, read_asf

SITE = "http://mocap.cs.cmu.edu/subjects"
# the site has no index of recordings: a subject ends where this many numbers in a row are missing
GAP = 5


def download_cmu(folder: str | Path, subjects: tuple[str, ...], *, site: str = SITE) -> list[Path]:
    """Download NN.asf and every NN_MM.amc of the subjects into folder/NN/; returns all their files,
    new or already there.

    Files that are there already are checked and kept; a partial file resumes where it stopped. A
    file gets its final name only when it is complete and can be read as motion capture. Raises
    ValueError if a subject is not a number or does not exist, and otherwise ConnectionError (run it
    again to resume).
    """
    wrong = [s for s in subjects if not re.fullmatch(r"\d{2,3}", s)]
    if wrong or not subjects:
        raise ValueError(
            "subjects are numbers of two or three digits, such as 02 or 105; got "
            f"{', '.join(wrong) or 'none'}"
        )
    files = []
    with tqdm(desc="CMU mocap", unit="B", unit_scale=True) as progress:
        for subject in subjects:
            place = Path(folder) / subject
            asf = place / f"{subject}.asf"
            if not _fetch(f"{site}/{subject}/{asf.name}", asf, read_asf, progress):
                raise ValueError(
                    f"the database has no subject {subject} ({site}/{subject}/{asf.name} is "
                    "missing): choose another"
                )
            files.append(asf)
            skeleton = read_asf(asf)
            number, missing = 1, 0
            while missing < GAP:
                amc = place / f"{subject}_{number:02d}.amc"
                got = _fetch(
                    f"{site}/{subject}/{amc.name}",
                    amc,
                    lambda path, skeleton=skeleton: read_amc(path, skeleton),
                    progress,
                )
                missing = 0 if got else missing + 1
                number += 1
                if got:
                    files.append(amc)
    return files


def _fetch(url: str, path: Path, check: Callable[[Path], object], progress: tqdm) -> bool:
    """Bring one file; False if the site does not have it.

    check(path) raises ValueError for a file that is not what it should be.
    """
    if path.exists():
        try:
            check(path)
            return True
        except ValueError:
            path.unlink()  # damaged: the site has it whole
    part = path.with_suffix(path.suffix + ".part")
    have = part.stat().st_size if part.exists() else 0
    again = "run the same command again, it resumes where it stopped"
    progress.set_postfix_str(path.name)
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        with urllib.request.urlopen(request, timeout=30) as answer:
            if answer.status == 206 and not answer.headers.get("Content-Range", "").startswith(
                f"bytes {have}-"
            ):
                raise ConnectionError(
                    f"{url} answered with another part than asked for: try again later"
                )
            have = have if answer.status == 206 else 0  # a site without Range sends it all again
            length = answer.headers.get("Content-Length")
            if length is None:
                raise ConnectionError(
                    f"{url} does not say how long it is, so it cannot be checked: try again later"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "ab" if have else "wb") as file:
                while chunk := answer.read(1 << 16):
                    file.write(chunk)
                    progress.update(len(chunk))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        # the part is as long as the file or longer, so it is not a part of it
        if error.code == 416 and have:
            part.unlink()
            return _fetch(url, path, check, progress)
        raise ConnectionError(
            f"{url} answered {error.code} {error.reason}: try again later, finished files are kept"
        ) from None
    except ConnectionError as error:
        raise ConnectionError(
            f"{error}" if url in str(error) else f"{url} broke off ({error}): {again}"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(f"{url} broke off ({error}): {again}") from None
    if part.stat().st_size != have + int(length):
        raise ConnectionError(
            f"{url} broke off at {part.stat().st_size} of {have + int(length)} bytes: {again}"
        )
    try:
        check(part)
    except ValueError as error:
        part.unlink()
        raise ValueError(f"{url} is not what it should be: {error}") from None
    part.replace(path)
    return True

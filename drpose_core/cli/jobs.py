"""Which results a call of predict makes, and where each is written: never over an input, and never
over another input's result unless its name is given.
"""

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..keypoints import FILMS, PICTURES, bare_name, kept_in, one_frame
from ..output import check_path, suffix_of
from ..support import project_root


class Job(NamedTuple):
    """One result: of a file, a folder, or of several files that are frames of one film."""

    given: Path | list[Path]
    place: Path  # the file, or the folder of the frames
    name: str  # among the results of this call; empty if there is one
    out: tuple[Path, ...]

    def own(self, path: Path) -> Path:
        """A path that the user gave for all results -> this one's."""
        suffix = suffix_of(path)
        stem = path.name[: len(path.name) - len(suffix)]
        return path.with_name(f"{stem}-{self.name}{suffix}") if self.name else path

    def keypoints(self) -> Path:
        """A folder beside the result, for keypoints that a detector finds: the one that has this
        input's, or one that is free.
        """
        name = self.out[0].with_name(f"{self.name or bare_name(self.place)}-keypoints")
        names = (name if n == 1 else Path(f"{name}-{n}") for n in itertools.count(1))
        return next(n for n in names if kept_in(n) in (None, str(self.place)))


def jobs(
    given: Sequence[Path],
    out: Sequence[Path],
    also: Sequence[Path | None] = (),
    reads: Sequence[Path] = (),
) -> list[Job]:
    """The results of paths. Files of one frame each are one film where they lie in one folder; all
    else is for itself. out: as the user gave it; without it each result goes to output/<name>.json,
    or to a free name if that is the result of another input. also: what else is written. reads:
    what else is read.

    Raises ValueError where an output would replace what is read.
    """
    paths = list(dict.fromkeys(path.expanduser().resolve() for path in given))
    if not paths:
        raise ValueError("predict needs a file: keypoints, a picture or a film")
    films = _films(paths)
    places = [film[0].parent if isinstance(film, list) else film for film in films]
    found, taken = [], set()
    for film, place, name in zip(films, places, _names(places)):
        job = Job(film, place, name if len(films) > 1 else "", ())
        own = tuple(check_path(job.own(path)) for path in out) or (_free(name, place, taken),)
        for path in (*own, *(job.own(path) for path in also if path)):
            _spare(path, [*paths, *reads])
        taken |= {*own}
        found.append(job._replace(out=own))
    return found


def source_of(result: Path) -> str | None:
    """What a .json of predict is the result of; None for any other file."""
    try:
        with open(result, encoding="utf-8") as file:
            first = file.readline(1_000_000)
        return str(json.loads(first.rstrip().removesuffix(",") + "}")["about"]["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _films(paths: list[Path]) -> list[Path | list[Path]]:
    """The paths; in place of the first of several in one folder that have one frame each, these."""
    files = [p for p in paths if p.is_file() and p.suffix.lower() not in PICTURES + FILMS]
    folders = Counter(p.parent for p in files)
    frames: dict[Path, list[Path]] = {}
    for path in files:
        if folders[path.parent] > 1 and one_frame(path):
            frames.setdefault(path.parent, []).append(path)
    film_of = {path: film for film in frames.values() if len(film) > 1 for path in film}
    found = [film_of.get(path, path) for path in paths]
    return [film for path, film in zip(paths, found) if film == path or film[0] == path]


def _names(places: list[Path]) -> list[str]:
    """A name for each result: with its folder's where two would be alike, then with a number."""
    short = [bare_name(place) for place in places]
    names = [
        f"{place.parent.name}-{name}" if short.count(name) > 1 else name
        for place, name in zip(places, short)
    ]
    return [
        f"{name}-{names[: n + 1].count(name)}" if name in names[:n] else name
        for n, name in enumerate(names)
    ]


def _free(name: str, place: Path, taken: set[Path]) -> Path:
    """output/<name>.json, or with a number where that is something else than the place's result."""
    folder, number = project_root() / "output", 1
    while True:
        path = folder / f"{name}{'' if number == 1 else f'-{number}'}.json"
        if path not in taken and (not path.exists() or source_of(path) == str(place)):
            return path
        number += 1


def _spare(path: Path, inputs: list[Path]) -> None:
    """ValueError if writing to a path would replace an input, or a frame in a folder of frames."""
    for given in inputs:
        frame = given.is_dir() and path.resolve().parent == given and path.suffix == ".json"
        if path.exists() and (path.samefile(given) or (frame and source_of(path) is None)):
            raise ValueError(f"{path} is an input, and would be replaced: choose another name")

"""Films and pictures, read and written a frame at a time: PyAV (FFmpeg in a wheel) for films,
Pillow for pictures and GIF; pip install -e .[film].
"""

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from ..keypoints import FILMS, PICTURES, plausible_rate
from ..support import written_whole

MOVING, STILL = (".mp4", ".gif"), (".png", ".jpg", ".jpeg")
GIF_RATE, GIF_WIDTH = 12, 960  # frames per second and pixels, at most: a GIF is large


class Film(NamedTuple):
    """A film, or a picture, which has one frame and no rate. Sizes as one sees it: turned as the
    phone was held.
    """

    path: Path
    width: int
    height: int
    fps: Fraction | None
    count: int  # of frames, as the file says


def need_film_library(what: str | Path) -> None:
    """Raise ValueError with a sentence if PyAV or Pillow is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("av", "PIL")):
        raise ValueError(f"{what} needs PyAV and Pillow: pip install -e .[film]")


def open_film(path: str | Path) -> Film:
    """What a film or a picture says of itself.

    Raises FileNotFoundError, or ValueError for what is neither.
    """
    path = Path(path)
    need_film_library(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: an overlay needs a film or one picture")
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: give the film or the picture of the keypoints")
    if path.suffix.lower() not in FILMS + PICTURES:
        raise ValueError(f"{path} is no film or picture: {', '.join(FILMS + PICTURES)}")
    try:
        first = next(_decoded(path, None))
    except (OSError, ValueError, StopIteration) as error:
        reason = " ".join(str(error).split()) or "it has no frames"
        raise ValueError(f"{path} cannot be read as a film or picture ({reason})") from None
    if path.suffix.lower() in PICTURES:
        return Film(path, *first.size, None, 1)
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        known = filter(plausible_rate, (stream.average_rate, stream.guessed_rate))
        rate = next(known, Fraction(30))
        seconds = float((container.duration or 0) / 1e6)
        return Film(path, *first.size, rate, stream.frames or round(seconds * rate))


def frames(film: Film, size: tuple[int, int]) -> Iterator:
    """The frames as Pillow's RGB pictures of a size (width, height)."""
    return _decoded(film.path, size)


def _decoded(path: Path, size: tuple[int, int] | None) -> Iterator:
    """Decoded frames, turned upright and scaled; a film that breaks off ends there."""
    from PIL import Image, ImageOps

    if path.suffix.lower() in PICTURES:
        with Image.open(path) as picture:
            picture = ImageOps.exif_transpose(picture).convert("RGB")
        yield picture.resize(size, Image.Resampling.LANCZOS) if size else picture
        return
    import av

    with av.open(str(path)) as container:
        if not container.streams.video:
            raise ValueError("it has no pictures")
        stream = container.streams.video[0]
        first = True
        try:
            for frame in container.decode(stream):
                turn = round(frame.rotation / 90) * 90 % 360  # as the phone was held
                width, height = size or (None, None)
                if size and turn % 180:
                    width, height = height, width
                picture = frame.to_image(width=width, height=height)
                yield picture.rotate(turn, expand=True) if turn else picture
                first = False
        except av.FFmpegError:
            if first:
                raise


@contextmanager
def writer(path: Path, size: tuple[int, int], fps: Fraction) -> Iterator:
    """Give a function that takes the frames of a film, or the one of a picture, each a Pillow
    picture of this size; the file is there when all are written.
    """
    kind = {".mp4": _mp4, ".gif": _gif}.get(path.suffix.lower(), _still)
    with ExitStack() as stack:
        temporary = stack.enter_context(written_whole(path))
        yield stack.enter_context(kind(temporary, size, fps))


@contextmanager
def _mp4(path: Path, size: tuple[int, int], fps: Fraction) -> Iterator:
    """H.264 with even sides, which every player and every slide shows."""
    import av

    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps.limit_denominator(1001))
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt, stream.options = (
            "yuv420p",
            {"crf": "19", "preset": "veryfast", "threads": "1"},
        )

        def add(picture) -> None:
            if picture.size != (stream.width, stream.height):
                picture = picture.crop((0, 0, stream.width, stream.height))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))

        yield add
        container.mux(stream.encode())


@contextmanager
def _gif(path: Path, size: tuple[int, int], fps: Fraction) -> Iterator:
    """Every few frames, made smaller: GIF has 256 colours and times in hundredths of a second."""
    from PIL import Image

    every = max(1, round(fps / GIF_RATE))
    scale = min(1, GIF_WIDTH / size[0])
    small = (round(size[0] * scale), round(size[1] * scale))
    kept, number, colors = [], 0, None

    def add(picture) -> None:
        nonlocal number, colors
        if number % every == 0:
            picture = picture.resize(small, Image.Resampling.LANCZOS)
            if len(kept) % GIF_RATE == 0:  # every second, of a smaller picture: this is slow
                colors = picture.reduce(3).quantize(255, kmeans=1)
            kept.append(picture.quantize(palette=colors, dither=Image.Dither.NONE))
        number += 1

    yield add
    pause = max(20, 10 * round(100 * every / fps))  # milliseconds
    kept[0].save(path, save_all=True, append_images=kept[1:], duration=pause, loop=0)


@contextmanager
def _still(path: Path, size: tuple[int, int], fps: Fraction) -> Iterator:
    yield lambda picture: picture.save(path, quality=92)

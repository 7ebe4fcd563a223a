"""What files say beside the keypoints: the picture's size, the frame rate, the joints."""

from collections.abc import Mapping

from ..formats import FORMATS
from .person import KEYPOINTS

WITHIN = ("meta_info", "metadata", "meta", "info", "video_metadata", "video_info", "video", "image")
BARE = (("width", "height"), ("w", "h"))
SIZES = (
    *((f"{w}_width", f"{w}_height") for w in ("canvas", "image", "img", "frame", "video")),
    *BARE,
)
WIDTH_FIRST = ("image_size", "img_size", "resolution")
HEIGHT_FIRST = ("img_shape", "orig_shape", "original_shape", "image_shape")
RATES = ("fps", "frame_rate", "framerate", "video_fps")
DATA_SETS = {
    "coco": "coco17",
    "halpe26": "halpe26",
    "halpe": "halpe26",
    "h36m": "h36m17",
    "body25": "body25",
    "crowdpose": "crowdpose14",
    "aic": "aic14",
    "mpii": "mpii16",
} | {name: name for name in FORMATS}


def facts(content) -> dict:
    """image_size, fps and format, where a file has them: at its top, under a usual name below, or
    in its first frame.
    """
    found: dict = {}
    for place in _places(content):
        for name, read in (("image_size", _size), ("fps", _rate), ("format", _format)):
            if name not in found and (value := read(place)) is not None:
                found[name] = value
    return found


def _places(content):
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        content = content[0]
    if not isinstance(content, Mapping):
        return
    yield content
    for name in WITHIN:
        if name not in content or not isinstance(below := content[name], Mapping):
            continue
        yield below
        for inner in ("video_metadata", "info"):
            if isinstance(films := below.get(inner), Mapping):
                yield films
                yield from [film for film in films.values() if isinstance(film, Mapping)][:1]


def _size(place: Mapping) -> tuple[int, int] | None:
    alone = any(key in place for key in KEYPOINTS)  # a person's width and height are their box
    usual = [pair for pair in SIZES if not (alone and pair in BARE)]
    pairs = [(place[w], place[h]) for w, h in usual if w in place and h in place]
    for names, step in ((WIDTH_FIRST, 1), (HEIGHT_FIRST, -1)):
        for name in names:
            value = place.get(name)
            if isinstance(value, list | tuple) and len(value) >= 2:
                pairs.append(tuple(value[:2])[::step])
    for pair in pairs:
        if all(isinstance(x, int | float) and not isinstance(x, bool) and x >= 1 for x in pair):
            return int(pair[0]), int(pair[1])
    return None


def _rate(place: Mapping) -> float | None:
    rates = [place.get(name) for name in RATES]
    return next((float(x) for x in rates if isinstance(x, int | float) and 0 < x < 1e5), None)


def _format(place: Mapping) -> str | None:
    name = place.get("dataset_name", place.get("layout_name"))
    return DATA_SETS.get(str(name).lower())

"""A photo as a web page takes it."""

import base64
import mimetypes
from pathlib import Path

from PIL import Image, ImageOps


def photo(picture: str | Path) -> tuple[str, int, int]:
    """(data URL, width, height) of a picture file; the size as browsers show it: photos from phones
    may be stored rotated. Raises ValueError with a sentence for what is no picture.
    """
    try:
        with Image.open(picture) as image:
            width, height = ImageOps.exif_transpose(image).size
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{picture} is no picture ({' '.join(str(error).split())}): give the path of a JPEG or "
            "PNG"
        ) from None
    kind = mimetypes.guess_type(str(picture))[0] or "image/jpeg"
    content = base64.b64encode(Path(picture).read_bytes()).decode()
    return f"data:{kind};base64,{content}", width, height

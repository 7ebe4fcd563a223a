"""Write output/index.html, from which all pages of make tour are reached.

python docs/make_index.py [folder of the pages]. Titles and texts come from the notebooks' first
cells, pictures from docs/pictures (docs/make_picture.py takes them).
"""

import html
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SAVED = {
    "explorer.html": "The explorer, as a page without Python: sliders for frames, steps and "
    "hypotheses.",
    "explorer_fast.html": "The explorer, as a page without Python, of a run in fast mode.",
    "site/index.html": "The documentation: questions and answers, results, and the API reference.",
}
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>drpose: the tour</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto;
    padding: 0 1rem; }}
  main {{ display: grid; gap: 1.2rem;
    grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }}
  a {{ display: block; color: inherit; text-decoration: none; border: 1px solid #8886;
    border-radius: 8px; overflow: hidden; }}
  a:hover, a:focus {{ border-color: #0072b2; box-shadow: 0 0 0 2px #0072b255; }}
  img {{ display: block; width: 100%; aspect-ratio: 16 / 10; object-fit: contain;
    background: #fff; padding: .6rem; box-sizing: border-box; }}
  h2 {{ font-size: 1.1rem; margin: .8rem 1rem .2rem; }}
  p {{ margin: 0 1rem 1rem; }}
  body > p {{ margin: 0 0 1.5rem; }}
</style>
<h1>drpose</h1>
<p>From the 2D keypoints of one picture to many 3D poses that fit it. Read the pages in order, or
start where you like. The small pictures are from another run; a page shows what yours computed.</p>
<main>
{cards}
</main>
</html>
"""
CARD = """<a href="{page}"><img src="pictures/{picture}" alt="">
<h2>{title}</h2><p>{text}</p></a>"""


def main(output: Path) -> Path:
    """Write the page into the folder output, and say where it is."""
    cards = [
        CARD.format(page=page, picture=picture, title=html.escape(title), text=html.escape(text))
        for page, picture, title, text in pages(output)
    ]
    shutil.copytree(PICTURES, output / "pictures", dirs_exist_ok=True)
    path = output / "index.html"
    path.write_text(PAGE.format(cards="\n".join(cards)), encoding="utf-8")
    return path


def pages(output: Path) -> list[tuple[str, str, str, str]]:
    """The pages that are there, in order: (page, picture, title, text)."""
    found = []
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = f"{notebook.stem}.html"
        if (output / page).is_file():
            found.append((page, f"{notebook.stem}.png", *heading(notebook)))
    for page, text in SAVED.items():
        if (output / page).is_file():
            title = "Documentation" if page.startswith("site/") else "Explorer"
            found.append((page, f"{title.lower()}.png", title, text))
    return found


def heading(notebook: Path) -> tuple[str, str]:
    """The title of a notebook, and the first sentences of its first cell."""
    cell = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
    title, _, rest = cell.removeprefix("# ").partition("\n")
    text = re.sub(r"[*`_]", "", " ".join(rest.strip().split("\n\n")[0].split()))
    whole = re.match(r".{40,220}?[.!?](?=\s|$)", text)
    return title.strip(), whole[0] if whole else text.rstrip(":") + "."


if __name__ == "__main__":
    path = main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "output")
    print(f"\nThe tour is done. Open it in a browser:\n  {path.as_uri()}")

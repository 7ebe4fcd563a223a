"""Build the documentation site into output/site: python docs/make_site.py.

The pages are the README, docs/, the READMEs of the folders, the notebooks as make tour ran them
(output/notebooks), and an API reference from the docstrings. They are first copied to
output/site-source in the layout of the repository, so that their links work here as they do there.
Needs docs/requirements.txt.
"""

import ast
import re
import shutil
import sys
from pathlib import Path

import drpose_core

ROOT = Path(__file__).resolve().parents[1]
SOURCE, CACHE, SITE = (ROOT / "output" / name for name in ("site-source", "site-cache", "site"))
FILES = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE",
    "data/README.md", "checkpoints/README.md",
)  # fmt: skip
# The reader's order: (caption, pages). What docs/ has besides these follows in a part of its own.
PARTS = (
    ("Start", ("README", "docs/faq", "docs/own_pictures", "docs/keypoint_files")),
    ("Notebooks", ()),
    ("Background", (
        "docs/results", "docs/films", "docs/methods", "docs/speed", "docs/training",
        "docs/recipes",
        "docs/cameras",
    )),
    ("Real people", ("docs/real_people", "docs/joints")),
    ("API reference", ()),
    ("Project", (
        "docs/architecture", "Data files <data/README>", "Checkpoints <checkpoints/README>",
        "docs/terms", "CONTRIBUTING", "CHANGELOG",
    )),
)  # fmt: skip
BESIDE = {"drpose_core.plots": "Figures", "drpose_core.explorer": "Explorer"}
REDIRECT = (
    '<!DOCTYPE html><meta charset="utf-8"><title>drpose</title>'
    '<meta http-equiv="refresh" content="0; url=README.html"><a href="README.html">drpose</a>\n'
)


def main() -> int:
    """Stage the pages, run Sphinx, and say where the site is; Sphinx's exit status."""
    from sphinx.cmd.build import main as sphinx

    missing = stage()
    if missing:
        sys.exit(f"{', '.join(missing)}: not run yet, make tour runs them")
    for old in (CACHE, SITE):
        shutil.rmtree(old, ignore_errors=True)
    folders = map(str, (ROOT / "docs", "-d", CACHE, SOURCE, SITE))
    status = sphinx(["-q", "-W", "--keep-going", "-b", "html", "-c", *folders])
    (SITE / "index.html").write_text(REDIRECT)
    print(f"The site is built. Open it in a browser:\n  {(SITE / 'index.html').as_uri()}")
    return status


def stage() -> list[str]:
    """Copy and write all pages; the notebooks that make tour has not run yet."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for name in FILES:
        (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, SOURCE / name)
    shutil.copytree(ROOT / "docs", SOURCE / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    (SOURCE / "notebooks").mkdir()
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    executed = [ROOT / "output" / "notebooks" / path.name for path in notebooks]
    for path in executed:
        if path.is_file():
            shutil.copy(path, SOURCE / "notebooks")
    for staged in SOURCE.rglob("*.md"):  # files that pages link to: tests, examples
        for target in links(staged.read_text(encoding="utf-8")):
            path = (ROOT / staged.relative_to(SOURCE)).parent.joinpath(target).resolve()
            copy = SOURCE / path.relative_to(ROOT)
            if path.is_file() and not copy.exists() and path.suffix != ".ipynb":
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
    reference = api_pages()
    (SOURCE / "api").mkdir()
    for name, text in reference.items():
        (SOURCE / "api" / f"{name}.md").write_text(text)
    parts = dict(PARTS)
    parts["Notebooks"] = [f"notebooks/{path.stem}" for path in notebooks]
    parts["API reference"] = [f"api/{name}" for name in reference]
    known = {page for pages in parts.values() for page in pages}
    parts["Background"] = [
        *parts["Background"],
        *(page for path in sorted((ROOT / "docs").glob("*.md"))
          if (page := f"docs/{path.stem}") not in known),
    ]  # fmt: skip
    with open(SOURCE / "README.md", "a") as readme:
        for caption, pages in parts.items():
            pages = [page if page != "README" else "self" for page in pages]
            lines = ["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"]
            readme.write("\n" + "\n".join(lines) + "\n")
    return [path.stem for path in executed if not path.is_file()]


def links(text: str) -> list[str]:
    """Where a Markdown text points to in the repository, without anchors; code is left out."""
    prose = re.sub(r"```.*?```|`[^`\n]*`|<!--.*?-->", "", text, flags=re.DOTALL)
    found = re.findall(r"\]\(\s*([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)", prose, flags=re.MULTILINE)
    targets = (inline or defined for inline, defined in found)
    return [t.partition("#")[0] for t in targets if not re.match(r"[a-z]+:|#", t)]


def api_pages() -> dict[str, str]:
    """The API reference: {name of a page: its text}, a page for each group of public names."""
    pages = {}
    for number, (title, names) in enumerate(groups().items(), start=1):
        pages[f"{number:02d}"] = page(title, "drpose_core", [entry(name) for name in names])
    for module, title in BESIDE.items():
        whole = f".. automodule:: {module}\n   :members:\n   :imported-members:"
        pages[module.rpartition(".")[2]] = page(title, module, [whole])
    return pages


def page(title: str, module: str, entries: list[str]) -> str:
    """A page in Markdown with entries that Sphinx fills from docstrings."""
    blocks = [f"```{{eval-rst}}\n{entry}\n```" for entry in entries]
    return "\n\n".join([f"# {title}", f"From `{module}`.", *blocks]) + "\n"


def groups() -> dict[str, list[str]]:
    """The public names by purpose, as the comments in drpose_core/__init__.py divide __all__."""
    text = (ROOT / "drpose_core" / "__init__.py").read_text(encoding="utf-8")
    lines = text[text.index("__all__") :].splitlines()[1:]
    found: dict[str, list[str]] = {}
    title = "All names"
    for line in map(str.strip, lines):
        if line.startswith("#"):
            title = line.strip("# ")
            title = title[:1].upper() + title[1:]
        elif line.startswith('"'):
            found.setdefault(title, []).append(ast.literal_eval(line.rstrip(",")))
    return found


def entry(name: str) -> str:
    """What asks Sphinx for the documentation of a public name."""
    thing = getattr(drpose_core, name)
    if isinstance(thing, type):
        return f".. autoclass:: drpose_core.{name}\n   :members:"
    if callable(thing):
        return f".. autofunction:: drpose_core.{name}"
    value = thing if isinstance(thing, tuple) else tuple(thing)  # of a table, its keys
    return f".. py:data:: drpose_core.{name}\n\n   {', '.join(map(str, value))}"


if __name__ == "__main__":
    sys.exit(main())

"""The documentation: no dead link, code that runs, commands that exist, tables that agree with the
code.
"""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import make_index
import make_site
import pytest
from helpers import LEVELS

import drpose_core as dr
from drpose_core import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").glob("*.md")]
    + [ROOT / "tests" / "golden" / "README.md"]
)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def text_of(path):
    """The Markdown of a page, or of a notebook's cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def anchors(text):
    """The names that GitHub and MyST give to the headings of a page."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall(r"^#+ +(.+?) *$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", PAGES + NOTEBOOKS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_link_is_dead(path):
    text = text_of(path)
    for target in make_site.links(text):
        assert not target or (path.parent / target).exists(), f"{path.name} points to {target}"
    for target, anchor in re.findall(r"\]\(([^():\s#]*)#([^)\s]+)\)", text):
        page = path.parent / target if target else path
        assert anchor in anchors(text_of(page)), f"{path.name} points to {target}#{anchor}"


def test_dead_links_would_be_found():
    text = "[a](there.md) ![b](pic.png 'title') [c]: ref.md\n[d](x.md#part) `[e](code.md)`\n[f]: g.md\n"
    assert make_site.links(text) == ["there.md", "pic.png", "x.md", "g.md"]
    assert anchors("# How do I start?\n## `a_b`: c, d\n```\n# no\n```\n") == {
        "how-do-i-start",
        "a_b-c-d",
    }


def test_the_readme_is_short_and_shows_every_notebook():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 1200
    assert max(map(len, text.splitlines())) <= 100
    first_screen = text[: text.index("## ")]
    assert all(words in first_screen for words in ("![", "make tour", "make test"))
    assert set(re.findall(r"^\[(\d\d_\w+)\]:", text, re.MULTILINE)) == {p.stem for p in NOTEBOOKS}
    assert not re.search(r"^[A-Z]{4,}$", text, re.MULTILINE), "no placeholder is left"


def test_the_readmes_cell_runs(monkeypatch, capsys, recwarn):
    plotly = pytest.importorskip("plotly.io")
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    monkeypatch.setattr(plotly.renderers, "default", "json")
    names = {}
    exec(code, names)
    assert names["hypotheses"].shape[::2] == (8, 17) and names["answer"].shape == (8, 17, 3)
    assert "p_avg" in capsys.readouterr().out
    assert not [w for w in recwarn if "wrong pairing" in str(w.message)]


def commands():
    """Each drpose command line in the documentation: (page, name, its options)."""
    for path in PAGES:
        blocks = re.findall(r"```\n(.*?)```|`([^`\n]+)`", text_of(path), re.DOTALL)
        code = "\n".join(block or inline for block, inline in blocks).replace("\\\n", " ")
        for name, options in re.findall(r"(?:^|drpose_core |\s)drpose ([a-z][a-z-]*)(.*)", code):
            yield path.name, name, re.findall(r"--[a-z][\w.-]*", options.partition("#")[0])
        for name, options in re.findall(r"-m drpose_core ([a-z][a-z-]*)(.*)", code):
            yield path.name, name, re.findall(r"--[a-z][\w.-]*", options.partition("#")[0])


def test_every_command_in_the_documentation_exists_with_its_options(monkeypatch, capsys):
    wanted = {}
    for page, name, options in commands():
        assert name in cli.COMMANDS, f"{page}: drpose {name}"
        wanted.setdefault(name, {}).update(dict.fromkeys(options, page))
    assert {"predict", "evaluate", "train", "convert", "download-cmu"} <= set(wanted)
    for name, options in wanted.items():
        monkeypatch.setattr("sys.argv", ["drpose", name, "--help"])
        with pytest.raises(SystemExit):
            cli.main()
        known = set(re.findall(r"--[a-z][\w.-]*", capsys.readouterr().out))
        for option, page in options.items():
            assert option in known, f"{page}: drpose {name} {option}"


def test_the_joint_conversion_stands_in_the_docs_as_it_is():
    from drpose_core.keypoints.formats import conversion_table

    table = conversion_table()
    page = (ROOT / "docs" / "own_pictures.md").read_text(encoding="utf-8")
    for joint in table.index[(table[["coco17", "halpe26", "body25"]] != "same").any(axis=1)]:
        row = " | ".join(
            ["", joint, *table.loc[joint, ["coco17", "halpe26", "body25"]], ""]
        ).strip()
        assert row in page, row


def test_the_house_on_one_page_has_every_room_on_its_level():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *(\d*) *\| `(\w+)(/?)` \|", page, re.MULTILINE)
    levels: list[list[str]] = []
    for number, room, wing in rows:
        if number:
            assert int(number) == len(levels) + 1
            levels.append([])
        levels[-1].append(room)
        assert (ROOT / "drpose_core" / room).is_dir() == bool(wing)
    assert [sorted(level) for level in levels] == [sorted(line.split()) for line in LEVELS[:-1]]


def test_the_api_reference_has_every_public_name_once():
    counts = Counter(name for names in make_site.groups().values() for name in names)
    assert set(counts) == set(dr.__all__) and max(counts.values()) == 1
    reference = "\n".join(make_site.api_pages().values())
    for name in dr.__all__:
        assert re.search(rf":: drpose_core\.{name}$", reference, re.MULTILINE), name


def test_the_tours_first_page_reaches_all_pages_each_with_a_picture(tmp_path):
    for notebook in NOTEBOOKS:
        (tmp_path / f"{notebook.stem}.html").touch()
    (tmp_path / "explorer.html").touch()
    page = make_index.main(tmp_path).read_text(encoding="utf-8")
    reached = re.findall(r'<a href="([^"]+)"><img src="([^"]+)"', page)
    assert [target for target, _ in reached] == [
        *(f"{notebook.stem}.html" for notebook in NOTEBOOKS),
        "explorer.html",
    ]
    for _, picture in reached:
        assert (tmp_path / picture).stat().st_size > 1000, picture
    assert "http" not in page, "it works without a network"


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(version)}$", citation, re.MULTILINE)
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

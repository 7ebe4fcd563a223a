"""Settings of the documentation site; docs/make_site.py runs Sphinx with them."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

project = "drpose"
author = "The drpose authors"
copyright = "The drpose authors, MIT licence"
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
exclude_patterns = ["docs/requirements.txt"]

# The notebooks come executed (make tour); links go to headings by their text, as on GitHub.
nb_execution_mode = "off"
nb_merge_streams = True
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False

html_theme = "sphinx_book_theme"
html_title = "drpose"
html_static_path = ["static"]
html_css_files = ["figures.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_theme_options = {
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": False,
    "navbar_persistent": [],  # the search stands in the sidebar
}


def setup(app):
    """Docstrings are plain text: what reStructuredText would take for a mark is escaped."""

    def escaped(app, what, name, thing, options, lines):
        lines[:] = [re.sub(r"([*|]|(?<=\w)_(?!\w))", r"\\\1", line) for line in lines]

    app.connect("autodoc-process-docstring", escaped, priority=100)

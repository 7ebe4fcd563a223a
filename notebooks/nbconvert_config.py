"""How make tour turns notebooks into pages: self-contained, no script from a server.

The file is not called nbconvert.py, which would hide the package nbconvert from the kernels.
"""

import re
from pathlib import Path

from jupyter_core.paths import jupyter_path
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor, Preprocessor

# drawn by scripts from a server, and dead without a kernel
WIDGET = "application/vnd.jupyter.widget-view+json"


class LightAndDark(CSSHTMLHeaderPreprocessor):
    """Beside the usual styles, JupyterLab's dark theme for readers whose system asks for dark
    pages. Figures stay white.
    """

    def preprocess(self, notebook, resources):
        notebook, resources = super().preprocess(notebook, resources)
        folders = jupyter_path("nbconvert", "templates", "lab", "static")
        theme = next(path for f in folders if (path := Path(f) / "theme-dark.css").is_file())
        # :root twice is stronger than the light theme, which stands later in the page.
        colors = theme.read_text(encoding="utf-8").replace(":root", ":root:root")
        more = (
            "body { color-scheme: dark } .js-plotly-plot { border-radius: 8px; overflow: hidden }"
        )
        dark = f"@media (prefers-color-scheme: dark) {{\n{colors}\n{more}\n}}"
        resources["inlining"]["css"].append(dark)
        return notebook, resources


class Tidy(Preprocessor):
    """Take out the MathJax that plotly asks a server for (no figure has formulas), live widgets,
    all but the last state of bars, what LiteRT says of itself, and all but the page's first copy of
    plotly's code.
    """

    def preprocess(self, notebook, resources):
        self.has_plotly = False
        return super().preprocess(notebook, resources)

    def preprocess_cell(self, cell, resources, index):
        merged = []
        for output in cell.get("outputs", ()):
            if output.output_type == "stream" and merged and merged[-1].output_type == "stream":
                merged[-1].text += output.text  # the kernel sends a bar in pieces
            else:
                merged.append(output)
        if "outputs" in cell:
            cell.outputs = merged
        for output in merged:
            if output.output_type == "stream":
                output.text = re.sub(r"INFO: Created TensorFlow Lite .*\n", "", output.text)
                lines = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in output.text.split("\n"))
                lines = (
                    re.sub(r"^ {20,}", "", line) for line in lines
                )  # what a bar leaves when it wipes itself out
                output.name, output.text = (
                    "stdout",
                    "\n".join(line for line in lines if line.strip()) + "\n",
                )
            if output.get("data", {}).pop(WIDGET, None):
                output["data"]["text/html"] = (
                    "<p><i>Here stands a live widget when the notebook runs in JupyterLab (make "
                    "lab).</i></p>"
                )
            html = output.get("data", {}).get("text/html", "")
            if "<script" in html:
                output["data"]["text/html"] = self._once(
                    re.sub(r'<script src="https?://[^"]*"></script>', "", html)
                )
        return cell, resources

    def _once(self, html):
        """Without plotly's own code (megabytes) if the page has it already."""
        scripts = re.split(r"(<script.*?</script>)", html, flags=re.DOTALL)
        own = [
            script
            for script in scripts
            if re.match(r"<script[^>]*>/\*\*\s+\* plotly\.js v", script)
        ]
        if own and self.has_plotly:
            scripts = [script for script in scripts if script not in own]
        self.has_plotly |= bool(own)
        return "".join(scripts)


c = get_config()  # noqa: F821 (nbconvert defines it)
c.Exporter.preprocessors = [Tidy]
c.HTMLExporter.preprocessors = [Tidy, LightAndDark]
c.CSSHTMLHeaderPreprocessor.enabled = False  # LightAndDark does its work
c.HTMLExporter.mathjax_url = ""
c.HTMLExporter.require_js_url = ""
c.HTMLExporter.jquery_url = ""
c.ExecutePreprocessor.timeout = -1
c.ExecutePreprocessor.store_widget_state = False  # megabytes a widget

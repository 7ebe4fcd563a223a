"""How make tour turns notebooks into pages: self-contained, no script from a server, progress bars as their last line."""

c = get_config()  # noqa: F821 (nbconvert defines it)
c.HTMLExporter.mathjax_url = ""
c.HTMLExporter.require_js_url = ""
c.HTMLExporter.jquery_url = ""
c.HTMLExporter.mermaid_js_url = ""
c.ExecutePreprocessor.timeout = -1

"""Predictions and scores -> files for other programs and for readers.

The report needs plotly and is asked for by its own name, output.report.
"""

from .export import check_path, write_predictions

__all__ = ["check_path", "write_predictions"]

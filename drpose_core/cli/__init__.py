"""Prepare and fetch poses, train, evaluate, predict, convert weights; add --help to a command for
its options.
"""

import sys

import tyro

from . import convert, download_cmu, evaluate, predict, prepare, train


def main() -> None:
    """Run a command; a user's mistake ends in one sentence, not in a traceback."""
    app = tyro.extras.SubcommandApp()
    for module in (prepare, download_cmu, train, evaluate, predict, convert):
        app.command(module.command, name=module.__name__.rpartition(".")[2].replace("_", "-"))
    try:
        app.cli(prog="python -m drpose_core", description=__doc__)
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(
            "stopped; the same command goes on from what is done (train: from what it kept, at "
            "most a minute before)"
        )

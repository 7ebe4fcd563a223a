"""Prepare and fetch poses, train, evaluate, predict, convert weights; add --help to a command for its options."""

import sys

import tyro

from .poses import download, prepare
from .predicting import predict_poses
from .scoring import score
from .training import train
from .weights import convert


def main() -> None:
    """Run a command; a user's mistake ends in one sentence, not in a traceback."""
    app = tyro.extras.SubcommandApp()
    app.command(prepare)
    app.command(download, name="download-cmu")
    app.command(train)
    app.command(score, name="evaluate")
    app.command(predict_poses, name="predict")
    app.command(convert)
    try:
        app.cli(prog="python -m drpose_core", description=__doc__)
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from what is done (train: from what it kept, at most a minute before)")

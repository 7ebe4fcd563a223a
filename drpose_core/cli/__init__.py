"""The command drpose: prepare and download poses, train, evaluate, predict, convert weights."""

import inspect
import re
import sys
import textwrap
from importlib.metadata import version

import tyro

from . import convert, download_cmu, evaluate, predict, prepare, train

COMMANDS = {
    module.__name__.rpartition(".")[2].replace("_", "-"): module.command
    for module in (prepare, download_cmu, train, evaluate, predict, convert)
}


def main() -> None:
    """Run a command; a user's mistake ends in one sentence, not in a traceback."""
    if sys.argv[1:] in ([], ["-h"], ["--help"]):
        return print(overview())
    if sys.argv[1:] == ["--version"]:
        return print(f"drpose {version('drpose')}")
    app = tyro.extras.SubcommandApp()
    for name, command in COMMANDS.items():
        app.command(command, name=name)
    try:
        app.cli(prog="drpose", description=__doc__, args=_spaced(sys.argv[1:]))
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"error: {error}")
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        sys.exit(f"error: this needs {missing}, which is not installed: pip install {missing}")
    except KeyboardInterrupt:
        sys.exit(
            "stopped; run the same command again to resume (train resumes from what it saved at "
            "most a minute ago)"
        )


def _spaced(arguments: list[str]) -> list[str]:
    """The arguments, with --image-size 1080x1920 as two numbers."""
    found = []
    for before, argument in zip(["", *arguments], arguments):
        size = re.fullmatch(r"(\d+)[x×](\d+)", argument) if before == "--image-size" else None
        found += size.groups() if size else [argument]
    return found


def overview() -> str:
    """What --help shows: each command with the first sentence of its docstring, on one screen."""
    lines = ["usage: drpose <command> [options]", ""]
    for name, command in COMMANDS.items():
        sentence = " ".join(inspect.getdoc(command).split()).partition(". ")[0].partition(";")[0]
        lines += textwrap.wrap(
            sentence.rstrip(".") + ".",
            79,
            initial_indent=f"  {name:14}",
            subsequent_indent=16 * " ",
        )
    return "\n".join(
        [
            *lines,
            "",
            "drpose <command> --help lists the options of a command; drpose --version the version.",
        ]
    )

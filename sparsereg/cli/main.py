"""The command line: ``python -m sparsereg``, also installed as ``sparsereg``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from textwrap import dedent

from sparsereg.cli import cv, demo, export, fit, inspect, path, plot, predict, report, stream
from sparsereg.features.names import printable
from sparsereg.inputs.versions import library_version

# One module a command: NAME, HELP, DESCRIPTION, EXAMPLES (two command lines), add_options(parser), run(arguments).
COMMANDS = (fit, path, cv, stream, predict, inspect, plot, report, export, demo)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        Arguments without the program's name; None: those of the process.

    Returns
    -------
    code : int
        0 when all went well, 1 when the job could not be done, 130 after Ctrl-C. Wrong arguments exit with 2.
    """
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    if sys.stdout is None:
        _complain("the standard output is closed")
        return 1
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name in letters that the terminal does not know
    try:
        with _warnings_as_lines(arguments):
            code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the output has had enough; nothing may be flushed to them at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # Without its number, and with the file that the system names beside its complaint.
        named = f"{error.filename}: " if error.filename is not None else ""
        _complain(f"{named}{error.strerror or error}")
        return 1
    except (ArithmeticError, ImportError, TypeError, ValueError, MemoryError) as error:
        _complain(str(error) or type(error).__name__)
        return 1
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130


def _complain(text: str) -> None:
    """Print one line for people; messages quote what is in files, which must not steer their terminal."""
    # Without a standard error print would write to the standard output, among what programs read.
    if sys.stderr is not None:
        print(f"sparsereg: {printable(' '.join(text.split()))}", file=sys.stderr)


@contextmanager
def _warnings_as_lines(arguments: argparse.Namespace) -> Iterator[None]:
    """Print warnings of the library as one line each, and keep them for what programs read."""
    arguments.warnings = []

    def show(message: Warning | str, *_: object, **__: object) -> None:
        text = " ".join(str(message).split())
        if text not in arguments.warnings:
            arguments.warnings.append(text)
            _complain(f"warning: {text}")

    with warnings.catch_warnings():
        # Those that users of the library see; deprecations are for who writes programs.
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands.

    Returns
    -------
    parser : ArgumentParser
        What it parses has `command`, None without one, `run` and `parser`, that of the command.
    """
    parser = argparse.ArgumentParser("sparsereg", description="Regularised linear models for very wide sparse data.")
    parser.add_argument("--version", action="version", version=f"sparsereg {library_version()}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    for command in COMMANDS:
        of_command = commands.add_parser(
            command.NAME, help=command.HELP, description=dedent(command.DESCRIPTION),
            epilog="examples:\n" + "".join(f"  {example}\n" for example in command.EXAMPLES),
            formatter_class=_Formatter,
        )
        command.add_options(of_command)
        of_command.set_defaults(parser=of_command, run=command.run)
    return parser


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults beside the options; descriptions and examples as they are written."""

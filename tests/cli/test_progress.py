"""Progress bars: on a terminal, and nowhere else."""

import argparse
import io

import pytest

from sparsereg.cli.progress import Bar
from sparsereg.readers.blocks import Block


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("quiet", "is_terminal"), [(False, True), (True, True), (False, False)])
@pytest.mark.parametrize("terminal", ["dumb", "xterm"])
def test_a_bar_is_for_terminals(monkeypatch, quiet, is_terminal, terminal):
    error = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", error)
    monkeypatch.setenv("TERM", terminal)
    blocks = [Block(range_matrix(3), None), Block(range_matrix(2), None)]
    with Bar(argparse.Namespace(quiet=quiet), "reading", 5) as bar:
        assert [*bar.over(blocks)] == blocks
        bar.reach(4, 10, "fine")
    shown = error.getvalue()
    assert ("reading" in shown) == (is_terminal and not quiet)
    assert shown == "" or (shown.isascii() and shown.endswith("\r"))


def range_matrix(n_rows):
    class Rows:
        shape = (n_rows, 1)

    return Rows()

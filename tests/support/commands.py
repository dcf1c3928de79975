"""Calls of the command line in this process."""

import json

from sparsereg.cli.main import main


def run_json(capsys, *arguments):
    """Run a command that goes well and says nothing beside its result; return its JSON."""
    capsys.readouterr()
    code = main([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return json.loads(out)

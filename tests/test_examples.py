"""The examples of every command's help: all run, in the order of the commands, in a folder with the files they name."""

import shlex

import pytest
from support.example_files import write_example_files

from sparsereg.cli.main import COMMANDS, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    write_example_files(folder)
    return folder


# One test, because examples may use what those before them have saved.
def test_examples_run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for command in COMMANDS:
        assert len(command.EXAMPLES) >= 2
        for example in command.EXAMPLES:
            program, *arguments = shlex.split(example)
            assert program == "sparsereg"
            assert arguments[0] == command.NAME
            capsys.readouterr()
            assert main(arguments) == 0, f"{example}\n{capsys.readouterr().err}"
            out, err = capsys.readouterr()
            assert err == "", example
            # The demo has a table of its own.
            if command.NAME != "demo":
                assert max(map(len, out.splitlines()), default=0) <= 80, example


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.NAME)
def test_help_shows_the_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command.NAME, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for example in command.EXAMPLES:
        assert f"  {example}\n" in text

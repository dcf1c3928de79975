"""The command line: help, version, wrong arguments, exit codes, examples."""

import shlex
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import sparsereg
from sparsereg.cli import main as cli


def python(*arguments, **settings):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, **settings)


def test_no_command_prints_help():
    done = python("-m", "sparsereg")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: sparsereg")
    assert "demo" in done.stdout
    assert done.stderr == ""


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"sparsereg {sparsereg.__version__}\n"


def test_script_is_installed():
    (script,) = (entry for entry in entry_points(group="console_scripts") if entry.name == "sparsereg")
    assert script.load() is cli.main


def test_help_of_demo(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for option in ("--data", "--minutes", "--levels", "--seed", "--train-share", "--figure", "--no-figure"):
        assert option in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nothing"], "invalid choice"),
        (["demo", "--data", "moon"], "--data"),
        (["demo", "--minutes", "0"], "--minutes: minutes must be between"),
        (["demo", "--minutes", "wide"], "--minutes"),
        (["demo", "--levels", "1", "10"], "--levels: widths must fall"),
        (["demo", "--levels", "10", "10"], "--levels: widths must fall"),
        (["demo", "--levels", "10", "--minutes", "5"], "not allowed with"),
        (["demo", "--train-share", "1"], "--train-share: must be a number between 0 and 1"),
        (["demo", "--train-share", "x"], "--train-share"),
        (["demo", "--l1-ratio", "0"], "--l1-ratio"),
        (["demo", "--seed", "-1"], "--seed: must be a whole number of at least 0"),
        (["demo", "--n-alphas", "1"], "--n-alphas: must be a whole number of at least 2"),
        (["demo", "--n-alphas", "2.5"], "--n-alphas"),
        (["demo", "--figure", "picture.xyz"], "--figure: the name must end in one of .png .pdf .svg"),
        (["demo", "--figure", "a.png", "--no-figure"], "not allowed with"),
    ],
)
def test_wrong_arguments(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err.splitlines()[-1]


def test_impossible_job(capsys):
    assert cli.main(["demo", "--train-share", "1e-6", "--no-figure"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "sparsereg: train_share: 1e-06 leaves fewer than two rows in a part\n"


def test_interrupted(monkeypatch, capsys):
    def interrupted(settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("sparsereg.demo.job.prepare", interrupted)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == "sparsereg: interrupted\n"


def test_closed_streams_are_no_traceback(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["fit", "-", "--format", "csv", "--target", "y", "--alpha", "1"]) == 1
    assert capsys.readouterr().err == "sparsereg: the standard input is closed\n"
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        assert cli.main(["demo", "--no-figure"]) == 1
    assert capsys.readouterr().err == "sparsereg: the standard output is closed\n"
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["inspect", "nothing.npz"]) == 1
    assert capsys.readouterr().out == ""


def test_what_files_hold_does_not_steer_the_terminal(tmp_path, capsys):
    (tmp_path / "a.csv").write_bytes(b"a,y\n1,2\n\x1b[2J\x07,3\n")
    assert cli.main(["fit", str(tmp_path / "a.csv"), "--target", "y", "--numeric", "a", "--alpha", "1"]) == 1
    err = capsys.readouterr().err
    assert r"\x1b[2J\x07" in err
    assert err.removesuffix("\n").isprintable()


def test_reader_that_leaves_early(tmp_path):
    command = [sys.executable, "-m", "sparsereg", "demo", "--no-figure", "--levels", "60", "--n-alphas", "3"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "levels"),
    [
        ([], (60.0, 10.0, 1.0)),
        (["--minutes", "0.5"], (60.0, 10.0, 0.5)),
        (["--minutes", "10"], (60.0, 10.0)),
        (["--minutes", "90"], (90.0,)),
        (["--levels", "30", "3"], (30.0, 3.0)),
    ],
)
def test_levels(arguments, levels, monkeypatch):
    seen = []

    def stop(settings):
        seen.append(settings.levels)
        raise ValueError("enough")

    monkeypatch.setattr("sparsereg.demo.job.prepare", stop)
    assert cli.main(["demo", *arguments]) == 1
    assert seen == [levels]


# One test, because examples may use what those before them have saved.
def test_examples_run(examples, monkeypatch, capsys):
    monkeypatch.chdir(examples)
    for command in cli.COMMANDS:
        assert len(command.EXAMPLES) >= 2
        for example in command.EXAMPLES:
            program, *arguments = shlex.split(example)
            assert program == "sparsereg"
            assert arguments[0] == command.NAME
            capsys.readouterr()
            assert cli.main(arguments) == 0, f"{example}\n{capsys.readouterr().err}"
            out, err = capsys.readouterr()
            assert err == "", example
            # The demo has a table of its own.
            if command.NAME != "demo":
                assert max(map(len, out.splitlines()), default=0) <= 80, example


@pytest.mark.parametrize("command", cli.COMMANDS, ids=lambda command: command.NAME)
def test_help_shows_the_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command.NAME, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for example in command.EXAMPLES:
        assert f"  {example}\n" in text

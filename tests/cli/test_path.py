"""``sparsereg path``: the paths of the library, from files, and the fit that does best on rows held out."""


import numpy as np
import pytest
from support.commands import run_json

from sparsereg import RegularizationPath, load_model
from sparsereg.cli.main import main
from sparsereg.path.api import logistic_path
from sparsereg.readers.svmlight import SvmlightReader

HOUSES = (
    "houses.csv", "--target", "median_house_value", "--numeric", "median_income", "--categorical", "ocean_proximity",
)


def test_the_path_is_that_of_the_library(here, capsys):
    grid = ("--n-alphas", "12", "--eps", ".05")
    found = run_json(capsys, "path", "words.svm", "--loss", "logistic", *grid, "--save", "p.npz")
    (block,) = SvmlightReader(here / "words.svm")
    path = logistic_path(block.X, block.y, n_alphas=12, eps=0.05)
    np.testing.assert_allclose(found["alphas"], path.alphas, rtol=1e-9)
    assert found["n_nonzero"] == path.df.tolist()
    np.testing.assert_allclose(found["dev_ratio"], path.dev_ratio, atol=1e-6)
    saved = load_model(here / "p.npz")
    assert isinstance(saved, RegularizationPath)
    assert saved.alphas.tolist() == found["alphas"]
    assert (found["best"], found["held_out"]) == (None, None)


def test_held_out_rows_choose(here, capsys):
    arguments = ("path", *HOUSES, "--holdout", "0.3", "--n-alphas", "15")
    found = run_json(capsys, *arguments, "--save", "h.npz")
    assert found["best"] == int(np.argmin(found["held_out"]["mse"]))
    model = load_model(here / "h.npz")
    assert model.held_out["mse"].tolist() == found["held_out"]["mse"]
    assert model.held_out["n_samples"] == found["data"]["n_held_out"]
    assert main([*arguments]) == 0
    out, _ = capsys.readouterr()
    (line,) = (line for line in out.splitlines() if line.endswith("best"))
    assert line.split()[0] == str(found["best"])
    assert max(map(len, out.splitlines())) <= 80


def test_a_grid_of_ones_own(here, capsys):
    found = run_json(capsys, "path", *HOUSES, "--alphas", "10", "1000", "100", "--penalty", "l2")
    assert found["alphas"] == [1000.0, 100.0, 10.0]
    assert set(found["n_nonzero"]) == {6}
    with pytest.raises(SystemExit) as stop:
        main(["path", *HOUSES, "--alphas", "1", "--n-alphas", "5"])
    assert stop.value.code == 2
    assert "--alphas: not allowed with --n-alphas" in capsys.readouterr().err


def test_penalties_that_are_not_convex_have_violations(here, capsys):
    found = run_json(capsys, "path", *HOUSES, "--penalty", "mcp", "--n-alphas", "5")
    assert found["dual_gaps"] == [None] * 5
    assert max(found["violations"]) < 1e-3


def test_a_limit_of_memory_changes_nothing_but_memory(here, capsys):
    arguments = ("path", *HOUSES, "--n-alphas", "5")
    found, known = (run_json(capsys, *arguments, *limit) for limit in (("--memory-limit", "20MB"), ()))
    np.testing.assert_allclose(found["dev_ratio"], known["dev_ratio"], atol=1e-9)
    assert found["n_nonzero"] == known["n_nonzero"]
    for command in (arguments, ("fit", *HOUSES, "--alpha", "1"), ("cv", *HOUSES)):
        assert main([*command, "--memory-limit", "5kB"]) == 1
        assert "memory_limit: 5 kB is too little for a block of" in capsys.readouterr().err
        with pytest.raises(SystemExit) as stop:
            main([*command, "--memory-limit", "2 rows"])
        assert stop.value.code == 2
        assert "argument --memory-limit: must be a number of bytes above 0, or" in capsys.readouterr().err
        with pytest.raises(SystemExit):
            main([command[0], "--help"])
        assert "--memory-limit SIZE" in capsys.readouterr().out

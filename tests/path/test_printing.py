"""print(path): a line for each fit, no wider than a terminal."""

import re
from dataclasses import replace

import numpy as np
import pytest

from sparsereg import lasso_path, logistic_path, regularization_path, ridge_path

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 12))
Y = X[:, :3] @ [3.0, -2.0, 1.0] + RNG.standard_normal(50)


def fits(path):
    """The cells of the lines of fits."""
    return [line.split() for line in str(path).splitlines() if re.fullmatch(r" *\d+  .*", line)]


def test_every_fit_has_a_line():
    path = lasso_path(X, Y, n_alphas=20)
    cells = fits(path)
    assert [int(row[0]) for row in cells] == list(range(20))
    assert [int(row[1]) for row in cells] == path.df.tolist()
    np.testing.assert_allclose([float(row[2]) for row in cells], 100.0 * path.dev_ratio, atol=0.00501)
    np.testing.assert_allclose([float(row[3]) for row in cells], path.alphas, rtol=1e-3)
    head = str(path).splitlines()
    assert head[0] == "squared loss, L1: 20 fits"
    assert head[1] == "50 rows, 12 occupied columns of 12, solved on their Gram matrix"
    assert head[2].split() == ["df", "%", "deviance", "alpha"]
    assert head[-1].startswith(f"largest duality gap {path.dual_gaps.max():.1e}")


def test_a_long_path_is_shortened_in_the_middle():
    path = lasso_path(X, Y, n_alphas=21)
    assert [int(row[0]) for row in fits(path)] == [0, 1, 2, 3, 17, 18, 19, 20]
    assert str(path).splitlines()[7].strip() == "..."
    assert "..." not in str(lasso_path(X, Y, n_alphas=20))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (ridge_path(X, Y, alphas=[1e-12]), "squared loss, L2: 1 fit"),
        (regularization_path(X, Y, l1_ratio=1 / 3, relax=True, n_alphas=3), "elastic net (l1_ratio=0.333333), relaxed"),
        (logistic_path(X, RNG.integers(0, 3, 50), n_alphas=3), "logistic loss, 3 classes, L1: 3 fits"),
        (regularization_path(X, Y, penalty="mcp", n_alphas=3), "squared loss, mcp: 3 fits"),
        (lasso_path(X, np.full(50, 2.0), n_alphas=2), "squared loss, L1: 2 fits"),
    ],
)
def test_what_was_fitted_in_eighty_columns(path, words):
    text = str(path)
    assert words in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\n" not in repr(path)
    assert repr(path).startswith("RegularizationPath(")
    assert ("coordinate-wise minimum, largest violation" in text) == (path.penalty == "mcp")


def test_one_alpha():
    path = lasso_path(X, Y, alphas=[0.25])
    assert repr(path).startswith("RegularizationPath(1 alpha, 0.25, l1_ratio=1, ")
    assert repr(lasso_path(X, Y, alphas=[0.5, 0.25])).startswith("RegularizationPath(2 alphas from 0.5 to 0.25, ")


def test_no_share_is_minus_zero():
    path = replace(lasso_path(X, Y, n_alphas=3), dev_ratio=np.array([-1e-16, -0.00004, 0.5]))
    assert [row[2] for row in fits(path)] == ["0.00", "0.00", "50.00"]

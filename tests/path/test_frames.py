"""Coefficients by name: of a path at an alpha, and what is said without pandas."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sparsereg import LatLongCross, lasso_path, logistic_path, regularization_path

RNG = np.random.default_rng(5)
X = RNG.standard_normal((60, 6))
Y = X @ [3.0, -2.0, 1.0, 0.5, 0.0, 0.0] + 0.1 * RNG.standard_normal(60) + 4.0
NAMES = ["a", "b", "c", "d", "e", "f"]
PATH = lasso_path(X, Y, n_alphas=8)
LABELS = np.array(["low", "mid", "top"])[np.digitize(Y, np.quantile(Y, [0.3, 0.6]))]
THREE = logistic_path(X, LABELS, n_alphas=5)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_coefficients_by_name_as_at_an_alpha(share):
    """Between two alphas too, as glmnet's coef(fit, s=)."""
    alpha = float((1.0 - share) * PATH.alphas[3] + share * PATH.alphas[4])
    found = PATH.coef(alpha, NAMES)
    coef, intercept = PATH.at(alpha)
    assert isinstance(found, pd.Series)
    assert found.index[0] == "(intercept)"
    assert found.iloc[0] == intercept
    assert found.iloc[1:].to_dict() == dict(zip(np.array(NAMES)[coef.ids], coef.values.data))
    assert (np.diff(found.iloc[1:].abs()) <= 0.0).all()


def test_without_names_columns_go_by_their_ids():
    assert PATH.coef(PATH.alphas[-1]).index.tolist()[:4] == ["(intercept)", 0, 1, 2]
    assert PATH.coef(PATH.alphas[0], NAMES).to_dict() == {"(intercept)": PATH.intercepts[0]}
    named = lasso_path(pd.DataFrame(X, columns=NAMES), Y, n_alphas=4)
    assert named.coef(named.alphas[-1]).index.tolist()[:4] == ["(intercept)", "a", "b", "c"]
    assert named.coef(named.alphas[-1], lambda ids: [f"x{k}" for k in ids])["x1"] < 0.0


def test_beyond_two_classes_a_column_for_each():
    alpha = THREE.alphas[2]
    found = THREE.coef(alpha, NAMES)
    coef, intercepts = THREE.at(alpha)
    assert found.columns.tolist() == ["low", "mid", "top"]
    assert found.loc["(intercept)"].tolist() == intercepts.tolist()
    dense = pd.DataFrame(coef.values.toarray(), index=np.array(NAMES)[coef.ids], columns=found.columns)
    assert found.iloc[1:].sort_index().to_dict() == dense.sort_index().to_dict()
    assert (np.diff(found.iloc[1:].abs().max(axis=1)) <= 0.0).all()
    shares = np.eye(3)[np.searchsorted(["low", "mid", "top"], LABELS)]
    unnamed = regularization_path(X, shares, loss="logistic", alphas=[alpha])
    assert unnamed.coef(alpha).columns.tolist() == [0, 1, 2]


def test_names_of_columns():
    assert PATH.feature_name([2, 0], NAMES).tolist() == ["c", "a"]
    assert PATH.feature_name([2, 0]).tolist() == ["2", "0"]
    cross = LatLongCross(levels=(60, 10, 1))
    X = cross.fit_transform([[10.0, 20.0], [10.5, 20.0], [-3.0, 4.0]])
    wide = lasso_path(X, [1.0, 2.0, 4.0], n_alphas=3)
    found = wide.coef(wide.alphas[-1], cross)
    assert {name.partition("[")[0] for name in found.index[1:]} <= {"lat", "lon", "cell_60", "cell_10", "cell_1"}
    with pytest.raises(ValueError, match="names: this LatLongCross is of 233312400 columns, expected 235710000"):
        wide.coef(wide.alphas[-1], LatLongCross())


def test_bad_input(monkeypatch):
    with pytest.raises(ValueError, match=r"alpha: 123.0 is outside"):
        PATH.coef(123.0)
    with pytest.raises(ValueError, match="names: this list is of 2 columns, expected 6"):
        PATH.coef(PATH.alphas[1], ["a", "b"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="coef needs pandas: pip install pandas"):
        PATH.coef(PATH.alphas[1])


def test_a_field_that_was_called_coef_is_read():
    """Pickles of versions before `coef` was a method."""
    state = PATH.__getstate__()
    state["coef"] = state.pop("sparse_coef")
    old = object.__new__(type(PATH))
    old.__setstate__(state)
    assert old.sparse_coef is PATH.sparse_coef
    assert old.coef(PATH.alphas[1]).equals(PATH.coef(PATH.alphas[1]))
    assert isinstance(old.coefs, sparse.csc_matrix)

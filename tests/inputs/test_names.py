"""Columns called by name must be the same as columns called by id, in every place that takes them."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sparsereg import (
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lasso,
    LassoCV,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    lasso_path,
    regularization_path,
)

RNG = np.random.default_rng(0)
NAMES = ["north", "south", "east", "west"]
X = RNG.normal(size=(80, 4))
FRAME = pd.DataFrame(X, columns=NAMES)
Y = (X @ [2.0, -1.0, 0.5, 0.1] + 0.1 * RNG.normal(size=80) > 0.0).astype(float)
BY_NAME = {"penalty_factor": {"west": 0.0, "north": np.inf}, "bounds": ({"south": -0.01}, {"east": 0.02, "west": 0.5})}
BY_ID = {"penalty_factor": {3: 0.0, 0: np.inf}, "bounds": ({1: -0.01}, {2: 0.02, 3: 0.5})}
MODELS = [
    Lasso(0.01), Ridge(0.01), ElasticNet(0.01), HuberRegressor(0.01), PoissonRegressor(0.01), LogisticRegression(0.01),
    LassoCV(n_alphas=5, cv=3), ElasticNetCV(n_alphas=5, cv=3), LogisticRegressionCV(n_alphas=5, cv=3),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_estimators(model):
    named = type(model)(**{**model.get_params(), **BY_NAME}).fit(FRAME, Y)
    numbered = type(model)(**{**model.get_params(), **BY_ID}).fit(X, Y)
    np.testing.assert_array_equal(named.coef_, numbered.coef_)
    assert named.coef_.ravel()[0] == 0.0
    assert named.coef_.ravel()[2] <= 0.02
    with pytest.raises(ValueError, match=r"^penalty_factor: X has no column 'up', its columns are 'north', 'south', "):
        type(model)(**{**model.get_params(), "penalty_factor": {"up": 1.0}}).fit(FRAME, Y)


@pytest.mark.parametrize("frame", [FRAME, pl.DataFrame(X, schema=NAMES)], ids=["pandas", "polars"])
def test_paths(frame):
    named, numbered = lasso_path(frame, Y, n_alphas=5, **BY_NAME), lasso_path(X, Y, n_alphas=5, **BY_ID)
    np.testing.assert_array_equal(named.coefs.toarray(), numbered.coefs.toarray())
    assert named.feature_names.tolist() == NAMES
    assert numbered.feature_names is None


def test_a_series_is_read_by_its_index():
    values = pd.Series({"west": 0.0, "south": 1.0, "east": 1.0, "north": 3.0})
    by_position = lasso_path(FRAME, Y, n_alphas=4, penalty_factor=[3.0, 1.0, 1.0, 0.0]).coefs.toarray()
    for series in (values, values[::-1], values[NAMES], pd.Series([3.0, 1.0, 1.0, 0.0])):
        found = lasso_path(FRAME, Y, n_alphas=4, penalty_factor=series).coefs.toarray()
        np.testing.assert_array_equal(found, by_position)


def test_names_and_ids_go_together():
    mixed = lasso_path(FRAME, Y, n_alphas=4, penalty_factor={"west": 0.0, 0: np.inf}).coefs.toarray()
    by_id = lasso_path(X, Y, n_alphas=4, penalty_factor={3: 0.0, 0: np.inf}).coefs.toarray()
    np.testing.assert_array_equal(mixed, by_id)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"penalty_factor": {"up": 0.0}}, "penalty_factor: X has no column 'up', its columns are 'north', 'south', "),
        ({"bounds": ({"up": -1.0}, None)}, "bounds (lower): X has no column 'up'"),
        ({"bounds": [None, {"up": 1.0, "down": 1.0}]}, "bounds (upper): X has no column 'up', 'down'"),
        ({"penalty_factor": {"west": 0.0, 3: 1.0}}, "penalty_factor: column 3 is named twice"),
        ({"penalty_factor": pd.Series([1.0, 2.0], index=["east", "east"])}, "penalty_factor: column 2 is named twice"),
        ({"penalty_factor": {"west": -1.0}}, "penalty_factor: -1.0 for column 3 is outside"),
        ({"bounds": {"west": (0.0, 1.0)}}, "bounds: {'west': (0.0, 1.0)} is not allowed, expected None or a pair"),
    ],
)
def test_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        regularization_path(FRAME, Y, **settings)


def test_a_name_of_two_columns():
    twins = FRAME.set_axis(["a", "b", "a", "c"], axis=1)
    with pytest.raises(ValueError, match=re.escape("'a' is the name of 2 columns of X, expected ids, [0, 2]")):
        lasso_path(twins, Y, penalty_factor={"a": 0.0})
    assert lasso_path(twins, Y, n_alphas=3, penalty_factor={"b": np.inf}).coefs[1].nnz == 0


@pytest.mark.parametrize("nameless", [X, pd.DataFrame(X)], ids=["array", "numbered frame"])
def test_without_names(nameless):
    with pytest.raises(TypeError, match=r"key 'west' is not allowed, .* the ids of columns, or names"):
        Lasso(penalty_factor={"west": 0.0}).fit(nameless, Y)


@pytest.mark.parametrize("nameless", [X, sparse.csr_array(X), sparse.csc_matrix(X)], ids=["array", "csr", "csc"])
@pytest.mark.parametrize("fit", [Lasso, LassoCV, LogisticRegression], ids=lambda kind: kind.__name__)
def test_names_where_there_are_none(nameless, fit):
    """A Series has an order of its own, and would be read in that of the columns."""
    series = pd.Series({"west": 0.0, "south": 1.0, "east": 1.0, "north": 3.0})
    with pytest.raises(TypeError, match="this X has no column names, as arrays and SciPy matrices never have: give id"):
        fit(penalty_factor={"west": 0.0}).fit(nameless, Y)
    with pytest.raises(TypeError, match=r"bounds \(upper\): key 'west' is not allowed.* this X has no column names"):
        fit(bounds=(None, {"west": 0.0})).fit(nameless, Y)
    for settings, name in (({"penalty_factor": series}, "penalty_factor"), ({"bounds": (series, 1.0)}, r"bounds \(lo")):
        with pytest.raises(TypeError, match=f"{name}.*: a Series whose index are names is not allowed, because this X"):
            fit(**settings).fit(nameless, Y)


FRAMES = {
    "sparse": pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(X), columns=NAMES),
    "part sparse": FRAME.assign(east=pd.arrays.SparseArray(X[:, 2])),
    "arrow": pa.table(dict(zip(NAMES, X.T))),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("kind", [Lasso, LassoCV, LogisticRegression, LogisticRegressionCV], ids=lambda k: k.__name__)
def test_every_table_that_has_names(frame, kind):
    settings = {"n_alphas": 5, "cv": 3} if kind.__name__.endswith("CV") else {"alpha": 0.01}
    named, numbered = kind(**settings, **BY_NAME).fit(frame, Y), kind(**settings, **BY_ID).fit(X, Y)
    np.testing.assert_array_equal(named.coef_, numbered.coef_)
    assert named.feature_names_in_.tolist() == NAMES
    path, plain = lasso_path(frame, Y, n_alphas=4, **BY_NAME), lasso_path(X, Y, n_alphas=4, **BY_ID)
    np.testing.assert_array_equal(path.coefs.toarray(), plain.coefs.toarray())

"""What a small fit costs around the kernels, counted in calls of Python functions, which no machine changes."""

import sys

import numpy as np
import pytest

from sparsereg import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearSVC,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 50))
SIGNAL = X[:, :10] @ RNG.standard_normal(10)
Y = SIGNAL + RNG.standard_normal(200)
LABELS = (Y > 0.0).astype(int)
COUNTS = RNG.poisson(np.exp(np.clip(Y / 4.0, -2.0, 2.0))).astype(float)


def calls_of(action):
    """Count the calls of Python functions, of NumPy's and SciPy's own too; not those of compiled ones."""
    n_calls = 0

    def count(frame, event, argument):
        nonlocal n_calls
        n_calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(before)
    return n_calls - 1


@pytest.mark.parametrize(("model", "y", "most"), [
    (Lasso(0.1), Y, 300),
    (ElasticNet(0.1), Y, 300),
    (Ridge(0.1), Y, 300),
    (LogisticRegression(0.01, l1_ratio=0.0), LABELS, 550),
    (PoissonRegressor(0.1, l1_ratio=0.0), COUNTS, 500),
    (HuberRegressor(0.1, l1_ratio=0.0), Y, 580),
    (LinearSVC(0.1, l1_ratio=0.0), LABELS, 550),
], ids=lambda value: type(value).__name__)
def test_a_small_fit_makes_few_calls(model, y, most):
    # Of losses that are not squared the steps of the solver are calls too. What is imported late, and what is made once
    # for all fits, is there after the first one.
    model.fit(X, y)
    assert calls_of(lambda: model.fit(X, y)) <= most


def test_a_prediction_makes_few_calls():
    model = Lasso(0.1).fit(X, Y)
    assert calls_of(lambda: model.predict(X)) <= 50


def test_an_alpha_of_a_fold_makes_few_calls():
    few, many = (LassoCV(cv=2, alphas=n_alphas).fit(X, Y) for n_alphas in (10, 20))
    calls = [calls_of(lambda model=model: model.fit(X, Y)) for model in (few, many)]
    # Two folds and all data at ten alphas more.
    assert calls[1] - calls[0] <= 30 * 80

"""What a small fit costs around the kernels, counted in calls of Python functions: those are the same on any machine."""

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

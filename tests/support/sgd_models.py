"""Data for every loss, and the calls that all tests of streaming estimators make."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg import (
    HuberRegressor,
    Lasso,
    LinearSVC,
    LogisticRegression,
    PoissonRegressor,
    SGDClassifier,
    SGDRegressor,
)

RNG = np.random.default_rng(0)
X = sparse.random_array((300, 40), density=0.15, format="csr", rng=RNG)
SIGNAL = X @ (3.0 * RNG.standard_normal(40) * (RNG.random(40) < 0.4))
TARGETS = {
    "squared": SIGNAL + RNG.standard_normal(300),
    "huber": SIGNAL + RNG.standard_t(2, 300),
    "poisson": RNG.poisson(np.exp(0.5 * SIGNAL)).astype(float),
    "logistic": (SIGNAL + RNG.logistic(size=300) > 0.0).astype(int),
}
TARGETS["squared_hinge"] = TARGETS["logistic"]
THREE = np.digitize(SIGNAL + RNG.standard_normal(300), [-0.5, 0.5])
ALGORITHMS = ("ftrl", "prox_sgd", "adagrad")
BATCH = {
    "squared": Lasso, "huber": HuberRegressor, "poisson": PoissonRegressor, "logistic": LogisticRegression,
    "squared_hinge": LinearSVC,
}
each_loss = pytest.mark.parametrize("loss", list(BATCH))
each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def make(loss, **settings):
    """Return an estimator for a loss."""
    cls = SGDClassifier if loss in ("logistic", "squared_hinge") else SGDRegressor
    return cls(loss, **{"random_state": 0, "alpha": 0.01, **settings})


def first_part(model, rows, y, **settings):
    """Call partial_fit for the first time."""
    if isinstance(model, SGDClassifier):
        settings = {"classes": np.unique(y), **settings}
    return model.partial_fit(rows, y, **settings)


def state(model):
    """Return what the fit is, as bytes."""
    learned = model.training_.learner.state()
    order = np.argsort(learned["ids"])
    ids, words = learned.pop("ids")[order], learned.pop("states")[order].view(np.int64)
    used = words.any(axis=1)
    return b"".join([ids[used].tobytes(), words[used].tobytes(), *(array.tobytes() for array in learned.values())])


def epochs(model, n):
    return model.set_params(tol=None, max_iter=n)

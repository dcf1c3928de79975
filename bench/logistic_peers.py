"""Adapters of the peers' logistic regressions, in the form that peers.py describes; y holds labels 0 and 1."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import sparse

CANNOT = "this peer cannot solve that problem"


def sklearn_estimator(X, y, alphas, intercept, **settings):
    """The L1 LogisticRegression of scikit-learn. Its loss is a sum and C multiplies it."""
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `penalty`, which older releases need
        model = LogisticRegression(penalty="l1", fit_intercept=intercept, random_state=0, **settings)
        coefs, intercepts = [], []
        for alpha in alphas:
            model.set_params(C=1.0 / (alpha * len(y))).fit(X, y)
            coefs.append(sparse.csc_matrix(model.coef_.T))
            intercepts.append(float(model.intercept_[0]) if intercept else 0.0)
    return sparse.hstack(coefs, format="csc"), np.array(intercepts)


def sklearn_liblinear(X, y, alphas, l1_ratio, intercept, *, tol=1e-4, scaling=100.0, max_iter=10_000):
    """The liblinear of scikit-learn, one cold fit per alpha.

    It penalises the intercept as the coefficient of a constant column of `scaling`, so by alpha |b| / scaling.
    """
    if l1_ratio != 1.0:
        raise ValueError(CANNOT)
    options = {"intercept_scaling": scaling, "tol": tol, "max_iter": int(max_iter)}
    return sklearn_estimator(X, y, alphas, intercept, solver="liblinear", **options)


def sklearn_saga(X, y, alphas, l1_ratio, intercept, *, tol=1e-6, max_iter=10_000):
    """The SAGA of scikit-learn, warm-started from one alpha to the next."""
    if l1_ratio != 1.0:
        raise ValueError(CANNOT)
    options = {"tol": tol, "max_iter": int(max_iter), "warm_start": True}
    return sklearn_estimator(X, y, alphas, intercept, solver="saga", **options)


def celer_path(X, y, alphas, l1_ratio, intercept, *, tol=1e-6, newton=1, max_iter=200):
    """The celer_path of celer by its prox-Newton method. Its loss is a sum; it has no intercept."""
    from celer import celer_path as solve

    if l1_ratio != 1.0:
        raise ValueError(CANNOT)
    options = {"alphas": alphas * len(y), "tol": tol, "use_PN": bool(newton), "max_iter": int(max_iter)}
    _, coefs, _ = solve(X.tocsc(), 2.0 * y - 1.0, "logreg", **options)
    return coefs, np.zeros(len(alphas))


def skglm_path(X, y, alphas, l1_ratio, intercept, *, tol=1e-8, max_iter=1_000):
    """The SparseLogisticRegression of skglm, warm-started. Its `tol` is absolute, in the units of alpha."""
    from skglm import SparseLogisticRegression

    if l1_ratio == 0.0:
        raise ValueError(CANNOT)
    options = {"fit_intercept": intercept, "tol": tol, "max_iter": int(max_iter), "warm_start": True}
    model = SparseLogisticRegression(l1_ratio=l1_ratio, **options)
    X = X.tocsc()
    coefs, intercepts = [], []
    for alpha in alphas:
        model.set_params(alpha=alpha).fit(X, y)
        coefs.append(sparse.csc_matrix(model.coef_.T))
        intercepts.append(float(np.ravel(model.intercept_)[0]) if intercept else 0.0)
    return sparse.hstack(coefs, format="csc"), np.array(intercepts)

"""Coefficients of R's glmnet, frozen by tests/golden/make_glmnet.R."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp, softmax, xlogy
from support.oracles import LOSS_VALUES, Raw

from sparsereg import logistic_path, poisson_path, regularization_path

GOLDEN = Path(__file__).parent / "golden"


def load(name):
    golden = json.loads((GOLDEN / f"glmnet_{name}.json").read_text())
    shape = golden["n_samples"], golden["n_features"]
    X = sparse.csc_array((golden["data"], golden["indices"], golden["indptr"]), shape=shape)
    return X, np.array(golden["y"]), golden


GAUSSIAN = ("quick_start", "sparse")
PATHS = {
    "binomial": ("logistic", logistic_path),
    "shares": ("logistic", logistic_path),
    "poisson": ("poisson", poisson_path),
}
DATA = {name: load(name) for name in (*GAUSSIAN, *PATHS, "multinomial")}


def cases_of(names):
    return [
        pytest.param(
            name, case, id=f"{name}-{case['name']}-{case['settings']['alpha']}-{case['settings']['standardize']}"
        )
        for name in names
        for case in DATA[name][2]["cases"]
    ]


def spread(y, case):
    """Return what glmnet divides y by: the root of its second moment, about the mean where there is an intercept."""
    weight = np.array(case["settings"].get("weights", np.ones(y.size)))
    centre = np.average(y, weights=weight) if case["settings"].get("intercept", True) else 0.0
    return np.sqrt(np.average((y - centre) ** 2, weights=weight))


def test_the_version_is_stated():
    for _, _, golden in DATA.values():
        assert golden["made_by"] == "glmnet 4.1.6 on R 4.2.2"


@pytest.mark.parametrize(("name", "case"), cases_of(GAUSSIAN))
def test_coefficients_and_objectives(name, case):
    """In glmnet y is standardised, which divides the L2 part by the spread of y; the L1 part is restored."""
    X, y, _ = DATA[name]
    settings = case["settings"]
    l1, l2 = settings["alpha"], (1.0 - settings["alpha"]) / spread(y, case)
    shared = shared_settings(X, settings) | {"l1_ratio": l1 / (l1 + l2)}
    lower, upper = settings.get("lower.limits", -np.inf), settings.get("upper.limits", np.inf)
    alphas = np.array(case["lambda"]) * (l1 + l2)
    path = regularization_path(X, y, alphas=alphas, bounds=(lower, upper), tol=1e-14, **shared)
    raw = Raw(X.toarray(), y, lower=lower, upper=upper, **shared)
    theirs = np.array(case["coefficients"]).T
    np.testing.assert_allclose(path.coefs.toarray(), theirs, atol=1e-6)
    np.testing.assert_allclose(path.intercepts, case["intercept"], atol=1e-6)
    for k, alpha in enumerate(alphas):
        objective = raw.at(alpha).objective(theirs[:, k], case["intercept"][k])
        assert path.objectives[k] == pytest.approx(objective, rel=1e-9)


def shared_settings(X, settings):
    """Return what paths and `Raw` call by the same names."""
    return {
        "l1_ratio": settings["alpha"],
        "standardize": settings["standardize"],
        "sample_weight": settings.get("weights"),
        "penalty_factor": np.broadcast_to(settings.get("penalty.factor", 1.0), X.shape[1]),
        "fit_intercept": settings.get("intercept", True),
        "offset": settings.get("offset"),
    }


@pytest.mark.parametrize(("name", "case"), cases_of(PATHS))
def test_coefficients_and_objectives_of_other_families(name, case):
    X, y, _ = DATA[name]
    loss, solve = PATHS[name]
    settings = case["settings"]
    shared = shared_settings(X, settings)
    bounds = settings.get("lower.limits"), settings.get("upper.limits")
    path = solve(X, y, alphas=case["lambda"], bounds=bounds, tol=1e-13, **shared)
    theirs = np.array(case["coefficients"]).T
    np.testing.assert_allclose(path.coefs.toarray(), theirs, atol=1e-6)
    np.testing.assert_allclose(path.intercepts, case["intercept"], atol=1e-6)
    raw = Raw(X.toarray(), y, **shared)
    for k, alpha in enumerate(case["lambda"]):
        objective = objective_of(loss, raw.at(alpha), theirs[:, k], case["intercept"][k])
        assert path.objectives[k] == pytest.approx(objective, rel=1e-9)


def objective_of(loss, raw, w, b):
    """F(w, b), with half the deviance as Poisson's loss."""
    t = raw.X @ w + b + (0.0 if raw.offset is None else np.array(raw.offset))
    values = np.array([LOSS_VALUES[loss](target, predictor) for target, predictor in zip(raw.y, t)])
    if loss == "poisson":
        values += xlogy(raw.y, raw.y) - raw.y
    return raw.s @ values + raw.l1 @ np.abs(w) + 0.5 * (raw.l2 @ w**2)


@pytest.mark.parametrize(("name", "case"), cases_of(["multinomial"]))
def test_objectives_and_probabilities_of_three_classes(name, case):
    """Coefficients are not compared: intercepts are free to move together, and so may coefficients be under L1."""
    X, y, _ = DATA[name]
    shared = shared_settings(X, case["settings"])
    path = logistic_path(X, y, alphas=case["lambda"], tol=1e-13, **shared)
    raw = Raw(X.toarray(), y, **shared)
    for k, alpha in enumerate(case["lambda"]):
        w, b = np.array(case["coefficients"])[:, k].T, np.array(case["intercept"])[k]
        t = raw.X @ w + b
        at = raw.at(alpha)
        penalty = at.l1 @ np.abs(w).sum(axis=1) + 0.5 * (at.l2 @ (w**2).sum(axis=1))
        objective = raw.s @ (logsumexp(t, axis=1) - t[np.arange(y.size), y]) + penalty
        assert path.objectives[k] == pytest.approx(objective, rel=1e-9)
        np.testing.assert_allclose(path.predict(X, alpha=alpha), softmax(t, axis=1), atol=1e-6)

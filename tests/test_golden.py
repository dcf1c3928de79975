"""Coefficients of R's glmnet, frozen by tests/golden/make_glmnet.R."""

import json
from pathlib import Path

import numpy as np
import pytest
from oracles import Raw
from scipy import sparse

from sparsereg import regularization_path

GOLDEN = Path(__file__).parent / "golden"


def load(name):
    golden = json.loads((GOLDEN / f"glmnet_{name}.json").read_text())
    shape = golden["n_samples"], golden["n_features"]
    X = sparse.csc_array((golden["data"], golden["indices"], golden["indptr"]), shape=shape)
    return X, np.array(golden["y"]), golden


DATA = {name: load(name) for name in ("quick_start", "sparse")}
CASES = [
    pytest.param(name, case, id=f"{name}-{case['name']}-{case['settings']['alpha']}-{case['settings']['standardize']}")
    for name, (_, _, golden) in DATA.items()
    for case in golden["cases"]
]


def spread(y, case):
    """Return what glmnet divides y by: the root of its second moment, about the mean where there is an intercept."""
    weight = np.array(case["settings"].get("weights", np.ones(y.size)))
    centre = np.average(y, weights=weight) if case["settings"].get("intercept", True) else 0.0
    return np.sqrt(np.average((y - centre) ** 2, weights=weight))


def test_the_version_is_stated():
    for _, _, golden in DATA.values():
        assert golden["made_by"] == "glmnet 4.1.6 on R 4.2.2"


@pytest.mark.parametrize(("name", "case"), CASES)
def test_coefficients_and_objectives(name, case):
    """Glmnet standardises y, which divides the L2 part of its elastic net by the spread of y; it restores L1."""
    X, y, _ = DATA[name]
    settings = case["settings"]
    l1, l2 = settings["alpha"], (1.0 - settings["alpha"]) / spread(y, case)
    shared = {
        "l1_ratio": l1 / (l1 + l2),
        "standardize": settings["standardize"],
        "sample_weight": settings.get("weights"),
        "penalty_factor": settings.get("penalty.factor", 1.0),
        "fit_intercept": settings.get("intercept", True),
    }
    lower, upper = settings.get("lower.limits", -np.inf), settings.get("upper.limits", np.inf)
    alphas = np.array(case["lambda"]) * (l1 + l2)
    path = regularization_path(
        X, y, alphas=alphas, bounds=(lower, upper), tol=1e-14, **{**shared, "penalty_factor": factor_of(shared, X)}
    )
    raw = Raw(X.toarray(), y, lower=lower, upper=upper, **shared)
    theirs = np.array(case["coefficients"]).T
    np.testing.assert_allclose(path.coefs.toarray(), theirs, atol=1e-6)
    np.testing.assert_allclose(path.intercepts, case["intercept"], atol=1e-6)
    for k, alpha in enumerate(alphas):
        objective = raw.at(alpha).objective(theirs[:, k], case["intercept"][k])
        assert path.objectives[k] == pytest.approx(objective, rel=1e-9)


def factor_of(shared, X):
    return np.broadcast_to(shared["penalty_factor"], X.shape[1])

"""Small random regressions with every setting that the solvers know, and how to fit and judge them."""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from support.oracles import Raw

from sparsereg import ConvergenceWarning, regularization_path

# What rounding may leave of an objective, as a share of that of the null model.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Regression:
    """A dense X and y with settings, named as in `Raw`."""

    X: np.ndarray
    y: np.ndarray
    settings: dict = field(default_factory=dict)

    def raw(self, alpha=1.0):
        return Raw(self.X, self.y, alpha=alpha, **self.settings)

    def arguments(self):
        """Return the settings as the library takes them."""
        arguments = dict(self.settings)
        lower, upper = arguments.pop("lower", -np.inf), arguments.pop("upper", np.inf)
        if np.any(np.isfinite(lower)) or np.any(np.isfinite(upper)):
            arguments["bounds"] = (lower, upper)
        return arguments

    def path(self, X=None, **options):
        """Fit a path; what stops short of its tolerance says so in its gap, which is what the tests look at."""
        options = {"n_alphas": 5, "eps": 1e-2, "tol": 1e-10, **options}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            X = sparse.csr_array(self.X) if X is None else X
            return regularization_path(X, self.y, **self.arguments(), **options)

    def having(self, **settings):
        return replace(self, settings={**self.settings, **settings})


def one_hot_cross(rng, n_samples, n_first, n_second):
    """Return ones for two categories and their cross, whose cells often have a single distinct row."""
    first, second = rng.integers(0, n_first, n_samples), rng.integers(0, n_second, n_samples)
    return np.hstack(
        [np.eye(n_first)[first], np.eye(n_second)[second], np.eye(n_first * n_second)[first * n_second + second]]
    )


def random_matrix(rng, kind, n_samples):
    if kind == "cross":
        return one_hot_cross(rng, n_samples, *rng.integers(2, 7, 2))
    n_features = int(rng.integers(1, 12))
    X = rng.standard_normal((n_samples, n_features))
    if kind == "gaussian":
        return X * (rng.random(X.shape) < rng.choice([0.2, 0.5, 1.0]))
    if kind == "private":
        return np.hstack([X * (rng.random(X.shape) < 0.5), np.diag(rng.standard_normal(n_samples))])
    repeated = np.round(X)[rng.integers(0, n_samples, n_samples)]
    return repeated


def random_regression(seed, kind=None, l1_ratio=None):
    rng = np.random.default_rng(seed)
    kind = rng.choice(["cross", "gaussian", "private", "repeated"]) if kind is None else kind
    n_samples = int(rng.integers(1, 40))
    X = random_matrix(rng, kind, n_samples)
    p = X.shape[1]
    y = rng.standard_normal(n_samples) * rng.choice([1.0, 1e-3, 1e3]) + rng.choice([0.0, 5.0])
    size = np.abs(y).max()
    settings = {
        "l1_ratio": float(rng.choice([0.0, 0.01, 0.3, 0.9, 1.0])) if l1_ratio is None else l1_ratio,
        "fit_intercept": bool(rng.integers(0, 2)),
        "standardize": bool(rng.random() < 0.3),
    }
    if rng.random() < 0.4:
        weight = rng.integers(0, 3, n_samples) * rng.random(n_samples)
        settings["sample_weight"] = weight if weight.any() else np.ones(n_samples)
    if rng.random() < 0.3:
        settings["offset"] = rng.standard_normal(n_samples) * size
    if rng.random() < 0.4:
        allowed = [0.0, 0.0, 0.5, 1.0, 2.0, np.inf] if rng.random() < 0.5 else [0.5, 1.0, 2.0, np.inf]
        settings["penalty_factor"] = rng.choice(allowed, p)
    limits = rng.random()
    if limits < 0.15:
        settings["lower"] = 0.0
    elif limits < 0.3:
        settings["lower"] = rng.choice([-np.inf, -0.1 * size, 0.0], p)
        settings["upper"] = rng.choice([np.inf, 0.1 * size, 0.0], p)
    elif limits < 0.35:
        settings["lower"], settings["upper"] = -0.05 * size, 0.05 * size
    return Regression(X, y, settings)


def check_certificate(path, regression):
    """Check every claim of a path against the raw problem; return the reference objectives' lower ends."""
    coefs, null = path.coefs.toarray(), regression.raw().null_objective()
    slack = (ROUNDING + 4.0 * np.finfo(float).eps * largest(regression)) * null
    for k, alpha in enumerate(path.alphas):
        raw, w, b = regression.raw(alpha), coefs[:, k], path.intercepts[k]
        assert path.dual_gaps[k] >= 0.0
        objective = raw.objective(w, b)
        assert abs(objective - path.objectives[k]) <= slack
        assert raw.violation(w, b) <= np.sqrt(path.dual_gaps[k] + slack / null if null else 0.0) * (1 + 1e-9)
        assert regression.settings.get("fit_intercept", True) or b == 0.0


def largest(regression):
    """How many times larger the target is than its spread: what centring it costs in digits."""
    raw = regression.raw()
    null = raw.null_objective()
    return np.abs(np.r_[regression.y, raw.target]).max() / np.sqrt(null) if null > 0.0 else 0.0


def check_same_minimum(path, other, null):
    """Check that two certified intervals for the same minima overlap, alpha by alpha."""
    np.testing.assert_allclose(path.alphas, other.alphas, rtol=1e-9)
    slack = 1e-11 * null
    assert np.all(path.objectives - path.dual_gaps * null <= other.objectives + slack)
    assert np.all(other.objectives - other.dual_gaps * null <= path.objectives + slack)

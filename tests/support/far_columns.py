"""Columns a z + b, far from zero and narrow, beside cells of a category; and the same less their exact means."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Far:
    """Data far from zero.

    `X` is what users have, `near` is X less the exact weighted means of its first columns, `mean` these means.
    """

    X: np.ndarray
    near: np.ndarray
    mean: np.ndarray
    weight: np.ndarray
    eta: np.ndarray
    noise: np.ndarray

    def target(self, loss):
        """Return a target that the loss allows."""
        noisy = self.eta + self.noise
        return {
            "squared": noisy,
            "huber": noisy,
            "poisson": np.round(np.exp(np.clip(0.5 * noisy, -3.0, 3.0))) + (self.noise > 1.0),
            "logistic": (noisy > np.median(noisy)).astype(float),
            "squared_hinge": (noisy > np.median(noisy)).astype(float),
        }[loss]

    def intercept_near(self, w, b):
        """Return the intercept beside `near` of coefficients that have `b` beside `X`."""
        return float(np.longdouble(b) + self.mean @ w[: self.mean.size].astype(np.longdouble))

    def rounding(self, w):
        """What float64 may lose of that intercept, and of every linear predictor."""
        return 8.0 * np.finfo(float).eps * float(np.abs(self.mean * w[: self.mean.size]).sum())


def far_columns(seed, ratio=None, n_samples=60, n_far=2, scale=None):
    """Draw columns with |b / a| from 1 to 1e9 and a from 0.01 to 100, or as given, and a category of five cells."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n_samples, n_far))
    ratio = 10.0 ** rng.uniform(0.0, 9.0, n_far) if ratio is None else np.full(n_far, ratio)
    a = 10.0 ** rng.uniform(-2.0, 2.0, n_far) if scale is None else scale
    columns = a * (z + ratio * rng.choice([-1.0, 1.0], n_far))
    cells = np.eye(5)[rng.integers(0, 5, n_samples)]
    weight = rng.integers(0, 3, n_samples) * rng.uniform(0.5, 2.0, n_samples) if seed % 2 else np.ones(n_samples)
    weight[0] = 1.0
    exact, s = columns.astype(np.longdouble), (weight / weight.sum()).astype(np.longdouble)
    mean = (s / s.sum()) @ exact
    near = (exact - mean).astype(float)
    eta = z @ np.linspace(1.0, -0.5, n_far) + cells[:, 0]
    # The answer is that of the columns as they are stored, whose last digits rounding has changed.
    return Far(
        np.hstack([columns, cells]), np.hstack([near, cells]), mean, weight, eta,
        0.3 * rng.standard_normal(n_samples),
    )


def containers(X):
    """Return X dense and as CSR."""
    return X, sparse.csr_array(X)

"""A slow NumPy twin of the softmax objective, on the user's own rows and columns, all of them dense."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize


def log_sum(t):
    largest = t.max(axis=1, keepdims=True)
    return (largest + np.log(np.exp(t - largest).sum(axis=1, keepdims=True)))[:, 0]


@dataclass(frozen=True)
class RawMultinomial:
    """F(W, b) as the documentation writes it, for shares Y (n, n_classes); W is (n_features, n_classes)."""

    X: np.ndarray
    Y: np.ndarray
    alpha: float
    l1_ratio: float = 1.0
    sample_weight: object = None
    offset: object = 0.0
    penalty_factor: object = 1.0
    lower: object = -np.inf
    upper: object = np.inf
    fit_intercept: bool = True
    standardize: bool = False

    @property
    def s(self):
        weight = np.ones(len(self.Y)) if self.sample_weight is None else np.asarray(self.sample_weight, float)
        return weight / weight.sum()

    @property
    def scale(self):
        if not self.standardize:
            return np.ones(self.X.shape[1])
        return np.sqrt(self.s @ (self.X - self.s @ self.X) ** 2)

    @property
    def factor(self):
        return np.broadcast_to(np.asarray(self.penalty_factor, float), self.X.shape[1])

    @property
    def l1(self):
        return (self.alpha * self.l1_ratio * self.scale * self.factor)[:, None]

    @property
    def l2(self):
        return (self.alpha * (1.0 - self.l1_ratio) * self.scale**2 * self.factor)[:, None]

    def predictor(self, W, b):
        return self.X @ W + b + self.offset

    def loss(self, W, b):
        t = self.predictor(W, b)
        return self.s @ (log_sum(t) - np.sum(self.Y * t, axis=1))

    def objective(self, W, b):
        return self.loss(W, b) + np.sum(self.l1 * np.abs(W) + 0.5 * self.l2 * W**2)

    def slope(self, W, b):
        """Minus the gradient of the loss: in W, and in b."""
        t = self.predictor(W, b)
        z = self.s[:, None] * (self.Y - np.exp(t - log_sum(t)[:, None]))
        return self.X.T @ z, z.sum(axis=0)

    def violation(self, W, b):
        """Largest distance of a gradient from the subdifferential, over coefficients and intercepts."""
        g, of_b = self.slope(W, b)
        g = g - self.l2 * W
        distance = np.where(W != 0.0, np.abs(g - self.l1 * np.sign(W)), np.maximum(np.abs(g) - self.l1, 0.0))
        outward = ((self.upper <= W) & (g > 0.0)) | ((self.lower >= W) & (g < 0.0))
        shift = np.abs(of_b).max() if self.fit_intercept else 0.0
        return max(distance[~outward].max(initial=0.0), shift)

    def minimise_split(self):
        """Minimise over W = positive - negative part by L-BFGS-B, which knows nothing of thresholds."""
        shape = self.X.shape[1], self.Y.shape[1]
        size = shape[0] * shape[1]

        def read(parts):
            return (parts[:size] - parts[size : 2 * size]).reshape(shape), parts[2 * size :]

        def value_and_gradient(parts):
            W, b = read(parts)
            g, of_b = self.slope(W, b)
            push, l1 = (g - self.l2 * W).ravel(), np.broadcast_to(self.l1, shape).ravel()
            value = self.loss(W, b) + 0.5 * np.sum(self.l2 * W**2) + l1 @ (parts[:size] + parts[size : 2 * size])
            return value, np.concatenate([l1 - push, l1 + push, -of_b])

        ends = [(0.0, self.upper)] * size + [(0.0, -self.lower)] * size
        ends += [(None, None) if self.fit_intercept else (0.0, 0.0)] * shape[1]
        options = {"maxiter": 100_000, "maxfun": 10**6, "ftol": 0.0, "gtol": 1e-13, "maxcor": 50}
        start = np.zeros(2 * size + shape[1])
        found = optimize.minimize(
            value_and_gradient, start, jac=True, method="L-BFGS-B", bounds=ends, options=options
        )
        return read(found.x)

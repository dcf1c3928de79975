"""Slow plain-NumPy twins of what the solvers promise, on the user's own rows and columns, all of them dense."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

DELTA = 1.35

# Losses of the target y and the linear predictor t as the documentation writes them, constants left out.
LOSS_VALUES = {
    "squared": lambda y, t: 0.5 * (y - t) ** 2,
    "logistic": lambda y, t: np.logaddexp(0.0, t) - y * t,
    "poisson": lambda y, t: _exp(t) - y * t,
    "huber": lambda y, t: 0.5 * (y - t) ** 2 if abs(y - t) <= DELTA else DELTA * (abs(y - t) - 0.5 * DELTA),
    "squared_hinge": lambda y, t: y * max(0.0, 1.0 - t) ** 2 + (1.0 - y) * max(0.0, 1.0 + t) ** 2,
}


def _exp(t):
    with np.errstate(over="ignore"):
        return np.exp(t)


@dataclass(frozen=True)
class Raw:
    """F(w, b) as the documentation writes it; scalars stand for arrays, None for the default."""

    X: np.ndarray
    y: np.ndarray
    alpha: float = 1.0
    l1_ratio: float = 1.0
    sample_weight: object = None
    offset: object = None
    penalty_factor: object = 1.0
    lower: object = -np.inf
    upper: object = np.inf
    fit_intercept: bool = True
    standardize: bool = False

    @property
    def s(self):
        """Weights of sum one."""
        weight = np.ones(self.y.size) if self.sample_weight is None else np.asarray(self.sample_weight, float)
        return weight / weight.sum()

    @property
    def target(self):
        return self.y - (0.0 if self.offset is None else self.offset)

    @property
    def scale(self):
        """What w_j is multiplied with before it is penalised."""
        if not self.standardize:
            return np.ones(self.X.shape[1])
        scale = np.sqrt(self.s @ (self.X - self.s @ self.X) ** 2)
        return np.where(scale > 1e-6 * np.sqrt(self.s @ self.X**2), scale, 0.0)

    @property
    def factor(self):
        return np.broadcast_to(np.asarray(self.penalty_factor, float), self.X.shape[1])

    @property
    def free(self):
        """Columns that may be used: not excluded, and of some spread if they are standardised beside an intercept."""
        varies = (self.scale > 0.0) | (not self.fit_intercept)
        return (self.factor < np.inf) & varies & (self.bounds[0] < self.bounds[1])

    @property
    def bounds(self):
        return tuple(np.broadcast_to(np.asarray(bound, float), self.X.shape[1]) for bound in (self.lower, self.upper))

    @property
    def l1(self):
        """Threshold of each w_j."""
        return np.where(self.free, self.alpha * self.l1_ratio * self.scale, 0.0) * np.where(self.free, self.factor, 0.0)

    @property
    def l2(self):
        """Curvature that the penalty gives each w_j."""
        strength = np.where(self.free, self.alpha * (1.0 - self.l1_ratio) * self.scale**2, 0.0)
        return strength * np.where(self.free, self.factor, 0.0)

    def residual(self, w, b):
        return self.target - self.X @ w - b

    def loss(self, w, b):
        return 0.5 * (self.s @ self.residual(w, b) ** 2)

    def push(self, w, b):
        """Minus the derivative of the loss in each row's linear predictor."""
        return self.s * self.residual(w, b)

    def objective(self, w, b):
        return self.loss(w, b) + self.l1 @ np.abs(w) + 0.5 * (self.l2 @ w**2)

    def null_intercept(self):
        return self.s @ self.target if self.fit_intercept else 0.0

    def null_objective(self):
        return self.loss(np.zeros(self.X.shape[1]), self.null_intercept())

    def correlation(self, w, b):
        """Minus the gradient of the loss."""
        return self.X.T @ self.push(w, b)

    def violation(self, w, b):
        """Largest step that minimising over one coefficient, or the intercept, would take; 0 exactly at a solution.

        In units in which its square is at most the relative suboptimality: F restricted to coefficient j is strongly
        convex with modulus q_j + l2_j, bounds or not.
        """
        lower, upper = self.bounds
        assert np.all(w[~self.free] == 0.0)
        assert np.all((w >= lower) & (w <= upper))
        size = np.sqrt(2.0 * self.null_objective())
        if size == 0.0:
            return 0.0
        modulus = self.s @ self.X**2 + self.l2
        used = self.free & (modulus > 0.0)
        raw = self.correlation(w, b) + (modulus - self.l2) * w
        best = np.sign(raw) * np.maximum(np.abs(raw) - self.l1, 0.0)
        best[used] /= modulus[used]
        step = np.abs(np.clip(best, lower, upper) - w) * np.sqrt(modulus)
        shift = abs(self.s @ self.residual(w, b)) if self.fit_intercept else 0.0
        return max(np.max(step[used], initial=0.0), shift) / size

    def gap(self, w, b):
        """Duality gap (Fenchel) of the rescaled residual, not relative; it bounds F(w, b) - min F."""
        lower, upper = self.bounds
        theta = self.s * self.residual(w, b)
        if self.fit_intercept:
            theta = theta - theta.sum() * self.s
        v = np.where(self.free, self.X.T @ theta, 0.0)
        side = np.where(v > 0.0, upper, -lower)
        bound = self.free & np.isinf(side) & (self.l2 == 0.0) & (np.abs(v) > self.l1)
        c = np.min(self.l1[bound] / np.abs(v[bound]), initial=1.0)
        excess = np.maximum(np.abs(c * v) - self.l1, 0.0)
        excess[np.abs(c * v) <= self.l1 * (1 + 1e-14)] = 0.0
        u = np.zeros_like(v)
        curved = self.l2 > 0.0
        u[curved] = excess[curved] / self.l2[curved]
        u[~curved & (excess > 0.0)] = np.inf
        u = np.minimum(u, np.where(excess > 0.0, side, 0.0))
        conjugate = np.where(excess > 0.0, u * excess - 0.5 * self.l2 * u * u, 0.0)
        dual = c * theta @ self.target - 0.5 * c**2 * np.sum(theta**2 / np.where(self.s > 0, self.s, 1.0))
        return self.objective(w, b) - dual + conjugate.sum()

    def at(self, alpha):
        return replace(self, alpha=alpha)

    def minimise(self, tol=1e-13, max_epochs=200_000):
        """Plain cyclic coordinate descent on the normal equations, to a step of tol times the largest coefficient."""
        centre = self.s @ self.X if self.fit_intercept else np.zeros(self.X.shape[1])
        X = self.X - centre
        y = self.target - self.null_intercept()
        gram = (X.T * self.s) @ X
        g = X.T @ (self.s * y)
        lower, upper = self.bounds
        l1, l2, w = self.l1, self.l2, np.zeros(g.size)
        usable = [j for j in np.flatnonzero(self.free) if gram[j, j] > 1e-24 * (self.s @ self.X[:, j] ** 2)]
        for _ in range(max_epochs):
            moved = 0.0
            for j in usable:
                raw = g[j] + gram[j, j] * w[j]
                new = np.sign(raw) * max(abs(raw) - l1[j], 0.0) / (gram[j, j] + l2[j])
                delta = min(max(new, lower[j]), upper[j]) - w[j]
                if delta:
                    w[j] += delta
                    g -= delta * gram[j]
                    moved = max(moved, abs(delta))
            if moved <= tol * np.max(np.abs(w), initial=0.0):
                break
        return w, self.null_intercept() - centre @ w

    def minimise_split(self):
        """Minimise over w = positive - negative part by L-BFGS-B, which knows nothing of thresholds."""
        lower, upper = self.bounds
        p = self.X.shape[1]
        free = self.free

        def value_and_gradient(parts):
            w, b = parts[:p] - parts[p : 2 * p], parts[2 * p]
            push = self.correlation(w, b) - self.l2 * w
            slope = np.concatenate([self.l1 - push, self.l1 + push, [-self.push(w, b).sum()]])
            smooth = self.loss(w, b) + 0.5 * (self.l2 @ w**2)
            return smooth + self.l1 @ (parts[:p] + parts[p : 2 * p]), slope

        free_b = (None, None) if self.fit_intercept else (0.0, 0.0)
        positive = [(0.0, max(high, 0.0) if ok else 0.0) for high, ok in zip(upper, free)]
        negative = [(0.0, max(-low, 0.0) if ok else 0.0) for low, ok in zip(lower, free)]
        options = {"maxiter": 100_000, "maxfun": 10**7, "ftol": 0.0, "gtol": 1e-14, "maxcor": 50}
        parts = optimize.minimize(
            value_and_gradient, np.zeros(2 * p + 1), jac=True, method="L-BFGS-B",
            bounds=[*positive, *negative, free_b], options=options,
        ).x
        return parts[:p] - parts[p : 2 * p], parts[2 * p]


@dataclass(frozen=True)
class RawLoss(Raw):
    """The same with another loss."""

    loss_name: str = "logistic"

    def predictor(self, w, b):
        return self.X @ w + b + (0.0 if self.offset is None else self.offset)

    def loss(self, w, b):
        values = [LOSS_VALUES[self.loss_name](*pair) for pair in zip(self.y, self.predictor(w, b))]
        if self.loss_name == "poisson":
            values = values - self.y + self.y * np.log(np.where(self.y > 0.0, self.y, 1.0))
        return self.s @ np.asarray(values)

    def push(self, w, b):
        y, t = self.y, self.predictor(w, b)
        slopes = {
            "logistic": lambda: y - special.expit(t),
            "poisson": lambda: y - _exp(t),
            "huber": lambda: np.clip(y - t, -DELTA, DELTA),
            "squared_hinge": lambda: 2.0 * (y * np.maximum(1.0 - t, 0.0) - (1.0 - y) * np.maximum(1.0 + t, 0.0)),
        }
        return self.s * slopes[self.loss_name]()

    def null_intercept(self):
        if not self.fit_intercept:
            return 0.0
        zero = np.zeros(self.X.shape[1])
        # No intercept in this range takes the null model past what float64 holds.
        return optimize.brentq(lambda b: self.push(zero, b).sum(), -600.0, 600.0, xtol=1e-14, rtol=1e-14)

    def kkt(self, w, b):
        """Largest distance from the optimality conditions, relative to the largest gradient of the null model."""
        lower, upper = self.bounds
        v = self.correlation(w, b) - self.l2 * w
        low, high = np.where(w > 0.0, self.l1, -self.l1), np.where(w < 0.0, -self.l1, self.l1)
        low, high = np.where(w <= lower, -np.inf, low), np.where(w >= upper, np.inf, high)
        distance = np.where(self.free, np.maximum(np.maximum(low - v, v - high), 0.0), 0.0)
        shift = abs(self.push(w, b).sum()) if self.fit_intercept else 0.0
        size = np.abs(self.correlation(np.zeros_like(w), self.null_intercept())).max(initial=1e-300)
        return max(distance.max(initial=0.0), shift) / size

"""Stochastic steps along rows: against a plain twin, unbiased, still at a minimum, their invariant kept."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, special
from support.kernel_calls import loss_of, rules
from support.oracles import DELTA, LOSS_VALUES

from sparsereg._core import saga
from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import ElasticNet

seeds = st.integers(0, 2**32 - 1)
each_loss = pytest.mark.parametrize("loss", LOSSES)
NO_SINGLETONS = (np.empty(0),) * 6
DERIVATIVES = {
    "squared": lambda y, t: t - y,
    "logistic": lambda y, t: special.expit(t) - y,
    "poisson": lambda y, t: np.exp(t) - y,
    "huber": lambda y, t: np.clip(t - y, -DELTA, DELTA),
    "squared_hinge": lambda y, t: 2.0 * ((1.0 - y) * max(0.0, 1.0 + t) - y * max(0.0, 1.0 - t)),
}


@dataclass
class Descent:
    """Random rows of one or more terms, and the state of a descent on them; `sweep` moves it, `twin` says where to."""

    seed: int
    loss: str = "squared"
    alike: bool = False
    ones: bool = False
    several: bool = False
    private: bool = False
    l1_ratio: float = 0.6
    alpha: float = 0.05
    fit_intercept: bool = True
    size: float = 0.05
    n: int = 12
    p: int = 6
    dtype: type = np.float64
    b: float = 0.2

    def __post_init__(self):
        rng, n, p = np.random.default_rng(self.seed), self.n, self.p
        held = rng.random((n, p)) < 0.4
        held[rng.integers(0, n)] = False
        self.X = held * (1.0 if self.ones else rng.standard_normal((n, p)).astype(self.dtype).astype(float))
        self.first = np.r_[0, np.cumsum(rng.integers(1, 4, n))] if self.several else np.arange(n + 1)
        m = int(self.first[-1])
        self.y = rng.random(m) if self.loss in ("logistic", "squared_hinge") else rng.integers(0, 4, m) * 1.0
        self.s, self.offset = rng.random(m) / m, rng.standard_normal(m) if self.several else np.zeros(m)
        self.chance = rng.random(n) + 0.1
        self.chance /= self.chance.sum()
        self.rules = self._rules(rng, 1 if self.alike else p)
        self.w = np.clip(rng.standard_normal(p), *self.rules[2:]) + 0.0
        self.x = rng.standard_normal(n) * (rng.random(n) < 0.6) * self.private
        self.x_rules, self.u = self._rules(rng, n), np.zeros(n)
        self.slope = rng.standard_normal(n) / n
        self.gradient = self.X.T @ self.slope

    @staticmethod
    def _rules(rng, n):
        limits = rng.choice([-np.inf, -0.3, -0.0], n), rng.choice([np.inf, 0.3, -0.0], n)
        return rng.choice([0.0, 0.5, 2.0], n), rng.choice([0.5, 1.0, 2.0], n), *limits

    @property
    def spread(self):
        with np.errstate(divide="ignore"):
            return 1.0 / (self.chance @ (self.X != 0.0))

    def sweep(self, order):
        rows = sparse.csr_array(self.X)
        data = np.empty(0, self.dtype) if self.ones else rows.data.astype(self.dtype)
        terms = self.y, self.s, self.offset if self.several else np.empty(0), self.first if self.several else []
        private = (self.x, *self.x_rules, self.u) if self.private else NO_SINGLETONS
        self.b = saga.sweep(
            loss_of(self.loss), ElasticNet(self.alpha, self.l1_ratio), data, rows.indices.astype(np.int32),
            rows.indptr.astype(np.int64), np.asarray(order, np.int32), self.chance, self.size,
            *terms[:3], np.asarray(terms[3], np.int64), *private, self.spread, *self.rules,
            self.w, self.b, self.fit_intercept, self.slope, self.gradient,
        )
        return self

    def derivative(self, i, t):
        """Sum the derivatives of the terms of row i; squared loss alone has singleton columns here."""
        terms = slice(self.first[i], self.first[i + 1])
        y, s, t = self.y[terms], self.s[terms], t + self.offset[terms]
        if self.x[i] != 0.0:
            factor, scale, lower, upper = (rule[i] for rule in self.x_rules)
            g = self.x[i] * (s @ (y - t))
            l1, l2 = (self.alpha * share * factor for share in (self.l1_ratio, 1.0 - self.l1_ratio))
            u = np.sign(g) * max(abs(g) - l1 * scale, 0.0) / (s.sum() * self.x[i] ** 2 + l2 * scale**2)
            t = t + self.x[i] * np.clip(u, lower, upper)
        return sum(weight * DERIVATIVES[self.loss](*pair) for weight, *pair in zip(s, y, t))

    def twin(self, order):
        """Return w, b, slope and gradient after the visits, by the formulas."""
        w, b, slope = self.w.copy(), self.b, self.slope.copy()
        factor, scale, lower, upper = (np.broadcast_to(rule, self.p) for rule in self.rules)
        l1, l2 = (self.alpha * share * factor for share in (self.l1_ratio, 1.0 - self.l1_ratio))
        for i in order:
            held = self.X[i] != 0.0
            new = self.derivative(i, self.X[i] @ w + b)
            jump = (new - slope[i]) / self.chance[i]
            gradient = self.X.T @ slope
            reach = self.size * self.spread
            with np.errstate(invalid="ignore"):
                v = w - self.size * jump * self.X[i] - reach * gradient
                v = np.sign(v) * np.maximum(np.abs(v) - reach * l1 * scale, 0.0) / (1.0 + reach * l2 * scale**2)
            w = np.where(held, np.clip(v, lower, upper), w)
            if self.fit_intercept:
                b -= self.size * (jump + slope.sum())
            slope[i] = new
        return w, b, slope, self.X.T @ slope

    def check(self, order):
        """Compare the twin's result with the kernel's."""
        expected = self.twin(order)
        self.sweep(order)
        for value, twin in zip((self.w, self.b, self.slope, self.gradient), expected):
            np.testing.assert_allclose(value, twin, rtol=1e-12, atol=1e-14)
        assert not np.any(np.signbit(self.w[self.w == 0.0]))
        assert np.all((self.w >= self.rules[2]) & (self.w <= self.rules[3]))


@each_loss
@pytest.mark.parametrize("several", [True, False])
@given(
    seed=seeds, alike=st.booleans(), ones=st.booleans(), fit_intercept=st.booleans(),
    l1_ratio=st.sampled_from([0.0, 0.6, 1.0]), dtype=st.sampled_from([np.float32, np.float64]),
)
def test_visits_are_what_the_formulas_say(loss, several, seed, **settings):
    order = np.random.default_rng(seed).integers(0, 12, 30)
    size = 1e-3 if loss == "poisson" else 0.05  # no step is short enough for an exponential at all
    Descent(seed, loss, several=several, size=size, **settings).check(order)


@given(seed=seeds, l1_ratio=st.sampled_from([0.0, 0.6, 1.0]), fit_intercept=st.booleans())
def test_private_columns_are_at_their_best_in_every_visit(seed, **settings):
    order = np.random.default_rng(seed).integers(0, 12, 30)
    Descent(seed, private=True, **settings).check(order)


@each_loss
@given(seed=seeds)
def test_the_expected_step_goes_down_the_gradient(loss, seed):
    """Whatever the rows remember: the mean over all rows, each at its chance, of the step without a penalty."""
    start = Descent(seed, loss, alpha=0.0)
    moved, shift = np.zeros(start.p), 0.0
    for i in range(start.n):
        one = Descent(seed, loss, alpha=0.0)
        one.rules = rules(one.p)
        one.sweep([i])
        moved += start.chance[i] * (one.w - start.w)
        shift += start.chance[i] * (one.b - start.b)
    eta = start.X @ start.w + start.b
    slope = np.array([start.derivative(i, eta[i]) for i in range(start.n)])
    np.testing.assert_allclose(moved, -start.size * (start.X.T @ slope), atol=1e-13)
    assert shift == pytest.approx(-start.size * slope.sum(), abs=1e-13)


@pytest.mark.parametrize("loss", ["squared", "huber", "logistic"])
@given(seed=seeds)
def test_a_minimum_is_left_alone(loss, seed):
    """There every row remembers its derivative, and no visit moves anything, L1 or not."""
    at = Descent(seed, loss, n=30, p=4, fit_intercept=False, b=0.0)
    at.rules = rules(at.p)
    slopes = DERIVATIVES[loss]
    curvature = max(at.s.max() * np.linalg.norm(at.X, 2) ** 2, 1e-3)
    w = np.zeros(at.p)
    for _ in range(3000):  # proximal gradient descent
        v = w - at.X.T @ (at.s * slopes(at.y, at.X @ w)) / curvature
        l1, l2 = at.alpha * at.l1_ratio / curvature, at.alpha * (1.0 - at.l1_ratio) / curvature
        w = np.sign(v) * np.maximum(np.abs(v) - l1, 0.0) / (1.0 + l2)
    at.w[:], at.slope = w, at.s * slopes(at.y, at.X @ w)
    at.gradient = at.X.T @ at.slope
    at.sweep(np.random.default_rng(seed).permutation(at.n))
    np.testing.assert_allclose(at.w, w, atol=1e-9)
    np.testing.assert_array_equal(at.w == 0.0, w == 0.0)


def test_rows_remember_the_derivative_of_their_loss():
    """The derivatives of this file are those of the losses that the other tests know."""
    for name, value in LOSS_VALUES.items():
        for y, t in ((0.3, 0.7), (0.9, -1.8), (0.2, 2.6)):
            slope = (value(y, t + 1e-6) - value(y, t - 1e-6)) / 2e-6
            assert DERIVATIVES[name](y, t) == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_neither_rows_nor_columns_are_needed(fit_intercept):
    empty = Descent(0, fit_intercept=fit_intercept)
    w, b = empty.w.copy(), empty.b
    empty.sweep([])
    np.testing.assert_array_equal(empty.w, w)
    assert empty.b == b
    bare = Descent(0, fit_intercept=fit_intercept, p=0)
    bare.check([0, 3, 3, 1])
    assert (bare.b != b) == fit_intercept

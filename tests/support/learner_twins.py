"""Streaming optimisers as the documentation writes them, dense and row by row, and learners made with little ceremony.

A twin shrinks every coefficient after every row, whatever the row holds; a learner does so when it next looks.
"""

import numpy as np
from scipy.special import expit, logsumexp, softmax, xlogy
from support.kernel_calls import loss_of
from support.oracles import DELTA, LOSS_VALUES
from support.penalty_twins import GAMMAS, build, twin

from sparsereg.inputs.rows import Rows
from sparsereg.streaming.batch import Sampling
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.optimizer import make_optimizer

SLOPES = {
    "squared": lambda y, t: t - y,
    "logistic": lambda y, t: expit(t) - y,
    "poisson": lambda y, t: np.exp(t) - y,
    "huber": lambda y, t: np.clip(t - y, -DELTA, DELTA),
    "squared_hinge": lambda y, t: 2.0 * ((1.0 - y) * np.maximum(1.0 + t, 0.0) - y * np.maximum(1.0 - t, 0.0)),
}
# Losses whose predictors are in the unit of the target.
LOCATION = ("squared", "huber")
DEFAULTS = {"eta0": 0.3, "beta": 1.0, "power_t": 0.25, "weight_decay": 0.0, "total_weight": 0.0, "average": -1.0}


def learner(
    algorithm="ftrl", loss="logistic", penalty="elastic_net", alpha=0.0, l1_ratio=1.0, *, n_outputs=1, softmax=False,
    fit_intercept=True, sampling=None, n_features=None, **settings
):
    """Make a learner from names and numbers."""
    rule = build(penalty, alpha, l1_ratio)
    optimizer = make_optimizer(algorithm, rule, predictor_unit=float(loss not in LOCATION), **(DEFAULTS | settings))
    return Learner(
        loss_of(loss), rule, optimizer, n_outputs=n_outputs, softmax=softmax, fit_intercept=fit_intercept,
        sampling=Sampling(**(sampling or {})), n_features=n_features,
    )


def rows_of(X, ids, present=None):
    """Make rows under wide ids, ascending, from a dense matrix; `present`: its entries, by default the non-zeros."""
    present = X != 0.0 if present is None else present
    row, column = np.nonzero(present)
    indptr = np.append(0, np.cumsum(present.sum(axis=1))).astype(np.int64)
    data = X[row, column]
    return Rows(indptr, np.asarray(ids)[column], data, len(X), 2**63 - 1, True, bool((data == 0.0).any()))


def dense_of(model, ids):
    """Read the coefficients of a learner at given ids, and check that it has no others."""
    found, w = model.coefficients()
    assert np.all(np.diff(found) > 0)
    assert w.any(axis=1).all()
    assert not np.signbit(w[w == 0.0]).any()
    assert np.isin(found, ids).all()
    out = np.zeros((len(ids), model.n_outputs))
    out[np.searchsorted(ids, found)] = w
    return out


def prox_twin(name, v, step, alpha, l1_ratio):
    """Minimise (u - v)^2 / (2 step) + penalty(u): best of the ends and stationary points of the penalty's pieces."""
    m, l2, gamma = alpha * l1_ratio, alpha * (1.0 - l1_ratio), GAMMAS.get(name)
    # (start, stop, slope at 0, curvature) of each piece of the penalty, L2 aside.
    pieces = {
        "elastic_net": [(0.0, np.inf, m, 0.0)],
        "l0": [(0.0, np.inf, 0.0, 0.0)],
        "mcp": [(0.0, gamma and gamma * m, m, gamma and -1.0 / gamma), (gamma and gamma * m, np.inf, 0.0, 0.0)],
    }
    if name == "scad":
        steep = 1.0 / (gamma - 1.0)
        pieces["scad"] = [(0.0, m, m, 0.0), (m, gamma * m, steep * gamma * m, -steep), (gamma * m, np.inf, 0.0, 0.0)]
    size, step = np.abs(v), np.broadcast_to(step, np.shape(v))
    candidates = [np.zeros_like(size)]
    for start, stop, slope, curvature in pieces[name]:
        stiff = 1.0 + step * (curvature + l2)
        inside = (size - step * slope) / np.where(stiff > 0.0, stiff, 1.0)
        candidates.append(np.clip(np.where(stiff > 0.0, inside, start), start, stop))
    u = np.stack(candidates)
    pay = twin(name, alpha, l1_ratio)
    values = np.square(u - size) / 2 + step * pay(u)
    best = np.take_along_axis(u, values.argmin(axis=0)[None], axis=0)[0]
    return np.copysign(best, v) + 0.0


class DenseTwin:
    """What twins share: predictors, slopes and the progressive loss. Arguments are those of `learner`, p columns."""

    def __init__(
        self, p, loss="logistic", penalty="elastic_net", alpha=0.0, l1_ratio=1.0, *, n_outputs=1, softmax=False,
        fit_intercept=True, **settings
    ):
        self.loss, self.softmax, self.fit_intercept = loss, softmax, fit_intercept
        self.penalty, self.alpha, self.l1_ratio = penalty, alpha, l1_ratio
        for key, value in (DEFAULTS | settings).items():
            setattr(self, key, value)
        self.w, self.b = np.zeros((p, n_outputs)), np.zeros(n_outputs)
        self.b_squares = np.zeros(n_outputs)
        self.t = self.weight = self.loss_sum = 0.0

    def prox(self, v, step):
        return prox_twin(self.penalty, v, step, self.alpha, self.l1_ratio)

    def value(self, y, t):
        if self.softmax:
            return logsumexp(t) * y.sum() - y @ t
        value = sum(LOSS_VALUES[self.loss](one, other) for one, other in zip(y, t, strict=True))
        return value + float(np.sum(xlogy(y, y) - y)) if self.loss == "poisson" else value

    def slope(self, y, t):
        return softmax(t) - y if self.softmax else SLOPES[self.loss](y, t)

    def learn(self, X, y, weight, kept=None):
        """Learn from rows of a dense matrix; `kept`: what is left of it after dropout."""
        kept = X if kept is None else kept
        for x, left, target, s in zip(X, kept, y, weight, strict=True):
            if s > 0.0:
                self.weight += s
                self.loss_sum += s * self.value(target, x @ self.w + self.b)
                slope = s * self.slope(target, left @ self.w + self.b)
                self.row, self.touched = left, x != 0.0
                self.step(np.outer(left, slope), slope, s)
                self.t += s

    @property
    def reported(self):
        """The coefficients that a learner reports."""
        return self.w

    def adaptive_step(self, slope):
        """Move the intercepts by AdaGrad's step."""
        if self.fit_intercept:
            self.b_squares += slope**2
            self.b -= self.eta0 * slope / np.where(slope == 0.0, 1.0, self.beta + np.sqrt(self.b_squares))


class DenseProxSGD(DenseTwin):
    """With the weighted sums of the iterates that an average is made of."""

    w_sum = b_sum = averaged = 0.0

    def step(self, g, of_b, s):
        eta = self.eta0 / (1.0 + self.t) ** self.power_t
        self.w = self.prox(np.exp(-eta * s * self.weight_decay) * self.w - eta * g, eta * s)
        if self.fit_intercept:
            self.b = self.b - eta * of_b
        if self.t >= self.average >= 0.0:
            self.w_sum = self.w_sum + s * self.w
            self.b_sum = self.b_sum + s * self.b
            self.averaged += s


class DenseAdaGrad(DenseTwin):
    squares = 0.0

    def step(self, g, of_b, s):
        """A row of weight s shrinks s times; a fraction of a shrinking is the power of one."""
        self.squares = self.squares + g**2
        h = (self.beta + np.sqrt(self.squares)) / self.eta0
        moves = h > 0.0
        h = np.where(moves, h, 1.0)
        once = np.exp(-self.eta0 * self.weight_decay)
        w = self.w - g / h / once**s
        for _ in range(int(s)):
            w = self.prox(once * w, 1.0 / h)
        part = s - int(s)
        l1, l2 = self.alpha * self.l1_ratio, self.alpha * (1.0 - self.l1_ratio)
        ratio = (1.0 + l2 / h) / once
        with np.errstate(invalid="ignore"):
            terms = np.where(ratio == 1.0, part, (ratio**part - 1.0) / (ratio - 1.0))
        w = np.sign(w) * np.maximum(np.abs(w) - l1 * terms / (once * h), 0.0) / ratio**part
        self.w = np.where(moves, w, 0.0)
        self.adaptive_step(of_b)


class DenseFTRL(DenseTwin):
    z = r = np.float32(0.0)

    def step(self, g, of_b, s):
        grown = np.sqrt(np.square(self.r, dtype=float) + g**2)
        self.z = np.float32(self.z + g - (grown - self.r) / self.eta0 * self.w)
        self.r = np.float32(grown)
        t = self.total_weight or self.t + s
        d = (self.beta + self.r.astype(float)) / self.eta0
        used = (self.z != 0.0) & (d > 0.0)
        d = np.where(used, d, 1.0)
        self.w = np.where(used, self.prox(-self.z / d, t / d), 0.0)
        self.adaptive_step(of_b)


class DenseCoinBetting(DenseTwin):
    """Every coefficient is made anew from all that its bettor knows after every row."""

    largest = 0.0

    def __init__(self, p, *args, n_outputs=1, **settings):
        super().__init__(p, *args, n_outputs=n_outputs, **settings)
        self.theta, self.squares, self.won, self.farthest, self.mean, self.n = np.zeros((6, p, n_outputs))

    @property
    def reported(self):
        last = 3.0 / (np.maximum(self.n, 1.0) + 2.0)
        return np.where(self.w == 0.0, 0.0, self.mean + (self.w - self.mean) * last)

    @property
    def unit(self):
        return self.largest if self.loss in LOCATION else 1.0

    def stake(self):
        """Say how far a unit of slopes moves each coefficient, and how far all may."""
        q = self.squares + np.square(self.farthest * self.largest)
        with np.errstate(divide="ignore", invalid="ignore"):
            a = np.where(q > 0.0, (self.largest * self.unit + self.won) / (2.0 * q), 0.0)
        return a, a * np.sqrt(q)

    def step(self, g, of_b, s):
        self.largest = max(self.largest, np.abs(of_b).max())
        touched = self.touched[:, None]
        self.farthest = np.where(touched, np.maximum(self.farthest, np.abs(self.row)[:, None]), self.farthest)
        most = self.stake()[1]
        self.won = self.won - g * np.clip(self.w, -most, most)
        again = touched & (self.n > 0.0)
        self.mean = np.where(again, self.mean + (self.w - self.mean) * 3.0 / (self.n + 2.0), self.mean)
        self.n = self.n + touched
        self.theta, self.squares = self.theta + g, self.squares + g**2
        a, most = self.stake()
        w = self.prox(-self.theta * a, (self.total_weight or self.t + s) * a)
        self.w = np.clip(w, -most, most)
        if self.fit_intercept:
            self.b_squares += of_b**2
            root = np.sqrt(self.largest**2 + self.b_squares)
            self.b -= 0.1 * self.unit * of_b / np.where(root > 0.0, root, 1.0)


TWINS = {"ftrl": DenseFTRL, "prox_sgd": DenseProxSGD, "adagrad": DenseAdaGrad, "coin_betting": DenseCoinBetting}

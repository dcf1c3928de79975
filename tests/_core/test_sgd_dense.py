"""Stochastic gradient steps over dense rows: the bits of their entries one by one on every width of registers."""

import numpy as np
import pytest
from support.kernel_calls import loss_of

from sparsereg._core import sgd, sgd_dense, state_table
from sparsereg._core.optimizers import FTRL
from sparsereg._core.penalties import ElasticNet
from sparsereg._core.state_table import StateTable

NONE, AS_THEY_LIE = np.empty(0), np.empty(0, dtype=np.int32)
NO_WIDE, NO_NARROW = np.empty((0, 0)), np.empty((0, 0), dtype=np.float32)


@pytest.fixture
def lanes():
    """Give registers of a width back their freedom."""
    yield sgd_dense.use_lanes
    sgd_dense.use_lanes(64)


class Fit:
    """A fit to dense rows, with all that kernels keep."""

    def __init__(self, n_columns, loss="logistic", l1_ratio=1.0, eta0=0.3, beta=1.0, fit_intercept=True):
        self.loss, self.penalty = loss_of(loss), ElasticNet(1e-2, l1_ratio)
        self.optimizer = FTRL(eta0, beta, 0.0)
        self.states = np.zeros((n_columns, 1))
        self.intercept = np.zeros((2, 1) if fit_intercept else (0, 0))
        self.totals, self.n_rows = np.zeros(2), np.zeros(1, dtype=np.int64)

    def learn(self, X, y, weight=NONE, *, in_lanes=True, order=AS_THEY_LIE, unit=NONE):
        rows = (NO_WIDE, X, order) if X.dtype == np.float32 else (X, NO_NARROW, order)
        data = (*rows, y[:, None], weight, unit, self.states, self.intercept, self.totals, self.n_rows)
        if in_lanes:
            strengths = self.penalty.strength, self.penalty.alpha * (1.0 - self.penalty.l1_ratio)
            return sgd_dense.learn(self.loss, self.optimizer, *strengths, *data)
        return self.learn_entries(X[order] if order.size else X, y, weight, unit)

    def learn_entries(self, X, y, weight, unit):
        """Learn from the entries that are not 0, in places of a table, one by one."""
        row, column = map(np.ascontiguousarray, np.nonzero(X))
        indptr = np.append(0, np.cumsum(np.count_nonzero(X, axis=1)))
        table, places = StateTable(1, 2 * X.shape[1]), np.empty(X.shape[1], dtype=np.uint32)
        state_table.find_or_enter(np.arange(X.shape[1]), table, places)
        table.states[...] = self.states
        self.optimizer.in_lanes = False
        code = sgd.learn(
            self.loss, self.penalty, self.optimizer, False, indptr, column, column.astype(np.uint32),
            X[row, column].astype(float), y[:, None], weight, unit, X.shape[1], table, self.intercept, self.totals,
            self.n_rows, np.empty(0, dtype=np.uint8), 1, 0.0, 0,
        )
        self.states[...] = table.states
        return code

    def bits(self):
        return self.states.tobytes(), self.intercept.tobytes(), self.totals.tobytes(), self.optimizer.clock


def rows_and_targets(n_columns, n_rows=80, share=0.7, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns)) * (rng.random((n_rows, n_columns)) < share)
    return X, (X.sum(axis=1) + rng.normal(size=n_rows) > 0.0).astype(float), rng.choice([0.0, 0.5, 1.0, 3.0], n_rows)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared"])
@pytest.mark.parametrize(("n_columns", "l1_ratio"), [(1, 1.0), (7, 0.5), (8, 1.0), (37, 0.0)])
def test_registers_of_every_width_have_the_bits_of_entries_one_by_one(lanes, width, loss, n_columns, l1_ratio):
    lanes(width)
    X, y, weight = rows_and_targets(n_columns)
    general, wide = Fit(n_columns, loss, l1_ratio), Fit(n_columns, loss, l1_ratio)
    assert general.learn(X, y, weight, in_lanes=False, unit=weight + 0.5) == sgd_dense.DONE
    for start, stop in [(0, 1), (1, 30), (30, 80)]:
        part = slice(start, stop)
        assert wide.learn(X[part], y[part], weight[part], unit=weight[part] + 0.5) == sgd_dense.DONE
    assert general.states.any()
    assert wide.bits() == general.bits()


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_no_intercept_and_no_delay(beta):
    X, y, _ = rows_and_targets(9)
    general, wide = Fit(9, beta=beta, fit_intercept=False), Fit(9, beta=beta, fit_intercept=False)
    general.learn(X, y, in_lanes=False)
    wide.learn(X, y)
    assert wide.bits() == general.bits()


@pytest.mark.parametrize("layout", ["float32", "columns", "every second", "drawn"])
def test_values_in_any_layout(layout):
    X, y, _ = rows_and_targets(13)
    X = X.astype(np.float32).astype(float)
    order = AS_THEY_LIE
    given = {
        "float32": X.astype(np.float32), "columns": np.asfortranarray(X), "drawn": X[::-1].copy(),
        "every second": np.repeat(X, 2, axis=1)[:, ::2],
    }[layout]
    if layout == "drawn":
        order = np.arange(len(X), dtype=np.int32)[::-1].copy()
    for in_lanes in (True, False):
        plain, other = Fit(13), Fit(13)
        plain.learn(X, y, in_lanes=in_lanes)
        other.learn(given, y, in_lanes=in_lanes, order=order)
        assert other.bits() == plain.bits()
    rows = (NO_WIDE, given, order) if layout == "float32" else (given, NO_NARROW, order)
    w = np.random.default_rng(1).normal(size=(3, 13))
    t = np.zeros((len(X), 3))
    sgd_dense.decision(*rows, w, t)
    expected = np.zeros_like(t)
    for k in range(13):
        expected += X[:, k, None] * w[:, k]
    np.testing.assert_array_equal(t, expected)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("place", [0, 5, 8])
def test_a_step_that_is_not_finite_is_not_taken(lanes, width, place):
    lanes(width)
    X, y, _ = rows_and_targets(9, share=1.0)
    fit = Fit(9, "squared")
    fit.learn(X, y)
    before = fit.bits()
    bad = X[:2].copy()
    bad[0, place] = 1e30
    assert fit.learn(bad, y[:2] + 1e15) == sgd_dense.DIVERGED
    assert fit.bits() == before
    assert fit.n_rows[0] == len(X)


def test_a_zero_leaves_a_state_alone(lanes):
    X, y, _ = rows_and_targets(8, share=1.0)
    fit = Fit(8)
    fit.learn(X, y)
    kept = fit.states[[2, 5]].copy()
    X[:, [2, 5]] = 0.0
    fit.learn(X, y)
    np.testing.assert_array_equal(fit.states[[2, 5]].view(np.int64), kept.view(np.int64))

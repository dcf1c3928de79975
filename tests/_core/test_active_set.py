"""The parametric active set: optimality conditions, warm starts, ties, giving up."""

import signal

import numpy as np
import pytest

from sparsereg._core.active_set import ActiveSet

KINDS = ("normal", "binary", "duplicated", "negated", "rank 4", "rounded")


def columns_of(kind, rng, n_rows, n_columns):
    X = rng.normal(size=(n_rows, n_columns))
    copies = rng.integers(0, n_columns // 3 + 1, n_columns)
    return {
        "normal": X, "binary": (X > 0.5) * 1.0, "duplicated": X[:, copies],
        "negated": X[:, copies] * rng.choice([1.0, -1.0, 2.0], n_columns), "rounded": np.round(X),
        "rank 4": X[:, :4] @ rng.normal(size=(min(4, n_columns), n_columns)),
    }[kind]


def csc_of(X):
    n_rows, n_columns = X.shape
    indices = np.tile(np.arange(n_rows, dtype=np.int32), n_columns)
    return X.T.ravel().copy(), indices, np.arange(0, X.size + 1, n_rows, dtype=np.int64)


class Fit:
    """Solves min |y - X w|^2 / 2 + threshold' |w| + ridge' w^2 / 2 with the kernel."""

    def __init__(self, X, y, ridge=0.0, lower=-np.inf):
        self.X, self.y, (n_rows, n_columns) = X, y, X.shape
        self.ridge, self.lower = np.full(n_columns, ridge), np.full(n_columns, lower)
        self.w, self.columns = np.zeros(n_columns), np.arange(n_columns, dtype=np.int32)
        n_members = n_columns if ridge else min(X.shape)
        self.kernel = ActiveSet(n_columns, n_rows, n_columns, n_members)

    def __call__(self, threshold, columns=None, max_events=10_000, resumes=False):
        columns = self.columns if columns is None else columns
        self.kernel.hold(*csc_of(self.X), columns, np.ones(1), np.zeros(columns.size))
        w, z, v = self.w[columns], np.empty(self.X.shape[0]), np.empty(columns.size)
        bounds = self.lower[columns], np.full(columns.size, np.inf)
        excess = self.kernel.solve(
            self.y, w, z, v, np.broadcast_to(threshold, self.w.shape)[columns], self.ridge[columns], *bounds,
            0.5 * self.y @ self.y, max_events, resumes,
        )
        self.w[columns] = w
        self.z, self.v = z, v
        return excess

    def violation(self, threshold):
        """Largest distance from the optimality conditions, relative to the thresholds."""
        v = self.X.T @ (self.y - self.X @ self.w) - self.ridge * self.w
        inside = np.maximum(np.where(self.lower < 0.0, np.abs(v), v) - threshold, 0.0)
        return np.max(np.where(self.w != 0.0, np.abs(v - threshold * np.sign(self.w)), inside) / threshold)

    def objective(self, threshold):
        return 0.5 * np.sum((self.y - self.X @ self.w) ** 2) + threshold * np.abs(self.w).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_the_optimality_conditions_hold_from_any_start(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(8):
        n_rows, n_columns = rng.integers(3, 40), rng.integers(2, 60)
        X, y = columns_of(kind, rng, n_rows, n_columns), rng.normal(size=n_rows)
        ridge, lower = rng.choice([0.0, 0.1]), rng.choice([-np.inf, 0.0])
        fit = Fit(X, y, ridge, lower)
        largest = max(np.abs(X.T @ y).max(), 1e-3)
        for threshold in largest * np.array([0.7, 0.3, 0.5, 0.02]):
            assert fit(threshold) < 1e-7
            assert fit.violation(threshold) < 1e-6
            start = rng.normal(size=n_columns) * (rng.random(n_columns) < 0.3)
            fit.w = np.maximum(start, lower)
        assert fit.kernel.n_members <= n_columns


@pytest.mark.parametrize("kind", KINDS)
def test_solutions_do_not_depend_on_the_way(kind):
    rng = np.random.default_rng(10 + KINDS.index(kind))
    X, y = columns_of(kind, rng, 25, 40), rng.normal(size=25)
    one, other, thresholds = Fit(X, y), Fit(X, y), np.abs(X.T @ y).max() * np.geomspace(0.9, 0.01, 12)
    for threshold in thresholds:
        one(threshold, resumes=True)
    other(thresholds[-1])
    assert one.objective(thresholds[-1]) == pytest.approx(other.objective(thresholds[-1]), rel=1e-10)
    np.testing.assert_allclose(one.z, y - X @ one.w, atol=1e-12)
    np.testing.assert_allclose(one.v, X.T @ one.z, atol=1e-12)


def test_members_stay_from_one_alpha_to_the_next():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 50)), rng.normal(size=30)
    fit, largest = Fit(X, y), np.abs(X.T @ y).max()
    fit(0.3 * largest)
    n_events = fit.kernel.n_events
    np.testing.assert_array_equal(np.sort(fit.kernel.columns), np.flatnonzero(fit.w))
    assert fit(0.29 * largest) < 1e-7
    assert fit.kernel.n_events - n_events <= 3


def test_slots_are_given_to_the_columns_that_need_them():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(20, 60)), rng.normal(size=20)
    fit = Fit(X, y)
    fit.kernel = ActiveSet(60, 20, 25, 20)
    for start in (0, 15, 30, 5):
        fit.w[:] = 0.0
        columns = np.arange(start, start + 25, dtype=np.int32)
        assert fit(5.0, columns) < 1e-7
        part = Fit(X[:, columns], y)
        part(5.0)
        np.testing.assert_allclose(fit.w[columns], part.w, atol=1e-10)


def test_a_column_is_centred_and_weighted():
    rng = np.random.default_rng(2)
    X, y, weight = rng.normal(size=(20, 8)) + 3.0, rng.normal(size=20), rng.uniform(0.1, 1.0, 20)
    weight /= weight.sum()
    mean, root = weight @ X, np.sqrt(weight)
    Z = root[:, None] * (X - mean)
    kernel, w, z, v = ActiveSet(8, 20, 8, 8), np.zeros(8), np.empty(20), np.empty(8)
    kernel.hold(*csc_of(X), np.arange(8, dtype=np.int32), root, mean)
    ends = np.full(8, -np.inf), np.full(8, np.inf)
    kernel.solve(root * y, w, z, v, np.full(8, 0.01), np.zeros(8), *ends, 1.0, 100, False)
    fit = Fit(Z, root * y)
    fit(0.01)
    np.testing.assert_allclose(w, fit.w, atol=1e-12)


def test_giving_up_never_makes_it_worse():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(30, 50)), rng.normal(size=30)
    for max_events in range(1, 40, 3):
        fit, start = Fit(X, y), rng.normal(size=50) * (rng.random(50) < 0.2)
        fit.w = start.copy()
        before = fit.objective(0.1)
        excess = fit(0.1, max_events=max_events)
        assert fit.objective(0.1) <= before * (1 + 1e-10)
        assert np.isfinite(excess) or np.array_equal(fit.w, start)
        assert fit(0.1) < 1e-7


def test_ctrl_c_ends_a_run_half_way():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(300, 500)), rng.normal(size=300)
    whole, fit = Fit(X, y), Fit(X, y)
    assert whole(1e-3) < 1e-7
    handler = signal.signal(signal.SIGPROF, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_PROF, 0.005)
        with pytest.raises(KeyboardInterrupt):
            fit(1e-3)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, handler)
    assert fit.kernel.n_events < whole.kernel.n_events
    assert not fit.w.any()
    # What the kernel has of that run does not matter to the next.
    assert fit(20.0) < 1e-7
    assert fit.violation(20.0) < 1e-6

"""Learning from dense rows: the bits of the same rows without their zeros, whatever comes before and after."""

import numpy as np
import pytest
from support.learner_twins import learner

from sparsereg._core import sgd_dense
from sparsereg.inputs.dense_rows import DenseRows, read_rows
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming import dense_learning
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import DivergenceError
from sparsereg.streaming.threads import learn_in_threads

ALGORITHMS = ["ftrl", "prox_sgd", "adagrad"]


def data(n_outputs=1, n_rows=120, n_columns=9, share=0.7, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns)) * (rng.random((n_rows, n_columns)) < share)
    y = rng.dirichlet(np.ones(3), n_rows) if n_outputs == 3 else (rng.random((n_rows, n_outputs)) < 0.4).astype(float)
    return X, y, rng.choice([0.0, 0.5, 1.0, 3.0], n_rows)


def batch(X, y, weight=None, *, dense=True):
    rows = read_rows(X) if dense else as_rows(X)
    assert isinstance(rows, DenseRows) == dense
    return Batch(rows, y, weight)


def assert_same_bits(a, b):
    states = [(model.table.ids(), model.table.states.view(np.int64)) for model in (a, b)]
    (ids, found), (others, expected) = [(i[np.argsort(i)], s[np.argsort(i)]) for i, s in states]
    np.testing.assert_array_equal(ids, others)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(a.intercept, b.intercept)
    np.testing.assert_allclose(a.totals, b.totals, rtol=1e-12)
    assert a.n_rows == b.n_rows
    assert a.optimizer.clock == b.optimizer.clock
    for one, other in zip(a.coefficients(), b.coefficients(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("loss", "n_outputs", "softmax", "settings"),
    [
        ("logistic", 1, False, {}), ("squared_hinge", 1, False, {}), ("logistic", 3, True, {}),
        ("logistic", 3, False, {}), ("poisson", 1, False, {"sampling": {"dropout": 0.3, "seed": 7}}),
        ("huber", 1, False, {"fit_intercept": False}),
        ("logistic", 1, False, {"sampling": {"min_count": 3}}),
        ("logistic", 1, False, {"sampling": {"drop_stale": 50}}),
    ],
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_zeros_are_entries_that_are_not_there(algorithm, loss, n_outputs, softmax, settings):
    X, y, weight = data(n_outputs)
    make = {"loss": loss, "alpha": 1e-2, "l1_ratio": 0.8, "n_outputs": n_outputs, "softmax": softmax, **settings}
    entries, dense, mixed = (learner(algorithm, **make, eta0=0.1) for _ in range(3))
    for start, stop in [(0, 1), (1, 60), (60, 120)]:
        part = slice(start, stop)
        entries.learn(batch(X[part], y[part], weight[part], dense=False))
        dense.learn(batch(X[part], y[part], weight[part]) if start else Batch(as_rows(X[part]), y[part], weight[part]))
        mixed.learn(batch(X[part], y[part], weight[part], dense=start < 60 and start > 0))
    assert entries.coefficients()[0].size > 3
    assert_same_bits(dense, entries)
    assert_same_bits(mixed, entries)
    np.testing.assert_array_equal(dense.decision(read_rows(X)), entries.decision(as_rows(X)))


@pytest.mark.parametrize("penalty", ["l0", "mcp"])
def test_other_penalties_have_no_lanes(penalty):
    X, y, weight = data()
    entries, dense = learner(penalty=penalty, alpha=1e-2), learner(penalty=penalty, alpha=1e-2)
    assert not dense_learning.takes_dense(dense)
    assert dense_learning.takes_dense(learner())
    entries.learn(batch(X, y, weight, dense=False))
    dense.learn(batch(X, y, weight))
    assert_same_bits(dense, entries)


def test_columns_without_zeros_lie_side_by_side_in_the_table():
    X, y, _ = data(share=1.0)
    model = learner(alpha=1e-2)
    model.learn(batch(X, y))
    states = dense_learning.DenseStates(model, X.shape[1])
    assert np.shares_memory(states.array, model.table.states)
    # Where others came in between, or in another order, they are copied.
    other, entries = learner(alpha=1e-2), learner(alpha=1e-2)
    for one in (other, entries):
        one.start_from(np.array([4, 1]), np.ones((2, 1)))
    other.learn(batch(X, y))
    entries.learn(batch(X, y, dense=False))
    assert not np.shares_memory(dense_learning.DenseStates(other, X.shape[1]).array, other.table.states)
    assert_same_bits(other, entries)


def test_columns_that_no_row_fills_are_not_touched():
    X, y, weight = data(share=1.0)
    X[:, 4] = X[60:, 6] = 0.0
    weight[:60] = 0.0
    model = learner()
    model.learn(batch(X, y, weight))
    assert sorted(model.table.ids()) == [0, 1, 2, 3, 5, 7, 8]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rows_before_one_that_diverges_are_learned(algorithm):
    X, y, _ = data(share=1.0)
    X[80:, 2], X[:80, 2] = X[:80, 2].mean(), 0.0
    X[70, 1] = 1e300
    entries, dense = (learner(algorithm, loss="squared", eta0=0.01) for _ in range(2))
    for model, is_dense in ((entries, False), (dense, True)):
        with pytest.raises(DivergenceError, match="row 70 of the stream"):
            model.learn(batch(X, y, dense=is_dense))
        assert model.n_rows == 70
    assert dense.n_touched == 8
    assert_same_bits(dense, entries)


def test_what_was_learned_before_an_interruption_is_kept(monkeypatch):
    X, y, weight = data()
    entries, dense = learner(), learner()
    whole = sgd_dense.learn

    def interrupted(loss, optimizer, l1, l2, wide, narrow, order, y, weight, *rest):
        whole(loss, optimizer, l1, l2, wide[:50], narrow, order, y[:50], weight[:50], *rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(sgd_dense, "learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dense.learn(batch(X, y, weight))
    entries.learn(batch(X[:50], y[:50], weight[:50], dense=False))
    assert_same_bits(dense, entries)


@pytest.mark.parametrize("average", [-1.0, 10.0])
def test_worn_states_are_renewed(average):
    X, y, _ = data(n_rows=1_500)
    entries, dense = (learner("prox_sgd", alpha=0.5, l1_ratio=0.1, power_t=0.0, average=average) for _ in range(2))
    entries.learn(batch(X, y, dense=False))
    dense.learn(batch(X, y))
    assert dense.optimizer.clock[1] > 1e-70  # scales were set back
    assert_same_bits(dense, entries)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_threads_give_the_bits_of_one(algorithm):
    X, y, weight = data()
    alone, together, hogwild = (learner(algorithm, alpha=1e-2, eta0=0.1) for _ in range(3))
    alone.learn(batch(X, y, weight))
    learn_in_threads(together, batch(X, y, weight), 2, False)
    assert_same_bits(together, alone)
    learn_in_threads(hogwild, batch(X, y, weight), 2, True)
    assert hogwild.n_rows == alone.n_rows
    assert hogwild.n_touched == alone.n_touched


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_parts_of_any_size_give_the_same_bits(n_outputs, monkeypatch):
    X, y, weight = data(n_outputs)
    whole, cut = (learner(alpha=1e-2, n_outputs=n_outputs, softmax=n_outputs > 1) for _ in range(2))
    whole.learn(batch(X, y, weight))
    for part in cut.parts(batch(X, y, weight), 50):
        assert part.n_rows <= max(50 // n_outputs // X.shape[1], 1)
        cut.learn_part(part)
    assert_same_bits(cut, whole)
    drawn = np.random.default_rng(1).permutation(len(X))
    one, other = (learner(alpha=1e-2, n_outputs=n_outputs, softmax=n_outputs > 1) for _ in range(2))
    one.learn(Batch(read_rows(X).take(drawn), y[drawn], weight[drawn]))
    other.learn(batch(X[drawn], y[drawn], weight[drawn]))
    assert_same_bits(one, other)

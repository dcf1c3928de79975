"""Rows whose first entries have the same ids: what they make of states and predictions is what rows alone make."""

import numpy as np
import pytest
from support.learner_twins import learner

from sparsereg.inputs.rows import Rows
from sparsereg.streaming.batch import Batch, rows_between
from sparsereg.streaming.learner import DivergenceError

N_ROWS = 90


def numbers_beside_categories(n_numbers=3, first_id=5, wide=2**40, empty=(), seed=0):
    """Make rows of some numbers, zeros among them, and of categories: as many in each row as its number says."""
    rng = np.random.default_rng(seed)
    ids, values, indptr = [], [], [0]
    for i in range(N_ROWS):
        categories = np.sort(rng.choice(40, size=i % 4, replace=False)) * (wide // 64) + 1000
        row = [] if i in empty else [*range(first_id, first_id + n_numbers), *categories]
        ids += row
        values += (rng.normal(size=len(row)) * (rng.random(len(row)) < 0.7)).tolist()
        indptr.append(len(ids))
    indptr, ids = np.array(indptr, dtype=np.int64), np.array(ids, dtype=np.int64)
    rows = Rows(indptr, ids, np.array(values), N_ROWS, 2**62, is_sorted=True, has_zeros=True)
    return rows, (rng.random((N_ROWS, 1)) < 0.4).astype(float), rng.choice([0.0, 1.0, 2.5], N_ROWS)


def state(model):
    order = np.argsort(model.table.ids())
    return [
        model.table.ids()[order].tobytes(), model.table.states[order].tobytes(), model.intercept.tobytes(),
        model.n_rows, model.optimizer.clock,
    ]


def one_by_one(model, batch):
    for i in range(batch.n_rows):
        model.learn(batch.between(i, i + 1))


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
@pytest.mark.parametrize(
    ("make", "sampling"),
    [
        ({}, {}), ({"n_numbers": 1}, {}), ({"n_numbers": 60}, {}), ({"empty": [40]}, {}), ({"empty": [88, 89]}, {}),
        ({"empty": [0]}, {}), ({}, {"min_count": 3}), ({}, {"drop_stale": 7}), ({}, {"dropout": 0.3, "seed": 1}),
    ],
)
def test_states_are_those_of_rows_alone(algorithm, make, sampling):
    rows, y, weight = numbers_beside_categories(**make)
    together, alone = (learner(algorithm, alpha=1e-2, eta0=0.1, sampling=sampling) for _ in range(2))
    together.learn(Batch(rows, y, weight))
    one_by_one(alone, Batch(rows, y, weight))
    assert state(together) == state(alone)
    if not sampling:
        expected = [alone.decision(rows_between(rows, i, i + 1)) for i in range(N_ROWS)]
        np.testing.assert_array_equal(together.decision(rows), np.concatenate(expected))


def test_ids_found_ahead_of_a_row_that_diverges_are_taken_back():
    rows, y, _ = numbers_beside_categories()
    rows.data[:] = 1.0
    # The numbers come first where nothing is learned any more.
    rows.data[rows.indptr[:-1]] = 0.0
    rows.data[rows.indptr[30] + 1] = 1e300
    together, alone = (learner("prox_sgd", loss="squared", eta0=0.01) for _ in range(2))
    for learn in (together.learn, lambda batch: one_by_one(alone, batch)):
        with pytest.raises(DivergenceError, match="row 30 of the stream"):
            learn(Batch(rows, y))
    assert 5 not in together.table.ids()
    assert set(together.table.ids()) == set(alone.table.ids())
    assert state(together) == state(alone)


def test_a_table_that_grows_under_them():
    rows, y, weight = numbers_beside_categories(n_numbers=1_500)
    together, alone = learner(alpha=1e-2), learner(alpha=1e-2)
    together.learn(Batch(rows, y, weight))
    one_by_one(alone, Batch(rows, y, weight))
    assert together.n_touched > 1_400
    assert state(together) == state(alone)

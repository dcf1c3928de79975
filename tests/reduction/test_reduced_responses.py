"""Several responses on the same rows."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from support.reductions import assert_same, equal_rows, parts_of, target

from sparsereg import HuberRegressor, Lasso, LassoCV, Reduced, lasso_path, regularization_path
from sparsereg.reduction.scratch import mapping_of


def responses(loss, n=300):
    X, effect, weight = equal_rows(n)
    return X, np.column_stack([target(loss, effect, 1), target(loss, -effect, 2), target(loss, 0 * effect, 3)]), weight


@pytest.mark.parametrize("loss", ["squared", "poisson", "huber"])
def test_each_response_is_that_of_the_rows(loss):
    X, y, weight = responses(loss)
    fold = np.arange(300) % 3
    reduced = Reduced.merge_all(parts_of(X, y, weight, (0, 120, 200), loss=loss, fold=fold))
    assert reduced.n_responses == 3
    assert "3 responses" in repr(reduced)
    for k in range(3):
        one = reduced.response(k)
        assert one.entries.rows is reduced.entries.rows
        assert np.shares_memory(one.entries.sums.columns[0], reduced.entries.sums.columns[k])
        alone = Reduced.of(X, y[:, k], weight, loss=loss, fold=fold)
        # Rows of Huber's loss that differ in another response stay apart, until they are merged.
        assert_same(one if loss != "huber" else Reduced.merge_all([one]), alone)
        paths = [regularization_path(each, loss=loss, alphas=[0.1, 0.01], tol=1e-11) for each in (one, alone)]
        np.testing.assert_allclose(paths[0].objectives, paths[1].objectives, rtol=1e-9)
        assert paths[0].evaluate(one)["mse" if loss != "poisson" else "deviance"] == pytest.approx(
            paths[0].evaluate(X, y[:, k], weight)["mse" if loss != "poisson" else "deviance"]
        )


def test_held_out_rows_go_with_their_response():
    X, y, weight = responses("squared")
    reduced = Reduced.of_blocks([(X, y, weight)], loss="squared", n_folds=3, holdout=0.25)
    one = reduced.response(2)
    assert (one.n_responses, one.held_out.n_responses, one.held_out.n_samples) == (1, 1, 75)
    assert LassoCV(n_alphas=5).fit(one).evaluate(one.held_out)["mse"] > 0.0
    assert one.response(0).entries.sums is one.entries.sums


def test_what_is_spilled_has_all_responses(tmp_path):
    rng = np.random.default_rng(0)
    X, y = sparse.csr_array(np.eye(300)[rng.integers(0, 300, 2000)]), rng.integers(0, 3, (2000, 2)).astype(float)
    blocks = [(X[k : k + 50], y[k : k + 50]) for k in range(0, 2000, 50)]
    settings = {"loss": "huber", "n_folds": 2}
    spilled = Reduced.of_blocks(blocks, **settings, memory_limit=150_000, spill_folder=tmp_path)
    assert mapping_of(spilled.entries.rows.indices) is not None
    assert_same(spilled, Reduced.of_blocks(blocks, **settings))
    one = pickle.loads(pickle.dumps(spilled)).response(1)
    assert_same(Reduced.merge_all([one]), Reduced.of_blocks([(X, y[:, 1]) for X, y in blocks], **settings))


def test_column_vectors_are_one_response():
    X, y, _ = responses("squared")
    with pytest.warns(UserWarning, match="column-vector"):
        reduced = Reduced.of(X, y[:, :1], loss="squared")
    assert_same(reduced, Reduced.of(X, y[:, 0], loss="squared"))
    assert reduced.n_responses == 1


def test_what_does_not_go():
    X, y, _ = responses("squared", 60)
    reduced, labels = Reduced.of(X, y, loss="squared"), Reduced.of(X, y[:, 0] > 50, loss="logistic")
    assert labels.n_responses == 1
    calls = {
        r"this reduction has 3 responses, expected one: X.response\(k\) of k in \[0, 3\)": lambda: Lasso().fit(reduced),
        r"this reduction has 3 responses": lambda: lasso_path(reduced),
        r"has 3 responses, expected": lambda: Lasso(0.1).fit(X, y[:, 0]).evaluate(reduced),
        r"has 3 responses, expected one": lambda: HuberRegressor().fit(Reduced.of(X, y, loss="huber")),
        r"k: 3 is outside \[0, 3\)": lambda: reduced.response(3),
        r"k: -1 is outside": lambda: reduced.response(-1),
        r"response 1 \(the first is 0\): y: -1 in row 0": lambda: Reduced.of([[1.0]], [[1.0, -1.0]], loss="poisson"),
        r"response 1 .*NaN": lambda: Reduced.of([[1.0]], [[1.0, np.nan]], loss="squared"),
        r"y: no columns": lambda: Reduced.of(X, y[:, :0], loss="squared"),
        r"block 1 .*y: 2 responses, where the rows before had 3": lambda: Reduced.of_blocks(
            [(X, y), (X, y[:, :2])], loss="squared"
        ),
    }  # fmt: skip
    for message, call in calls.items():
        with pytest.raises(ValueError, match=message):
            call()
    for k in (True, 1.0, "y"):
        with pytest.raises(TypeError, match="expected a whole number"):
            reduced.response(k)

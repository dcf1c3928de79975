"""Reductions within a limit of memory: what they hold is that without one, whatever was spilled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from support.reductions import TARGETS, assert_same, equal_rows, target

from sparsereg import Reduced, regularization_path
from sparsereg._core.losses import Squared
from sparsereg.reduction import intake, spilling
from sparsereg.reduction.builder import Accumulator
from sparsereg.reduction.scratch import Scratch, mapping_of

# What tables that are all but empty take, and a little more; with rows held out there are twice as many.
LIMITS = {"huber": (110_000, 200_000)}
LIMIT, LIMIT_OF_TWO = 65_000, 90_000


def blocks_of(loss, with_values=False, n=1200, step=60, dtype=np.float64):
    """Return blocks of rows of which some are equal, in one block and in several."""
    X, effect, weight = equal_rows(n, with_values=with_values)
    X.indices[::3] += np.random.default_rng(0).integers(0, 300, n)
    X, y = X.astype(dtype), target(loss, effect)
    return [(X[k : k + step], y[k : k + step], weight[k : k + step]) for k in range(0, n, step)]


def within(blocks, monkeypatch, limit=None, **settings):
    """Reduce blocks within a limit; return the reduction, and how many runs were spilled."""
    runs, spill = [], spilling.spill
    monkeypatch.setattr(intake, "spill", lambda *given: runs.append(spill(*given)) or runs[-1])
    if limit is None:
        limit = LIMITS.get(settings["loss"], (LIMIT, LIMIT_OF_TWO))["holdout" in settings]
    return Reduced.of_blocks(blocks, memory_limit=limit, **settings), len(runs)


@pytest.mark.parametrize("drawn", [{}, {"n_folds": 3}, {"n_folds": 2, "holdout": 0.3}])
@pytest.mark.parametrize("with_values", [False, True])
@pytest.mark.parametrize("loss", TARGETS)
def test_the_content_is_that_without_a_limit(loss, with_values, drawn, monkeypatch, tmp_path):
    blocks = blocks_of(loss, with_values)
    whole = Reduced.of_blocks(blocks, loss=loss, **drawn)
    found, n_runs = within(blocks, monkeypatch, loss=loss, spill_folder=tmp_path, **drawn)
    assert n_runs > 1
    assert_same(whole, found)
    assert mapping_of(found.entries.rows.indices) is not None
    if "holdout" in drawn:
        assert_same(whole.held_out, found.held_out)
    assert not any(tmp_path.iterdir())


def test_ranges_are_merged_one_by_one(monkeypatch):
    blocks = blocks_of("logistic", n=4000)
    ranges, chosen = [], spilling.Merger.ranges
    monkeypatch.setattr(spilling.Merger, "ranges", lambda merger: ranges.append(chosen(merger)) or ranges[-1])
    found, n_runs = within(blocks, monkeypatch, loss="logistic")
    assert n_runs > 3
    assert len(ranges[0]) > 3
    assert [ranges[0][0][0], ranges[0][-1][1]] == [0, spilling.N_BUCKETS]
    assert all(one[1] == other[0] for one, other in zip(ranges[0], ranges[0][1:]))
    assert_same(Reduced.of_blocks(blocks, loss="logistic"), found)


@settings(max_examples=20)
@given(data=st.data())
def test_any_values_in_any_order(data):
    """Ones, float32 and float64 in turn, rows without entries, classes that come late, strings among them."""
    kinds = data.draw(st.lists(st.sampled_from(["ones", "float32", "float64", "empty"]), min_size=3, max_size=6))
    rng, blocks = np.random.default_rng(len(kinds)), []
    for k, kind in enumerate(kinds):
        values = np.ones(120) if kind == "ones" else rng.integers(1, 4, 120) / 2.0
        columns = rng.integers(0, 9, 40)[:, None] + 10 * np.arange(3)
        X = sparse.csr_array((values, columns.ravel(), 3 * np.arange(41)), shape=(40, 30))
        X = X.astype(np.float32) if kind == "float32" else X
        X = X * 0.0 if kind == "empty" else X
        blocks.append((X, np.array(["a", "b", f"late{k}"])[rng.integers(0, 3, 40)]))
    whole = Reduced.of_blocks(blocks, loss="logistic")
    found = Reduced.of_blocks(blocks, loss="logistic", memory_limit=72_000)
    assert_same(whole, found)
    assert found.entries.rows.data.dtype == whole.entries.rows.data.dtype


def test_equal_rows_are_in_one_bucket_whatever_else_there_is():
    X = sparse.csr_array(np.eye(40)[:, :30])
    some, ones = Accumulator(Squared(), False), Accumulator(Squared(), False)
    ones.add(X, np.zeros(40), None)
    some.add(sparse.vstack([X[5:] * 2.0, X]).astype(np.float32), np.zeros(75), None)
    (left, counts), (right, _) = (spilling.buckets(a.finish().rows) for a in (ones, some))
    # Rows from 30 on have no entry, and are one.
    assert set(left) < set(right)
    assert np.unique(left).size > 25
    assert counts.sum() == 30


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_fits_are_those_without_a_limit(loss, monkeypatch):
    blocks = blocks_of(loss)
    whole, (found, n_runs) = Reduced.of_blocks(blocks, loss=loss), within(blocks, monkeypatch, loss=loss)
    assert n_runs > 1
    one, other = (regularization_path(r, loss=loss, n_alphas=5, tol=1e-10) for r in (whole, found))
    np.testing.assert_allclose(one.objectives, other.objectives, rtol=1e-9)
    np.testing.assert_array_equal(one.df, other.df)
    for name, values in one.evaluate(whole).items():
        np.testing.assert_allclose(values, other.evaluate(found)[name], rtol=1e-6, atol=1e-9)


def test_blocks_after_a_spill_are_compared_with_those_before(monkeypatch):
    blocks = blocks_of("logistic")
    bad = (sparse.csr_array(np.eye(3)), [0, 1, 0])
    with pytest.raises(ValueError, match=r"block 20 .*3 features, where the rows before had 3000000000"):
        within([*blocks, bad], monkeypatch, loss="logistic")
    with pytest.raises(TypeError, match=r"block 20 .*labels like 'a', where blocks before had ones like 0"):
        within([*blocks, (blocks[0][0], ["a"] * 60)], monkeypatch, loss="logistic")


def test_limits_that_are_too_small_say_what_is_needed(monkeypatch, tmp_path):
    blocks = blocks_of("squared")
    message = r"block 0 .*memory_limit: 20 kB is too little for a block of 60 rows and 180 non-zeros, .* at least .* kB"
    with pytest.raises(ValueError, match=message):
        Reduced.of_blocks(blocks, loss="squared", memory_limit="20 kB")
    # One row of very many targets is in one bucket.
    same = [(np.ones((100, 1)), np.arange(100.0) + 100 * k) for k in range(60)]
    with pytest.raises(ValueError, match=r"memory_limit: 200 kB is too little to merge .* of which .* kB must be held"):
        Reduced.of_blocks(same, loss="huber", memory_limit="200 kB", spill_folder=tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"memory_limit": "much"}, ValueError, "memory_limit: 'much' is not allowed"),
        ({"memory_limit": 0.5}, TypeError, r"memory_limit: 0\.5 is not allowed"),
        ({"spill_folder": "no/such"}, ValueError, "spill_folder: 'no/such' is no folder"),
        ({"spill_folder": 7}, TypeError, "spill_folder: 7 is not allowed"),
    ],
)
def test_settings_are_checked_before_anything_is_read(wrong, error, message):
    def never():
        raise AssertionError
        yield

    with pytest.raises(error, match=message):
        Reduced.of_blocks(never(), loss="squared", **wrong)


def test_what_ends_a_reduction_leaves_nothing(monkeypatch, tmp_path):
    closed, close = [], Scratch.close
    monkeypatch.setattr(Scratch, "close", lambda scratch: closed.append(scratch) or close(scratch))

    def interrupted():
        yield from blocks_of("squared")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Reduced.of_blocks(interrupted(), loss="squared", memory_limit=LIMIT, spill_folder=tmp_path)
    assert len(closed) == 1
    assert not any(tmp_path.iterdir())


def test_the_limit_is_kept(monkeypatch):
    held = []
    add = Accumulator.add

    def watched(accumulator, *given, **settings):
        add(accumulator, *given, **settings)
        held.append(accumulator.bytes_with(0, 0))

    monkeypatch.setattr(Accumulator, "add", watched)
    within(blocks_of("poisson", with_values=True, n=3000), monkeypatch, loss="poisson")
    assert 0.4 * LIMIT < max(held) <= LIMIT

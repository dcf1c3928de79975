"""FTRL two coefficients at once: the bits of the plain code, whatever the stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.learner_twins import TWINS, dense_of, learner, rows_of

from sparsereg._core.losses import LOSSES
from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.rows import Rows
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import DivergenceError

POOLS = {"narrow": np.arange(3, 3 + 60), "wide": np.append(np.arange(40) * 2**57 // 9, 2**62 + np.arange(20))}
# From floats without all their digits to squares beyond the range of doubles.
SIZES = [1e-42, 1e-30, 1e-12, 1.0, 1e12, 1e30, 1e160]


def stream(rng, n_outputs, softmax, pool, longest, sizes, with_ones):
    """Make a few rows of any length, with stored zeros, and targets that suit every loss."""
    n = int(rng.integers(1, 25))
    lengths = rng.integers(0, longest + 1, n)
    indptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
    ids = [np.sort(rng.choice(pool, k, replace=False)) for k in lengths]
    indices = np.concatenate(ids).astype(np.int64)
    data = np.ones(indices.size)
    if not with_ones:
        data = rng.normal(size=indices.size) * rng.choice(sizes, indices.size) * (rng.random(indices.size) > 0.1)
    y = rng.dirichlet(np.ones(n_outputs), n) if softmax else rng.choice([0.0, 0.3, 1.0], (n, n_outputs))
    return Rows(indptr, indices, data, n, 2**63 - 1, True, bool((data == 0.0).any())), y


def learned(rows, y, weight, unit, in_lanes, **settings):
    """Learn, as far as it goes; return what there is then, and the message if it diverged."""
    model = learner(**settings)
    model.optimizer.in_lanes = in_lanes
    message = ""
    try:
        model.learn(Batch(rows, y, weight, unit))
    except DivergenceError as error:
        message = str(error)
    state = model.state()
    parts = [state["ids"], state["states"], model.intercept, model.totals, np.array(model.optimizer.clock)]
    return [np.ascontiguousarray(part).tobytes() for part in parts], message


settings_of_lanes = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([0.0, 1e-7, 1e-3, 0.3]),
        "l1_ratio": st.sampled_from([0.0, 0.5, 1.0]),
        "eta0": st.sampled_from([1e-9, 0.1, 3.0]),
        "beta": st.sampled_from([0.0, 1.0]),
        "total_weight": st.sampled_from([0.0, 25.0]),
        "fit_intercept": st.booleans(),
    }
)


@pytest.mark.parametrize("loss", sorted(LOSSES))
@given(
    seed=st.integers(0, 2**32 - 1), options=settings_of_lanes, n_outputs=st.sampled_from([1, 1, 1, 2, 3, 8]),
    softmax=st.booleans(), pool=st.sampled_from(sorted(POOLS)), longest=st.sampled_from([3, 5, 40]),
    sizes=st.sampled_from([[1.0], SIZES[:4], SIZES]), with_ones=st.booleans(), weighted=st.booleans(),
    dropout=st.sampled_from([0.0, 0.3]),
)
def test_bits_are_those_of_the_plain_code(
    loss, seed, options, n_outputs, softmax, pool, longest, sizes, with_ones, weighted, dropout
):
    """States, intercepts, totals and the clock; a row that diverges does so in both, and leaves nothing behind."""
    rng = np.random.default_rng(seed)
    softmax = softmax and n_outputs > 1
    rows, y = stream(rng, n_outputs, softmax, POOLS[pool], longest, sizes, with_ones)
    weight = rng.choice([0.0, 0.25, 1.0, 7.0], len(y)) if weighted else None
    unit = rng.choice([1.0, 3.0], len(y)) if weighted else None
    options = options | {"loss": loss, "n_outputs": n_outputs, "softmax": softmax}
    options["sampling"] = {"dropout": dropout, "seed": seed}
    plain = learned(rows, y, weight, unit, False, **options)
    assert learned(rows, y, weight, unit, True, **options) == plain


@pytest.mark.parametrize("n_outputs", [1, 2, 3])
@pytest.mark.parametrize("n", range(1, 12))
@pytest.mark.parametrize("entry", ["first", "last"])
def test_a_step_that_is_not_finite_is_found_in_every_place(n_outputs, n, entry):
    """An infinite state, alone among finite ones, is one that no state and no intercept remembers."""
    rng = np.random.default_rng(n)
    X = np.ones((3, n))
    X[1, 0 if entry == "first" else -1] = 1e160
    y = rng.dirichlet(np.ones(n_outputs), 3) if n_outputs > 1 else np.array([[1.0], [0.0], [1.0]])
    settings = {"n_outputs": n_outputs, "softmax": n_outputs > 1, "fit_intercept": True}
    model, before = learner("ftrl", **settings), learner("ftrl", **settings)
    rows = rows_of(X, np.arange(n))
    before.learn(Batch(rows, y).between(0, 1))
    with pytest.raises(DivergenceError, match="row 1 of the stream"):
        model.learn(Batch(rows, y))
    assert model.state()["states"].tobytes() == before.state()["states"].tobytes()
    assert model.intercept.tobytes() == before.intercept.tobytes()
    assert model.totals.tobytes() == before.totals.tobytes()


@settings(max_examples=20)
@pytest.mark.parametrize("in_lanes", [True, False])
@given(seed=st.integers(0, 2**32 - 1), n_outputs=st.sampled_from([1, 3]), alpha=st.sampled_from([0.0, 0.01]))
def test_long_rows_are_those_of_the_twin(in_lanes, seed, n_outputs, alpha):
    rng = np.random.default_rng(seed)
    ids = POOLS["wide"]
    X = rng.normal(size=(12, ids.size)) * (rng.random((12, ids.size)) < rng.random((12, 1)))
    y = rng.dirichlet(np.ones(n_outputs), 12) if n_outputs > 1 else rng.integers(0, 2, (12, 1)).astype(float)
    settings = {"n_outputs": n_outputs, "softmax": n_outputs > 1, "alpha": alpha, "l1_ratio": 0.5}
    dense = TWINS["ftrl"](ids.size, **settings)
    dense.learn(X, y, np.ones(12))
    model = learner("ftrl", **settings)
    model.optimizer.in_lanes = in_lanes
    model.learn(Batch(rows_of(X, ids), y))
    np.testing.assert_allclose(dense_of(model, ids), dense.w, rtol=3e-6, atol=3e-6)
    assert model.totals[1] == pytest.approx(dense.loss_sum, rel=3e-5)


@pytest.mark.parametrize("algorithm", sorted(OPTIMIZERS))
@pytest.mark.parametrize("penalty", sorted(PENALTIES))
def test_lanes_are_on_unless_forbidden_and_concern_nobody_else(algorithm, penalty):
    """Other optimizers and penalties have the plain code alone: the switch changes nothing of theirs."""
    settings = {"algorithm": algorithm, "penalty": penalty if algorithm == "ftrl" else "elastic_net", "alpha": 0.01}
    assert learner(**settings).optimizer.in_lanes
    rows, y = stream(np.random.default_rng(3), 1, False, POOLS["narrow"], 5, [1.0], False)
    found = [learned(rows, y, None, None, in_lanes, **settings) for in_lanes in (True, False)]
    assert found[0] == found[1]

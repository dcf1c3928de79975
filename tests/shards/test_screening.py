"""Columns that are called dead are zero in every fit and bind no dual point; sums of shards are those of all rows."""

import numpy as np
import pytest
from scipy import sparse
from support.reductions import columns, equal_rows, parts_of, target

from sparsereg import Reduced, regularization_path
from sparsereg.shards import LocalPool, staying_path
from sparsereg.shards.passes import TargetFacts
from sparsereg.shards.screening import Grid, NullFacts, add_sums, find_live, sum_columns
from sparsereg.solvers.assemble import ProblemOptions, make_loss

CUTS = (30, 90, 120)


def setting(loss, n=400, seed=0, **options):
    """Return parts, what they know of each other, the model with intercept only, and the options."""
    X, effect, weight = equal_rows(n, seed, with_values=True)
    y = target(loss, effect)
    parts = parts_of(X, y, weight, CUTS, loss=loss)
    kind, mean = make_loss(loss, 1.0), np.average(y, weights=weight)
    centre = mean if kind.location else 0.0
    whole = Reduced.merge_all(parts)
    above = {"squared": 0.5 * np.average((y - mean) ** 2, weights=weight)}
    above["logistic"] = -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean)) if loss == "logistic" else 0.0
    b = 0.0 if kind.location else kind.link(mean)
    facts = TargetFacts(whole.classes, weight.sum(), centre)
    return parts, whole, facts, NullFacts(b, above.get(loss, 0.0)), ProblemOptions(kind, **options)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_sums_of_shards_are_those_of_all_rows(loss):
    parts, whole, facts, null, _ = setting(loss)
    of_parts = add_sums([sum_columns(part, facts, null) for part in parts])
    by_part = [sum_columns(part, facts, null) for part in parts]
    of_pairs = add_sums([add_sums(by_part[:1]), add_sums(by_part[1:])])
    of_whole = sum_columns(whole, facts, null)
    for sums in (of_parts, of_pairs):
        np.testing.assert_array_equal(sums.ids, of_whole.ids)
        for name in ("total", "centered", "gradient", "up", "down", "low", "high"):
            np.testing.assert_allclose(getattr(sums, name), getattr(of_whole, name), atol=1e-13, err_msg=name)
        assert sums.weight == pytest.approx(1.0)


def test_bounds_of_ones_are_the_weights_of_the_classes():
    X, effect, _ = equal_rows(400)
    y = target("logistic", effect)
    facts = TargetFacts(np.arange(2), 400.0, 0.0)
    sums = sum_columns(Reduced.of(X, y, loss="logistic"), facts, NullFacts(0.0, 1.0))
    dense = columns(X, sums.ids)
    np.testing.assert_allclose(sums.up, dense.T @ y / 400)
    np.testing.assert_allclose(sums.down, dense.T @ (1 - y) / 400)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_dead_columns_are_zero_in_every_fit_and_bind_no_dual_point(loss, signed):
    parts, whole, facts, null, options = setting(loss, positive=signed)
    sums = add_sums([sum_columns(part, facts, null) for part in parts])
    start = regularization_path(whole, loss=loss, positive=signed, n_alphas=1).alphas[0]
    n_dead = 0
    for share in (0.9, 0.5, 0.2):
        alphas = np.geomspace(start, share * start, 3)
        live = find_live(sums, options, whole.n_features, Grid(alphas, 3, 0.1), null, facts.y_mean).unpacked()
        path = regularization_path(whole, loss=loss, positive=signed, alphas=alphas, tol=1e-10)
        assert np.isin(path.sparse_coef.ids, live.ids).all()
        n_dead += sums.ids.size - live.ids.size
    # Nothing bounds how steeply Poisson loss rises, and so nothing tells of columns that may be negative.
    assert (n_dead > 0) == (loss != "poisson" or signed)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_a_column_that_reaches_its_bound_is_not_dead(fit_intercept):
    # It explains all there is: Cauchy and Schwarz leave nothing between its bound and its gradient.
    X = sparse.csr_array(np.repeat([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [7, 4, 5], axis=0))
    parts = parts_of(X, X.toarray() @ [2.0, 0.0], None, (3, 9), loss="squared")
    settings = {"fit_intercept": fit_intercept, "tol": 1e-10}
    start = regularization_path(Reduced.merge_all(parts), n_alphas=1, **settings).alphas[0]
    path = staying_path(LocalPool(parts), alphas=[0.99 * start], **settings)
    local = regularization_path(Reduced.merge_all(parts), alphas=[0.99 * start], **settings)
    assert path.df.tolist() == local.df.tolist() != [0]
    np.testing.assert_allclose(path.objectives, local.objectives, rtol=1e-9)


def test_rules_of_columns_that_are_alike_travel_once():
    parts, whole, facts, null, options = setting("squared", standardize=True)
    sums = add_sums([sum_columns(part, facts, null) for part in parts])
    packed = find_live(sums, options, whole.n_features, Grid(np.array([1e-6]), 1, 0.1), null, facts.y_mean)
    assert packed.penalty_factor.size == packed.lower.size == packed.upper.size == 1
    live = packed.unpacked()
    assert live.scale.size == live.lower.size == live.ids.size == sums.ids.size
    np.testing.assert_allclose(live.scale, np.sqrt(sums.centered))


def test_columns_without_penalty_come_before_the_grid():
    parts, whole, facts, null, options = setting("logistic", penalty_factor={0: 0.0, 10**6: np.inf})
    sums = add_sums([sum_columns(part, facts, null) for part in parts])
    live = find_live(sums, options, whole.n_features, Grid(None, 5, 0.5), null, facts.y_mean).unpacked()
    assert live.alphas is None
    assert live.ids[live.unpenalized].tolist() == [0]
    assert 10**6 not in live.ids
    narrowed = live.narrowed(np.array([0.2, 0.1]), 1.0)
    assert 0 in narrowed.ids
    assert narrowed.ids.size < live.ids.size

"""`fit` of streaming estimators: where it starts, what it minimises, when it stops."""

import copy
import warnings
from unittest.mock import Mock

import numpy as np
import pytest
from scipy import sparse
from support.sgd_models import (
    BATCH,
    RNG,
    TARGETS,
    THREE,
    X,
    each_loss,
    epochs,
    make,
    state,
)

from sparsereg import (
    ConvergenceWarning,
    ElasticNet,
    Lasso,
    LogisticRegression,
    SGDClassifier,
    lasso_path,
    logistic_path,
)
from sparsereg.streaming.learner import DivergenceError, Learner


@pytest.mark.parametrize(("algorithm", "settings", "within"), [
    ("ftrl", {"eta0": 0.3}, 1e-4), ("adagrad", {"eta0": 0.1}, 1.5e-3),
    ("prox_sgd", {"eta0": 1.0, "average": 6000}, 1.5e-3),
])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
@each_loss
def test_passes_converge_to_the_batch_optimum(loss, algorithm, settings, within, l1_ratio):
    y = TARGETS[loss]
    best = (ElasticNet if loss == "squared" else BATCH[loss])(0.02, l1_ratio=l1_ratio, tol=1e-10).fit(X, y)
    model = epochs(make(loss, algorithm=algorithm, alpha=0.02, l1_ratio=l1_ratio, **settings), 300).fit(X, y)
    excess = (model.objective_ - best.objective_) / best.objective_
    assert -1e-9 < excess < within
    # The bound holds, and says something.
    assert model.dual_gap_ >= excess * 0.5
    assert model.dual_gap_ < 0.1
    assert model.n_iter_ == 300


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_three_classes_converge(loss):
    best = BATCH[loss](0.02, tol=1e-10).fit(X, THREE)
    model = epochs(make(loss, alpha=0.02, eta0=0.3), 300).fit(X, THREE)
    assert abs(model.objective_ / best.objective_ - 1.0) < 1e-4
    np.testing.assert_allclose(model.coef_, best.coef_, atol=0.02)
    assert 0.0 <= model.dual_gap_ < 0.02
    assert np.mean(model.predict(X) == best.predict(X)) > 0.98


def test_the_objective_is_that_of_the_definition():
    y, weight = TARGETS["logistic"], RNG.random(300)
    model = epochs(make("logistic", l1_ratio=0.4, label_smoothing=0.1), 5).fit(X, y, weight)
    w, b, target = model.coef_[0], model.intercept_[0], 0.9 * y + 0.05
    t = X @ w + b
    loss = np.average(np.logaddexp(0.0, t) - target * t, weights=weight)
    assert model.objective_ == pytest.approx(loss + 0.01 * (0.4 * np.abs(w).sum() + 0.3 * w @ w), rel=1e-12)
    best = LogisticRegression(0.01, l1_ratio=0.4, label_smoothing=0.1, tol=1e-12).fit(X, y, weight)
    null = LogisticRegression(1e3, label_smoothing=0.1).fit(X, y, weight).objective_
    assert model.dual_gap_ * null >= model.objective_ - best.objective_ > 0.0


def test_penalties_that_are_not_convex():
    y = TARGETS["squared"]
    # FTRL's steps, which scale the jump of L0, are not as long as coordinate descent's: it keeps more columns.
    for penalty, most in (("mcp", 0.1), ("scad", 0.1), ("l0", 1.0)):
        model = epochs(make("squared", penalty=penalty, eta0=0.3), 100).fit(X, y)
        assert np.isnan(model.dual_gap_)
        assert 0.0 <= model.violation_ < most
        assert 0 < model.sparse_coef_.nnz < 40
    assert np.isnan(epochs(make("logistic", penalty="mcp"), 3).fit(X, THREE).violation_)


def test_weights_are_repetitions():
    y, times = TARGETS["logistic"], np.random.default_rng(2).integers(0, 4, 300)
    order = np.random.default_rng(3).permutation(np.repeat(np.arange(300), times))
    for settings in ({}, {"early_stopping": True}, {"dropout": 0.1}):
        weighted = epochs(make("logistic", **settings), 10).fit(X, y, times.astype(float))
        repeated = epochs(make("logistic", **settings), 10).fit(X[order], y[order])
        assert state(weighted) == state(repeated)


def test_seeds_decide():
    y = TARGETS["logistic"]
    one, same, other = (epochs(make("logistic", random_state=seed), 2).fit(X, y) for seed in (0, 0, 1))
    assert state(one) == state(same)
    assert state(one) != state(other)
    for seed in (np.random.RandomState(0), np.random.default_rng(0), None):
        assert epochs(make("logistic", random_state=seed), 1).fit(X, y).t_ > 1
    with pytest.raises(ValueError, match="random_state: -1 is not allowed"):
        make("logistic", random_state=-1).fit(X, y)


# Where fits start and end.


def test_warm_start_from_a_batch_path():
    y = TARGETS["squared"]
    path = lasso_path(X, y, n_alphas=5, tol=1e-10)
    coef, intercept = path.at(path.alphas[-1])
    model = epochs(make("squared", alpha=path.alphas[-1], algorithm="prox_sgd", eta0=1e-12), 1)
    for start, b in (
        (coef, intercept), (coef.to_csr(), intercept), (coef.to_csr().toarray(), [intercept]),
        (coef.to_csr().toarray().ravel(), intercept), (Lasso(path.alphas[-1], tol=1e-10).fit(X, y), None),
    ):
        fitted = model.fit(X, y, coef_init=start, intercept_init=b)
        np.testing.assert_allclose(fitted.coef_, path.coefs[:, [4]].toarray().ravel(), atol=1e-5)
        assert fitted.intercept_ == pytest.approx(intercept, abs=1e-5)
        assert fitted.dual_gap_ < 1e-4
    cold = epochs(make("squared", alpha=path.alphas[-1]), 3).fit(X, y)
    warm = epochs(make("squared", alpha=path.alphas[-1]), 3).fit(X, y, coef_init=coef, intercept_init=intercept)
    assert warm.objective_ < cold.objective_


def test_warm_start_of_three_classes():
    path = logistic_path(X, THREE, n_alphas=4)
    coef, intercept = path.at(path.alphas[-1])
    model = epochs(make("logistic", algorithm="prox_sgd", eta0=1e-12), 1)
    model.fit(X, THREE, coef_init=coef, intercept_init=intercept)
    np.testing.assert_allclose(model.coef_, coef.to_csc().T.toarray(), atol=1e-9)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-9)


def test_warm_start_from_the_last_fit():
    y = TARGETS["logistic"]
    model = epochs(make("logistic"), 20).fit(X, y)
    last = model.objective_
    cold = epochs(make("logistic"), 1).fit(X, y).objective_
    warm = epochs(model, 1).set_params(warm_start=True).fit(X, y).objective_
    assert abs(warm - last) < 0.3 * abs(cold - last)
    # Other columns, other classes: nothing to start from.
    for rows, labels in ((X[:, :30], y), (X, y + 1)):
        again = copy.deepcopy(model).fit(rows, labels)
        assert state(again) == state(epochs(make("logistic"), 1).fit(rows, labels))


def test_starts_that_are_refused():
    y = TARGETS["squared"]
    for coef, b, message in (
        (np.ones(39), None, r"coef_init: shape \(1, 39\) is not allowed, expected \(1, 40\)"),
        (Lasso(), None, "coef_init: this Lasso is not fitted"),
        (np.full(40, np.nan), None, "NaN"),
        (None, [1.0, 2.0], "intercept_init"),
        (None, np.inf, "intercept_init"),
    ):
        with pytest.raises(ValueError, match=message):
            make("squared").fit(X, y, coef_init=coef, intercept_init=b)
    with pytest.raises(ValueError, match=r"coef_init: a model of the classes \[0, 1\] is not allowed"):
        make("logistic").fit(X, TARGETS["logistic"] + 1, coef_init=make("logistic").fit(X, TARGETS["logistic"]))
    with pytest.raises(ValueError, match="beta: 0 is not allowed with a warm start"):
        make("squared", beta=0.0).fit(X, y, coef_init=np.ones(40))
    with pytest.raises(ValueError, match=r"total_weight: 300.0 is not allowed with a warm start and penalty='l0'"):
        make("squared", penalty="l0", total_weight=300.0).fit(X, y, coef_init=np.ones(40))


def test_a_fit_stops_when_passes_bring_no_more():
    y = TARGETS["logistic"]
    model = make("logistic", tol=1e-3).fit(X, y)
    loss = model.history_["loss"]
    assert model.n_iter_ == len(loss) < 100
    assert (loss[-5:] > np.minimum.accumulate(loss)[-6:-1] - 1e-3).all()
    with pytest.warns(ConvergenceWarning, match="max_iter=2 passes did not bring the progressive loss"):
        make("logistic", max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epochs(make("logistic"), 2).fit(X, y)


def test_early_stopping_keeps_the_best():
    y = TARGETS["logistic"]
    # Long steps and no penalty overfit soon.
    model = make("logistic", alpha=0.0, eta0=3.0, early_stopping=True, tol=0.0, validation_fraction=0.3).fit(X, y)
    held = model.history_["validation_loss"]
    best = int(np.argmin(held))
    assert best < len(held) - 1
    assert model.n_iter_ == len(held) == best + 1 + 5
    again = make("logistic", alpha=0.0, eta0=3.0, early_stopping=True, validation_fraction=0.3)
    assert state(epochs(again, best + 1).fit(X, y)) == state(model)
    with pytest.raises(ValueError, match=r"n_samples=2\) leaves none to validate on"):
        make("logistic", early_stopping=True).fit(X[:2], [0, 1])


def test_an_interrupted_fit_is_a_model(monkeypatch):
    y = TARGETS["logistic"]
    learn, calls = Learner.learn, []

    def interrupted(learner, *arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        learn(learner, *arguments)

    monkeypatch.setattr(Learner, "learn", interrupted)
    model = make("logistic")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    monkeypatch.undo()
    assert state(model) == state(epochs(make("logistic"), 3).fit(X, y))
    assert np.isnan(model.objective_)
    assert np.isnan(model.dual_gap_)
    model.partial_fit(X, y)


def test_divergence_is_reported_and_a_last_fit_stays():
    y = TARGETS["squared"]
    model = epochs(make("squared", algorithm="prox_sgd"), 3).fit(X, y)
    before = state(model)
    with pytest.raises(DivergenceError, match="eta0=1e\\+06"):
        model.set_params(eta0=1e6).fit(100.0 * X, y)
    assert state(model) == before
    assert np.isfinite(model.coef_).all()


def test_threads_repeat_their_bits():
    y = TARGETS["logistic"]
    alone, two, three, again = (epochs(make("logistic", n_threads=n), 3).fit(X, y) for n in (None, 2, 3, 3))
    assert state(alone) == state(two)
    assert state(three) == state(again)
    assert three.objective_ < 1.05 * alone.objective_
    parts = [make("logistic", n_threads=n).partial_fit(X, y, classes=[0, 1]) for n in (1, 2)]
    assert state(parts[0]) == state(parts[1])
    free = epochs(make("logistic", n_threads=2, lock_free=True), 30).fit(X, y)
    assert free.objective_ < 1.05 * alone.objective_


# Rows that are there many times, weights, and units.


def repeated_rows():
    """Three binary columns: eight distinct rows, each there thousands of times."""
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 2, (20_000, 3)).astype(float)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-cells @ [1.0, -1.0, 0.5]))).astype(int)
    return sparse.csr_array(cells), y


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
def test_equal_rows_are_visited_one_by_one(algorithm):
    cells, y = repeated_rows()
    model = SGDClassifier(algorithm=algorithm, random_state=0, max_iter=30, tol=None).fit(cells, y)
    best = LogisticRegression(alpha=1e-4).fit(cells, y)
    assert model.objective_ < 1.002 * best.objective_
    assert model.t_ == 30 * 20_000 + 1
    assert SGDClassifier(min_count=5, random_state=0, max_iter=1, tol=None).fit(cells, y).n_active_ == 3


def test_the_held_out_part_has_some_of_every_cell():
    cells, y = repeated_rows()
    model = SGDClassifier(early_stopping=True, random_state=0).fit(cells, y)
    best = LogisticRegression(alpha=1e-4).fit(cells, y)
    assert model.objective_ < 1.005 * best.objective_


def test_the_scale_of_weights_does_not_matter():
    y = TARGETS["logistic"]
    weight = np.random.default_rng(1).random(300)
    models = [make("logistic").fit(X, y, sample_weight=factor * weight) for factor in (1.0, 1e-6, 1e9)]
    for model in models[1:]:
        np.testing.assert_allclose(model.coef_, models[0].coef_, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("algorithm", ["ftrl", "adagrad"])
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1000.0, 1.0), (-1e6, 1e4), (0.0, 1e-6)])
def test_the_unit_of_y_does_not_matter(shift, scale, algorithm):
    y = TARGETS["squared"]
    plain = make("squared", algorithm=algorithm, alpha=1e-3, l1_ratio=0.0, tol=None, max_iter=50).fit(X, y)
    other = make("squared", algorithm=algorithm, alpha=1e-3, l1_ratio=0.0, tol=None, max_iter=50)
    other.fit(X, shift + scale * y)
    np.testing.assert_allclose(other.coef_, scale * plain.coef_, rtol=1e-2, atol=1e-4 * scale)
    assert other.score(X, shift + scale * y) == pytest.approx(plain.score(X, y), abs=1e-4)


def test_given_steps_are_taken_as_they_are():
    model = make("squared", eta0=0.1, max_iter=1, tol=None).fit(X, TARGETS["squared"])
    assert model.training_.learner.optimizer.eta0 == 0.1
    assert make("poisson", max_iter=1, tol=None).fit(X, TARGETS["poisson"]).training_.learner.optimizer.eta0 == 0.1


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared", "huber"])
@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
def test_saga_brings_a_fit_to_its_end(loss, algorithm):
    y = TARGETS[loss]
    plain = make(loss, algorithm=algorithm, max_iter=5, tol=None).fit(X, y)
    finished = make(loss, algorithm=algorithm, max_iter=500, tol=0.1, finish_tol=1e-6).fit(X, y)
    assert plain.dual_gap_ > 1e-5
    assert finished.dual_gap_ < 2e-6
    # It is the state of a learner that can go on.
    assert np.isfinite(first_part_again(finished, y).coef_).all()


def first_part_again(model, y):
    return model.partial_fit(X, y)


def test_saga_warns_where_it_does_not_get_there():
    model = make("logistic", alpha=1e-5, finish_tol=1e-12, max_iter=2, tol=None)
    with pytest.warns(ConvergenceWarning, match="duality gap"):
        model.fit(X, TARGETS["logistic"])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("penalty", {"penalty": "mcp"}), ("average", {"average": True, "algorithm": "prox_sgd"}),
        ("early_stopping", {"early_stopping": True}), ("beta", {"beta": 0.0}),
    ],
)
def test_what_saga_cannot_do_is_refused(name, given):
    with pytest.raises(ValueError, match=f"^{name}: "):
        make("logistic", finish_tol=1e-3, **given).fit(X, TARGETS["logistic"])
    with pytest.raises(ValueError, match=r"^loss: "):
        make("poisson", finish_tol=1e-3).fit(X, TARGETS["poisson"])


def test_a_certificate_can_be_left_out():
    model = make("logistic", certify=False).fit(X, TARGETS["logistic"])
    assert np.isnan(model.dual_gap_)
    assert np.isnan(model.objective_)
    assert state(model) == state(make("logistic").fit(X, TARGETS["logistic"]))
def test_an_interrupt_before_the_first_row_leaves_the_fit_before(monkeypatch):
    model = make("logistic").fit(X, TARGETS["logistic"])
    before = state(model)
    stopped = Mock(side_effect=KeyboardInterrupt)
    monkeypatch.setattr("sparsereg.estimators.sgd_base.fit_in_memory", stopped)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:50], TARGETS["logistic"][:50])
    assert state(model) == before


# Fits that stop far from the minimum.


def of_other_scales():
    """Three columns alike but for their unit."""
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((2000, 3))
    y = columns.sum(axis=1) + 0.1 * rng.standard_normal(2000)
    return columns, columns * [1.0, 1e3, 1e6], y


@pytest.mark.parametrize("algorithm", ["ftrl", "adagrad"])
@pytest.mark.parametrize("loss", ["squared", "huber", "logistic", "softmax"])
def test_columns_of_other_scales_are_told_of(loss, algorithm):
    alike, unlike, y = of_other_scales()
    if loss == "softmax":
        loss, y = "logistic", np.digitize(y, [-1.0, 1.0])
    elif loss == "logistic":
        y = (y > 0.0).astype(int)
    good = make(loss, algorithm=algorithm, alpha=1e-4).fit(alike, y)
    model = make(loss, algorithm=algorithm, alpha=1e-4)
    with pytest.warns(ConvergenceWarning, match="one pass of coordinate descent lowers it by .*scales.*scale them"):
        model.fit(unlike, y)
    assert model.dual_gap_ > 0.1
    assert model.objective_ > 1.2 * good.objective_


def test_a_fit_that_saga_cannot_finish_is_told_of():
    _, unlike, y = of_other_scales()
    with pytest.warns(ConvergenceWarning) as told:
        model = make("squared", alpha=1e-4, finish_tol=1e-3, max_iter=50).fit(unlike, y)
    assert model.dual_gap_ > 0.1
    assert any("scale them" in str(warning.message) for warning in told)


def test_a_gap_that_is_only_loose_is_no_warning():
    """With more columns than rows say anything of, the bound is far below the minimum all the way there."""
    rng = np.random.default_rng(0)
    wide = sparse.random_array((300, 2000), density=0.02, format="csr", rng=rng)
    y = rng.standard_normal(300)
    model = make("squared", alpha=1e-3, tol=1e-3).fit(wide, y)
    best = Lasso(1e-3).fit(wide, y)
    null = 0.5 * np.var(y)
    assert model.dual_gap_ > 0.1 > (model.objective_ - best.objective_) / null


def test_passes_that_were_asked_for_are_no_search_for_a_minimum():
    _, unlike, y = of_other_scales()
    for settings in ({"tol": None, "max_iter": 2}, {"dropout": 0.1}, {"early_stopping": True}):
        assert make("squared", alpha=1e-4, **settings).fit(unlike, y).dual_gap_ > 0.1

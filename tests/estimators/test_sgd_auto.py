"""eta0="auto": columns, targets and weights in any unit, rows in order of time, fits that go on, what is refused."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from support.sgd_models import RNG, TARGETS, THREE, X, each_loss, first_part, make, state

from sparsereg import LogisticRegression, SGDClassifier, SGDRegressor, load_model, save_model
from sparsereg.streaming.learner import DivergenceError


def auto(loss="logistic", **settings):
    return make(loss, eta0="auto", **settings)


@pytest.mark.parametrize("loss", ["logistic", "squared", "squared_hinge"])
def test_columns_may_be_in_any_unit(loss):
    """Powers of two leave every digit where it is."""
    unit = 2.0 ** RNG.integers(-30, 30, X.shape[1])
    model = first_part(auto(loss, alpha=0.0), X, TARGETS[loss])
    other = first_part(auto(loss, alpha=0.0), X.multiply(unit).tocsr(), TARGETS[loss])
    np.testing.assert_array_equal(other.coef_ * unit, model.coef_)
    np.testing.assert_array_equal(other.intercept_, model.intercept_)
    assert np.any(model.coef_)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40])
def test_targets_may_be_in_any_unit(scale):
    """The penalty is in the unit of the target."""
    model = first_part(auto("squared"), X, TARGETS["squared"])
    other = first_part(auto("squared", alpha=0.01 * scale), X, TARGETS["squared"] * scale)
    np.testing.assert_array_equal(other.coef_, model.coef_ * scale)
    assert other.intercept_ == model.intercept_ * scale
    assert 0 < np.count_nonzero(model.coef_) < X.shape[1]


@each_loss
def test_division_into_parts_and_the_unit_of_weights_change_no_bit(loss):
    y, weight = TARGETS[loss], RNG.integers(0, 4, 300).astype(float)
    whole = first_part(auto(loss, dropout=0.2), X, y, sample_weight=weight)
    parts = auto(loss, dropout=0.2)
    for start, stop in ((0, 1), (1, 120), (120, 121), (121, 300)):
        first = {"classes": [0, 1]} if start == 0 and isinstance(parts, SGDClassifier) else {}
        parts.partial_fit(X[start:stop], y[start:stop], sample_weight=8.0 * weight[start:stop], **first)
    np.testing.assert_array_equal(whole.coef_, parts.coef_)
    np.testing.assert_array_equal(whole.intercept_, parts.intercept_)
    threaded = first_part(auto(loss, dropout=0.2, n_threads=2), X, y, sample_weight=weight)
    assert state(threaded) == state(whole)


def drifting(n_days=20, a_day=400):
    """Days of alike rows: a level for each day, beside columns that say what is true of all days."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 30, (n_days * a_day, 4)) + np.arange(0, 120, 30)
    level = np.repeat(3.0 * rng.standard_normal(n_days), a_day)
    t = rng.normal(size=120)[codes].sum(axis=1) * 0.5 - 2.0
    y = rng.random(t.size) < 1.0 / (1.0 + np.exp(-t - level))
    return np.eye(120)[codes].sum(axis=1), y.astype(int), rng.random(t.size) < 0.3


def test_rows_in_order_of_time():
    """Steps that follow every day are carried away; means over the rows are not."""
    Z, y, held = drifting()
    losses = {}
    for eta0 in (0.03, 0.1, 0.3, "auto"):
        model = SGDClassifier(alpha=1e-6, eta0=eta0).partial_fit(Z[~held], y[~held], classes=[0, 1])
        losses[eta0] = model.evaluate(Z[held], y[held])["log_loss"]
    own = losses.pop("auto")
    assert own < min(losses.values())


def test_where_passes_lead():
    """The mean follows a minimum that no step was chosen for, with its zeros."""
    y = TARGETS["logistic"]
    exact = LogisticRegression(alpha=0.01).fit(X, y)
    model = auto(max_iter=300, tol=None).fit(X, y)
    assert model.objective_ == pytest.approx(exact.objective_, rel=2e-3)
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=0.1, atol=0.05)
    assert np.count_nonzero(model.coef_) < 1.3 * np.count_nonzero(exact.coef_) < X.shape[1]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_numbers_of_any_size_in_memory(scale):
    model = auto("squared", alpha=0.01 * scale, max_iter=30, tol=None).fit(X, TARGETS["squared"] * scale + 3.0 * scale)
    assert model.score(X, TARGETS["squared"] * scale + 3.0 * scale) > 0.3


def test_three_classes():
    for loss in ("logistic", "squared_hinge"):
        model = auto(loss, max_iter=20, tol=None).fit(X, THREE)
        assert model.score(X, THREE) > 0.55


@pytest.mark.parametrize("penalty", ["mcp", "scad", "l0"])
def test_other_penalties(penalty):
    model = first_part(auto("squared", penalty=penalty, alpha=0.3), X, TARGETS["squared"])
    assert 0 < np.count_nonzero(model.coef_) < X.shape[1]


def test_fits_go_on(tmp_path):
    """Of files, pickles and checkpoints: the same bits."""
    y, blocks = TARGETS["logistic"], [(X[a : a + 60], TARGETS["logistic"][a : a + 60]) for a in range(0, 300, 60)]
    whole = first_part(auto(), X, y)
    first = first_part(auto(), X[:120], y[:120])
    save_model(first, tmp_path / "model.npz", state=True)
    for half in (first, pickle.loads(pickle.dumps(first)), load_model(tmp_path / "model.npz")):
        assert state(half.partial_fit(X[120:], y[120:])) == state(whole)
    place = tmp_path / "fit.npz"
    auto().fit_stream(blocks[:3], classes=[0, 1], checkpoint=place, progress=False)
    resumed = auto().fit_stream(blocks, classes=[0, 1], checkpoint=place, n_passes=2, resume=True, progress=False)
    again = auto().fit_stream(blocks[:3], classes=[0, 1], progress=False)
    assert resumed.t_ > again.t_


def test_a_start_elsewhere():
    """Bets are laid about the coefficients that a fit starts from."""
    y = TARGETS["logistic"]
    exact = LogisticRegression(alpha=0.01).fit(X, y)
    once = auto(max_iter=1, tol=None, certify=True)
    untouched = X[:2].sum(axis=0) == 0
    few = once.fit(X[:2], [0, 1], coef_init=exact)
    np.testing.assert_allclose(few.coef_[0, untouched], exact.coef_[0, untouched], rtol=1e-6)
    far = once.fit(X, y).objective_
    assert once.fit(X, y, coef_init=exact).objective_ < far
    finished = auto(finish_tol=1e-6, max_iter=200, tol=None).fit(X, y)
    assert finished.dual_gap_ <= 1e-6
    np.testing.assert_allclose(finished.coef_, exact.coef_, atol=2e-3)


def test_no_row_takes_more_than_half_of_what_a_bettor_has():
    """However much larger it is than all before: what is left is above 0."""
    rng = np.random.default_rng(2)
    Z = rng.standard_normal((400, 5)) * 10.0 ** rng.integers(-3, 4, (400, 1))
    model = auto("squared", alpha=0.0)
    for start in range(0, 400, 40):
        y = rng.standard_normal(40) * 10.0 ** rng.integers(-2, 6, 40)
        model.partial_fit(Z[start : start + 40], y)
        learner = model.training_.learner
        won = learner.state()["states"].view(np.float64)[:, 2]
        assert (won + learner.optimizer.clock[1] ** 2 > 0.0).all()


def test_a_row_that_leads_nowhere_is_forgotten():
    """The largest slope too: a fit goes on as if the row had not come."""
    y = TARGETS["squared"]
    model, other = (first_part(auto("squared"), X[:100], y[:100]) for _ in range(2))
    with pytest.raises(DivergenceError, match="eta0='auto' or the values of the data are too large"):
        model.partial_fit(X[100:101], [1e200])
    np.testing.assert_array_equal(model.coef_, other.coef_)
    assert model.training_.learner.optimizer.clock == other.training_.learner.optimizer.clock


def test_a_grid_of_steps_and_none():
    search = GridSearchCV(
        SGDRegressor(alpha=1e-3, max_iter=3, tol=None, certify=False, random_state=0), {"eta0": [1e-5, "auto", None]},
        cv=3,
    )
    search.fit(X, 1e4 * TARGETS["squared"])
    assert search.best_params_["eta0"] in ("auto", None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eta0": "Auto"}, r"eta0: 'Auto' is not allowed, expected 'auto', None or a number in \(0, inf\)"),
        ({"algorithm": "adagrad"}, "eta0: 'auto' is not allowed with algorithm='adagrad', expected None or a number, "
                                   "or algorithm='ftrl'"),
        ({"algorithm": "coin_betting"}, "algorithm: 'coin_betting' is not"),
        ({"beta": 0.5}, "beta: 0.5 is not allowed with eta0='auto', expected 1.0"),
        ({"lock_free": True}, "lock_free: True is not allowed with eta0='auto', expected False"),
        ({"weight_decay": 0.1}, "weight_decay: 0.1 is not allowed with algorithm='ftrl'"),
        ({"average": True}, "average: True is not allowed with algorithm='ftrl'"),
    ],
)
def test_what_is_refused(settings, message):
    model = make("logistic", **{"eta0": "auto", **settings})
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, TARGETS["logistic"], classes=[0, 1])
    assert not hasattr(model, "training_")


def test_steps_stay_what_they_were():
    model = first_part(auto(), X, TARGETS["logistic"])
    with pytest.raises(ValueError, match=r"eta0: 0\.1 is not allowed in a fit that was begun with 'auto'"):
        model.set_params(eta0=0.1).partial_fit(X, TARGETS["logistic"])

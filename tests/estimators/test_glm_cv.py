"""What a cross-validation leaves behind beside its best fit, and what folds it is told to use."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit, StratifiedKFold

from sparsereg import (
    ElasticNetCV,
    LassoCV,
    LogisticRegressionCV,
    PoissonRegressorCV,
    RidgeCV,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((80, 6))
Y = X[:, 0] - 0.5 * X[:, 1] + RNG.standard_normal(80)
KINDS = [LassoCV, RidgeCV, ElasticNetCV, PoissonRegressorCV, LogisticRegressionCV]


def target(kind):
    if kind is LogisticRegressionCV:
        return Y > 0.0
    return np.round(np.exp(0.5 * Y)) if kind is PoissonRegressorCV else Y


# Both alphas.


@pytest.mark.parametrize("kind", KINDS)
def test_one_fit_knows_the_alphas_of_both_rules(kind):
    settings = {"n_alphas": 20} if kind is RidgeCV else {"n_alphas": 20, "penalty": "elastic_net"}
    lowest, within = (kind(rule=rule, **settings).fit(X, target(kind)) for rule in ("min", "1se"))
    assert lowest.alpha_min_ == within.alpha_min_ == lowest.alpha_
    assert lowest.alpha_1se_ == within.alpha_1se_ == within.alpha_ >= lowest.alpha_
    table, name = lowest.cv_results_, lowest.measure_
    best = table["alpha"] == lowest.alpha_min_
    bound = table[f"mean_{name}"][best] + table[f"se_{name}"][best]
    assert table["alpha"][table[f"mean_{name}"] <= bound].max() == lowest.alpha_1se_
    coef, _ = lowest.path_.at(lowest.alpha_1se_)
    np.testing.assert_array_equal(coef.to_csr().toarray(), within.sparse_coef_.toarray())


def test_both_alphas_are_those_of_the_l1_ratio_that_was_chosen():
    model = ElasticNetCV(l1_ratio=[0.2, 0.9], n_alphas=15).fit(X, Y)
    alone = ElasticNetCV(l1_ratio=model.l1_ratio_, n_alphas=15).fit(X, Y)
    assert (model.alpha_min_, model.alpha_1se_) == (alone.alpha_min_, alone.alpha_1se_)


def test_without_a_standard_error_there_is_one_alpha():
    one = LassoCV(cv=[(np.arange(50), np.arange(50, 80))], n_alphas=8).fit(X, Y)
    assert one.alpha_min_ == one.alpha_
    assert np.isnan(one.alpha_1se_)
    # Of these folds r2 is defined in the first alone: the other tests one row.
    folds = [(np.arange(40), np.arange(40, 80)), (np.arange(79), [79])]
    lowest = LassoCV(cv=folds, scoring="r2", n_alphas=8).fit(X, Y)
    assert np.isnan(lowest.alpha_1se_)
    with pytest.raises(ValueError, match="rule: '1se' needs a standard error, and fewer than two folds define 'r2'"):
        LassoCV(cv=folds, scoring="r2", n_alphas=8, rule="1se").fit(X, Y)


def test_the_measure_that_decided():
    labels = Y > 0.0
    assert LassoCV(n_alphas=3).fit(X, Y).measure_ == "mse"
    assert LogisticRegressionCV(n_alphas=5, scoring=["auc", "log_loss"]).fit(X, labels).measure_ == "auc"
    assert LogisticRegressionCV(n_alphas=5, scoring="roc_auc").fit(X, labels).measure_ == "roc_auc"
    assert LassoCV(n_alphas=5, scoring=lambda model, X, y: model.score(X, y)).fit(X, Y).measure_ == "score"


# Fold numbers.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [list, tuple, np.array, pd.Series], ids=lambda form: form.__name__)
def test_fold_numbers_are_predefined_splits(kind, form):
    numbers = np.random.default_rng(1).choice([-7, -1, 3, 2**40], 80)
    found = kind(cv=form(numbers.tolist()), n_alphas=6).fit(X, target(kind))
    split = kind(cv=PredefinedSplit(numbers), n_alphas=6).fit(X, target(kind))
    for name, values in split.cv_results_.items():
        np.testing.assert_array_equal(found.cv_results_[name], values)
    assert found.cv_folds_.tolist() == [{-7: 0, -1: -1, 3: 1, 2**40: 2}[k] for k in numbers.tolist()]
    again = kind(cv=found.cv_folds_, n_alphas=6).fit(X, target(kind))
    np.testing.assert_array_equal(again.coef_, found.coef_)


def test_fold_numbers_travel_with_the_settings():
    numbers = np.arange(80) % 4
    model = clone(LassoCV(cv=numbers, n_alphas=5))
    np.testing.assert_array_equal(model.get_params()["cv"], numbers)
    assert "cv=array([0, 1, 2" in repr(model)
    assert "cv" in model._repr_html_()
    search = GridSearchCV(LassoCV(cv=3, n_alphas=4, random_state=0), {"relax": [False, True]}, cv=2).fit(X, Y)
    assert search.best_estimator_.cv_folds_.size == 80


# Shuffled folds.


def test_shuffled_folds():
    plain = LassoCV(n_alphas=5).fit(X, Y)
    assert plain.cv_folds_.tolist() == np.repeat(np.arange(5), 16).tolist()
    shuffled = LassoCV(n_alphas=5, random_state=3).fit(X, Y)
    assert np.bincount(shuffled.cv_folds_).tolist() == [16] * 5
    assert (shuffled.cv_folds_ != plain.cv_folds_).any()
    again = LassoCV(n_alphas=5, random_state=np.random.default_rng(3)).fit(X, Y)
    np.testing.assert_array_equal(again.cv_folds_, shuffled.cv_folds_)
    other = LassoCV(n_alphas=5, random_state=4).fit(X, Y)
    assert (other.cv_folds_ != shuffled.cv_folds_).any()
    first, second = (LassoCV(n_alphas=5, random_state=np.random.RandomState(k)).fit(X, Y) for k in (0, 0))
    np.testing.assert_array_equal(first.cv_folds_, second.cv_folds_)


def test_shuffled_folds_of_classes_are_stratified():
    labels = np.where(np.arange(80) < 20, "rare", "usual")
    model = LogisticRegressionCV(cv=4, n_alphas=4, random_state=0).fit(X, labels)
    for k in range(4):
        assert np.count_nonzero(labels[model.cv_folds_ == k] == "rare") == 5
    assert len(set(model.cv_folds_[:5])) > 1


@pytest.mark.parametrize("cv", [KFold(4), StratifiedKFold(4), [(np.arange(40), np.arange(40, 80))], np.arange(80) % 3])
def test_folds_that_are_given_stay_as_they_are(cv):
    kind = LogisticRegressionCV if isinstance(cv, StratifiedKFold) else LassoCV
    given, seeded = (kind(cv=cv, n_alphas=4, random_state=seed).fit(X, target(kind)) for seed in (None, 0))
    np.testing.assert_array_equal(seeded.cv_folds_, given.cv_folds_)


@pytest.mark.parametrize("cv", [None, 3, np.arange(80) % 3])
@pytest.mark.parametrize("wrong", ["seed", -1, 1.5])
def test_random_states_that_are_none(cv, wrong):
    with pytest.raises(ValueError, match=r"random_state: .* is not allowed, expected None, a whole number"):
        LassoCV(cv=cv, random_state=wrong).fit(X, Y)


def test_folds_are_the_same_without_scikit_learn():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np; from sparsereg import LogisticRegressionCV\n"
        "X = np.random.default_rng(0).standard_normal((60, 4)); y = (X[:, 0] > X[:, 3]).astype(int)\n"
        "model = LogisticRegressionCV(cv=3, n_alphas=3, random_state=5, keep_predictions=True).fit(X[:, :3], y)\n"
        "assert str(model).startswith('LogisticRegressionCV: logistic loss'), model\n"
        "print(*model.cv_folds_)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    data = np.random.default_rng(0).standard_normal((60, 4))
    labels = (data[:, 0] > data[:, 3]).astype(int)
    model = LogisticRegressionCV(cv=3, n_alphas=3, random_state=5).fit(data[:, :3], labels)
    assert done.stdout.split() == [str(k) for k in model.cv_folds_]

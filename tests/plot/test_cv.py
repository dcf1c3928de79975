"""Cross-validated curves: means, bars and alphas are those of the estimator."""

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from sparsereg import ElasticNetCV, Lasso, LassoCV, LogisticRegressionCV, PoissonRegressorCV, RidgeCV
from sparsereg.inputs.sklearn import NotFittedError
from sparsereg.metrics import GREATER_IS_BETTER
from sparsereg.plot import plot_cv

RATIOS = [0.5, 0.5, 0.9, 1.0]


@pytest.fixture(scope="module")
def lasso(data):
    return LassoCV(n_alphas=30, cv=4, random_state=0, rule="1se").fit(*data)


@pytest.fixture(scope="module")
def logistic(data):
    X, y = data
    labels = np.array(["low", "mid", "top"])[np.digitize(y, [-2.0, 2.0])]
    scoring = ["auc", "log_loss", "accuracy", "calibration_error", "deviance_explained"]
    return LogisticRegressionCV(n_alphas=8, cv=3, scoring=scoring).fit(X, labels)


def bars_of(ax):
    """Return alphas, means and halves of bars."""
    (bars,) = (drawn for drawn in ax.containers if isinstance(drawn, ErrorbarContainer))
    points, _, (segments,) = bars
    # A bar that is not drawn has no ends.
    halves = [0.5 * np.ptp(segment.reshape(-1, 2)[:, 1]) for segment in segments.get_segments() if segment.size]
    return *points.get_data(), np.array(halves)


def texts_of(ax):
    legends = [artist for artist in [*ax.artists, ax.get_legend()] if hasattr(artist, "get_texts")]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def upright_of(ax):
    """Return where vertical lines are, by their labels up to the colon."""
    lines = (line for line in ax.lines if list(line.get_ydata()) == [0, 1])
    return {line.get_label().partition(":")[0]: line.get_xdata()[0] for line in lines}


def test_means_and_bars_are_those_of_the_folds(lasso, ax):
    assert plot_cv(lasso, ax) is ax
    alphas, means, halves = bars_of(ax)
    table = lasso.cv_results_
    np.testing.assert_array_equal(alphas, table["alpha"])
    np.testing.assert_array_equal(means, table["mean_mse"])
    np.testing.assert_allclose(halves, table["se_mse"], rtol=1e-9)
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel() == "mse of unseen rows\n(less is better)"
    assert upright_of(ax) == {"best": lasso.alpha_min_, "1se, chosen": lasso.alpha_1se_}
    assert lasso.alpha_min_ < lasso.alpha_1se_
    n_nonzero = dict(zip(lasso.path_.alphas, lasso.path_.df))
    assert texts_of(ax) == [
        "mean \N{PLUS-MINUS SIGN} one SE, 4 folds",
        f"best: alpha {lasso.alpha_min_:.4g}, {n_nonzero[lasso.alpha_min_]} non-zeros",
        f"1se, chosen: alpha {lasso.alpha_1se_:.4g}, {n_nonzero[lasso.alpha_1se_]} non-zeros",
    ]


def test_non_zeros_of_the_fits_on_all_data_are_on_top(lasso, ax):
    plot_cv(lasso, ax)
    ax.figure.draw_without_rendering()
    (top,) = ax.child_axes
    shown = {text.get_text(): at for text, at in zip(top.get_xticklabels(), top.get_xticks(), strict=True)}
    assert len(shown) > 2
    for text, at in shown.items():
        assert f"{lasso.path_.df[lasso.path_.alphas == at][0]}" == text


def test_every_metric_can_be_drawn(logistic, ax):
    for metric in logistic.scoring:
        ax.clear()
        plot_cv(logistic, ax, metric=metric)
        np.testing.assert_array_equal(bars_of(ax)[1], logistic.cv_results_[f"mean_{metric}"])
        which = "more" if metric in GREATER_IS_BETTER else "less"
        assert ax.get_ylabel() == f"{metric} of unseen rows\n({which} is better)"
        assert logistic.alpha_min_ in upright_of(ax).values()
    ax.clear()
    assert plot_cv(logistic, ax).get_ylabel().startswith("auc of")
    assert ax.child_axes[0].get_xlabel() == "columns with weights that are not zero"


def test_scores_of_scikit_learn_are_better_the_greater(data, ax):
    model = RidgeCV(cv=3, n_alphas=5, scoring="neg_mean_absolute_error").fit(*data)
    assert "(more is better)" in plot_cv(model, ax).get_ylabel()


def test_grids_of_several_l1_ratios_are_curves_of_their_own(data, ax):
    model = ElasticNetCV(l1_ratio=RATIOS, n_alphas=15, cv=3).fit(*data)
    plot_cv(model, ax)
    table, n_grids = model.cv_results_, len(RATIOS)
    starts = np.flatnonzero(np.r_[True, np.diff(table["alpha"]) > 0.0])
    grids = np.split(np.arange(table["alpha"].size), starts[1:])
    assert len(grids) == n_grids
    own = next(k for k, grid in enumerate(grids) if model.best_index_ in grid)
    others = [line for line in ax.lines if line.get_label().startswith("l1_ratio")]
    for line, k in zip(others, [k for k in range(n_grids) if k != own], strict=True):
        np.testing.assert_array_equal(line.get_xdata(), table["alpha"][grids[k]])
        np.testing.assert_array_equal(line.get_ydata(), table["mean_mse"][grids[k]])
        assert line.get_label() == f"l1_ratio {RATIOS[k]:g}"
    alphas, means, _ = bars_of(ax)
    np.testing.assert_array_equal(alphas, model.path_.alphas)
    np.testing.assert_array_equal(means, table["mean_mse"][grids[own]])
    labels = texts_of(ax)[:n_grids]
    assert [label.split()[1] for label in labels] == [f"{ratio:g}" for ratio in RATIOS]
    assert labels[own].endswith("one SE, 3 folds")


@pytest.mark.parametrize("ratios", [[0.1, 1.0], [1.0, 0.1]])
def test_the_best_may_begin_a_grid(data, ratios, ax):
    model = ElasticNetCV(l1_ratio=ratios, alphas=[1.0], cv=3).fit(*data)
    plot_cv(model, ax)
    assert bars_of(ax)[1] == [model.cv_results_["mean_mse"].min()]
    assert texts_of(ax)[ratios.index(model.l1_ratio_)].startswith(f"l1_ratio {model.l1_ratio_:g} \N{PLUS-MINUS SIGN}")


def test_many_l1_ratios_have_as_many_colours(data, ax):
    ratios = np.linspace(0.1, 1.0, 12).tolist()
    plot_cv(ElasticNetCV(l1_ratio=ratios, alphas=[1.0, 0.1, 0.0], cv=3).fit(*data), ax)
    colours = {str(line.get_color()) for line in ax.lines if line.get_label().startswith("l1_ratio")}
    assert len(colours) == 11


def test_one_line_where_both_rules_choose_the_same(data, ax):
    X, y = data
    model = LassoCV(alphas=[0.1], cv=3).fit(X, y)
    assert upright_of(plot_cv(model, ax)) == {"best and 1se, chosen": 0.1}


def test_one_fold_has_no_bars(data, ax):
    model = LassoCV(cv=[(np.arange(50), np.arange(50, 80))], n_alphas=10).fit(*data)
    plot_cv(model, ax)
    assert {*upright_of(ax)} == {"best, chosen"}
    assert texts_of(ax)[0] == "mean, 1 fold"
    np.testing.assert_array_equal(bars_of(ax)[1], model.cv_results_["mean_mse"])


def test_an_alpha_of_zero_stands_a_step_to_the_left(data, ax):
    model = LassoCV(alphas=[1.0, 0.1, 0.0], cv=3).fit(*data)
    plot_cv(model, ax)
    np.testing.assert_allclose(bars_of(ax)[0], [1.0, 0.1, 0.01])
    places = dict(zip(model.path_.alphas, bars_of(ax)[0]))
    assert {*upright_of(ax).values()} == {places[model.alpha_min_], places[model.alpha_1se_]}


@pytest.fixture
def partial(lasso):
    """Scores of which one fold has none, another not all, and at two alphas none has one."""
    table = dict(lasso.cv_results_)
    scores, means, errors = (table[f"{part}_mse"].copy() for part in ("fold", "mean", "se"))
    scores[:, 0], scores[3:5, 1], scores[8:10] = np.nan, np.nan, np.nan
    means[8:10], errors[8:10], means[12] = np.nan, np.nan, np.inf
    table |= {"fold_mse": scores, "mean_mse": means, "se_mse": errors}
    other = LassoCV()
    vars(other).update(vars(lasso), cv_results_=table)
    return other


def test_what_is_undefined_is_not_drawn_and_what_cannot_be_compared_is_a_ring(partial, ax):
    plot_cv(partial, ax)
    alphas, means, _ = bars_of(ax)
    shown = dict(zip(alphas, means))
    table = partial.cv_results_
    assert not {*table["alpha"][3:5]} & {*shown}
    assert np.isnan([shown[alpha] for alpha in table["alpha"][[8, 9, 12]]]).all()
    (rings,) = (line for line in ax.lines if line.get_fillstyle() == "none")
    np.testing.assert_array_equal(rings.get_xydata(), np.column_stack([table["alpha"], table["mean_mse"]])[3:5])
    n_alphas = table["alpha"].size
    assert texts_of(ax)[:3] == [
        "mean \N{PLUS-MINUS SIGN} one SE, 3 of 4 folds", "over fewer folds, not comparable",
        f"undefined at 3 of {n_alphas} alphas",
    ]


def test_method_of_the_estimator(data, ax):
    counts = np.round(np.exp(data[0][:, 0]))
    model = PoissonRegressorCV(cv=3, n_alphas=8).fit(data[0], counts)
    assert model.plot(ax, metric="deviance_explained") is ax
    np.testing.assert_array_equal(bars_of(ax)[1], model.cv_results_["mean_deviance_explained"])


def test_what_cannot_be_drawn(lasso, path, ax):
    with pytest.raises(ValueError, match=r"metric: 'auc' is not allowed, expected one of \['mse', 'r2'\]"):
        plot_cv(lasso, ax, metric="auc")
    with pytest.raises(TypeError, match="cv: Lasso is not allowed, expected a cross-validated estimator"):
        plot_cv(Lasso(), ax)
    with pytest.raises(TypeError, match="cv: RegularizationPath is not allowed"):
        plot_cv(path, ax)
    with pytest.raises(NotFittedError):
        plot_cv(LassoCV(), ax)
    assert not ax.lines

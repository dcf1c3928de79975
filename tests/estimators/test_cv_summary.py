"""Printed cross-validations: both alphas with their errors, in lines that fit a screen."""

import numpy as np
import pytest

from sparsereg import ElasticNetCV, LassoCV, LogisticRegressionCV, PoissonRegressorCV, RidgeCV

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1200, 5))
Y = X[:, 0] - 0.5 * X[:, 1] + RNG.standard_normal(1200)


def test_golden():
    model = LassoCV(n_alphas=20, eps=1e-2, rule="1se").fit(X, Y)
    assert str(model) == (
        "LassoCV: squared loss, l1_ratio 1\n"
        "20 alphas from 1.079 to 0.01079, 1,200 rows, 5 folds\n"
        "Measure: mse of unseen rows, less is better\n"
        "\n"
        "       alpha  index   mean     SE  non-zeros\n"
        "min  0.02234     16  1.047  0.025          4\n"
        "1se  0.09563     10  1.062  0.018          2  chosen"
    )


def test_rows_are_those_of_the_table():
    model = LogisticRegressionCV(l1_ratio=[0.5, 1.0], n_alphas=10, scoring=["auc", "log_loss"]).fit(X, Y > 0.0)
    lines = str(model).splitlines()
    assert lines[0] == f"LogisticRegressionCV: logistic loss, l1_ratio {model.l1_ratio_:g} of 0.5, 1"
    assert lines[2] == "Measure: auc of unseen rows, more is better"
    for line, alpha in zip(lines[-2:], (model.alpha_min_, model.alpha_1se_), strict=True):
        k = np.flatnonzero(model.path_.alphas == alpha)[0]
        entry = np.flatnonzero(
            (model.cv_results_["alpha"] == alpha) & (model.cv_results_["l1_ratio"] == model.l1_ratio_)
        )[0]
        mean, error = (model.cv_results_[f"{what}_auc"][entry] for what in ("mean", "se"))
        assert line.split()[1:6] == [f"{alpha:.4g}", str(k), f"{mean:.4g}", f"{error:.2g}", str(model.path_.df[k])]
        assert line.endswith("chosen") == (alpha == model.alpha_)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (RidgeCV(n_alphas=8), ["RidgeCV: squared loss, l1_ratio 0"]),
        (PoissonRegressorCV(n_alphas=5), ["poisson loss", "Measure: deviance"]),
        (LassoCV(n_alphas=5, penalty="mcp"), ["squared loss, penalty mcp, l1_ratio 1"]),
        (LassoCV(n_alphas=5, relax=True), ["squared loss, relaxed fits, l1_ratio 1"]),
        (LassoCV(n_alphas=5, scoring="neg_mean_absolute_percentage_error"), ["more is better"]),
        (LassoCV(n_alphas=5, scoring=lambda model, X, y: 1.0), ["Measure: score", "more is better"]),
        (ElasticNetCV(l1_ratio=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], n_alphas=5), [" of 9\n"]),
        (ElasticNetCV(l1_ratio=[0.123456, 0.234567, 0.345678, 0.456789, 0.567891, 0.67892], n_alphas=5), ["0.123456"]),
        (LassoCV(n_alphas=5, cv=[(np.arange(900), np.arange(900, 1200))]), ["1 fold\n", "\n1se  "]),
    ],
)
def test_heads(model, words):
    text = str(model.fit(X, np.round(np.exp(Y / 2.0))))
    assert max(map(len, text.splitlines())) <= 80
    for word in words:
        assert word in text
    assert [line[:3] for line in text.splitlines()[-2:]] == ["min", "1se"]


def test_without_a_standard_error():
    text = str(LassoCV(n_alphas=5, cv=[(np.arange(900), np.arange(900, 1200))]).fit(X, Y))
    *_, lowest, within = (line.split() for line in text.splitlines())
    assert within == ["1se", *"-----"]
    assert lowest[4] == "-"
    assert lowest[-1] == "chosen"


def test_repr_and_displays_stay():
    model = LassoCV(n_alphas=5, rule="1se")
    before = repr(model), str(model), str(model)
    assert set(before) == {"LassoCV(n_alphas=5, rule='1se')"}
    model.fit(X, Y)
    assert repr(model) == before[0]
    bundle = model._repr_mimebundle_()
    assert bundle["text/plain"] == before[0]
    assert "LassoCV" in bundle["text/html"]
    assert str(model).startswith("LassoCV: squared loss")


def test_one_alpha():
    assert "\n1 alpha, 0.25, 1,200 rows, 5 folds\n" in str(LassoCV(alphas=[0.25]).fit(X, Y))


@pytest.mark.parametrize(("mean", "error", "shown"), [
    (3277.4, 104.2, ["3277", "104"]), (32774.0, 99.7, ["32774", "100"]), (3.2, 0.0104, ["3.2", "0.01"]),
    (-32774.0, 12.6, ["-32774", "13"]), (4.5e8, 1.25e7, ["4.5e+08", "1.2e+07"]), (1e-9, 2e-12, ["1e-09", "2e-12"]),
])
def test_errors_are_shown_as_means_are(mean, error, shown):
    model = LassoCV(alphas=[0.25]).fit(X, Y)
    model.cv_results_["mean_mse"][:], model.cv_results_["se_mse"][:] = mean, error
    assert str(model).splitlines()[-1].split()[3:5] == shown

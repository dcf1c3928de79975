"""Objectives in words, for every loss and penalty that there is."""

import pytest
from support import model_zoo

import sparsereg as sr
from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.report.objective import objective, penalty_name
from sparsereg.report.subject import Subject

X, Y = model_zoo.X, model_zoo.Y


@pytest.mark.parametrize(
    ("model", "kind", "words", "name"),
    [
        (sr.Lasso(0.1), "numbers", "mean squared error / 2 + alpha \u00d7 sum of |w|", "L1 (lasso)"),
        (sr.Ridge(0.1), "numbers", "mean squared error / 2 + alpha \u00d7 sum of w\u00b2 / 2", "L2 (ridge, weight"),
        (
            sr.ElasticNet(0.1, l1_ratio=0.25), "numbers",
            "mean squared error / 2 + alpha \u00d7 (0.25 \u00d7 sum of |w| + 0.75 \u00d7 sum of w\u00b2 / 2)",
            "elastic net, l1_ratio 0.25",
        ),
        (sr.HuberRegressor(0.1, delta=0.5), "numbers", "mean huber loss (delta = 0.5) + alpha", "L1 (lasso)"),
        (sr.PoissonRegressor(0.1), "counts", "mean poisson deviance / 2 + alpha", "L1 (lasso)"),
        (sr.LogisticRegression(0.02, penalty="l2"), "two", "mean cross-entropy (log loss) + alpha", "L2 (ridge"),
        (sr.LinearSVC(0.02), "two", "mean squared hinge loss + alpha", "L1 (lasso)"),
        (sr.Lasso(0.1, penalty="l0"), "numbers", "alpha \u00d7 number of weights that are not zero", "L0"),
        (sr.Lasso(0.1, penalty="mcp", gamma=4.0), "numbers", "MCP of w (|w| that levels off) (gamma = 4)", "MCP"),
    ],
)  # fmt: skip
def test_what_was_minimised(model, kind, words, name):
    subject = Subject.of(model.fit(X, Y[kind]))
    assert words in objective(subject)
    assert penalty_name(subject).startswith(name)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_loss_and_penalty_has_words(loss, penalty):
    kind = "shares" if LOSSES[loss].is_classification else "counts"
    path = sr.regularization_path(X, Y[kind], loss=loss, penalty=penalty, alphas=[0.5])
    assert " + alpha \u00d7 " in objective(Subject.of(path))


def test_relaxed_fits_have_no_penalty():
    path = sr.lasso_path(X, Y["numbers"], n_alphas=3, relax=True)
    assert "without penalty on the columns" in objective(Subject.of(path))

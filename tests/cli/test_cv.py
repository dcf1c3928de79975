"""``sparsereg cv``: curves of the folds, the alpha of either rule, and what has no cross-validation."""


import numpy as np
import pytest
from support.commands import run_json

from sparsereg import LassoCV, LogisticRegressionCV, load_model
from sparsereg.cli.main import main

HOUSES = (
    "houses.csv", "--target", "median_house_value", "--lat", "latitude", "--lon", "longitude", "--levels", "60",
    "--categorical", "ocean_proximity",
)


def test_the_curve_has_its_minimum_where_the_rule_says(here, capsys):
    found = run_json(capsys, "cv", *HOUSES, "--cv", "4", "--n-alphas", "20", "--save", "cv.npz")
    curve = found["curve"]
    assert found["alpha"] == found["alpha_min"] == curve["alpha"][int(np.argmin(curve["mean_mse"]))]
    assert np.shape(curve["fold_mse"])[1] == 4
    np.testing.assert_allclose(np.std(curve["fold_mse"], axis=1), curve["std_mse"], rtol=0.5)
    model = load_model(here / "cv.npz").model
    assert isinstance(model, LassoCV)
    assert model.alpha_ == found["alpha"]
    simple = run_json(capsys, "cv", *HOUSES, "--cv", "4", "--n-alphas", "20", "--rule", "1se")
    assert simple["alpha"] == simple["alpha_1se"] == found["alpha_1se"] > found["alpha_min"]
    assert run_json(capsys, "cv", *HOUSES, "--cv", "4", "--n-alphas", "20", "--seed", "3")["curve"] != curve


def test_fit_with_folds_is_cv(here, capsys):
    found = run_json(capsys, "cv", *HOUSES, "--cv", "3", "--holdout", "0.2")
    same = run_json(capsys, "fit", *HOUSES, "--cv", "3", "--holdout", "0.2")
    assert same.pop("command") == "fit"
    assert found.pop("command") == "cv"
    assert same == found
    assert found["held_out"]["r2"] > 0.3


def test_classes_are_scored_as_asked(here, capsys):
    few = ("--n-alphas", "6", "--eps", "0.1")
    found = run_json(capsys, "cv", "words.svm", "--loss", "logistic", "--scoring", "auc", *few, "--save", "w.npz")
    assert found["measure"] == "auc"
    curve = found["curve"]
    assert found["alpha_min"] == curve["alpha"][int(np.argmax(curve["mean_auc"]))]
    assert isinstance(load_model(here / "w.npz"), LogisticRegressionCV)
    assert main(["cv", "words.svm", "--loss", "logistic", *few]) == 0
    out, _ = capsys.readouterr()
    assert "log_loss of unseen rows" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["--loss", "huber"], "--loss: huber is not allowed with cross-validation"), (["--scoring", "luck"], "'luck'")],
)
def test_what_has_no_cross_validation(here, capsys, arguments, complaint):
    assert main(["cv", *HOUSES, *arguments]) == 1
    assert complaint in capsys.readouterr().err

"""Estimators on a cluster: the numbers of the plain ones, and what they become on one machine."""

import copy
import pickle

import dask.dataframe as dd
import numpy as np
import pytest
from sklearn.base import clone
from support.distributed_data import features, matrix

import sparsereg
from sparsereg import ConvergenceWarning, load_model, save_model
from sparsereg.dask import DaskElasticNet, DaskLasso, DaskLogisticRegression, DaskPoissonRegressor, DaskRidge

CASES = [
    (DaskLasso, "y", {"alpha": 0.02, "standardize": True}),
    (DaskElasticNet, "y", {"alpha": 0.05, "positive": True}),
    (DaskRidge, "y", {"alpha": 0.1, "positive": True}),
    (DaskLogisticRegression, "label", {"alpha": 0.01, "class_weight": "balanced", "label_smoothing": 0.1}),
    (DaskPoissonRegressor, "count", {"alpha": 0.02, "l1_ratio": 0.5}),
]


@pytest.fixture(scope="module")
def collection(frame):
    return dd.from_pandas(frame, npartitions=7)


@pytest.mark.parametrize(("cls", "target", "settings"), CASES, ids=[case[0].__name__ for case in CASES])
def test_numbers_are_those_of_one_machine(client, frame, collection, cls, target, settings):
    plain = getattr(sparsereg, cls.__name__.removeprefix("Dask"))(**settings)
    rows, X = (target, "weight", "offset"), matrix(frame)
    plain.fit(X, *(frame[name] for name in rows))
    model = cls(**settings, features=features(frame)).fit(collection, *rows)
    local = model.to_local()
    assert type(local) is type(plain)
    assert local.get_params() == plain.get_params()
    assert vars(local).keys() == vars(plain).keys()
    assert local.objective_ == pytest.approx(plain.objective_, rel=1e-12)
    assert local.dual_gap_ <= local.tol
    assert np.array_equal(local.sparse_coef_.indices, plain.sparse_coef_.indices)
    assert np.allclose(local.predict(X, frame["offset"]) == plain.predict(X, frame["offset"]), 1) or np.allclose(
        local.predict(X, frame["offset"]), plain.predict(X, frame["offset"]), rtol=1e-9
    )
    judged, expected = (each.evaluate(*given) for each, given in (
        (model, (collection, *rows)), (plain, (X, *(frame[name] for name in rows)))
    ))
    assert judged == pytest.approx(expected, rel=1e-9)


def test_more_classes_than_any_part_has(client, frame):
    """Classes are the union of those of the parts; a part of one class is no error."""
    rows = frame.sort_values("colour", ignore_index=True)
    plain = sparsereg.LogisticRegression(alpha=0.02).fit(rows[["x", "lat"]], rows["colour"])
    X = dd.from_pandas(rows[["x", "lat", "colour"]], npartitions=7)
    model = DaskLogisticRegression(alpha=0.02).fit(X, "colour")
    assert model.classes_.tolist() == ["blue", "green", "red"]
    assert model.objective_ == pytest.approx(plain.objective_, rel=1e-12)
    assert model.score(X[["x", "lat"]], X["colour"]) == pytest.approx(plain.score(rows[["x", "lat"]], rows["colour"]), rel=1e-12)


def test_scores_are_those_of_one_machine(client, frame, collection):
    X = frame[["x", "lat"]]
    for cls, target, settings in CASES[2:]:
        rows = collection[["x", "lat", target, "weight"]]
        model = cls(**settings).fit(rows, target, "weight")
        score = model.score(rows, target, "weight")
        assert score == pytest.approx(model.to_local().score(X, frame[target], frame["weight"]), rel=1e-9)
        assert score == pytest.approx(model.score(X, frame[target], frame["weight"]), rel=1e-9)
    with pytest.raises(ValueError, match="offset: not allowed in scores of data on a cluster, expected None"):
        model.score(rows, target, offset=1.0)


def test_a_fit_that_fails_leaves_the_last_one_as_it_was(client, frame, collection):
    model = DaskLasso(alpha=0.02).fit(collection[["x", "y"]], "y")
    before = dict(vars(model))
    holes = frame[["x", "y"]].copy()
    holes.loc[1_900, "y"] = np.nan
    with pytest.raises(ValueError, match=r"part 6: Input y contains NaN\. \(nan at 185;"):
        model.fit(dd.from_pandas(holes, npartitions=7), "y")
    with pytest.raises(ValueError, match="alpha: -1 is outside"):
        model.set_params(alpha=-1).fit(None)
    with pytest.raises(ValueError, match="where: 'here' is not allowed, expected one of"):
        model.set_params(alpha=0.02, where="here").fit(None)
    model.set_params(where="auto")
    assert vars(model) == before
    assert model.fit(collection[["x", "y"]], "y").objective_ == before["objective_"]


def test_a_warm_start_goes_on_from_the_last_fit(client, collection):
    model = DaskLasso(alpha=0.02, warm_start=True, tol=1e-9).fit(collection[["x", "lat", "y"]], "y")
    first = model.n_iter_
    assert model.fit(collection[["x", "lat", "y"]], "y").n_iter_ < first


def test_warnings_of_the_worker_come_to_the_caller(client, collection):
    with pytest.warns(ConvergenceWarning, match="1 of 1 fits stopped before") as caught:
        DaskElasticNet(alpha=1e-4, max_iter=1, tol=1e-15).fit(collection[["x", "lat", "lon", "y"]], "y")
    assert caught[0].filename == __file__


def test_copies_keep_the_client_and_pickles_do_not(client, frame, tmp_path):
    model = DaskLasso(alpha=0.3, client=client, features=features(frame))
    assert clone(model).client is client
    assert copy.deepcopy(model).client is client
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.client is None
    assert loaded.alpha == 0.3


def test_what_is_saved_is_the_plain_estimator(client, collection, tmp_path):
    model = DaskLasso(alpha=0.02).fit(collection[["x", "lat", "y"]], "y")
    save_model(model, tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert type(loaded) is sparsereg.Lasso
    assert loaded.objective_ == model.objective_


def test_what_it_took_is_said(client, collection, capsys):
    model = DaskLasso(alpha=0.02, verbose=1).fit(collection[["x", "lat", "y"]], "y")
    reduced, fitted = capsys.readouterr().out.splitlines()
    assert reduced.startswith("reduced: 7 parts, 2,000 samples -> ")
    assert fitted.startswith(f"merged and fitted: {model.reduction_.n_rows:,} rows, ")
    took = model.reduction_
    assert took.n_rows == 48 and took.n_active == 2 and took.passes == 1
    assert 0 < took.bytes_moved < took.part_bytes * 2
    assert str(took).startswith("2,000 samples in 7 parts -> 48 distinct rows, 2 columns, 2 of them occupied\n")

"""Cross-validation on a cluster: what the plain estimators find on the merged reduction, to the last bit."""

import warnings

import numpy as np
import pytest
from support.distributed_data import ENDS, features, matrix, parts_of

from sparsereg import (
    CVProgress,
    ElasticNetCV,
    LassoCV,
    LogisticRegressionCV,
    ParquetReader,
    PoissonRegressorCV,
    Reduced,
    RidgeCV,
    SvmlightReader,
    load_model,
    save_model,
)
from sparsereg.dask import (
    DaskElasticNetCV,
    DaskLassoCV,
    DaskLogisticRegressionCV,
    DaskPoissonRegressorCV,
    DaskRidgeCV,
)

# Settings, target and place of the data of each estimator.
KINDS = {
    "lasso": (DaskLassoCV, LassoCV, "squared", "y", {"n_alphas": 12, "eps": 0.05}),
    "elastic net": (DaskElasticNetCV, ElasticNetCV, "squared", "y", {
        "l1_ratio": [0.5, 0.9], "n_alphas": 5, "eps": 0.1
    }),
    "ridge": (DaskRidgeCV, RidgeCV, "squared", "y", {"alphas": [0.1, 0.01, 0.001], "rule": "1se"}),
    "labels": (DaskLogisticRegressionCV, LogisticRegressionCV, "logistic", "label", {
        "n_alphas": 5, "eps": 0.1, "scoring": ["auc", "log_loss"], "class_weight": "balanced"
    }),
    "classes": (DaskLogisticRegressionCV, LogisticRegressionCV, "logistic", "colour", {"n_alphas": 2, "eps": 0.3}),
    "counts": (DaskPoissonRegressorCV, PoissonRegressorCV, "poisson", "count", {
        "n_alphas": 4, "eps": 0.1, "relax": True
    }),
}
ENDS_AT_BEST = pytest.mark.filterwarnings("ignore:.*the best alpha of the grid:UserWarning")


def delayed_blocks(X, *beside):
    from dask import delayed

    return [delayed(block) for block in zip(*map(parts_of, (X, *beside)), strict=True)]


def drawn(n_folds, seed, first=0):
    """Return the fold of every row: those of a part are dealt evenly, by its number."""
    sizes = np.diff(ENDS)
    parts = [np.random.default_rng([seed, k, first]).permutation(size) + k for k, size in enumerate(sizes)]
    return np.concatenate(parts) % n_folds


def merged(X, y, folds, loss, **beside):
    """Reduce parts, and merge them as the tree of a cluster does."""
    cut = [parts_of(value) for value in (X, y, folds, *beside.values())]
    parts = [
        Reduced.of(block, target, loss=loss, fold=fold, **dict(zip(beside, rest, strict=True)))
        for block, target, fold, *rest in zip(*cut, strict=True)
    ]
    return Reduced.merge_all(parts)


def assert_same(found, expected):
    assert {*vars(found)} == {*vars(expected)}
    for name, values in expected.cv_results_.items():
        np.testing.assert_array_equal(found.cv_results_[name], values, err_msg=name)
    for name in ("alpha_", "alpha_min_", "l1_ratio_", "best_index_", "measure_", "dual_gap_", "n_iter_", "objective_"):
        assert getattr(found, name) == getattr(expected, name), name
    np.testing.assert_array_equal(found.sparse_coef_.toarray(), expected.sparse_coef_.toarray())
    np.testing.assert_array_equal(found.intercept_, expected.intercept_)
    np.testing.assert_array_equal(found.path_.alphas, expected.path_.alphas)
    np.testing.assert_array_equal(found.path_.dual_gaps, expected.path_.dual_gaps)


@pytest.mark.parametrize("name", KINDS)
@ENDS_AT_BEST
def test_estimators_find_what_the_plain_ones_find_on_the_merged_reduction(client, frame, name):
    kind, plain, loss, target, settings = KINDS[name]
    X, y, weight = matrix(frame), frame[target].to_numpy(), frame["weight"].to_numpy()
    # Ridge is solved by factors, whose threads would fight with those of the workers over many columns.
    X = X[:, -4:] if name == "ridge" else X
    model = kind(cv=3, random_state=5, **settings).fit(delayed_blocks(X, y, weight))
    whole = merged(X, y, drawn(3, 5), loss, sample_weight=weight)
    expected = plain(**settings).fit(whole)
    assert_same(model.to_local(), expected)
    assert str(model).startswith(f"{kind.__name__}: {loss} loss")
    assert (model.reduction_.n_parts, model.reduction_.n_rows) == (7, whole.n_rows)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_a_grid_goes_on_from_where_every_fold_was(client, frame):
    X, offset = matrix(frame), frame["offset"].to_numpy()
    # Next to no noise: the smallest alpha is the best, until the loss has stopped falling.
    y = X @ np.linspace(-1.0, 1.0, X.shape[1]) + offset + 0.01 * frame["y"].to_numpy()
    model = DaskLassoCV(n_alphas=10, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(as_array(X), as_array(y), offset=as_array(offset))
        expected = LassoCV(n_alphas=10).fit(merged(X, y, drawn(5, 1), "squared", offset=offset))
    assert model.path_.alphas.size > 10
    assert_same(model.to_local(), expected)
    assert model.path_.has_offset


def as_array(values):
    import dask
    import dask.array as da

    parts = parts_of(values)
    return da.concatenate([da.from_delayed(dask.delayed(p), p.shape, p.dtype, meta=p[:0]) for p in parts])


@ENDS_AT_BEST
def test_files_and_groups_of_rows_that_lie_in_several(client, frame, files, tmp_path):
    made = features(frame)
    reader = ParquetReader(files, target="y", features=made)
    # Places are in several files, with a feature made of them or not; every place is in one fold.
    settings = {"n_alphas": 6, "eps": 0.1, "random_state": 3}
    model = DaskLassoCV(cv=4, **settings).fit(reader, groups="lat")
    whole = Reduced.of(matrix(frame), frame["y"], loss="squared", groups=frame["lat"], n_folds=4, random_state=3)
    expected = LassoCV(n_alphas=6, eps=0.1).fit(whole)
    np.testing.assert_allclose(model.cv_results_["fold_mse"], expected.cv_results_["fold_mse"], rtol=1e-9)
    again = DaskLassoCV(cv=4, features=made, **settings).fit(files, "y", groups="lat")
    np.testing.assert_array_equal(again.cv_results_["fold_mse"], model.cv_results_["fold_mse"])
    other = DaskLassoCV(cv=4, features=made, **{**settings, "random_state": 4}).fit(files, "y", groups="lat")
    assert (other.cv_results_["fold_mse"] != model.cv_results_["fold_mse"]).any()
    save_model(again, tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(matrix(frame)), model.predict(matrix(frame)))


@ENDS_AT_BEST
def test_groups_of_frames_and_blocks(client, frame):
    import dask.dataframe as dd

    X, y, shop = matrix(frame), frame["y"].to_numpy(), frame["shop"].to_numpy()
    whole = Reduced.of(X, y, loss="squared", groups=shop, n_folds=2, random_state=0)
    expected = LassoCV(n_alphas=4, eps=0.1).fit(whole).cv_results_["fold_mse"]
    settings = {"cv": 2, "n_alphas": 4, "eps": 0.1}
    lazy = dd.from_pandas(frame, npartitions=7)
    places = [
        (DaskLassoCV(features=features(frame), **settings), (lazy, "y"), "shop"),
        (DaskLassoCV(features=features(frame), **settings), (lazy, lazy["y"]), lazy["shop"]),
        (DaskLassoCV(**settings), (delayed_blocks(X, y),), [block for block, in delayed_alone(shop)]),
    ]
    for model, data, groups in places:
        model.fit(*data, groups=groups)
        np.testing.assert_allclose(model.cv_results_["fold_mse"], expected, rtol=1e-9)
    # A column of groups is no feature.
    numbers = lazy[["x", "y", "count"]]
    assert DaskLassoCV(**settings).fit(numbers, "y", groups="count").feature_names_in_.tolist() == ["x"]


def delayed_alone(values):
    from dask import delayed

    return [(delayed(block),) for block in parts_of(values)]


@ENDS_AT_BEST
def test_folds_of_ones_own_are_in_reductions(client, frame):
    from dask import delayed

    X, y, numbers = matrix(frame), frame["y"].to_numpy(), np.arange(len(frame)) % 3 - 1
    cut = zip(*map(parts_of, (X, y, numbers)), strict=True)
    parts = [delayed(Reduced.of)(*part, loss="squared", fold=fold) for *part, fold in cut]
    model = DaskLassoCV(n_alphas=4, eps=0.1).fit(parts)
    assert model.cv_results_["fold_mse"].shape == (4, 2)
    assert_same(model.to_local(), LassoCV(n_alphas=4, eps=0.1).fit(merged(X, y, numbers, "squared")))
    with pytest.raises(ValueError, match="cv: 4 folds are not allowed, 2 of them have rows"):
        DaskLassoCV(cv=4, n_alphas=4, eps=0.1).fit(parts)


# What users hear.


@ENDS_AT_BEST
def test_every_fit_is_told_once_and_a_line_is_printed_for_each_task(client, frame, capsys):
    X, y, told, expected = matrix(frame), frame["y"].to_numpy(), [], []
    settings = {"l1_ratio": [0.5, 1.0], "n_alphas": 4, "eps": 0.1}
    DaskElasticNetCV(cv=3, verbose=1, callback=told.append, **settings).fit(delayed_blocks(X, y))
    ElasticNetCV(callback=expected.append, **settings).fit(merged(X, y, drawn(3, 0), "squared"))
    assert sorted(told, key=place) == sorted(expected, key=place)
    assert all(isinstance(progress, CVProgress) for progress in told)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("reduced: 7 parts, 2,000 samples")
    assert lines[1].startswith("merged: ")
    assert lines[1].endswith(" 3 folds")
    assert sum("non-zeros at the smallest alpha" in line for line in lines) == len(lines) - 2 == 8


def place(progress):
    return progress.l1_ratio, progress.fold, progress.position


def test_what_a_callback_raises_ends_the_fit(client, frame):
    def refuse(progress):
        raise InterruptedError(progress.fold)

    model = DaskLassoCV(callback=refuse, n_alphas=5)
    with pytest.raises(InterruptedError):
        model.fit(delayed_blocks(matrix(frame), frame["y"].to_numpy()))
    assert not hasattr(model, "coef_")


def test_warnings_of_fits_reach_the_caller(client, frame):
    X, y = matrix(frame)[:, -4:].toarray(), frame["y"].to_numpy()
    # A column that varies by less than float64 can tell of its size.
    X = np.column_stack([X, 1e8 + 1e-4 * frame["x"]])
    caught = []
    for fit in (
        lambda: DaskLassoCV(cv=3, n_alphas=5, max_iter=2).fit(delayed_blocks(X, y)),
        lambda: LassoCV(n_alphas=5, max_iter=2).fit(merged(X, y, drawn(3, 0), "squared")),
    ):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            fit()
        caught.append([(str(each.message), each.category, each.filename) for each in heard])
    found, expected = caught
    assert found == expected
    assert len(found) == 3
    assert found[0][2] == __file__


# Bad input.


@pytest.mark.parametrize(("settings", "kind", "message"), [
    ({"where": "stay"}, ValueError, "where: 'stay' is not allowed in cross-validation"),
    ({"where": "here"}, ValueError, "where: 'here' is not allowed"),
    ({"n_jobs": 2}, ValueError, "n_jobs: 2 is not allowed on a cluster, expected None"),
    ({"scoring": print}, ValueError, "scoring: <built-in function print> is not allowed on a cluster"),
    ({"keep_predictions": True}, ValueError, "keep_predictions: True is not allowed on a cluster, expected False"),
    ({"cv": 1}, ValueError, "cv: 1 folds are not allowed, expected at least 2"),
    ({"cv": True}, TypeError, "cv: True is not allowed on a cluster"),
    ({"cv": np.arange(3)}, TypeError, r"cv: array\(\[0, 1, 2\]\) is not allowed on a cluster"),
    ({"random_state": -1}, ValueError, "random_state: -1 is not allowed"),
    ({"random_state": "x"}, ValueError, "random_state: 'x' is not allowed"),
    ({"tol": -1.0}, ValueError, "tol: -1.0 is outside"),
    ({"callback": 3}, TypeError, "callback: 3 is not callable"),
])
def test_settings_are_refused_before_anything_is_read(settings, kind, message):
    with pytest.raises(kind, match=message):
        DaskLassoCV(**settings).fit(["no such file.parquet"], "y")


def test_any_random_state_will_do(client, frame):
    blocks = delayed_blocks(matrix(frame), frame["y"].to_numpy())

    def scores(state):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return DaskLassoCV(n_alphas=2, eps=0.5, random_state=state).fit(blocks).cv_results_["fold_mse"].tolist()

    assert scores(None) == scores(0) != scores(1)
    assert scores(np.random.default_rng(7)) == scores(np.random.default_rng(7))


def test_data_that_no_fold_can_be_made_of(client, frame):
    X, y = matrix(frame), frame["y"].to_numpy()
    few = delayed_blocks(X, y)[:1]
    one = Reduced.of(X[:3], y[:3], loss="squared")
    model = DaskLassoCV(n_alphas=3).fit(few)
    before = model.coef_.copy()
    from dask import delayed

    with pytest.raises(ValueError, match="X: this reduction has no folds"):
        model.fit([delayed(one)])
    with pytest.raises(ValueError, match="cv: 5 folds are not allowed, 3 of them have rows of positive weight"):
        model.set_params(cv=5).fit([delayed((X[:3], y[:3]))])
    with pytest.raises(ValueError, match=r"cv: fold number . in every row leaves no row to train on"):
        model.set_params(cv=2).fit([delayed((X, y))], groups=[delayed(np.zeros(y.size))])
    label = np.r_[1, np.zeros(y.size - 1)]
    with pytest.raises(ValueError, match=r"cv: the train part of fold .* cannot be fitted, because a class"):
        DaskLogisticRegressionCV(n_alphas=3).fit(delayed_blocks(X, label))
    with pytest.raises(ValueError, match=r"part 6: .*NaN"):
        model.fit(delayed_blocks(X, np.r_[y[:-1], np.nan]))
    np.testing.assert_array_equal(model.coef_, before)
    with pytest.raises(ValueError, match="groups: not allowed beside a SvmlightReader"):
        model.fit(SvmlightReader(["rows.svm"]), groups="place")
    with pytest.raises(ValueError, match="groups: 1 partitions, where X has 7"):
        model.fit(delayed_blocks(X, y), groups=[delayed(y)])
    with pytest.raises(ValueError, match=r"part .: groups: 5 rows, where X has"):
        model.fit(delayed_blocks(X, y), groups=[delayed(y[:5])] * 7)

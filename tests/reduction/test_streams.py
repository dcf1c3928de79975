"""Streams in the place of rows: fits are those of the rows, and what is no stream is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from support.reductions import equal_rows, target

import sparsereg
from sparsereg import (
    Block,
    CsvReader,
    LogisticRegression,
    ParquetReader,
    Reduced,
    SvmlightReader,
    logistic_path,
    regularization_path,
)

X, EFFECT, WEIGHT = equal_rows(600)
SIZES = range(0, 600, 150)
MODELS = {
    "Lasso": "squared", "ElasticNet": "squared", "Ridge": "squared", "HuberRegressor": "huber",
    "PoissonRegressor": "poisson", "LogisticRegression": "logistic", "LinearSVC": "squared_hinge",
}


def blocks_of(y):
    return [Block(X[k : k + 150], y[k : k + 150], WEIGHT[k : k + 150]) for k in SIZES]


@pytest.mark.parametrize(("name", "loss"), MODELS.items())
def test_models_are_those_of_the_rows(name, loss):
    y = target(loss, EFFECT)
    alpha = 0.1 if name == "Ridge" else 0.01
    one, other = (getattr(sparsereg, name)(alpha, tol=1e-11) for _ in range(2))
    one.fit(X, y, WEIGHT)
    other.fit(iter(blocks_of(y)))
    assert one.objective_ == pytest.approx(other.objective_, rel=1e-11)
    np.testing.assert_array_equal(one.sparse_coef_.indices, other.sparse_coef_.indices)
    np.testing.assert_allclose(one.sparse_coef_.data, other.sparse_coef_.data, rtol=1e-3, atol=1e-5)
    assert getattr(one, "classes_", None) is None or one.classes_.tolist() == other.classes_.tolist()


@pytest.mark.parametrize("loss", ["squared", "poisson", "huber", "logistic", "squared_hinge"])
def test_paths_are_those_of_the_rows(loss):
    y = target(loss, EFFECT)
    settings = {"loss": loss, "n_alphas": 5, "tol": 1e-10}
    one = regularization_path(X, y.astype(float), sample_weight=WEIGHT, **settings)
    other = regularization_path(blocks_of(y), **settings)
    limited = regularization_path(blocks_of(y), memory_limit="1 MB", **settings)
    for path in (other, limited):
        np.testing.assert_allclose(one.objectives, path.objectives, rtol=1e-9)
        np.testing.assert_array_equal(one.df, path.df)
        np.testing.assert_allclose(one.deviances, path.deviances, rtol=1e-6)


def test_short_forms_and_more_than_two_classes():
    labels = np.array(["a", "b", "c"])[np.arange(600) % 3]
    grid = {"n_alphas": 3, "eps": 0.5}
    one = sparsereg.logistic_path(X, labels, **grid)
    other = sparsereg.logistic_path([(X[:200], labels[:200]), (X[200:], labels[200:])], **grid)
    assert one.classes.tolist() == other.classes.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(one.objectives, other.objectives, rtol=1e-5)
    counts = target("poisson", EFFECT)
    for path in (sparsereg.lasso_path, sparsereg.enet_path, sparsereg.poisson_path):
        found = path([(X, counts)], n_alphas=3)
        np.testing.assert_allclose(found.objectives, path(X, counts, n_alphas=3).objectives, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "cv", "random_state"),
    [(sparsereg.LassoCV, None, None), (sparsereg.LassoCV, 3, 7), (sparsereg.LogisticRegressionCV, 3, None)],
)
def test_folds_are_drawn_while_reading(make, cv, random_state):
    y = target(make._loss, EFFECT)
    settings = {"n_alphas": 4, "tol": 1e-6}
    found = make(cv=cv, random_state=random_state, **settings).fit(iter(blocks_of(y)))
    n_folds = 5 if cv is None else cv
    reduced = Reduced.of_blocks(blocks_of(y), loss=make._loss, n_folds=n_folds, random_state=random_state or 0)
    known = make(**settings).fit(reduced)
    assert found.alpha_ == known.alpha_
    measured = [model.cv_results_[f"fold_{found.measure_}"] for model in (found, known)]
    np.testing.assert_array_equal(*measured)
    assert measured[0].shape[1] == n_folds


def test_readers_of_files(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.standard_normal(200), "b": rng.integers(0, 3, 200)})
    frame["y"] = frame.a + frame.b + rng.standard_normal(200)
    frame["w"] = rng.uniform(1, 2, 200)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    known = sparsereg.Lasso(0.1, tol=1e-10).fit(frame[["a", "b"]], frame.y, frame.w)
    for reader, file in ((CsvReader, "rows.csv"), (ParquetReader, "rows.parquet")):
        source = reader(tmp_path / file, target="y", features=["a", "b"], weight="w", block_rows=30)
        found = sparsereg.Lasso(0.1, tol=1e-10).fit(source)
        np.testing.assert_allclose(found.coef_, known.coef_, rtol=1e-5)
    (tmp_path / "rows.svm").write_text("1 1:1 3:2\n0 2:1\n1 1:1\n0 2:1 3:1\n", encoding="utf-8")
    words = SvmlightReader(tmp_path / "rows.svm", n_features=4)
    assert sparsereg.LogisticRegression(0.01).fit(words).n_features_in_ == 4


def test_names_of_columns_and_what_is_given_by_them():
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((90, 3)), columns=["a", "b", "c"])
    y = frame.a - frame.b + frame.c
    settings = {"penalty_factor": {"b": 0.0}, "bounds": (None, {"a": 0.5})}
    halves = [(frame[:40], y[:40]), (frame[40:], y[40:])]
    for make in (sparsereg.Lasso, lambda **given: sparsereg.LassoCV(cv=3, n_alphas=5, **given)):
        model = make(**settings).fit(halves)
        assert model.feature_names_in_.tolist() == ["a", "b", "c"]
        assert model.coef_[0] <= 0.5
        with pytest.raises(ValueError, match="penalty_factor: X has no column 'z'"):
            make(penalty_factor={"z": 0.0}).fit(halves)
    path = regularization_path(halves, n_alphas=4, **settings)
    assert path.feature_names.tolist() == ["a", "b", "c"]


FITS = {
    "lasso_path": lambda *data, **more: sparsereg.lasso_path(*data, **more),
    "logistic_path": lambda *data, **more: sparsereg.logistic_path(*data, **more),
    "Lasso": lambda *data, **more: sparsereg.Lasso().fit(*data, **more),
    "LinearSVC": lambda *data, **more: sparsereg.LinearSVC().fit(*data, **more),
    "RidgeCV": lambda *data, **more: sparsereg.RidgeCV().fit(*data, **more),
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_what_is_no_stream(fit):
    y, rows = target("logistic", EFFECT), blocks_of(target("logistic", EFFECT))
    with pytest.raises(TypeError, match=r"X: the path 'a\.svm' is not allowed, .*SvmlightReader\(path\) reads"):
        fit("a.svm")
    with pytest.raises(TypeError, match="X: Block is not allowed, expected the rows of a matrix"):
        fit(rows[0])
    with pytest.raises(TypeError, match="X: dict is not allowed"):
        fit({"X": X})
    with pytest.raises(ValueError, match="requires y to be passed"):
        fit(X)
    for name, beside in (("y", {"y": y}), ("sample_weight", {"sample_weight": WEIGHT}), ("offset", {"offset": WEIGHT})):
        with pytest.raises(ValueError, match=f"{name}: not allowed beside a stream"):
            fit(rows, **beside)
    spent = iter(rows)
    list(spent)
    with pytest.raises(ValueError, match="X: there is none, expected at least one; a generator gives its blocks only"):
        fit(spent)
    bad = (sparse.csr_array(np.eye(3)), [0, 1, 0])
    with pytest.raises(ValueError, match=r"X: block 4 \(the first is 0\): X has 3 features"):
        fit([*rows, bad])


def test_settings_are_refused_before_anything_is_read():
    def never():
        raise AssertionError
        yield

    for wrong, fit in (
        ("alpha", lambda: sparsereg.Lasso(-1.0).fit(never())), ("tol", lambda: sparsereg.Ridge(tol=-1).fit(never())),
        ("n_alphas", lambda: sparsereg.lasso_path(never(), n_alphas=0)),
        ("memory_limit", lambda: sparsereg.lasso_path(never(), memory_limit="big")),
        ("rule", lambda: sparsereg.LassoCV(rule="best").fit(never())),
        ("cv", lambda: sparsereg.LassoCV(cv=1).fit(never())),
        ("groups", lambda: sparsereg.LassoCV().fit(never(), groups=[1])),
        ("keep_predictions", lambda: sparsereg.LassoCV(keep_predictions=True).fit(never())),
        ("scoring", lambda: sparsereg.LassoCV(scoring=lambda *data: 0.0).fit(never())),
    ):
        with pytest.raises(ValueError, match=f"^{wrong}: "):
            fit()


@pytest.mark.parametrize("cv", [[0, 1, 0], [(np.arange(3), np.arange(3))], True, 2.0, "five"])
def test_folds_that_need_the_rows(cv):
    with pytest.raises(TypeError, match=r"cv: .* is not allowed with a stream, expected None or how many folds"):
        sparsereg.LassoCV(cv=cv).fit([(X, EFFECT)])


def test_more_folds_than_rows():
    with pytest.raises(ValueError, match="cv: 5 is not allowed for 3 rows, expected no more"):
        sparsereg.LassoCV().fit([(X[:3], EFFECT[:3])])


@pytest.mark.parametrize(("words", "classes"), [(["no", "yes"], ["no", "yes"]), (["False", "True"], [False, True])])
def test_words_of_untyped_tables_are_labels(tmp_path, words, classes):
    y = np.arange(40) % 3 == 0
    lines = [f"{value},{words[int(label)]}" for value, label in zip(np.arange(40.0) * y, y)]
    (tmp_path / "a.csv").write_text("\n".join(["x,y", *lines]))
    reader = CsvReader(tmp_path / "a.csv", target="y", features=["x"])
    model, rows = LogisticRegression(alpha=0.01).fit(reader), np.arange(40.0)[:, None] * y[:, None]
    assert model.classes_.tolist() == logistic_path(reader, n_alphas=2).classes.tolist() == classes
    np.testing.assert_allclose(model.coef_, LogisticRegression(alpha=0.01).fit(rows, y).coef_, rtol=1e-6)


def test_numbers_of_untyped_tables_stay_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "\n".join(f"{k},{share}" for k, share in enumerate([0.25, 0.5, 1, 0])))
    reader = CsvReader(tmp_path / "a.csv", target="y", features=["x"])
    assert Reduced.of_blocks(reader, loss="logistic").entries.sums.form == "second"

"""Table models: what they predict is what their model predicts of the columns that their features make."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

import sparsereg as sr
from sparsereg import ArrowReader, CsvReader, FeatureCross, Lasso, LatLongCross, ParquetReader, TableModel

RNG = np.random.default_rng(0)
N = 200
SALES = pd.DataFrame({
    "lat": RNG.uniform(59.0, 61.0, N), "lon": RNG.uniform(10.0, 12.0, N), "city": RNG.choice(["Oslo", "Moss"], N),
    "rooms": RNG.integers(1, 7, N), "age": RNG.normal(30.0, 5.0, N), "w": RNG.integers(1, 4, N),
})  # fmt: skip
SALES["price"] = SALES["rooms"] + 2.0 * (SALES["city"] == "Oslo") + RNG.normal(scale=0.3, size=N)
SALES["dear"] = np.where(SALES["price"] > 4.5, "yes", "no")
SALES["size"] = pd.cut(SALES["price"], [-np.inf, 3.0, 6.0, np.inf], labels=["large", "middle", "small"]).astype(str)
FEATURES = [
    (LatLongCross(levels=(60, 10)).fit(SALES[["lat", "lon"]]), ["lat", "lon"]), "rooms",
    (FeatureCross(["city"]).fit(SALES[["city"]]), ["city"]), "age",
]  # fmt: skip
TRAIN, TEST = SALES[:150], SALES[150:]


def columns(table, target="price", **settings):
    (block,) = ArrowReader(table, target=target, features=FEATURES, **settings)
    return block


def fitted(estimator, target="price", **settings):
    block = columns(TRAIN, target)
    return TableModel(estimator.fit(block.X, block.y), FEATURES, target=target, **settings)


LASSO = fitted(Lasso(alpha=0.01), weight="w")
PATH = TableModel(sr.lasso_path(columns(TRAIN).X, columns(TRAIN).y, n_alphas=6), FEATURES, target="price")


def test_predictions_are_those_of_the_model_on_the_columns():
    X = columns(TEST).X
    assert (LASSO.transform(TEST) != X).nnz == 0
    expected = LASSO.model.predict(X)
    no_target = TEST.drop(columns=["price", "dear", "size", "w"])
    tables = (TEST, no_target, no_target[no_target.columns[::-1]], pl.from_pandas(no_target), pa.table(no_target))
    for table in tables:
        np.testing.assert_array_equal(LASSO.predict(table), expected)
    blocks = [pa.table(no_target[:20]), pa.table(no_target[20:])]
    np.testing.assert_array_equal(LASSO.predict(blocks), expected)


def test_predictions_of_files(tmp_path):
    expected = LASSO.predict(TEST)
    TEST.to_csv(tmp_path / "a.csv.gz", index=False)
    TEST.to_parquet(tmp_path / "b.parquet")
    csv, parquet = LASSO.reader(tmp_path / "a.csv.gz", block_rows=7), LASSO.reader(str(tmp_path / "b.parquet"))
    assert type(csv) is CsvReader and type(parquet) is ParquetReader
    assert (csv.target, csv.weight, csv.block_rows) == ("price", "w", 7)
    for reader in (csv, parquet):
        np.testing.assert_allclose(np.concatenate([*LASSO.predict_stream(reader)]), expected, rtol=1e-12)
    both = LASSO.reader([tmp_path / "a.csv.gz", tmp_path / "a.csv.gz"])
    assert sum(map(len, LASSO.predict_stream(both))) == 2 * len(TEST)
    with pytest.raises(ValueError, match=r"c\.txt' is not allowed, expected .* \.csv or \.parquet"):
        LASSO.reader(tmp_path / "c.txt")


def test_measures_are_those_of_the_model():
    block = columns(TEST, weight="w")
    values = LASSO.evaluate(TEST)
    expected = LASSO.model.evaluate(block.X, block.y, block.sample_weight)
    assert values == pytest.approx(expected, rel=1e-12)
    assert values["r2"] > 0.8
    with pytest.raises(ValueError, match="target: None is not allowed"):
        TableModel(LASSO.model, FEATURES).evaluate(TEST)


@pytest.mark.parametrize("target", ["dear", "size"])
def test_classifiers_and_paths_of_classes(target):
    block = columns(TEST, target)
    model = fitted(sr.LogisticRegression(alpha=0.01), target)
    assert set(model.predict(TEST)) <= set(model.classes_)
    np.testing.assert_array_equal(model.predict_proba(TEST), model.model.predict_proba(block.X))
    train = columns(TRAIN, target)
    path = TableModel(sr.logistic_path(train.X, train.y, n_alphas=5), FEATURES, target=target)
    alpha = path.model.alphas[3]
    one, every = path.predict_proba(TEST, alpha), path.predict_proba(TEST)
    np.testing.assert_allclose(one.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(every[:, 3], one)
    labels = np.concatenate([*path.predict_stream(path.reader(TEST), "predict_classes", alpha=alpha)])
    np.testing.assert_array_equal(path.classes_[one.argmax(axis=1)], labels)
    np.testing.assert_array_equal(path.evaluate(TEST)["accuracy"][3], np.mean(labels == TEST[target]))


def test_a_path_predicts_at_one_alpha_or_all():
    every, alpha = PATH.predict(TEST), PATH.model.alphas[4]
    assert every.shape == (len(TEST), 6)
    np.testing.assert_array_equal(PATH.predict(TEST, alpha), every[:, 4])
    np.testing.assert_array_equal(PATH.predict(TEST), PATH.model.predict(columns(TEST).X))
    assert PATH.evaluate(TEST)["mse"].shape == (6,)


def test_what_a_model_does_not_have():
    assert not hasattr(LASSO, "predict_proba") and not hasattr(PATH, "predict_proba")
    assert not hasattr(LASSO, "classes_") and not hasattr(PATH, "classes_")
    block = columns(TRAIN, "dear")
    numbers = sr.logistic_path(block.X, (block.y == "yes").astype(float), n_alphas=3)
    assert TableModel(numbers, FEATURES).classes_.tolist() == [0, 1]
    hinge = TableModel(
        sr.regularization_path(block.X, (block.y == "yes").astype(float), loss="squared_hinge", n_alphas=3), FEATURES
    )
    assert not hasattr(hinge, "predict_proba") and hinge.classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"alpha: 0\.5 is not allowed with Lasso; only a path needs one"):
        LASSO.predict(TEST, alpha=0.5)
    with pytest.raises(ValueError, match=r"alpha: 0\.5 is not allowed with Lasso; only a path needs one"):
        LASSO.to_frame(alpha=0.5)


def test_names_and_cells():
    frame = LASSO.to_frame()
    assert {"rooms", "city=Oslo", "city=Moss", "age"} >= set(frame["name"][frame["south"].isna()])
    cells = frame.dropna()
    assert len(cells) and (cells["north"] > cells["south"]).all() and cells["name"].str.contains("cell_").all()
    names = LASSO.feature_name([0, LASSO.n_features - 1, LASSO.n_features - 4])
    assert names.tolist()[1:] == ["age", "rooms"]
    bounds = LASSO.cell_bounds(cells["id"])
    np.testing.assert_array_equal(bounds["south"], cells["south"])
    assert np.isnan(LASSO.cell_bounds([LASSO.n_features - 1])["west"]).all()
    of_path = PATH.to_frame(PATH.model.alphas[-1])
    np.testing.assert_array_equal(of_path["name"], LASSO.feature_name(of_path["id"]))
    assert PATH.to_frame()["alpha"].tolist() == PATH.model.alphas.tolist()
    # Where nothing knows of cells there are no columns of them.
    plain = TableModel(Lasso(0.1).fit(TRAIN[["rooms", "age"]].to_numpy(), TRAIN["price"]), ["rooms", "age"])
    assert [*plain.to_frame().columns] == ["id", "name", "weight"]


def test_missing_numbers_have_columns_of_their_own():
    gaps = SALES.assign(age=SALES["age"].where(SALES["rooms"] > 2))
    reader = ArrowReader(gaps, target="price", features=["age", "rooms"], missing="indicator")
    (block,) = reader
    model = TableModel(Lasso(0.01).fit(block.X, block.y), ["age", "rooms"], missing="indicator")
    assert model.feature_name(range(4)).tolist() == ["age", "age is missing", "rooms", "rooms is missing"]
    np.testing.assert_array_equal(model.predict(gaps), model.model.predict(block.X))
    with pytest.raises(ValueError, match="column 'age' has no value"):
        TableModel(Lasso(0.01).fit(block.X[:, [0, 2]], block.y), ["age", "rooms"]).predict(gaps)


def test_one_transformer_alone_and_one_that_does_not_count_its_columns():
    cross = FeatureCross(["city"]).fit(SALES[["city"]])
    X = cross.transform(SALES[["city"]])
    model = TableModel(sr.SGDRegressor(alpha=1e-3).fit(X, SALES["price"]), cross, target="price")
    assert model.features is cross and model.columns == ["city"]
    np.testing.assert_array_equal(model.predict(SALES), model.model.predict(X))
    words = HashingVectorizer(n_features=64)
    hashed = sparse.csr_matrix(words.transform(SALES["city"]))
    texts = TableModel(Lasso(0.1).fit(hashed, SALES["price"]), [(_OfOneColumn(words), ["city"])])
    np.testing.assert_array_equal(texts.predict(SALES), texts.model.predict(hashed))


class _OfOneColumn:
    """Gives a transformer of texts the only column of a table."""

    def __init__(self, inner):
        self.inner = inner

    def transform(self, table):
        return self.inner.transform([row[0] for row in np.asarray(table, dtype=object)])


def test_what_it_says_of_itself():
    assert repr(LASSO) == (
        "TableModel(Lasso(alpha=0.01), columns=['lat', 'lon', 'rooms', 'city', 'age'], target='price')"
    )
    model = fitted(Lasso(0.1), sources=["a.csv"], n_samples=150, held_out={"r2": np.float32(0.5), "n_samples": 50})
    assert (model.sources, model.n_samples, model.held_out) == (("a.csv",), 150, {"r2": 0.5, "n_samples": 50})
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(TEST), model.predict(TEST))


@pytest.mark.parametrize(
    ("changes", "error", "complaint"),
    [
        ({"model": 3}, TypeError, "model: an object of type int is not allowed"),
        ({"model": Lasso()}, ValueError, "not fitted"),
        ({"features": ["rooms"]}, ValueError, "features: they make 1 columns, expected 2400844"),
        ({"features": "rooms"}, TypeError, "features: 'rooms' is not allowed"),
        ({"target": "rooms"}, ValueError, "features: 'rooms' is not allowed, it is the target"),
        ({"target": 3}, TypeError, "target: 3 is not allowed"),
        ({"weight": 3}, TypeError, "weight: 3 is not allowed"),
        ({"missing": "mean"}, ValueError, "missing: 'mean' is not allowed"),
        ({"missing": "indicator"}, ValueError, "features: they make"),
        ({"sources": "a.csv"}, TypeError, "sources: 'a.csv' is not allowed"),
        ({"sources": [1]}, TypeError, "sources: 1 is not allowed"),
        ({"n_samples": 0}, ValueError, "n_samples"),
        ({"held_out": [0.5]}, TypeError, "held_out: .* expected measures by name"),
        ({"held_out": {"r2": 0.5}}, TypeError, "with n_samples"),
        ({"held_out": {"r2": "good", "n_samples": 3}}, TypeError, "held_out: 'good' is not allowed as 'r2'"),
        ({"held_out": {"r2": 0.5, "n_samples": -1}}, ValueError, "n_samples"),
    ],
)
def test_what_is_refused(changes, error, complaint):
    settings = {"model": LASSO.model, "features": FEATURES, "target": "price", **changes}
    with pytest.raises(error, match=complaint):
        TableModel(settings.pop("model"), settings.pop("features"), **settings)


def test_columns_that_a_table_lacks_are_named_beside_those_it_has():
    with pytest.raises(ValueError, match="no column 'age', the file has 'lat', 'lon', 'rooms'"):
        LASSO.predict(TEST[["lat", "lon", "rooms"]])
    with pytest.raises(ValueError, match="no rows"):
        LASSO.predict(TEST[:0])

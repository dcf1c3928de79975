"""Names of columns: those that scikit-learn gives, asked for by id; and cells, wherever they come from."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from sparsereg import ArrowReader, FeatureCross, LatLongCross, Ridge
from sparsereg.features import names as module
from sparsereg.features.names import name_columns

ROWS = pd.DataFrame({
    "lat": [37.5, -33.0, 89.0, 12.25], "lon": [-122.0, 151.0, 10.0, 179.0], "text": ["red barn", "barn", "mill", "red"],
    "kind": ["x", "y", "x", None], "size": [1.0, 2.0, 4.0, 9.0], "age": [3.0, 1.0, 4.0, 1.0],
})
Y = [0, 1, 0, 1]
COARSE = LatLongCross(minutes=3000)


def test_a_reader_of_tables_names_its_columns():
    """Of crosses too; one of another width is refused."""
    table = pa.table({"size": [1.0, 2.0], "lat": [1.0, 2.0], "lon": [3.0, 4.0], "y": [0.0, 1.0]})
    wide = ["size", (COARSE, ["lat", "lon"])]
    width = 1 + COARSE.fit([[0, 0]]).n_features_out_
    for features, n in ((["size", "lat"], 2), (wide, width)):
        reader = ArrowReader(table, target="y", features=features)
        assert every_name(reader, n) == reader.feature_name(np.arange(n)).tolist()
        for other, word in ((n - 1, "more"), (n + 1, "fewer")):
            with pytest.raises(ValueError, match=rf"names: this ArrowReader is of {word} columns, expected {other}, "):
                every_name(reader, other)
    (block,) = ArrowReader(table, target="y", features=["size", "lat"])
    named = Ridge().fit(block.X, block.y).to_frame(names=ArrowReader(table, target="y", features=["size", "lat"]))
    assert sorted(named["name"]) == ["lat", "size"]


def every_name(maker, width):
    return name_columns(maker, np.arange(width), width)[0].tolist()


def check_as_scikit_learn(maker):
    expected = maker.get_feature_names_out().tolist()
    assert every_name(maker, len(expected)) == expected
    some = np.array([len(expected) - 1, 0])
    assert name_columns(maker, some, len(expected))[0].tolist() == [expected[-1], expected[0]]


# As get_feature_names_out, where that can be called.

PARTS = [
    ("geo", COARSE, ["lat", "lon"]),
    ("words", CountVectorizer(), "text"),
    ("tfidf", make_pipeline(CountVectorizer(), TfidfTransformer()), "text"),
    ("kind", OneHotEncoder(), ["kind"]),
    ("cross", FeatureCross(), ["text"]),
    ("scaled", make_pipeline(SimpleImputer(), StandardScaler()), slice("size", "age")),
    ("best", make_pipeline(PolynomialFeatures(2, include_bias=False), SelectKBest(k=3)), [4, 5]),
    ("gone", "drop", ["age"]),
    ("as_is", "passthrough", np.array([False] * 5 + [True])),
    ("svd", TruncatedSVD(1), [5, 4]),
]


@pytest.mark.parametrize("verbose", [True, "{transformer_name}|{feature_name}", lambda label, name: f"{name}@{label}"])
def test_a_column_transformer(verbose):
    made = ColumnTransformer(PARTS, verbose_feature_names_out=verbose, remainder="passthrough")
    check_as_scikit_learn(made.fit(ROWS, Y))


def test_a_column_transformer_without_prefixes_and_of_an_array():
    numbers = ROWS[["lat", "lon", "size", "age"]].to_numpy()
    inner = [("geo", COARSE, slice(0, 2)), ("scaled", StandardScaler(), [-2]), ("one", MaxAbsScaler(), [3])]
    for verbose in (True, False):
        made = ColumnTransformer(inner, verbose_feature_names_out=verbose)
        check_as_scikit_learn(made.fit(numbers))
        check_as_scikit_learn(Pipeline([("columns", made), ("kept", VarianceThreshold())]).fit(numbers))


def test_transformers_in_transformers():
    text = Pipeline([("union", FeatureUnion([("a", TfidfVectorizer()), ("b", CountVectorizer(analyzer="char"))]))])
    inner = ColumnTransformer([("kind", OneHotEncoder(), ["kind"]), ("geo", COARSE, ["lat", "lon"])])
    parts = [("text", text, "text"), ("inner", inner, ["kind", "lon", "lat"])]
    made = ColumnTransformer(parts, remainder="passthrough")
    check_as_scikit_learn(made.fit(ROWS))
    union = FeatureUnion([("columns", inner), ("gone", "drop"), ("same", "passthrough")]).fit(ROWS)
    expected = union.get_feature_names_out().tolist()
    assert every_name(union, len(expected)) == expected


def test_simple_transformers():
    one_to_one = FunctionTransformer(feature_names_out="one-to-one")
    for maker in (StandardScaler(), PolynomialFeatures(2), SelectKBest(k=1), one_to_one):
        check_as_scikit_learn(maker.fit(ROWS[["size", "age"]], Y))
    check_as_scikit_learn(CountVectorizer().fit(ROWS["text"]))
    check_as_scikit_learn(SelectKBest(k=1).fit(ROWS[["size", "age"]].to_numpy(), Y))


# Where it cannot.

WIDE = ColumnTransformer(
    [
        ("geo", LatLongCross(levels=(60, 1)), ["lat", "lon"]),
        ("words", HashingVectorizer(n_features=2**22), "text"),
        ("hash", FeatureCross(["kind", ("kind", "text")], hashed=40), ["kind", "text"]),
    ],
    verbose_feature_names_out=False, remainder="passthrough",
)


def test_of_a_wide_one_only_what_is_asked_for(monkeypatch):
    def refuse(*_):
        raise AssertionError("all names were asked for")

    X = sparse.csr_array(WIDE.fit_transform(ROWS))
    monkeypatch.setattr(LatLongCross, "get_feature_names_out", refuse)
    monkeypatch.setattr(FeatureCross, "get_feature_names_out", refuse)
    ids = np.unique(X.indices)
    names, bounds = name_columns(WIDE, ids, X.shape[1])
    named = dict(zip(ids.tolist(), names))
    geo = LatLongCross(levels=(60, 1))
    width = geo.fit(ROWS[["lat", "lon"]]).n_features_out_
    for k in ids[ids < width]:
        assert named[k] == geo.feature_name([k])[0]
    # Columns that have a number only carry the name of their step, whatever prefixes are asked for.
    words = ids[(ids >= width) & (ids < width + 2**22)]
    assert [named[k] for k in words] == [f"words__{k - width}" for k in words]
    assert names[-2:].tolist() == ["size", "age"]
    assert any(name.startswith("hash_") for name in names)
    is_cell = ids < width
    assert np.isnan(bounds["south"][~is_cell]).all()
    for side in ("south", "west", "north", "east"):
        np.testing.assert_array_equal(bounds[side][is_cell], geo.cell_bounds(ids[is_cell])[side])


def test_columns_that_are_scaled_and_selected_keep_their_cells():
    points = ROWS[["lat", "lon"]].to_numpy()
    pipeline = make_pipeline(COARSE, MaxAbsScaler(), VarianceThreshold(0.1), Ridge()).fit(points, Y)
    kept = np.flatnonzero(pipeline[2].get_support())
    names, bounds = name_columns(pipeline, np.arange(kept.size), kept.size)
    assert names.tolist() == COARSE.feature_name(kept).tolist()
    np.testing.assert_array_equal(bounds, COARSE.cell_bounds(kept))


@given(st.lists(st.integers(0, LatLongCross().fit([[0.0, 0.0]]).n_features_out_ - 1), max_size=20))
def test_any_ids_in_any_order(ids):
    cross = LatLongCross()
    width = cross.fit([[0.0, 0.0]]).n_features_out_
    names, bounds = name_columns(cross, np.array(ids, dtype=np.int64), width)
    assert names.tolist() == cross.feature_name(np.array(ids, dtype=np.int64)).tolist()
    assert bounds.shape == (len(ids),)


class Listing(TransformerMixin, BaseEstimator):
    """Lists names, and says how many columns it gives."""

    def __init__(self, width=3):
        self.width = width

    def fit(self, X, y=None):
        self._n_features_out = self.width_ = self.width
        return self

    def transform(self, X):
        return X

    def get_feature_names_out(self, input_features=None):
        return np.array([f"made{k}" for k in range(self.width)], dtype=object)


def test_a_long_list_is_not_made(monkeypatch):
    monkeypatch.setattr(module, "MAX_LISTED", 3)
    assert every_name(Listing().fit(None), 3) == ["made0", "made1", "made2"]
    assert every_name(Listing(4).fit(None), 4) == ["listing__0", "listing__1", "listing__2", "listing__3"]
    pipeline = Pipeline([("wide", Listing(4)), ("same", "passthrough")]).fit(ROWS)
    assert every_name(pipeline, 4)[2] == "wide__2"
    assert every_name(HashingVectorizer(n_features=8), 8)[3] == "hashingvectorizer__3"


# What is given in so many words.


@pytest.mark.parametrize(
    "names",
    [
        ["a", "b", "c"], ("a", "b", "c"), np.array(["a", "b", "c"]), pd.Index(["a", "b", "c"]), pd.Series([*"abc"]),
        {2: "c", 0: "a", 9: "z"}, lambda ids: ["abc"[k] for k in ids],
    ],
)
def test_lists_mappings_and_functions(names):
    found, bounds = name_columns(names, [2, 0], 3)
    assert found.tolist() == ["c", "a"]
    assert found.dtype == object
    assert bounds is None
    assert name_columns(names, np.empty(0, dtype=np.int64), 3)[0].shape == (0,)


def test_names_that_are_no_text_and_no_names():
    assert name_columns([1, 2.5, None], [1, 2], 3)[0].tolist() == ["2.5", "None"]
    assert name_columns(None, [7, 10**12], 10**15)[0].tolist() == ["7", "1000000000000"]


# Bad input.


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "names: this list is of 2 columns, expected 3, those of the model"),
        (LatLongCross(minutes=1), "names: this LatLongCross is of 233312400 columns, expected 3"),
        (FeatureCross(), "names: this FeatureCross is not fitted, expected the one that made X"),
        (StandardScaler(), "names: this StandardScaler is not fitted"),
        (ColumnTransformer(PARTS), "names: this ColumnTransformer is not fitted"),
        (make_pipeline(SimpleImputer(), StandardScaler()), "names: this SimpleImputer is not fitted"),
        (FeatureUnion([("a", StandardScaler())]), "names: this StandardScaler is not fitted"),
        ([["a", "b", "c"]], r"names: shape \(1, 3\) is not allowed, expected \(3,\)"),
        ({0: "a"}, "names: there is no name for column 2"),
        (lambda ids: ["a"], "names: 1 names for 2 columns, expected one for each"),
        (FeatureUnion([("a", Listing()), ("b", Listing())]).fit(ROWS), "this FeatureUnion is of 6 columns, expected 3"),
    ],
)
def test_what_does_not_fit_the_model(names, message):
    with pytest.raises(ValueError, match=message):
        name_columns(names, [0, 2], 3)


@pytest.mark.parametrize("names", ["abc", 3, Ridge(), object(), {1, 2}])
def test_what_gives_no_names(names):
    with pytest.raises(TypeError, match=r"names: .* is not allowed, expected"):
        name_columns(names, [0, 2], 3)


def test_a_transformer_that_has_changed_since():
    made = ColumnTransformer([("geo", LatLongCross(minutes=3000), ["lat", "lon"])]).fit(ROWS)
    width = made.transform(ROWS).shape[1]
    made.named_transformers_["geo"].minutes = 60
    with pytest.raises(ValueError, match=f"names: 'geo' has .* columns now, {width} when the model was fitted"):
        name_columns(made, [0], width)


@pytest.mark.parametrize("names", [None, ["a", "b", "c"], {0: "a", -1: "z"}, lambda ids: ids])
@pytest.mark.parametrize(("ids", "message"), [
    ([-1], r"ids: -1 is outside \[0, 3\)"), ([0, 3], r"ids: 3 is outside \[0, 3\)"), ([1.5], "ids: float64 of shape"),
    ([[0]], r"ids: int64 of shape \(1, 1\)"), (0, r"ids: int64 of shape \(\)"),
])  # fmt: skip
def test_ids_that_are_none_of_a_column(names, ids, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        name_columns(names, ids, 3)

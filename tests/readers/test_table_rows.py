"""Rows of tables: what stands for missing numbers, and values that no conversion may change."""

import io

import numpy as np
import pytest
from scipy import sparse

from sparsereg import ArrowReader, CsvReader, FeatureCross, LatLongCross, ParquetReader, SGDClassifier
from sparsereg.readers.table_rows import side_by_side

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
parquet = pytest.importorskip("pyarrow.parquet")

A, B = 2**60, 2**60 + 1
NONE = float("nan")


class Keeper:
    """A transformer that keeps what it is given."""

    def __init__(self, **settings):
        vars(self).update(settings)
        self.given = []

    def transform(self, X):
        self.given.append(X)
        return np.ones((len(X) if isinstance(X, np.ndarray) else X.shape[0], 1))


def from_csv(table, **settings):
    from pyarrow import csv

    file = io.BytesIO()
    csv.write_csv(table, file)
    file.seek(0)
    return CsvReader(file, target="y", **settings)


def from_parquet(table, **settings):
    file = io.BytesIO()
    parquet.write_table(table, file)
    return ParquetReader(file, target="y", **settings)


def from_arrow(table, **settings):
    return ArrowReader(table, target="y", **settings)


READERS = pytest.mark.parametrize("make", [from_csv, from_parquet, from_arrow])


def dense(reader):
    return sparse.vstack([block.X for block in reader]).toarray().tolist()


# Missing numbers.

GAPS = pa.table({"y": [0, 1, 1], "a": [1.5, None, NONE], "b": [1, 2, 3], "c": [None, None, 4]})


@READERS
@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_an_indicator_stands_beside_every_number(make, block_rows):
    """The width is the same whether a block has gaps or not; names come in the order that they were given in."""
    reader = make(GAPS, features=["b", "a", "c"], missing="indicator", block_rows=block_rows)
    assert dense(reader) == [[1, 0, 1.5, 0, 0, 1], [2, 0, 0, 1, 0, 1], [3, 0, 0, 1, 4, 0]]
    assert {block.X.shape[1] for block in reader} == {6}


@READERS
def test_a_number_stands_for_itself(make):
    assert dense(make(GAPS, features=["a", "b", "c"], missing=-2.5)) == [[1.5, 1, -2.5], [-2.5, 2, -2.5], [-2.5, 3, 4]]
    assert dense(make(GAPS, features=["a"], missing=0)) == [[1.5], [0], [0]]


@READERS
def test_columns_of_transformers_stay_as_they_are(make):
    keeper = Keeper()
    X = dense(make(GAPS, features=["a", (keeper, ["a", "c"]), "c"], missing="indicator"))
    assert X == [[1.5, 0, 1, 0, 1], [0, 1, 1, 0, 1], [0, 1, 1, 4, 0]]
    np.testing.assert_array_equal(keeper.given[0], [[1.5, NONE], [NONE, NONE], [NONE, 4]])


@READERS
def test_a_column_of_nothing_but_gaps(make):
    table = pa.table({"y": [0, 1], "a": pa.nulls(2, pa.float64())})
    assert dense(make(table, features=["a"], missing="indicator")) == [[0, 1], [0, 1]]


@READERS
@pytest.mark.parametrize("missing", ["indicator", 0.0])
def test_targets_weights_and_infinities_are_never_filled(make, missing):
    for name in ("y", "w"):
        table = pa.table({"y": [0.0, 1.0], "a": [1.0, 2.0], "w": [1.0, 1.0]})
        gap = table.set_column(table.schema.get_field_index(name), name, pa.array([0.5, None]))
        with pytest.raises(ValueError, match=rf"row 2: column '{name}' has no value, expected a number"):
            list(make(gap, features=["a"], weight="w", missing=missing))
    with pytest.raises(ValueError, match="row 2: column 'a' has inf, expected a finite number"):
        list(make(pa.table({"y": [0, 1], "a": [0.0, np.inf]}), features=["a"], missing=missing))


@READERS
def test_by_default_nothing_may_be_missing(make):
    with pytest.raises(ValueError, match=r"row 2: column 'a' has (no value|nan), expected a (finite )?number"):
        list(make(GAPS, features=["a"]))


@pytest.mark.parametrize(
    ("missing", "error"),
    [("mean", ValueError), (np.nan, ValueError), (np.inf, ValueError), (None, TypeError), (True, TypeError)],
)
def test_missing_is_checked(missing, error):
    with pytest.raises(error, match=f"missing: {missing!r}|missing: {missing}"):
        from_arrow(GAPS, features=["b"], missing=missing)


# What transformers are given.

TABLE = pa.table({"y": [0, 1, 1], "id": [A, B, None], "x": [0.5, 1.5, 2.5], "t": ["7", "", "NA"]})


@READERS
def test_whole_numbers_beside_a_gap_stay_apart(make):
    """A float64 has 53 bits: as floats the two would be one category."""
    keeper = Keeper()
    list(make(TABLE, features=[(keeper, ["id"])]))
    assert keeper.given[0].ravel().tolist() == [A, B, None]


@READERS
def test_whole_numbers_beside_fractions_stay_apart(make):
    keeper = Keeper()
    list(make(TABLE.slice(0, 2), features=[(keeper, ["id", "x"])]))
    assert keeper.given[0].tolist() == [[A, 0.5], [B, 1.5]]
    assert len({*keeper.given[0][:, 0].tolist()}) == 2


@READERS
def test_small_whole_numbers_are_what_they_were(make):
    keeper = Keeper()
    list(make(pa.table({"y": [0, 1], "a": [1, None], "b": [3, 4]}), features=[(keeper, ["a", "b"])]))
    assert keeper.given[0].dtype == np.float64
    np.testing.assert_array_equal(keeper.given[0], [[1, 3], [NONE, 4]])


@READERS
def test_who_takes_tables_gets_them(make):
    keeper = Keeper(_takes_tables=True, _takes_text=True, feature_names_in_=np.array(["t", "id"], dtype=object))
    list(make(TABLE, features=keeper, block_rows=2))
    assert [given.column_names for given in keeper.given] == [["t", "id"]] * 2
    found = pa.concat_tables(keeper.given).to_pydict()
    text = [str(A), str(B), None] if make is from_csv else [A, B, None]
    empty = None if make is from_csv else ""
    assert found == {"t": ["7", empty, "NA"], "id": text}
    # Without names a table would say more than the transformer knows.
    keeper = Keeper(_takes_tables=True, _takes_text=True)
    list(make(TABLE, features=[(keeper, ["t"])]))
    assert keeper.given[0].ravel().tolist() == ["7", empty, "NA"]


# Crosses: a row has the same columns wherever it comes from.

MIXED = {
    "y": [0.0, 1.0, 0.0, 1.0, 0.0],
    "user": [A, B, None, 7, -3],
    "zip": ["007", "7", "NA", None, "A12"],
    "price": [7.0, 0.1, 2.5, None, -12.0],
    "is_new": [True, False, None, True, False],
}
CROSSES = [("user", "zip"), ("price", "is_new")]


def from_polars(table, **settings):
    return ArrowReader(pytest.importorskip("polars").DataFrame(table), target="y", **settings)


def from_pandas(table, **settings):
    return ArrowReader(table.to_pandas(types_mapper=_nullable), target="y", **settings)


def _nullable(kind):
    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get(kind)


@pytest.mark.parametrize("make", [from_csv, from_parquet, from_arrow, from_polars, from_pandas])
@pytest.mark.parametrize("hashed", [None, 40])
@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_a_cross_has_the_same_ids_from_everywhere(make, hashed, block_rows):
    table = pa.table(MIXED)
    frame = table.drop_columns(["y"]).to_pandas(types_mapper=_nullable)
    cross = FeatureCross(hashed=hashed, crosses=CROSSES).fit(frame)
    expected = cross.transform(frame)
    assert (expected[0] != expected[1]).nnz > 0
    X = sparse.vstack([block.X for block in make(table, features=cross, block_rows=block_rows)])
    assert X.shape == expected.shape and (expected != X).nnz == 0
    # Two ids above 2**53, beside one that is missing, in one block.
    assert X.tocsr()[0].indices[0] != X.tocsr()[1].indices[0]


def test_files_whose_types_differ(tmp_path):
    """In one file the column is of whole numbers, in the next of text."""
    cross = FeatureCross(crosses=[("zip", "k")]).fit(pd.DataFrame({"zip": [1234, 77], "k": ["a", "b"]}))
    tables = [pa.table({"y": [0], "zip": zips, "k": ["a"]}) for zips in ([1234], ["1234"], [1234.0])]
    for k, table in enumerate(tables):
        parquet.write_table(table, tmp_path / f"{k}.parquet")
        (tmp_path / f"{k}.csv").write_text("y,zip,k\n0,1234,a\n" + "1,A12,a\n" * (k == 1))
    expected = cross.transform(pd.DataFrame({"zip": [1234], "k": ["a"]})).indices.tolist()
    for reader in (
        ParquetReader(f"{tmp_path}/*.parquet", target="y", features=cross),
        CsvReader(f"{tmp_path}/*.csv", target="y", features=cross),
        ArrowReader(tables, target="y", features=cross),
    ):
        assert [block.X[0].indices.tolist() for block in reader] == [expected] * 3


def test_places_from_text_are_numbers():
    places = LatLongCross().fit(pd.DataFrame({"lat": [1.0], "lon": [2.0]}))
    expected = places.transform(pd.DataFrame({"lat": [59.0, 60.5], "lon": [10.0, 11.0]}))
    reader = CsvReader(io.BytesIO(b"lon,lat,y\n10,59,0\n11,60.5,1\n"), target="y", features=places, block_rows=1)
    assert (sparse.vstack([block.X for block in reader]) != expected).nnz == 0
    gap = CsvReader(io.BytesIO(b"lon,lat,y\n10,59,0\n11,NA,1\n"), target="y", features=places)
    with pytest.raises(ValueError, match=r"<BytesIO>, in the block from row 1 on: row 1: latitude must be"):
        list(gap)


def test_the_same_model_from_text_and_in_memory():
    """Fitted on a frame, read from text: every row was unknown, and the accuracy that of a coin."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 9, 3000), "b": rng.integers(0, 9, 3000)})
    frame["y"] = np.where((frame["a"] + frame["b"]) % 2 == 0, "even", "odd")
    cross = FeatureCross().fit(frame[["a", "b"]])
    reader = from_csv(pa.table(frame), features=cross, block_rows=700)
    model = SGDClassifier(random_state=0).fit_stream(reader, n_passes=2)
    assert model.score(cross.transform(frame[["a", "b"]]), frame["y"]) == 1.0


# Parts side by side.


def part(rng, width, index, value):
    """Rows of a part, some of them empty."""
    X = sparse.random_array((40, width), density=0.2, format="csr", rng=rng)
    X.data[::7] = 0.0
    made = sparse.csr_matrix(X.shape)
    made.indptr, made.indices, made.data = X.indptr.astype(index), X.indices.astype(index), X.data.astype(value)
    return made


@pytest.mark.parametrize("kinds", [["ii", "ii"], ["il", "li", "ll"], ["ii"] * 5])
@pytest.mark.parametrize("values", [(np.float64, np.float64), (np.float32, np.float64)])
def test_side_by_side_is_as_scipy_stacks_parts(kinds, values):
    rng = np.random.default_rng(0)
    types = {"i": np.int32, "l": np.int64}
    parts = [part(rng, 3 + k, types[kind[0]], values[k % 2]) for k, kind in enumerate(kinds)]
    made, expected = side_by_side(parts), sparse.hstack(parts, format="csr")
    assert made.shape == expected.shape
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(made, name), getattr(expected, name))
    assert made.indices.dtype == made.indptr.dtype == np.int32
    assert made.data.dtype == np.float64


def test_side_by_side_ids_are_as_wide_as_all_parts_need():
    rng = np.random.default_rng(0)
    narrow = part(rng, 5, np.int32, np.float64)
    wide = sparse.csr_matrix(narrow)
    wide._shape = (40, 2**31 - 1)
    made = side_by_side([wide, narrow])
    assert made.shape == (40, 2**31 + 4)
    assert made.indices.dtype == made.indptr.dtype == np.int64
    np.testing.assert_array_equal(made.indices[made.indices >= 2**31 - 1] - (2**31 - 1), narrow.indices)


# Text that a file holds as positions in a list of texts.


def as_file(table, **settings):
    file = io.BytesIO()
    parquet.write_table(table, file, row_group_size=100, store_schema=False, **settings)
    file.seek(0)
    return file


@pytest.fixture(scope="module")
def words():
    rng = np.random.default_rng(0)
    city = [[None, "7.0", "Oslo", "Zürich", "", "x" * 40][k] for k in rng.integers(0, 6, 450)]
    return pa.table({"city": city, "kind": rng.choice(["a", "b", "True"], 450).tolist(), "y": rng.random(450)})


@pytest.mark.parametrize("cross", [
    FeatureCross(["city", ("city", "kind")], hashed=20), FeatureCross(["city", ("kind", "city")])
])
@pytest.mark.parametrize("block_rows", [70, 100, 450])
def test_coded_text_makes_the_columns_that_plain_text_makes(words, cross, block_rows):
    cross.fit(words.select(["city", "kind"]))
    made = {}
    for is_coded in (True, False):
        reader = ParquetReader(
            as_file(words, use_dictionary=is_coded), target="y", features=[(cross, ["city", "kind"])],
            block_rows=block_rows,
        )
        (rows, _), *_ = reader._rows(reader._parts)
        assert pa.types.is_dictionary(rows.table.column("city").type) == is_coded
        made[is_coded] = [block.X for block in reader]
        # What is asked for as it is comes as it is.
        _, table = next(reader.with_columns(["kind"]))
        assert table.schema.field("kind").type == pa.string()
    for coded, plain in zip(made[True], made[False], strict=True):
        assert coded.shape == plain.shape
        np.testing.assert_array_equal(coded.indptr, plain.indptr)
        np.testing.assert_array_equal(coded.indices, plain.indices)
        np.testing.assert_array_equal(coded.data, plain.data)


def test_text_is_read_plainly_where_something_else_is_made_of_it(words):
    cross = FeatureCross(hashed=10).fit(words.select(["kind"]))
    keeper = Keeper()
    reader = ParquetReader(as_file(words), target="y", features=[(cross, ["kind"]), (keeper, ["kind"])])
    assert next(iter(reader)).X.shape == (450, 2**10 + 1)
    assert keeper.given[0].tolist() == words["kind"].to_numpy().reshape(-1, 1).tolist()
    other = FeatureCross(hashed=10).fit(words.select(["city"]))
    labels = ParquetReader(as_file(words), target="kind", features=[(other, ["city"])])
    assert set(next(iter(labels)).y) == {"a", "b", "True"}


def test_many_different_texts_are_read_plainly():
    texts = pa.table({"city": [f"city {k} of many" for k in range(450)], "y": np.zeros(450)})
    cross = FeatureCross(hashed=10).fit(texts.select(["city"]))
    reader = ParquetReader(as_file(texts), target="y", features=[(cross, ["city"])])
    (rows, _), *_ = reader._rows(reader._parts)
    assert rows.table.column("city").type == pa.string()

"""Tables without a target: rows to predict, from files that have no such column or whose column is not read."""

import io

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from sparsereg import ArrowReader, CsvReader, FeatureCross, ParquetReader, SGDClassifier
from sparsereg.readers.blocks import Block, as_feature_blocks

COLUMNS = {"x": [1.5, -1.0, 0.5], "z": [0.0, 2.0, 1.0], "y": ["no", "yes", "no"], "w": [1.0, 2.0, 0.5]}
BARE = {name: COLUMNS[name] for name in ("x", "z")}


def from_csv(columns, **settings):
    file = io.BytesIO()
    csv.write_csv(pa.table(columns), file)
    return CsvReader(io.BytesIO(file.getvalue()), **settings)


def from_parquet(columns, **settings):
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return ParquetReader(file, **settings)


def from_arrow(columns, **settings):
    return ArrowReader(pa.table(columns), **settings)


each_reader = pytest.mark.parametrize("make", [from_csv, from_parquet, from_arrow])


@each_reader
def test_without_a_target(make):
    (block,) = make(BARE, target=None, features=["x", "z"])
    np.testing.assert_array_equal(block.X.toarray(), np.column_stack([BARE["x"], BARE["z"]]))
    assert block.y is None
    assert block.sample_weight is None
    (weighed,) = make(COLUMNS, target=None, features=["x"], weight="w")
    assert weighed.y is None
    np.testing.assert_array_equal(weighed.sample_weight, COLUMNS["w"])


@each_reader
def test_a_target_that_is_named_is_not_needed_for_features(make):
    """Nor is it one of them where a transformer takes all that is left."""
    settings = {"target": "y", "features": ["x", "z"], "weight": "w"}
    (there,), (absent,) = (as_feature_blocks(make(columns, **settings)) for columns in (COLUMNS, BARE))
    np.testing.assert_array_equal(there.toarray(), absent.toarray())
    cross = FeatureCross([0], hashed=8).fit(np.array([["1.5"], ["0.5"]]))
    left = {"y": COLUMNS["y"], "w": COLUMNS["w"], "x": COLUMNS["x"]}
    (block,) = as_feature_blocks(make(left, target="y", weight="w", features=cross))
    np.testing.assert_array_equal(block.toarray(), cross.transform(np.array([["1.5"], ["-1"], ["0.5"]])).toarray())
    # The reader itself is what it was.
    reader = make(COLUMNS, **settings)
    list(as_feature_blocks(reader))
    assert SGDClassifier().fit_stream(reader).classes_.tolist() == ["no", "yes"]


@each_reader
def test_the_target_is_no_feature(make):
    """A fit would be perfect, and rows to predict have no such column."""
    cross = FeatureCross(["x", "y"]).fit(pa.table(COLUMNS).select(["x", "y"]))
    for features in (["x", "y"], [(FeatureCross(hashed=8), ["y"])], cross):
        with pytest.raises(ValueError, match="features: 'y' is not allowed, it is the target too"):
            make(COLUMNS, target="y", features=features)
    make(COLUMNS, target=None, features=cross)
    # One that is given and takes no part is no leak.
    make(COLUMNS, target="y", features=FeatureCross(["x"]).fit(pa.table(COLUMNS).select(["x", "y"])))


@each_reader
def test_nothing_is_learned_without_a_target(make):
    reader = make(BARE, target=None, features=["x", "z"])
    message = f"target: None is not allowed for a {type(reader).__name__} to learn from or to judge by"
    for classes in (None, ["no", "yes"]):
        with pytest.raises(ValueError, match=message):
            SGDClassifier().fit_stream(reader, classes=classes)
    with pytest.raises(TypeError, match="target: 3 is not allowed"):
        make(BARE, target=3, features=["x"])


def test_forms_of_rows_to_predict():
    X = np.eye(2)
    given = [X, (X, [0, 1]), (X, [0, 1], None), Block(X, None)]
    assert all(found is X for found in as_feature_blocks(given))
    for source in (X, 3, Block(X, None), pa.table(BARE)):
        with pytest.raises(TypeError, match=r"source: .* is not allowed, expected an iterable of blocks"):
            as_feature_blocks(source)


@each_reader
def test_columns_beside_the_features(make):
    """Rows stay together with their columns, whatever block they come in; text stays the text that it was."""
    keys = {**COLUMNS, "key": ["007", "08", "x"], "none": [None, "a", None]}
    cross = FeatureCross(["z"], hashed=8).fit(pa.table({"z": BARE["z"]}))
    reader = make(keys, target="y", features=["x", (cross, ["z"])], weight="w", block_rows=2)
    found = [*reader.with_columns(["key", "y", "x", "none"])]
    assert [X.shape[0] for X, _ in found] == [2, 1]
    matrices = [matrix.toarray() for matrix in as_feature_blocks(reader)]
    np.testing.assert_array_equal(np.concatenate([X.toarray() for X, _ in found]), np.concatenate(matrices))
    table = pa.concat_tables([part for _, part in found])
    assert table.to_pydict() == {name: keys[name] for name in ("key", "y", "x", "none")}
    with pytest.raises(ValueError, match=r"no column 'colour', the file has 'x', 'z', 'y', 'w', 'key', 'none'"):
        next(reader.with_columns(["colour"]))


def test_numbers_keep_their_type_beside_the_features():
    reader = from_csv({"x": [1, 2], "lat": [1, 2], "n": [1, 2]}, target=None, features=["x"])
    ((_, table),) = reader.with_columns(["lat", "x"])
    assert table.to_pydict() == {"lat": ["1", "2"], "x": [1.0, 2.0]}


@pytest.mark.parametrize("make", [from_csv, from_parquet, from_arrow])
def test_a_column_beside_the_rows_is_no_feature(make):
    class Rest:
        """Takes all columns that are left."""

        def transform(self, X):
            return np.asarray(X, dtype=float)

    reader = make({**COLUMNS, "y": [1.0, 0.0, 1.0]}, target="y", features=Rest(), weight="w", block_rows=2)
    blocks = [*reader._blocks_beside(offset="z")]
    assert [first for first, *_ in blocks] == [1, 3]
    assert np.concatenate([offset for *_, offset, _ in blocks]).tolist() == COLUMNS["z"]
    assert np.concatenate([block.X.toarray().ravel() for _, block, *_ in blocks]).tolist() == COLUMNS["x"]
    blocks = [*reader._blocks_beside(groups="z")]
    # Files of text keep what was written: groups are told apart by it.
    assert [float(group.as_py()) for *_, groups in blocks for group in groups] == COLUMNS["z"]
    assert all(offset is None and block.X.shape[1] == 1 for _, block, offset, _ in blocks)
    assert next(iter(reader)).X.shape == (2, 2)


def test_readers_of_single_files_take_one_without_rows(tmp_path):
    for name, table in (("a.parquet", pa.table(COLUMNS)), ("b.parquet", pa.table(COLUMNS)[:0])):
        parquet.write_table(table, tmp_path / name)
    sources, template = ParquetReader(str(tmp_path), target="w", features=["x"])._divided()
    assert [len([*template._with_file(source)]) for source in sources] == [1, 0]
    with pytest.raises(ValueError, match=r"b\.parquet: no rows, expected at least one"):
        [*ParquetReader(tmp_path / "b.parquet", target="w", features=["x"])]
    file = io.BytesIO((tmp_path / "a.parquet").read_bytes())
    with pytest.raises(TypeError, match="expected paths that can be opened anywhere"):
        ParquetReader(file, target="w", features=["x"])._divided()

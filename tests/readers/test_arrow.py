"""Whatever speaks Arrow feeds a stream: the same blocks, again and again where it can be read again."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg import ArrowReader, SGDClassifier

pa = pytest.importorskip("pyarrow")
dataset = pytest.importorskip("pyarrow.dataset")
parquet = pytest.importorskip("pyarrow.parquet")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

N = 50
TABLE = pa.table({"y": np.arange(N) % 2, "a": np.arange(N) / 4, "t": [f"w{k % 3}" for k in range(N)], "b": range(N)})


class Result:
    """Like a result of DuckDB: it speaks the protocol, and nothing else."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def files(folder, **settings):
    dataset.write_dataset(TABLE, folder, format="parquet", max_rows_per_file=20, max_rows_per_group=20, **settings)
    return dataset.dataset(folder, partitioning="hive" if settings else None)


def in_files(folder):
    return files(folder)


SOURCES = {
    "table": lambda _: TABLE,
    "batches": lambda _: TABLE.to_batches(max_chunksize=7),
    "batch": lambda _: TABLE.to_batches()[0],
    "tables": lambda _: (TABLE.slice(0, 9), TABLE.slice(9)),
    "frames": lambda _: [pl.DataFrame(TABLE.slice(0, 9)), pd.DataFrame(TABLE.slice(9).to_pydict())],
    "polars": lambda _: pl.DataFrame(TABLE),
    "pandas": lambda _: TABLE.to_pandas(),
    "protocol": lambda _: Result(TABLE),
    "dataset": in_files,
    "dataset in memory": lambda _: dataset.dataset(TABLE.to_batches(max_chunksize=7)),
    "function of a reader": lambda _: lambda: TABLE.to_reader(max_chunksize=7),
    "function of a generator": lambda _: lambda: iter(TABLE.to_batches(max_chunksize=7)),
    "function of polars": lambda _: lambda: pl.DataFrame(TABLE).lazy().collect_batches(chunk_size=7),
    "filter": lambda folder: in_files(folder).filter(dataset.field("b") >= 0),
}


def reader(source, **settings):
    return ArrowReader(source, **{"target": "y", "features": ["a", "b"], **settings})


def joined(blocks):
    blocks = list(blocks)
    return sparse.vstack([block.X for block in blocks]).toarray(), np.concatenate([block.y for block in blocks])


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("block_rows", [1, 13, 1000])
def test_the_same_blocks_from_everywhere(tmp_path, kind, block_rows):
    found = reader(SOURCES[kind](tmp_path), block_rows=block_rows)
    assert found.can_repeat
    for _ in range(2):
        blocks = list(found)
        X, y = joined(blocks)
        np.testing.assert_array_equal(X, np.column_stack([np.arange(N) / 4, np.arange(N)]))
        np.testing.assert_array_equal(y, np.arange(N) % 2)
        # Files end blocks, and so does a change of types, which two libraries may call by different names.
        if kind not in ("dataset", "frames"):
            assert {len(block.y) for block in blocks[:-1]} <= {block_rows}


@pytest.mark.parametrize("make", [lambda: TABLE.to_reader(), lambda: iter(TABLE.to_batches()), lambda: pl_batches()])
def test_what_is_read_once(make):
    found = reader(make())
    assert not found.can_repeat
    assert len(joined(found)[1]) == N
    with pytest.raises(ValueError, match=r"source: this .* was read before and cannot be read again, exp"):
        list(found)
    # Whoever reads its targets in another way reads the same source.
    model = SGDClassifier()
    found = reader(make())
    model.fit_stream(found, classes=[0, 1])
    with pytest.raises(ValueError, match="was read before"):
        model.fit_stream(found, classes=[0, 1])


def pl_batches():
    return (frame for frame in [pl.DataFrame(TABLE.slice(0, 9)), pl.DataFrame(TABLE.slice(9))])


def test_a_fit_over_several_passes_to_a_function():
    model = SGDClassifier(random_state=0).fit_stream(reader(lambda: TABLE.to_reader()), n_passes=3)
    assert (model.n_iter_, model.t_, model.classes_.tolist()) == (3, 3 * N + 1, [0, 1])


def test_partitioned_folders(tmp_path):
    source = files(tmp_path, partitioning=["t", "y"], partitioning_flavor="hive")
    X, y = joined(reader(source))
    assert sorted(zip(X[:, 1].tolist(), y.tolist())) == [(k, k % 2) for k in range(N)]
    with pytest.raises(ValueError, match=r"t=w0/y=0/part-0\.parquet: no column 'z', the file has 'a', 'b', 't', 'y'"):
        list(reader(source, features=["z"]))


def test_a_file_of_a_dataset_is_blamed(tmp_path):
    source = files(tmp_path)
    gap = TABLE.set_column(1, "a", pa.array([0.5] * (N - 1) + [None]))
    parquet.write_table(gap, tmp_path / "part-9.parquet")
    with pytest.raises(ValueError, match=r"part-9\.parquet, row 50: column 'a' has no value, expected a number"):
        list(reader(dataset.dataset(tmp_path), block_rows=7))
    (tmp_path / "part-9.parquet").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"part-9\.parquet: "):
        list(reader(dataset.dataset([*source.files, str(tmp_path / "part-9.parquet")])))


def test_types_may_change_on_the_way():
    parts = [pa.table({"y": [0, 1], "a": [1, 2]}), pa.table({"y": [True, False], "a": [0.5, None]})]
    blocks = list(reader(parts, features=["a"], missing=9))
    assert [block.X.toarray().ravel().tolist() for block in blocks] == [[1, 2], [0.5, 9]]
    assert [block.y.tolist() for block in blocks] == [[0, 1], [1, 0]]


def test_rows_are_counted_over_all_batches():
    batches = [pa.record_batch({"y": [0, 1], "a": [1, 2]}), pa.record_batch({"y": [0, 1], "a": [3, None]})]
    with pytest.raises(ValueError, match=r"^<list>, row 4: column 'a' has no value, expected a number"):
        list(reader(batches, features=["a"], block_rows=3))
    with pytest.raises(ValueError, match=r"^<list>: no column 'z', the file has 'y', 'a'"):
        list(reader(batches, features=["z"]))
    batches[1] = batches[1].select(["y"])
    with pytest.raises(ValueError, match=r"^<list>: no column 'a' in batch 1, which has \['y'\]"):
        list(reader(batches, features=["a"]))


def test_a_fault_of_the_source_comes_through():
    def broken():
        yield TABLE.to_batches()[0]
        raise RuntimeError("the line is cut")

    with pytest.raises(RuntimeError, match="the line is cut"):
        list(reader(broken))


NOTHING = TABLE.slice(0, 0)


@pytest.mark.parametrize("source", [[], NOTHING, [NOTHING], pl.DataFrame(NOTHING), dataset.dataset(NOTHING)])
def test_nothing_in_it(source):
    with pytest.raises(ValueError, match=r"^<.*>: no (rows|record batch), expected at least one"):
        list(reader(source))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (3, "source: int is not allowed, expected record batches"),
        (None, "source: NoneType is not allowed"),
        ("a.parquet", "source: str is not allowed, .* paths go to ParquetReader, CsvReader or pyarrow.dataset.dataset"),
        ({"a": [1]}, "source: dict is not allowed"),
        (pl.LazyFrame({"a": [1]}), r"source: a LazyFrame is not allowed, expected a DataFrame: collect\(\) it"),
    ],
)
def test_what_is_no_source(source, words):
    with pytest.raises(TypeError, match=words):
        reader(source)
    with pytest.raises(TypeError, match=words):
        list(reader(lambda: source))
    with pytest.raises(TypeError, match="source: item 1 is of type int, expected record batches"):
        list(reader([TABLE, 3]))


def test_memory_follows_the_block_not_the_source():
    batch = pa.record_batch({"y": np.zeros(100_000), "a": np.ones(100_000)})
    before, most, n_rows = pa.total_allocated_bytes(), 0, 0
    for block in reader((pa.record_batch(batch.columns, batch.schema.names) for _ in range(30)), features=["a"]):
        most, n_rows = max(most, pa.total_allocated_bytes() - before), n_rows + len(block.y)
    assert n_rows == 3_000_000
    assert most < 4e6

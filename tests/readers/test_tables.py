"""CSV and Parquet: both give the same blocks, whatever their size, and say which column and row is wrong."""

import bz2
import gzip
import io
import lzma
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from sparsereg import FeatureCross, LatLongCross
from sparsereg.readers.tables import CsvReader, ParquetReader

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow.parquet")

N = 500
PLACES = ["lat", "lon"]
KINDS = ["city", "hour"]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "y": rng.normal(size=N),
            "lat": rng.uniform(-90, 90, N),
            "lon": rng.uniform(-180, 180, N),
            "city": rng.choice(["Oslo", "Bern", "Rome"], N),
            "hour": rng.integers(0, 24, N),
            "weight": rng.random(N),
        }
    )


@pytest.fixture(scope="module", params=["csv", "csv.gz", "parquet"])
def make_reader(request, frame, tmp_path_factory):
    """Return what makes a reader of the frame from keyword arguments."""
    path = tmp_path_factory.mktemp("tables") / f"table.{request.param}"
    if request.param == "parquet":
        frame.to_parquet(path, row_group_size=130)
        return lambda **settings: ParquetReader(path, **{"target": "y", **settings})
    frame.to_csv(path, index=False)
    return lambda **settings: CsvReader(path, **{"target": "y", **settings})


class Text:
    """A transformer that takes columns of text, and keeps its rows."""

    def __init__(self, _takes_text=True):
        self._takes_text = _takes_text
        self.given = []

    def transform(self, X):
        self.given += [[None if value != value else value for value in row] for row in X.tolist()]
        return np.ones((len(X), 1))


def csv(text, **settings):
    return CsvReader(io.BytesIO(text), **{"target": "y", "features": ["a"], **settings})


def parquet(columns, **settings):
    file = io.BytesIO()
    pa.parquet.write_table(pa.table(columns), file)
    return ParquetReader(file, **{"target": "y", "features": ["a"], **settings})


def joined(blocks):
    blocks = list(blocks)
    return sparse.vstack([block.X for block in blocks]).tocsr(), np.concatenate([block.y for block in blocks])


def same(found, expected):
    return found.shape == expected.shape and (found != expected).nnz == 0


# What comes out.


@pytest.mark.parametrize("block_rows", [1, 77, N, 10 * N])
def test_columns_side_by_side_in_blocks_of_any_size(make_reader, frame, block_rows):
    exact, hashed = FeatureCross().fit(frame[KINDS]), FeatureCross(hashed=40).fit(frame[KINDS])
    places = LatLongCross()
    reader = make_reader(
        weight="weight",
        features=["hour", "lat", (places, PLACES), (exact, KINDS), "lon", (hashed, tuple(KINDS))],
        block_rows=block_rows,
    )
    expected = sparse.hstack(
        [
            sparse.csr_matrix(frame[["hour", "lat"]].to_numpy(dtype=float)),
            places.transform(frame[PLACES].to_numpy()),
            exact.transform(frame[KINDS]),
            sparse.csr_matrix(frame[["lon"]].to_numpy()),
            hashed.transform(frame[KINDS]),
        ],
        format="csr",
    )
    for _ in range(2):
        blocks = list(reader)
        X, y = joined(blocks)
        assert same(X, expected)
        np.testing.assert_array_equal(y, frame["y"])
        np.testing.assert_array_equal(np.concatenate([block.sample_weight for block in blocks]), frame["weight"])
        assert [len(block.y) for block in blocks[:-1]] == [block_rows] * (len(blocks) - 1)
        assert all(block.X.format == "csr" for block in blocks)


def test_a_transformer_alone_takes_the_columns_it_was_fitted_on(make_reader, frame):
    cross = FeatureCross().fit(frame[KINDS])
    X, _ = joined(make_reader(features=cross))
    assert same(X, cross.transform(frame[KINDS]))
    assert next(iter(make_reader(features=cross))).sample_weight is None


def test_a_transformer_without_names_takes_all_other_columns(frame):
    text = frame[["lat", "y", "weight", "lon"]].to_csv(index=False).encode()
    X, _ = joined(csv(text, weight="weight", features=LatLongCross()))
    assert same(X, LatLongCross().transform(frame[PLACES].to_numpy()))


def test_a_transformer_fitted_on_an_array_gets_an_array(make_reader, frame):
    cross = FeatureCross().fit(frame[KINDS].to_numpy(dtype=object))
    X, _ = joined(make_reader(features=[(cross, KINDS)]))
    assert same(X, cross.transform(frame[KINDS].to_numpy(dtype=object)))


def test_a_dense_transformer(make_reader, frame):
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler().fit(frame[PLACES].to_numpy())
    X, _ = joined(make_reader(features=[(scaler, PLACES)]))
    np.testing.assert_allclose(X.toarray(), scaler.transform(frame[PLACES].to_numpy()))


def test_several_files_are_one(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,y\n1,2\n3,4\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"y,other,a\r\n6,x,5\r\n", mtime=0))
    X, y = joined(CsvReader([tmp_path / "a.csv", tmp_path / "b.csv.gz"], target="y", features=["a"]))
    assert (X.toarray().ravel().tolist(), y.tolist()) == ([1, 3, 5], [2, 4, 6])


def test_numbers_of_every_kind():
    columns = {
        "y": pa.array([True, False]),
        "a": pa.array([1, 2**60 + 1], type=pa.int64()),
        "b": pa.array([1.5, 2.0], type=pa.float32()),
        "c": pa.array([1, 2], type=pa.uint8()),
        "d": pa.array(["1.25", "-3.00"]).cast(pa.decimal128(10, 2)),
    }
    X, y = joined(parquet(columns, features=["a", "b", "c", "d"]))
    assert X.toarray().tolist() == [[1.0, 1.5, 1.0, 1.25], [2.0**60, 2.0, 2.0, -3.0]]
    assert y.tolist() == [1.0, 0.0]


def test_missing_values_of_a_transformer_are_its_own_affair():
    cross = FeatureCross().fit(pd.DataFrame({"a": ["x", "z"], "b": [1.0, 2.0]}))
    expected = cross.transform(pd.DataFrame({"a": ["x", None, "z"], "b": [1.0, 2.0, None]}))
    for reader in (
        csv(b"y,a,b\n0,x,1\n0,,2\n0,z,NA\n", features=cross),
        parquet({"y": [0, 0, 0], "a": ["x", None, "z"], "b": [1, 2, None]}, features=cross),
        parquet(
            {"y": [0, 0, 0], "a": pa.array(["x", None, "z"]).dictionary_encode(), "b": [1, 2, None]}, features=cross
        ),
    ):
        assert same(joined(reader)[0], expected)


def test_types_say_how_columns_are_read():
    table = pd.DataFrame({"zip": ["0123", "123"], "kind": ["a", "b"]})
    cross = FeatureCross().fit(table)
    text = b"zip;y;kind\n0123;1;a\n123;2;b\n"
    for kind in ("string", pa.string()):
        X, _ = joined(csv(text, features=cross, types={"zip": kind}, delimiter=";"))
        assert same(X, cross.transform(table))


def test_a_number_may_be_a_category_too():
    """One column that is wanted as text and as a number is read as text."""
    cross = Text()
    text = b"y,a,b\n0, 007 ,1\n1,7.5,2\n1,1e2,3\n"
    X, _ = joined(csv(text, features=["a", (cross, ["a", "b"]), "b"]))
    assert X.toarray().tolist() == [[7, 1, 1], [7.5, 1, 2], [100, 1, 3]]
    assert cross.given == [[" 007 ", "1"], ["7.5", "2"], ["1e2", "3"]]
    X, _ = joined(csv(b"y,a\n0,NA\n1,\n1,null\n0,4\n", features=["a", (cross, ["a"])], missing="indicator"))
    assert X.toarray().tolist() == [[0, 1, 1], [0, 1, 1], [0, 1, 1], [4, 0, 1]]
    with pytest.raises(ValueError, match="<BytesIO>, row 2: column 'a' has 'many', expected a number"):
        list(csv(b"y,a\n0,1\n1,many\n", features=["a", (cross, ["a"])]))
    with pytest.raises(ValueError, match="<BytesIO>, row 1: column 'a' has inf, expected a finite number"):
        list(csv(b"y,a\n0,1e400\n", features=["a", (cross, ["a"])]))


def test_a_row_is_the_same_in_every_file():
    """Guessed one by one, 1234 is a number in the first file and text in the second."""

    def make(transformer, **settings):
        files = [io.BytesIO(b"zip,y\n1234,0\n"), io.BytesIO(b"zip,y\n1234,0\nA12,1\n")]
        return CsvReader(files, target="y", features=[(transformer, ["zip"])], **settings)

    cross = Text()
    joined(make(cross))
    assert cross.given == [["1234"], ["1234"], ["A12"]]
    kept = Text(_takes_text=None)
    with pytest.raises(ValueError, match=r"row 2: column 'zip': .* to int64: invalid value 'A12'; `types` says how"):
        joined(make(kept))
    assert kept.given == [[1234]]
    joined(make(kept, types={"zip": "string"}))
    assert kept.given[1:] == [["1234"], ["1234"], ["A12"]]


def test_whole_numbers_in_one_file_may_be_fractions_in_the_next():
    files = [io.BytesIO(b"a,y\n%b,0\n" % field) for field in (b"", b"1", b"1.5", b"2")]
    kept = Text(_takes_text=None)
    joined(CsvReader(files, target="y", features=[(kept, ["a"])]))
    assert kept.given == [[None], [1], [1.5], [2.0]]


def test_who_takes_numbers_gets_them():
    kept = Text(_takes_text=False)
    joined(csv(b"y,a\n0,1\n1,\n1,2.5\n", features=[(kept, ["a"])], block_rows=1))
    assert kept.given == [[1.0], [None], [2.5]]
    assert all(isinstance(value, float) for value in (kept.given[0][0], kept.given[2][0]))


def test_what_is_missing_in_text():
    """NA is Namibia, and somebody is called Null."""
    text = b'y,t,n\n0,NA,NA\n1,,\n0,"",null\n1,null,1\n0,-,2\n'
    cross, numbers = Text(), {"features": ["n"], "missing": -1}
    joined(csv(text, features=[(cross, ["t"])]))
    assert cross.given == [["NA"], [None], [None], ["null"], ["-"]]
    assert joined(csv(text, **numbers))[0].toarray().ravel().tolist() == [-1, -1, -1, 1, 2]
    cross = Text()
    joined(csv(text, features=[(cross, ["t"])], null_values=["NA", "-"]))
    assert cross.given == [[None], [""], [""], ["null"], [None]]
    with pytest.raises(ValueError, match="row 2: column 'n': CSV conversion error to double: invalid value ''"):
        list(csv(text, **numbers, null_values=["NA", "-"]))


def test_names_for_files_without_them():
    text = b"1,0.5,x\n0,1.5,y\n"
    X, y = joined(csv(text, names=["y", "a", "kind"]))
    assert (X.toarray().ravel().tolist(), y.tolist()) == ([0.5, 1.5], [1, 0])
    with pytest.raises(ValueError, match="<BytesIO>, row 2: column 'a': CSV conversion error to double: invalid value"):
        list(csv(b"1,2\n1,x\n", names=["y", "a"]))
    with pytest.raises(ValueError, match="<BytesIO>: CSV parse error: Row #1: Expected 2 columns, got 3"):
        list(csv(text, names=["y", "a"]))
    with pytest.raises(ValueError, match="<BytesIO>: no column 'a', the file has 'y', 'b'"):
        list(csv(b"1,2\n", names=["y", "b"]))


def test_a_byte_order_mark_is_no_name():
    for settings in ({}, {"names": ["y", "a"]}):
        text = "\ufeff" + ("" if settings else "y,a\n") + "1,2\n"
        X, y = joined(csv(text.encode(), **settings))
        assert (X.toarray().tolist(), y.tolist()) == ([[2]], [1])


def test_a_row_longer_than_what_is_read_at_once():
    text = b"y,a,t\n" + b"1,2,x\n" * 1000 + b"1,2," + b"x" * 5000 + b"\n1,2,x\n"
    with pytest.raises(ValueError, match=r"^<BytesIO>: a row does not fit into block_size=1000 bytes, exp"):
        list(csv(text, block_size=1000))
    assert len(joined(csv(text, block_size=6000))[1]) == 1002
    with pytest.raises(ValueError, match=r"^.{100,320}$"):
        list(csv(b"y,a\n1," + b"x" * 100_000 + b"\n"))


@pytest.mark.parametrize("block_size", [64, 71, 1000])
def test_fields_of_several_lines(block_size):
    """Wherever what is read at once ends, a quoted field does not end there."""
    cross = Text()
    _, y = joined(csv(b"y,t\n" + b'1,"x\n2,y"\n' * 50, features=[(cross, ["t"])], block_size=block_size))
    assert (cross.given, y.tolist()) == ([["x\n2,y"]] * 50, [1] * 50)


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, gzip.compress])
def test_packed_files(pack):
    X, y = joined(csv(pack(b"y,a\n1,2\n") + pack(b"3,4\n")))
    assert (X.toarray().tolist(), y.tolist()) == ([[2], [4]], [1, 3])
    with pytest.raises(ValueError, match=r"<BytesIO>: the .* data are cut short"):
        list(csv(pack(b"y,a\n1,2\n")[:-5]))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_partitioned_folders(tmp_path, form):
    """What folders say is a column: a number, a category, a target."""
    table = pd.DataFrame({"y": [0.0, 1.0, 2.0], "a": [1, 2, 3]})
    table["year"], table["kind"] = [2023, 2024, 2024], ["p q", "r", "p q"]
    for (year, kind), part in table.groupby(["year", "kind"]):
        folder = tmp_path / f"year={year}" / f"kind={kind.replace(' ', '%20')}"
        folder.mkdir(parents=True)
        rest = part.drop(columns=["year", "kind"])
        getattr(rest, f"to_{form}")(folder / f"x.{form}", index=False)
    (tmp_path / "_SUCCESS").write_bytes(b"")
    make = CsvReader if form == "csv" else ParquetReader
    cross = Text()
    for source in (tmp_path, f"{tmp_path}/year=*/*/x.*"):
        X, y = joined(make(source, target="y", features=["year", "a", (cross, ["kind", "year"])]))
        found = sorted(zip(y.tolist(), X.toarray().tolist(), [*cross.given]))
        assert found == [
            (0, [2023, 1, 1], ["p q", 2023]), (1, [2024, 2, 1], ["r", 2024]), (2, [2024, 3, 1], ["p q", 2024])
        ]
        cross.given.clear()
    (tmp_path / "year=2023" / "kind=p%20q").rename(tmp_path / "year=2023" / "kind=__HIVE_DEFAULT_PARTITION__")
    places = FeatureCross(crosses=[("kind", "year")]).fit(table)
    X, y = joined(make(tmp_path, target="y", features=places))
    assert same(X[np.argsort(y)], places.transform(table.assign(kind=[None, "r", "p q"])))
    (tmp_path / "year=2023" / "kind=__HIVE_DEFAULT_PARTITION__").rename(tmp_path / "year=2023" / "kind=p%20q")
    X, y = joined(make(tmp_path, target="year", features=["a"]))
    assert sorted(y.tolist()) == [2023, 2024, 2024]
    with pytest.raises(ValueError, match=r"year=2023/kind=p%20q/x\.\w+: no column 'z', .* 'a', 'year', 'kind'"):
        list(make(tmp_path, target="y", features=["z"]))


def test_memory_follows_the_block_not_the_file(tmp_path):
    path = tmp_path / "long.csv"
    path.write_bytes(b"a,y\n" + b"1.5,2.5\n" * 3_000_000)
    before, most = pa.total_allocated_bytes(), 0
    for block in CsvReader(path, target="y", features=["a"], block_rows=10_000):
        most = max(most, pa.total_allocated_bytes() - before)
        assert len(block.y) == 10_000
    # Arrow's unit is a megabyte of text, and it works on a few at a time; the whole table has 48 as numbers.
    assert most < 12e6


# Faults: the file, the row counted from 1 without the line of names, the column.


@pytest.mark.parametrize("name", ["y", "a", "w"])
def test_gaps_and_words_among_numbers(name):
    for word, fault in [
        ("", f"<BytesIO>, row 3: column '{name}' has no value, expected a number"),
        ("NA", f"<BytesIO>, row 3: column '{name}' has no value, expected a number"),
        ("1e400", f"<BytesIO>, row 3: column '{name}' has inf, expected a finite number"),
        ("many", f"<BytesIO>, row 3: column '{name}': CSV conversion error to double: invalid value 'many'"),
    ]:
        row = {"a": "1", "other": "2", "y": "3", "w": "4"}
        rows = [row.values()] * 2 + [{**row, name: word}.values(), row.values()]
        text = "\n".join(",".join(values) for values in [row.keys(), *rows]).encode()
        with pytest.raises(ValueError) as caught:
            list(csv(text, weight="w", block_rows=2))
        assert str(caught.value).startswith(fault)


def test_gaps_and_words_in_parquet():
    with pytest.raises(ValueError, match=r"<BytesIO>, row 3: column 'y' has no value, expected a number"):
        list(parquet({"y": [0.0, 1.0, None], "a": [1, 2, 3]}, block_rows=2))
    with pytest.raises(ValueError, match=r"<BytesIO>, row 2: column 'a' has nan, expected a finite number"):
        list(parquet({"y": [0.0, 1.0, 2.0], "a": [1, np.nan, 3]}))
    with pytest.raises(ValueError, match=r"<BytesIO>, row 1: column 'a' has no value, expected a number"):
        list(parquet({"y": [0.0], "a": pa.nulls(1)}))
    with pytest.raises(ValueError, match=r"<BytesIO>: column 'a' holds string, expected numbers"):
        list(parquet({"y": [1, 2], "a": ["yes", "no"]}))


def test_a_fault_far_into_the_file():
    text = b"a,y\n" + b"1,2\n" * 400_000 + b"1,x\n"
    with pytest.raises(ValueError, match=r"<BytesIO>, row 400001: column 'y': CSV conversion error"):
        list(csv(text))


def test_the_file_goes_before_what_a_transformer_says():
    text = b"lat,lon,y\n1,2,3\n4,5,6\n7,8,9\n91,2,3\n"
    with pytest.raises(ValueError, match=r"<BytesIO>, in the block from row 3 on: row 1: latitude must be in"):
        list(csv(text, features=LatLongCross(), block_rows=2))


def test_a_transformer_that_needs_a_fit():
    from sparsereg.inputs.sklearn import NotFittedError

    with pytest.raises(NotFittedError, match="FeatureCross"):
        list(csv(b"a,y\n1,2\n", features=FeatureCross()))


@pytest.mark.parametrize("settings", [{"target": "z"}, {"features": ["z"]}, {"weight": "z"}])
def test_a_column_that_is_not_there(settings):
    for reader in (csv(b"a,y\n1,2\n", **settings), parquet({"a": [1], "y": [2]}, **settings)):
        with pytest.raises(ValueError, match=r"<BytesIO>: no column 'z', the file has 'a', 'y'"):
            list(reader)


def test_no_column_is_left():
    with pytest.raises(ValueError, match=r"<BytesIO>: no column is left for features, the file has 'y'"):
        list(csv(b"y\n1\n", features=LatLongCross()))


def test_two_columns_of_one_name():
    with pytest.raises(ValueError, match=r"<BytesIO>: two columns 'a', the file has 'a', 'b', 'a', 'y'"):
        list(csv(b"a,b,a,y\n1,2,3,4\n"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "<BytesIO>: Empty CSV file"),
        (b"a,y\n", "<BytesIO>: no rows, expected at least one"),
        (b"a,y\n1,2\n3\n", "<BytesIO>: CSV parse error: Row #3: Expected 2 columns, got 1"),
        (gzip.compress(b"a,y\n1,2\n", mtime=0)[:-4], "<BytesIO>: the gzip data are cut short"),
    ],
)
def test_damaged_csv(text, fault):
    with pytest.raises(ValueError, match=f"^{fault}"):
        list(csv(text))


def test_damaged_parquet(tmp_path):
    path = tmp_path / "table.parquet"
    pd.DataFrame({"a": np.random.default_rng(0).random(1000), "y": 1.0}).to_parquet(path)
    whole = path.read_bytes()
    for content in (b"", whole[:-10], whole[: len(whole) // 2], b"x" * 100):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"table\.parquet: "):
            list(ParquetReader(path, target="y", features=["a"]))
    with pytest.raises(FileNotFoundError, match="absent"):
        list(ParquetReader(tmp_path / "absent", target="y", features=["a"]))
    with pytest.raises(ValueError, match="no rows, expected at least one"):
        list(parquet({"a": pa.array([], pa.int64()), "y": pa.array([], pa.int64())}))


# Parameters.


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"target": 3}, TypeError, "target: 3 is not allowed"),
        ({"weight": 3}, TypeError, "weight: 3 is not allowed"),
        ({"features": "a"}, TypeError, "features: 'a' is not allowed, expected a transformer or a list"),
        ({"features": []}, TypeError, "features: .* is not allowed"),
        ({"features": [3]}, TypeError, "features: 3 is not allowed"),
        ({"features": [("a", "b")]}, TypeError, "features: .'a', 'b'. is not allowed"),
        ({"features": [(LatLongCross(), "lat")]}, TypeError, "features: .* is not allowed"),
        ({"features": [(LatLongCross(), [0, 1])]}, TypeError, "features: 0 is not allowed"),
        ({"features": [(LatLongCross(), [])]}, ValueError, "expected at least one column"),
        ({"block_rows": 0}, ValueError, "block_rows: 0 is outside"),
        ({"types": {"a": "word"}}, ValueError, "types: 'word' for column 'a' is not allowed"),
        ({"types": {"a": 3}}, TypeError, "types: 3 for column 'a' is not allowed"),
        ({"types": 3}, TypeError, "types: 3 is not allowed, expected a mapping"),
        ({"types": ["string"]}, TypeError, "types: .'string'. is not allowed, expected a mapping"),
        ({"names": "ay"}, TypeError, "names: 'ay' is not allowed, expected a sequence of str"),
        ({"names": ["a", 3]}, TypeError, "names: 3 is not allowed"),
        ({"names": []}, TypeError, r"names: \[\] is not allowed"),
        ({"null_values": 3}, TypeError, "null_values: 3 is not allowed"),
        ({"block_size": 0}, ValueError, "block_size: 0 is outside"),
        ({"block_size": 2**31}, ValueError, "block_size: 2147483648 is outside"),
        ({"delimiter": ";;"}, ValueError, "delimiter: ';;' is not allowed"),
    ],
)
def test_parameters_are_checked_at_once(settings, error, words):
    with pytest.raises(error, match=words):
        csv(b"a,y\n1,2\n", **settings)


def test_without_pyarrow():
    code = (
        "import sys\n"
        "sys.modules['pyarrow'] = None\n"
        "from sparsereg.readers.tables import CsvReader\n"
        "try:\n"
        "    CsvReader('a.csv', target='y', features=['a'])\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "CsvReader needs pyarrow: pip install 'sparsereg-wide[io]'\n", done.stderr


def test_categories_are_learned_in_a_pass_of_their_own(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("city,rooms,y\nOslo,2,1\nBergen,3,0\n,4,1\nOslo,1,0\n")
    cross = FeatureCross(["city"])
    reader = CsvReader(path, target="y", features=[(cross, ["city"]), "rooms"], block_rows=1)
    reader.fit_features()
    assert cross.categories_[0].tolist() == ["Bergen", "Oslo"]
    assert sparse.vstack([block.X for block in reader]).toarray().tolist() == [
        [0, 1, 2], [1, 0, 3], [0, 0, 4], [0, 1, 1]
    ]
    before = cross.categories_
    reader.fit_features()
    assert cross.categories_ is before
    blank = CsvReader(path, target="y", features=[(FeatureCross(["none"]), ["none"])])
    path.write_text("none,y\n,1\n,0\n")
    with pytest.raises(ValueError, match="column 'none' has no value that is not missing"):
        blank.fit_features()


def test_columns_and_their_kinds(tmp_path):
    (tmp_path / "year=2024").mkdir()
    path = tmp_path / "year=2024" / "a.csv"
    path.write_text("n,x,t,zip,b,gap\n1,0.5,word,01,true,\n")
    kinds = {"n": "number", "x": "number", "t": "text", "b": "number", "gap": "number", "year": "number"}
    reader = CsvReader(tmp_path, target="n", features=["x"], types={"zip": "string"})
    assert reader.column_kinds() == {**kinds, "zip": "text"}
    table = pa.table({"n": [1], "t": ["a"], "when": [pa.scalar(0, pa.timestamp("s"))]})
    pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "a.parquet")
    found = ParquetReader(tmp_path / "a.parquet", target="n", features=["n2"]).column_kinds()
    assert found == {"n": "number", "t": "text", "when": "text"}

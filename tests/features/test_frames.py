"""What counts as a table: its columns, one by one, or as numbers."""

import subprocess
import sys

import narwhals
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sparsereg import FeatureCross, LatLongCross
from sparsereg.features.frames import table_columns, table_numbers
from sparsereg.features.text_columns import as_column

TABLE = pa.table({"city": ["Oslo", None, "Rome"], "user": [2**60, 2**60 + 1, None]})
TEXTS = [["Oslo", None, "Rome"], [str(2**60), str(2**60 + 1), None]]
POINTS = pa.table({"lat": [37.88, -4.5], "lon": [-122, 8]})


def texts(X):
    columns = [as_column(column, "x") for column in table_columns(X)]
    return [[column.text(row) for row in range(len(column.is_missing))] for column in columns]


def named(array):
    class Frame:
        columns = ("a", "b")

        def __getitem__(self, name):
            return array[:, self.columns.index(name)]

    return Frame()


ROWS = [["Oslo", 2**60], [None, 2**60 + 1], ["Rome", None]]


@pytest.mark.parametrize(
    "X",
    [
        ROWS,
        tuple(map(tuple, ROWS)),
        np.array(ROWS, dtype=object),
        TABLE,
        TABLE.to_batches()[0],
        pa.concat_tables([TABLE[:1], TABLE[1:]]),
        TABLE.to_pandas(types_mapper=pd.ArrowDtype),
        pd.DataFrame({"a": pd.Categorical(TEXTS[0]), "b": pd.array([2**60, 2**60 + 1, None], dtype="Int64")}),
        pl.from_arrow(TABLE),
        narwhals.from_native(pl.from_arrow(TABLE)),
        narwhals.from_native(TABLE),
        named(np.array(ROWS, dtype=object)),
    ],
    ids=lambda X: type(X).__module__.partition(".")[0],
)
def test_columns_of_every_table(X):
    assert texts(X) == TEXTS


def test_two_columns_of_one_name():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert texts(frame) == [["1"], ["2"]]
    assert texts(pa.table([[1], [2]], names=["a", "a"])) == [["1"], ["2"]]


def test_masked_arrays():
    table = np.ma.MaskedArray([[2**60, 2], [3, 4]], mask=[[False, True], [True, False]])
    assert texts(table) == [[str(2**60), None], [None, "4"]]
    np.testing.assert_array_equal(table_numbers(table), [[2.0**60, np.nan], [np.nan, 4]])


@pytest.mark.parametrize(
    "X",
    [np.zeros(3), pd.Series([1]), pl.Series([1]), pa.array([1]), None, "text", [1, 2], [[1, 2], [1]], [], {"a": [1]}],
)
def test_what_is_no_table(X):
    with pytest.raises(ValueError, match="X must be a table of rows and columns, got an array of shape"):
        table_columns(X)


def test_sparse_matrices_are_no_tables_of_categories():
    with pytest.raises(TypeError, match="got a sparse matrix"):
        table_columns(sparse.csr_matrix((2, 2)))


@pytest.mark.parametrize("lazy", [pl.LazyFrame({"a": [1]}), narwhals.from_native(pl.LazyFrame({"a": [1]}))])
def test_lazy_frames_are_to_be_collected(lazy):
    for call in (
        lambda: table_columns(lazy),
        lambda: table_numbers(lazy),
        lambda: FeatureCross().fit(lazy),
        lambda: LatLongCross().fit(lazy),
        lambda: LatLongCross().transform(lazy),
    ):
        with pytest.raises(TypeError, match=r"X is a LazyFrame, whose rows are not there yet: collect\(\) it first"):
            call()


@pytest.mark.parametrize(
    "X",
    [
        POINTS,
        POINTS.to_batches()[0],
        pl.from_arrow(POINTS),
        POINTS.to_pandas(),
        POINTS.to_pandas().astype("Float64"),
        POINTS.to_pandas(types_mapper=pd.ArrowDtype),
        POINTS.cast(pa.schema({"lat": pa.float64(), "lon": pa.int8()})),
        pa.table({"lat": POINTS["lat"].dictionary_encode(), "lon": POINTS["lon"]}),
    ],
    ids=lambda X: type(X).__module__.partition(".")[0],
)
def test_coordinates_of_every_table(X):
    expected = LatLongCross(levels=(60, 1)).transform([[37.88, -122.0], [-4.5, 8.0]])
    np.testing.assert_array_equal(table_numbers(X), [[37.88, -122.0], [-4.5, 8.0]])
    for cross in (LatLongCross(levels=(60, 1)), LatLongCross(levels=(60, 1)).fit(X)):
        assert (cross.transform(X) != expected).nnz == 0
    assert cross.feature_names_in_.tolist() == ["lat", "lon"]


@pytest.mark.parametrize("convert", [lambda X: X, pl.from_arrow, lambda X: X.to_pandas(types_mapper=pd.ArrowDtype)])
def test_missing_coordinates(convert):
    table = pa.table({"lat": [1.0, None], "lon": [3, 4]})
    with pytest.raises(ValueError, match=r"row 1: latitude must be in \[-90, 90\] degrees, got nan"):
        LatLongCross().transform(convert(table))


def test_coordinates_that_are_no_numbers():
    with pytest.raises(ValueError, match=r"column 'lat' must hold numbers, got type string: .*'north'"):
        LatLongCross().transform(pa.table({"lat": ["north"], "lon": [1.0]}))
    with pytest.raises(ValueError, match="column 'lon' must hold numbers, got type list"):
        LatLongCross().transform(pa.table({"lat": [1.0], "lon": [[1.0]]}))


WITHOUT = """
import sys
import numpy as np
import polars as pl
for name in {missing!r}:
    sys.modules[name] = None
from sparsereg import FeatureCross
print(FeatureCross().fit_transform(np.array([["a", 1], ["b", 2]], dtype=object)).nnz)
try:
    FeatureCross().fit(pl.DataFrame({{"a": [1], "b": [2]}}))
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("missing", [("narwhals",), ("pyarrow",)])
def test_without_the_extra(missing, tmp_path):
    code = WITHOUT.format(missing=missing)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    expected = "6\na polars.DataFrame needs narwhals and pyarrow: pip install 'sparsereg-wide[frames]'\n"
    assert (done.stdout, done.stderr) == (expected, "")


def test_pandas_and_numpy_need_neither(tmp_path):
    code = (
        "import sys\n"
        "import numpy as np\n"
        "for name in ('narwhals', 'pyarrow', 'polars'):\n"
        "    sys.modules[name] = None\n"
        "import pandas as pd\n"
        "from sparsereg import FeatureCross\n"
        "frame = pd.DataFrame({'a': ['x', None, 'y'], 'b': pd.array([2**60, 2**60 + 1, None], 'Int64')})\n"
        "print(FeatureCross().fit(frame).categories_[1].tolist())\n"
        "print(FeatureCross(hashed=20).fit_transform(frame).nnz)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (f"['{2**60}', '{2**60 + 1}']\n5\n", "")

"""Data in parts: every form that a fit takes, and what is refused before anything is read."""

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pytest
from scipy import sparse
from support.distributed_data import features, matrix, parts_of, table

from sparsereg import Block, CsvReader, FeatureCross, Lasso, ParquetReader, Reduced, SvmlightReader
from sparsereg.dask import DaskLasso
from sparsereg.dask.inputs import as_parts

ALPHA = 0.02


@pytest.fixture(scope="module")
def plain(frame):
    return Lasso(alpha=ALPHA).fit(matrix(frame), frame["y"], frame["weight"], frame["offset"])


@pytest.fixture(scope="module")
def collection(frame):
    return dd.from_pandas(frame, npartitions=7)


def csr_array(X):
    """Return a dask array of CSR blocks."""
    parts = parts_of(X)
    blocks = [da.from_delayed(dask.delayed(part), part.shape, X.dtype, meta=part[:0]) for part in parts]
    return da.concatenate(blocks)


def by_names(frame, files, collection):
    return collection, "y", "weight", "offset", features(frame)


def by_series(frame, files, collection):
    return collection[["lat", "lon", "shop", "x"]], *(collection[c] for c in ("y", "weight", "offset")), features(frame)


def by_arrays(frame, files, collection):
    columns = [da.from_array(frame[name].to_numpy(), chunks=500) for name in ("y", "weight", "offset")]
    return csr_array(matrix(frame)), *columns, None


def by_unknown_sizes(frame, files, collection):
    X, columns = matrix(frame), [frame[name].to_numpy() for name in ("y", "weight", "offset")]
    return *(
        da.concatenate(
            [
                da.from_delayed(dask.delayed(part), (np.nan, *rows.shape[1:]), rows.dtype, meta=part[:0])
                for part in parts_of(rows)
            ],
            allow_unknown_chunksizes=True,
        )
        for rows in (X, *columns)
    ), None


def by_blocks(frame, files, collection):
    X = matrix(frame)
    columns = ([dask.delayed(part) for part in parts_of(frame[name].to_numpy())] for name in ("y", "weight", "offset"))
    return [dask.delayed(part) for part in parts_of(X)], *columns, None


def by_files(frame, files, collection):
    return files, "y", "weight", "offset", features(frame)


def by_reader(frame, files, collection):
    reader = ParquetReader(files, target="y", weight="weight", features=features(frame), block_rows=100)
    return reader, None, None, "offset", None


FORMS = [by_names, by_series, by_arrays, by_unknown_sizes, by_blocks, by_files, by_reader]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_gives_the_fit_of_the_rows_in_one_place(client, frame, files, collection, plain, form):
    *data, made_of = form(frame, files, collection)
    model = DaskLasso(alpha=ALPHA, features=made_of, client=client).fit(*data)
    assert model.objective_ == pytest.approx(plain.objective_, rel=1e-12)
    assert np.array_equal(model.sparse_coef_.indices, plain.sparse_coef_.indices)
    assert (model.reduction_.n_parts, model.reduction_.n_samples) == (7, 2_000)


def test_delayed_values_may_be_blocks_pairs_and_reductions(client, frame):
    X, y = matrix(frame), frame["y"].to_numpy()
    first, second = parts_of(X)[:3], parts_of(y)[:3]
    values = [
        dask.delayed(Block)(dask.delayed(first[0]), second[0]), dask.delayed((first[1], second[1])),
        client.submit(Reduced.of, first[2], second[2], loss="squared"),
    ]
    model = DaskLasso(alpha=ALPHA, client=client).fit(values)
    n = sum(part.shape[0] for part in first)
    assert model.objective_ == pytest.approx(Lasso(alpha=ALPHA).fit(X[:n], y[:n]).objective_, rel=1e-12)


def test_columns_that_are_features_themselves_keep_their_names(client, frame, collection):
    model = DaskLasso(alpha=ALPHA, client=client).fit(collection[["x", "lat", "y"]], "y", offset=0.5)
    assert model.feature_names_in_.tolist() == ["x", "lat"]
    assert model.objective_ == pytest.approx(Lasso(alpha=ALPHA).fit(frame[["x", "lat"]], frame["y"]).objective_, 1e-12)


def test_text_files_are_known_by_what_they_end_in(client, frame, tmp_path):
    names = [tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"]
    for name, rows in zip(names, (frame[:900], frame[900:]), strict=True):
        rows.to_csv(name, index=False)
    model = DaskLasso(alpha=ALPHA, features=features(frame), client=client).fit(str(tmp_path), "y")
    assert model.objective_ == pytest.approx(Lasso(alpha=ALPHA).fit(matrix(frame), frame["y"]).objective_, rel=1e-12)
    assert as_parts([tmp_path / "a.svm"]).settings.reader.n_features == 2**63 - 1
    with pytest.raises(ValueError, match=r"X: files that end in '\.txt' are not known, expected \.parquet"):
        as_parts([tmp_path / "a.txt"])
    with pytest.raises(ValueError, match=r"X: files that end in \['\.csv', '\.svm'\] are not allowed together"):
        as_parts([tmp_path / "a.csv", tmp_path / "b.svm"])


def test_only_columns_that_are_needed_are_read(frame, collection):
    parts = as_parts(collection, "y", features=["x"])
    assert list(parts.arguments[0][0].compute().columns) == ["x", "y"]


def refusals():
    frame = table()[:70]
    collection = dd.from_pandas(frame, npartitions=7)
    X, y = da.ones((70, 4), chunks=(10, 2)), da.ones(70, chunks=10)
    reader = CsvReader(["a.csv"], target="y", features=["x"])
    unfitted = FeatureCross(["shop"])
    return [
        ((np.ones((3, 2)), np.ones(3)), "X: ndarray is not allowed, expected a dask DataFrame.*; rows in memory are for"),
        (([1, 2],), "X: a list of int is not allowed, expected a dask DataFrame"),
        (([],), "X: a list of nothing is not allowed"),
        ((y, y), "X: a dask array of 1 dimensions is not allowed"),
        ((X,), "y: None is not allowed, expected a dask array with the rows of X"),
        ((X, y[:-1]), "y: 69 rows, where X has 70; expected as many"),
        ((X, collection["y"].repartition(npartitions=5)), "y: 5 partitions, where X has 7; expected the same rows"),
        ((X, np.ones(70)), "y: ndarray is not allowed beside this X, expected a dask Series or array"),
        ((X, y, None, None, ["x"]), "features: not allowed beside matrices, expected None"),
        ((collection,), "y: None is not allowed, expected the name of a column"),
        ((collection, "z"), "y: there is no column 'z', X has"),
        ((collection, frame["y"], None, None, ["x"]), "y: Series is not allowed beside this X"),
        ((collection, "y", None, None, ["z"]), "features: there is no column 'z', X has"),
        ((collection, "y", None, None, ["y"]), "features: 'y' is not allowed, it is the target too"),
        ((collection, "y", None, None, [(unfitted, ["shop"])]), "features: this FeatureCross is not fitted; fit it firs"),
        ((["a.csv"], "y"), "features: None is not allowed with tables in files"),
        ((["a.csv"], y, None, None, ["x"]), "y: Array is not allowed beside files, expected the name of a column"),
        ((reader, "y"), "y, sample_weight: not allowed beside a reader, which names its own"),
        ((reader, None, None, None, ["x"]), "features: not allowed beside this reader, which knows"),
        ((CsvReader(["a.csv"], target=None, features=["x"]),), "target: None is not allowed for a CsvReader to learn"),
        ((SvmlightReader(["a.svm"]), None, None, "o"), "offset: not allowed beside a SvmlightReader"),
    ]


@pytest.mark.parametrize(("given", "message"), refusals())
def test_what_cannot_be_divided_is_refused_before_it_is_read(given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        as_parts(*given)


def test_files_that_are_open_already_are_refused(tmp_path):
    (tmp_path / "a.svm").write_text("1 1:1\n")
    with (tmp_path / "a.svm").open("rb") as file, pytest.raises(TypeError, match="expected paths that can be opened"):
        as_parts(SvmlightReader(file))


def test_sparse_blocks_that_are_cut_across_columns_are_joined(client, frame):
    X = sparse.csr_matrix(frame[["lat", "lon", "x"]].to_numpy())
    cut = csr_array(X).rechunk((500, 2))
    model = DaskLasso(alpha=ALPHA, client=client).fit(cut, da.from_array(frame["y"].to_numpy(), chunks=500))
    assert model.objective_ == pytest.approx(Lasso(alpha=ALPHA).fit(X, frame["y"]).objective_, rel=1e-12)

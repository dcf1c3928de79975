"""Lazy predictions of data frames and arrays."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pytest
from support.distributed_data import features, matrix

from sparsereg.dask import DaskLasso, DaskLogisticRegression
from sparsereg.inputs.sklearn import NotFittedError


@pytest.fixture(scope="module")
def collection(frame):
    return dd.from_pandas(frame, npartitions=7)


def test_probabilities_of_a_data_frame_have_its_index_and_the_classes(client, frame, collection):
    model = DaskLogisticRegression(alpha=0.01, features=features(frame)).fit(collection, "colour", offset=None)
    X, local = matrix(frame), model.to_local()
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        lazy = getattr(model, method)(collection)
        assert list(lazy.columns) == ["blue", "green", "red"]
        made = lazy.compute()
        assert made.index.equals(frame.index)
        assert np.allclose(made, getattr(local, method)(X), rtol=1e-12)
    labels = model.predict(collection)
    assert labels.compute().tolist() == local.predict(X).tolist()
    # In memory the same columns will do, and so will a matrix.
    assert model.predict(frame).tolist() == model.predict(X).tolist() == local.predict(X).tolist()
    nobody = collection[collection["lat"] > 80.0]
    assert model.predict_proba(nobody).compute().shape == (0, 3)


def test_offsets_go_with_partitions_and_blocks(client, frame, collection):
    model = DaskLasso(alpha=0.02).fit(collection[["x", "lat", "y"]], "y", offset=collection["offset"])
    expected = model.to_local().predict(frame[["x", "lat"]], frame["offset"])
    for given in ("offset", collection["offset"]):
        assert np.allclose(model.predict(collection, given).compute(), expected, rtol=1e-12)
    assert np.allclose(model.predict(collection, 0).compute(), expected - frame["offset"], rtol=1e-9)
    turned = dd.from_pandas(frame["offset"][::-1], npartitions=7, sort=False)
    with pytest.raises(ValueError, match="offset: another index than that of X, expected the same rows in the same"):
        model.predict(collection, turned).compute()
    with pytest.raises(TypeError, match="offset: ndarray is not allowed beside a dask DataFrame"):
        model.predict(collection, frame["offset"].to_numpy())
    with pytest.raises(ValueError, match="X: there is no column 'lat', expected"):
        model.predict(collection[["x"]], 0)


def test_arrays_are_predicted_block_by_block(client, frame):
    X, y = (da.from_array(frame[names].to_numpy(), chunks=500) for names in (["x", "lat"], "label"))
    offset = da.from_array(frame["offset"].to_numpy(), chunks=300)
    model = DaskLogisticRegression(alpha=0.01).fit(X, y, offset=offset)
    local, rows = model.to_local(), frame[["x", "lat"]].to_numpy()
    lazy = model.predict_proba(X.rechunk((400, 1)), offset)
    assert (lazy.shape, lazy.dtype) == ((2_000, 2), np.float64)
    assert np.allclose(lazy.compute(), local.predict_proba(rows, frame["offset"]), rtol=1e-12)
    assert model.predict(X, 0.0).compute().tolist() == local.predict(rows, 0.0).tolist()
    with pytest.raises(ValueError, match="X: 1 columns, expected 2, those of the fit"):
        model.predict(X[:, :1], 0)
    with pytest.raises(TypeError, match="offset: ndarray is not allowed beside a dask array"):
        model.predict(X, np.ones(2_000))
    with pytest.raises(NotFittedError):
        DaskLasso().predict(X)

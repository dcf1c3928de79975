"""Paths on a cluster."""

import dask.dataframe as dd
import numpy as np
import pytest
from support.distributed_data import features, matrix

from sparsereg import RegularizationPath, load_model, logistic_path, save_model
from sparsereg.dask import dask_path


def test_a_path_is_that_of_one_machine(client, frame, files, tmp_path, capsys):
    settings = {"n_alphas": 6, "eps": 0.05}
    plain = logistic_path(matrix(frame), frame["colour"], sample_weight=frame["weight"], **settings)
    path = dask_path(
        files, "colour", loss="logistic", features=features(frame), sample_weight="weight", verbose=1, **settings
    )
    assert capsys.readouterr().out.count("\n") == 2
    assert isinstance(path, RegularizationPath)
    assert np.allclose(path.objectives, plain.objectives, rtol=1e-12, atol=0.0)
    assert np.array_equal(path.df, plain.df)
    assert path.classes.tolist() == ["blue", "green", "red"]
    assert path.reduction.n_samples == 2_000
    again = dask_path(files, "colour", loss="logistic", features=features(frame), sample_weight="weight", **settings)
    assert np.array_equal(again.objectives, path.objectives)
    assert np.array_equal(again.intercepts, path.intercepts)
    assert type(path.to_local()) is RegularizationPath
    save_model(path, tmp_path / "path.npz")
    assert type(load_model(tmp_path / "path.npz")) is RegularizationPath


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"wrong": 1}, "dask_path: got an unexpected keyword argument 'wrong'"),
        ({"eps": 3}, "eps: 3 is outside"),
        ({"loss": "cubed"}, "loss: 'cubed' is not allowed"),
        ({"tol": -1}, "tol: -1 is outside"),
        ({"penalty": "l9"}, "penalty: 'l9' is not allowed"),
        ({"bounds": ({"z": 0}, None)}, "z"),
        ({"where": "there"}, "where: 'there' is not allowed"),
    ],
)
def test_settings_are_checked_before_data_are_read(frame, settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        dask_path(dd.from_pandas(frame[:9], npartitions=2), "y", **settings)

"""Estimators and paths on a Dask cluster: rows reduced where they lie, or left there. Needs the extra ``dask``."""

from sparsereg.dask.cluster import ClusterError
from sparsereg.dask.estimators import (
    DaskElasticNet,
    DaskLasso,
    DaskLogisticRegression,
    DaskPoissonRegressor,
    DaskRidge,
)
from sparsereg.dask.path import DaskPath, dask_path
from sparsereg.dask.report import DaskReduction

__all__ = [
    "ClusterError",
    "DaskElasticNet",
    "DaskLasso",
    "DaskLogisticRegression",
    "DaskPath",
    "DaskPoissonRegressor",
    "DaskReduction",
    "DaskRidge",
    "dask_path",
]

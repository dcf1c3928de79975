"""Estimators and paths on a Dask cluster."""

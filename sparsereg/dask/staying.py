"""Fits to rows that stay where they are, on a cluster."""

from __future__ import annotations

from typing import Any

from sparsereg.dask.cluster import Cluster
from sparsereg.dask.reducing import Outcome, Reduction


def can_stay(loss: str, settings: dict[str, Any]) -> bool:
    """Say whether a path can be fitted to rows that stay where they are.

    Parameters
    ----------
    loss : str
    settings : dict
        Of `regularization_path`.

    Returns
    -------
    can_stay : bool
    """
    return False


def fit_staying(
    cluster: Cluster, reduction: Reduction, *, loss: str, verbose: int = 0, **settings: Any
) -> Outcome:
    """Fit a path to rows that stay where they are.

    Parameters
    ----------
    cluster : Cluster
    reduction : Reduction
        Parts, each of which is a shard.
    loss : str
    verbose : int, default=0
    **settings
        Of `regularization_path`.

    Returns
    -------
    outcome : Outcome
        Of a `RegularizationPath`.

    Raises
    ------
    ValueError
        For what cannot be fitted this way.
    """
    raise ValueError("where: 'stay' is not allowed, expected 'reduce' or 'auto'")

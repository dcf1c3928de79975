"""Fits to rows that stay where they are, on a cluster."""

from __future__ import annotations

from typing import Any

from sparsereg.dask.cluster import Cluster, ClusterError
from sparsereg.dask.parts import Part
from sparsereg.dask.pool import DaskPool
from sparsereg.dask.reducing import Outcome, Reduction, counted, fits_a_worker
from sparsereg.dask.report import DaskReduction
from sparsereg.reduction.reduced import Reduced
from sparsereg.shards.api import staying_path, staying_settings


def can_stay(loss: str, settings: dict[str, Any]) -> bool:
    """Say whether a path can be fitted to rows that stay where they are.

    Parameters
    ----------
    loss : str
    settings : dict
        Of `regularization_path`, or of an estimator.

    Returns
    -------
    can_stay : bool
        As far as that can be told without data.
    """
    try:
        staying_settings(**{**settings, "loss": loss})
    except ValueError:
        return False
    return True


def stays(cluster: Cluster, reduction: Reduction, where: str, loss: str, settings: dict[str, Any]) -> bool:
    """Say whether rows are to stay where they are.

    Parameters
    ----------
    cluster : Cluster
    reduction : Reduction
    where : {"auto", "reduce", "stay"}
        "auto": where they can, and the whole does not fit a worker.
    loss : str
    settings : dict
        As for `can_stay`.

    Returns
    -------
    stays : bool
    """
    if where != "auto" or not can_stay(loss, settings):
        return where == "stay"
    facts = counted(cluster, reduction, 0)
    has_offset, labels = any(fact.has_offset for fact in facts), {label for fact in facts for label in fact.labels}
    return not has_offset and len(labels) <= 2 and not fits_a_worker(cluster, facts)


def fit_staying(
    cluster: Cluster, reduction: Reduction, *, loss: str, verbose: int = 0, **settings: Any
) -> Outcome:
    """Fit a path to rows that stay where they are.

    Parameters
    ----------
    cluster : Cluster
    reduction : Reduction
        Parts, each of which is a shard. Its `parts` are empty afterwards.
    loss : str
    verbose : int, default=0
        1 prints a line for each phase and each alpha.
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
    settings = staying_settings(**{**settings, "loss": loss})
    facts = counted(cluster, reduction, verbose)
    # Parts without rows have nothing to say.
    kept = [(part, fact) for part, fact in zip(reduction.parts, facts, strict=True) if fact.n_rows]
    reduction.parts.clear()
    if not kept:
        raise ValueError(f"sample_weight: no row of {len(facts)} parts has a positive one, expected at least one")
    names = [fact.name for _, fact in kept]
    shards = cluster.map(_shard_of, [part for part, _ in kept], label="stay-shard", names=names)
    pool = DaskPool(cluster, shards, names)
    del kept, shards
    try:
        path = staying_path(pool, verbose=verbose, **settings)
    except ClusterError as error:
        passes = f"all {len(facts)} parts were reduced, and {pool.traffic.passes - 1} times gone over"
        raise ClusterError(f"{error}; {passes}") from error
    finally:
        pool.release()
    n_samples, n_rows = (sum(getattr(fact, name) for fact in facts) for name in ("n_samples", "n_rows"))
    traffic, nbytes = pool.traffic, sum(fact.nbytes for fact in facts)
    found = DaskReduction(
        "stay", len(facts), n_samples, n_rows, path.n_features, path.n_active, nbytes, nbytes, traffic.bytes_moved,
        traffic.bytes_received, traffic.passes,
    )
    return Outcome(path, found)


def _shard_of(part: Part) -> Reduced | None:
    return part.reduced

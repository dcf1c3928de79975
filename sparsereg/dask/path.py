"""Regularisation paths of data on a Dask cluster."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from sparsereg.dask.base import WHERE
from sparsereg.dask.cluster import Cluster
from sparsereg.dask.inputs import as_parts, names_of
from sparsereg.dask.reducing import begin, solve
from sparsereg.dask.report import DaskReduction
from sparsereg.dask.staying import fit_staying, stays
from sparsereg.inputs.parameters import check_choice, check_grid, check_l1_ratio, check_relax
from sparsereg.path.api import regularization_path
from sparsereg.path.result import RegularizationPath
from sparsereg.solvers.assemble import ProblemOptions, make_loss, make_solver_options


@dataclass(frozen=True, eq=False, repr=False)
class DaskPath(RegularizationPath):
    """A `RegularizationPath`, and what it took on the cluster.

    Attributes
    ----------
    reduction : DaskReduction
    """

    reduction: DaskReduction | None = None

    def to_local(self) -> RegularizationPath:
        """Return the plain path.

        Returns
        -------
        path : RegularizationPath
        """
        return RegularizationPath(**{field.name: getattr(self, field.name) for field in fields(RegularizationPath)})


def dask_path(
    X: Any, y: Any = None, *, where: str = "auto", features: Any = None, client: Any = None, timeout: float = 300.0,
    sample_weight: Any = None, offset: Any = None, verbose: int = 0, **settings: Any,
) -> DaskPath:
    """Minimise F(w, b) for every alpha of a grid over data on a cluster; see `regularization_path`.

    Parameters
    ----------
    X, y, sample_weight, offset
        As `DaskLasso.fit` takes them. With ``loss="logistic"`` y are labels, and the path has classes.
    where : {"auto", "reduce", "stay"}, default="auto"
        As for `DaskLasso`.
    features, client, timeout
        As for `DaskLasso`.
    verbose : int, default=0
        1 prints a line for each phase.
    **settings
        Of `regularization_path`: loss, penalty, alphas, ...

    Returns
    -------
    path : DaskPath
        The path of all rows, and its `reduction`, which says what it took. The numbers are those of
        `regularization_path`; two paths of the same parts are equal to the last bit.

    Raises
    ------
    ValueError, TypeError
        For malformed data, with the part, and parameters.
    ClusterError
        Where the cluster cannot do it; see `Cluster`.
    """
    check_choice(where, "where", WHERE)
    loss = _check_settings(settings, names_of(X, features))
    data = as_parts(X, y, sample_weight, offset, features)
    with Cluster(client, timeout) as cluster:
        reduction = begin(cluster, data, loss)
        if stays(cluster, reduction, where, loss, settings):
            outcome = fit_staying(cluster, reduction, verbose=verbose, **{**settings, "loss": loss})
        else:
            outcome = solve(cluster, reduction, partial(regularization_path, **settings), verbose)
    return DaskPath(**vars(outcome.value), reduction=outcome.reduction)


def _check_settings(settings: dict[str, Any], names: Any) -> str:
    """Check settings before any data are read; return the loss."""
    signature = inspect.signature(regularization_path)
    try:
        known = signature.bind(None, None, **settings)
    except TypeError as error:
        raise TypeError(f"dask_path: {error}") from error
    known.apply_defaults()
    given = known.arguments
    loss = make_loss(given["loss"], given["delta"])
    l1_ratio = check_l1_ratio(given["l1_ratio"])
    check_grid(given["alphas"], given["n_alphas"], given["eps"])
    check_relax(given["relax"], l1_ratio)
    make_solver_options(given["tol"], given["max_iter"], given["n_threads"], given["callback"])
    ProblemOptions(
        loss, given["penalty"], l1_ratio, given["gamma"], given["fit_intercept"], given["standardize"],
        given["positive"], given["bounds"], given["penalty_factor"], names,
    )
    return str(loss.name)

"""Memory of a fit, estimated before it begins."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsereg._core.penalties import PENALTIES
from sparsereg.design import Design
from sparsereg.inputs.sizes import check_bytes, shown_bytes
from sparsereg.reduction.reduced import Reduced
from sparsereg.reduction.scratch import mapping_of
from sparsereg.solvers.assemble import ProblemOptions
from sparsereg.solvers.forms import gram_pays

# Vectors of float64 as long as the rows that a fit holds at its most, measured: of a loss that is its own quadratic
# model, of others, whose model, its line search and its dual point come on top, and of these with pure L2.
ROW_VECTORS_QUADRATIC, ROW_VECTORS, ROW_VECTORS_L2 = 7, 15, 9
# As long as the columns: of squared loss more of them, while the largest alpha is sought, than of others. With pure L2
# none is sought; every solution, and what the path makes of it, has every column.
COLUMN_VECTORS_QUADRATIC, COLUMN_VECTORS, COLUMN_VECTORS_PER_L2_FIT = 14, 8, 3
# Squares of the columns where fits descend on a Gram matrix: it, a part of it on the way, and its factor.
GRAM_MATRICES = 3
FLOAT64 = 8


def check_memory(memory_limit: Any, X: Any, y: Any, options: ProblemOptions, n_alphas: int) -> None:
    """Refuse a path that takes more memory than is allowed, before it takes any.

    Parameters
    ----------
    memory_limit : None, int or str
    X : Reduced, Design or anything else
        What is neither has its turn when it is a `Design`.
    y : object
        Targets, of a `Design`.
    options : ProblemOptions
    n_alphas : int

    Raises
    ------
    MemoryError
        With about how much it takes.
    ValueError, TypeError
        For a limit that is none.
    """
    limit = None if memory_limit is None else check_bytes(memory_limit, "memory_limit")
    if limit is None or not isinstance(X, (Reduced, Design)):
        return
    need = path_bytes(X, options, n_alphas, _count_outputs(X, y, options.loss))
    if isinstance(X, Reduced):
        held = X.nbytes if mapping_of(X.entries.rows.indices) is None else 0
    else:
        held = sum(array.nbytes for array in (X.active, X.indptr, X.indices, X.data, X.row_of))
    if need + held > limit:
        raise MemoryError(
            f"memory_limit: this fit takes about {shown_bytes(need)} beside {shown_bytes(held)} of data in memory, "
            f"more than the {shown_bytes(limit)} allowed; expected a limit of at least {shown_bytes(need + held)}"
            f"{_other_way(X, options)}"
        )


def _other_way(X: Reduced | Design, options: ProblemOptions) -> str:
    """Say what takes less memory, of fits that it can do."""
    can_stay = options.loss.is_likelihood and PENALTIES[options.penalty].is_convex and options.l1_ratio > 0.0
    if not can_stay or not isinstance(X, Reduced) or X.has_offset:
        return ""
    return (
        "; of a reduction made by Reduced.of_blocks(..., memory_limit=), sparsereg.shards.staying_path("
        "LocalPool(reduced.slices('200 MB'), in_memory=False), ...) goes over slices of it, and takes less"
    )


def path_bytes(X: Reduced | Design, options: ProblemOptions, n_alphas: int, n_outputs: int = 1) -> int:
    """Estimate what a path allocates beside its data, to about a quarter.

    Parameters
    ----------
    X : Reduced or Design
    options : ProblemOptions
    n_alphas : int
    n_outputs : int, default=1
        Classes, of the softmax of more than two.

    Returns
    -------
    n_bytes : int
        Of compact columns, and of vectors by row and by column. Coefficients that are not zero, 24 bytes each, are
        counted for pure L2 alone.
    """
    if isinstance(X, Reduced):
        rows, n_rows, n_entries = X.entries.rows, X.n_rows, X.entries.sums.columns[0].size
        value = rows.data.itemsize if rows.data.size else 0
        n_active, nnz = rows.active.size, rows.indices.size
        is_full = False
        design = nnz * (rows.indices.itemsize + value) + FLOAT64 * n_active + rows.indices.itemsize * n_entries
    else:
        n_rows, n_active, n_entries, design = X.n_rows, X.n_active, X.n_samples, 0
        nnz, is_full = X.indices.size, X.is_dense
    n_terms = n_rows if options.loss.sums else max(n_rows, n_entries)
    is_dense = options.l1_ratio == 0.0
    of_rows = ROW_VECTORS_L2 if is_dense else ROW_VECTORS
    of_rows = ROW_VECTORS_QUADRATIC if options.loss.is_quadratic else of_rows
    is_sought = options.loss.is_quadratic and not is_dense
    of_columns = COLUMN_VECTORS_QUADRATIC if is_sought else COLUMN_VECTORS
    of_columns += COLUMN_VECTORS_PER_L2_FIT * n_alphas if is_dense else 0
    gram = 0
    if is_sought and gram_pays(n_rows, n_active, nnz, n_alphas, dense=is_full):
        gram = GRAM_MATRICES * n_active**2
    return design + FLOAT64 * (n_outputs * (of_rows * n_terms + of_columns * n_active) + gram)


def _count_outputs(X: Reduced | Design, y: Any, loss: Any) -> int:
    """Count the vectors of coefficients at one alpha."""
    if not loss.softmax:
        return 1
    n_classes = X.classes.size if isinstance(X, Reduced) and X.classes is not None else (np.shape(y) + (1, 1))[1]
    return int(n_classes) if n_classes > 2 else 1

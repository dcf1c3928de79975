"""The form of the columns that a descent on squared loss works on: sparse rows, dense columns or a Gram matrix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sparsereg._core.penalties import PENALTIES

FORMS = ("rows", "dense", "gram")
# Columns above which no Gram matrix is allocated: one of so many takes 128 MiB.
MAX_GRAM = 4096
# Passes that a fit takes, on a path or alone, and nanoseconds for a non-zero of a pass, a multiplication of BLAS, one
# of sparse cross-products and one of a pass over a Gram matrix (measured, one core of a Xeon of 2023).
PASSES = 10
ROW_PASS, DENSE_PASS, BLAS, SPARSE_PRODUCT, GRAM_PASS = 2.4, 0.6, 0.025, 2.0, 0.15
# A problem whose Gram matrix takes less than this many nanoseconds gets one: its fits then cost no Python by pass.
SMALL = 2e6

# Alphas that a cross-validation solves for, at least: few end after fewer.
FITS_AHEAD = 30

_forced: list[str] = []


def choose_form(problem: Any, penalty: str, l1_ratio: float, n_fits: int = 1) -> str:
    """Choose what fits descend on, by cost.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    penalty : str
        Registered name.
    l1_ratio : float
    n_fits : int, default=1
        Alphas to be solved for, about.

    Returns
    -------
    form : {"rows", "dense", "gram"}
        "gram": the cross-products of the columns take the place of the rows. That is for squared loss with L1 and
        perhaps L2, every column penalised, no more than 4,096 columns and half as many as rows, where the Gram matrix
        and its passes cost less than passes over the rows: n p^2 / 2 multiplications at the speed of BLAS (of sparse
        columns the pairs of entries in each row) and p^2 for a pass, beside two for a non-zero and pass; and always
        where it takes less than 2 ms. "dense": every column has an entry in every row, and is read without ids.
        "rows": neither.
    """
    if _forced:
        return _check_forced(problem, penalty, l1_ratio)
    plain = "dense" if problem.outputs[0].is_dense else "rows"
    if not takes_gram(problem, penalty, l1_ratio):
        return plain
    pays = gram_pays(problem.n_rows, problem.columns.size, problem.indices.size, n_fits, dense=plain == "dense")
    return "gram" if pays else plain


def takes_gram(problem: Any, penalty: str, l1_ratio: float) -> bool:
    """Say whether fits can descend on a Gram matrix, whatever that costs, and whether it may be allocated.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    penalty : str
    l1_ratio : float

    Returns
    -------
    takes : bool
    """
    output = problem.outputs[0]
    convex = PENALTIES[penalty].is_convex and l1_ratio > 0.0
    quadratic = problem.n_outputs == 1 and output.is_quadratic and output.reference > output.gap_rounding
    return bool(convex and quadratic and output.columns.size <= MAX_GRAM and not output.has_unpenalized)


def gram_pays(n_rows: int, n_columns: int, nnz: int, n_fits: int, *, dense: bool) -> bool:
    """Say whether a Gram matrix takes less than it saves, as `choose_form` says.

    Parameters
    ----------
    n_rows, n_columns : int
    nnz : int
        Entries of the columns.
    n_fits : int
    dense : bool
        Every column has an entry in every row.

    Returns
    -------
    pays : bool
    """
    if not 0 < 2 * n_columns <= n_rows or n_columns > MAX_GRAM:
        return False
    # Of sparse rows as if all had the same number of entries; where they do not it takes longer.
    build = BLAS * n_rows * n_columns**2 if dense else SPARSE_PRODUCT * nnz * max(nnz / n_rows, 8.0)
    saved = PASSES * n_fits * (nnz * (DENSE_PASS if dense else ROW_PASS) - GRAM_PASS * n_columns**2)
    return build < max(saved, SMALL)


@contextmanager
def forced(form: str) -> Iterator[None]:
    """Have every problem solved in one form meanwhile; for tests.

    Parameters
    ----------
    form : {"rows", "dense", "gram"}

    Raises
    ------
    ValueError
        In place of a fit that cannot have this form.
    """
    if form not in FORMS:
        raise ValueError(f"form: {form!r} is not allowed, expected one of {', '.join(FORMS)}")
    _forced.append(form)
    try:
        yield
    finally:
        _forced.pop()


def _check_forced(problem: Any, penalty: str, l1_ratio: float) -> str:
    form = _forced[-1]
    possible = {"rows": True, "dense": problem.outputs[0].is_dense, "gram": takes_gram(problem, penalty, l1_ratio)}
    if not possible[form]:
        raise ValueError(f"form: {form!r} is not possible for this problem")
    # What is dense is read as such: there are no rows to force it into.
    return "dense" if form == "rows" and problem.outputs[0].is_dense else form

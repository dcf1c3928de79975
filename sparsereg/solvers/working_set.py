"""The working-set scheme: one alpha, from a warm start, to a certified duality gap.

The scheme, once per alpha (references in the functions): check the gap; drop columns that cannot matter or that the
gap-safe sphere proves to be zero; choose a working set, by the sequential strong rule first and by priority later;
descend on it to a tolerance set by the gap that is still to go; check again. How to descend, and what the dual point
is, depends on whether the loss is its own quadratic model (coordinate_descent) or not (proximal_newton, saga).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsereg._core import cd, column_objective
from sparsereg.solvers.base import Ids, Solution, Vector
from sparsereg.solvers.certificate import DualCertificate, faint_columns
from sparsereg.solvers.dual_repair import repair
from sparsereg.solvers.support_newton import FIRST_STEPS, MAX_STEPS, step_on_support

# The working set holds the support and up to twice as many candidates, three times the support in all, and at least
# this many.
SMALL_WORKING_SET = 200
CANDIDATES_PER_SUPPORT = 2
# Sweeps before Newton's step on the support, and after it: it clips what changes sign, which is the worst moment for a
# check of the gap (measured on text: 12 and 5, 14 and 10, 6 and 4 make a path slower, by 5 to 35 %).
SWEEPS_BEFORE, SWEEPS_AFTER = 8, 6
# Where rows are dear the step, which passes over them several times, waits longer (measured on crosses: 5 to 7 %).
SWEEPS_BEFORE_DEAR = 40
# An alpha that takes as many steps as this is a hard one, and gets so many sweeps at a time: short ones would use up
# its passes (measured on texts that are all but separated, to 1e-10: a quarter of the passes).
MANY_STEPS, MAX_SWEEPS = 8, 100


def check_gap(descent: Any, keep: float | None = None) -> bool:
    """Update the duality gap, and drop the columns that it rules out; say whether to go on.

    Parameters
    ----------
    descent : object
        See Notes.
    keep : float or None, default=None
        As in `DualCertificate.screen_gap_safe`.

    Returns
    -------
    goes_on : bool

    Notes
    -----
    A descent has a `problem`, `penalty`, `state` and `options`, a `certificate`, a `gap`, the `quadratic`
    model of the loss that the kernel lowers, and these methods.

    - `begin()` brings the state into the form that descents keep; it returns the loss there.
    - `dual_points()` gives dual points to try until one meets the target, orthogonal to intercept and unpenalised
      columns, their correlations with the surviving columns in the state; and with each the largest c <= 1 that makes c
      times it feasible for the singleton columns.
    - `set_tolerance(theta)` learns from the dual point that was checked how well to solve the next descent.
    - `centered_gradient()` returns minus the derivative of the loss, orthogonal to the intercept.
    - `is_clipped` says that rows of the last dual point were held at the edge of what the slope of their loss can be.
    - `has_descended` says whether there was a descent, `n_newton` counts Newton's steps on supports.
    - `moments(columns)` returns sums and curvatures of columns under the quadratic model.
    - `recenter(theta)` makes a dual point orthogonal to intercept and unpenalised columns again; it returns it with
      what the singleton columns allow of it.
    - `jump(columns, delta, shift)` adds to coefficients and intercept, if that lowers F.
    - `move(columns, delta)` adds to coefficients, and brings state and quadratic model along.
    - `finish()` leaves the state to the next alpha; it returns whether unpenalised columns have no best coefficients.
    """
    certificate, gap = descent.certificate, descent.gap
    useful_gap = np.finfo(float).max if certificate.rows_are_cheap or gap.is_last() else gap.target
    for theta, singleton_scale in descent.dual_points():
        primal = primal_objective(descent)
        dual, scale = certificate.best_dual(theta, certificate.screened_in, singleton_scale, useful_gap)
        if primal - dual <= gap.target:
            break
    columns, repaired = certificate.screened_in, repair(descent, theta, singleton_scale, primal - dual)
    if repaired is not None:
        if repaired.dual > dual:
            theta, dual, scale = repaired.theta, repaired.dual, repaired.scale
        else:
            descent.state.Xt_neg_gradient[columns] = repaired.before
    goes_on = gap.update_gap(primal, dual)
    if goes_on:
        descent.set_tolerance(theta)
        certificate.screen_gap_safe(scale, primal - dual, keep)
    if repaired is not None:
        # What the next working set and the next alpha go by is the gradient.
        descent.state.Xt_neg_gradient[columns] = repaired.before
    if not goes_on:
        return False
    # Projected, a dual point does not show that these have something to gain, off the bound at which they are; one that
    # was clipped may be far from minus the derivative, which says what there is to gain at all.
    stale = certificate.screened_in if descent.is_clipped else certificate.one_sided
    if stale.size:
        certificate.correlate(stale, descent.centered_gradient())
    return True


def primal_objective(descent: Any) -> float:
    """Return F less the constants, given a descent as in `check_gap`."""
    return descent.quadratic.loss + descent.certificate.penalty_sum(descent.certificate.screened_in)


def sweep(descent: Any, columns: Ids, w: Vector, column_sum: Vector, curvature: Vector, tol: float) -> float:
    """Sweep over columns until none changes the quadratic model by more than the tolerance; count the passes.

    Parameters
    ----------
    descent : object
        As in `check_gap`.
    columns : ndarray of int32 of shape (n_columns,)
    w : ndarray of float64 of shape (n_columns,)
        Their coefficients; changed in place.
    column_sum, curvature : ndarray of float64 of shape (n_columns,)
        Under the weights of the quadratic model.
    tol : float
        Largest change of a scaled gradient entry.

    Returns
    -------
    shift : float
        Change of the intercept.
    """
    problem, quadratic, gap, z = descent.problem, descent.quadratic, descent.gap, descent.state.neg_gradient
    rows, moments = (z, quadratic.weight, quadratic.weight_sum), (curvature, column_sum)
    penalties = [values[columns] for values in problem.penalties]

    def run(max_sweeps: int) -> tuple[bool, float]:
        max_sweeps = min(max(descent.options.max_iter - gap.n_iter, 1), max_sweeps)
        epochs, worst, shift = cd.descend(
            *problem.matrix, columns, w, *rows, *moments, *penalties, descent.penalty, tol, max_sweeps
        )
        gap.n_iter += epochs
        return worst <= tol, shift

    before, after = SWEEPS_BEFORE if descent.certificate.rows_are_cheap else SWEEPS_BEFORE_DEAR, SWEEPS_AFTER
    if descent.n_newton >= MANY_STEPS:
        before = after = MAX_SWEEPS
    done, shift = run(before)
    left = descent.options.max_iter - gap.n_iter
    if not done and left > 0:
        max_steps = min(FIRST_STEPS * 2**descent.n_newton, MAX_STEPS, left)
        step, n_passes = step_on_support(problem, descent.penalty, columns, w, *rows, column_sum, curvature, max_steps)
        gap.n_iter += min(n_passes, left)
        descent.n_newton += 1
        shift += step + run(after)[1]
    return shift


def select_working_set(certificate: DualCertificate, is_first: bool) -> Ids:
    """Take the support and the columns most likely to join it (strong rules: Tibshirani et al. 2012, eq. 8).

    Parameters
    ----------
    certificate : DualCertificate
        Of the dual point that was checked last.
    is_first : bool
        The state is still the solution at the alpha before.

    Returns
    -------
    columns : ndarray of int32
        Ascending.
    """
    penalty, state, columns = certificate.penalty, certificate.state, certificate.screened_in
    share = 1.0 - 1e-3
    if is_first:
        ratio = state.alpha / penalty.alpha if penalty.alpha > 0.0 else np.inf
        share = max(2.0 - ratio, 0.0)
    out = np.empty_like(columns)
    n, n_support = column_objective.candidates(
        penalty, columns, state.Xt_neg_gradient, state.w, *certificate.problem.penalties, share, out
    )
    max_size = n_support + max(CANDIDATES_PER_SUPPORT * n_support, SMALL_WORKING_SET)
    return out[:n].copy() if n <= max_size else _most_likely(certificate, out[:n], max_size)


def _most_likely(certificate: DualCertificate, columns: Ids, max_size: int) -> Ids:
    """Keep the support and the columns closest to joining it, by distance of the dual constraint (celer)."""
    state = certificate.state
    priority = certificate.threshold(columns) - np.abs(state.Xt_neg_gradient[columns])
    priority /= certificate.norm[columns]
    priority[state.w[columns] != 0.0] = -np.inf
    return np.sort(columns[np.argpartition(priority, max_size)[:max_size]])


def _drop_faint(descent: Any) -> None:
    """Set to zero what rounding alone holds up, if F does not tell the difference."""
    certificate, w = descent.certificate, descent.certificate.state.w
    faint = faint_columns(certificate.problem, certificate.penalty, w)
    if faint.size == 0:
        return
    before = w[faint]
    descent.move(faint, -before)
    if not descent.gap.accept(primal_objective(descent)):
        descent.move(faint, before)


def report(descent: Any) -> Solution:
    """Report the state at the end of a run, less what rounding alone holds up, and put the singleton columns back.

    Parameters
    ----------
    descent : object
        As in `check_gap`.

    Returns
    -------
    solution : Solution
    """
    _drop_faint(descent)
    certificate, gap = descent.certificate, descent.gap
    problem, state, penalty = certificate.problem, certificate.state, certificate.penalty
    unbounded = descent.finish()
    w = state.w.copy()
    if problem.singletons is not None:
        used = state.singleton_w[problem.singletons.rows]
        nonzero = np.flatnonzero(used != 0.0)
        w[problem.singletons.columns[nonzero]] = used[nonzero]
    state.alpha = penalty.alpha
    support = (w != 0.0).nonzero()[0].astype(np.int32)
    penalty_sum = column_objective.penalty_value(penalty, support, w, problem.penalty_factor, problem.scale)
    objective = gap.primal + problem.response.constant
    return Solution.of(
        w, b=problem.intercept_outside(state.w, state.b), objective=objective, loss=objective - penalty_sum,
        dual_gap=gap.relative_gap(), n_iter=gap.n_iter, converged=gap.gap <= gap.target, unbounded=unbounded,
    )

"""Problem assembly: settings and data, checked, to the problem that solvers take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.design import Design
from sparsereg.inputs.names import bounds_by_id, values_by_id
from sparsereg.inputs.parameters import (
    MAX_PASSES,
    build,
    check_choice,
    check_count,
    check_flag,
    check_l1_ratio,
    check_number,
    check_penalty,
    check_threads,
)
from sparsereg.inputs.shares import check_shares
from sparsereg.inputs.targets import check_target
from sparsereg.inputs.weights import check_offset, check_offsets, check_sample_weight
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.column_penalties import check_sign_bounds, make_column_penalties
from sparsereg.solvers.multinomial.problem import make_multinomial_problem
from sparsereg.solvers.nonconvex.convexity import threshold_scales
from sparsereg.solvers.presolve import make_problem
from sparsereg.solvers.problem import Problem

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss
    from sparsereg._core.penalties import _Penalty

Vector = npt.NDArray[np.float64]

# Squares of numbers in between stay well within float64.
MIN_TARGET, MAX_TARGET = 1e-140, 1e140


@dataclass(frozen=True)
class ProblemOptions:
    """What defines F besides the data and alpha, checked as far as that can be without data.

    Parameters
    ----------
    loss : loss object
        As `make_loss` builds it.
    penalty, l1_ratio, gamma, fit_intercept, standardize, positive, bounds, penalty_factor
        As in `regularization_path`.
    names : ndarray of str of shape (n_features,) or None
        Of the columns, which bounds and penalty factors may be given by; ids take their place.
    """

    loss: _Loss
    penalty: str = "elastic_net"
    l1_ratio: float = 1.0
    gamma: float | None = None
    fit_intercept: bool = True
    standardize: bool = False
    positive: bool = False
    bounds: Any = None
    penalty_factor: Any = None
    names: InitVar[npt.NDArray[np.object_] | None] = None

    def __post_init__(self, names: npt.NDArray[np.object_] | None) -> None:
        """Check the settings; those that only data can tell are left to `prepare`."""
        l1_ratio = check_l1_ratio(self.l1_ratio)
        # Frozen from here on: what was checked takes the place of what was given.
        vars(self).update(
            l1_ratio=l1_ratio,
            gamma=check_penalty(self.penalty, l1_ratio, self.gamma),
            fit_intercept=check_flag(self.fit_intercept, "fit_intercept"),
            bounds=bounds_by_id(self.bounds, names),
            penalty_factor=values_by_id(self.penalty_factor, names, "penalty_factor"),
        )


def prepare(
    design: Design, y: Any, sample_weight: Any, offset: Any, options: ProblemOptions, smallest_alpha: float
) -> Problem:
    """Check a target and bring it, with the design, into the form that solvers take.

    Parameters
    ----------
    design : Design
        Made with these weights.
    y, sample_weight, offset
        As in `regularization_path`.
    options : ProblemOptions
    smallest_alpha : float
        Of the fits to come. At 0 nothing penalises singleton columns, and they are not eliminated.

    Returns
    -------
    problem : Problem or MultinomialProblem
        The latter for logistic loss and the probabilities of more than two classes.
    """
    loss, penalty = options.loss, options.penalty
    weight = check_sample_weight(sample_weight, design.n_samples)
    penalties = make_column_penalties(
        design.active, design.n_features, penalty_factor=options.penalty_factor, bounds=options.bounds,
        positive=options.positive, standardize=options.standardize,
    )
    if loss.softmax and np.ndim(y) == 2 and np.shape(y)[1] > 1:
        probabilities, weight, _ = check_shares(y, design.n_samples, weight)
        if probabilities.shape[1] > 2:
            convex = [name for name, kind in PENALTIES.items() if kind.is_convex]
            check_choice(penalty, "penalty (beyond two classes)", convex)
            offset = check_offsets(offset, *probabilities.shape)
            return make_multinomial_problem(
                design, probabilities, weight, penalties, fit_intercept=options.fit_intercept, offset=offset,
                l1_ratio=options.l1_ratio,
            )
        y = np.ascontiguousarray(probabilities[:, 1])
    offset = check_offset(offset, design.n_samples)
    target = check_target(y, design.n_samples, *loss.targets, loss.name)
    if loss.location:
        _check_magnitude(target if offset is None else target - offset)
    if not PENALTIES[penalty].is_convex:
        check_sign_bounds(penalties, design.active, penalty)
    problem = make_problem(
        design, target, weight, penalties, loss=loss, offset=offset, fit_intercept=options.fit_intercept,
        l1_ratio=options.l1_ratio, eliminate=PENALTIES[penalty].is_convex and smallest_alpha > 0.0,
    )
    if PENALTIES[penalty].gamma_min is not None:
        problem = replace(problem, threshold_scale=threshold_scales(problem))
    return problem


def _check_magnitude(target: Vector) -> None:
    """Refuse targets whose squares leave the range of float64: they would vanish or overflow in silence."""
    largest = float(np.abs(target).max())
    if largest > 0.0 and not MIN_TARGET <= largest <= MAX_TARGET:
        raise ValueError(
            f"y: the largest absolute value (less offset), {largest:g}, is outside "
            f"[{MIN_TARGET:g}, {MAX_TARGET:g}]; rescale y"
        )


def make_penalty(name: str, alpha: float, l1_ratio: float, gamma: float | None) -> _Penalty:
    """Build a penalty from its registered name.

    Parameters
    ----------
    name : str
    alpha, l1_ratio : float
    gamma : float or None
        None: the default, or none where the penalty has no gamma.

    Returns
    -------
    penalty : registered penalty
    """
    cls = PENALTIES[name]
    return build(cls, alpha=alpha, l1_ratio=l1_ratio, gamma=cls.gamma_default if gamma is None else gamma)


def make_loss(name: Any, delta: Any) -> _Loss:
    """Build a loss from its name and what parameters it has.

    Parameters
    ----------
    name : str
        One of the registered losses.
    delta : float
        Of Huber's loss, > 0; the others have no use for it.
    """
    loss = LOSSES[check_choice(name, "loss", LOSSES)]
    delta = check_number(delta, "delta", "(0, inf)")
    return build(loss, delta=delta)


def make_solver_options(tol: Any, max_iter: Any, n_threads: Any, callback: Callable[..., Any] | None) -> SolverOptions:
    """Check the stopping rules.

    Parameters
    ----------
    tol : float
        At least 0.
    max_iter : int
        At least 1.
    n_threads : int or None
        As `check_threads` reads it.
    callback : callable or None
    """
    tol = check_number(tol, "tol", "[0, inf)")
    max_iter = check_count(max_iter, "max_iter", MAX_PASSES)
    n_threads = check_threads(n_threads, "n_threads")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: {callback!r} is not callable")
    return SolverOptions(tol=tol, max_iter=max_iter, n_threads=n_threads, callback=callback)

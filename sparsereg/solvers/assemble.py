"""From data and column settings, checked, to the problem that solvers take."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES, Huber
from sparsereg.design import Design, make_design
from sparsereg.inputs.parameters import (
    MAX_PASSES,
    check_choice,
    check_count,
    check_number,
    check_penalty,
    check_threads,
)
from sparsereg.inputs.targets import check_probabilities, check_target
from sparsereg.inputs.weights import check_offset, check_offsets, check_sample_weight
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.column_penalties import check_sign_bounds, make_column_penalties
from sparsereg.solvers.multinomial.problem import make_multinomial_problem
from sparsereg.solvers.nonconvex.convexity import HAS_GAMMA, threshold_units
from sparsereg.solvers.problem import Problem, make_problem

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss

__all__ = ["make_loss", "make_multinomial_problem", "make_solver_options", "prepare"]

Vector = npt.NDArray[np.float64]

# Squares of numbers in between stay well within float64.
SMALLEST_TARGET, LARGEST_TARGET = 1e-140, 1e140

_after_fork = False


def _note_fork() -> None:
    global _after_fork
    _after_fork = True


if hasattr(os, "register_at_fork"):
    # OpenMP's threads do not survive a fork, and a child that waits for them waits for ever.
    os.register_at_fork(after_in_child=_note_fork)


def prepare(
    X: Any,
    y: Any,
    sample_weight: Any,
    offset: Any,
    *,
    loss: str = "squared",
    delta: float = 1.35,
    fit_intercept: bool,
    standardize: bool,
    positive: bool,
    bounds: Any,
    penalty_factor: Any,
    penalty: str = "elastic_net",
    gamma: float | None = None,
    l1_ratio: float,
    smallest_alpha: float,
) -> tuple[Design, Problem]:
    """Validate data and column settings and bring them into the form that solvers take.

    Parameters
    ----------
    X, y, sample_weight, offset, loss, delta, fit_intercept, standardize, positive, bounds, penalty_factor
    penalty, gamma
        As in `regularization_path`. X may also be a design already made of it with these weights.
    l1_ratio, smallest_alpha : float
        As in `make_problem`.

    Returns
    -------
    design : Design
    problem : Problem or MultinomialProblem
        The latter for logistic loss and the shares of more than two classes.
    """
    objective = make_loss(loss, delta)
    check_penalty(penalty, l1_ratio, gamma)
    design = X if isinstance(X, Design) else make_design(X, sample_weight)
    weight = check_sample_weight(sample_weight, design.n_samples)
    penalties = make_column_penalties(
        design.active, design.n_features, penalty_factor=penalty_factor, bounds=bounds, positive=positive,
        standardize=standardize,
    )
    if objective.softmax and np.ndim(y) == 2 and np.shape(y)[1] > 1:
        shares = check_probabilities(y, design.n_samples, weight)
        if shares.shape[1] > 2:
            check_choice(penalty, "penalty (beyond two classes)", ("elastic_net",))
            offset = check_offsets(offset, *shares.shape)
            return design, make_multinomial_problem(
                design, shares, weight, penalties, fit_intercept=fit_intercept, offset=offset, l1_ratio=l1_ratio
            )
        y = shares[:, 1]
    offset = check_offset(offset, design.n_samples)
    target = check_target(y, design.n_samples, *objective.targets, loss)
    if objective.location:
        _check_magnitude(target if offset is None else target - offset)
    convex = penalty == "elastic_net"
    if not convex:
        check_sign_bounds(penalties, design.active, penalty)
    problem = make_problem(
        design, target, weight, penalties, loss=objective, offset=offset, fit_intercept=fit_intercept,
        l1_ratio=l1_ratio,
        smallest_alpha=smallest_alpha, eliminate=convex,
    )
    if penalty in HAS_GAMMA:
        problem = replace(problem, unit=threshold_units(problem))
    return design, problem


def _check_magnitude(target: Vector) -> None:
    """Refuse targets whose squares leave the range of float64: they would vanish or overflow in silence."""
    largest = float(np.abs(target).max())
    if largest > 0.0 and not SMALLEST_TARGET <= largest <= LARGEST_TARGET:
        raise ValueError(
            f"y: the largest absolute value (less offset), {largest:g}, is outside "
            f"[{SMALLEST_TARGET:g}, {LARGEST_TARGET:g}]; rescale y"
        )


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
    delta = check_number(delta, "delta", 0.0, np.inf, "(0, inf)", lower_open=True, upper_open=True)
    return loss(delta) if loss is Huber else loss()


def make_solver_options(tol: Any, max_iter: Any, n_threads: Any, callback: Callable[..., Any] | None) -> SolverOptions:
    """Check the stopping rules.

    Parameters
    ----------
    tol : float
        At least 0.
    max_iter : int
        At least 1.
    n_threads : int or None
        As `check_threads` reads it. A forked child process uses 1, whatever is asked for.
    callback : callable or None
    """
    tol = check_number(tol, "tol", 0.0, np.inf, "[0, inf)", upper_open=True)
    max_iter = check_count(max_iter, "max_iter", MAX_PASSES)
    n_threads = check_threads(n_threads, "n_threads")
    if _after_fork:
        n_threads = 1
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: {callback!r} is not callable")
    return SolverOptions(tol=tol, max_iter=max_iter, n_threads=n_threads, callback=callback)

"""From data and column settings, checked, to the problem that solvers take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._parameters import check_choice, check_penalty, check_signs, make_loss, make_rules
from sparsereg._validation import check_offset, check_offsets, check_sample_weight, check_shares, check_target
from sparsereg.design import Design, make_design
from sparsereg.solvers.concavity import HAS_GAMMA, threshold_units
from sparsereg.solvers.multinomial_problem import MultinomialProblem, make_multinomial_problem
from sparsereg.solvers.problem import Problem, make_problem

__all__ = ["prepare"]

Vector = npt.NDArray[np.float64]

# Squares of numbers in between stay well within float64.
SMALLEST_TARGET, LARGEST_TARGET = 1e-140, 1e140


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
) -> tuple[Design, Problem | MultinomialProblem]:
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
    rules = make_rules(
        design.active, design.n_features, penalty_factor=penalty_factor, bounds=bounds, positive=positive,
        standardize=standardize,
    )
    if objective.softmax and np.ndim(y) == 2 and np.shape(y)[1] > 1:
        shares = check_shares(y, design.n_samples, weight)
        if shares.shape[1] > 2:
            check_choice(penalty, "penalty (beyond two classes)", ("elastic_net",))
            offset = check_offsets(offset, *shares.shape)
            return design, make_multinomial_problem(
                design, shares, weight, rules, fit_intercept=fit_intercept, offset=offset, l1_ratio=l1_ratio
            )
        y = shares[:, 1]
    offset = check_offset(offset, design.n_samples)
    target = check_target(y, design.n_samples, *objective.targets, loss)
    if objective.location:
        _check_magnitude(target if offset is None else target - offset)
    convex = penalty == "elastic_net"
    if not convex:
        check_signs(rules, design.active, penalty)
    problem = make_problem(
        design, target, weight, rules, loss=objective, offset=offset, fit_intercept=fit_intercept, l1_ratio=l1_ratio,
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

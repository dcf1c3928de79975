"""The data of the softmax objective: one problem a class, all on the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import Logistic
from sparsereg.design import Design
from sparsereg.solvers.base import State
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.multinomial import softmax
from sparsereg.solvers.presolve import make_problem
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.response import make_response

Vector = npt.NDArray[np.float64]

# Intercepts of the null model are found to this step: the grid hangs on it.
PRECISION = 1e-13


@dataclass(frozen=True)
class MultinomialProblem:
    """The data of F(W, b) = sum_i s_i (log sum_k exp(t_ki) - sum_k y_ki t_ki) + penalty of every class.

    In the coefficients of class k alone F is logistic, with target y_k and offset -log sum_{l != k} exp(t_l), but for a
    constant.

    Attributes
    ----------
    outputs : tuple of Problem
        Class k against the others; the offset is written anew before each use.
    s : ndarray of float64 of shape (n_terms,)
        Weights of the terms.
    y : ndarray of float64 of shape (n_classes, n_terms)
        Probability of each class.
    offset : ndarray of float64 of shape (n_classes, n_terms) or None
    row : ndarray of int64 of shape (n_terms,) or None
        Row of each term; None where every row has one.
    null_intercepts : ndarray of float64 of shape (n_classes,)
    reference : float
        What gaps are relative to: the objective of the null model.
    """

    outputs: tuple[Problem, ...]
    s: Vector
    y: Vector
    offset: Vector | None
    row: npt.NDArray[np.int64] | None
    null_intercepts: Vector
    reference: float

    @property
    def fit_intercept(self) -> bool:
        """Whether each class has an intercept."""
        return self.outputs[0].fit_intercept

    @cached_property
    def min_loss(self) -> float:
        """What no linear predictor betters: the dual objective at 0, a bound that needs no certificate."""
        return -softmax.entropy(self.s, self.y)

    @property
    def gap_rounding(self) -> float:
        """Gap that rounding alone may leave."""
        return self.outputs[0].gap_rounding

    def to_terms(self, eta: Vector, k: int | slice = slice(None)) -> Vector:
        """Bring linear predictors from rows to terms, and add the offsets.

        Parameters
        ----------
        eta : ndarray of float64 of shape (n_classes, n_rows) or (n_rows,)
        k : int or slice, default=slice(None)
            The class, or all of them.

        Returns
        -------
        predictor : ndarray of float64 of shape (n_classes, n_terms) or (n_terms,)
        """
        t = self.spread(eta)
        return t if self.offset is None else t + self.offset[k]

    def spread(self, by_row: Vector) -> Vector:
        """Give every term what its row has, along the last axis."""
        return by_row if self.row is None else by_row[..., self.row]

    def to_rows(self, neg_gradient: Vector) -> Vector:
        """Sum up terms by row.

        Parameters
        ----------
        neg_gradient : ndarray of float64 of shape (n_classes, n_terms)

        Returns
        -------
        neg_gradient : ndarray of float64 of shape (n_classes, n_rows)
        """
        if self.row is None:
            return neg_gradient
        return np.add.reduceat(neg_gradient, self.outputs[0].response.first[:-1], axis=1)

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.outputs)

    def restrict(self, columns: npt.NDArray[np.int32]) -> MultinomialProblem:
        """Return a problem that has no columns but those given."""
        return replace(self, outputs=tuple(output.restrict(columns) for output in self.outputs))

    def joined(self, states: Sequence[State], losses: Sequence[float]) -> tuple[MultinomialState, float]:
        """Return the state of all classes, and the loss there: that of classes by themselves says nothing."""
        state = MultinomialState(list(states))
        return state, self.refresh(state)

    def refresh(self, state: MultinomialState) -> float:
        """Bring minus the derivative of the loss of every class up to date; return the loss."""
        t = self.to_terms(state.eta)
        p, log_sum = softmax.softmax(t)
        for output, neg_gradient in zip(state.outputs, self.to_rows(self.s * (self.y - p))):
            output.neg_gradient = np.ascontiguousarray(neg_gradient)
        return softmax.loss(self.y, self.s, t, log_sum)


@dataclass
class MultinomialState:
    """State of the descent: that of every class, and what the next alpha starts from.

    Attributes
    ----------
    outputs : list of State
        That of every class.
    alpha : float
        The strength that this state solves; infinite for the null model.
    """

    outputs: list[State]
    alpha: float = np.inf

    @property
    def eta(self) -> Vector:
        """Linear predictors, of shape (n_classes, n_rows); a copy."""
        return np.stack([state.eta for state in self.outputs])

    @property
    def n_nonzero(self) -> int:
        """Number of coefficients that are not zero, of all classes."""
        return sum(state.n_nonzero for state in self.outputs)


def make_multinomial_problem(
    design: Design, y: Vector, sample_weight: Vector | None, penalties: ColumnPenalties, *, fit_intercept: bool,
    offset: Vector | None = None, l1_ratio: float = 1.0,
) -> MultinomialProblem:
    """Bring probabilities of classes, weights and penalties to the rows and columns of a design.

    Parameters
    ----------
    design : Design
    y : ndarray of float64 of shape (n_samples, n_classes)
        Probability of each class; rows sum to one.
    sample_weight : ndarray of float64 of shape (n_samples,) or None
    penalties : ColumnPenalties
    fit_intercept : bool
    offset : ndarray of float64 of shape (n_samples, n_classes) or None, default=None
    l1_ratio : float, default=1.0
        As in `make_problem`.

    Returns
    -------
    problem : MultinomialProblem

    Raises
    ------
    ValueError
        Where a class has no share in any row, so that no finite intercept is best.
    """
    probabilities = np.ascontiguousarray(y.T)
    offsets = [None] * len(probabilities) if offset is None else np.ascontiguousarray(offset.T)
    loss = Logistic()
    first = make_problem(
        design, probabilities[0], sample_weight, penalties, fit_intercept=fit_intercept, loss=loss, offset=offsets[0],
        l1_ratio=l1_ratio, eliminate=False,
    )
    responses = [first.response] + [
        make_response(design, loss, of_class, sample_weight, its_offset, fit_intercept)
        for of_class, its_offset in zip(probabilities[1:], offsets[1:])
    ]
    y, s = np.stack([response.y for response in responses]), first.response.s
    offset = None if offset is None else np.stack([response.offset for response in responses])
    rows = None if first.response.first.size == 0 else np.repeat(np.arange(first.n_rows), np.diff(first.response.first))
    t = np.zeros(y.shape) if offset is None else offset
    b = softmax.balance(y, s, t, PRECISION) if fit_intercept else np.zeros(len(y))
    t = t + b[:, None]
    objective = softmax.loss(y, s, t, softmax.softmax(t)[1])
    outputs = tuple(
        replace(first, response=replace(response, offset=np.zeros(s.size), null_objective=objective))
        for response in responses
    )
    return MultinomialProblem(outputs, s, y, offset, rows, b, objective)

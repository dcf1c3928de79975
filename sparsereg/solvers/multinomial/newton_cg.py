"""Newton's step of the softmax objective on chosen columns of every class at once, by conjugate gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sparsereg.solvers.base import Ids, Vector, inner
from sparsereg.solvers.multinomial import softmax
from sparsereg.solvers.multinomial.problem import MultinomialProblem

# A scaled gradient is zero but for rounding at this share of the root of the null objective.
ROUNDING = 1e-13


class JointQuadratic:
    """The quadratic model of the loss in some columns of each class, intercepts eliminated.

    Parameters
    ----------
    problem : MultinomialProblem
    columns : sequence of ndarray of int32
        Those of each class.
    p : ndarray of float64 of shape (n_classes, n_terms)
        Probabilities where the model is taken.
    """

    def __init__(self, problem: MultinomialProblem, columns: Sequence[Ids], p: Vector):
        self.problem, self.p, self.columns = problem, p, columns
        self.matrices = [problem.outputs[0].submatrix(chosen) for chosen in columns]
        self.ends = np.cumsum([chosen.size for chosen in columns])

    def solve(
        self, gradient: Sequence[Vector], ridge: Sequence[Vector], tol: float, max_iter: int
    ) -> tuple[list[Vector], Vector, float]:
        """Minimise the model plus ridge / 2 delta^2, from a point with balanced intercepts.

        Parameters
        ----------
        gradient : sequence of ndarray of float64
            Minus the gradient in the columns of each class.
        ridge : sequence of ndarray of float64
        tol : float
            Share of the gradient that may be left.
        max_iter : int
            Iterations; each costs two passes over the columns.

        Returns
        -------
        delta : list of ndarray of float64
            Change of the coefficients of each class.
        change : ndarray of float64 of shape (n_classes, n_rows)
            Change of the linear predictors.
        gain : float
            What the step lowers the quadratic model by.
        """
        # Imported late: it takes longer than all other imports together, and most fits do without.
        from scipy.sparse.linalg import LinearOperator, cg

        gradients, ridges = np.concatenate(list(gradient)), np.concatenate(list(ridge))
        diagonal = self._diagonal() + ridges
        # What no row and no penalty holds stays where it is.
        size = np.where(diagonal > 0.0, np.sqrt(diagonal), np.inf)

        def apply(scaled: Vector) -> Vector:
            delta = np.ravel(scaled) / size
            change = self._forward(delta)
            weighted = self.problem.s * softmax.jacobian_product(self.p, change + self._shift(change)[:, None])
            return (np.concatenate(self.correlate(weighted)) + ridges * delta) / size

        operator = LinearOperator((gradients.size, gradients.size), matvec=apply, dtype=np.float64)
        # Along the shift of all classes there is only rounding to follow.
        min_residual = ROUNDING * np.sqrt(self.problem.reference)
        delta = cg(operator, gradients / size, rtol=tol, atol=min_residual, maxiter=max_iter)[0] / size
        per_class = np.split(delta, self.ends[:-1])
        change = np.stack([matrix @ part for matrix, part in zip(self.matrices, per_class)])
        shift = self._shift(self.problem.spread(change))
        return per_class, change + shift[:, None], 0.5 * inner(gradients, delta)

    def correlate(self, z: Vector) -> list[Vector]:
        """Correlate the columns of each class with a vector.

        Parameters
        ----------
        z : ndarray of float64 of shape (n_classes, n_terms)

        Returns
        -------
        products : list of ndarray of float64
        """
        return [matrix.T @ row for matrix, row in zip(self.matrices, self.problem.to_rows(z))]

    def project(self, z: Vector, allowed: float, rounds: int) -> tuple[Vector, Vector, float]:
        """Make a dual point orthogonal to the columns of each class.

        Parameters
        ----------
        z : ndarray of float64 of shape (n_classes, n_terms)
            Minus the derivative of the loss, orthogonal to the intercepts.
        allowed : float
            End where another round would gain less than this.
        rounds : int

        Returns
        -------
        theta : ndarray of float64 of shape (n_classes, n_terms)
        change : ndarray of float64 of shape (n_classes, n_rows)
            Of the linear predictors, in the step that minimises the model; of mean zero over the classes.
        slack : float
            What the last round gained.
        """
        problem, gain = self.problem, 0.0
        change = np.zeros((len(self.p), problem.outputs[0].n_rows))
        nothing = [np.zeros(chosen.size) for chosen in self.columns]
        for _ in range(rounds if self.ends[-1] else 0):
            _, step, gain = self.solve(self.correlate(z), nothing, 1e-12, 10 * int(self.ends[-1]) + 100)
            z = z - problem.s * softmax.jacobian_product(self.p, problem.spread(step))
            change, gain = change + step, abs(gain)
            if gain <= allowed:
                break
        return z, change - change.mean(axis=0), gain

    def _forward(self, delta: Vector) -> Vector:
        """Change of the arguments of the softmax, without that of the intercepts."""
        parts = np.split(delta, self.ends[:-1])
        return self.problem.spread(np.stack([matrix @ part for matrix, part in zip(self.matrices, parts)]))

    def _shift(self, change: Vector) -> Vector:
        """Best change of the intercepts beside a change of the arguments."""
        if not self.problem.fit_intercept:
            return np.zeros(len(self.p))
        return softmax.best_shift(self.p, self.problem.s, -self.problem.s * softmax.jacobian_product(self.p, change))

    def _diagonal(self) -> Vector:
        """Curvature of each column, its class alone, the intercept adjusted where there is one."""
        problem, out = self.problem, []
        weights = problem.to_rows(problem.s * self.p * (1.0 - self.p))
        for columns, weight, of_class in zip(self.columns, weights, problem.outputs):
            out.append(of_class.moments(columns, np.ascontiguousarray(weight))[1])
        return np.concatenate(out)

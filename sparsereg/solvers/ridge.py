"""Ridge: a direct solution where that is little work, else conjugate gradients beside closed-form singleton columns."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent, quasi_newton, ridge_direct, ridge_gram
from sparsereg.solvers.base import Progress, Solution, SolverOptions, State, Vector, inner
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.threaded_passes import correlate
from sparsereg.solvers.unpenalized import UnpenalizedBlock
from sparsereg.solvers.weighted_gram import method_of


def solve(problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution:
    """Minimise F with l1_ratio = 0 at one alpha from a warm start.

    With scaled unknowns sqrt(ridge_j) w_j the gradient's squared norm is twice the duality gap, so the gap is what
    conjugate gradients stop on. Where the columns or the rows are few they start from the solution. Bounds and
    unpenalised columns go to coordinate descent.

    At alpha = 0, without bounds, the solution is the limit as alpha goes to 0: of all coefficients that fit best those
    with the least `sum_j p_j (scale_j w_j)^2`, from wherever the path comes.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
        Warm start; holds the solution on return.
    options : SolverOptions

    Returns
    -------
    solution : Solution
    """
    if problem.reference <= problem.gap_rounding:
        return coordinate_descent.solve(problem, penalty, state, options)
    factors = _factors_of(problem, state)
    if not problem.loss.is_quadratic:
        return _solve_smooth(factors, penalty, state, options)
    if factors.bounded:
        return coordinate_descent.solve(problem, penalty, state, options)
    if penalty.alpha > 0.0 and factors.gram is not None:
        solution = factors.gram.solve(penalty, state, options)
        if solution is not None:
            return solution
    exact = None
    if factors.turned is not None:
        exact = factors.turned.solve(penalty.alpha)
    elif penalty.alpha == 0.0:
        exact = _shortest(problem)
    if exact is not None:
        _move_to(problem, state, exact)
    if penalty.alpha == 0.0 or problem.has_unpenalized:
        return coordinate_descent.solve(problem, penalty, state, options)
    return NormalEquations(problem, penalty, state, options, exact).solve()


class Factors:
    """What a problem with L2 alone is solved with at every alpha, made when it is first asked for.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        self.bounded = bool(np.isfinite(problem.lower).any() or np.isfinite(problem.upper).any())

    @cached_property
    def smooth(self) -> quasi_newton.FewColumns | None:
        """For a loss that is not quadratic."""
        return None if self.bounded else method_of(self.problem, quasi_newton.FewColumns, quasi_newton.FewRows)

    @cached_property
    def gram(self) -> ridge_gram.GramRidge | None:
        """For squared loss."""
        return None if self.bounded else method_of(self.problem, ridge_gram.FewColumns, ridge_gram.FewRows)

    @cached_property
    def turned(self) -> ridge_direct.FewColumns | ridge_direct.FewRows | None:
        """The same with more digits, for fewer columns or rows."""
        return ridge_direct.factorize(self.problem)


def _factors_of(problem: Problem, state: State) -> Factors:
    if state.factors is None or state.factors.problem is not problem:
        state.factors = Factors(problem)
    return state.factors


def goes_at_once(problem: Problem, state: State) -> bool:
    """Say whether a solution is as near from any other as from one at the next alpha.

    Parameters
    ----------
    problem : Problem
    state : State

    Returns
    -------
    at_once : bool
        By equations of few columns or rows; False where descent has to go all the way.
    """
    factors = _factors_of(problem, state)
    return (factors.gram if problem.loss.is_quadratic else factors.smooth) is not None


def _solve_smooth(factors: Factors, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution:
    """Minimise a loss that is not quadratic: by quasi-Newton steps, and by coordinate descent where these do not do."""
    problem, method, used = factors.problem, factors.smooth, 0
    if method is not None and penalty.alpha > 0.0:
        found = method.solve(penalty, state, options)
        if isinstance(found, Solution):
            return found
        used = found
    solution = coordinate_descent.solve(problem, penalty, state, replace(options, max_iter=options.max_iter - used))
    return replace(solution, n_iter=used + solution.n_iter)


def _move_to(problem: Problem, state: State, exact: ridge_direct.Direct) -> None:
    """Bring a point to coefficients, singletons aside, and to the intercept that is best beside them."""
    state.w[exact.columns] = exact.w
    if problem.singletons is not None:
        state.w[problem.singletons.columns] = 0.0
    state.b = 0.0
    if problem.fit_intercept:
        residual = problem.response.y - problem.predictor(state.w, 0.0)
        state.b = float(np.sum(problem.response.weight * residual)) / problem.weight_sum
    state.Xt_is_current = None


def _shortest(problem: Problem) -> ridge_direct.Direct:
    """Find the shortest of the coefficients that fit best, in the units of the penalty, as far as LSMR gets."""
    columns = problem.columns
    unit = np.sqrt(problem.penalty_factor[columns]) * problem.scale[columns]
    block = UnpenalizedBlock(problem, columns, np.where(unit > 0.0, unit, np.sqrt(problem.curvature[columns])))
    weight, weight_sum = problem.response.weight, problem.weight_sum if problem.fit_intercept else 0.0
    return ridge_direct.Direct(columns, block.solve(weight * problem.response.y, weight, weight_sum)[0])


class NormalEquations:
    """The normal equations in scaled unknowns, singleton columns and intercept eliminated."""

    def __init__(
        self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions,
        exact: ridge_direct.Direct | None
    ):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        self.exact = exact
        self.columns = problem.columns
        self.root = np.sqrt(penalty.alpha * problem.penalty_factor[self.columns]) * problem.scale[self.columns]
        self.weight, self.ridge = self._eliminate()
        self.weight_sum = float(self.weight.sum())
        self.diagonal = 1.0 + problem.moments(self.columns, self.weight)[1] / self.root**2
        self.n_iter = 0
        self._v = np.zeros(problem.indptr.size - 1)

    def _eliminate(self) -> tuple[Vector, Vector]:
        """Weights of the rows once their singleton columns are gone: min_u s/2 (r - x u)^2 + ridge/2 u^2."""
        problem, singletons = self.problem, self.problem.singletons
        if singletons is None:
            return np.array(np.broadcast_to(problem.response.weight, (problem.n_rows,))), np.ones(problem.n_rows)
        ridge = self.penalty.alpha * singletons.penalty_factor * singletons.scale**2
        return problem.response.s * ridge / (ridge + problem.response.s * singletons.x**2), ridge

    def _center(self, residual: Vector) -> tuple[Vector, float]:
        """Take the weighted mean off a residual where there is an intercept; return it too."""
        if not self.problem.fit_intercept:
            return residual, 0.0
        mean = inner(self.weight, residual) / self.weight_sum
        return residual - mean, mean

    def _forward(self, scaled: Vector) -> Vector:
        return self.problem.product(self.columns, scaled / self.root)

    def _backward(self, z: Vector) -> Vector:
        correlate(self.problem.matrix, self.columns, z, self._v, self.options.n_threads)
        return self._v[self.columns] / self.root

    def _apply(self, scaled: Vector) -> Vector:
        change, _ = self._center(self._forward(scaled))
        return self._backward(self.weight * change) + scaled

    def solve(self) -> Solution:
        """Run conjugate gradients until the certified gap is small enough."""
        # Imported late: it takes longer than all other imports together, and most fits do without.
        from scipy.sparse.linalg import LinearOperator, cg

        problem, state = self.problem, self.state
        target = self.options.tol * problem.reference + problem.gap_rounding
        scaled = state.w[self.columns] * self.root
        size = scaled.size
        operator = LinearOperator((size, size), matvec=self._apply, dtype=np.float64)
        preconditioner = LinearOperator((size, size), matvec=lambda r: r / self.diagonal, dtype=np.float64)
        last = np.inf
        while True:
            residual, shift = self._center(problem.response.y - self._forward(scaled))
            gradient = self._backward(self.weight * residual) - scaled
            gap = 0.5 * inner(gradient, gradient)
            if self.exact is not None:
                # Columns of other scales than their penalties' leave rounding that the bound takes for a gradient.
                gap = min(gap, self.exact.gain(self.columns, gradient * self.root))
            self.n_iter += 1
            self._report(gap, scaled, residual)
            # CG's own residual drifts from the true one; restarts repair that until rounding is reached.
            if gap <= target or self.n_iter >= self.options.max_iter or gap > 0.5 * last or size == 0:
                break
            last = gap
            step, _ = cg(
                operator, gradient, rtol=0.0, atol=0.9 * np.sqrt(2.0 * target), M=preconditioner,
                maxiter=self.options.max_iter - self.n_iter, callback=self._count,
            )
            scaled = scaled + step
        return self._finish(scaled, residual, shift, gap, target)

    def _count(self, _: Vector) -> None:
        self.n_iter += 1

    def _singleton_w(self, residual: Vector) -> Vector:
        singletons, s = self.problem.singletons, self.problem.response.s
        return s * singletons.x * residual / (s * singletons.x**2 + self.ridge)

    def _report(self, gap: float, scaled: Vector, residual: Vector) -> None:
        if self.options.callback is not None:
            n_nonzero = int(np.count_nonzero(scaled))
            if self.problem.singletons is not None:
                n_nonzero += int(np.count_nonzero(self._singleton_w(residual)[self.problem.singletons.rows]))
            self.options.callback(Progress(self.penalty.alpha, self.n_iter, gap / self.problem.reference, n_nonzero))

    def _finish(self, scaled: Vector, residual: Vector, shift: float, gap: float, target: float) -> Solution:
        problem, state, singletons = self.problem, self.state, self.problem.singletons
        state.w[self.columns] = scaled / self.root
        state.b, state.alpha = shift, self.penalty.alpha
        w = state.w.copy()
        squares = 0.5 * inner(scaled, scaled)
        if singletons is not None:
            u = self._singleton_w(residual)
            w[singletons.columns] = u[singletons.rows]
            squares += 0.5 * float(np.sum((self.ridge * u**2)[singletons.rows]))
            residual = residual - singletons.x * u
            state.predictor = problem.response.y - residual
            state.eta, state.singleton_w = state.predictor - singletons.x * u, u
        state.neg_gradient[:] = problem.response.s * residual
        state.Xt_is_current = None
        loss = 0.5 * inner(problem.response.s, residual**2) + problem.response.constant
        return Solution.of(
            w, b=problem.intercept_outside(state.w, shift), objective=loss + squares, loss=loss,
            dual_gap=gap / problem.reference if problem.reference > problem.gap_rounding else 0.0,
            n_iter=self.n_iter, converged=gap <= target,
        )

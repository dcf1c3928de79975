"""Fits at one alpha: the settings that estimators share, and the way from data to a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import PENALTIES
from sparsereg.design import Design, make_design
from sparsereg.estimators.base import SparseLinearModel
from sparsereg.inputs.names import rules_by_id
from sparsereg.inputs.parameters import check_alpha, check_choice, check_flag, check_l1_ratio, check_penalty
from sparsereg.inputs.sklearn import check_feature_names, feature_names
from sparsereg.inputs.targets import flatten
from sparsereg.inputs.weights import check_offsets, is_offset
from sparsereg.path.solve import solve_grid
from sparsereg.solvers.assemble import make_solver_options, prepare
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import warn_blurred
from sparsereg.solvers.null_model import null_state, state_at
from sparsereg.solvers.problem import Problem

__all__ = ["COMMON_ATTRIBUTES", "COMMON_PARAMETERS", "GLMEstimator", "Settings"]

Vector = npt.NDArray[np.float64]

COMMON_PARAMETERS = """
    fit_intercept : bool, default=True
        The intercept is never penalised.
    standardize : bool, default=False
        Penalise sd_j w_j in place of w_j; coefficients stay on the scale of X. A constant column, of no use beside an
        intercept, is left out; without one it pays nothing, as its sd_j is 0.
    positive : bool, default=False
        Keep every coefficient at 0 or above.
    bounds : None or pair (lower, upper), default=None
        Each None, a number, an array of length n_features, or a mapping from column id, or from column name where X is
        a data frame; lower <= 0 <= upper.
    penalty_factor : None, number, array-like of shape (n_features,) or mapping from column id or name, default=None
        p_j; 0 leaves a column unpenalised, inf excludes it. Not rescaled.
    penalty : {"elastic_net", "mcp", "scad", "l0"}, default="elastic_net"
        What stands in the place of |w_j|. "mcp" and "scad" level off, "l0" counts; these are not convex, and the fit is
        a minimum along each coordinate. See `regularization_path`. Where l1_ratio can be set, scikit-learn's words will
        do: "elasticnet", and "l1" and "l2" for l1_ratio 1 and 0, which must then be left at its default.
    gamma : float or None, default=None
        Where MCP (> 1) and SCAD (> 2) level off, in thresholds of the column, alpha l1_ratio p_j / c_j with c_j its
        curvature; None: 3 and 3.7. See `regularization_path`.
    max_iter : int, default=10_000
        Passes after which to stop, with a ConvergenceWarning.
    tol : float, default=1e-6
        Duality gap to reach, relative to F of the model with intercept only; violation to reach where the penalty is
        not convex.
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
    n_threads : int or None, default=None
        Threads for passes over all columns; None is 1, -1 all, -2 all but one. Results are the same for any number.
    verbose : int, default=0
        1 prints a line when the fit is done.
    callback : callable or None, default=None
        Called with a `sparsereg.Progress` after every look at the duality gap; whatever it raises ends the fit and
        leaves the estimator as it was.
"""

COMMON_ATTRIBUTES = """
    dual_gap_ : float
        Certified distance of the objective from its minimum, relative to F of the model with intercept only. NaN where
        the penalty is not convex.
    violation_ : float
        The most by which minimising over one coefficient alone would move its gradient, relative to the largest
        gradient entry of the model with intercept only. NaN where the duality gap says more.
    objective_ : float
        F(w, b).
    n_iter_ : int
        Passes over the working set plus passes over all columns.
    n_active_ : int
        Columns of X with a non-zero in some row of positive weight.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only after a fit on a data frame with string column names.
"""


@dataclass(frozen=True)
class Settings:
    """Checked settings of a fit.

    Attributes
    ----------
    alpha, l1_ratio : float
    warm : bool
        Start from the last fit.
    options : SolverOptions
    problem : dict
        What `prepare` takes besides data and strength.
    grid : dict
        What `solve_grid` takes besides the problem and its strength.
    """

    alpha: float
    l1_ratio: float
    warm: bool
    options: SolverOptions
    problem: dict[str, Any]
    grid: dict[str, Any]


class GLMEstimator(SparseLinearModel):
    """Settings of a fit at one alpha, and the fit; each estimator says which loss and l1_ratio it stands for."""

    _penalties: Sequence[str] = tuple(PENALTIES)

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        bounds: Any = None,
        penalty_factor: Any = None,
        penalty: str = "elastic_net",
        gamma: float | None = None,
        max_iter: int = 10_000,
        tol: float = 1e-6,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: int = 0,
        callback: Callable[..., Any] | None = None,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor
        self.penalty = penalty
        self.gamma = gamma
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.verbose = verbose
        self.callback = callback

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Any:
        """Minimise F(w, b); see `regularization_path` for its definition.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
            int32 or int64 ids; never changed.
        y : array-like of shape (n_samples,)
        sample_weight : None, float or array-like of shape (n_samples,)
        offset : None, float or array-like of shape (n_samples,)
            Known part of the linear predictor. `predict` and `score` then need one too.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data or parameters; a previous fit stays as it was.
        """
        names = feature_names(X)  # refuses mixed names before any work
        settings = self._settings(names)
        design = make_design(X, sample_weight)
        outputs, weight, classes = self._encode(y, sample_weight, design.n_samples)
        n_predictors = 1 if classes is None or classes.size == 2 else classes.size
        offset = check_offsets(offset, design.n_samples, n_predictors if n_predictors > 1 else None)
        last = self._last_fit(design, n_predictors) if settings.warm else None
        solutions = []
        for k, target in enumerate(outputs):
            # The target of one predictor, or of all at once.
            mine = k if np.ndim(target) == 1 else slice(None)
            start = None if last is None else (last[0][mine], last[1][mine])
            own = offset if n_predictors == 1 or offset is None else offset[:, mine]
            _, problem = prepare(
                design, target, weight, own, l1_ratio=settings.l1_ratio, smallest_alpha=settings.alpha,
                **settings.problem,
            )
            if k == 0:
                # Columns and weights are the same for every output.
                warn_blurred(design.active[problem.blurred])
            solutions.append(self._solve(problem, start, settings))
        # Nothing is set before everything has succeeded.
        check_feature_names(self, X, reset=True)
        self._set_solutions(solutions, design)
        self._has_offset = is_offset(offset)
        if classes is not None:
            self.classes_ = classes
        return self

    def _solve(self, problem: Problem, start: tuple[Any, Any] | None, settings: Settings) -> Solution:
        """Fit an output from given coefficients and intercepts, or from none."""
        alpha, l1_ratio, options = settings.alpha, settings.l1_ratio, settings.options
        if start is None:
            state = null_state(problem, options)
        else:
            state = state_at(problem, *start, alpha, options)
        return solve_grid(problem, state, np.array([alpha]), l1_ratio, options, **settings.grid)[0]

    def _settings(self, names: npt.NDArray[np.object_] | None) -> Settings:
        """Check what can be checked without data but for the names of its columns."""
        spelled = self._spelled_penalty()
        l1_ratio = check_l1_ratio(spelled["l1_ratio"])
        penalty = {"penalty": check_choice(spelled["penalty"], "penalty", self._penalties)}
        penalty["gamma"] = check_penalty(penalty["penalty"], l1_ratio, self.gamma)
        return Settings(
            alpha=check_alpha(self.alpha),
            l1_ratio=l1_ratio,
            warm=check_flag(self.warm_start, "warm_start"),
            options=make_solver_options(self.tol, self.max_iter, self.n_threads, self.callback),
            problem={
                "loss": self._loss,
                "fit_intercept": check_flag(self.fit_intercept, "fit_intercept"),
                "standardize": self.standardize,
                "positive": self.positive,
                **rules_by_id(self.penalty_factor, self.bounds, names),
                **penalty,
            },
            grid={"verbose": self.verbose, **penalty},
        )

    def _encode(
        self, y: Any, sample_weight: Any, n_samples: int
    ) -> tuple[Sequence[Any], Any, npt.NDArray[Any] | None]:
        """Return the target of each output, the weights of the samples, and the classes if there are any.

        A target is that of one linear predictor, of shape (n_samples,), or of all together.
        """
        return (flatten(y, stacklevel=4),), sample_weight, None

    def _last_fit(self, design: Design, n_predictors: int) -> tuple[Vector, Vector] | None:
        """Return coefficients and intercepts of the last fit, if that was of as many columns and predictors."""
        old = getattr(self, "_coef", None)
        if old is None or old.n_features != design.n_features or old.n_columns != n_predictors:
            return None
        return old.on(design.active), np.atleast_1d(self.intercept_)

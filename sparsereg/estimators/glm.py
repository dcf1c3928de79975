"""Generalised linear models at one alpha: the settings that estimators share, and the way from data to a fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.design import Design, make_design
from sparsereg.estimators.base import SparseLinearModel
from sparsereg.inputs.names import UNKNOWN_NAMES
from sparsereg.inputs.parameters import check_alpha, check_choice, check_flag
from sparsereg.inputs.shares import drop_untried
from sparsereg.inputs.sklearn import feature_names, set_feature_names
from sparsereg.inputs.targets import flatten
from sparsereg.inputs.weights import check_offsets, is_offset
from sparsereg.path.solve import solve_grid
from sparsereg.readers.blocks import is_stream
from sparsereg.reduction.streams import reduce_stream
from sparsereg.reduction.training import training_samples
from sparsereg.solvers.assemble import ProblemOptions, make_solver_options, prepare
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import warn_blurred
from sparsereg.solvers.null_model import null_state, state_at

Vector = npt.NDArray[np.float64]


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class PenaltyChoice:
    """Form of the sparse part of the penalty, for estimators that have one."""

    penalty: str = "elastic_net"
    gamma: float | None = None


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class GLMBase(SparseLinearModel):
    """Settings of the objective and of the solver that fits at one alpha and cross-validated ones share."""

    fit_intercept: bool = True
    standardize: bool = False
    positive: bool = False
    bounds: Any = None
    penalty_factor: Any = None
    max_iter: int = 10_000
    verbose: int = 0
    callback: Callable[..., Any] | None = None

    _penalties = tuple(PENALTIES)

    def _make_loss(self) -> Any:
        return LOSSES[self._loss]()  # type: ignore[call-arg]

    def _make_design(self, X: Any, y: Any, sample_weight: Any) -> Design:
        if self._make_loss().is_classification:
            sample_weight = drop_untried(y, sample_weight, X)
        return make_design(X, sample_weight)

    def _problem_options(self, names: npt.NDArray[np.object_] | None, penalty: Any, l1_ratio: Any) -> ProblemOptions:
        """Check what can be checked without data but for the names of its columns."""
        penalty = check_choice(penalty, "penalty", self._penalties)
        return ProblemOptions(
            self._make_loss(), penalty, l1_ratio, self.gamma, self.fit_intercept, self.standardize, self.positive,
            self.bounds, self.penalty_factor, names,
        )

    def _adopt(
        self, solutions: Sequence[Solution], design: Design, names: npt.NDArray[np.object_] | None,
        classes: npt.NDArray[Any] | None, has_offset: bool,
    ) -> None:
        """Take over a fit."""
        set_feature_names(self, design.n_features, names)
        self._set_solutions(solutions, design)
        self._has_offset = has_offset
        vars(self).pop("calibration_", None)
        if classes is not None:
            self.classes_ = classes


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class GLMEstimator(PenaltyChoice, GLMBase):
    """A fit at one alpha; each estimator says which loss and l1_ratio it stands for."""

    alpha: float = field(default=1.0, kw_only=False)
    tol: float = 1e-6
    warm_start: bool = False
    n_threads: int | None = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Any:
        """Minimise F(w, b); see `regularization_path` for its definition.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features), Reduced or stream
            int32 or int64 ids; never changed. A `Reduced` for the same loss brings its targets, weights and offsets; a
            stream, a reader or an iterable of blocks (X, y) or (X, y, sample_weight), is reduced first and brings its
            targets and weights: all else is then None.
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
        # Mixed names are refused before any work.
        names = UNKNOWN_NAMES if is_stream(X) else feature_names(X)
        options, solver_options, alpha, warm_start = self._check_settings(names)
        if names is UNKNOWN_NAMES:
            X = reduce_stream(X, {"y": y, "sample_weight": sample_weight, "offset": offset}, loss=self._loss)
            names = X.feature_names
            options = replace(options, names=names)
        X, y, sample_weight, offset = training_samples(X, y, sample_weight, offset, self._loss)
        design = self._make_design(X, y, sample_weight)
        targets, weight, classes = self._encode(y, sample_weight, design.n_samples)
        # Of a reduction they are large, and nobody else's.
        del X, y, sample_weight
        n_outputs = 1 if classes is None or classes.size == 2 else classes.size
        offset = check_offsets(offset, design.n_samples, n_outputs if n_outputs > 1 else None)
        last = self._last_fit(design, n_outputs) if warm_start else None
        solutions: list[Any] = []
        for k, target in enumerate(targets):
            # The target of one output, or of all at once.
            output = k if np.ndim(target) == 1 else slice(None)
            output_offset = offset if n_outputs == 1 or offset is None else offset[:, output]
            problem = prepare(design, target, weight, output_offset, options, alpha)
            if k == 0:
                # Columns and weights are the same for every output.
                warn_blurred(design.active[problem.outputs[0].blurred])
            if last is None:
                state = null_state(problem, solver_options)
            else:
                state = state_at(problem, last[0][output], last[1][output], alpha, solver_options)
            solutions += solve_grid(problem, state, np.array([alpha]), options, solver_options, self.verbose)
        # Nothing is set before everything has succeeded.
        self._adopt(solutions, design, names, classes, is_offset(offset))
        return self

    def _check_settings(
        self, names: npt.NDArray[np.object_] | None
    ) -> tuple[ProblemOptions, SolverOptions, float, bool]:
        """Check what can be checked without data but for the names of its columns."""
        options = self._problem_options(names, **self._spelled_penalty())
        alpha, warm_start = check_alpha(self.alpha), check_flag(self.warm_start, "warm_start")
        return options, make_solver_options(self.tol, self.max_iter, self.n_threads, self.callback), alpha, warm_start

    def _encode(self, y: Any, sample_weight: Any, n_samples: int) -> tuple[Sequence[Any], Any, Any]:
        """Return the target of each output, the weights of the samples, and the classes if there are any.

        A target is that of one output, of shape (n_samples,), or of all together.
        """
        return (flatten(y, stacklevel=4),), sample_weight, None

    def _last_fit(self, design: Design, n_outputs: int) -> tuple[Vector, Vector] | None:
        """Return coefficients and intercepts of the last fit, if that was of as many columns and predictors."""
        old = getattr(self, "_coef", None)
        if old is None or old.n_features != design.n_features or old.n_columns != n_outputs:
            return None
        return old.on(design.active), np.atleast_1d(self.intercept_)

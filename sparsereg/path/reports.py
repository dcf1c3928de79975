"""What a path says of itself: tables, printed and as data frames, information criteria, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.coef import SparseCoef
from sparsereg.features.names import name_columns
from sparsereg.inputs.parameters import check_choice, check_number
from sparsereg.metrics import LIKELIHOODS
from sparsereg.path.criteria import CRITERIA, check_df, information
from sparsereg.path.degrees_of_freedom import effective_df
from sparsereg.path.frames import coefficient_table, import_pandas
from sparsereg.path.printing import path_line, path_table
from sparsereg.plot import plot_path

Vector = npt.NDArray[np.float64]


class PathReports:
    """Methods of `RegularizationPath` that read what it holds."""

    # Those of the path that are read here; see there.
    alphas: Vector
    sparse_coef: SparseCoef
    intercepts: Vector
    df: npt.NDArray[np.int64]
    deviances: Vector
    loss: str
    l1_ratio: float
    n_samples: int
    n_outputs: int
    n_features: int
    classes: npt.NDArray[Any] | None
    total_weight: float | None
    feature_names: npt.NDArray[np.object_] | None
    fit_intercept: bool | None
    violations: Vector | None
    certificate: str
    _objective: Any

    def at(self, alpha: float) -> tuple[SparseCoef, Any]:
        """Return coefficients and intercept at an alpha."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Say how far the path reaches."""
        return path_line(self)

    def __str__(self) -> str:
        """Print a line for each fit, as glmnet does; long paths are shortened in the middle."""
        return path_table(self)

    @property
    def _labels(self) -> Sequence[Any] | None:
        """Labels of the linear predictors, where there are several."""
        if self.n_outputs == 1:
            return None
        return range(self.n_outputs) if self.classes is None else self.classes.tolist()

    def coef(self, alpha: float, names: Any = None) -> Any:
        """Return the intercept and the coefficients that are not zero, by name, as glmnet's `coef(fit, s=)`.

        Parameters
        ----------
        alpha : float
            One of `alphas`, or between two of them, as in `at`.
        names : transformer, Pipeline, array-like of str, mapping or callable, default=None
            As `feature_name` takes it.

        Returns
        -------
        coef : pandas.Series, beyond two classes pandas.DataFrame with a column for each class
            "(intercept)" first, then coefficients, the largest first. Without any names columns go by their ids.

        Raises
        ------
        ImportError
            Without pandas.
        ValueError, TypeError
            For an alpha off the grid, and as `feature_name`.
        """
        coef, intercept = self.at(alpha)
        names = self.feature_names if names is None else names
        return coefficient_table(coef, np.atleast_1d(intercept), names, self._labels)

    def feature_name(self, ids: Any, names: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of some columns.

        Parameters
        ----------
        ids : array-like of int of shape (n_ids,)
            In [0, n_features).
        names : transformer, Pipeline, array-like of str, mapping or callable, default=None
            What made the columns: a fitted `LatLongCross` or `FeatureCross`, a Pipeline, ColumnTransformer,
            FeatureUnion or transformer of scikit-learn, a reader of tables. Or the names of all columns, names by id,
            or a function from ids to names. None: the columns of the data frame that the path was fitted to; else the
            ids as text.

        Returns
        -------
        names : ndarray of str of shape (n_ids,)

        Raises
        ------
        ValueError
            For ids that are none of a column, and for a transformer that is not fitted, or of another width than the
            path.
        TypeError
            For anything else.
        """
        names = self.feature_names if names is None else names
        return name_columns(names, ids, self.n_features)[0]

    def effective_df(self, X: Any, sample_weight: Any = None, offset: Any = None) -> Vector:
        """Compute the effective degrees of freedom of every fit: the trace of its hat matrix, less the intercept.

        Parameters
        ----------
        X : matrix of shape (n_samples, n_features)
            The training data; others are refused as far as the path can tell, data frames by their column names.
        sample_weight, offset
            As they were in the fit, class weights and numbers of trials included.

        Returns
        -------
        df : ndarray of float64 of shape (n_alphas,)
            Without the intercept, as `df` (Hastie, Tibshirani and Friedman 2009, 3.50): the trace of the whole matrix
            is one more with an intercept, K - 1 more beyond two classes.

        Raises
        ------
        ValueError
            For other data than the path's, losses that are no likelihood, penalties that are not convex, bounds other
            than 0, and where both sides of a fit's columns and (aggregated) rows, without columns that have one row
            only, are above 5,000: nothing is estimated.

        Notes
        -----
        tr A (A'A + R)^-1 A' with A = (s_i c_i)^(1/2) x_i over the active columns, c_i the curvature of the loss at the
        fit (1 for squared loss, p (1 - p), the mean for Poisson; a matrix for softmax), weights s of sum 1, and R the
        L2 part of the penalty, alpha (1 - l1_ratio) p_j, times sd_j^2 with `standardize`. With pure L2 every occupied
        column is active, else those that are not zero (Zou, Hastie and Tibshirani 2007; Tibshirani and Taylor 2012):
        for the lasso the trace is the rank of these. Of relaxed fits it is that rank too.

        Computed from singular values, or beyond 25 million entries from the smaller Gram matrix, which costs up to a
        minute a fit at 5,000 columns. Ridge with squared loss needs one factorisation for all fits.
        """
        return effective_df(self, X, sample_weight, offset)

    def criterion(self, name: str, *, gamma: float = 1.0, effective_df: Any = None) -> Vector:
        """Compute an information criterion of every fit: what its deviance and its degrees of freedom cost together.

        Parameters
        ----------
        name : {"aic", "bic", "ebic", "gcv"}
        gamma : float in [0, 1], default=1.0
            Of "ebic": 0 is "bic".
        effective_df : None or array-like of shape (n_alphas,), default=None
            Degrees of freedom without the intercept, as the method `effective_df` computes them; pure L2 needs them.
            None: the number of non-zeros.

        Returns
        -------
        values : ndarray of float64 of shape (n_alphas,)
            The least is the best; -inf for a perfect fit with squared loss, inf for a fit that is no candidate.

        Raises
        ------
        ValueError
            For a loss that is not the likelihood of anything, and for pure L2, whose degrees of freedom are not its
            non-zeros, without `effective_df`.

        Notes
        -----
        With d degrees of freedom, k non-zeros of p columns and mean deviance D: L = n log D for squared loss (the
        variance is estimated too), else L = n D. AIC = L + 2 d (Akaike 1974), BIC = L + d log n (Schwarz 1978), EBIC =
        BIC + 2 gamma log(p choose k) (Chen and Chen 2008), constants left out; GCV = D / (1 - (d + 1) / n)^2 (Golub,
        Heath and Wahba 1979), d alone without intercept. For the lasso the non-zeros are an unbiased estimate of the
        degrees of freedom (Zou, Hastie and Tibshirani 2007); for the elastic net, and for relaxed fits, they are a
        convention.

        With logistic and Poisson loss n is the sum of the weights: a cell of 30 equal rows is one row of weight 30, and
        counts with the logarithm of an exposure as offset are rates with that exposure as weight. (Their L and AIC are
        the same to a constant; log n of BIC is that of the rows in the first case, of the exposures in the second.)
        With squared loss n is the number of samples of positive weight: its weights say how precise samples are beside
        each other, and their size changes nothing.

        Fits with d >= n - 1, n the number of samples (of cells that of the rows in them), are no candidates: they come
        as close to any target as they like, and their deviance says nothing. It says little just above that end, above
        all that of relaxed fits: with p > n cross-validation is the better judge.
        """
        check_choice(name, "name", CRITERIA)
        gamma = check_number(gamma, "gamma", "[0, 1]")
        check_choice(self.loss, "loss of the path", LIKELIHOODS)
        # Beyond two classes `df` counts columns, and each has a coefficient for every class.
        n_nonzero = np.diff(self.sparse_coef.values.indptr).reshape(self.alphas.size, -1).sum(axis=1)
        if effective_df is None and self.l1_ratio == 0.0:
            raise ValueError(
                "criterion: l1_ratio=0 is not allowed, expected a path whose fits have zeros, or effective_df="
            )
        d = n_nonzero if effective_df is None else check_df(effective_df, self.alphas.size)
        return information(
            name, gamma, self.deviances, n_nonzero, d, loss=self._objective, n_samples=self.n_samples,
            total_weight=self.n_samples if self.total_weight is None else self.total_weight,
            n_candidates=self.n_features * self.n_outputs, fit_intercept=self.fit_intercept is not False,
        )

    def to_frame(self) -> Any:
        """Return a pandas data frame with one row an alpha.

        Returns
        -------
        frame : pandas.DataFrame

        Raises
        ------
        ImportError
            Without pandas.
        """
        pd = import_pandas("to_frame")
        names = ("alphas", "df", "dev_ratio", "objectives", "dual_gaps", "intercepts", "n_iters")
        columns = ("alpha", "df", "dev_ratio", "objective", "dual_gap", "intercept", "n_iter")
        frame = {column: getattr(self, name) for column, name in zip(columns, names)}
        if self._labels is not None:
            del frame["intercept"]
            frame |= {f"intercept_{label}": b for label, b in zip(self._labels, self.intercepts.T)}
        if self.violations is not None and self.certificate != "duality gap":
            frame["violation"] = self.violations
        return pd.DataFrame(frame)

    def plot(
        self, ax: Any = None, *, x: str = "alpha", most: int = 500, names: Any = None, labels: int = 10
    ) -> Any:
        """Draw the coefficients against alpha, their norm or what they explain; see `sparsereg.plot.plot_path`.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            None: new axes.
        x : {"alpha", "norm", "deviance"}, default="alpha"
            Strength of the penalty, sum of the absolute values of all weights, or `dev_ratio`.
        most : int, default=500
            Draw at most this many coefficients, the largest.
        names : transformer, Pipeline, array-like of str, mapping or callable, default=None
            As `feature_name` takes it. With names, or those of a data frame, the largest curves are labelled, and alpha
            falls from left to right, so that they are at their right ends.
        labels : int, default=10
            How many are labelled; 0: none.

        Returns
        -------
        ax : matplotlib Axes

        Raises
        ------
        ImportError
            Without matplotlib.
        ValueError, TypeError
            As `feature_name`; for another `x`, for `most` below 1 and a number of labels below 0.
        """
        return plot_path(self, ax, x=x, most=most, names=names, labels=labels)

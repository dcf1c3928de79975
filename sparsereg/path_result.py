"""What a regularisation path gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._validation import check_offset
from sparsereg.coef import PathCoef, SparseCoef
from sparsereg.plot import plot_path

__all__ = ["RegularizationPath"]

Vector = npt.NDArray[np.float64]

# Alphas closer than this, relative, are the same alpha.
SAME_ALPHA = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class RegularizationPath:
    """Fits along a grid of penalty strengths, each with what certifies it.

    Attributes
    ----------
    alphas : ndarray of float64 of shape (n_alphas,)
        Strictly decreasing.
    coef : PathCoef
        Non-zero coefficients of every fit.
    intercepts : ndarray of float64 of shape (n_alphas,)
    dual_gaps : ndarray of float64 of shape (n_alphas,)
        Certified distance from the optimum, relative to the objective of the model with intercept only. NaN for a
        penalty that is not convex: see `certificate`.
    n_iters : ndarray of int64 of shape (n_alphas,)
        Passes over the working set plus passes over all columns.
    objectives : ndarray of float64 of shape (n_alphas,)
        F(w, b).
    df : ndarray of int64 of shape (n_alphas,)
        Number of non-zero coefficients.
    dev_ratio : ndarray of float64 of shape (n_alphas,)
        Share of the deviance of the model with intercept only that is explained, on the training data.
    l1_ratio : float
    n_active : int
        Occupied columns of the training data.
    penalty : str
        Registered name.
    violations : ndarray of float64 of shape (n_alphas,) or None
        How far each fit of a penalty that is not convex is from a minimum along every coordinate: the most by which
        minimising over one alone would move its gradient, relative to the largest gradient entry of the model with
        intercept only. NaN where a duality gap says more.
    """

    alphas: Vector
    coef: PathCoef
    intercepts: Vector
    dual_gaps: Vector
    n_iters: npt.NDArray[np.int64]
    objectives: Vector
    df: npt.NDArray[np.int64]
    dev_ratio: Vector
    l1_ratio: float
    n_active: int
    penalty: str = "elastic_net"
    violations: Vector | None = None

    def __repr__(self) -> str:
        """Say how far the path reaches."""
        return (
            f"RegularizationPath({self.alphas.size} alphas from {self.alphas[0]:.4g} to {self.alphas[-1]:.4g}, "
            f"l1_ratio={self.l1_ratio:g}, {self.df[0]} to {self.df[-1]} non-zeros of {self.n_active} occupied "
            f"columns, {self._worst()})"
        )

    @property
    def certificate(self) -> str:
        """What the fits are known to be near: "duality gap" (the optimum) or "coordinate-wise minimum" (only that)."""
        return "duality gap" if self.penalty == "elastic_net" else "coordinate-wise minimum"

    def _worst(self) -> str:
        if self.penalty == "elastic_net" or self.violations is None:
            return f"largest gap {self.dual_gaps.max():.1e}"
        return f"penalty={self.penalty!r}: {self.certificate}, largest violation {self.violations.max():.1e}"

    @property
    def coefs(self) -> sparse.csc_matrix:
        """Coefficients as a SciPy matrix of shape (n_features, n_alphas)."""
        return self.coef.to_csc()

    @property
    def n_features(self) -> int:
        """Number of columns of the training data, empty ones included."""
        return self.coef.n_features

    def at(self, alpha: float) -> tuple[SparseCoef, float]:
        """Return coefficients and intercept at an alpha of the grid.

        Parameters
        ----------
        alpha : float
            One of `alphas`; values between them are not interpolated, because nothing certifies them.

        Returns
        -------
        coef : SparseCoef
        intercept : float
        """
        k = self._position(alpha)
        return self.coef.at(k), float(self.intercepts[k])

    def predict(self, X: Any, alpha: float | None = None, offset: Any = None) -> Vector:
        """Predict at one alpha, or at all of them.

        Parameters
        ----------
        X : matrix of shape (n_samples, n_features)
            Anything that the path functions accept.
        alpha : float or None, default=None
            One of `alphas`; None: all.
        offset : None, float or array-like of shape (n_samples,)
            Added to the predictions.

        Returns
        -------
        predictions : ndarray of float64 of shape (n_samples,), or (n_samples, n_alphas) for all alphas
        """
        if alpha is None:
            out = self.coef.decision(X) + self.intercepts
        else:
            coef, intercept = self.at(alpha)
            out = coef.decision(X) + intercept
        offset = check_offset(offset, out.shape[0])
        if offset is not None:
            out += offset if out.ndim == 1 else offset[:, None]
        return out

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
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        names = ("alphas", "df", "dev_ratio", "objectives", "dual_gaps", "intercepts", "n_iters")
        columns = ("alpha", "df", "dev_ratio", "objective", "dual_gap", "intercept", "n_iter")
        frame = {column: getattr(self, name) for column, name in zip(columns, names)}
        if self.violations is not None and self.certificate != "duality gap":
            frame["violation"] = self.violations
        return pd.DataFrame(frame)

    def plot(self, ax: Any = None, *, most: int = 500) -> Any:
        """Draw the coefficients against alpha; see `sparsereg.plot.plot_path`.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            None: new axes.
        most : int, default=500
            Draw at most this many coefficients, the largest.

        Returns
        -------
        ax : matplotlib Axes

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        return plot_path(self, ax, most=most)

    def _position(self, alpha: float) -> int:
        k = int(np.argmin(np.abs(self.alphas - alpha))) if np.isfinite(alpha) else -1
        if k < 0 or abs(self.alphas[k] - alpha) > SAME_ALPHA * self.alphas[k]:
            nearest = f"; the nearest is {self.alphas[k]!r}" if k >= 0 else ""
            raise ValueError(f"alpha: {alpha!r} is not on the grid of this path{nearest}")
        return k

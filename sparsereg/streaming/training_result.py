"""Result of a training run: what predicts and describes it, without the state of the optimiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparsereg.coef import SparseCoef
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.rows import Rows
from sparsereg.streaming.options import StreamSettings
from sparsereg.streaming.training import History

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a training run has found; it stands where the run itself does, but for learning.

    Attributes
    ----------
    settings : StreamSettings
    coef : SparseCoef
    intercepts : ndarray of float64 of shape (n_outputs,)
    history : History
    n_iter : int
        Passes over the data.
    n_rows : int
        Rows learned from.
    n_touched : int
        Coefficients touched.
    """

    settings: StreamSettings
    coef: SparseCoef
    intercepts: Vector
    history: History
    n_iter: int
    n_rows: int
    n_touched: int

    @property
    def best(self) -> int:
        """Position of the alpha whose model this is: of one the first."""
        return 0

    def at(self, k: int) -> TrainingResult:
        """Return what a run of its own would have found at one alpha: of one this."""
        return self

    @property
    def n_features(self) -> int:
        """Width of the rows."""
        return self.coef.n_features

    @property
    def n_outputs(self) -> int:
        """Linear predictors."""
        return self.coef.n_columns

    @property
    def intercept(self) -> Vector:
        """Intercepts, one for each output; a copy."""
        return self.intercepts.copy()

    def decision(self, rows: Rows | DenseRows) -> Vector:
        """Compute linear predictors, an array of shape (n_rows, n_outputs), with the bits of the run itself.

        Parameters
        ----------
        rows : Rows or DenseRows
        """
        return self.coef.decision(rows).reshape(rows.n_samples, -1) + self.intercepts


@dataclass(frozen=True, eq=False)
class AlphaTrainingResult(TrainingResult):
    """What a run at several alphas has found. What is asked of one is that of the best.

    Attributes
    ----------
    chosen : int
        Position of the best.
    runs : tuple of TrainingResult
        One for each alpha.
    """

    chosen: int
    runs: tuple[TrainingResult, ...]

    @property
    def best(self) -> int:
        """Position of the best."""
        return self.chosen

    def at(self, k: int) -> TrainingResult:
        """Return what has been found at one alpha."""
        return self.runs[k]

    @classmethod
    def of_runs(
        cls, settings: StreamSettings, history: History, chosen: int, runs: tuple[TrainingResult, ...]
    ) -> AlphaTrainingResult:
        """Put results at several alphas together.

        Parameters
        ----------
        settings : StreamSettings
        history : History
        chosen : int
        runs : tuple of TrainingResult

        Returns
        -------
        result : AlphaTrainingResult
        """
        best = runs[chosen]
        return cls(
            settings, best.coef, best.intercepts, history, best.n_iter, best.n_rows, best.n_touched, chosen, runs
        )

"""Parametric active set: lasso and elastic net on a working set, solved exactly from any warm start (homotopy)."""

from typing import final

import numpy as np
from numpy.typing import NDArray

from sparsereg._core.gram_factor import GramFactor

_Vector = NDArray[np.float64]

@final
class ActiveSet(GramFactor):
    @property
    def n_events(self) -> int: ...
    @property
    def n_singular(self) -> int: ...
    @property
    def n_runs(self) -> int: ...
    def solve(
        self, target: _Vector, w: _Vector, z: _Vector, v: _Vector, threshold: _Vector, ridge: _Vector,
        lower: _Vector, upper: _Vector, reference: float, max_events: int, resumes: bool
    ) -> float:
        """Minimise over the working set last held; return the largest violation relative to the thresholds."""

"""Alpha grid of a cross-validation: given, or made of the data and carried on while its smallest alpha is the best."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.parameters import check_grid
from sparsereg.path.grid import geometric_grid
from sparsereg.solvers.convergence import frames_of_the_package

Vector = npt.NDArray[np.float64]

# A grid that goes on ends at this share of its first alpha; pure L2, whose grid starts a thousand times higher than
# that of L1, at a thousandth of it.
MIN_RATIO, MIN_RATIO_L2 = 1e-6, 1e-9
# It goes on by this part of its length at a time, a factor of two for 100 alphas down to 1e-3.
STRETCHES = 10


@dataclass(frozen=True, eq=False)
class Grid:
    """Settings of a grid, before the data are known.

    Attributes
    ----------
    alphas : ndarray of float64 of shape (n_alphas,) or None
        Given; None: geometric from the largest useful alpha.
    n_alphas : int
    eps : float
        Ratio of the ends of a geometric grid.
    is_open : bool
        Whether it may go on below.
    """

    alphas: Vector | None
    n_alphas: int
    eps: float
    is_open: bool

    def first(self, largest: float) -> Vector:
        """Return the alphas to begin with.

        Parameters
        ----------
        largest : float
            The largest useful alpha.

        Returns
        -------
        alphas : ndarray of float64 of shape (n_alphas,)
        """
        return geometric_grid(largest, self.n_alphas, self.eps) if self.alphas is None else self.alphas

    def further(self, alphas: Vector, l1_ratio: float) -> Vector:
        """Return the alphas to go on with, in the ratio of those before.

        Parameters
        ----------
        alphas : ndarray of float64 of shape (n_alphas,)
            So far.
        l1_ratio : float

        Returns
        -------
        alphas : ndarray of float64 of shape (n_further,)
            Empty where the grid ends here.
        """
        if not self.is_open:
            return alphas[:0]
        ratios = self.eps ** (np.arange(alphas.size, alphas.size + self.stretch(alphas)) / (self.n_alphas - 1))
        # The last of them should not hang on rounding.
        lowest = (MIN_RATIO if l1_ratio > 0.0 else MIN_RATIO_L2) * (1.0 - 1e-9)
        return alphas[0] * ratios[ratios >= lowest]

    def stretch(self, alphas: Vector) -> int:
        """Return how many alphas make a stretch, over which the loss should fall if smaller ones are worth a try.

        Parameters
        ----------
        alphas : ndarray of float64 of shape (n_alphas,)
            So far.

        Returns
        -------
        n_steps : int
        """
        return max((alphas.size if self.alphas is not None else self.n_alphas) // STRETCHES, 1)

    def warn_of_end(self, alphas: Vector) -> None:
        """Warn that the best alpha is the smallest of a grid that may not go on, or no further.

        Parameters
        ----------
        alphas : ndarray of float64 of shape (n_alphas,)

        Warns
        -----
        UserWarning
        """
        name = "eps" if self.alphas is None else "alphas"
        given = "a smaller one" if self.alphas is None else "smaller ones"
        advice = f"Give {given}, or leave {name} out (None): such a grid goes on while its smallest is the best."
        if self.is_open:
            name = "alphas"
            advice = (
                f"The automatic grid ends at {alphas[-1] / alphas[0]:.1g} of its largest: columns are of very "
                "different sizes. Scale them (standardize=True), or give smaller alphas."
            )
        warnings.warn(
            f"{name}: the best alpha of the grid is its smallest, {alphas[-1]:.4g}, and smaller ones may predict "
            f"better. {advice}", UserWarning, stacklevel=frames_of_the_package(),
        )


def make_grid(alphas: Any, n_alphas: Any, eps: Any, default_eps: float) -> Grid:
    """Check the settings of a grid.

    Parameters
    ----------
    alphas : None, int or array-like of shape (n_alphas,)
    n_alphas : int
    eps : float or None
        None: `default_eps`, and the grid may go on below.
    default_eps : float

    Returns
    -------
    grid : Grid
    """
    given, n_alphas, ratio = check_grid(alphas, n_alphas, default_eps if eps is None else eps)
    return Grid(given, n_alphas, ratio, is_open=given is None and eps is None and n_alphas > 1)


def pad(parts: Sequence[Vector]) -> Vector:
    """Stack what there is for each of several grids.

    Parameters
    ----------
    parts : sequence of ndarray of float64 of shape (n_alphas, ...)

    Returns
    -------
    stacked : ndarray of float64 of shape (n_parts, n_alphas of the longest, ...)
        NaN where a grid is shorter.
    """
    out = np.full((len(parts), max(map(len, parts)), *parts[0].shape[1:]), np.nan)
    for row, part in zip(out, parts):
        row[: len(part)] = part
    return out

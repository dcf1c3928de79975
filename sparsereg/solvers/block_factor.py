"""The normal equations of a block of columns as a preconditioner of its least squares, where its lesser side is short.

Steps that a factor conditions are few, whatever the columns are, and correct what rounding takes from it: LSMR on
`A M` in place of A, where the singular values of `A M` are one but for those that rounding hides (Arioli and Duff
2015, section 2). The shortest solution stays the shortest: `M u` lies in the row space of A for every u that LSMR
reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from sparsereg.solvers.base import Vector

# Lesser side up to which a factor is made: 32 MB, a third of a second (measured).
MAX_SIDE = 2_000
# Multiplications of products and factor, about as long.
MAX_WORK = 4e9
# Each multiplication of sparse columns costs as much as this many of dense ones, and they as a whole as much as this
# many more (measured).
SPARSE_COST, SPARSE_START = 25.0, 5e7
# What keeps the factor regular, relative to the largest that rounding may leave; and what it is raised with.
REGULAR, RAISE, MAX_RAISES = 4.0 * np.finfo(float).eps, 1e3, 3
# A diagonal entry of the factor, relative to the norm of its column, up to which columns may be collinear.
COLLINEAR = 1e-5
# What rounding leaves of the sums of centred columns.
CENTERED = 1e-10


@dataclass(frozen=True)
class ScaledBlock:
    """Columns A = root (X - 1 mean') / size, as least squares with weighted rows and an intercept sees them.

    Attributes
    ----------
    matrix : csc_matrix of shape (n_rows, n_columns)
    root : ndarray of float64 of shape (n_rows,) or (1,)
        Roots of the weights.
    mean, size : ndarray of float64 of shape (n_columns,)
    """

    matrix: sparse.csc_matrix
    root: Vector
    mean: Vector
    size: Vector

    @cached_property
    def _transposed(self) -> sparse.csr_matrix:
        return self.matrix.T

    def forward(self, scaled: Vector) -> Vector:
        """Compute `A scaled`."""
        step = np.ravel(scaled) / self.size
        return np.asarray(self.root * (self.matrix @ step - self.mean @ step))

    def backward(self, residual: Vector) -> Vector:
        """Compute `A' residual`."""
        weighted = self.root * np.ravel(residual)
        return np.asarray((self._transposed @ weighted - self.mean * weighted.sum()) / self.size)

    def work(self) -> float:
        """Count the multiplications that a factor takes; infinite where the lesser side is too long for one."""
        side = min(self.matrix.shape)
        return min(self._dense_work, self._sparse_work) + float(side) ** 3 if side <= MAX_SIDE else np.inf

    @cached_property
    def _dense_work(self) -> float:
        n, m = self.matrix.shape
        return float(n) * m * min(n, m)

    @cached_property
    def _sparse_work(self) -> float:
        n, m = self.matrix.shape
        # Pairs of entries that share a row, or a column.
        counts = np.bincount(self.matrix.indices, minlength=n) if m <= n else np.diff(self.matrix.indptr)
        return SPARSE_START + SPARSE_COST * float(np.sum(counts.astype(float) ** 2))

    def products(self) -> Vector:
        """Compute `A' A`, or `A A'` where the rows are fewer: dense, symmetric.

        Cost: a multiplication for each pair of entries in a row (or column), or those of dense columns.
        """
        n, m = self.matrix.shape
        root, mean = np.broadcast_to(self.root, n), self.mean / self.size
        data = self.matrix.data * root[self.matrix.indices] / np.repeat(self.size, np.diff(self.matrix.indptr))
        scaled = sparse.csc_matrix((data, self.matrix.indices, self.matrix.indptr), shape=(n, m), copy=False)
        if self._dense_work < self._sparse_work:
            dense = scaled.toarray(order="F")
            dense -= root[:, None] * mean
            return dense.T @ dense if m <= n else dense @ dense.T
        if m <= n:
            # The sum of the columns is that of the weights times the mean.
            return (scaled.T @ scaled).toarray() - float(root @ root) * np.outer(mean, mean)
        cross = np.outer(root, scaled @ mean)
        return (scaled @ scaled.T).toarray() - cross - cross.T + float(mean @ mean) * np.outer(root, root)


class BlockFactor:
    """The factor of a block, and what it makes of a vector.

    Parameters
    ----------
    block : ScaledBlock

    Raises
    ------
    LinAlgError
        Where even a raised diagonal leaves no factor: values that are not finite.
    """

    def __init__(self, block: ScaledBlock):
        # Imported late: it takes long, and most fits do without.
        from scipy.linalg import cholesky

        self.block, products = block, block.products()
        self._by_columns = block.matrix.shape[1] <= block.matrix.shape[0]
        diagonal = np.einsum("ii->i", products)
        self._norm = np.sqrt(diagonal)
        size = float(diagonal.max(initial=0.0)) or 1.0
        root = np.broadcast_to(block.root, block.matrix.shape[0])
        length = float(root @ root)
        if not self._by_columns and np.abs(block.backward(root)).max(initial=0.0) <= CENTERED * np.sqrt(length * size):
            # The intercept has taken this direction from all columns: what rounding leaves there must not be raised.
            products += np.outer(root, root * (size / length))
        share = REGULAR * diagonal.size
        for raised in range(MAX_RAISES + 1):
            diagonal += share * size
            try:
                self._factor = cholesky(products, lower=True, check_finite=False)
                return
            except np.linalg.LinAlgError:
                if raised == MAX_RAISES:
                    raise
                share *= RAISE

    def serves(self, moves: bool) -> bool:
        """Say whether rounding adds nothing that counts to a solution.

        By rows what no column fits would grow without bound, by columns only along directions that no row sees: that
        counts where coefficients are moved along. Either way a factor that tells all directions from none is safe.

        Parameters
        ----------
        moves : bool
            Coefficients are moved along; else only the residual counts.
        """
        may_grow = moves or not self._by_columns
        return not may_grow or bool(np.all(np.diag(self._factor) > COLLINEAR * self._norm))

    @property
    def n_unknowns(self) -> int:
        """Length of what `apply` takes."""
        return len(self._factor)

    def solve(self, residual: Vector) -> Vector:
        """Compute `M M' A' residual`, or with rows the same in one go: what fits it but for rounding."""
        if self._by_columns:
            return self.apply(self.apply_transposed(self.block.backward(residual)))
        return self.apply(residual)

    def apply(self, unknowns: Vector) -> Vector:
        """Compute `M unknowns`: scaled coefficients."""
        from scipy.linalg import cho_solve, solve_triangular

        unknowns = np.ravel(unknowns)
        if self._by_columns:
            found = solve_triangular(self._factor, unknowns, lower=True, trans="T", check_finite=False)
            return np.asarray(found)
        return self.block.backward(cho_solve((self._factor, True), unknowns, check_finite=False))

    def apply_transposed(self, scaled: Vector) -> Vector:
        """Compute `M' scaled`."""
        from scipy.linalg import cho_solve, solve_triangular

        if self._by_columns:
            return np.asarray(solve_triangular(self._factor, np.ravel(scaled), lower=True, check_finite=False))
        return np.asarray(cho_solve((self._factor, True), self.block.forward(scaled), check_finite=False))

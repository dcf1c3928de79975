"""Effective degrees of freedom: the trace of the hat matrix of every fit of a path.

At a fit with coefficients w the loss has the curvature c_i in row i, and with A = diag(s_i c_i)^(1/2) X over the active
columns, R = alpha (1 - l1_ratio) diag(p_j) and the intercept unpenalised the fitted predictors move with the response
as by the matrix A (A'A + R)^-1 A'. Its trace is what the fit costs.

Columns with an entry in a single row are eliminated first: of row i they take t_i = sum_j A_ij^2 / R_j, and leave it
q_i = 1 / (1 + t_i) of its weight. With H the matrix of the other columns under the weights that are left, the trace is
sum_i (1 - q_i) + sum_i q_i H_ii. Crosses have as many such columns as rows, and are small without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from sparsereg._core.penalties import PENALTIES
from sparsereg.coef import SparseCoef
from sparsereg.design import Design, find_ids, make_design
from sparsereg.inputs.parameters import check_choice
from sparsereg.inputs.rows import Rows, as_rows, check_width
from sparsereg.inputs.sklearn import compare_feature_names
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.metrics import LIKELIHOODS
from sparsereg.solvers.base import spelled_out
from sparsereg.solvers.centering import bring_near, take_moments
from sparsereg.solvers.presolve import CONSTANT

Vector = npt.NDArray[np.float64]

# The smaller of the two sides of what is factorised, dense: 200 MB, and about a minute on one core.
MAX_SIDE = 5_000
# Up to so many entries a matrix is factorised itself; its Gram matrix squares the condition number.
MAX_DENSE = 25_000_000
# From this density on products of dense blocks are quicker than those of sparse matrices.
DENSE, BLOCK_ROWS = 0.1, 4_096


def effective_df(path: Any, X: Any, sample_weight: Any, offset: Any) -> Vector:
    """Compute the trace of the hat matrix of every fit; see `RegularizationPath.effective_df`.

    Parameters
    ----------
    path : RegularizationPath
    X, sample_weight, offset
        The training data.

    Returns
    -------
    df : ndarray of float64 of shape (n_alphas,)
    """
    _check_path(path)
    compare_feature_names(type(path).__name__, path.feature_names, X)
    rows = as_rows(X)
    check_width(rows.n_features, path.n_features)
    weight = check_sample_weight(sample_weight, rows.n_samples)
    offset = path._new_offset(offset, rows.n_samples)
    design = make_design(rows, weight)
    _check_data(path, design, weight)
    curved = _Curved.of(path, rows, design, weight, offset)
    strengths = path.alphas * (0.0 if path.relaxed else 1.0 - path.l1_ratio)
    n_fixed = max(path.n_outputs - 1, 1) if path.fit_intercept else 0
    if path._objective.is_quadratic and curved.is_ridge and min(curved.matrix.shape) <= MAX_SIDE:
        return ridge_traces(*curved.at(0), strengths) - n_fixed
    out = np.empty(strengths.size)
    # The largest support comes first: one that is too large is refused before anything has been spent on the others.
    for k in reversed(range(out.size)):
        matrix, penalties, fixed = curved.at(k)
        try:
            out[k] = hat_trace(matrix, strengths[k] * penalties, fixed) - n_fixed
        except ValueError as error:
            raise ValueError(f"effective_df at alpha={path.alphas[k]:.4g}: {error}") from None
    return out


def _check_path(path: Any) -> None:
    check_choice(path.loss, "loss of the path", LIKELIHOODS)
    check_choice(path.penalty, "penalty of the path", [name for name, kind in PENALTIES.items() if kind.is_convex])
    if path.fit_intercept is None:
        raise ValueError(
            "effective_df: this path was made by an older version, which kept no penalty factors; fit it anew"
        )
    if path.bounds == "box":
        raise ValueError("effective_df: bounds other than 0 are not allowed, expected a path fitted without them")


def _check_data(path: Any, design: Design, weight: Vector | None) -> None:
    """Refuse other data than the path was fitted to, as far as it knows them."""
    n_samples = design.n_weighted
    total = float(design.n_samples if weight is None else weight.sum())
    expected = path.n_samples if path.total_weight is None else path.total_weight
    for name, found, known in (
        ("rows of positive weight", n_samples, path.n_samples), ("occupied columns", design.n_active, path.n_active),
        ("for the sum of the weights", total, expected),
    ):
        if abs(found - known) > 1e-9 * known:
            raise ValueError(f"X: {found:,} {name}, expected the training data of the path, {known:,}")


@dataclass(frozen=True, eq=False)
class _Curved:
    """The columns of the training data, and how each is penalised; `at` weights them by the curvature at a fit."""

    path: Any
    rows: Rows
    design: Design
    share: Vector
    offset: Vector | None
    matrix: sparse.csc_array
    penalties: Vector
    usable: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, path: Any, rows: Rows, design: Design, weight: Vector | None, offset: Vector | None
    ) -> _Curved:
        share = np.full(design.n_samples, 1.0) if weight is None else weight
        share = share / share.sum()
        matrix = design.data, design.indices, design.indptr
        by_row = _by_row(design, share)
        moments = take_moments(matrix, design.n_rows, by_row, 1.0)
        square = moments.centered + moments.column_sum**2
        varies = moments.centered > CONSTANT * square
        factor = np.ones(design.n_active)
        if path.penalty_factors is not None:
            ids, values = path.penalty_factors
            found, position = find_ids(ids, design.active)
            factor[position] = values[found]
        usable = (square > 0.0) & (factor < np.inf)
        if path.fit_intercept:
            usable &= varies
            matrix, _ = bring_near(matrix, design.n_rows, moments, usable)
        scale = np.where(varies, moments.centered, 1.0) if path.standardize else np.ones(design.n_active)
        penalties = np.where(usable, factor, 0.0) * scale
        columns = sparse.csc_array(spelled_out(matrix), shape=(design.n_rows, design.n_active))
        return cls(path, rows, design, share, offset, columns, penalties, np.flatnonzero(usable))

    @property
    def is_ridge(self) -> bool:
        """Every column is in every fit, whatever its coefficient: a zero is no decision but a coincidence."""
        return self.path.l1_ratio == 0.0 and self.path.bounds == "none"

    def at(self, k: int) -> tuple[sparse.csc_array, Vector, Vector]:
        """Weight the active columns at a fit.

        Returns
        -------
        matrix : csc_array of float64 of shape (n_weighted_rows, n_columns)
        penalties : ndarray of float64 of shape (n_columns,)
        fixed : ndarray of float64 of shape (n_weighted_rows, n_intercepts)
        """
        coef, intercept = self.path._fit(k)
        active = [self._active(coef, output) for output in range(coef.n_columns)]
        penalties = np.concatenate([self.penalties[columns] for columns in active])
        roots = self._roots(coef, intercept)
        parts = [
            [sparse.diags_array(root) @ self.matrix[:, columns] for root in of_class]
            for of_class, columns in zip(roots, active)
        ]
        matrix = sparse.hstack([sparse.vstack(part) for part in parts], format="csc")
        fixed = np.column_stack([np.concatenate(of_class) for of_class in roots])
        return matrix, penalties, fixed if self.path.fit_intercept else fixed[:, :0]

    def _active(self, coef: SparseCoef, output: int) -> npt.NDArray[np.int64]:
        return self.usable if self.is_ridge else np.searchsorted(self.design.active, coef.at(output).ids)

    def _roots(self, coef: SparseCoef, intercept: Any) -> Any:
        """Return roots of the curvature of each row: [class][factor][row]; of one predictor simply [[square roots]]."""
        t = coef.decision(self.rows) + intercept
        t = t if self.offset is None else t + self.offset
        if coef.n_columns == 1:
            return [[np.sqrt(_by_row(self.design, self.share * _curvature(self.path._objective, t)))]]
        p, n_classes = special.softmax(t, axis=1), coef.n_columns
        curvature = np.empty((self.design.n_rows, n_classes, n_classes))
        for a in range(n_classes):
            for b in range(n_classes):
                value = p[:, a] * ((1.0 if a == b else 0.0) - p[:, b])
                curvature[:, a, b] = _by_row(self.design, self.share * value)
        # The same shift of all classes has no curvature, and must not get any by rounding: it would count.
        basis, _ = np.linalg.qr(np.eye(n_classes)[:, 1:] - 1.0 / n_classes)
        size, direction = np.linalg.eigh(basis.T @ curvature @ basis)
        root = basis @ direction * np.sqrt(np.maximum(size[:, None], 0.0))
        return root.transpose(1, 2, 0)


def _curvature(loss: Any, t: Vector) -> Vector:
    """Return the second derivatives of a likelihood whose link is canonical: the slopes of its mean."""
    if loss.is_quadratic:
        return np.ones_like(t)
    return loss.mean(t) if loss.log_link else loss.mean(t) * loss.mean(-t)


def _by_row(design: Design, values: Vector) -> Vector:
    kept = design.row_of >= 0
    return np.bincount(design.row_of[kept], values[kept], minlength=design.n_rows)


def ridge_traces(matrix: sparse.csc_array, penalties: Vector, fixed: Vector, strengths: Vector) -> Vector:
    """Compute the traces for several strengths of the penalties, of one factorisation.

    Parameters
    ----------
    matrix, penalties, fixed
        As in `hat_trace`; the penalties for strength 1.
    strengths : ndarray of float64 of shape (n_strengths,)

    Returns
    -------
    traces : ndarray of float64 of shape (n_strengths,)
    """
    basis, scaled = _split(matrix, penalties, fixed)
    squares = _squares(scaled, basis)[:, None]
    # 0 / 0 of a direction without data is 0, whatever the strength.
    shares = np.divide(squares, squares + strengths, out=np.zeros((squares.size, strengths.size)), where=squares > 0.0)
    return basis.shape[1] + shares.sum(axis=0)


def hat_trace(matrix: sparse.csc_array, ridge: Vector, fixed: Vector) -> float:
    """Compute the trace of A (A'A + R)^-1 A', A the columns of `fixed` and `matrix`, R the penalties of the latter.

    Parameters
    ----------
    matrix : csc_array of float64 of shape (n_rows, n_columns)
    ridge : ndarray of float64 of shape (n_columns,)
        At least 0.
    fixed : ndarray of float64 of shape (n_rows, n_fixed)
        Columns without penalty.

    Returns
    -------
    trace : float
        Without any penalty the rank.

    Raises
    ------
    ValueError
        Where both sides of what is left without columns of one row are above 5,000.
    """
    matrix.eliminate_zeros()
    sizes = np.diff(matrix.indptr)
    single, several = np.flatnonzero(sizes == 1), np.flatnonzero(sizes > 1)
    entry = matrix.indptr[single]
    squares, penalties = matrix.data[entry] ** 2, ridge[single]
    taken = np.divide(squares, penalties, out=np.full(single.size, np.inf), where=penalties > 0.0)
    left = 1.0 / (1.0 + np.bincount(matrix.indices[entry], taken, minlength=matrix.shape[0]))
    root = np.sqrt(left)
    rest, ridge = sparse.csc_array(sparse.diags_array(root) @ matrix[:, several]), ridge[several]
    if min(rest.shape) > MAX_SIDE:
        raise ValueError(
            f"{rest.shape[1]:,} columns over {rest.shape[0]:,} rows, less columns of one row, are too many to "
            f"factorise, at most {MAX_SIDE:,} of either are allowed"
        )
    fixed = root[:, None] * fixed
    if not ridge.any():
        # All that is left of a row is all or nothing.
        return float(np.sum(1.0 - left)) + _rank(rest, fixed)
    basis, scaled = _split(rest, ridge, fixed)
    trace = float(np.sum(1.0 - left) + left @ np.square(basis).sum(axis=1))
    if not single.size:
        squares = _squares(scaled, basis)
        return trace + float(np.sum(squares / (1.0 + squares)))
    return trace + _weighted_trace(scaled, basis, left)


def _rank(matrix: sparse.csc_array, fixed: Vector) -> int:
    columns = sparse.hstack([sparse.csc_array(fixed), matrix], format="csc")
    norms = np.sqrt(columns.power(2).sum(axis=0))
    columns = columns[:, norms > 0.0] @ sparse.diags_array(1.0 / norms[norms > 0.0])
    return int(np.count_nonzero(_squares(sparse.csc_array(columns), np.zeros((columns.shape[0], 0)))))


def _split(matrix: sparse.csc_array, ridge: Vector, fixed: Vector) -> tuple[Vector, sparse.csc_array]:
    """Return an orthonormal basis of what has no penalty, and the other columns over the roots of theirs."""
    free, penalized = np.flatnonzero(ridge == 0.0), np.flatnonzero(ridge > 0.0)
    scaled = sparse.csc_array(matrix[:, penalized] @ sparse.diags_array(1.0 / np.sqrt(ridge[penalized])))
    if fixed.shape[0] * (fixed.shape[1] + free.size) > 4 * MAX_DENSE:
        raise ValueError(
            f"{free.size:,} columns without penalty over {fixed.shape[0]:,} rows are too many to factorise"
        )
    columns = np.column_stack([fixed, matrix[:, free].toarray()])
    norms = np.linalg.norm(columns, axis=0)
    columns = columns[:, norms > 0.0] / norms[norms > 0.0]
    basis, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return basis[:, sizes > _rounding(columns.shape) * sizes.max(initial=0.0)], scaled


def _rounding(shape: tuple[int, ...]) -> float:
    return max(shape) * float(np.finfo(np.float64).eps)


def _squares(matrix: sparse.csc_array, basis: Vector) -> Vector:
    """Squares of the singular values of a matrix without its part in a space; those that are rounding are 0."""
    if matrix.shape[0] * matrix.shape[1] <= MAX_DENSE:
        dense = matrix.toarray()
        sizes = np.linalg.svd(dense - basis @ (basis.T @ dense), compute_uv=False)
        return np.where(sizes > _rounding(matrix.shape) * sizes.max(initial=0.0), sizes, 0.0) ** 2
    squares = np.linalg.eigvalsh(_gram(matrix, basis))
    return np.where(squares > _rounding(matrix.shape) * squares.max(), squares, 0.0)


def _gram(matrix: sparse.csc_array, basis: Vector) -> Vector:
    """Gram matrix of a matrix B without its part in a space: that of its columns, or of its rows if they are fewer."""
    inside = basis.T @ matrix
    if matrix.shape[1] <= matrix.shape[0]:
        return _product(matrix) - inside.T @ inside
    crossed = matrix @ inside.T
    half = (crossed - 0.5 * basis @ (inside @ inside.T)) @ basis.T
    return _product(sparse.csc_array(matrix.T)) - half - half.T


def _product(matrix: sparse.csc_array) -> Vector:
    """Return B'B, dense."""
    if matrix.nnz <= DENSE * matrix.shape[0] * matrix.shape[1]:
        return (matrix.T @ matrix).toarray()
    by_row, out = matrix.tocsr(), np.zeros((matrix.shape[1],) * 2)
    for start in range(0, matrix.shape[0], BLOCK_ROWS):
        block = by_row[start : start + BLOCK_ROWS].toarray()
        out += block.T @ block
    return out


def _weighted_trace(matrix: sparse.csc_array, basis: Vector, weight: Vector) -> float:
    """Compute sum_i q_i H_ii of H = B (I + B'B)^-1 B', B the matrix without its part in a space, q the weights."""
    # Imported late: it takes longer than all other imports together, and most fits do without.
    from scipy.linalg import lapack

    gram = _gram(matrix, basis)
    if not gram.size:
        return 0.0
    gram[np.diag_indices_from(gram)] += 1.0
    factor, _ = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if matrix.shape[1] > matrix.shape[0]:
        # H = I - (I + B B')^-1, but for the space, which B knows nothing of.
        return float(weight @ (1.0 - np.diag(inverse)))
    inside = basis.T @ matrix
    weighted = sparse.csc_array(sparse.diags_array(np.sqrt(weight)) @ matrix)
    crossed = matrix.T @ (weight[:, None] * basis)
    half = (crossed - 0.5 * inside.T @ (basis.T @ (weight[:, None] * basis))) @ inside
    target = _product(weighted) - half - half.T
    lower = np.tril(inverse)
    return float(2.0 * np.sum(lower * target) - np.diag(inverse) @ np.diag(target))

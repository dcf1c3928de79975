"""Ingestion: any matrix in, compact aggregated columns out, which is all that solvers ever see.

Cost follows the non-zeros. The only thing as long as the width is a bitmap of 1 bit a column (and half as much for its
ranks), and beyond a width where that would be silly ids are sorted instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg._core import compact, equal_rows
from sparsereg.inputs.compressed import raise_not_finite
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.equal_slices import equal_slices
from sparsereg.inputs.full_columns import all_rows, columns_of_dense, fill_columns, read_dense
from sparsereg.inputs.rows import MAX_SAMPLES, Rows, as_rows
from sparsereg.inputs.weights import check_sample_weight

# A bitmap up to 16 MB is always cheap; a larger one must not dwarf the non-zeros (sorting 0.9M ids was as quick as a
# bitmap over 233M columns, measured, which is 32 bytes for each); one above 2 GB is never made.
SMALL_WIDTH = 1 << 27
LARGEST_WIDTH = 1 << 34
BITMAP_BYTES_PER_NONZERO = 32
# Ids looked at in one kernel call, about 50 ms of work: a Ctrl-C waits for no more.
CALL_IDS = 1 << 23
# Rows are grouped where that leaves at most this share of them; it costs about one pass of coordinate descent.
WORTHWHILE_RATIO = 0.9
# With fewer rows than this every row is looked at to estimate the share, else one in SAMPLED_SHARE hash values.
FEW_ROWS = 1 << 14
SAMPLED_SHARE = 64


class GroupedTarget(NamedTuple):
    """A target and its weights, brought from samples to aggregated rows.

    Attributes
    ----------
    weight : ndarray of float64 of shape (n_rows,)
        Sum of the samples' weights.
    mean : ndarray of float64 of shape (n_rows,)
        Weighted mean of the samples' y; 0 where the weight is 0.
    within : float
        sum_i w_i / 2 (y_i - mean of its row)**2. The samples' squared loss is that of the rows plus this constant.
    """

    weight: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    within: float


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """A matrix as solvers see it: compact columns over aggregated rows.

    Attributes
    ----------
    n_samples : int
        Rows the caller gave.
    n_features : int
        The caller's width.
    n_rows : int
        Aggregated rows.
    active : ndarray of int64 of shape (n_active,)
        Sorted ids of the occupied columns.
    indptr : ndarray of int64 of shape (n_active + 1,)
    indices : ndarray of int32 of shape (nnz,)
        Row ids, ascending in each column.
    data : ndarray of float32 or float64 of shape (nnz,) or (0,)
        Zeros in full columns alone. Length 0: ones.
    row_of : ndarray of int32 of shape (n_samples,)
        Aggregated row of each of the caller's rows; -1 for rows of weight 0, which were dropped.
    binary : bool
        Every stored value is 1.
    """

    n_samples: int
    n_features: int
    n_rows: int
    active: npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    data: npt.NDArray[Any]
    row_of: npt.NDArray[np.int32]
    binary: bool

    @property
    def n_active(self) -> int:
        """Number of occupied columns."""
        return int(self.active.size)

    @property
    def nnz(self) -> int:
        """Number of stored values."""
        return int(self.indices.size)

    @property
    def is_dense(self) -> bool:
        """Every column has an entry in every row: `data` is the matrix, column by column."""
        return 0 < self.data.size == self.n_active * self.n_rows

    @property
    def n_weighted(self) -> int:
        """Number of the caller's rows that have weight."""
        return int(np.count_nonzero(self.row_of >= 0))

    def left_within(self, sample_weight: Any = None) -> float:
        """Return half the weighted deviance about what stands for several samples already, where some does.

        Parameters
        ----------
        sample_weight : None or ndarray of float64 of shape (n_samples,)
            What counts has weight; by how much is not looked at.

        Returns
        -------
        left : float
            On the scale of the caller's weights; 0, as every row is one of the caller's.
        """
        return 0.0

    def __repr__(self) -> str:
        """Say what went in and what is left."""
        kind = "ones" if self.binary else str(self.data.dtype)
        return (
            f"Design({self.n_samples} samples -> {self.n_rows} rows, {self.n_features} features -> "
            f"{self.n_active} active, {self.nnz} non-zeros, {kind})"
        )

    def aggregate(
        self, y: npt.NDArray[np.float64], sample_weight: npt.NDArray[np.float64] | None = None
    ) -> GroupedTarget:
        """Bring a target and weights from samples to aggregated rows.

        Parameters
        ----------
        y : ndarray of float64 of shape (n_samples,)
            Checked, as weights are.
        sample_weight : None or ndarray of float64 of shape (n_samples,), default=None
            May differ from the weights at construction (a fold's, say), but a row dropped then must weigh 0.

        Returns
        -------
        grouped : GroupedTarget
        """
        weight, dropped = sample_weight, self.row_of < 0
        if dropped.any() and (weight is None or weight[dropped].any()):
            raise ValueError(
                f"sample_weight: {int(dropped.sum())} rows had weight 0 when the design was made and are not in it, "
                "expected weight 0 for them"
            )
        weight_sum, mean = np.zeros(self.n_rows), np.zeros(self.n_rows)
        weight = np.empty(0) if weight is None else weight
        within = equal_rows.weighted_means(self.row_of, np.ascontiguousarray(y), weight, weight_sum, mean)
        return GroupedTarget(weight_sum, mean, within)

    def equal_columns(self, rows: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.int32]:
        """Number the distinct columns.

        Parameters
        ----------
        rows : ndarray of bool of shape (n_rows,) or None, default=None
            The rows to compare; None: all.

        Returns
        -------
        group : ndarray of int32 of shape (n_active,)
            The same number for columns with the same rows and values. Cost: one pass over the non-zeros.
        """
        indptr, indices, data = self.indptr, self.indices, self.data[:0] if self.binary else self.data
        if rows is not None:
            # Of two columns that are equal in these rows only one may be full, with zeros.
            kept = rows[indices] & (self.binary or self.data != 0.0)
            indptr = np.r_[0, np.cumsum(np.add.reduceat(kept, indptr[:-1], dtype=np.int64))]
            indices, data = indices[kept], data if self.binary else data[kept]
        hashes = np.empty(self.n_active, dtype=np.uint64)
        equal_rows.hash_rows(indptr, indices, data, hashes)
        group, _ = equal_slices(indptr, indices, data, hashes, self.n_active)
        return group


def make_design(X: Any, sample_weight: Any = None, *, aggregate: bool | str = "auto", dtype: Any = None) -> Design:
    """Validate, compact, aggregate and transpose a matrix.

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray, DataFrame or nested sequence, of shape (n_samples, n_features)
        Ids may be unsorted, duplicates are added up, stored zeros and empty rows are fine. Never changed. A `Design` is
        returned as it is, `Rows` may be compact, and dense.
    sample_weight : None, float or array-like of shape (n_samples,), default=None
        Rows of weight 0 are dropped, and with them the columns that only they occupy.
    aggregate : {"auto", True, False}, default="auto"
        Make equal rows one. "auto": where an estimate says that at most nine tenths of the rows would be left.
    dtype : None, float32 or float64, default=None
        How to keep values. None: float32 stays float32, anything else becomes float64, except that ones, which are
        exact either way, take float32.

    Returns
    -------
    design : Design
        Aggregated rows are in the order of their last occupied column (the finest cell of a cross), which makes passes
        over columns run through memory in order. Rows that were not aggregated keep their order.
    """
    if isinstance(X, Design):
        return X
    if aggregate not in ("auto", True, False):
        raise ValueError(f"aggregate: {aggregate!r} is not allowed, expected 'auto', True or False")
    X = X.matrix if isinstance(X, DenseRows) else X
    if dtype is not None and np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype: {np.dtype(dtype)} is not allowed, expected None, float32 or float64")
    array = None if aggregate is True else read_dense(X, aggregate == "auto")
    if array is not None:
        return _make_dense(array, sample_weight, dtype)
    rows = as_rows(X, dtype)
    n_samples, n_features = rows.n_samples, rows.n_features
    keep = _find_kept(sample_weight, n_samples)
    if keep is not None or rows.has_zeros:
        rows = select_rows(rows, np.ones(n_samples, dtype=bool) if keep is None else keep)
    compacted = compact_rows(rows)
    # The selected copy, if any, is not needed from here on, and may be as large as X.
    del rows
    order, row = _arrange(compacted, aggregate)
    indptr, indices, data = columns_of(compacted, order, dtype)
    binary = compacted.data.size == 0
    if not binary:
        data, indices, indptr = fill_columns(indptr, indices, data, order.size)
    return Design(
        n_samples=n_samples, n_features=n_features, n_rows=int(order.size), active=compacted.active, indptr=indptr,
        indices=indices, data=data, row_of=_spread(row, keep), binary=binary,
    )


def _make_dense(array: npt.NDArray[Any], sample_weight: Any, dtype: Any) -> Design:
    """Make the design of a dense matrix, whose rows all stay."""
    n_samples, n_features = array.shape
    keep = _find_kept(sample_weight, n_samples)
    columns = columns_of_dense(array, keep, dtype)
    n_rows = n_samples if keep is None else int(np.count_nonzero(keep))
    indptr, indices = all_rows(columns.active.size, n_rows)
    return Design(
        n_samples=n_samples, n_features=n_features, n_rows=n_rows, active=columns.active, indptr=indptr,
        indices=indices, data=columns.data, row_of=_spread(np.arange(n_rows, dtype=np.int32), keep),
        binary=columns.binary,
    )


def _find_kept(sample_weight: Any, n_samples: int) -> npt.NDArray[np.bool_] | None:
    """Return the rows that have weight; None: all."""
    weight = check_sample_weight(sample_weight, n_samples)
    return None if weight is None or weight.all() else weight > 0


def _spread(row: npt.NDArray[np.int32], keep: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int32]:
    """Bring the numbers of rows that were kept to all samples: -1 elsewhere."""
    if keep is None:
        return row
    row_of = np.full(keep.size, -1, dtype=np.int32)
    row_of[keep] = row
    return row_of


def compact_ids(ids: npt.NDArray[Any], n_features: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Number the distinct ids, in order, without gaps.

    Parameters
    ----------
    ids : ndarray of int32 or int64 of shape (nnz,)
        In [0, n_features), in any order.
    n_features : int

    Returns
    -------
    active : ndarray of int64 of shape (n_active,)
        The distinct ids, ascending.
    compacted : ndarray of int32 of shape (nnz,)
        `active[compacted] == ids`.
    """
    bitmap_pays = n_features <= LARGEST_WIDTH and n_features // 8 <= BITMAP_BYTES_PER_NONZERO * ids.size
    if n_features > SMALL_WIDTH and not bitmap_pays:
        distinct, inverse = np.unique(ids, return_inverse=True)
        _check_active(distinct.size)
        return distinct.astype(np.int64, copy=False), inverse.reshape(-1).astype(np.int32)
    bitmap = np.zeros((n_features + 63) // 64, dtype=np.uint64)
    parts = [slice(start, start + CALL_IDS) for start in range(0, ids.size, CALL_IDS)]
    for part in parts:
        compact.mark(ids[part], bitmap)
    before = np.empty(bitmap.size, dtype=np.int32)
    n_active = compact.count_before(bitmap, before)
    _check_active(n_active)
    active = np.empty(n_active, dtype=np.int64)
    compact.marked_ids(bitmap, active)
    compacted = np.empty(ids.size, dtype=np.int32)
    for part in parts:
        compact.rank(ids[part], bitmap, before, compacted[part])
    return active, compacted


def find_ids(
    ids: npt.NDArray[np.int64], active: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Look ids up among the occupied columns.

    Parameters
    ----------
    ids : ndarray of int64 of shape (n_ids,)
    active : ndarray of int64 of shape (n_active,)
        Strictly ascending, as in `Design.active`.

    Returns
    -------
    found : ndarray of bool of shape (n_ids,)
    position : ndarray of int64 of shape (n_found,)
        `active[position] == ids[found]`.
    """
    position = np.searchsorted(active, ids)
    found = position < active.size
    found[found] = active[position[found]] == ids[found]
    return found, position[found]


def merge_ids(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Merge the occupied columns of several parts of the rows.

    Parameters
    ----------
    parts : sequence of ndarray of int64
        Strictly ascending each, not negative; at least one.

    Returns
    -------
    ids : ndarray of int64 of shape (n_active,)
        The distinct ids, ascending.
    """
    # Of sorted runs a stable sort is one merge.
    ids = np.sort(np.concatenate(parts), kind="stable")
    return ids[np.diff(ids, prepend=-1) > 0]


def _check_active(n_active: int) -> None:
    """Refuse more occupied columns than compact ids can number."""
    if n_active > MAX_SAMPLES:
        raise ValueError(f"X: {n_active} occupied columns, at most {MAX_SAMPLES} are allowed")


def select_rows(rows: Rows, keep: npt.NDArray[np.bool_]) -> Rows:
    """Copy the rows to keep, without stored zeros.

    Parameters
    ----------
    rows : Rows
    keep : ndarray of bool of shape (n_samples,)

    Returns
    -------
    rows : Rows
        Of compact rows, without columns that are empty now.
    """
    nnz = int(rows.indptr[-1])
    indptr = np.empty(int(np.count_nonzero(keep)) + 1, dtype=np.int64)
    indices = np.empty(nnz, dtype=rows.indices.dtype)
    data = np.empty(nnz if rows.data.size else 0, dtype=rows.data.dtype)
    binary = compact.select(rows.indptr, rows.indices, rows.data, keep.view(np.uint8), indptr, indices, data)
    data = data[: 0 if binary else indptr[-1]]
    indices, active = indices[: indptr[-1]], rows.active
    if active is not None:
        active, indices = _occupied(active, indices)
    return Rows(indptr, indices, data, indptr.size - 1, rows.n_features, rows.is_sorted, False, active)


def _occupied(
    active: npt.NDArray[np.int64], indices: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Leave out the columns of compact rows that have no entry any more."""
    used = np.bincount(indices, minlength=active.size) > 0
    return active[used], (np.cumsum(used, dtype=np.int32) - 1)[indices]


def compact_rows(rows: Rows) -> Rows:
    """Compact the ids of validated rows; sort them and add duplicates up where need be.

    Parameters
    ----------
    rows : Rows

    Returns
    -------
    compacted : Rows
        Ids strictly ascending in every row.
    """
    if rows.active is not None:
        return rows
    active, indices = compact_ids(rows.indices[: rows.indptr[-1]], rows.n_features)
    if rows.is_sorted:
        return Rows(rows.indptr, indices, rows.data, rows.n_samples, rows.n_features, True, rows.has_zeros, active)
    # Two stable counting sorts bring every row into order, whatever its length.
    columns = _transpose(rows.indptr, indices, rows.data, np.arange(rows.indptr.size - 1, dtype=np.int32), active.size)
    indptr, indices, data = _transpose(*columns, np.arange(active.size, dtype=np.int32), rows.indptr.size - 1)
    merged_indptr, merged, values = np.empty_like(indptr), np.empty_like(indices), np.empty(indices.size, data.dtype)
    n_dropped, bad_row, binary = compact.merge_duplicates(indptr, indices, data, merged_indptr, merged, values)
    if bad_row >= 0:
        raise_not_finite(np.inf, values.dtype, f"as the sum of duplicate entries in row {bad_row}", "X")
    nnz = merged_indptr[-1]
    merged, values = merged[:nnz], values[: 0 if binary else nnz]
    if n_dropped:
        # Entries that cancelled may have emptied their columns.
        active, merged = _occupied(active, merged)
    return Rows(merged_indptr, merged, values, rows.n_samples, rows.n_features, True, False, active)


def _transpose(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any],
    order: npt.NDArray[np.int32], n_columns: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[Any]]:
    """Read rows in the given order into columns."""
    out_indptr = np.zeros(n_columns + 1, dtype=np.int64)
    nnz = int((indptr[1:][order] - indptr[:-1][order]).sum())
    out_indices = np.empty(nnz, dtype=np.int32)
    out_data = np.empty(nnz if data.size else 0, dtype=data.dtype)
    compact.transpose(indptr, indices, data, order, out_indptr, out_indices, out_data)
    return out_indptr, out_indices, out_data


def columns_of(
    rows: Rows, order: npt.NDArray[np.int32], dtype: Any = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[Any]]:
    """Build the compact columns, ones without values.

    Parameters
    ----------
    rows : Rows
        Compact.
    order : ndarray of int32 of shape (n_rows,)
        Those to keep, in turn.
    dtype : None, float32 or float64, default=None
        Of ones; None: float32.

    Returns
    -------
    indptr, indices, data : ndarray
        As in `Design`.
    """
    indptr, indices, data = _transpose(rows.indptr, rows.indices, rows.data, order, rows.active.size)
    if rows.data.size == 0:
        data = np.empty(0, dtype=np.float32 if dtype is None else dtype)
    return indptr, indices, data


def _arrange(rows: Rows, aggregate: bool | str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Choose the rows that stay, in order, and say for every row which of them stands for it."""
    n_rows = rows.indptr.size - 1
    if aggregate:
        hashes = np.empty(n_rows, dtype=np.uint64)
        equal_rows.hash_rows(rows.indptr, rows.indices, rows.data, hashes)
        expected = _estimate_distinct(hashes)
        if aggregate != "auto" or expected <= WORTHWHILE_RATIO * n_rows:
            return _group(rows, hashes, expected)
    every = np.arange(n_rows, dtype=np.int32)
    return every, every


def _estimate_distinct(hashes: npt.NDArray[np.uint64]) -> int:
    """Estimate the number of distinct rows from those of small hash: equal rows are sampled or left out together."""
    if hashes.size <= FEW_ROWS:
        return int(np.unique(hashes).size)
    sampled = hashes[hashes < np.uint64(2**64 // SAMPLED_SHARE)]
    return min(SAMPLED_SHARE * int(np.unique(sampled).size), hashes.size)


def _group(
    rows: Rows, hashes: npt.NDArray[np.uint64], expected: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Group equal rows; order the groups by their last column."""
    group, representative = equal_slices(rows.indptr, rows.indices, rows.data, hashes, expected)
    order, position = order_rows(rows, representative)
    return order, position[group]


def order_rows(rows: Rows, kept: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Order rows by their last column.

    Parameters
    ----------
    rows : Rows
        Compact.
    kept : ndarray of int32 of shape (n_kept,)
        The rows to order.

    Returns
    -------
    order, position : ndarray of int32 of shape (n_kept,)
        `order` is `kept` in that order, and `order[position] == kept`.
    """
    order, position = np.empty(kept.size, dtype=np.int32), np.empty(kept.size, dtype=np.int32)
    start = np.zeros(rows.active.size + 2, dtype=np.int64)
    equal_rows.order_by_last_id(rows.indptr, rows.indices, kept, start, order, position)
    return order, position

"""Correlations of columns with a residual that moves little: taken again only where they may matter."""
cimport cython
import numpy as np

from cython cimport floating
from libc.math cimport fabs, sqrt

from sparsereg._core.sparse_ops cimport dot, values_from
from sparsereg._core.types cimport index_t, offset_t

# Residuals kept; a column's correlation was last taken with one of them.
cdef enum:
    KEPT = 8
# What rounding may add to a bound, relative to norm of the column and residual.
cdef double ROUNDING = 1e-12
# No residual.
cdef enum:
    NOWHERE = 255


@cython.final
cdef class BoundedCorrelations:
    """Correlations v_j = x_j'z with residuals z of one path, and the residual each was taken with.

    For a later residual Cauchy-Schwarz bounds |v_j| by c |v_j before| + |x_j| |z - c z before|, whatever c is. Where
    that is below a threshold column j needs no pass.

    Arguments
    ---------
    n_columns : columns of the matrix
    n_rows : rows
    """

    cdef double[:, ::1] residuals
    cdef unsigned char[::1] taken_with
    cdef double[::1] before
    cdef double factor[KEPT]
    cdef double distance[KEPT]
    cdef int newest
    cdef readonly Py_ssize_t n_passes

    def __init__(self, Py_ssize_t n_columns, Py_ssize_t n_rows):
        self.residuals = np.zeros((KEPT, n_rows))
        self.taken_with = np.full(n_columns, NOWHERE, dtype=np.uint8)
        self.before = np.zeros(n_columns)
        self.newest, self.n_passes = 0, 0

    def refresh(
        self, const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
        const index_t[::1] columns, const double[::1] z, const double[::1] scaled, const double[::1] norm,
        const double[::1] threshold, double share, const double[::1] lower, const double[::1] upper, double[::1] v,
        const index_t[::1] known,
    ):
        """Take the correlations with a residual where they may be above their thresholds.

        Arguments
        ---------
        data, indices, indptr : the compact columns (CSC), in
        columns : int32 (n_columns,), always the same in all calls, in
        z : float64 (n_rows,), weighted residual, in
        scaled : float64 (n_rows,), z over the root of the weights, in
        norm : float64 (n_active,), of the columns, centred and times the root of the weights, in
        threshold : float64 (n_active,), in
        share : correlations below this share of the thresholds need not be taken
        lower, upper : float64 (n_active,), 0 where the coefficient cannot have that sign, in
        v : float64 (n_active,), out; where a correlation was not taken what it would be if the residual had only
            shrunk or grown: it and the true one are below the share of the threshold
        known : int32 (n_known,), columns whose correlation with this residual is in v already, in

        Returns
        -------
        worst : float
            Largest correlation on a side that a coefficient can have, relative to the thresholds; no less than `share`.

        Cost: one pass over the columns whose bound is above, and a few operations for each other one.
        """
        cdef Py_ssize_t k, n_rows = scaled.shape[0]
        cdef index_t j
        cdef int kept
        cdef offset_t start
        cdef double worst = share, estimate
        cdef const double *residual = &z[0]
        cdef const floating *values = &data[0] if data.shape[0] else NULL
        with nogil:
            self._make_room(columns)
            self._compare(&scaled[0], n_rows)
            for k in range(known.shape[0]):
                self.taken_with[known[k]] = <unsigned char>self.newest
                self.before[known[k]] = v[known[k]]
                worst = max(worst, self._excess(known[k], threshold, lower, upper))
            for k in range(columns.shape[0]):
                j = columns[k]
                kept = self.taken_with[j]
                if kept == self.newest:
                    continue
                if kept != NOWHERE:
                    estimate = self.factor[kept] * self.before[j]
                    if fabs(estimate) + self.distance[kept] * norm[j] <= share * threshold[j]:
                        v[j] = estimate
                        continue
                start = indptr[j]
                estimate = dot(values_from(values, start), &indices[start], indptr[j + 1] - start, residual)
                v[j] = self.before[j] = estimate
                self.n_passes += 1
                self.taken_with[j] = <unsigned char>self.newest
                worst = max(worst, self._excess(j, threshold, lower, upper))
        return worst

    cdef double _excess(
        self, index_t j, const double[::1] threshold, const double[::1] lower, const double[::1] upper
    ) noexcept nogil:
        """Return a correlation on a side that the coefficient can have, relative to the threshold."""
        cdef double v = self.before[j]
        if (upper[j] if v > 0.0 else -lower[j]) > 0.0 and threshold[j] > 0.0:
            return fabs(v) / threshold[j]
        return 0.0

    cdef void _make_room(self, const index_t[::1] columns) noexcept nogil:
        """Let go of the residual that the fewest columns were taken with; these have to be taken again."""
        cdef Py_ssize_t n_columns[NOWHERE + 1]
        cdef Py_ssize_t k
        cdef int kept
        for kept in range(NOWHERE + 1):
            n_columns[kept] = 0
        for k in range(columns.shape[0]):
            n_columns[self.taken_with[columns[k]]] += 1
        self.newest = 0
        for kept in range(KEPT):
            if n_columns[kept] < n_columns[self.newest]:
                self.newest = kept
        if n_columns[self.newest] > 0:
            for k in range(columns.shape[0]):
                if self.taken_with[columns[k]] == self.newest:
                    self.taken_with[columns[k]] = NOWHERE

    cdef void _compare(self, const double *z, Py_ssize_t n_rows) noexcept nogil:
        """Measure how far the residual is from those kept, and keep it in the room that was made."""
        cdef Py_ssize_t i
        cdef int kept
        cdef double size, inner, away, square = 0.0
        cdef double *before
        for i in range(n_rows):
            square += z[i] * z[i]
        for kept in range(KEPT):
            before = &self.residuals[kept, 0]
            size = inner = away = 0.0
            for i in range(n_rows):
                size += before[i] * before[i]
                inner += before[i] * z[i]
            self.factor[kept] = inner / size if size > 0.0 else 0.0
            for i in range(n_rows):
                inner = z[i] - self.factor[kept] * before[i]
                away += inner * inner
            self.distance[kept] = sqrt(away) + ROUNDING * sqrt(square)
        before = &self.residuals[self.newest, 0]
        for i in range(n_rows):
            before[i] = z[i]

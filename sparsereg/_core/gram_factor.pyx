"""Cholesky factor of the Gram matrix of chosen columns, which are held dense."""
import numpy as np

from cython cimport floating
from libc.string cimport memcpy

from sparsereg._core.cholesky cimport append, remove, solve_transposed, solve_upper
from sparsereg._core.sparse_ops cimport sparsereg_axpy_double, sparsereg_dot_double
from sparsereg._core.types cimport index_t, offset_t


cdef class GramFactor:
    """Members of a working set, and the Cholesky factor of their Gram matrix plus ridge: R'R = G.

    Columns are held in slots: dense, centred under the weights and times their root.

    Arguments
    ---------
    n_columns : columns of the matrix
    n_rows : rows
    n_slots : columns held at a time
    max_members : most members at a time; must be at least the rank of the columns where there is no ridge

    Memory: (n_rows n_slots + max_members^2) numbers, touched as they are needed.
    """

    def __init__(self, Py_ssize_t n_columns, Py_ssize_t n_rows, Py_ssize_t n_slots, Py_ssize_t max_members):
        self.n_rows, self.n_slots, self.max_members, self.ld = n_rows, n_slots, max_members, max_members + 1
        self.stride = (n_rows + 7) // 8 * 8
        self.n_members = self.n_used = self.n_set = self.stamp = 0
        self.work = 0.0
        self.column_of = np.full(n_slots, -1, dtype=np.int32)
        self.slot_of = np.full(n_columns, -1, dtype=np.int32)
        self.place = np.full(n_slots, -1, dtype=np.intp)
        self.stamps, self.taken = np.zeros((2, n_slots), dtype=np.intp)
        self.chosen = np.zeros(n_slots, dtype=np.int32)
        self.block = np.zeros(n_slots * self.stride)
        self.square, self.ridge = np.zeros((2, n_slots))
        self.members = np.zeros(self.ld, dtype=np.int32)
        self.factor = np.zeros(self.ld * self.ld)
        self.right, self.solved, self.spare = np.zeros((3, self.ld))
        self.outside = np.zeros(self.stride)

    @property
    def columns(self):
        """Columns that are members, in the order of the factor."""
        return np.asarray(self.column_of)[np.asarray(self.members)[:self.n_members]]

    # Columns in slots.

    def hold(
        self, const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
        const index_t[::1] columns, const double[::1] root, const double[::1] mean,
    ):
        """Bring the columns of a working set into slots; members that are not among them leave.

        Arguments
        ---------
        data, indices, indptr : the compact columns (CSC), in; no data where every value is 1
        columns : int32 (n_columns,), at most as many as there are slots, in
        root : float64 (n_rows,), or (1,) where all rows weigh the same, root of their weights, in
        mean : float64 (n_columns,), weighted mean of each; 0 for a model without intercept, in

        Cost: the rows of each column that has no slot yet.
        """
        cdef Py_ssize_t k, slot, free = 0, n = columns.shape[0]
        cdef offset_t p
        cdef double *x
        cdef bint uniform = root.shape[0] == 1
        self.stamp += 1
        self.n_set = n
        with nogil:
            for k in range(n):
                slot = self.slot_of[columns[k]]
                self.chosen[k] = <index_t>slot
                if slot >= 0:
                    self.stamps[slot] = self.stamp
            for k in range(self.n_members - 1, -1, -1):
                if self.stamps[self.members[k]] != self.stamp:
                    self._leave(k)
            for k in range(n):
                if self.chosen[k] >= 0:
                    continue
                if self.n_used < self.n_slots:
                    slot = self.n_used
                    self.n_used += 1
                else:
                    while self.stamps[free] == self.stamp:
                        free += 1
                    slot = free
                    self.slot_of[self.column_of[slot]] = -1
                self.stamps[slot], self.taken[slot] = self.stamp, 0
                self.chosen[k] = self.slot_of[columns[k]] = <index_t>slot
                self.column_of[slot] = columns[k]
                x = &self.block[slot * self.stride]
                for p in range(self.n_rows):
                    x[p] = -mean[k]
                for p in range(indptr[columns[k]], indptr[columns[k] + 1]):
                    x[indices[p]] += data[p] if data.shape[0] > 0 else 1.0
                for p in range(self.n_rows):
                    x[p] *= root[0 if uniform else p]
                self.square[slot] = sparsereg_dot_double(x, x, self.stride)

    # The factor: R'R = G of the members, plus their ridge.

    cdef double _project(self, Py_ssize_t slot) noexcept nogil:
        """Solve R'l = g (to `right`) and R q = l (to `solved`) for a column; return its square outside their span.

        Taken from the residual x - X q (to `outside`), so that it does not cancel.
        """
        cdef Py_ssize_t i, m = self.n_members
        cdef double *g = &self.right[0]
        cdef double *q = &self.solved[0]
        cdef double *e = &self.outside[0]
        cdef const double *R = &self.factor[0]
        cdef const double *x = &self.block[slot * self.stride]
        cdef double total
        for i in range(m):
            g[i] = sparsereg_dot_double(&self.block[self.members[i] * self.stride], x, self.stride)
        solve_transposed(R, self.ld, m, g)
        memcpy(q, g, m * sizeof(double))
        solve_upper(R, self.ld, m, q)
        memcpy(e, x, self.stride * sizeof(double))
        for i in range(m):
            sparsereg_axpy_double(-q[i], &self.block[self.members[i] * self.stride], e, self.stride)
        total = sparsereg_dot_double(e, e, self.stride) + self.ridge[slot]
        for i in range(m):
            total += self.ridge[self.members[i]] * q[i] * q[i]
        self.work += m * (2.0 * self.stride + m)
        return total

    cdef void _enter(self, Py_ssize_t slot, double square) noexcept nogil:
        """Make a column that was projected a member."""
        cdef Py_ssize_t m = self.n_members
        append(&self.factor[0], self.ld, m, &self.right[0], square)
        self.members[m] = <index_t>slot
        self.place[slot] = m
        self.n_members += 1

    cdef void _leave(self, Py_ssize_t gone) noexcept nogil:
        """Take a member out."""
        cdef Py_ssize_t i, m = self.n_members
        remove(&self.factor[0], self.ld, m, gone, &self.spare[0])
        self.place[self.members[gone]] = -1
        for i in range(gone + 1, m):
            self.members[i - 1] = self.members[i]
            self.place[self.members[i]] = i - 1
        self.n_members -= 1
        self.work += 3.0 * (m - gone) * (m - gone)

    cdef void _forget(self) noexcept nogil:
        """Have no members."""
        cdef Py_ssize_t i
        for i in range(self.n_members):
            self.place[self.members[i]] = -1
        self.n_members = 0

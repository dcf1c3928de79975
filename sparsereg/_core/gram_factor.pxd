# Cholesky factor of the Gram matrix of chosen columns.
from sparsereg._core.types cimport index_t


cdef class GramFactor:
    cdef readonly Py_ssize_t n_slots, max_members, n_members
    cdef Py_ssize_t n_rows, stride, ld, n_used, n_set, stamp
    # Multiplications since signals were last checked.
    cdef double work
    # By column and by slot.
    cdef index_t[::1] slot_of, column_of, chosen
    # Call that last chose the slot, place among the members or -1, residual it was last correlated with.
    cdef Py_ssize_t[::1] stamps, place, taken
    cdef double[::1] block, square, ridge
    # By place among the members.
    cdef index_t[::1] members
    cdef double[::1] factor, right, solved, spare
    # By row.
    cdef double[::1] outside

    cdef double _project(self, Py_ssize_t slot) noexcept nogil
    cdef void _enter(self, Py_ssize_t slot, double square) noexcept nogil
    cdef void _leave(self, Py_ssize_t gone) noexcept nogil
    cdef void _forget(self) noexcept nogil

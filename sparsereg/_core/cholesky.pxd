# Cholesky factor R of a matrix G = R'R that grows and shrinks by one row and column at a time.
# R is upper triangular, by rows, `ld` from one to the next: every loop below runs along a row.
# Golub and Van Loan, Matrix Computations, sections 3.1 and 6.5.
from libc.math cimport sqrt
from libc.string cimport memcpy, memmove

from sparsereg._core.sparse_ops cimport sparsereg_axpy_double, sparsereg_dot_double


cdef inline void solve_transposed(const double *R, Py_ssize_t ld, Py_ssize_t n, double *x) noexcept nogil:
    """Solve R'x = x, in place."""
    cdef Py_ssize_t i
    for i in range(n):
        x[i] /= R[i * ld + i]
        sparsereg_axpy_double(-x[i], R + i * ld + i + 1, x + i + 1, n - i - 1)


cdef inline void solve_upper(const double *R, Py_ssize_t ld, Py_ssize_t n, double *x) noexcept nogil:
    """Solve R x = x, in place."""
    cdef Py_ssize_t i
    for i in range(n - 1, -1, -1):
        x[i] = (x[i] - sparsereg_dot_double(R + i * ld + i + 1, x + i + 1, n - i - 1)) / R[i * ld + i]


cdef inline void append(double *R, Py_ssize_t ld, Py_ssize_t n, const double *above, double square) noexcept nogil:
    """Give G a column g: `above` solves R'x = g, and `square` is what x'x leaves of its diagonal."""
    cdef Py_ssize_t i
    for i in range(n):
        R[i * ld + n] = above[i]
    R[n * ld + n] = sqrt(square)


cdef inline void remove(double *R, Py_ssize_t ld, Py_ssize_t n, Py_ssize_t gone, double *spare) noexcept nogil:
    """Take row and column `gone` out of G: its row of R is rotated into those below. `spare` holds n numbers."""
    cdef Py_ssize_t i, k
    cdef double *row
    cdef double *into
    cdef double c, s, size, x
    memcpy(spare, R + gone * ld + gone + 1, (n - gone - 1) * sizeof(double))
    for i in range(gone):
        memmove(R + i * ld + gone, R + i * ld + gone + 1, (n - gone - 1) * sizeof(double))
    for i in range(gone + 1, n):
        row, into = R + i * ld + i, R + (i - 1) * ld + i - 1
        size = sqrt(row[0] * row[0] + spare[0] * spare[0])
        c, s = row[0] / size, spare[0] / size
        for k in range(n - i):
            x = row[k]
            into[k] = c * x + s * spare[k]
            spare[k] = c * spare[k] - s * x
        spare += 1

"""Whole passes over chosen columns: gradient, moments and products."""
from cython cimport floating
from cython.parallel cimport prange

from sparsereg._core.rows cimport axpy, dot
from sparsereg._core.types cimport index_t, offset_t


def correlate(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] columns, const double[::1] z, double[::1] out, int n_threads,
):
    """Write X_j' z to out[j] for each j in columns."""
    cdef Py_ssize_t k, n = columns.shape[0]
    cdef offset_t start
    cdef index_t j
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef const index_t *rows = &indices[0] if indices.shape[0] else NULL
    for k in prange(n, nogil=True, num_threads=n_threads, schedule="static"):
        j = columns[k]
        start = indptr[j]
        out[j] = dot(values + start, rows + start, indptr[j + 1] - start, &z[0])


def moments(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] columns, const double[::1] weight, double[::1] mass, double[::1] square,
):
    """Write sum_i weight_i x_ij to mass[k] and sum_i weight_i x_ij^2 to square[k] for the k-th of columns."""
    cdef Py_ssize_t k
    cdef offset_t p
    cdef index_t j
    cdef bint uniform = weight.shape[0] == 1
    cdef double s, t, x, v
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            s = 0.0
            t = 0.0
            for p in range(indptr[j], indptr[j + 1]):
                v = weight[0] if uniform else weight[indices[p]]
                x = data[p]
                s += v * x
                t += v * x * x
            mass[k] = s
            square[k] = t


def accumulate(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] columns, const double[::1] delta, double[::1] out,
):
    """Add X_j delta[k] to out for the k-th of columns."""
    cdef Py_ssize_t k
    cdef offset_t start
    with nogil:
        for k in range(columns.shape[0]):
            if delta[k] != 0.0:
                start = indptr[columns[k]]
                axpy(delta[k], &data[start], &indices[start], indptr[columns[k] + 1] - start, &out[0])

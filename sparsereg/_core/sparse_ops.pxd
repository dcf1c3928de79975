# The verbs on one sparse row or column: `n` positions, ids `index`, values `value`.
# `dot` keeps four sums: a single one waits for the latency of each addition (4 cycles), four do not.
from cython cimport floating

from sparsereg._core.types cimport index_t, offset_t


cdef inline double dot(const floating *value, const index_t *index, offset_t n, const double *dense) noexcept nogil:
    """Return sum_k value[k] * dense[index[k]]."""
    cdef double a = 0.0, b = 0.0, c = 0.0, d = 0.0
    cdef offset_t k = 0
    while k + 3 < n:
        a += value[k] * dense[index[k]]
        b += value[k + 1] * dense[index[k + 1]]
        c += value[k + 2] * dense[index[k + 2]]
        d += value[k + 3] * dense[index[k + 3]]
        k += 4
    while k < n:
        a += value[k] * dense[index[k]]
        k += 1
    return (a + b) + (c + d)


cdef inline double dot_ones(const index_t *index, offset_t n, const double *dense) noexcept nogil:
    """Return sum_k dense[index[k]]."""
    cdef double a = 0.0, b = 0.0, c = 0.0, d = 0.0
    cdef offset_t k = 0
    while k + 3 < n:
        a += dense[index[k]]
        b += dense[index[k + 1]]
        c += dense[index[k + 2]]
        d += dense[index[k + 3]]
        k += 4
    while k < n:
        a += dense[index[k]]
        k += 1
    return (a + b) + (c + d)


cdef inline void axpy(
    double factor, const floating *value, const index_t *index, offset_t n, double *dense
) noexcept nogil:
    """Add factor * value[k] to dense[index[k]]."""
    cdef offset_t k
    for k in range(n):
        dense[index[k]] += factor * value[k]


cdef inline void axpy_weighted(
    double factor, const floating *value, const index_t *index, offset_t n,
    const double *weight, double *dense
) noexcept nogil:
    """Add factor * weight[index[k]] * value[k] to dense[index[k]]."""
    cdef offset_t k
    for k in range(n):
        dense[index[k]] += factor * weight[index[k]] * value[k]

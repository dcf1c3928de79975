# The verbs on one sparse row or column: `n` positions, ids `index` that ascend strictly, values `value`: NULL for ones,
# with the bits of ones that are spelled out. Where the ids leave none out, as in a full column, they are a contiguous
# run, and the verb runs without reading them.
# `dot` keeps four sums: a single one waits for the latency of each addition (4 cycles), four do not.
from cython cimport floating
from libc.stdint cimport int64_t

from sparsereg._core.types cimport index_t, offset_t

cdef extern from "contiguous.h":
    double sparsereg_sum(const double *dense, int64_t n) noexcept nogil
    double sparsereg_dot_float(const float *value, const double *dense, int64_t n) noexcept nogil
    double sparsereg_dot_double(const double *value, const double *dense, int64_t n) noexcept nogil
    double sparsereg_values_float(const float *value, int64_t n) noexcept nogil
    double sparsereg_values_double(const double *value, int64_t n) noexcept nogil
    double sparsereg_squares_float(const float *value, int64_t n) noexcept nogil
    double sparsereg_squares_double(const double *value, int64_t n) noexcept nogil
    double sparsereg_weighted_squares_float(const float *value, const double *dense, int64_t n) noexcept nogil
    double sparsereg_weighted_squares_double(const double *value, const double *dense, int64_t n) noexcept nogil
    bint sparsereg_look_float(const float *value, int64_t n, unsigned char *filled) noexcept nogil
    bint sparsereg_look_double(const double *value, int64_t n, unsigned char *filled) noexcept nogil
    void sparsereg_axpy_float(double factor, const float *value, double *dense, int64_t n) noexcept nogil
    void sparsereg_axpy_double(double factor, const double *value, double *dense, int64_t n) noexcept nogil
    void sparsereg_axpy_weighted_float(
        double factor, const float *value, const double *weight, double *dense, int64_t n
    ) noexcept nogil
    void sparsereg_axpy_weighted_double(
        double factor, const double *value, const double *weight, double *dense, int64_t n
    ) noexcept nogil

cdef enum:
    # Shorter runs than this, one register block of `dot`, are not worth the question.
    SHORTEST_RUN = 16


cdef inline bint is_run(const index_t *index, offset_t n) noexcept nogil:
    """Say whether strictly ascending ids are a contiguous run worth running without them."""
    return n >= SHORTEST_RUN and index[n - 1] - index[0] == n - 1


cdef inline const floating *values_from(const floating *value, offset_t start) noexcept nogil:
    """Return where the values of a row or column start, NULL for ones."""
    if value == NULL:
        return NULL
    return value + start


cdef inline double dot_run(const floating *value, offset_t n, const double *dense) noexcept nogil:
    """Return sum_k value[k] * dense[k]."""
    if floating is float:
        return sparsereg_dot_float(value, dense, n)
    else:
        return sparsereg_dot_double(value, dense, n)


cdef inline double sum_run(const floating *value, offset_t n) noexcept nogil:
    """Return sum_k value[k]."""
    if floating is float:
        return sparsereg_values_float(value, n)
    else:
        return sparsereg_values_double(value, n)


cdef inline double squares_run(const floating *value, offset_t n) noexcept nogil:
    """Return sum_k value[k]^2."""
    if floating is float:
        return sparsereg_squares_float(value, n)
    else:
        return sparsereg_squares_double(value, n)


cdef inline double weighted_squares_run(const floating *value, offset_t n, const double *weight) noexcept nogil:
    """Return sum_k weight[k] * value[k]^2."""
    if floating is float:
        return sparsereg_weighted_squares_float(value, weight, n)
    else:
        return sparsereg_weighted_squares_double(value, weight, n)


cdef inline bint look_run(const floating *value, offset_t n, unsigned char *filled) noexcept nogil:
    """Say whether some value is not finite; set `filled` if some is not 0."""
    if floating is float:
        return sparsereg_look_float(value, n, filled)
    else:
        return sparsereg_look_double(value, n, filled)


cdef inline double dot(const floating *value, const index_t *index, offset_t n, const double *dense) noexcept nogil:
    """Return sum_k value[k] * dense[index[k]]."""
    cdef double a = 0.0, b = 0.0, c = 0.0, d = 0.0
    cdef offset_t k = 0
    if value == NULL:
        return dot_ones(index, n, dense)
    if is_run(index, n):
        return dot_run(value, n, dense + index[0])
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
    if is_run(index, n):
        return sparsereg_sum(dense + index[0], n)
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


cdef inline void add_ones(double factor, const index_t *index, offset_t n, double *dense) noexcept nogil:
    """Add factor to dense[index[k]]."""
    cdef offset_t k
    if is_run(index, n):
        for k in range(index[0], index[0] + n):
            dense[k] += factor
        return
    for k in range(n):
        dense[index[k]] += factor


cdef inline void add_weighted_ones(
    double factor, const index_t *index, offset_t n, const double *weight, double *dense
) noexcept nogil:
    """Add factor * weight[index[k]] to dense[index[k]]."""
    cdef offset_t k
    if is_run(index, n):
        for k in range(index[0], index[0] + n):
            dense[k] += factor * weight[k]
        return
    for k in range(n):
        dense[index[k]] += factor * weight[index[k]]


cdef inline void axpy(
    double factor, const floating *value, const index_t *index, offset_t n, double *dense
) noexcept nogil:
    """Add factor * value[k] to dense[index[k]]."""
    cdef offset_t k
    if value == NULL:
        add_ones(factor, index, n, dense)
        return
    if is_run(index, n):
        if floating is float:
            sparsereg_axpy_float(factor, value, dense + index[0], n)
        else:
            sparsereg_axpy_double(factor, value, dense + index[0], n)
        return
    for k in range(n):
        dense[index[k]] += factor * value[k]


cdef inline void axpy_weighted(
    double factor, const floating *value, const index_t *index, offset_t n,
    const double *weight, double *dense
) noexcept nogil:
    """Add factor * weight[index[k]] * value[k] to dense[index[k]]."""
    cdef offset_t k
    if value == NULL:
        add_weighted_ones(factor, index, n, weight, dense)
        return
    if is_run(index, n):
        if floating is float:
            sparsereg_axpy_weighted_float(factor, value, weight + index[0], dense + index[0], n)
        else:
            sparsereg_axpy_weighted_double(factor, value, weight + index[0], dense + index[0], n)
        return
    for k in range(n):
        dense[index[k]] += factor * weight[index[k]] * value[k]

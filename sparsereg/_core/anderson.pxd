# Anderson extrapolation of a fixed-point sequence from its last HISTORY steps.
# Bertrand and Massias, "Anderson acceleration of coordinate descent", AISTATS 2021, algorithm 1 (K = 5 there too).
from libc.math cimport fabs

cdef enum:
    HISTORY = 5
    # Longer extrapolations, in steps of the history, would drown what they gain in rounding.
    MAX_EXTRAPOLATION = 100_000


cdef inline bint extrapolation_weights(const double *history, Py_ssize_t n, double *weights) noexcept nogil:
    """Solve (U U') c = 1, sum(c) = 1 for the differences U of `history`, (HISTORY + 1) x n; False when singular."""
    cdef double gram[HISTORY][HISTORY]
    cdef double total, pivot, ratio, size, trace = 0.0
    cdef Py_ssize_t i
    cdef int a, b, c
    cdef const double *u
    cdef const double *v
    for a in range(HISTORY):
        for b in range(a + 1):
            u = history + a * n
            v = history + b * n
            total = 0.0
            for i in range(n):
                total += (u[n + i] - u[i]) * (v[n + i] - v[i])
            gram[a][b] = gram[b][a] = total
        trace += gram[a][a]
    if trace <= 0.0:
        return False
    for a in range(HISTORY):
        gram[a][a] += 1e-12 * trace  # keeps the elimination below regular when steps are nearly parallel
        weights[a] = 1.0
    for a in range(HISTORY):
        pivot = gram[a][a]
        if fabs(pivot) <= 1e-300:
            return False
        for b in range(a + 1, HISTORY):
            ratio = gram[b][a] / pivot
            for c in range(a, HISTORY):
                gram[b][c] -= ratio * gram[a][c]
            weights[b] -= ratio * weights[a]
    for a in range(HISTORY - 1, -1, -1):
        for b in range(a + 1, HISTORY):
            weights[a] -= gram[a][b] * weights[b]
        weights[a] /= gram[a][a]
    total = 0.0
    for a in range(HISTORY):
        total += weights[a]
    size = 0.0
    for a in range(HISTORY):
        weights[a] /= total
        size += fabs(weights[a])
    return size <= MAX_EXTRAPOLATION  # False for NaN too

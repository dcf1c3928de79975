"""Stochastic gradient steps over dense rows, whose columns need neither ids nor a search for their states.

A value of 0 stands for an entry that is not there: states, intercepts and predictions have the bits of the same rows
without their zeros.

Arguments common to the functions: `wide` and `narrow`, float64 and float32 of shape (n_stored, n_columns), in any
order of memory, in, are the values: one of them, the other has the shape (0, 0). `order`, int32 of shape (n_rows,), in:
the stored rows to go through, in turn; of length 0: all of them as they lie.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from sparsereg._core.dense_rows cimport Matrix, matrix_of, row_of
from sparsereg._core.losses cimport Loss
from sparsereg._core.optimizers cimport FTRL, finite
from sparsereg._core.state_table cimport StateTable, Table, index_of
from sparsereg._core.types cimport index_t, offset_t

# How `learn` ends.
cpdef enum:
    DONE, DIVERGED

cdef enum:
    # Rows predicted side by side: the additions of one wait for each other.
    TOGETHER = 4

cdef extern from "ftrl_dense.h":
    ctypedef struct sparsereg_dense_ftrl:
        double beta
        double inverse
        double t
        double l1
        double l2
        uint64_t noise
    int sparsereg_dense_ftrl_lanes() nogil
    double sparsereg_dense_ftrl_predict(
        int lanes, const sparsereg_dense_ftrl *rule, const double *state, const double *x, int64_t n, double t,
        double *w
    ) noexcept nogil
    bint sparsereg_dense_ftrl_step(
        int lanes, const sparsereg_dense_ftrl *rule, double slope, double *state, const double *x, const double *w,
        int64_t n, double *old
    ) noexcept nogil

# Doubles to a register; fewer where a test asks for it.
cdef int lanes = sparsereg_dense_ftrl_lanes()


def use_lanes(int most):
    """Let `learn` use registers of so many doubles at most, and return how many it uses; for tests of its bits."""
    global lanes
    lanes = min(most, sparsereg_dense_ftrl_lanes())
    return lanes


cdef inline bint learn_ftrl_row(
    Loss loss, FTRL optimizer, sparsereg_dense_ftrl *rule, const double *x, double *state, double *w, double *old,
    offset_t n, double y, double s, double unit, double *intercept, double *totals
) noexcept nogil:
    """Predict, measure and step, on vector registers."""
    cdef double b[2]
    cdef double t, value, slope
    cdef bint whole
    rule.t = optimizer.t
    t = sparsereg_dense_ftrl_predict(lanes, rule, state, x, n, 0.0 if intercept == NULL else intercept[0], w)
    value = loss.half_deviance(y, t)
    slope = loss.derivative(y, t) * (s / unit)
    if not finite(totals[1] + s * value) or not finite(slope):
        return False
    optimizer.begin(s / unit, unit)
    rule.noise = optimizer.noise
    whole = sparsereg_dense_ftrl_step(lanes, rule, slope, state, x, w, n, old)
    if intercept != NULL:
        b[0], b[1] = intercept[0], intercept[1]
        whole &= optimizer.intercept(&intercept[0], &intercept[1], slope)
    if not whole:
        memcpy(state, old, n * sizeof(double))
        if intercept != NULL:
            intercept[0], intercept[1] = b[0], b[1]
        return False
    optimizer.advance()
    totals[0] += s
    totals[1] += s * value
    return True


def learn(
    Loss loss, FTRL optimizer, double l1, double l2,
    const double[:, :] wide, const float[:, :] narrow, const index_t[::1] order, const double[:, ::1] y,
    const double[::1] weight, const double[::1] unit, double[:, ::1] states,
    double[:, ::1] intercept, double[::1] totals, int64_t[::1] n_rows
):
    """Learn from dense rows by FTRL with one output, an elastic net and no dropout, on vector registers.

    Parameters
    ----------
    loss, optimizer, y, weight, unit, intercept, totals, n_rows
        As `sgd.learn` takes them.
    states : (n_columns, 1) float64, in-out
        Column by column.
    l1, l2 : float
        Strengths of the elastic net.
    wide, narrow, order
        See above.

    Returns
    -------
    code : int
        DONE: after all rows. DIVERGED: the step of the next row is not finite, and has not been taken.

    Notes
    -----
    Invariant: any division of the rows among calls gives the same states, bit for bit: those that `sgd.learn` finds
    from the entries that are not 0. Cost: a pass over the values. Source: McMahan et al. 2013, algorithm 1.
    """
    cdef Matrix matrix = matrix_of(wide, narrow, order)
    cdef offset_t i = 0, n = matrix.n_columns
    cdef int64_t first_row = n_rows[0]
    cdef int code = DONE
    cdef double s = 1.0, one = 1.0
    cdef double *b = NULL if intercept.shape[0] == 0 else &intercept[0, 0]
    cdef sparsereg_dense_ftrl rule
    cdef double *room = <double *> malloc(3 * n * sizeof(double))
    if room == NULL:
        raise MemoryError(f"a row of {n} entries")
    rule.beta, rule.inverse, rule.l1, rule.l2 = optimizer.beta, optimizer.inverse, l1, l2
    with nogil:
        while i < matrix.n_rows:
            if weight.shape[0] > 0:
                s = weight[i]
            if s > 0.0:
                if unit.shape[0] > 0:
                    one = unit[i]
                if not learn_ftrl_row(
                    loss, optimizer, &rule, row_of(&matrix, i, room), &states[0, 0], room + n, room + 2 * n, n,
                    y[i, 0], s, one, b, &totals[0]
                ):
                    code = DIVERGED
                    break
            i += 1
            n_rows[0] = first_row + i
    free(room)
    return code


def decision(
    const double[:, :] wide, const float[:, :] narrow, const index_t[::1] order, const double[:, ::1] w,
    double[:, ::1] t
):
    """Add dense rows to linear predictors.

    Parameters
    ----------
    wide, narrow, order
        See above.
    w : (n_outputs, n_columns) float64, in
    t : (n_rows, n_outputs) float64, in-out

    Notes
    -----
    Products are added up one by one, in order of columns: a row has the bits of its entries alone, whatever other rows
    there are. Cost: a pass for each output.
    """
    cdef Matrix matrix = matrix_of(wide, narrow, order)
    cdef offset_t i = 0, k, c, n = matrix.n_columns, j, together
    cdef const double *x[TOGETHER]
    cdef double total[TOGETHER]
    cdef double *room = <double *> malloc(TOGETHER * n * sizeof(double))
    if room == NULL:
        raise MemoryError(f"{TOGETHER} rows of {n} entries")
    with nogil:
        while i < matrix.n_rows:
            together = min(matrix.n_rows - i, <offset_t> TOGETHER)
            for j in range(TOGETHER):
                # A last row stands in for those that are not there.
                x[j] = row_of(&matrix, i + min(j, together - 1), room + j * n)
            for c in range(t.shape[1]):
                for j in range(TOGETHER):
                    total[j] = t[i + min(j, together - 1), c]
                for k in range(n):
                    for j in range(TOGETHER):
                        total[j] += x[j][k] * w[c, k]
                for j in range(together):
                    t[i + j, c] = total[j]
            i += together
    free(room)


def find_columns(StateTable table, int64_t[::1] places):
    """Find the states of the columns from the first on.

    Parameters
    ----------
    table : StateTable, in
        By the numbers of columns.
    places : (n_columns,) int64, out
        Index of the state of each; -1 where it has none.

    Notes
    -----
    Cost: a look-up each.
    """
    cdef Table found = table.table()
    cdef offset_t k
    with nogil:
        for k in range(places.shape[0]):
            places[k] = max(index_of(&found, k), -1)

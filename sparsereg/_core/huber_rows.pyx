"""Row passes of squared loss whose singleton columns are eliminated and have no bounds: one for the model, one for the
dual point, over as few bytes a row as they need.

Without its singleton column the loss of a row is h_i(t) = min_v s_i / 2 (y_i - t - v)^2 + l_i |v| + q_i / 2 v^2, v its
part in the predictor: Huber's function where q = 0 (Huber 1964), smooth and convex. With g = s (y - t) minus its
derivative is clip(g, -l, l) + (g - clip(g, -l, l)) q / (s + q).

Arguments common to the functions, all float64 of shape (n_rows,) but for numbers, in: `y`, `s` target and weight;
`limit` and `bend`, l_i = strength limit_i and q_i = ridge bend_i: infinity and 0 where a row has no singleton column;
`strength` (above 0) and `ridge` of the penalty.
"""
from libc.stdint cimport int64_t

# Rows to a chunk, which one thread takes: a pass over them takes about the time to wake a thread.
CHUNK = 1 << 15
cdef Py_ssize_t ROWS = CHUNK

cdef extern from "huber_rows.h":
    ctypedef struct sparsereg_huber:
        const double *y
        const double *s
        const double *limit
        const double *bend
        double strength
        double ridge
    ctypedef struct sparsereg_move:
        const double *from_ "from"
        const double *step
        double *to
        double size
    void sparsereg_huber_linearize(
        const sparsereg_huber *rows, int64_t begin, int64_t end, const sparsereg_move *move, double floor_share,
        double *z, double *weight, double *out
    ) noexcept nogil
    void sparsereg_huber_center(
        const sparsereg_huber *rows, int64_t begin, int64_t end, double shift, const double *eta, const double *z,
        double *theta, double *out
    ) noexcept nogil
    void sparsereg_huber_recover(
        const sparsereg_huber *rows, int64_t n_rows, const double *eta, const double *x, double *u, double *t
    ) noexcept nogil


cdef sparsereg_huber _rows(
    const double[::1] y, const double[::1] s, const double[::1] limit, const double[::1] bend,
    double strength, double ridge,
) noexcept:
    cdef sparsereg_huber rows
    rows.y, rows.s, rows.limit, rows.bend = &y[0], &s[0], &limit[0], &bend[0]
    rows.strength, rows.ridge = strength, ridge
    return rows


def linearize(
    const double[::1] y, const double[::1] s, const double[::1] limit, const double[::1] bend,
    double strength, double ridge, double floor, const double[::1] eta, const double[::1] step, double size,
    double[::1] moved, double[::1] z, double[::1] weight, Py_ssize_t first, double[:, ::1] sums,
):
    """Model sum_i h_i at eta + size step, or at eta where `step` is empty (in), in the chunks of `sums`.

    On exit `moved` is that predictor, left alone without step, `z` minus the derivative of h_i, and `weight` its second
    derivative, but at least `floor` times s_i (out). `sums` (float64 (n_chunks, 4), out) holds the sums of h_i, z_i,
    the second derivatives and weight_i over each chunk of rows, of which `first` is the number of the first. Cost: one
    step a row.
    """
    cdef Py_ssize_t k
    cdef sparsereg_huber rows = _rows(y, s, limit, bend, strength, ridge)
    cdef sparsereg_move move
    move.from_, move.step, move.to, move.size = &eta[0], NULL, NULL, size
    if step.shape[0] > 0:
        move.step, move.to = &step[0], &moved[0]
    sums[:] = 0.0
    with nogil:
        for k in range(sums.shape[0]):
            sparsereg_huber_linearize(
                &rows, (first + k) * ROWS, min((first + k + 1) * ROWS, y.shape[0]), &move, floor, &z[0], &weight[0],
                &sums[k, 0],
            )


def center_dual(
    const double[::1] y, const double[::1] s, const double[::1] limit, const double[::1] bend,
    double strength, double ridge, double share, const double[::1] eta, const double[::1] z, double[::1] theta,
    Py_ssize_t first, double[:, ::1] sums,
):
    """Write z, less `share` times the second derivative of h_i at `eta` (in), to theta (out), in the chunks of `sums`.

    `sums` (float64 (n_chunks, 3), out) holds, of each chunk, sum_i theta_i y_i, sum_i theta_i^2 / s_i and the largest
    c <= 1 with c theta feasible for the singleton columns. Without L2 share the conjugate of sum_i h_i at a feasible
    c theta is c^2 / 2 times the second, less c times the first. Cost: one step a row.
    """
    cdef Py_ssize_t k
    cdef sparsereg_huber rows = _rows(y, s, limit, bend, strength, ridge)
    sums[:, :2] = 0.0
    sums[:, 2] = 1.0
    with nogil:
        for k in range(sums.shape[0]):
            sparsereg_huber_center(
                &rows, (first + k) * ROWS, min((first + k + 1) * ROWS, y.shape[0]), share, &eta[0], &z[0], &theta[0],
                &sums[k, 0],
            )


def recover(
    const double[::1] y, const double[::1] s, const double[::1] limit, const double[::1] bend,
    double strength, double ridge, const double[::1] eta, const double[::1] x, double[::1] u, double[::1] t,
):
    """Write the singleton coefficients, for values `x` (in, 0 for none), to u, predictors with them to t (out).

    Cost: one step a row.
    """
    cdef sparsereg_huber rows = _rows(y, s, limit, bend, strength, ridge)
    with nogil:
        sparsereg_huber_recover(&rows, y.shape[0], &eta[0], &x[0], &u[0], &t[0])

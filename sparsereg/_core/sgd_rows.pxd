# A row of the stochastic gradient learner: predict, measure, step. Inlined into the kernels that gather rows.
from libc.math cimport copysign, exp, fabs, log
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport malloc

from sparsereg._core.ftrl_lanes cimport (
    SPARSEREG_DROPOUT, SPARSEREG_ONES, SPARSEREG_VALUES, sparsereg_entries, sparsereg_ftrl, sparsereg_ftrl_predict_row,
    sparsereg_ftrl_step_row, sparsereg_ftrl_steps, sparsereg_ftrl_weights,
)
from sparsereg._core.losses cimport Loss
from sparsereg._core.optimizers cimport Optimizer, finite
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.state_table cimport mix
from sparsereg._core.types cimport offset_t

ctypedef struct Row:
    offset_t n  # entries that take part
    bint ones  # all values are 1, and `x` holds them
    double *x
    double *kept  # x after dropout; x itself without
    double **state  # of the first output
    double *w  # (n, n_outputs)
    double *t  # (n_outputs,) predictors that the step is taken at
    double *full  # (n_outputs,) predictors without dropout; t itself without
    double *slope  # (n_outputs,)
    double *old  # (n, n_outputs * state_size) states, then intercepts, to go back to


cdef inline double chance(uint64_t seed, uint64_t row, int64_t id_) noexcept nogil:
    """Draw from [0, 1) for an entry of a row: the same number whenever and wherever it is asked for."""
    return <double> (mix(seed ^ mix(row ^ mix(<uint64_t> id_))) >> 11) * (1.0 / 9007199254740992.0)


cdef inline double coefficient(Penalty penalty, Optimizer optimizer, const double *state) noexcept nogil:
    """Return the coefficient that a state stands for now."""
    cdef double prox_step
    cdef double v = optimizer.lazy_weight(state, &prox_step)
    # The prox of its size: signs are as good as random, and a wrong guess of a branch is dear.
    return optimizer.bounded(state, copysign(penalty.prox(fabs(v), prox_step, 1.0, 1.0), v)) + 0.0


cdef inline void predict(
    Row *row, Penalty penalty, Optimizer optimizer, offset_t state_size, offset_t n_outputs
) noexcept nogil:
    """Add a row's entries to its predictors, and keep the coefficients they have now."""
    cdef offset_t k, c
    cdef double v, full, t
    for c in range(n_outputs):
        full, t = row.full[c], row.t[c]
        for k in range(row.n):
            v = coefficient(penalty, optimizer, row.state[k] + c * state_size)
            row.w[k * n_outputs + c] = v
            full += v * row.x[k]
            t += v * row.kept[k]
        row.full[c], row.t[c] = full, t


cdef inline double softmax_loss(const double *y, const double *t, double *slope, offset_t n) noexcept nogil:
    """Return the cross-entropy of the softmax, and its slopes."""
    cdef offset_t c
    cdef double largest = t[0], total = 0.0, value = 0.0
    for c in range(1, n):
        largest = max(largest, t[c])
    for c in range(n):
        slope[c] = exp(t[c] - largest)
        total += slope[c]
        value -= y[c] * (t[c] - largest)
    for c in range(n):
        slope[c] = slope[c] / total - y[c]
    return value + log(total)


cdef inline double measure(Row *row, Loss loss, bint softmax, const double *y, offset_t n_outputs) noexcept nogil:
    """Return the loss at the predictors without dropout, and leave the slopes at those of the step."""
    cdef offset_t c
    cdef double value = 0.0
    if softmax:
        value = softmax_loss(y, row.full, row.slope, n_outputs)
        if row.t != row.full:
            softmax_loss(y, row.t, row.slope, n_outputs)
        return value
    for c in range(n_outputs):
        value += loss.half_deviance(y[c], row.full[c])
        row.slope[c] = loss.derivative(y[c], row.t[c])
    return value


cdef inline bint update(Row *row, Optimizer optimizer, offset_t state_size, offset_t n_outputs) noexcept nogil:
    """Step the states of a row and keep the old ones; False where one leads nowhere."""
    cdef offset_t k, c, size = state_size * n_outputs
    cdef double g
    cdef bint whole = True
    for k in range(row.n):
        for c in range(size):
            row.old[k * size + c] = row.state[k][c]
        for c in range(n_outputs):
            g = row.slope[c] * row.kept[k]
            whole &= optimizer.update(row.state[k] + c * state_size, row.w[k * n_outputs + c], g, row.kept[k])
    return whole


cdef inline void put_back(Row *row, offset_t size) noexcept nogil:
    """Undo the steps of a row's states, of `size` words each."""
    cdef offset_t k, c
    for k in range(row.n):
        for c in range(size):
            row.state[k][c] = row.old[k * size + c]


cdef inline bint learn_one(
    Row *row, Loss loss, Penalty penalty, Optimizer optimizer, double y, double s, double unit, offset_t state_size,
    double *intercept, double *totals
) noexcept nogil:
    """Predict, measure and step for one output."""
    cdef sparsereg_ftrl settings
    cdef sparsereg_entries entries = [row.n, row.state, row.x, row.kept]
    cdef double l1, l2, full, t, value, slope, b = 0.0, n = 0.0
    cdef bint drops = row.kept != row.x, whole
    cdef bint in_lanes = penalty.strengths(&l1, &l2) and optimizer.lanes(l1, l2, &settings)
    if intercept != NULL:
        b, n = intercept[0], intercept[1]
    if in_lanes:
        full = t = b
        if drops:
            sparsereg_ftrl_predict_row(&settings, &entries, SPARSEREG_DROPOUT, row.w, &full, &t)
        elif row.ones:
            sparsereg_ftrl_predict_row(&settings, &entries, SPARSEREG_ONES, row.w, &full, &t)
        else:
            sparsereg_ftrl_predict_row(&settings, &entries, SPARSEREG_VALUES, row.w, &full, &t)
    else:
        row.full[0] = row.t[0] = b
        predict(row, penalty, optimizer, state_size, 1)
        full, t = row.full[0], row.t[0]
    value = s * loss.half_deviance(y, full)
    # At the same predictor a loss and its slope share what is dear in them.
    slope = (loss.derivative(y, t) if drops else loss.derivative(y, full)) * (s / unit)
    if not finite(totals[1] + value):
        return False
    optimizer.begin(s / unit, unit)
    if not optimizer.see(slope) or (intercept != NULL and not optimizer.intercept(&b, &n, slope)):
        return False
    if in_lanes and row.ones and not drops:
        whole = sparsereg_ftrl_step_row(&settings, &entries, SPARSEREG_ONES, optimizer.noise, row.w, slope, row.old)
    elif in_lanes:
        whole = sparsereg_ftrl_step_row(&settings, &entries, SPARSEREG_VALUES, optimizer.noise, row.w, slope, row.old)
    else:
        row.slope[0] = slope
        whole = update(row, optimizer, state_size, 1)
    if not whole:
        put_back(row, state_size)
        return False
    if intercept != NULL:
        intercept[0], intercept[1] = b, n
    optimizer.advance()
    totals[0] += s
    totals[1] += value
    return True


cdef inline bint learn_several(
    Row *row, Loss loss, bint softmax, Penalty penalty, Optimizer optimizer, const double *y, double s, double unit,
    offset_t state_size, offset_t n_outputs, double *intercept, double *totals
) noexcept nogil:
    """Predict, measure and step for several outputs."""
    cdef sparsereg_ftrl settings
    cdef sparsereg_entries entries = [row.n, row.state, row.x, row.kept]
    cdef double l1, l2, value
    cdef offset_t c, size = state_size * n_outputs
    cdef bint whole = True
    cdef bint in_lanes = penalty.strengths(&l1, &l2) and optimizer.lanes(l1, l2, &settings)
    for c in range(n_outputs):
        row.full[c] = row.t[c] = 0.0 if intercept == NULL else intercept[c]
    if in_lanes:
        for c in range(0, n_outputs, 2):
            sparsereg_ftrl_weights(
                &settings, &entries, c, min(2, n_outputs - c), n_outputs, row.w, row.full, row.t
            )
    else:
        predict(row, penalty, optimizer, state_size, n_outputs)
    value = s * measure(row, loss, softmax, y, n_outputs)
    if not finite(totals[1] + value):
        return False
    optimizer.begin(s / unit, unit)
    for c in range(n_outputs):
        row.slope[c] *= s / unit
        if not optimizer.see(row.slope[c]):
            return False
    if in_lanes:
        for c in range(0, n_outputs, 2):
            whole &= sparsereg_ftrl_steps(
                &settings, &entries, c, min(2, n_outputs - c), n_outputs, optimizer.noise, row.w, row.slope, row.old
            )
    else:
        whole = update(row, optimizer, state_size, n_outputs)
    if intercept != NULL:
        for c in range(2 * n_outputs):
            row.old[row.n * size + c] = intercept[c]
        for c in range(n_outputs):
            whole &= optimizer.intercept(&intercept[c], &intercept[n_outputs + c], row.slope[c])
    if not whole:
        put_back(row, size)
        if intercept != NULL:
            for c in range(2 * n_outputs):
                intercept[c] = row.old[row.n * size + c]
        return False
    optimizer.advance()
    totals[0] += s
    totals[1] += value
    return True


cdef inline bint learn_row(
    Row *row, Loss loss, bint softmax, Penalty penalty, Optimizer optimizer, const double *y, double s, double unit,
    offset_t state_size, offset_t n_outputs, double *intercept, double *totals
) noexcept nogil:
    """Predict, measure and step; False, and nothing has changed, where that leads nowhere."""
    if n_outputs == 1:
        return learn_one(row, loss, penalty, optimizer, y[0], s, unit, state_size, intercept, totals)
    return learn_several(
        row, loss, softmax, penalty, optimizer, y, s, unit, state_size, n_outputs, intercept, totals
    )


cdef inline bint make_row(
    Row *row, offset_t longest, offset_t n_outputs, offset_t state_size, bint dropout
) noexcept nogil:
    """Find room for the longest row; `row.x`, which is filled with ones, is what to free."""
    cdef offset_t k
    cdef offset_t n_words = longest * (3 + (1 + state_size) * n_outputs) + 5 * n_outputs
    cdef double *room = <double *> malloc(n_words * sizeof(double))
    if room == NULL:
        return False
    row.x = room
    row.ones = False
    for k in range(longest):
        room[k] = 1.0
    row.kept = row.x + longest if dropout else row.x
    row.state = <double **> (row.x + 2 * longest)
    row.w = row.x + 3 * longest
    row.slope = row.w + longest * n_outputs
    row.full = row.slope + n_outputs
    row.t = row.full + n_outputs if dropout else row.full
    row.old = row.full + 2 * n_outputs
    return True

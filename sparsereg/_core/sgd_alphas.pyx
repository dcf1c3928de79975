"""Several FTRL fits to the same rows: a lane for each, side by side in the state of an id, which is looked up once.

Lanes differ in the strength of the penalty and in their steps; those that learn together have one clock. `data` of
length 0 stands for "every value is 1".
"""
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from sparsereg._core.ftrl_lanes cimport sparsereg_entries, sparsereg_ftrl, sparsereg_ftrl_steps, sparsereg_ftrl_weights
from sparsereg._core.ftrl_sizes cimport sizes_tell
from sparsereg._core.look_ahead cimport (
    Admission, Entries, Ring, end_ring, look_ahead, make_ring, set_admission, set_entries, take_back,
)
from sparsereg._core.losses cimport Loss
from sparsereg._core.optimizers cimport FTRL, finite
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.sgd_gather cimport gather
from sparsereg._core.sgd_rows cimport Row, coefficient, learn_row, make_row, measure
from sparsereg._core.state_table cimport StateTable, Table
from sparsereg._core.types cimport offset_t

cdef extern from "intercept_lanes.h":
    bint move_intercepts "sparsereg_move_intercepts"(
        int64_t n, const double *b, const double *squares, const double *slope, const double *eta0, const double *beta,
        double *b_next, double *squares_next
    ) noexcept nogil

# How `learn` ends.
cpdef enum:
    DONE, TABLE_FULL, DIVERGED

# Numbers that a lane has to itself: strengths of the L1 and the L2 part of the penalty, eta0, beta, time.
cdef enum:
    SETTINGS = 5

# States counted at a time: those of eight lanes stay in the first cache.
cdef enum:
    BLOCK = 256

ctypedef struct Lanes:
    offset_t n  # that learn
    const int64_t *which
    const double *settings
    offset_t n_outputs
    offset_t column, span  # the first column of those that learn, and how many there are up to the last
    double *intercept  # NULL: none
    double *totals
    # Columns of the lanes that learn, two by two.
    offset_t n_pairs
    offset_t *first
    int *size
    sparsereg_ftrl *pairs
    # Of a row, by column.
    double *w  # (n, span)
    double *old  # (n, span) states to go back to
    double *full  # predictors without dropout
    double *t  # predictors that the step is taken at
    double *slope
    double *b  # intercepts, and the sums of their squared slopes; `next`: after the row
    double *squares
    double *b_next
    double *squares_next
    double *eta0
    double *beta
    double *value  # (n_lanes, 2) losses, or totals
    double *moved  # (n_lanes, 2, n_outputs) intercepts


cdef inline void choose(Penalty penalty, FTRL optimizer, const double *settings) noexcept nogil:
    """Give penalty and optimizer what they are in a lane, but for the time."""
    penalty.strength = settings[0]
    penalty.l2 = settings[1]
    optimizer.eta0 = settings[2]
    optimizer.beta = settings[3]
    optimizer.inverse = 1.0 / settings[2]


cdef inline void choose_at(Penalty penalty, FTRL optimizer, const double *settings) noexcept nogil:
    choose(penalty, optimizer, settings)
    optimizer.t = settings[4]


cdef inline void start_row(Row *row, Lanes *lanes, offset_t j) noexcept nogil:
    """Copy what a row may change in a lane."""
    cdef offset_t k, n = lanes.n_outputs, lane = lanes.which[j]
    if lanes.intercept != NULL:
        memcpy(lanes.moved + 2 * n * lane, lanes.intercept + 2 * n * lane, 2 * n * sizeof(double))
    for k in range(row.n):
        memcpy(lanes.old + k * lanes.span + lane * n - lanes.column, row.state[k] + lane * n, n * sizeof(double))


cdef inline void give_back(Row *row, Lanes *lanes, offset_t j) noexcept nogil:
    """Put the states of a lane back to where they were before the row."""
    cdef offset_t k, n = lanes.n_outputs, lane = lanes.which[j]
    for k in range(row.n):
        memcpy(row.state[k] + lane * n, lanes.old + k * lanes.span + lane * n - lanes.column, n * sizeof(double))


cdef inline offset_t learn_plainly(
    Row *row, Lanes *lanes, Loss loss, bint softmax, Penalty penalty, FTRL optimizer, const double *y, double s,
    double unit
) noexcept nogil:
    """Learn from a row lane by lane, and return -1; where a step of one leads nowhere in none, and return which."""
    cdef offset_t j, k, lane, n = lanes.n_outputs, failed = -1
    cdef double t = optimizer.t
    cdef uint64_t n_rows = optimizer.rows
    cdef double *totals
    for j in range(lanes.n):
        lane = lanes.which[j]
        start_row(row, lanes, j)
        choose(penalty, optimizer, lanes.settings + SETTINGS * lane)
        optimizer.t = t
        optimizer.rows = n_rows
        for k in range(row.n):
            row.state[k] += lane * n
        totals = lanes.value + 2 * lane
        memcpy(totals, lanes.totals + 2 * lane, 2 * sizeof(double))
        if not learn_row(
            row, loss, softmax, penalty, optimizer, y, s, unit, 1, n,
            NULL if lanes.intercept == NULL else lanes.moved + 2 * n * lane, totals
        ):
            failed = lane
        for k in range(row.n):
            row.state[k] -= lane * n
        if failed >= 0:
            for k in range(j):
                give_back(row, lanes, k)
            optimizer.t = t
            optimizer.rows = n_rows
            return failed
    for j in range(lanes.n):
        lane = lanes.which[j]
        memcpy(lanes.totals + 2 * lane, lanes.value + 2 * lane, 2 * sizeof(double))
        if lanes.intercept != NULL:
            memcpy(lanes.intercept + 2 * n * lane, lanes.moved + 2 * n * lane, 2 * n * sizeof(double))
    return -1


cdef inline bint measure_lane(
    Row *row, Lanes *lanes, offset_t lane, Loss loss, bint softmax, const double *y, double s, double scale,
    bint drops, offset_t n
) noexcept nogil:
    """Leave a lane's loss and slopes; False where they are not finite."""
    cdef offset_t c, first = lane * n
    cdef double value
    cdef bint whole
    if n == 1:
        value = loss.half_deviance(y[0], lanes.full[first])
        # At the same predictor a loss and its slope share what is dear in them.
        if drops:
            lanes.slope[first] = loss.derivative(y[0], lanes.t[first])
        else:
            lanes.slope[first] = loss.derivative(y[0], lanes.full[first])
    else:
        row.full, row.slope = lanes.full + first, lanes.slope + first
        row.t = lanes.t + first if drops else row.full
        value = measure(row, loss, softmax, y, n)
    lanes.value[lane] = s * value
    whole = finite(lanes.totals[2 * lane + 1] + lanes.value[lane])
    for c in range(first, first + n):
        lanes.slope[c] *= scale
        whole &= finite(lanes.slope[c])
    return whole


cdef inline void load_intercepts(Lanes *lanes) noexcept nogil:
    """Bring the intercepts of the lanes that learn into the order of columns."""
    cdef offset_t j, c, lane, n = lanes.n_outputs
    if lanes.intercept != NULL:
        for j in range(lanes.n):
            lane = lanes.which[j]
            for c in range(n):
                lanes.b[lane * n + c] = lanes.intercept[2 * n * lane + c]
                lanes.squares[lane * n + c] = lanes.intercept[2 * n * lane + n + c]


cdef inline void store_intercepts(Lanes *lanes) noexcept nogil:
    """Take them back."""
    cdef offset_t j, c, lane, n = lanes.n_outputs
    if lanes.intercept != NULL:
        for j in range(lanes.n):
            lane = lanes.which[j]
            for c in range(n):
                lanes.intercept[2 * n * lane + c] = lanes.b[lane * n + c]
                lanes.intercept[2 * n * lane + n + c] = lanes.squares[lane * n + c]


cdef inline bint learn_in_pairs(
    Row *row, Lanes *lanes, Loss loss, bint softmax, FTRL optimizer, const double *y, double s, double unit, bint drops,
    offset_t n
) noexcept nogil:
    """Learn from a row, two columns at once; False, and no change, where a step of one leads nowhere."""
    cdef offset_t p, c, j, first = lanes.column
    cdef double time = optimizer.t, scale = s / unit
    cdef bint whole = True
    cdef sparsereg_entries entries = [row.n, row.state, row.x, row.kept]
    for c in range(first, first + lanes.span):
        lanes.full[c] = lanes.t[c] = lanes.b[c]
    for p in range(lanes.n_pairs):
        lanes.pairs[p].t[0] = lanes.pairs[p].t[1] = time
        sparsereg_ftrl_weights(
            &lanes.pairs[p], &entries, lanes.first[p], lanes.size[p], lanes.span, lanes.w - first, lanes.full, lanes.t
        )
    for j in range(lanes.n):
        whole &= measure_lane(row, lanes, lanes.which[j], loss, softmax, y, s, scale, drops, n)
    if not whole:
        return False
    optimizer.begin(scale, unit)
    if lanes.intercept != NULL:
        whole = move_intercepts(
            lanes.span, lanes.b + first, lanes.squares + first, lanes.slope + first, lanes.eta0 + first,
            lanes.beta + first, lanes.b_next + first, lanes.squares_next + first
        )
    for p in range(lanes.n_pairs):
        whole &= sparsereg_ftrl_steps(
            &lanes.pairs[p], &entries, lanes.first[p], lanes.size[p], lanes.span, optimizer.noise, lanes.w - first,
            lanes.slope, lanes.old - first
        )
    if not whole:
        for j in range(lanes.n):
            give_back(row, lanes, j)
        optimizer.t = time
        return False
    for j in range(lanes.n):
        lanes.totals[2 * lanes.which[j]] += s
        lanes.totals[2 * lanes.which[j] + 1] += lanes.value[lanes.which[j]]
    if lanes.intercept != NULL:
        lanes.b, lanes.b_next = lanes.b_next, lanes.b
        lanes.squares, lanes.squares_next = lanes.squares_next, lanes.squares
    optimizer.advance()
    return True


cdef inline offset_t learn_lanes(
    Row *row, Lanes *lanes, Loss loss, bint softmax, Penalty penalty, FTRL optimizer, const double *y, double s,
    double unit, bint in_pairs, bint drops
) noexcept nogil:
    """Learn from a row, and return -1; where a step of a lane leads nowhere in none, and return which."""
    cdef offset_t lane
    if not in_pairs:
        return learn_plainly(row, lanes, loss, softmax, penalty, optimizer, y, s, unit)
    if lanes.n_outputs == 1:
        if not drops and learn_in_pairs(row, lanes, loss, False, optimizer, y, s, unit, False, 1):
            return -1
        if drops and learn_in_pairs(row, lanes, loss, False, optimizer, y, s, unit, True, 1):
            return -1
    elif learn_in_pairs(row, lanes, loss, softmax, optimizer, y, s, unit, drops, lanes.n_outputs):
        return -1
    # In which lane that was only the plain code says.
    store_intercepts(lanes)
    lane = learn_plainly(row, lanes, loss, softmax, penalty, optimizer, y, s, unit)
    load_intercepts(lanes)
    return lane


cdef bint make_lanes(Lanes *lanes, offset_t longest, offset_t n_lanes, offset_t n_outputs) noexcept nogil:
    """Find room for the longest row; `release` frees it."""
    cdef offset_t width = n_lanes * n_outputs
    lanes.n_outputs, lanes.column = n_outputs, lanes.which[0] * n_outputs
    lanes.span = (lanes.which[lanes.n - 1] + 1) * n_outputs - lanes.column
    lanes.w = <double *> calloc(2 * longest * lanes.span + 11 * width + 2 * n_lanes, sizeof(double))
    lanes.pairs = <sparsereg_ftrl *> calloc(width, sizeof(sparsereg_ftrl) + sizeof(offset_t) + sizeof(int))
    if lanes.w == NULL or lanes.pairs == NULL:
        return False
    lanes.old = lanes.w + longest * lanes.span
    lanes.full = lanes.old + longest * lanes.span
    lanes.t = lanes.full + width
    lanes.slope = lanes.t + width
    lanes.b = lanes.slope + width
    lanes.squares = lanes.b + width
    lanes.b_next = lanes.squares + width
    lanes.squares_next = lanes.b_next + width
    lanes.eta0 = lanes.squares_next + width
    lanes.beta = lanes.eta0 + width
    lanes.moved = lanes.beta + width
    lanes.value = lanes.moved + 2 * width
    lanes.first = <offset_t *> (lanes.pairs + width)
    lanes.size = <int *> (lanes.first + width)
    return True


cdef void release(Lanes *lanes, Row *row) noexcept nogil:
    free(lanes.w)
    free(lanes.pairs)
    free(row.x)


cdef void pair_columns(Lanes *lanes) noexcept nogil:
    """Put neighbouring columns of the lanes that learn into pairs, and give them their settings."""
    cdef offset_t j, c, column, n = lanes.n_outputs
    cdef const double *settings
    cdef sparsereg_ftrl *pair
    cdef int k
    lanes.n_pairs = 0
    for j in range(lanes.n):
        settings = lanes.settings + SETTINGS * lanes.which[j]
        for c in range(n):
            column = lanes.which[j] * n + c
            k = 0
            if lanes.n_pairs > 0 and lanes.size[lanes.n_pairs - 1] == 1:
                k = lanes.first[lanes.n_pairs - 1] + 1 == column
            if k == 0:
                lanes.first[lanes.n_pairs] = column
                lanes.n_pairs += 1
            lanes.size[lanes.n_pairs - 1] = k + 1
            pair = &lanes.pairs[lanes.n_pairs - 1]
            pair.l1[k], pair.l2[k], pair.beta[k] = settings[0], settings[1], settings[3]
            pair.inverse[k] = 1.0 / settings[2]
            lanes.eta0[column], lanes.beta[column] = settings[2], settings[3]


cdef void set_lanes(
    Lanes *lanes, const int64_t[::1] which, const double[:, ::1] settings, double[:, :, ::1] intercept,
    double[:, ::1] totals
) noexcept:
    lanes.n, lanes.which, lanes.settings = which.shape[0], &which[0], &settings[0, 0]
    lanes.intercept = NULL if intercept.shape[1] == 0 else &intercept[0, 0, 0]
    lanes.totals = &totals[0, 0]


cdef int set_clocks(list optimizers, int64_t[:, ::1] counters, Lanes *lanes, FTRL clock, int64_t n_rows) except -1:
    cdef offset_t j
    cdef FTRL own
    for j in range(lanes.n):
        own = optimizers[lanes.which[j]]
        own.t, own.rows = clock.t, clock.rows
        counters[lanes.which[j], 0] = n_rows


def learn(
    Loss loss, Penalty penalty, FTRL optimizer, bint softmax,
    const offset_t[::1] indptr, const int64_t[::1] ids, const uint32_t[::1] places, const double[::1] data,
    const double[:, ::1] y, const double[::1] weight, const double[::1] unit, offset_t longest, StateTable table,
    const double[:, ::1] settings, const int64_t[::1] which, double[:, :, ::1] intercept, double[:, ::1] totals,
    list optimizers, int64_t[:, ::1] counters, uint8_t[::1] counts, int min_count, double dropout, uint64_t seed,
    double[:, ::1] log
):
    """Learn from rows in order, in several lanes: each is what `sgd.learn` is for its penalty and its steps.

    Parameters
    ----------
    loss : object of the registry, in
    penalty, optimizer : objects of the registries, scratch
        Of the class of all lanes, for nobody else's use meanwhile, with the clock of those that learn.
    softmax : bool
    indptr, ids, places, data, y, weight, unit, longest
        As `sgd.learn` takes them.
    table : StateTable, in-out
        n_lanes * n_outputs wide: the states of all outputs of lane 0, then of lane 1, and so on.
    settings : (n_lanes, 5) float64, in
        Strengths of the L1 and the L2 part, eta0 and beta of each lane; the last is not looked at.
    which : (n,) int64, in
        Lanes that learn, ascending, one or more; the others stay as they are.
    intercept : (n_lanes, 2, n_outputs) or (n_lanes, 0, 0) float64, in-out
        Intercepts, and the sums of their squared slopes.
    totals : (n_lanes, 2) float64, in-out
        Weight of the rows, and their losses.
    optimizers : list of FTRL, in-out
        One for each lane. Clocks of those that learn, equal, are set to where they are after the rows.
    counters : (n_lanes, 1) int64, in-out
        Rows of the stream that are over, lane by lane; of those that learn equal.
    counts, min_count, dropout, seed
        As `sgd.learn` takes them.
    log : (nnz, span) or (0, 0) float64, out
        States that the steps replaced, one entry that takes part after the other: the columns from the first to the
        last of those that learn.

    Returns
    -------
    code : int
        How it ended, as that of `sgd.learn`.
    lane : int
        Where the step was not finite; -1: nowhere. No lane has learned from that row.

    Notes
    -----
    Invariant: any division of the rows among calls, and of the lanes, gives the same states, bit for bit: those of
    `sgd.learn`; states, clocks and counters agree on return, so that a signal leaves a whole number of rows behind.
    Cost: two random accesses to memory an entry, and a step for each lane.
    """
    cdef offset_t i = 0, stop = indptr.shape[0] - 1, lane = -1
    cdef Table inner = table.table()
    cdef Entries entries
    cdef Admission admission
    cdef Ring ring
    cdef Lanes lanes
    cdef Row row
    cdef int code = DONE
    cdef double s = 1.0, one = 1.0, l1, l2
    cdef double *logged = NULL if log.shape[0] == 0 else &log[0, 0]
    cdef bint in_pairs = optimizer.in_lanes and penalty.strengths(&l1, &l2)
    cdef int64_t first_row = counters[which[0], 0]
    cdef offset_t n_known = inner.used
    set_entries(&entries, indptr, ids, places, data, weight)
    set_admission(&admission, counts, min_count)
    set_lanes(&lanes, which, settings, intercept, totals)
    row.x = NULL
    if not (make_lanes(&lanes, longest, settings.shape[0], y.shape[1])
            and make_row(&row, longest, y.shape[1], 1, dropout > 0.0)
            and make_ring(&ring, &entries, &inner, &admission, longest)):
        release(&lanes, &row)
        raise MemoryError(f"a row of {longest} entries with {y.shape[1]} outputs and {settings.shape[0]} lanes")
    pair_columns(&lanes)
    load_intercepts(&lanes)
    with nogil:
        while i < stop:
            if weight.shape[0] > 0:
                s = weight[i]
            if s > 0.0:
                if not look_ahead(&ring, &inner, &entries, &admission, i):
                    code = TABLE_FULL
                    break
                if unit.shape[0] > 0:
                    one = unit[i]
                gather(&row, &ring, &entries, i, &inner, dropout, seed, first_row + i)
                if logged != NULL:
                    lanes.old = logged
                    logged += row.n * lanes.span
                lane = learn_lanes(
                    &row, &lanes, loss, softmax, penalty, optimizer, &y[i, 0], s, one, in_pairs, dropout > 0.0
                )
                if lane >= 0:
                    code = DIVERGED
                    break
            i += 1
        take_back(&ring, &inner, &entries, indptr[min(i, stop)])
        if in_pairs:
            store_intercepts(&lanes)
    release(&lanes, &row)
    end_ring(&ring, &entries)
    if inner.used != n_known:
        table.used = inner.used  # where none was entered another thread may be entering ids
    set_clocks(optimizers, counters, &lanes, optimizer, first_row + i)
    return code, lane


def count_nonzero(
    Penalty penalty, FTRL optimizer, const double[:, ::1] settings, const double[:, ::1] states, offset_t n_outputs,
    int64_t[::1] n_nonzero
):
    """Add the numbers of coefficients that are not 0 now, lane by lane.

    Parameters
    ----------
    penalty, optimizer : objects of the registries, scratch
    settings : (n_lanes, 5) float64, in
        The last: the time of each lane.
    states : (n, n_lanes * n_outputs) float64, in
    n_outputs : int
    n_nonzero : (n_lanes,) int64, in-out

    Notes
    -----
    Cost: one pass; where sizes tell, without a division.
    """
    cdef offset_t k, c, n = states.shape[0], width = states.shape[1], start = 0, stop, sure, unsure
    cdef const double *state
    cdef double size, low_c, high_c
    cdef double *low = <double *> malloc(2 * max(width, 1) * sizeof(double))
    cdef double *high = low + width
    if low == NULL:
        raise MemoryError(f"{width} columns")
    with nogil:
        for c in range(width):
            choose_at(penalty, optimizer, &settings[c // n_outputs, 0])
            if not sizes_tell(penalty, optimizer, &low[c], &high[c]):
                low[c], high[c] = -1.0, INFINITY
        while start < n:
            stop = min(start + BLOCK, n)
            for c in range(width):
                state, low_c, high_c, sure, unsure = &states[0, c], low[c], high[c], 0, 0
                for k in range(start, stop):
                    size = fabs((<const float *> (state + k * width))[0])
                    sure += size > high_c
                    unsure += size > low_c
                if unsure > sure:
                    choose_at(penalty, optimizer, &settings[c // n_outputs, 0])
                    sure = 0
                    for k in range(start, stop):
                        sure += coefficient(penalty, optimizer, state + k * width) != 0.0
                n_nonzero[c // n_outputs] += sure
            start = stop
    free(low)

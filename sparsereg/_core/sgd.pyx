"""Stochastic gradient steps over rows: predict, measure, step; and reading coefficients out of its slots.

Everywhere below, `data` of length 0 stands for "every value is 1".
"""
from libc.math cimport fabs
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from sparsereg._core.ftrl_sizes cimport sizes_tell
from sparsereg._core.look_ahead cimport (
    FOUND_AHEAD, LINES, LINES_AHEAD, Admission, Entries, Ring, count_shared, end_ring, is_shared, look_ahead,
    make_ring, set_admission, set_entries, take_back,
)
from sparsereg._core.losses cimport Loss
from sparsereg._core.optimizers cimport Optimizer
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.sgd_gather cimport gather
from sparsereg._core.sgd_rows cimport Row, coefficient, learn_row, make_row
from sparsereg._core.state_table cimport StateTable, Table, find, first_line
from sparsereg._core.types cimport offset_t
from sparsereg._core.intrinsics cimport prefetch

# How `learn` ends.
cpdef enum:
    DONE, TABLE_FULL, NEEDS_RESCALE, DIVERGED

# States counted at a time.
cdef enum:
    BLOCK = 4096


cdef inline double reported(Penalty penalty, Optimizer optimizer, const double *state) noexcept nogil:
    """Return the coefficient that a state stands for, or its average."""
    return optimizer.averaged_weight(state, coefficient(penalty, optimizer, state))


def learn(
    Loss loss, Penalty penalty, Optimizer optimizer, bint softmax,
    const offset_t[::1] indptr, const int64_t[::1] ids, const uint32_t[::1] places, const double[::1] data,
    const double[:, ::1] y, const double[::1] weight, const double[::1] unit, offset_t longest, StateTable table,
    double[:, ::1] intercept, double[::1] totals,
    int64_t[::1] n_rows, uint8_t[::1] counts, int min_count, double dropout, uint64_t seed
):
    """Learn from rows in order: w and b follow the minimum of F(w, b) over the stream.

    Parameters
    ----------
    loss, penalty, optimizer : objects of the registries, in; the optimizer's clock in-out
        The penalty is the elastic net unless the optimizer takes any.
    softmax : bool
        Several outputs are classes of one softmax; else each has the loss to itself.
    indptr : (n_rows + 1,) int64, in
    ids : (nnz,) int64, in
        Distinct in a row, and such as the table takes.
    places : (nnz,) or (0,) uint32, in
        Indices of the states of `ids`, any where an entry takes no part. Length 0: to be found by id, and entered where
        an id is new.
    data : (nnz,) or (0,) float64, in
    y : (n_rows, n_outputs) float64, in
    weight : (n_rows,) or (0,) float64, in
        Length 0: ones. Rows of weight 0 are passed over.
    unit : (n_rows,) or (0,) float64, in
        Above 0: the weight that counts as 1 in the step of each row. Length 0: ones.
    longest : int64
        Most entries of a row.
    table : StateTable, in-out
        n_outputs * state_size wide.
    intercept : (2, n_outputs) or (0, 0) float64, in-out
        Intercepts, and the sums of their squared slopes.
    totals : (2,) float64, in-out
        Weight of the rows learned from, and their weighted losses, each measured before the row was learned from.
    n_rows : (1,) int64, in-out
        Rows of the stream that are over.
    counts, min_count : (size,) or (0,) uint8, in-out; int
        An id without a state gets one when it is seen for the `min_count`-th time, at most 255.
    dropout, seed : float, int
        Each entry is left out of the step with probability `dropout` and divided by 1 - dropout otherwise; drawn from
        the seed, the row's number in the stream and the id.

    Returns
    -------
    code : int
        How it ended. DONE: after all rows. TABLE_FULL: the next row needs more room than there is. NEEDS_RESCALE:
        all states are to be rescaled before it. DIVERGED: its step is not finite, and has not been taken.

    Notes
    -----
    Invariant: any division of the rows among calls gives the same states, bit for bit; ids of rows that are not over
    have not been entered, but for those of a row that diverged. Cost: two random accesses to memory an entry, both
    asked for ahead of use.
    """
    cdef offset_t i = 0, stop = indptr.shape[0] - 1, n_outputs = y.shape[1], state_size
    cdef Table inner = table.table()
    cdef Entries entries
    cdef Admission admission
    cdef Ring ring
    cdef Row row
    cdef int code = DONE
    cdef double s = 1.0, one = 1.0
    cdef int64_t first_row = n_rows[0]
    cdef offset_t n_known = inner.used
    cdef double *b = NULL if intercept.shape[0] == 0 else &intercept[0, 0]
    state_size = inner.width // n_outputs
    set_entries(&entries, indptr, ids, places, data, weight)
    set_admission(&admission, counts, min_count)
    if not make_row(&row, longest, n_outputs, state_size, dropout > 0.0):
        raise MemoryError(f"a row of {longest} entries with {n_outputs} outputs")
    row.ones = entries.data == NULL
    if not make_ring(&ring, &entries, &inner, &admission, longest):
        free(row.x)
        raise MemoryError(f"a row of {longest} entries")
    with nogil:
        while i < stop:
            if weight.shape[0] > 0:
                s = weight[i]
            if s > 0.0:
                if optimizer.needs_rescale():
                    code = NEEDS_RESCALE
                    break
                if not look_ahead(&ring, &inner, &entries, &admission, i):
                    code = TABLE_FULL
                    break
                if unit.shape[0] > 0:
                    one = unit[i]
                gather(&row, &ring, &entries, i, &inner, dropout, seed, first_row + i)
                if not learn_row(
                    &row, loss, softmax, penalty, optimizer, &y[i, 0], s, one, state_size, n_outputs, b, &totals[0]
                ):
                    code = DIVERGED
                    break
            i += 1
            n_rows[0] = first_row + i
        take_back(&ring, &inner, &entries, indptr[min(i, stop)])
    free(row.x)
    end_ring(&ring, &entries)
    if inner.used != n_known:
        table.used = inner.used  # where none was entered another thread may be entering ids
    return code


def skip(Optimizer optimizer, const double[::1] weight, offset_t n_rows, const double[::1] unit=None):
    """Let the time of some rows pass.

    Parameters
    ----------
    optimizer : object of the registry, in-out
    weight : (n_rows,) or (0,) float64, in
        Length 0: ones.
    n_rows : int
    unit : (n_rows,) or (0,) float64 or None, in
        As `learn` takes it; None: ones.

    Returns
    -------
    needs_rescale : bool
        States have to be rescaled before more rows.
    """
    cdef offset_t i
    cdef double s = 1.0, one = 1.0
    cdef bint in_units = unit is not None and unit.shape[0] > 0
    with nogil:
        for i in range(n_rows):
            if weight.shape[0] > 0:
                s = weight[i]
            if in_units:
                one = unit[i]
            if s > 0.0:
                optimizer.begin(s / one, one)
                optimizer.advance()
    return bool(optimizer.needs_rescale())


def mean_so_far(const double[::1] weight, double[::1] seen, double[::1] unit):
    """Compute the mean weight of all rows up to each: the unit that its step is measured in.

    Parameters
    ----------
    weight : (n_rows,) float64, in
    seen : (2,) float64, in-out
        Number and mean weight of the rows so far; those of weight 0 are none.
    unit : (n_rows,) float64, out
        Of a row of weight 0 the mean before it, and 1 where there is none.

    Notes
    -----
    Equal weights have exactly that mean, and any division of rows among calls gives the same bits. Cost: one pass.
    """
    cdef offset_t i
    with nogil:
        for i in range(weight.shape[0]):
            if weight[i] > 0.0:
                seen[0] += 1.0
                seen[1] += (weight[i] - seen[1]) / seen[0]
            unit[i] = seen[1] if seen[0] > 0.0 else 1.0


def read(Penalty penalty, Optimizer optimizer, const double[:, ::1] states, double[:, ::1] w):
    """Compute the coefficients that states stand for now, or their averages.

    Parameters
    ----------
    penalty, optimizer : objects of the registries, in
    states : (n, n_outputs * state_size) float64, in
    w : (n, n_outputs) float64, out
        Zeros are exact, and never -0.0.

    Notes
    -----
    Cost: one pass.
    """
    cdef offset_t k, c, n_outputs = w.shape[1], state_size = states.shape[1] // n_outputs
    with nogil:
        for k in range(states.shape[0]):
            for c in range(n_outputs):
                w[k, c] = reported(penalty, optimizer, &states[k, c * state_size])


def count(Penalty penalty, Optimizer optimizer, const double[:, ::1] states, offset_t n_outputs):
    """Count the coefficients, or the averages of them, that are not 0.

    Parameters
    ----------
    penalty, optimizer : objects of the registries, in
    states : (n, n_outputs * state_size) float64, in
    n_outputs : int

    Returns
    -------
    n_nonzero : int

    Notes
    -----
    Cost: one pass; where sizes tell, without a division.
    """
    cdef offset_t k, start = 0, stop, n = states.shape[0] * n_outputs, total = 0, sure, unsure
    cdef offset_t state_size = states.shape[1] // n_outputs
    cdef const double *state = &states[0, 0] if n > 0 and state_size > 0 else NULL
    cdef double low = 0.0, high = 0.0, size
    cdef bint tell
    with nogil:
        tell = sizes_tell(penalty, optimizer, &low, &high)
        while start < n:
            stop, sure, unsure = min(start + BLOCK, n), 0, 1
            if tell:
                unsure = 0
                for k in range(start, stop):
                    size = fabs((<const float *> (state + k))[0])
                    sure += size > high
                    unsure += size > low
                unsure -= sure
            if unsure > 0:
                sure = 0
                for k in range(start, stop):
                    sure += reported(penalty, optimizer, state + k * state_size) != 0.0
            total += sure
            start = stop
    return total


def flush(Optimizer optimizer, double[:, ::1] states, offset_t n_outputs):
    """Set the clock back to its zero, and states to what they are then.

    Parameters
    ----------
    optimizer : object of the registry, in-out
    states : (n, n_outputs * state_size) float64, in-out
    n_outputs : int
    """
    cdef offset_t k, c, state_size = states.shape[1] // n_outputs
    with nogil:
        for k in range(states.shape[0]):
            for c in range(n_outputs):
                optimizer.flush(&states[k, c * state_size])
        optimizer.reset_scale()


def decision(
    Penalty penalty, Optimizer optimizer, const offset_t[::1] indptr, const int64_t[::1] ids, const double[::1] data,
    StateTable table, double[:, ::1] t, offset_t first=0, offset_t state_size=0
):
    """Add rows to linear predictors, with the coefficients that states stand for now, or their averages.

    Parameters
    ----------
    penalty, optimizer : objects of the registries, in
    indptr, ids, data : (n_rows + 1,), (nnz,) int64, (nnz,) or (0,) float64, in
    table : StateTable, in
        None is entered: an id without a state has the coefficient 0.
    t : (n_rows, n_outputs) float64, in-out
    first, state_size : int
        Where in a state that of the first output is, and doubles of an output; 0: they have all of the state.

    Notes
    -----
    Cost: two random accesses to memory an entry, both asked for ahead of use.
    """
    cdef Table inner = table.table()
    cdef offset_t i, k, c, asked = 0, found = 0, n_outputs = t.shape[1]
    cdef offset_t n = ids.shape[0], n_shared, asked_row = 0, found_row = 0, place
    cdef double x
    cdef unsigned char *lines[LINES]
    cdef int64_t indices[LINES]
    cdef double *w  # of the first entries of all rows
    cdef const double *states = inner.states + first
    if state_size == 0:
        state_size = inner.width // n_outputs
    n_shared = count_shared(&indptr[0], &ids[0], n) if n > 0 else 0
    w = <double *> malloc((n_shared * n_outputs + 1) * sizeof(double))
    if w == NULL:
        raise MemoryError(f"{n_shared} entries with {n_outputs} outputs")
    with nogil:
        for k in range(n_shared):
            place = find(&inner.keys, first_line(&inner.keys, ids[k]), ids[k], -1)
            for c in range(n_outputs):
                w[k * n_outputs + c] = 0.0 if place < 0 else reported(
                    penalty, optimizer, states + inner.width * place + c * state_size
                )
        for i in range(t.shape[0]):
            for k in range(indptr[i], min(indptr[i] + n_shared, indptr[i + 1])):
                x = data[k] if data.shape[0] > 0 else 1.0
                for c in range(n_outputs):
                    t[i, c] += x * w[(k - indptr[i]) * n_outputs + c]
            for k in range(indptr[i] + n_shared, indptr[i + 1]):
                for asked in range(asked, min(k + LINES_AHEAD, n)):
                    if is_shared(&indptr[0], n_shared, &asked_row, asked):
                        continue
                    lines[asked & (LINES - 1)] = first_line(&inner.keys, ids[asked])
                    prefetch(lines[asked & (LINES - 1)])
                asked = min(k + LINES_AHEAD, n)
                for found in range(found, min(k + FOUND_AHEAD, n)):
                    if is_shared(&indptr[0], n_shared, &found_row, found):
                        continue
                    c = found & (LINES - 1)
                    indices[c] = find(&inner.keys, lines[c], ids[found], -1)
                    if indices[c] >= 0:
                        prefetch(states + inner.width * indices[c])
                found = min(k + FOUND_AHEAD, n)
                if indices[k & (LINES - 1)] < 0:
                    continue
                x = data[k] if data.shape[0] > 0 else 1.0
                for c in range(n_outputs):
                    t[i, c] += x * reported(
                        penalty, optimizer, states + inner.width * indices[k & (LINES - 1)] + c * state_size
                    )
    free(w)


def write(Optimizer optimizer, double l1, double l2, const double[:, ::1] w, double[:, ::1] states):
    """Set states so that they stand for given coefficients now; what else they remember stays.

    Parameters
    ----------
    optimizer : object of the registry, in
    l1, l2 : float
        Of the elastic net; 0 for another penalty, at the start of the clock.
    w : (n, n_outputs) float64, in
    states : (n, n_outputs * state_size) float64, in-out
    """
    cdef offset_t k, c, n_outputs = w.shape[1], state_size = states.shape[1] // n_outputs
    with nogil:
        for k in range(states.shape[0]):
            for c in range(n_outputs):
                optimizer.set_weight(&states[k, c * state_size], w[k, c], l1, l2)

"""Stochastic gradient steps over rows: predict, measure, step; and reading coefficients out of its slots.

Everywhere below, `data` of length 0 stands for "every value is 1".
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

from sparsereg._core.losses cimport Loss
from sparsereg._core.optimizers cimport Optimizer
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.sgd_rows cimport Row, chance, coefficient, learn_row, make_row
from sparsereg._core.state_table cimport EMPTY, StateTable, Table, expected, id_of, mix, slot_of, touch
from sparsereg._core.types cimport offset_t
from sparsereg._core.intrinsics cimport prefetch

# How `learn` ends.
cpdef enum:
    DONE, TABLE_FULL, NEEDS_RESCALE, DIVERGED

# Slots asked for ahead of use: memory latency (about 80 ns) at 3 to 5 ns an entry.
cdef enum:
    AHEAD = 32

ctypedef struct Entries:
    const int64_t *ids  # or places
    const double *data  # NULL: ones
    offset_t end

ctypedef struct Admission:
    uint8_t *counts  # saturating counters, a count-min sketch of two hashes
    uint64_t size
    int min_count  # occurrences that admit an id; 1: all are


cdef inline bint admitted(Admission *admission, int64_t id_) noexcept nogil:
    """Count an id that has no slot; tell whether it has been seen often enough by now, or may have."""
    cdef uint64_t bits = mix(<uint64_t> id_)
    cdef uint8_t *a = admission.counts + (((bits >> 32) * admission.size) >> 32)
    cdef uint8_t *b = admission.counts + (((bits & 0xFFFFFFFFULL) * admission.size) >> 32)
    cdef int count = min(a[0], b[0]) + 1
    if count >= admission.min_count:
        return True
    a[0] = <uint8_t> max(a[0], count)
    b[0] = <uint8_t> max(b[0], count)
    return False


cdef inline int64_t *claim(Table *table, Admission *admission, int64_t id_) noexcept nogil:
    """Return the slot of an id, entered where it is new; NULL where it is not admitted yet."""
    cdef int64_t *slot = slot_of(table, id_)
    if table.by_id:
        if admission.min_count > 1 and slot[0] == EMPTY and not admitted(admission, id_):
            return NULL
        touch(table, slot, id_)
    return slot


cdef inline void gather(
    Row *row, const Entries *entries, offset_t begin, offset_t end, Table *table, Admission *admission,
    double dropout, uint64_t seed, uint64_t number
) noexcept nogil:
    """Find the slots of a row's entries, and drop some of its values out."""
    cdef offset_t k
    cdef int64_t *slot
    cdef double x = 1.0
    row.n = 0
    for k in range(begin, end):
        if k + AHEAD < entries.end:
            prefetch(expected(table, entries.ids[k + AHEAD]))
        if entries.data != NULL:
            x = entries.data[k]
            if x == 0.0:
                continue
        slot = claim(table, admission, entries.ids[k])
        if slot == NULL:
            continue
        row.x[row.n] = x
        row.state[row.n] = <double *> (slot + 1)
        if dropout > 0.0:
            row.kept[row.n] = x / (1.0 - dropout) if chance(seed, number, id_of(slot[0])) >= dropout else 0.0
        row.n += 1


cdef inline double reported(Penalty penalty, Optimizer optimizer, const int64_t *stored) noexcept nogil:
    """Return the coefficient that a state in a slot stands for, or its average."""
    cdef const double *state = <const double *> stored
    return optimizer.averaged_weight(state, coefficient(penalty, optimizer, state))


def learn(
    Loss loss, Penalty penalty, Optimizer optimizer, bint softmax,
    const offset_t[::1] indptr, const int64_t[::1] ids, const double[::1] data, const double[:, ::1] y,
    const double[::1] weight, const double[::1] unit, offset_t longest, StateTable slots,
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
        Distinct in a row. Below 2**63 - 1; where `slots` are found by place, places.
    data : (nnz,) or (0,) float64, in
    y : (n_rows, n_outputs) float64, in
    weight : (n_rows,) or (0,) float64, in
        Length 0: ones. Rows of weight 0 are passed over.
    unit : (n_rows,) or (0,) float64, in
        Above 0: the weight that counts as 1 in the step of each row. Length 0: ones.
    longest : int64
        Most entries of a row.
    slots : StateTable, in-out
        1 + n_outputs * state_size wide.
    intercept : (2, n_outputs) or (0, 0) float64, in-out
        Intercepts, and the sums of their squared slopes.
    totals : (2,) float64, in-out
        Weight of the rows learned from, and their weighted losses, each measured before the row was learned from.
    n_rows : (1,) int64, in-out
        Rows of the stream that are over.
    counts, min_count : (size,) or (0,) uint8, in-out; int
        An id without a slot gets one when it is seen for the `min_count`-th time, at most 255.
    dropout, seed : float, int
        Each entry is left out of the step with probability `dropout` and divided by 1 - dropout otherwise; drawn from
        the seed, the row's number in the stream and the id.

    Returns
    -------
    code : int
        How it ended. DONE: after all rows. TABLE_FULL: the next row may need more slots than there are. NEEDS_RESCALE:
        all states are to be rescaled before it. DIVERGED: its step is not finite, and has not been taken.

    Notes
    -----
    Invariant: any division of the rows among calls gives the same states, bit for bit. Cost: one random access to
    memory an entry, asked for ahead of use.
    """
    cdef offset_t i = 0, stop = indptr.shape[0] - 1, n_outputs = y.shape[1], state_size, limit = slots.limit
    cdef Table table = slots.table()
    cdef Entries entries
    cdef Admission admission
    cdef Row row
    cdef int code = DONE
    cdef double s = 1.0, one = 1.0
    cdef bint finished
    cdef int64_t first_row = n_rows[0]
    cdef double *b = NULL if intercept.shape[0] == 0 else &intercept[0, 0]
    state_size = (table.width - 1) // n_outputs
    entries.ids = NULL if ids.shape[0] == 0 else &ids[0]
    entries.data = NULL if data.shape[0] == 0 else &data[0]
    entries.end = indptr[stop]
    admission.counts = NULL if counts.shape[0] == 0 else &counts[0]
    admission.size = counts.shape[0]
    admission.min_count = min_count
    if not make_row(&row, longest, n_outputs, state_size, dropout > 0.0):
        raise MemoryError(f"a row of {longest} entries with {n_outputs} outputs")
    with nogil:
        while i < stop:
            if weight.shape[0] > 0:
                s = weight[i]
            if s > 0.0:
                if optimizer.needs_rescale():
                    code = NEEDS_RESCALE
                    break
                if table.by_id and table.used + indptr[i + 1] - indptr[i] > limit:
                    code = TABLE_FULL
                    break
                if unit.shape[0] > 0:
                    one = unit[i]
                gather(&row, &entries, indptr[i], indptr[i + 1], &table, &admission, dropout, seed, first_row + i)
                if n_outputs == 1:
                    finished = learn_row(
                        &row, loss, False, penalty, optimizer, &y[i, 0], s, one, state_size, 1, b, &totals[0]
                    )
                else:
                    finished = learn_row(
                        &row, loss, softmax, penalty, optimizer, &y[i, 0], s, one, state_size, n_outputs, b, &totals[0]
                    )
                if not finished:
                    code = DIVERGED
                    break
            i += 1
            n_rows[0] = first_row + i
    free(row.x)
    slots.used = table.used
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


def read(Penalty penalty, Optimizer optimizer, const int64_t[:, ::1] slots, double[:, ::1] w):
    """Compute the coefficients that slots stand for now, or their averages.

    Parameters
    ----------
    penalty, optimizer : objects of the registries, in
    slots : (n, 1 + n_outputs * state_size) int64, in
    w : (n, n_outputs) float64, out
        0 for empty slots. Zeros are exact, and never -0.0.

    Notes
    -----
    Cost: one pass.
    """
    cdef offset_t k, c, n_outputs = w.shape[1], state_size = (slots.shape[1] - 1) // n_outputs
    with nogil:
        for k in range(slots.shape[0]):
            for c in range(n_outputs):
                w[k, c] = 0.0
                if slots[k, 0] != EMPTY:
                    w[k, c] = reported(penalty, optimizer, &slots[k, 1 + c * state_size])


def flush(Optimizer optimizer, int64_t[:, ::1] slots, offset_t n_outputs):
    """Set the clock back to its zero, and states to what they are then.

    Parameters
    ----------
    optimizer : object of the registry, in-out
    slots : (n, 1 + n_outputs * state_size) int64, in-out
    n_outputs : int
    """
    cdef offset_t k, c, state_size = (slots.shape[1] - 1) // n_outputs
    with nogil:
        for k in range(slots.shape[0]):
            for c in range(n_outputs):
                if slots[k, 0] != EMPTY:
                    optimizer.flush(<double *> &slots[k, 1 + c * state_size])
        optimizer.reset_scale()


def decision(
    Penalty penalty, Optimizer optimizer, const offset_t[::1] indptr, const int64_t[::1] ids, const double[::1] data,
    StateTable slots, double[:, ::1] t
):
    """Add rows to linear predictors, with the coefficients that slots stand for now, or their averages.

    Parameters
    ----------
    penalty, optimizer : objects of the registries, in
    indptr, ids, data : (n_rows + 1,), (nnz,) int64, (nnz,) or (0,) float64, in
    slots : StateTable, in
        None is entered: an id without one has the coefficient 0.
    t : (n_rows, n_outputs) float64, in-out

    Notes
    -----
    Cost: one random access to memory an entry, asked for ahead of use.
    """
    cdef Table table = slots.table()
    cdef offset_t i, k, c, n_outputs = t.shape[1], state_size = (table.width - 1) // n_outputs, n = ids.shape[0]
    cdef double x
    cdef int64_t *slot
    with nogil:
        for i in range(t.shape[0]):
            for k in range(indptr[i], indptr[i + 1]):
                if k + AHEAD < n:
                    prefetch(expected(&table, ids[k + AHEAD]))
                slot = slot_of(&table, ids[k])
                if slot[0] == EMPTY:
                    continue
                x = data[k] if data.shape[0] > 0 else 1.0
                for c in range(n_outputs):
                    t[i, c] += x * reported(penalty, optimizer, slot + 1 + c * state_size)


def write(Optimizer optimizer, double l1, double l2, const double[:, ::1] w, int64_t[:, ::1] slots):
    """Set states so that they stand for given coefficients now; what else they remember stays.

    Parameters
    ----------
    optimizer : object of the registry, in
    l1, l2 : float
        Of the elastic net; 0 for another penalty, at the start of the clock.
    w : (n, n_outputs) float64, in
    slots : (n, 1 + n_outputs * state_size) int64, in-out
    """
    cdef offset_t k, c, n_outputs = w.shape[1], state_size = (slots.shape[1] - 1) // n_outputs
    with nogil:
        for k in range(slots.shape[0]):
            for c in range(n_outputs):
                if slots[k, 0] != EMPTY:
                    optimizer.set_weight(<double *> &slots[k, 1 + c * state_size], w[k, c], l1, l2)

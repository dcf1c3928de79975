"""One pass of a streaming optimiser over rows: predict, measure, step; and reading coefficients out of its cells.

Everywhere below, `data` of length 0 stands for "every value is 1".
"""
from libc.math cimport copysign, exp, fabs, log
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from sparsereg._core.losses cimport Loss
from sparsereg._core.optimisers cimport Optimiser, finite
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.table cimport EMPTY, Cells, Table, cell_at, expected, id_of, marked, mix
from sparsereg._core.types cimport offset_t
from sparsereg._core.wide cimport prefetch

DONE, FULL, WORN, DIVERGED = range(4)

cdef enum:
    C_DONE = 0
    C_FULL = 1
    C_WORN = 2
    C_DIVERGED = 3

# Cells asked for ahead of use: memory latency (about 80 ns) at 3 to 5 ns an entry.
cdef enum:
    AHEAD = 32

ctypedef struct Entries:
    const int64_t *ids  # or places
    const double *data  # NULL: ones
    offset_t end

ctypedef struct Row:
    offset_t n  # entries that take part
    double *x
    double *kept  # x after dropout; x itself without
    double **state  # of the first output
    double *w  # (n, n_outputs)
    double *t  # (n_outputs,) predictors that the step is taken at
    double *full  # (n_outputs,) predictors without dropout; t itself without
    double *slope  # (n_outputs,)

ctypedef struct Admission:
    uint8_t *counts  # saturating counters, a count-min sketch of two hashes
    uint64_t size
    int least  # occurrences that admit an id; 1: all are


cdef inline bint admitted(Admission *admission, int64_t id_) noexcept nogil:
    """Count an id that has no cell; tell whether it has been seen often enough by now, or may have."""
    cdef uint64_t bits = mix(<uint64_t> id_)
    cdef uint8_t *a = admission.counts + (((bits >> 32) * admission.size) >> 32)
    cdef uint8_t *b = admission.counts + (((bits & 0xFFFFFFFFULL) * admission.size) >> 32)
    cdef int count = min(a[0], b[0]) + 1
    if count >= admission.least:
        return True
    a[0] = <uint8_t> max(a[0], count)
    b[0] = <uint8_t> max(b[0], count)
    return False


cdef inline int64_t *claim(Table *table, const Table *parent, Admission *admission, int64_t id_) noexcept nogil:
    """Return the cell of an id, entered where it is new; NULL where it is not admitted yet.

    A new cell of a table with a parent begins with the parent's state, and remembers it in its second half.
    """
    cdef int64_t *cell = cell_at(table, id_)
    cdef const int64_t *other = NULL
    cdef offset_t word
    if not table.by_id:
        return cell
    if cell[0] == EMPTY:
        if parent.cells != NULL:
            other = cell_at(parent, id_)
        elif admission.least > 1 and not admitted(admission, id_):
            return NULL
        for word in range(1, table.width):
            cell[word] = 0
        if other != NULL and other[0] != EMPTY:
            memcpy(cell + 1, other + 1, (parent.width - 1) * sizeof(int64_t))
            memcpy(cell + parent.width, other + 1, (parent.width - 1) * sizeof(int64_t))
        table.used += 1
    cell[0] = marked(id_)
    return cell


cdef inline double chance(uint64_t seed, uint64_t row, int64_t id_) noexcept nogil:
    """Draw from [0, 1) for an entry of a row: the same number whenever and wherever it is asked for."""
    return <double> (mix(seed ^ mix(row ^ mix(<uint64_t> id_))) >> 11) * (1.0 / 9007199254740992.0)


cdef inline void gather(
    Row *row, const Entries *entries, offset_t begin, offset_t end, Table *table, const Table *parent,
    Admission *admission, double dropout, uint64_t seed, uint64_t number
) noexcept nogil:
    """Find the cells of a row's entries, and drop some of its values out."""
    cdef offset_t k
    cdef const Table *far = table if parent.cells == NULL else parent
    cdef int64_t *cell
    cdef double x = 1.0
    row.n = 0
    for k in range(begin, end):
        if k + AHEAD < entries.end:
            prefetch(expected(far, entries.ids[k + AHEAD]))
        if entries.data != NULL:
            x = entries.data[k]
            if x == 0.0:
                continue
        cell = claim(table, parent, admission, entries.ids[k])
        if cell == NULL:
            continue
        row.x[row.n] = x
        row.state[row.n] = <double *> (cell + 1)
        if dropout > 0.0:
            row.kept[row.n] = x / (1.0 - dropout) if chance(seed, number, id_of(cell[0])) >= dropout else 0.0
        row.n += 1


cdef inline double odd_prox(Penalty penalty, double v, double reach) noexcept nogil:
    """Return the prox of v by that of its size: signs are as good as random, and a wrong guess of a branch is dear."""
    return copysign(penalty.prox(fabs(v), reach, 1.0), v) + 0.0


cdef inline void predict(
    Row *row, Penalty penalty, Optimiser optimiser, offset_t words, offset_t n_outputs
) noexcept nogil:
    """Add a row's entries to its predictors, and keep the coefficients they have now."""
    cdef offset_t k, c
    cdef double v, reach
    for k in range(row.n):
        for c in range(n_outputs):
            v = optimiser.recall(row.state[k] + c * words, &reach)
            v = odd_prox(penalty, v, reach)
            row.w[k * n_outputs + c] = v
            row.full[c] += v * row.x[k]
            if row.t != row.full:
                row.t[c] += v * row.kept[k]


cdef inline double softmax_loss(const double *y, const double *t, double *slope, offset_t n) noexcept nogil:
    """Return the cross-entropy of the softmax, and its slopes."""
    cdef offset_t c
    cdef double most = t[0], total = 0.0, value = 0.0
    for c in range(1, n):
        most = max(most, t[c])
    for c in range(n):
        slope[c] = exp(t[c] - most)
        total += slope[c]
        value -= y[c] * (t[c] - most)
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
        value += loss.value(y[c], row.full[c])
        row.slope[c] = loss.derivative(y[c], row.t[c])
    return value


cdef inline bint step(
    Row *row, Optimiser optimiser, double s, offset_t words, offset_t n_outputs, double *intercept
) noexcept nogil:
    """Take a row's steps; False, the rest undone, where one leads nowhere."""
    cdef offset_t k, c
    cdef double g
    optimiser.begin(s)
    for c in range(n_outputs):
        row.slope[c] *= s
        if not finite(row.slope[c]):
            return False
    for k in range(row.n):
        for c in range(n_outputs):
            g = row.slope[c] * row.kept[k]
            if not optimiser.learn(row.state[k] + c * words, row.w[k * n_outputs + c], g):
                return False
    if intercept != NULL:
        for c in range(n_outputs):
            if not optimiser.intercept(&intercept[c], &intercept[n_outputs + c], row.slope[c]):
                return False
    optimiser.advance()
    return True


cdef inline bint learn_row(
    Row *row, Loss loss, bint softmax, Penalty penalty, Optimiser optimiser, const double *y, double s, offset_t words,
    offset_t n_outputs, double *intercept, double *totals
) noexcept nogil:
    """Predict, measure and step."""
    cdef offset_t c
    cdef double value
    for c in range(n_outputs):
        row.full[c] = row.t[c] = 0.0 if intercept == NULL else intercept[c]
    predict(row, penalty, optimiser, words, n_outputs)
    value = measure(row, loss, softmax, y, n_outputs)
    if not finite(totals[1] + s * value) or not step(row, optimiser, s, words, n_outputs, intercept):
        return False
    totals[0] += s
    totals[1] += s * value
    return True


cdef bint make_row(Row *row, offset_t longest, offset_t n_outputs, bint dropout) noexcept nogil:
    """Find room for the longest row; `row.x` is what to free."""
    cdef double *room = <double *> malloc((longest * (3 + n_outputs) + 3 * n_outputs + 1) * sizeof(double))
    if room == NULL:
        return False
    row.x = room
    row.kept = row.x + longest if dropout else row.x
    row.state = <double **> (row.x + 2 * longest)
    row.w = row.x + 3 * longest
    row.slope = row.w + longest * n_outputs
    row.full = row.slope + n_outputs
    row.t = row.full + n_outputs if dropout else row.full
    return True


def learn(
    Loss loss, Penalty penalty, Optimiser optimiser, bint softmax,
    const offset_t[::1] indptr, const int64_t[::1] ids, const double[::1] data, const double[:, ::1] y,
    const double[::1] weight, offset_t longest, Cells cells, Cells parent,
    double[:, ::1] intercept, double[::1] totals,
    uint8_t[::1] counts, int least, double dropout, uint64_t seed, uint64_t first_row
):
    """Learn from rows in order: w and b follow the minimum of F(w, b) over the stream.

    Parameters
    ----------
    loss, penalty, optimiser : objects of the registries, in; the optimiser's clock in-out
        The penalty is the elastic net unless the optimiser takes any.
    softmax : bool
        Several outputs are classes of one softmax; else each has the loss to itself.
    indptr : (n_rows + 1,) int64, in
    ids : (nnz,) int64, in
        Distinct in a row. Below 2**63 - 1; where `cells` are found by place, places.
    data : (nnz,) or (0,) float64, in
    y : (n_rows, n_outputs) float64, in
    weight : (n_rows,) or (0,) float64, in
        Length 0: ones. Rows of weight 0 are passed over.
    longest : int64
        Most entries of a row.
    cells : Cells, in-out
        1 + n_outputs * words wide; with a parent, which remembers what it began with, 1 + 2 * n_outputs * words.
    parent : Cells or None, in
        Where new cells take their first state from.
    intercept : (2, n_outputs) or (0, 0) float64, in-out
        Intercepts, and the sums of their squared slopes.
    totals : (2,) float64, in-out
        Weight of the rows learned from, and their weighted losses, each measured before the row was learned from.
    counts, least : (size,) or (0,) uint8, in-out; int
        An id without a cell gets one when it is seen for the `least`-th time, at most 255. Not with a parent.
    dropout, seed, first_row : float, int, int
        Each entry is left out of the step with probability `dropout` and divided by 1 - dropout otherwise; drawn from
        the seed, the row's number in the stream (`first_row` is that of row 0) and the id.

    Returns
    -------
    code, n_rows : int, int
        How it ended, and the rows done. DONE: all rows. FULL: the next row may need more cells than there are. WORN:
        all states are to be renewed before it. DIVERGED: its step is not finite; states, which are, hold part of it.

    Notes
    -----
    Invariant: any division of the rows among calls gives the same states, bit for bit. Cost: one random access to
    memory an entry, asked for ahead of use.
    """
    cdef offset_t i = 0, stop = indptr.shape[0] - 1, n_outputs = y.shape[1], words, limit = cells.limit
    cdef Table table = cells.table(), source
    cdef Entries entries
    cdef Admission admission
    cdef Row row
    cdef int code = C_DONE
    cdef double s = 1.0
    cdef bint finished
    cdef double *b = NULL if intercept.shape[0] == 0 else &intercept[0, 0]
    source.cells = NULL
    if parent is not None:
        source = parent.table()
    words = ((table.width if source.cells == NULL else source.width) - 1) // n_outputs
    entries.ids = NULL if ids.shape[0] == 0 else &ids[0]
    entries.data = NULL if data.shape[0] == 0 else &data[0]
    entries.end = indptr[stop]
    admission.counts = NULL if counts.shape[0] == 0 else &counts[0]
    admission.size = counts.shape[0]
    admission.least = least
    if not make_row(&row, longest, n_outputs, dropout > 0.0):
        raise MemoryError(f"a row of {longest} entries with {n_outputs} outputs")
    with nogil:
        while i < stop:
            if weight.shape[0] > 0:
                s = weight[i]
            if s > 0.0:
                if optimiser.worn():
                    code = C_WORN
                    break
                if table.by_id and table.used + indptr[i + 1] - indptr[i] > limit:
                    code = C_FULL
                    break
                gather(
                    &row, &entries, indptr[i], indptr[i + 1], &table, &source, &admission, dropout, seed, first_row + i
                )
                if n_outputs == 1:
                    finished = learn_row(&row, loss, False, penalty, optimiser, &y[i, 0], s, words, 1, b, &totals[0])
                else:
                    finished = learn_row(
                        &row, loss, softmax, penalty, optimiser, &y[i, 0], s, words, n_outputs, b, &totals[0]
                    )
                if not finished:
                    code = C_DIVERGED
                    break
            i += 1
    free(row.x)
    cells.used = table.used
    return code, i


def skip(Optimiser optimiser, const double[::1] weight, offset_t n_rows):
    """Let the time of some rows pass.

    Parameters
    ----------
    optimiser : object of the registry, in-out
    weight : (n_rows,) or (0,) float64, in
        Length 0: ones.
    n_rows : int

    Returns
    -------
    worn : bool
        States have to be renewed before more rows.
    """
    cdef offset_t i
    cdef double s = 1.0
    with nogil:
        for i in range(n_rows):
            if weight.shape[0] > 0:
                s = weight[i]
            if s > 0.0:
                optimiser.begin(s)
                optimiser.advance()
    return bool(optimiser.worn())


def read(Penalty penalty, Optimiser optimiser, const int64_t[:, ::1] cells, double[:, ::1] w):
    """Compute the coefficients that cells stand for now, or their averages.

    Parameters
    ----------
    penalty, optimiser : objects of the registries, in
    cells : (n, 1 + n_outputs * words) int64, in
    w : (n, n_outputs) float64, out
        0 for empty cells. Zeros are exact, and never -0.0.

    Notes
    -----
    Cost: one pass.
    """
    cdef offset_t k, c, n_outputs = w.shape[1], words = (cells.shape[1] - 1) // n_outputs
    cdef double v, reach
    with nogil:
        for k in range(cells.shape[0]):
            for c in range(n_outputs):
                w[k, c] = 0.0
                if cells[k, 0] != EMPTY:
                    v = optimiser.recall(<const double *> &cells[k, 1 + c * words], &reach)
                    v = odd_prox(penalty, v, reach)
                    w[k, c] = optimiser.report(<const double *> &cells[k, 1 + c * words], v)


def settle(Optimiser optimiser, int64_t[:, ::1] cells, offset_t n_outputs):
    """Make states what they are when the clock is back at its zero, where it has to be set next.

    Parameters
    ----------
    optimiser : object of the registry, in
    cells : (n, 1 + n_outputs * words) int64, in-out
    n_outputs : int
    """
    cdef offset_t k, c, words = (cells.shape[1] - 1) // n_outputs
    with nogil:
        for k in range(cells.shape[0]):
            for c in range(n_outputs):
                if cells[k, 0] != EMPTY:
                    optimiser.settle(<double *> &cells[k, 1 + c * words])


def write(Optimiser optimiser, double l1, double l2, const double[:, ::1] w, int64_t[:, ::1] cells):
    """Set states so that they stand for given coefficients now; what else they remember stays.

    Parameters
    ----------
    optimiser : object of the registry, in
    l1, l2 : float
        Of the elastic net; 0 for another penalty, at the start of the clock.
    w : (n, n_outputs) float64, in
    cells : (n, 1 + n_outputs * words) int64, in-out
    """
    cdef offset_t k, c, n_outputs = w.shape[1], words = (cells.shape[1] - 1) // n_outputs
    with nogil:
        for k in range(cells.shape[0]):
            for c in range(n_outputs):
                if cells[k, 0] != EMPTY:
                    optimiser.place(<double *> &cells[k, 1 + c * words], w[k, c], l1, l2)


def merge(Optimiser optimiser, double l1, double l2, Cells shard, Cells cells):
    """Add what a shard has learned to the cells that it began with.

    Parameters
    ----------
    optimiser : object of the registry, in
        At the time after all shards.
    l1, l2 : float
        Of the elastic net; not used by an optimiser that takes any penalty.
    shard : Cells, in
        A table with two states in each cell, now and at the beginning.
    cells : Cells, in-out
        Room for all cells of the shard.

    Notes
    -----
    Cost: one random access to memory for each cell of the shard.
    """
    cdef Table table = cells.table(), part = shard.table()
    cdef offset_t k, c, words = optimiser.words, size = table.width - 1
    cdef int64_t *cell
    cdef const int64_t *other
    cdef Admission admission
    cdef Table none
    none.cells = NULL
    admission.least = 1
    with nogil:
        for k in range(part.capacity):
            other = part.cells + k * part.width
            if k + AHEAD < part.capacity and other[AHEAD * part.width] != EMPTY:
                prefetch(expected(&table, id_of(other[AHEAD * part.width])))
            if other[0] == EMPTY:
                continue
            cell = claim(&table, &none, &admission, id_of(other[0]))
            for c in range(size // words):
                optimiser.merge(
                    <double *> (cell + 1 + c * words), <const double *> (other + 1 + c * words),
                    <const double *> (other + 1 + size + c * words), l1, l2,
                )
    cells.used = table.used

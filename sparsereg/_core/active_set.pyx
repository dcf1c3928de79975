"""Parametric active set: lasso and elastic net on a working set, solved exactly from any warm start (homotopy)."""
cimport cython
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, fabs, isfinite
from libc.string cimport memcpy, memset

from sparsereg._core.cholesky cimport solve_transposed, solve_upper
from sparsereg._core.gram_factor cimport GramFactor
from sparsereg._core.sparse_ops cimport sparsereg_axpy_double, sparsereg_dot_double
from sparsereg._core.types cimport index_t

# Multiplications between two checks of pending signals: about 50 ms of work.
cdef double WORK_BETWEEN_SIGNALS = 5e7
# A column whose square outside the span of the members is less than this share of it belongs to that span.
cdef double SINGULAR = 1e-10
# A column joins where its correlation overtakes its threshold by more than this, relative: others are twins of members.
cdef double OVERTAKES = 1e-9
# Excess over the thresholds, relative, at which the conditions count as met; a run from there removes what is more.
cdef double MET = 1e-9
# Excess up to which the members are kept: what is more came from rounding, and from their factor.
cdef double GOOD = 1e-7
# Rounding of the model before and after.
cdef double ROUNDING = 1e-12
# Joins in a row after which the direction is solved for again.
cdef Py_ssize_t FRESH = 32
# Runs from the end of the last: each divides what rounding left by about 1e6.
cdef int MOST_RUNS = 3

cdef enum:
    ARRIVED = 0  # the thresholds are those asked for
    LEAVES = 1  # a member reached zero
    JOINS = 2  # a column reached its threshold
    LOST = 3  # no way on


@cython.final
cdef class ActiveSet(GramFactor):
    """Lasso or elastic net on a working set; members and their factor are kept from one alpha to the next.

    Arguments
    ---------
    As of `GramFactor`.
    """

    cdef readonly Py_ssize_t n_events, n_singular, n_runs
    cdef Py_ssize_t since, version
    cdef double tau, excess
    cdef bint is_given
    # By slot.
    cdef double[::1] w, raw, v, rate, threshold, extra, sign
    cdef index_t[::1] sides
    # By place among the members, and by row.
    cdef double[::1] direction, z, step

    def __init__(self, Py_ssize_t n_columns, Py_ssize_t n_rows, Py_ssize_t n_slots, Py_ssize_t max_members):
        GramFactor.__init__(self, n_columns, n_rows, n_slots, max_members)
        self.n_events = self.n_singular = self.n_runs = self.since = 0
        self.version, self.is_given = 1, False
        self.w, self.raw, self.v, self.rate = np.zeros((4, n_slots))
        self.threshold, self.extra, self.sign = np.zeros((3, n_slots))
        self.sides = np.zeros(n_slots, dtype=np.int32)
        self.direction = np.zeros(self.ld)
        self.z, self.step = np.zeros((2, self.stride))

    # From a warm start.

    cdef bint _match(self) noexcept nogil:
        """Make the members those with a coefficient; False where they depend on each other and cannot be told apart."""
        cdef Py_ssize_t k, slot
        for k in range(self.n_members - 1, -1, -1):
            if self.w[self.members[k]] == 0.0:
                self._leave(k)
        for k in range(self.n_set):
            slot = self.chosen[k]
            if self.w[slot] != 0.0 and self.place[slot] < 0:
                self.sign[slot] = 1.0 if self.w[slot] > 0.0 else -1.0
                if not self._admit(slot, False):
                    return False
        return True

    cdef bint _admit(self, Py_ssize_t slot, bint grows) noexcept nogil:
        """Enter a column; where it is in the span of the members go along that, until one of them is zero and leaves.

        A column that grows does so from zero; else the direction is that in which the penalty falls, and the column
        itself may reach zero, which is all there is to do then.
        """
        cdef double square, slope, way, t, furthest
        cdef Py_ssize_t i, j, which
        while True:
            square = INFINITY if self.n_members + 1 >= self.ld and self.ridge[slot] > 0.0 else self._project(slot)
            if not isfinite(square):
                return False
            if square > SINGULAR * self.square[slot] and self.n_members + 1 < self.ld:
                self._enter(slot, square)
                return True
            self.n_singular += 1
            way = self.sign[slot]
            if not grows:
                slope = self.sign[slot] * self.threshold[slot]
                for i in range(self.n_members):
                    j = self.members[i]
                    slope -= self.solved[i] * self.threshold[j] * (1.0 if self.w[j] > 0.0 else -1.0)
                way = -1.0 if slope > 0.0 else 1.0
            furthest, which = INFINITY, -1
            if self.w[slot] * way < 0.0:
                furthest = fabs(self.w[slot])
            for i in range(self.n_members):
                t = way * self.solved[i]
                if self.w[self.members[i]] * t > 0.0:
                    t = self.w[self.members[i]] / t
                    if t < furthest:
                        furthest, which = t, i
            if furthest == INFINITY:
                return False
            for i in range(self.n_members):
                self.w[self.members[i]] -= furthest * way * self.solved[i]
            self.w[slot] += furthest * way
            if which < 0:
                self.w[slot] = 0.0
                return True
            j = self.members[which]
            self.w[j], self.extra[j] = 0.0, max(self.extra[j], 0.0)
            self._leave(which)

    cdef double _look(self) noexcept nogil:
        """Correlate the working set, return the largest excess, relative."""
        cdef Py_ssize_t k, slot
        cdef double excess, worst = 0.0
        self.excess = 0.0
        for k in range(self.n_set):
            slot = self.chosen[k]
            if self.taken[slot] != self.version:
                self.raw[slot] = sparsereg_dot_double(&self.block[slot * self.stride], &self.z[0], self.stride)
                self.taken[slot] = self.version
                self.work += self.stride
        for k in range(self.n_set):
            slot = self.chosen[k]
            self.v[slot] = self.raw[slot] - self.ridge[slot] * self.w[slot]
            if self.place[slot] >= 0:
                self.sign[slot] = 1.0 if self.w[slot] > 0.0 or (self.w[slot] == 0.0 and self.v[slot] > 0.0) else -1.0
                self.extra[slot] = self.sign[slot] * self.v[slot] - self.threshold[slot]
                worst = max(worst, fabs(self.extra[slot]) / self.threshold[slot])
                excess = self.extra[slot] / self.threshold[slot]
            else:
                excess = self.v[slot] if self.sides[slot] & 1 else 0.0
                if self.sides[slot] & 2:
                    excess = max(excess, -self.v[slot])
                excess = excess / self.threshold[slot] - 1.0
                worst = max(worst, excess)
            self.excess = max(self.excess, excess)
        # Thresholds of the others start where the furthest is met, and move in step with those of the members.
        for k in range(self.n_set):
            slot = self.chosen[k]
            if self.place[slot] < 0:
                self.extra[slot] = self.excess * self.threshold[slot]
        return worst

    # Along the way: thresholds move from where the present point is optimal to those asked for.

    cdef void _aim(self) noexcept nogil:
        """Solve for the direction of the members, from R'R d = sign * excess, and for that of the residual."""
        cdef Py_ssize_t i, m = self.n_members
        cdef double *d = &self.direction[0]
        cdef const double *R = &self.factor[0]
        for i in range(m):
            d[i] = self.sign[self.members[i]] * self.extra[self.members[i]]
        solve_transposed(R, self.ld, m, d)
        solve_upper(R, self.ld, m, d)
        memset(&self.step[0], 0, self.stride * sizeof(double))
        for i in range(m):
            sparsereg_axpy_double(d[i], &self.block[self.members[i] * self.stride], &self.step[0], self.stride)
        self.since = 0
        self.work += m * (1.0 * self.stride + m)

    cdef void _turn(self, double square) noexcept nogil:
        """Take the member that has just entered into the direction; cheaper than to solve for all of it."""
        cdef Py_ssize_t i, m = self.n_members - 1
        cdef Py_ssize_t slot = self.members[m]
        cdef double d = self.sign[slot] * self.extra[slot]
        for i in range(m):
            d -= self.solved[i] * self.sign[self.members[i]] * self.extra[self.members[i]]
        d /= square
        self.direction[m] = d
        sparsereg_axpy_double(-d, &self.solved[0], &self.direction[0], m)
        sparsereg_axpy_double(d, &self.outside[0], &self.step[0], self.stride)
        self.since += 1

    cdef int _next(self, Py_ssize_t dropped, double *length, Py_ssize_t *which) noexcept nogil:
        """Find what happens first: a member at zero (`which` by place), or a column at its threshold (by slot)."""
        cdef Py_ssize_t i, k, slot
        cdef double t, d, rate, sign, best = 1.0 - self.tau
        cdef int what = ARRIVED, side
        for i in range(self.n_members):
            slot, d = self.members[i], self.direction[i]
            if d * self.sign[slot] < 0.0:
                t = max(-self.w[slot] / d, 0.0)
                if t < best:
                    best, what, which[0] = t, LEAVES, i
        for k in range(self.n_set):
            slot = self.chosen[k]
            if self.place[slot] >= 0:
                continue
            self.rate[slot] = -sparsereg_dot_double(&self.block[slot * self.stride], &self.step[0], self.stride)
            for side in range(2):
                sign = 1.0 - 2.0 * side
                if not self.sides[slot] & (1 + side) or (slot == dropped and sign == self.sign[slot]):
                    continue
                rate = sign * self.rate[slot] + self.extra[slot]
                if rate > OVERTAKES * self.threshold[slot]:
                    t = self.threshold[slot] + (1.0 - self.tau) * self.extra[slot] - sign * self.v[slot]
                    t = max(t / rate, 0.0)
                    if t < best:
                        best, what, which[0] = t, JOINS, slot if side == 0 else -1 - slot
        length[0] = best
        self.work += (self.n_set - self.n_members) * self.stride
        return what

    cdef void _advance(self, double length) noexcept nogil:
        """Go along the direction."""
        cdef Py_ssize_t i, k, slot
        for i in range(self.n_members):
            slot = self.members[i]
            self.w[slot] += length * self.direction[i]
        for k in range(self.n_set):
            slot = self.chosen[k]
            if self.place[slot] >= 0:
                self.v[slot] -= length * self.sign[slot] * self.extra[slot]
            else:
                self.v[slot] += length * self.rate[slot]
        self.tau += length

    cdef int _event(self, Py_ssize_t *dropped) noexcept nogil:
        """Go on to what happens next, and let it happen."""
        cdef double length = 0.0, square
        cdef Py_ssize_t which = 0, slot, singular = self.n_singular
        cdef int what = self._next(dropped[0], &length, &which)
        self._advance(length)
        if what == ARRIVED:
            return what
        self.n_events += 1
        if what == LEAVES:
            slot = self.members[which]
            self.w[slot] = 0.0
            # Below its threshold it may move freely; at its threshold it must not come back at once.
            dropped[0] = slot if self.extra[slot] >= 0.0 else -1
            self.extra[slot] = max(self.extra[slot], 0.0)
            self._leave(which)
            self._aim()
            return what
        slot = which if which >= 0 else -1 - which
        self.sign[slot] = 1.0 if which >= 0 else -1.0
        dropped[0] = -1
        if not self._admit(slot, True):
            return LOST
        square = self.factor[self.place[slot] * (self.ld + 1)] if self.place[slot] >= 0 else 0.0
        if singular == self.n_singular and self.since < FRESH:
            self._turn(square * square)
        else:
            self._aim()
        return what

    cdef int _run(self, Py_ssize_t max_events) except -1:
        """Move the thresholds all the way; Ctrl-C raises."""
        cdef Py_ssize_t dropped = -1, first = self.n_events
        cdef int what = JOINS
        self.tau = 0.0
        self.n_runs += 1
        self._aim()
        while what != ARRIVED and what != LOST:
            with nogil:
                what = self._event(&dropped)
            if self.n_events - first >= max_events:
                return LOST
            if self.work > WORK_BETWEEN_SIGNALS:
                self.work = 0.0
                PyErr_CheckSignals()
        return what

    cdef void _settle(self, const double *target) noexcept nogil:
        """Take the residual from the coefficients again, given the target."""
        cdef Py_ssize_t k, slot
        self.version += 1
        memcpy(&self.z[0], target, self.n_rows * sizeof(double))
        for k in range(self.n_set):
            slot = self.chosen[k]
            if self.w[slot] != 0.0:
                sparsereg_axpy_double(-self.w[slot], &self.block[slot * self.stride], &self.z[0], self.stride)
        self.work += self.n_members * self.stride

    cdef double _model(self) noexcept nogil:
        """Return F at the settled point."""
        cdef Py_ssize_t k, slot
        cdef double total = 0.5 * sparsereg_dot_double(&self.z[0], &self.z[0], self.stride)
        for k in range(self.n_set):
            slot = self.chosen[k]
            if self.w[slot] != 0.0:
                total += self.threshold[slot] * fabs(self.w[slot]) + 0.5 * self.ridge[slot] * self.w[slot] ** 2
        return total

    def solve(
        self, const double[::1] target, double[::1] w, double[::1] z, double[::1] v, const double[::1] threshold,
        const double[::1] ridge, const double[::1] lower, const double[::1] upper, double reference,
        Py_ssize_t max_events, bint resumes,
    ):
        """Minimise |target - X w|^2 / 2 + sum_k threshold_k |w_k| + ridge_k w_k^2 / 2 over the working set last held.

        X is centred and times the root of the weights, as in `hold`; so is the target, columns outside are at zero.

        Arguments
        ---------
        target : float64 (n_rows,), in
        w : float64 (n_columns,), coefficients of the working set, in-out
        z : float64 (n_rows,), target - X w, out
        v : float64 (n_columns,), X'z, out
        threshold : float64 (n_columns,), above 0, in
        ridge : float64 (n_columns,), in; where it differs from the last call's the factor is made anew
        lower, upper : float64 (n_columns,), 0 or infinite, in
        reference : |target|^2 / 2, for rounding
        max_events : give up after as many changes of the members
        resumes : w is as the last call has left it, columns outside are at zero, and the target is the same

        Returns
        -------
        excess : float
            Largest violation of the optimality conditions, relative to the thresholds; infinite where nothing was
            gained, w, z and v are as they were then.

        Cost of an event with m members: m (2 n_rows + m) and n_rows for each other column. Raises KeyboardInterrupt.
        Source: Osborne, Presnell, Turlach 2000; thresholds that start where the warm start is optimal.
        """
        cdef double before, excess, last
        cdef int what = ARRIVED
        cdef Py_ssize_t runs = 0, singular = self.n_singular
        cdef const double *source = &target[0]
        cdef bint matched
        resumes = resumes and self.is_given
        self.is_given = False
        with nogil:
            self._take(w, threshold, ridge, lower, upper)
            if not resumes:
                self._settle(source)
            before = self._model()
            matched = self._match()
            if self.n_singular > singular:
                self._settle(source)
            excess = self._look()
        while matched and excess > MET and runs < MOST_RUNS and what != LOST:
            what = self._run(max_events)
            runs += 1
            last = excess
            with nogil:
                self._settle(source)
                excess = self._look()
            if excess > 0.5 * last:
                break
        if not matched or not self._model() <= before + ROUNDING * reference:
            self._forget()
            return INFINITY
        if excess > GOOD:
            self._forget()
        self._give(w, z, v)
        self.is_given = True
        return excess

    cdef void _take(
        self, const double[::1] w, const double[::1] threshold, const double[::1] ridge, const double[::1] lower,
        const double[::1] upper,
    ) noexcept nogil:
        """Copy coefficients and penalties of the working set into its slots."""
        cdef Py_ssize_t k, slot
        cdef bint same = True
        for k in range(self.n_set):
            slot = self.chosen[k]
            self.w[slot] = w[k]
            self.threshold[slot] = threshold[k]
            self.sides[slot] = (1 if upper[k] > 0.0 else 0) | (2 if lower[k] < 0.0 else 0)
            same = same and (self.place[slot] < 0 or self.ridge[slot] == ridge[k])
            self.ridge[slot] = ridge[k]
        if not same:
            self._forget()

    cdef void _give(self, double[::1] w, double[::1] z, double[::1] v) noexcept nogil:
        """Hand coefficients, residual and correlations back."""
        cdef Py_ssize_t k
        for k in range(self.n_set):
            w[k], v[k] = self.w[self.chosen[k]], self.raw[self.chosen[k]]
        memcpy(&z[0], &self.z[0], self.n_rows * sizeof(double))

"""Coordinate descent and Newton steps for squared loss on the cross-products of few columns."""
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.math cimport INFINITY, fabs, log, sqrt
from libc.string cimport memcpy

from cython cimport floating

from sparsereg._core.penalties cimport ElasticNet
from sparsereg._core.sparse_ops cimport sparsereg_axpy_double
from sparsereg._core.types cimport index_t, offset_t

# Multiplications between two checks of pending signals: about 50 ms of work.
cdef double WORK_BETWEEN_SIGNALS = 1e8
# A multiplication of a factorisation takes this share of one of a sweep, and a step this many multiplications more
# (measured: LAPACK beside rows of a matrix in the second cache).
cdef double FACTOR_SHARE = 0.4
cdef double STEP_OVERHEAD = 4000.0
# Ridge beside the diagonal that keeps the factor of collinear columns regular.
cdef double NUDGE = 1e-12
# What rounding may add to F, relative to y'Sy.
cdef double SAME = 1e-14
# Sweeps before a step is thought of, and looks that better nothing after which rounding is to blame.
cdef int FIRST_SWEEPS = 2
cdef int MAX_STALLED = 12

ctypedef void (*Potrf)(char *, int *, double *, int *, int *) noexcept nogil
ctypedef void (*Potrs)(char *, int *, int *, double *, int *, double *, int *, int *) noexcept nogil


cdef void *_lapack(str name) except NULL:
    # Loaded late: the import takes longer than a small fit.
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__[name]
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef inline void _subtract(Py_ssize_t n, double factor, const double *x, double *y) noexcept nogil:
    """Take factor x off y."""
    sparsereg_axpy_double(-factor, x, y, n)


def add_cross_products(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr, const double[::1] weight,
    double[:, ::1] out,
):
    """Add X'SX of sparse rows to the lower triangle of a matrix.

    Parameters
    ----------
    data, indices, indptr : rows (CSR), ids ascending
    weight : float64 (n_rows,)
        S, of the rows.
    out : float64 (n_columns, n_columns), in/out

    Cost: the pairs of entries of each row.
    """
    cdef Py_ssize_t i, a, b, start, end
    cdef double factor
    cdef double *row
    with nogil:
        for i in range(weight.shape[0]):
            start, end = indptr[i], indptr[i + 1]
            for a in range(start, end):
                row = &out[indices[a], 0]
                factor = weight[i] * data[a]
                for b in range(start, a + 1):
                    row[indices[b]] += factor * data[b]


cdef class GramDescent:
    """Minimises F at one alpha after another, from the solution before, given the cross-products of the columns.

    With z the weighted residual, `v = X'z = q - G w` is kept up to date, so that a column that stays at zero costs
    nothing, and one that moves a row of G. Every look at the duality gap takes one pass over v: the dual point is z,
    scaled into the polytope, and its objective follows from G, q and y'Sy.

    Parameters
    ----------
    gram : float64 (n, n)
        G = X'SX, centred beside an intercept, both triangles.
    q : float64 (n,)
        X'Sy.
    total : y'Sy
    size : float64 (n,)
        Roots of the diagonal that G had before anything was subtracted: what its rounding is relative to.
    epsilon : rounding of an entry of G or q, relative to the sizes of its columns
    factor, scale, lower, upper : float64 (n,)

    Attributes
    ----------
    w : float64 (n,)
    primal, dual, gap : of the last look
    penalty_sum : penalty of w
    rounding : what rounding of G may have added to the gap
    n_iter : sweeps, steps and looks of the last call

    Source: Friedman, Hastie, Tibshirani 2010, section 2.2 (covariance updates).
    """

    cdef double[:, ::1] gram
    cdef double[::1] q, diagonal, size, factor, scale, lower, upper, v, limit, ridge, direction, trial, change, root
    cdef index_t[::1] inside, factored
    cdef double total, epsilon, work
    cdef Py_ssize_t n, n_inside, n_factored, n_moved, n_updates
    cdef Potrf potrf
    cdef Potrs potrs
    cdef readonly double primal, dual, gap, penalty_sum, rounding
    cdef readonly int n_iter
    cdef double[::1] coef
    cdef double[:, ::1] past
    cdef double[::1] probe, probed
    cdef double strengths[2]
    cdef readonly object w

    def __init__(
        self, double[:, ::1] gram, double[::1] q, double total, double[::1] size, double epsilon,
        const double[::1] factor, const double[::1] scale, const double[::1] lower, const double[::1] upper,
    ):
        self.n = q.shape[0]
        self.gram, self.q, self.total, self.size, self.epsilon = gram, q, total, size, epsilon
        self.diagonal = np.diagonal(gram).copy()
        self.factor, self.scale = np.array(factor), np.array(scale)
        self.lower, self.upper = np.array(lower), np.array(upper)
        self.w = np.zeros(self.n)
        self.coef, self.v = self.w, np.array(q)
        rows = np.empty((5, self.n))
        self.limit, self.ridge, self.direction, self.trial, self.change = rows
        self.inside, self.factored = np.empty((2, self.n), dtype=np.int32)
        self.root = np.empty(0)
        self.n_factored, self.n_updates = -1, 0
        self.potrf = NULL
        # Signs without a pattern, in the units of the columns.
        signs = np.where(np.arange(1, self.n + 1) * 2654435761 >> 16 & 1, 1.0, -1.0)
        self.probe = np.divide(signs, size, out=np.zeros(self.n), where=np.asarray(size) > 0.0)
        self.probed = np.asarray(gram) @ self.probe
        self.past = np.zeros((4, self.n))
        self.strengths[0] = self.strengths[1] = INFINITY

    def start(self, const double[::1] w):
        """Take coefficients to start from."""
        self.coef[:] = w
        self._refresh()

    def solve(self, ElasticNet penalty, double target, int max_iter, double faint):
        """Minimise F at one alpha, until the duality gap is at most the target.

        Parameters
        ----------
        penalty : ElasticNet
        target : duality gap to reach
        max_iter : sweeps, steps and looks allowed
        faint : part of the predictor that a coefficient is not worth, relative to that of the target

        Returns
        -------
        solved : bool
            False where `max_iter` is used up or rounding is in the way; w is the best that was found then, too.

        Cost: a sweep takes n multiplications for every column that moves, a Newton step a third of the cube of the
        columns that are not zero. Raises KeyboardInterrupt.
        """
        cdef Py_ssize_t j
        cdef int stalled = 0, since = -1
        cdef double before = INFINITY, best = INFINITY, best_primal = INFINITY
        for j in range(self.n):
            self.limit[j] = penalty.threshold(self.factor[j]) * self.scale[j]
            self.ridge[j] = penalty.ridge(self.factor[j]) * self.scale[j] * self.scale[j]
        self.dual, self.n_iter = 0.0, 0
        if self.n_updates > 10 * self.n:
            self._refresh()
        with nogil:
            self._look()
            if self.gap > target:
                self._predict(penalty.strength)
        while True:
            self.n_iter += 1
            if self.gap <= target and not self._is_true():
                self._refresh()
                # What was seen before was not that of this residual.
                self.dual = 0.0
                self._look()
            if self.gap <= target:
                self._drop_faint(target, faint)
                self._keep(penalty.strength)
                return True
            stalled = 0 if self.gap < 0.99 * best or self.primal < best_primal - SAME * self.total else stalled + 1
            best, best_primal = min(best, self.gap), min(best_primal, self.primal)
            if self.n_iter >= max_iter or stalled >= MAX_STALLED:
                return False
            if self._step_pays(since, before, target) and self._step():
                since, before = 0, INFINITY
            else:
                before = self.gap
                with nogil:
                    self._sweep()
                since = max(since, 0) + 1
            with nogil:
                self._look()
            if self.work > WORK_BETWEEN_SIGNALS:
                self.work = 0.0
                PyErr_CheckSignals()

    cdef void _refresh(self) noexcept:
        """Take v from the coefficients again."""
        cdef Py_ssize_t j
        self.v[:] = self.q
        with nogil:
            for j in range(self.n):
                if self.coef[j] != 0.0:
                    _subtract(self.n, self.coef[j], &self.gram[j, 0], &self.v[0])
        self.n_updates = 0

    cdef void _keep(self, double strength) noexcept nogil:
        """Keep the solution, the one before and their strengths: what the next may be predicted from."""
        cdef Py_ssize_t j, size = self.n * sizeof(double)
        cdef bint moved = False
        for j in range(self.n):
            moved = moved or self.coef[j] != self.past[2, j]
        if not moved:
            return
        if strength != self.strengths[1]:
            self.strengths[0] = self.strengths[1]
            memcpy(&self.past[0, 0], &self.past[2, 0], size)
            memcpy(&self.past[1, 0], &self.past[3, 0], size)
        self.strengths[1] = strength
        memcpy(&self.past[2, 0], &self.coef[0], size)
        memcpy(&self.past[3, 0], &self.v[0], size)

    cdef void _predict(self, double strength) noexcept nogil:
        """Go on along the line through the last two solutions, none past zero or a bound, where that lowers F.

        As v is linear in w it follows without a product; only columns that are held back cost one.
        """
        cdef Py_ssize_t j, n = self.n, n_held = 0
        cdef double primal = self.primal, step, new, low, high
        if not self.strengths[0] > self.strengths[1] > strength or self.strengths[0] == INFINITY:
            return
        step = min((self.strengths[1] - strength) / (self.strengths[0] - self.strengths[1]), 1.0)
        memcpy(&self.trial[0], &self.coef[0], n * sizeof(double))
        memcpy(&self.change[0], &self.v[0], n * sizeof(double))
        for j in range(n):
            if self.coef[j] != self.past[2, j]:
                return
        for j in range(n):
            self.v[j] += step * (self.v[j] - self.past[1, j])
        for j in range(n):
            new = self.coef[j] + step * (self.coef[j] - self.past[0, j])
            low = 0.0 if self.coef[j] > 0.0 else self.lower[j]
            high = 0.0 if self.coef[j] < 0.0 else self.upper[j]
            if self.coef[j] == 0.0:
                low = high = 0.0
            self.coef[j] = min(max(new, low), high)
            if self.coef[j] != new:
                _subtract(n, self.coef[j] - new, &self.gram[j, 0], &self.v[0])
                n_held += 1
        self.n_updates += n_held + 1
        self.work += n_held * n
        self._look()
        if self.primal >= primal:
            memcpy(&self.coef[0], &self.trial[0], n * sizeof(double))
            memcpy(&self.v[0], &self.change[0], n * sizeof(double))
            self._look()

    cdef bint _is_true(self) noexcept nogil:
        """Say whether v is q - G w but for rounding, by one combination of its entries: updates add rounding up."""
        cdef Py_ssize_t j
        cdef double total = 0.0, spread = sqrt(self.total)
        for j in range(self.n):
            total += self.probe[j] * (self.v[j] - self.q[j]) + self.probed[j] * self.coef[j]
            spread += fabs(self.coef[j]) * self.size[j]
        return fabs(total) <= self.epsilon * spread * sqrt(<double>self.n)

    cdef void _sweep(self) noexcept nogil:
        """Minimise exactly over each column in turn."""
        cdef Py_ssize_t j
        cdef double g, new, old, diagonal, limit
        cdef Py_ssize_t n_moved = 0
        for j in range(self.n):
            old, diagonal, limit = self.coef[j], self.diagonal[j], self.limit[j]
            g = self.v[j] + diagonal * old
            if (old == 0.0 and -limit <= g <= limit) or diagonal <= 0.0:
                continue
            if g > limit:
                new = (g - limit) / (diagonal + self.ridge[j])
            elif g < -limit:
                new = (g + limit) / (diagonal + self.ridge[j])
            else:
                new = 0.0
            new = min(max(new, self.lower[j]), self.upper[j])
            if new != old:
                _subtract(self.n, new - old, &self.gram[j, 0], &self.v[0])
                self.coef[j] = new
                n_moved += 1
        self.n_moved = n_moved
        self.n_updates += n_moved
        self.work += n_moved * self.n + self.n

    cdef void _look(self) noexcept nogil:
        """Take the objective, the dual objective of the best scaling of z, and what rounding may have done to them."""
        cdef Py_ssize_t j
        cdef double w, v, explained = 0.0, correlated = 0.0, spread = 0.0, penalty_sum = 0.0, error, bound
        cdef double hard = 1.0, feasible = INFINITY, square, conjugate = 0.0, excess, u
        for j in range(self.n):
            w = self.coef[j]
            if w != 0.0:
                explained += w * self.q[j]
                correlated += w * self.v[j]
                spread += fabs(w) * self.size[j]
                penalty_sum += self.limit[j] * fabs(w) + 0.5 * self.ridge[j] * w * w
        spread += sqrt(self.total)
        error = self.epsilon * spread
        self.rounding = error * spread
        square = max(self.total - explained - correlated, 0.0)
        for j in range(self.n):
            bound = self.upper[j] if self.v[j] > 0.0 else -self.lower[j]
            v = fabs(self.v[j]) + error * self.size[j]
            if v > self.limit[j] and bound > 0.0:
                feasible = min(feasible, self.limit[j] / v)
                if bound == INFINITY and self.ridge[j] == 0.0:
                    hard = min(hard, self.limit[j] / v)
        for j in range(self.n):
            v = fabs(self.v[j]) + error * self.size[j]
            excess = hard * v - self.limit[j]
            bound = self.upper[j] if self.v[j] > 0.0 else -self.lower[j]
            if excess > 0.0 and bound > 0.0:
                if self.ridge[j] > 0.0:
                    u = min(excess / self.ridge[j], bound)
                    conjugate += u * (excess - 0.5 * self.ridge[j] * u)
                elif bound < INFINITY:
                    conjugate += excess * bound
        # The objective of c z is c (y'Sy - w'q) - c^2 z'z / 2 less the conjugates at c v.
        explained = self.total - explained
        self.dual = max(self.dual, hard * explained - 0.5 * hard * hard * square - conjugate)
        if feasible > 1.0:
            feasible = 1.0
        if square > 0.0:
            feasible = min(feasible, max(explained / square, 0.0))
        self.dual = max(self.dual, feasible * explained - 0.5 * feasible * feasible * square)
        self.primal, self.penalty_sum = 0.5 * square + penalty_sum, penalty_sum
        self.gap = max(self.primal - self.dual, 0.0)

    cdef bint _step_pays(self, int since, double before, double target) noexcept:
        """Say whether a Newton step on the support is less work than the sweeps to come, as far as the gap tells."""
        cdef double ratio, sweeps, cost
        self._find_inside()
        if self.n_inside == 0:
            return False
        if self._is_factored():
            # At the start of an alpha it is the step along the path.
            return since < 0 or since >= FIRST_SWEEPS
        if since < FIRST_SWEEPS:
            return False
        ratio = min(self.gap / before, 0.99)
        sweeps = log(target / self.gap) / log(ratio)
        cost = FACTOR_SHARE * self.n_inside * self.n_inside * self.n_inside / 3.0
        cost += 2.0 * self.n_inside * self.n + STEP_OVERHEAD
        return sweeps * self.n_moved * self.n > cost

    cdef void _find_inside(self) noexcept nogil:
        """List the columns that are neither zero nor at a bound."""
        cdef Py_ssize_t j
        self.n_inside = 0
        for j in range(self.n):
            if self.coef[j] != 0.0 and self.lower[j] < self.coef[j] < self.upper[j]:
                self.inside[self.n_inside] = <index_t>j
                self.n_inside += 1

    cdef bint _is_factored(self) noexcept nogil:
        cdef Py_ssize_t k
        if self.n_inside != self.n_factored:
            return False
        for k in range(self.n_inside):
            if self.inside[k] != self.factored[k]:
                return False
        return True

    cdef bint _factorize(self) except -1:
        """Factorise G on the columns inside, with their ridge; say whether that succeeded."""
        cdef Py_ssize_t a, b, n = self.n_inside
        cdef int order = <int>n, info = 0
        cdef char side = b"U"
        cdef double *row
        if self.potrf == NULL:
            self.potrf, self.potrs = <Potrf>_lapack("dpotrf"), <Potrs>_lapack("dpotrs")
        if self.root.shape[0] < n * n:
            self.root = np.empty(min(2 * n, self.n) ** 2)
        with nogil:
            for a in range(n):
                row = &self.gram[self.inside[a], 0]
                for b in range(a + 1):
                    self.root[a * n + b] = row[self.inside[b]]
                self.root[a * n + a] += NUDGE * self.diagonal[self.inside[a]] + self.ridge[self.inside[a]]
            self.potrf(&side, &order, &self.root[0], &order, &info)
        self.work += FACTOR_SHARE * n * n * n / 3.0
        self.n_factored = n if info == 0 else -1
        if info == 0:
            memcpy(&self.factored[0], &self.inside[0], n * sizeof(index_t))
        return info == 0

    cdef bint _step(self) except -1:
        """Take Newton's step on the columns inside, to where the first is zero if all of it does not lower F."""
        cdef Py_ssize_t k, j, n = self.n_inside
        cdef int order = <int>n, one = 1, info = 0
        cdef char side = b"U"
        cdef double slope, size = 1.0, new
        if not self._is_factored() and not self._factorize():
            return False
        for k in range(n):
            j = self.inside[k]
            slope = self.limit[j] if self.coef[j] > 0.0 else -self.limit[j]
            self.direction[k] = self.v[j] - slope - self.ridge[j] * self.coef[j]
        with nogil:
            self.potrs(&side, &order, &one, &self.root[0], &order, &self.direction[0], &order, &info)
        self.n_iter += 1
        if self._move(1.0):
            return True
        for k in range(n):
            j = self.inside[k]
            new = self.coef[j] + self.direction[k]
            new = min(max(new, 0.0 if self.coef[j] > 0.0 else self.lower[j]),
                      self.upper[j] if self.coef[j] > 0.0 else 0.0)
            if new != self.coef[j] + self.direction[k]:
                size = min(size, (new - self.coef[j]) / self.direction[k])
        return self._move(size)

    cdef bint _move(self, double size) noexcept nogil:
        """Move the columns inside along the direction, none past zero or a bound, if that lowers F."""
        cdef Py_ssize_t k, j, n_moved = 0
        cdef double gain = 0.0, new, delta, low, high
        for j in range(self.n):
            self.change[j] = 0.0
        for k in range(self.n_inside):
            j = self.inside[k]
            low = 0.0 if self.coef[j] > 0.0 else self.lower[j]
            high = self.upper[j] if self.coef[j] > 0.0 else 0.0
            new = min(max(self.coef[j] + size * self.direction[k], low), high)
            delta = new - self.coef[j]
            self.trial[k] = new
            if delta != 0.0:
                _subtract(self.n, -delta, &self.gram[j, 0], &self.change[0])
                gain += delta * self.v[j] - self.limit[j] * (fabs(new) - fabs(self.coef[j]))
                gain -= 0.5 * self.ridge[j] * delta * (new + self.coef[j])
                n_moved += 1
        for k in range(self.n_inside):
            j = self.inside[k]
            gain -= 0.5 * (self.trial[k] - self.coef[j]) * self.change[j]
        self.work += n_moved * self.n
        if not gain > 0.0:
            return False
        for k in range(self.n_inside):
            self.coef[self.inside[k]] = self.trial[k]
        _subtract(self.n, 1.0, &self.change[0], &self.v[0])
        self.n_updates += n_moved
        return True

    cdef void _drop_faint(self, double target, double faint) noexcept nogil:
        """Set to zero what rounding alone holds up, unless F tells the difference."""
        cdef Py_ssize_t j, n_dropped = 0
        cdef double primal = self.primal, gap = self.gap, size = faint * sqrt(self.total)
        memcpy(&self.trial[0], &self.coef[0], self.n * sizeof(double))
        for j in range(self.n):
            if self.coef[j] != 0.0 and sqrt(self.diagonal[j]) * fabs(self.coef[j]) <= size:
                _subtract(self.n, -self.coef[j], &self.gram[j, 0], &self.v[0])
                self.coef[j] = 0.0
                n_dropped += 1
        if n_dropped == 0:
            return
        self._look()
        if self.primal <= primal + SAME * self.total and self.gap <= max(gap, target):
            return
        for j in range(self.n):
            if self.coef[j] != self.trial[j]:
                _subtract(self.n, self.trial[j], &self.gram[j, 0], &self.v[0])
                self.coef[j] = self.trial[j]
        self._look()

# The step of each streaming optimizer, inlined into the kernels through the fused type `Optimizer`.
#
# An optimizer is a final class that holds the clock of the stream and has these methods (state: the `state_size`
# doubles kept for one coefficient, zeros before its first step; w: the coefficient; g: slope of a row's weighted loss
# in it):
#   lazy_weight(state, &prox_step)  v, and a step: the coefficient now is the penalty's prox(v, prox_step), whatever has
#                                   become of it since it was touched last
#   bounded(state, w)               w, the prox, or the number next to it that the coefficient may be
#   begin(s, unit)                  a row of weight s, counted in units of that weight, is about to be learned from
#   see(slope)                      slope of the row's weighted loss in one of its predictors, before all updates; False
#                                   where it leads nowhere
#   update(state, w, g, x)          step from w, the coefficient now, at the value x of the row; False and no change
#                                   where that is not finite
#   intercept(b, n, g)              the same for an intercept, which no penalty shrinks; n: sum of its squared slopes
#   advance()                       the row is over: the penalty has shrunk every coefficient, touched or not
#   averaged_weight(state, w)       the average that stands for a coefficient that is w now; w itself without averaging
#   needs_rescale()                 the clock has run as far as it may: flush all states, then set it back to its zero
#   flush(state)                    make the state what it is when the clock is back at its zero
#   reset_scale()                   set the clock back to its zero, all states being flushed
#   set_weight(state, w, l1, l2)    set the state so that the coefficient is w now
#   lanes(l1, l2, &settings)        tell whether its steps are those of ftrl_lanes.h, and with which settings of them
# Steps in lanes have the same bits; `in_lanes`, if false, keeps an optimizer to its plain code.
# To add one: a stanza here and its name in `Optimizer`; a stanza in optimizers.pyx and its name in OPTIMIZERS.
cimport cython
from libc.math cimport exp, expm1, fabs, fmax, log1p, pow, sqrt
from libc.stdint cimport uint64_t

from sparsereg._core.ftrl_lanes cimport sparsereg_ftrl, sparsereg_ftrl_step
from sparsereg._core.types cimport offset_t


cdef inline double shrunk(double v, double threshold) noexcept nogil:
    """Soft threshold."""
    if v > threshold:
        return v - threshold
    return v + threshold if v < -threshold else 0.0


cdef inline bint finite(double value) noexcept nogil:
    """Tell a number from an infinity or a NaN."""
    return value - value == 0.0


cdef inline double within(double value, double about, double most) noexcept nogil:
    """Return what is at most so far away."""
    if value > about + most:
        return about + most
    return about - most if value < about - most else value


cdef class BaseOptimizer:
    cdef readonly double eta0
    cdef double t, s
    cdef uint64_t noise  # of a row, for rounding
    cdef public bint in_lanes


cdef class AdaptiveOptimizer(BaseOptimizer):
    # Its clock may run for ever, without rescaling.
    @cython.final
    cdef inline bint needs_rescale(self) noexcept nogil:
        return False

    @cython.final
    cdef inline void flush(self, double *state) noexcept nogil:
        pass

    @cython.final
    cdef inline void reset_scale(self) noexcept nogil:
        pass


cdef class AdaptiveStep(AdaptiveOptimizer):
    # Steps of a given first length; there is no average.
    cdef readonly double beta

    @cython.final
    cdef inline double bounded(self, const double *state, double w) noexcept nogil:
        return w

    @cython.final
    cdef inline bint see(self, double slope) noexcept nogil:
        return finite(slope)

    @cython.final
    cdef inline bint intercept(self, double *b, double *n, double g) noexcept nogil:
        # The step of AdaGrad; that of FTRL too: without a penalty its argmin moves by g / d, d after the row.
        cdef double total = n[0] + g * g
        cdef double moved = b[0] - (self.eta0 * g / (self.beta + sqrt(total)) if total != 0.0 else 0.0)
        if not finite(moved + total):
            return False
        b[0] = moved
        n[0] = total
        return True

    @cython.final
    cdef inline double averaged_weight(self, const double *state, double w) noexcept nogil:
        return w


@cython.final
cdef class FTRL(AdaptiveStep):
    # Two floats: z, and r, the root of the sum of squared slopes. McMahan et al. 2013, algorithm 1, with the penalty of
    # every unit of weight so far in place of a fixed one: the argmin of z w + t R(w) + d/2 w^2.
    # A float next to which a slope is small would lose it in every row, always to the same side: rounding is dithered
    # (McMahan et al. 2013, 4.2), by noise that the state and the number of rows so far fix.
    cdef readonly double total_weight
    cdef double inverse
    cdef uint64_t rows

    cdef inline double lazy_weight(self, const double *state, double *prox_step) noexcept nogil:
        cdef const float *pair = <const float *> state
        cdef double d = (self.beta + pair[1]) * self.inverse
        if pair[0] == 0.0 or d == 0.0:
            prox_step[0] = 0.0
            return 0.0
        d = 1.0 / d
        prox_step[0] = self.t * d
        return -pair[0] * d

    cdef inline void begin(self, double s, double unit) noexcept nogil:
        self.s = s
        self.noise = self.rows * 0x9E3779B97F4A7C15ULL  # 2^64 over the golden ratio: spread evenly
        if self.total_weight != 0.0:
            self.t = self.total_weight / unit

    cdef inline bint update(self, double *state, double w, double g, double x) noexcept nogil:
        return sparsereg_ftrl_step(state, w, g, self.inverse, self.noise)

    cdef inline bint lanes(self, double l1, double l2, sparsereg_ftrl *settings) noexcept nogil:
        cdef int lane
        for lane in range(2):
            settings.beta[lane] = self.beta
            settings.inverse[lane] = self.inverse
            settings.t[lane] = self.t
            settings.l1[lane] = l1
            settings.l2[lane] = l2
        return self.in_lanes

    cdef inline void advance(self) noexcept nogil:
        self.rows += 1
        if self.total_weight == 0.0:
            self.t += self.s

    cdef inline void set_weight(self, double *state, double w, double l1, double l2) noexcept nogil:
        cdef float *pair = <float *> state
        cdef double d = (self.beta + pair[1]) * self.inverse
        pair[0] = <float> -(w * (d + self.t * l2) + (self.t * l1 if w > 0.0 else -self.t * l1 if w < 0.0 else 0.0))


@cython.final
cdef class ProxSGD(BaseOptimizer):
    # One double: v. Since the clock's zero every coefficient has been scaled and soft-thresholded in turn, which comes
    # to w = scale * S(v, shift * l1): one pair of numbers for all coefficients, whenever they were touched.
    # With averaging two more: the sum of s w over rows, up to a row counted from the clock's zero. For the rows since
    # then it is |v| * (sum of s scale) - l1 * (sum of s scale shift), up to the row at which w became 0.
    cdef readonly double power_t, weight_decay, l1, l2, average
    cdef readonly int state_size
    cdef double scale, shift, eta, kept
    cdef readonly double averaged  # weight of the rows in the averages
    cdef double *past  # (size, 3) after each row: shift, sum of s scale, sum of s scale shift; NULL without averaging
    cdef offset_t now, size

    cdef inline double lazy_weight(self, const double *state, double *prox_step) noexcept nogil:
        # prox(v k, k shift) of the elastic net is the same thing.
        cdef double k = 1.0
        if self.weight_decay != 0.0:
            k = self.scale / (1.0 - self.scale * self.shift * self.l2)
        prox_step[0] = k * self.shift
        return k * state[0]

    cdef inline double bounded(self, const double *state, double w) noexcept nogil:
        return w

    cdef inline bint see(self, double slope) noexcept nogil:
        return finite(slope)

    cdef inline double averaged_weight(self, const double *state, double w) noexcept nogil:
        if self.past == NULL:
            return w
        return (state[1] + self.sum_since(state)) / self.averaged if self.averaged > 0.0 else w

    cdef inline void begin(self, double s, double unit) noexcept nogil:
        self.s = s
        self.eta = self.eta0 if self.power_t == 0.0 else self.eta0 / pow(1.0 + self.t, self.power_t)
        self.kept = exp(-self.eta * s * self.weight_decay) if self.weight_decay != 0.0 else 1.0

    cdef inline bint update(self, double *state, double w, double g, double x) noexcept nogil:
        # The decay of this row comes with advance(); dividing by it lets the step come after.
        cdef double v = self.encoded(w - self.eta * g / self.kept, self.l1)
        if not finite(v):
            return False
        if self.past != NULL:
            state[1] += self.sum_since(state)
            state[2] = <double> self.now
        state[0] = v
        return True

    cdef inline bint intercept(self, double *b, double *n, double g) noexcept nogil:
        cdef double moved = b[0] - self.eta * g
        if not finite(moved):
            return False
        b[0] = moved
        if self.past != NULL and self.t >= self.average:
            n[0] += self.s * moved  # its sum, in place of that of squares
        return True

    cdef inline void advance(self) noexcept nogil:
        cdef double step = self.eta * self.s
        cdef double s = 0.0
        cdef double *row
        self.shift += step / (self.scale * self.kept)
        if self.weight_decay == 0.0:
            # As `lazy_weight` has it: rounding of a product would add up over the rows.
            self.scale = 1.0 / (1.0 + self.shift * self.l2)
        else:
            self.scale *= self.kept / (1.0 + step * self.l2)
        if self.past != NULL:
            if self.t >= self.average:
                s = self.s
            row = self.past + 3 * self.now
            row[3] = self.shift
            row[4] = row[1] + s * self.scale
            row[5] = row[2] + s * self.scale * self.shift
            self.averaged += s
            self.now += 1
        self.t += self.s

    cdef inline bint lanes(self, double l1, double l2, sparsereg_ftrl *settings) noexcept nogil:
        return False

    cdef inline bint needs_rescale(self) noexcept nogil:
        # A v has lost digits where what L1 took off is large beside w, a sum where scales fall; else they run out of
        # range.
        if self.past != NULL and (self.now + 1 >= self.size or self.scale < 1e-6):
            return True
        return self.scale < 1e-60 or self.scale * self.shift * self.l1 > 1e6

    cdef inline double sum_since(self, const double *state) noexcept nogil:
        """Return the sum of s w over the rows that state[1] does not hold."""
        cdef offset_t start = <offset_t> state[2], low = start, high = self.now, middle
        cdef double size = fabs(state[0]), total
        if state[0] == 0.0:
            return 0.0
        while low < high:
            middle = (low + high + 1) // 2
            if self.past[3 * middle] * self.l1 < size:
                low = middle
            else:
                high = middle - 1
        total = size * (self.past[3 * low + 1] - self.past[3 * start + 1])
        total -= self.l1 * (self.past[3 * low + 2] - self.past[3 * start + 2])
        return total if state[0] > 0.0 else -total

    cdef inline void flush(self, double *state) noexcept nogil:
        cdef double w = self.scale * shrunk(state[0], self.shift * self.l1)
        if self.past != NULL:
            state[1] += self.sum_since(state)
            state[2] = 0.0
        state[0] = w

    cdef inline void reset_scale(self) noexcept nogil:
        self.scale = 1.0
        self.shift = 0.0
        self.now = 0

    cdef inline double encoded(self, double w, double l1) noexcept nogil:
        """Return the v of a coefficient that is w now."""
        return w / self.scale + (self.shift * l1 if w > 0.0 else -self.shift * l1 if w < 0.0 else 0.0)

    cdef inline void set_weight(self, double *state, double w, double l1, double l2) noexcept nogil:
        state[0] = self.encoded(w, l1)


@cython.final
cdef class AdaGrad(AdaptiveStep):
    # Three doubles: the coefficient before the shrinking of the row that touched it last, the clock then, and n, the
    # sum of squared slopes. Its steps stay 1 / h until it is touched again: shrinking is a geometric series.
    # Duchi, Hazan and Singer 2011, section 5.1 (composite mirror descent with a diagonal matrix).
    cdef readonly double weight_decay, l1, l2
    cdef double kept
    cdef double decay, undecayed  # eta0 weight_decay, and its exponential

    cdef inline double lazy_weight(self, const double *state, double *prox_step) noexcept nogil:
        cdef double h, grown, rate, scale, shift
        if state[0] == 0.0:
            prox_step[0] = 0.0
            return 0.0
        # Of each row: scale is divided by 1 + l2 / h and by exp(eta0 weight_decay), shift grows by 1 / (h kept scale).
        h = (self.beta + sqrt(state[2])) / self.eta0
        rate = self.decay
        if self.l2 != 0.0:
            rate += log1p(self.l2 / h)
        grown = (self.t - state[1]) * rate
        if grown > 600.0:
            prox_step[0] = 0.0
            return 0.0
        shift = (self.t - state[1]) if rate == 0.0 else expm1(grown) / expm1(rate)
        shift *= self.undecayed / h
        scale = 1.0
        if self.weight_decay != 0.0:
            scale = exp(-grown)
            scale /= 1.0 - scale * shift * self.l2
        prox_step[0] = scale * shift
        return scale * state[0]

    cdef inline void begin(self, double s, double unit) noexcept nogil:
        self.s = s
        self.kept = exp(-self.eta0 * s * self.weight_decay) if self.weight_decay != 0.0 else 1.0

    cdef inline bint update(self, double *state, double w, double g, double x) noexcept nogil:
        cdef double total = state[2] + g * g
        cdef double moved = w
        if total != 0.0:
            moved -= self.eta0 * g / (self.beta + sqrt(total)) / self.kept
        if not finite(moved + total):
            return False
        state[0] = moved
        state[1] = self.t
        state[2] = total
        return True

    cdef inline void advance(self) noexcept nogil:
        self.t += self.s

    cdef inline bint lanes(self, double l1, double l2, sparsereg_ftrl *settings) noexcept nogil:
        return False

    cdef inline void set_weight(self, double *state, double w, double l1, double l2) noexcept nogil:
        state[0] = w
        state[1] = self.t


@cython.final
cdef class CoinBetting(AdaptiveOptimizer):
    # Six doubles: the sum of slopes; of their squares; what bets have won; the largest |x|; the mean of the coefficient
    # over the rows that touched it; and two floats, the coefficient that bets are laid about, and how many rows.
    # Kempka, Kotlowski and Warmuth 2019, "Adaptive scale-invariant online algorithms for learning linear models",
    # ScInOL2: a bettor for each coefficient stakes a share of what it has, in the direction that slopes have had, of at
    # most a half. Slopes are not bounded by 1: the largest that any row had stands in its place, and every bettor
    # begins with it times the unit of predictors, which for numbers is that slope: w goes with the scale of y as it
    # goes with that of x. The penalty is that of FTRL, the argmin of theta w + t R(w) + w^2 / (2 a), a the stake of a
    # slope.
    cdef readonly double total_weight, predictor_unit
    cdef double largest, seen

    cdef inline double unit(self, double slope) noexcept nogil:
        return self.predictor_unit if self.predictor_unit != 0.0 else slope

    cdef inline double stake(self, const double *state, double slope, double *most) noexcept nogil:
        """Return how far a unit of slopes moves the coefficient, and set how far all of them may."""
        cdef double hint = state[3] * slope
        cdef double q = state[1] + hint * hint, has = slope * self.unit(slope) + state[2]
        cdef double a
        # Squares that small have no digits left, and stakes that large no room.
        if q < 1e-290 or has > 1e290 * q:
            most[0] = 0.0
            return 0.0
        a = 0.5 * has / q
        most[0] = a * sqrt(q)
        return a

    cdef inline double lazy_weight(self, const double *state, double *prox_step) noexcept nogil:
        cdef double most
        cdef double a = self.stake(state, self.largest, &most)
        prox_step[0] = self.t * a
        return (<const float *> (state + 5))[0] - state[0] * a

    cdef inline double bounded(self, const double *state, double w) noexcept nogil:
        cdef double most, about = (<const float *> (state + 5))[0]
        self.stake(state, self.largest, &most)
        return within(w, about, most)

    cdef inline void begin(self, double s, double unit) noexcept nogil:
        self.s = s
        self.seen = self.largest
        if self.total_weight != 0.0:
            self.t = self.total_weight / unit

    cdef inline bint see(self, double slope) noexcept nogil:
        self.seen = fmax(self.seen, fabs(slope))
        return finite(slope * slope)

    cdef inline bint update(self, double *state, double w, double g, double x) noexcept nogil:
        cdef float *pair = <float *> (state + 5)
        cdef double most, won, mean = state[4], farthest = state[3]
        cdef float n = pair[1]
        state[3] = fmax(farthest, fabs(x))
        self.stake(state, self.seen, &most)
        # What is larger than anything before makes the bet smaller that is held to have been laid.
        won = state[2] - g * (within(w, pair[0], most) - pair[0])
        # Later rows count more, as the square of their number: Shamir and Zhang 2013, polynomial-decay averaging.
        if n > 0.0:
            mean += (w - mean) * (3.0 / (n + 2.0))
        if not finite(state[0] + g + (state[1] + g * g) + won + state[3] + mean):
            state[3] = farthest
            return False
        state[0] += g
        state[1] += g * g
        state[2] = won
        state[4] = mean
        pair[1] = n + 1.0
        return True

    cdef inline bint intercept(self, double *b, double *n, double g) noexcept nogil:
        # The step of AdaGrad, a tenth of the unit of predictors: with 0.03 to 1 held-out losses were the same
        # within 1.5 %.
        cdef double total = n[0] + g * g
        cdef double moved = b[0]
        if total >= 1e-290:
            moved -= 0.1 * self.unit(self.seen) * (g / sqrt(self.seen * self.seen + total))
        if not finite(moved + total):
            return False
        b[0] = moved
        n[0] = total
        return True

    cdef inline void advance(self) noexcept nogil:
        self.largest = self.seen
        if self.total_weight == 0.0:
            self.t += self.s

    cdef inline double averaged_weight(self, const double *state, double w) noexcept nogil:
        # Zeros are those of the coefficient now.
        cdef float n = (<const float *> (state + 5))[1]
        if w == 0.0 or n == 0.0:
            return w
        return state[4] + (w - state[4]) * (3.0 / (n + 2.0)) + 0.0

    cdef inline bint lanes(self, double l1, double l2, sparsereg_ftrl *settings) noexcept nogil:
        return False

    cdef inline void set_weight(self, double *state, double w, double l1, double l2) noexcept nogil:
        # Bets are laid about w from now on, and slopes hold the penalty off.
        cdef float *pair = <float *> (state + 5)
        pair[0] = <float> w
        pair[1] = 0.0
        state[0] = -(self.t * l2 * w + (self.t * l1 if w > 0.0 else -self.t * l1 if w < 0.0 else 0.0))
        state[4] = 0.0


ctypedef fused Optimizer:
    FTRL
    ProxSGD
    AdaGrad
    CoinBetting

"""Streaming optimizers: names, parameters, the clock and the registry; the arithmetic is in optimizers.pxd.

name : str
    Under which it is registered.
parameters : tuple of str
    Names of the arguments of the constructor.
is_adaptive : bool
    Steps fall by the slopes seen, coefficient by coefficient: they follow the scale of the target.
state_size : int
    Doubles kept for a coefficient.
has_lanes : bool
    There is a kernel for dense rows on vector registers.
tunes_itself : bool
    Has no first step, and is chosen by eta0="auto" alone.
automatic : str
    The optimizer of that name stands in where eta0="auto"; "" where none does.
any_penalty : bool
    Takes every penalty's prox; else only the elastic net, whose steps add up to one in closed form.
average : float
    What `ProxSGD` means by it; of others -1.
clock : tuple of float
    All that an optimizer remembers beside its states; can be set.
in_lanes : bool
    Steps may be taken two coefficients at once, as tests of the bits can forbid.
"""
cimport cython
from libc.math cimport exp
from libc.stdlib cimport calloc, free

from sparsereg._core.types cimport offset_t

# Rows after which averages are brought up to date, 24 bytes each.
cdef enum:
    PAST = 1 << 20


cdef class BaseOptimizer:
    """Facts that hold of an optimizer that does not say otherwise; pickles of parameters and clock."""

    is_adaptive = False
    any_penalty = False
    has_lanes = False
    tunes_itself = False
    automatic = ""

    def __cinit__(self):
        self.in_lanes = True

    def __reduce__(self):
        return type(self), tuple([getattr(self, name) for name in self.parameters]), self.clock

    def __setstate__(self, clock):
        self.clock = clock


cdef class AdaptiveOptimizer(BaseOptimizer):
    """An optimizer whose steps fall by the slopes seen, coefficient by coefficient."""

    is_adaptive = True
    average = -1.0


cdef class AdaptiveStep(AdaptiveOptimizer):
    """An optimizer of that kind whose first steps have a given length."""


@cython.final
cdef class FTRL(AdaptiveStep):
    """Follow the regularised leader, proximally, with a step for each coefficient.

    The coefficient is argmin_w z w + t R(w) + d/2 w^2, d = (beta + sqrt(n)) / eta0, n the sum of squared slopes g, t
    the weight of the stream so far. A slope adds g - (growth of d) w to z. Source: McMahan et al. 2013, "Ad click
    prediction: a view from the trenches", algorithm 1, whose lambda1 and lambda2 are t times those of R here.

    Parameters
    ----------
    eta0 : float
        Step, > 0.
    beta : float
        Delays the fall of the steps, >= 0.
    total_weight : float
        t from the start, > 0; 0: the weight so far.
    """

    name = "ftrl"
    parameters = ("eta0", "beta", "total_weight")
    state_size = 1
    any_penalty = True
    has_lanes = True
    automatic = "coin_betting"

    def __init__(self, double eta0, double beta, double total_weight):
        self.eta0 = eta0
        self.beta = beta
        self.inverse = 1.0 / eta0
        self.total_weight = total_weight
        self.t = total_weight
        self.rows = 0

    @property
    def clock(self):
        """See above."""
        return (self.t, float(self.rows))

    @clock.setter
    def clock(self, value):
        self.t, rows = value
        self.rows = int(rows)


@cython.final
cdef class ProxSGD(BaseOptimizer):
    """Proximal stochastic gradient descent with one step for all coefficients, shrunk when they are looked at.

    Iterates are those of w <- prox of eta s R at (exp(-eta s weight_decay) w - eta s g) over all coefficients for every
    row of weight s, eta = eta0 / (1 + weight so far)^power_t. Source: Duchi and Singer 2009 (FOBOS); Lipton and Elkan
    2015, "Efficient elastic net regularization for sparse linear models", whose sums are two numbers here. Averages:
    Polyak and Juditsky 1992.

    Parameters
    ----------
    eta0 : float
        Step, > 0.
    power_t : float
        How fast the step falls, >= 0.
    weight_decay : float
        Rate of decoupled decay, >= 0.
    l1 : float
    l2 : float
        Of the elastic net, >= 0.
    average : float
        Report the mean, weighted by s, of the iterates after rows that came when so much weight, >= 0, had gone before;
        below 0: report the last iterate.
    """

    name = "prox_sgd"
    parameters = ("eta0", "power_t", "weight_decay", "l1", "l2", "average")

    def __init__(self, double eta0, double power_t, double weight_decay, double l1, double l2, double average):
        self.eta0 = eta0
        self.power_t = power_t
        self.weight_decay = weight_decay
        self.l1 = l1
        self.l2 = l2
        self.average = average
        self.state_size = 1
        self.t = 0.0
        self.scale = 1.0
        self.shift = 0.0
        self.averaged = 0.0
        if average >= 0.0 and self.past == NULL:
            self.state_size = 3
            self.size = PAST
            self.past = <double *> calloc(3 * PAST, sizeof(double))
            if self.past == NULL:
                raise MemoryError(f"the past {PAST} rows of an average")

    def __dealloc__(self):
        free(self.past)

    @property
    def clock(self):
        """See above. With averaging its end is what `past` holds."""
        cdef offset_t k
        row = (self.t, self.scale, self.shift, self.averaged)
        return row if self.past == NULL else row + tuple(self.past[k] for k in range(3 * self.now + 3))

    @clock.setter
    def clock(self, value):
        cdef offset_t k
        if self.past != NULL and (len(value) % 3 != 1 or not 7 <= len(value) <= 4 + 3 * PAST):
            raise ValueError(f"clock: {len(value)} numbers are not allowed, expected 4 and some threes")
        self.t, self.scale, self.shift, self.averaged = value[:4]
        if self.past != NULL:
            self.now = (len(value) - 4) // 3 - 1
            for k in range(3 * self.now + 3):
                self.past[k] = value[4 + k]


@cython.final
cdef class AdaGrad(AdaptiveStep):
    """Proximal gradient steps scaled coefficient by coefficient, shrunk when they are looked at.

    The step is eta0 / (beta + sqrt(n)), n the sum of squared slopes. Iterates are those of w <- prox of (step) R at
    (exp(-eta0 weight_decay) w - step g) over all coefficients for every row; a row of weight s shrinks s times. Source:
    Duchi, Hazan and Singer 2011.

    Parameters
    ----------
    eta0 : float
        Step, > 0.
    beta : float
        Keeps the first steps short, >= 0.
    weight_decay : float
        Rate of decoupled decay, >= 0; the same for all coefficients, unlike L2, which the step scales.
    l1 : float
    l2 : float
        Of the elastic net, >= 0.
    """

    name = "adagrad"
    parameters = ("eta0", "beta", "weight_decay", "l1", "l2")
    state_size = 3

    def __init__(self, double eta0, double beta, double weight_decay, double l1, double l2):
        self.eta0 = eta0
        self.beta = beta
        self.weight_decay = weight_decay
        self.decay = eta0 * weight_decay
        self.undecayed = exp(self.decay)
        self.l1 = l1
        self.l2 = l2
        self.t = 0.0

    @property
    def clock(self):
        """See above."""
        return (self.t,)

    @clock.setter
    def clock(self, value):
        (self.t,) = value


@cython.final
cdef class CoinBetting(AdaptiveOptimizer):
    """Bets on the sign of the next slope, coefficient by coefficient: steps that need no first length.

    With theta the sum of slopes g, S that of their squares, X the largest |x| and L the largest slope of a row in its
    predictor, the coefficient is argmin_w theta w + t R(w) + (w - v)^2 / (2 a), but at most half of W / sqrt(q) from
    v, where q = S + (X L)^2, a = W / (2 q), W = L P + what bets have won, a slope at w winning -g (w - v), P the unit
    of predictors; v is where a fit starts, t the weight of the stream so far. What is reported is the mean over the
    rows that touched it, row n of them counting n (n + 1), and 0 where the coefficient is 0 now. Columns and targets
    may be in any unit.
    Sources: Kempka, Kotlowski and Warmuth 2019, "Adaptive scale-invariant online algorithms for learning linear
    models", ScInOL2; Orabona and Pal 2016, "Coin betting and parameter-free online learning".

    Parameters
    ----------
    total_weight : float
        t from the start, > 0; 0: the weight so far.
    predictor_unit : float
        P, > 0; 0: L, which goes with the unit of y.
    """

    name = "coin_betting"
    parameters = ("total_weight", "predictor_unit")
    state_size = 6
    any_penalty = True
    tunes_itself = True

    def __init__(self, double total_weight, double predictor_unit):
        self.total_weight = total_weight
        self.predictor_unit = predictor_unit
        self.t = total_weight
        self.largest = 0.0

    @property
    def clock(self):
        """See above."""
        return (self.t, self.largest)

    @clock.setter
    def clock(self, value):
        self.t, self.largest = value


OPTIMIZERS = {optimizer.name: optimizer for optimizer in (FTRL, ProxSGD, AdaGrad, CoinBetting)}

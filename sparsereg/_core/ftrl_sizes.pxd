# Which coefficients of FTRL are 0, as the sizes of its sums tell without a division.
from sparsereg._core.ftrl_lanes cimport sparsereg_ftrl
from sparsereg._core.optimizers cimport Optimizer
from sparsereg._core.penalties cimport Penalty


cdef inline bint sizes_tell(Penalty penalty, Optimizer optimizer, double *low, double *high) noexcept nogil:
    """Tell whether the z of FTRL does by its size: a coefficient is 0 up to `low`, and is not above `high`.

    Between them is what rounding of the quotients that both sides are compared by could turn round. Quotients stay far
    from where numbers overflow or lose digits.
    """
    cdef sparsereg_ftrl settings
    cdef double l1 = 0.0, l2 = 0.0, bound
    if not penalty.strengths(&l1, &l2) or not optimizer.lanes(l1, l2, &settings):
        return False
    bound = settings.t[0] * l1
    low[0], high[0] = bound * (1.0 - 1e-12), bound * (1.0 + 1e-12)
    return (
        1e-100 < settings.beta[0] < 1e100 and 1e-100 < settings.inverse[0] < 1e100 and bound < 1e100
        and settings.t[0] * l2 < 1e100
    )

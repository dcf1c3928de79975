/* The step of an adaptive optimizer for many intercepts at once: that of optimizers.pxd, operation by operation. A loop
 * without branches, which compilers turn into lanes. */
#ifndef SPARSEREG_INTERCEPT_LANES_H
#define SPARSEREG_INTERCEPT_LANES_H

#include <math.h>
#include <stdint.h>

/* Where n intercepts b go, and their sums of squared slopes; 0 where one of them is not finite. */
static inline int sparsereg_move_intercepts(
    int64_t n, const double *restrict b, const double *restrict squares, const double *restrict slope,
    const double *restrict eta0, const double *restrict beta, double *restrict b_next, double *restrict squares_next)
{
    double odd = 0.0;
    for (int64_t k = 0; k < n; k++) {
        const double total = squares[k] + slope[k] * slope[k];
        const double step = eta0[k] * slope[k] / (beta[k] + sqrt(total));
        b_next[k] = b[k] - (total != 0.0 ? step : 0.0);
        squares_next[k] = total;
    }
    for (int64_t k = 0; k < n; k++) {
        const double both = b_next[k] + squares_next[k];
        odd += both - both;
    }
    return odd == 0.0;
}

#endif

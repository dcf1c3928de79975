/* The row passes of huber_rows.pyx, on vector registers where compilers have them.
 *
 * Eight sums run side by side over a block of rows, row k in the (k mod 8)-th, and are added up in one fixed order; no
 * product is fused with its addition: the bits are the same whatever the width of the registers. Where the processor
 * has AVX2, which is asked at run time, a row takes 2.2 ns, one after the other and with branches 8 ns.
 */
#ifndef SPARSEREG_HUBER_ROWS_H
#define SPARSEREG_HUBER_ROWS_H

#include <stdint.h>
#include <string.h>

/* Rows to a block: one long sum would lose the digits that tell two steps apart. */
enum { SPARSEREG_LANES = 8, SPARSEREG_BLOCK = 512 };

/* Stands in for a weight of 0 where something that is 0 is divided by it. */
#define SPARSEREG_LEAST_WEIGHT 1e-300
/* A value this close to its threshold (relative) counts as feasible: it is rounding, not infeasibility. */
#define SPARSEREG_FEASIBLE (1.0 + 1e-12)

typedef struct {
    const double *y, *s, *limit, *bend;
    double strength, ridge;
} sparsereg_huber;

/* A linear predictor, or the way to it: from + size step, written to `to`; without step it is `from`. */
typedef struct {
    const double *from, *step;
    double *to;
    double size;
} sparsereg_move;

static inline double sparsereg_add_lanes(const double *a)
{
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

static inline double sparsereg_least_lane(const double *a)
{
    double least = a[0];
    for (int lane = 1; lane < SPARSEREG_LANES; lane++)
        least = a[lane] < least ? a[lane] : least;
    return least;
}

#if defined(__GNUC__)
#define SPARSEREG_STEP static inline __attribute__((always_inline))
/* A width that is never asked for is no fault. */
#define SPARSEREG_PASS static __attribute__((unused))
#else
#define SPARSEREG_STEP static inline
#define SPARSEREG_PASS static
#endif

/* Row by row: the last few of a block, and all of them for other compilers. */
typedef double sparsereg_value_1;
#define VALUE sparsereg_value_1
#define WIDTH 1
#define TARGET
#define NAMED(NAME) NAME##_1
#define CHOOSE(CONDITION, A, B) ((CONDITION) ? (A) : (B))
#include "huber_lanes.h"

#if defined(__GNUC__)
typedef double sparsereg_value_2 __attribute__((vector_size(16)));
#define VALUE sparsereg_value_2
#define WIDTH 2
#define TARGET
#define NAMED(NAME) NAME##_2
#define CHOOSE(CONDITION, A, B)                                                                                        \
    ((VALUE)(((CONDITION) & (__typeof__(CONDITION))(A)) | (~(CONDITION) & (__typeof__(CONDITION))(B))))
#include "huber_lanes.h"
#define SPARSEREG_PLAIN(NAME) NAME##_2
#else
#define SPARSEREG_PLAIN(NAME) NAME##_1
#endif

#if defined(__GNUC__) && defined(__x86_64__)
typedef double sparsereg_value_4 __attribute__((vector_size(32)));
#define VALUE sparsereg_value_4
#define WIDTH 4
#define TARGET __attribute__((target("avx2")))
#define NAMED(NAME) NAME##_4
#define CHOOSE(CONDITION, A, B)                                                                                        \
    ((VALUE)(((CONDITION) & (__typeof__(CONDITION))(A)) | (~(CONDITION) & (__typeof__(CONDITION))(B))))
#include "huber_lanes.h"
#define SPARSEREG_WIDEST(NAME, ...)                                                                                    \
    (__builtin_cpu_supports("avx2") ? NAME##_4(__VA_ARGS__) : SPARSEREG_PLAIN(NAME)(__VA_ARGS__))
#else
#define SPARSEREG_WIDEST(NAME, ...) SPARSEREG_PLAIN(NAME)(__VA_ARGS__)
#endif

#define sparsereg_huber_linearize(...) SPARSEREG_WIDEST(sparsereg_huber_linearize, __VA_ARGS__)
#define sparsereg_huber_center(...) SPARSEREG_WIDEST(sparsereg_huber_center, __VA_ARGS__)
#define sparsereg_huber_recover(...) SPARSEREG_WIDEST(sparsereg_huber_recover, __VA_ARGS__)

#endif

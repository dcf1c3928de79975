/* What contiguous values are: how many are 0, how many 1, and whether all are numbers; from their bits alone. */
#ifndef SPARSEREG_DENSE_LOOK_H
#define SPARSEREG_DENSE_LOOK_H

#include <stdint.h>
#include <string.h>

/* Adding one to an exponent of all ones carries into the sign. */
#define SPARSEREG_DEFINE_COUNT(TARGET, NAME, FLOATING, BITS, MANTISSA)                                                 \
    TARGET static int NAME(const FLOATING *value, int64_t n, int64_t *zeros, int64_t *ones)                            \
    {                                                                                                                  \
        BITS beyond = 0, n_zeros = 0, n_ones = 0, one_itself;                                                          \
        const FLOATING unit = 1;                                                                                       \
        const BITS step = (BITS)1 << MANTISSA, magnitude = (BITS)-1 >> 1;                                              \
        memcpy(&one_itself, &unit, sizeof unit);                                                                       \
        for (int64_t k = 0; k < n; k++) {                                                                              \
            BITS bits;                                                                                                 \
            memcpy(&bits, value + k, sizeof bits);                                                                     \
            n_ones += bits == one_itself;                                                                              \
            bits &= magnitude;                                                                                         \
            n_zeros += bits == 0;                                                                                      \
            beyond |= bits + step;                                                                                     \
        }                                                                                                              \
        *zeros += (int64_t)n_zeros;                                                                                    \
        *ones += (int64_t)n_ones;                                                                                      \
        return (beyond & ~magnitude) != 0;                                                                             \
    }

SPARSEREG_DEFINE_COUNT(, sparsereg_count_float_plain, float, uint32_t, 23)
SPARSEREG_DEFINE_COUNT(, sparsereg_count_double_plain, double, uint64_t, 52)

#if defined(__GNUC__) && defined(__x86_64__)
SPARSEREG_DEFINE_COUNT(__attribute__((target("avx2"))), sparsereg_count_float_avx2, float, uint32_t, 23)
SPARSEREG_DEFINE_COUNT(__attribute__((target("avx2"))), sparsereg_count_double_avx2, double, uint64_t, 52)
#define SPARSEREG_COUNT(NAME, ...)                                                                                     \
    (__builtin_cpu_supports("avx2") ? NAME##_avx2(__VA_ARGS__) : NAME##_plain(__VA_ARGS__))
#else
#define SPARSEREG_COUNT(NAME, ...) NAME##_plain(__VA_ARGS__)
#endif

#define sparsereg_count_float(...) SPARSEREG_COUNT(sparsereg_count_float, __VA_ARGS__)
#define sparsereg_count_double(...) SPARSEREG_COUNT(sparsereg_count_double, __VA_ARGS__)

#endif

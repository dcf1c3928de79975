/* FTRL (optimizers.pxd) with the elastic net, two coefficients at once where the processor has SSE2.
 *
 * Every operation is the one of the plain code, in its order: the bits are the same. A state is two floats, z and r,
 * that lie side by side in the place of one double. Lanes are two entries of a row of one output, or two outputs, or two
 * learners, of one entry: then their states are neighbours, and each lane has settings of its own.
 */
#ifndef SPARSEREG_FTRL_LANES_H
#define SPARSEREG_FTRL_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define SPARSEREG_HAS_LANES 1
#else
#define SPARSEREG_HAS_LANES 0
#endif

#if defined(__GNUC__)
#define SPARSEREG_LANE static inline __attribute__((always_inline))
#else
#define SPARSEREG_LANE static inline
#endif

/* L'Ecuyer and Steele 2021, "Computationally easy, spectrally good multipliers for congruential pseudorandom number
 * generators". */
#define SPARSEREG_NOISE_FACTOR 0xD1342543DE82EF95ULL
/* The bits of a double that a float has too. */
#define SPARSEREG_FLOAT_BITS 0xFFFFFFFFE0000000ULL

/* Of two lanes: beta and 1 / eta0 of the optimizer, its weight so far t, the strengths of the penalty. */
typedef struct {
    double beta[2], inverse[2], t[2], l1[2], l2[2];
} sparsereg_ftrl;

/* Entries of a row: the state of its first lane, its value, and its value in the step. */
typedef struct {
    int64_t n;
    double *const *states;
    const double *x, *kept;
} sparsereg_entries;

/* Round to one of the two nearest floats, to the nearer one the more often: right on average. */
SPARSEREG_LANE float sparsereg_dithered(double value, uint64_t noise)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + (noise >> 35)) & SPARSEREG_FLOAT_BITS;
    memcpy(&value, &bits, sizeof bits);
    return (float)value;
}

/* Step a state from its coefficient w along the slope g; 0 and no change where that is not finite. */
SPARSEREG_LANE int sparsereg_ftrl_step(double *state, double w, double g, double inverse, uint64_t noise)
{
    float pair[2], z;
    double r, grown;
    uint64_t bits;
    memcpy(pair, state, sizeof pair);
    memcpy(&bits, state, sizeof bits);
    bits = (bits ^ noise) * SPARSEREG_NOISE_FACTOR;
    /* r as it is kept: a growth that rounding loses must not move z. */
    r = pair[1];
    grown = sparsereg_dithered(sqrt(r * r + g * g), bits << 29);
    z = sparsereg_dithered(pair[0] + g - (grown - r) * inverse * w, bits);
    if (!((z + grown) - (z + grown) == 0.0))
        return 0;
    pair[0] = z;
    pair[1] = (float)grown;
    memcpy(state, pair, sizeof pair);
    return 1;
}

/* The coefficient that a state stands for in one lane. */
SPARSEREG_LANE double sparsereg_ftrl_weight(const sparsereg_ftrl *at, int lane, const double *state)
{
    float pair[2];
    double d, step, threshold, size, w;
    memcpy(pair, state, sizeof pair);
    d = (at->beta[lane] + pair[1]) * at->inverse[lane];
    if (pair[0] == 0.0f || d == 0.0)
        return 0.0;
    d = 1.0 / d;
    step = at->t[lane] * d;
    size = fabs(-pair[0] * d);
    threshold = step * at->l1[lane];
    if (!(size > threshold))
        return 0.0;
    w = (size - threshold) / (1.0 + step * at->l2[lane]);
    return (pair[0] < 0.0f ? w : -w) + 0.0;
}

/* As sparsereg_ftrl_weights and sparsereg_ftrl_steps below, for any processor. */

SPARSEREG_LANE void sparsereg_ftrl_weights_plain(
    const sparsereg_ftrl *at, const sparsereg_entries *row, int64_t first, int n_lanes, int64_t stride,
    double *w, double *full, double *t)
{
    for (int lane = 0; lane < n_lanes; lane++) {
        double whole = full[first + lane], part = t[first + lane];
        for (int64_t k = 0; k < row->n; k++) {
            const double u = sparsereg_ftrl_weight(at, lane, row->states[k] + first + lane);
            w[k * stride + first + lane] = u;
            whole += u * row->x[k];
            part += u * row->kept[k];
        }
        full[first + lane] = whole;
        t[first + lane] = part;
    }
}

SPARSEREG_LANE int sparsereg_ftrl_steps_plain(
    const sparsereg_ftrl *at, const sparsereg_entries *row, int64_t first, int n_lanes, int64_t stride, uint64_t noise,
    const double *w, const double *slope, double *old)
{
    int whole = 1;
    for (int lane = 0; lane < n_lanes; lane++)
        for (int64_t k = 0; k < row->n; k++) {
            double *state = row->states[k] + first + lane;
            old[k * stride + first + lane] = *state;
            whole &= sparsereg_ftrl_step(
                state, w[k * stride + first + lane], slope[first + lane] * row->kept[k], at->inverse[lane], noise);
        }
    return whole;
}

#if SPARSEREG_HAS_LANES

typedef struct {
    __m128d beta, inverse, t, l1, l2;
    int has_l2;
} sparsereg_lanes;

/* The settings of two lanes, in registers. */
SPARSEREG_LANE sparsereg_lanes sparsereg_lanes_of(const sparsereg_ftrl *at)
{
    const sparsereg_lanes lanes = {
        _mm_loadu_pd(at->beta), _mm_loadu_pd(at->inverse), _mm_loadu_pd(at->t), _mm_loadu_pd(at->l1),
        _mm_loadu_pd(at->l2), at->l2[0] != 0.0 || at->l2[1] != 0.0};
    return lanes;
}

/* Two doubles that were just written one by one. One load of both, which compilers make of neighbours that are not
 * volatile, would wait until the stores have left the processor: no row could begin before the last has ended. */
SPARSEREG_LANE __m128d sparsereg_lanes_join(const volatile double *first, const volatile double *second)
{
    return _mm_set_pd(*second, *first);
}

SPARSEREG_LANE __m128d sparsereg_lanes_z(__m128d states)
{
    const __m128 floats = _mm_castpd_ps(states);
    return _mm_cvtps_pd(_mm_shuffle_ps(floats, floats, _MM_SHUFFLE(2, 0, 2, 0)));
}

SPARSEREG_LANE __m128d sparsereg_lanes_r(__m128d states)
{
    const __m128 floats = _mm_castpd_ps(states);
    return _mm_cvtps_pd(_mm_shuffle_ps(floats, floats, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* The coefficients that two states stand for. Where z or d is 0 no size is above its threshold, infinity or NaN. */
SPARSEREG_LANE __m128d sparsereg_lanes_weights(const sparsereg_lanes *at, __m128d states)
{
    const __m128d sign = _mm_set1_pd(-0.0), one = _mm_set1_pd(1.0);
    const __m128d d = _mm_mul_pd(_mm_add_pd(at->beta, sparsereg_lanes_r(states)), at->inverse);
    const __m128d share = _mm_div_pd(one, d), step = _mm_mul_pd(at->t, share);
    const __m128d v = _mm_mul_pd(_mm_xor_pd(sparsereg_lanes_z(states), sign), share);
    const __m128d size = _mm_andnot_pd(sign, v), threshold = _mm_mul_pd(step, at->l1);
    const __m128d above = _mm_cmpgt_pd(size, threshold);
    __m128d w = _mm_sub_pd(size, threshold);
    if (at->has_l2)
        w = _mm_div_pd(w, _mm_add_pd(one, _mm_mul_pd(step, at->l2)));
    w = _mm_and_pd(above, _mm_or_pd(w, _mm_and_pd(sign, v)));
    return at->has_l2 ? _mm_add_pd(w, _mm_setzero_pd()) : w; /* a quotient may be a zero with a sign */
}

/* The low 64 bits of the products of two pairs. */
SPARSEREG_LANE __m128i sparsereg_lanes_product(__m128i a, __m128i b)
{
    const __m128i high = _mm_add_epi64(_mm_mul_epu32(_mm_srli_epi64(a, 32), b), _mm_mul_epu32(a, _mm_srli_epi64(b, 32)));
    return _mm_add_epi64(_mm_mul_epu32(a, b), _mm_slli_epi64(high, 32));
}

SPARSEREG_LANE __m128 sparsereg_lanes_dithered(__m128d value, __m128i noise)
{
    const __m128i bits = _mm_add_epi64(_mm_castpd_si128(value), _mm_srli_epi64(noise, 35));
    const __m128i kept = _mm_and_si128(bits, _mm_set1_epi64x((long long)SPARSEREG_FLOAT_BITS));
    return _mm_cvtpd_ps(_mm_castsi128_pd(kept));
}

/* Two states after the step of sparsereg_ftrl_step; `odd` has bits where one was not finite. */
SPARSEREG_LANE __m128d sparsereg_lanes_step(
    __m128d inverse, __m128i noise, __m128d states, __m128d w, __m128d g, __m128 *odd)
{
    const __m128i factor = _mm_set1_epi64x((long long)SPARSEREG_NOISE_FACTOR);
    const __m128i bits = sparsereg_lanes_product(_mm_xor_si128(_mm_castpd_si128(states), noise), factor);
    const __m128d z = sparsereg_lanes_z(states), r = sparsereg_lanes_r(states);
    const __m128d root = _mm_sqrt_pd(_mm_add_pd(_mm_mul_pd(r, r), _mm_mul_pd(g, g)));
    const __m128 grown = sparsereg_lanes_dithered(root, _mm_slli_epi64(bits, 29));
    const __m128d growth = _mm_mul_pd(_mm_sub_pd(_mm_cvtps_pd(grown), r), inverse);
    const __m128 moved = sparsereg_lanes_dithered(_mm_sub_pd(_mm_add_pd(z, g), _mm_mul_pd(growth, w)), bits);
    const __m128 fresh = _mm_unpacklo_ps(moved, grown);
    *odd = _mm_or_ps(*odd, _mm_cmpneq_ps(_mm_sub_ps(fresh, fresh), _mm_setzero_ps()));
    return _mm_castps_pd(fresh);
}

/* Two entries at once, of a row of one output: add them to its predictors with and without dropout, and keep their
 * coefficients. */
SPARSEREG_LANE void sparsereg_ftrl_predict_row(
    const sparsereg_ftrl *settings, const sparsereg_entries *row, int has_dropout, double *restrict w, double *full,
    double *t)
{
    const sparsereg_lanes at = sparsereg_lanes_of(settings);
    double whole = *full, part = *t;
    int64_t k = 0;
    for (; k + 1 < row->n; k += 2) {
        const __m128d both = sparsereg_lanes_weights(&at, sparsereg_lanes_join(row->states[k], row->states[k + 1]));
        const __m128d term = _mm_mul_pd(both, sparsereg_lanes_join(row->x + k, row->x + k + 1));
        _mm_storeu_pd(w + k, both);
        whole += _mm_cvtsd_f64(term);
        whole += _mm_cvtsd_f64(_mm_unpackhi_pd(term, term));
        if (has_dropout) {
            part += w[k] * row->kept[k];
            part += w[k + 1] * row->kept[k + 1];
        }
    }
    if (k < row->n) {
        w[k] = _mm_cvtsd_f64(sparsereg_lanes_weights(&at, _mm_load_sd(row->states[k])));
        whole += w[k] * row->x[k];
        if (has_dropout)
            part += w[k] * row->kept[k];
    }
    *full = whole;
    *t = has_dropout ? part : whole;
}

/* Step the states of a row of one output, keeping the old ones; 0 where one is not finite: all are to be put back. */
SPARSEREG_LANE int sparsereg_ftrl_step_row(
    const sparsereg_ftrl *settings, const sparsereg_entries *row, uint64_t noise, const double *restrict w,
    double slope, double *restrict old)
{
    const __m128d inverse = _mm_set1_pd(settings->inverse[0]), slopes = _mm_set1_pd(slope);
    const __m128i seed = _mm_set1_epi64x((long long)noise);
    __m128 odd = _mm_setzero_ps();
    int64_t k = 0;
    for (; k + 1 < row->n; k += 2) {
        const __m128d states = sparsereg_lanes_join(row->states[k], row->states[k + 1]);
        const __m128d g = _mm_mul_pd(slopes, sparsereg_lanes_join(row->kept + k, row->kept + k + 1));
        const __m128d fresh = sparsereg_lanes_step(inverse, seed, states, _mm_loadu_pd(w + k), g, &odd);
        _mm_storeu_pd(old + k, states);
        _mm_store_sd(row->states[k], fresh);
        _mm_storeh_pd(row->states[k + 1], fresh);
    }
    if (k < row->n) {
        const __m128d states = _mm_load_sd(row->states[k]);
        const __m128d g = _mm_mul_sd(slopes, _mm_load_sd(row->kept + k));
        _mm_store_sd(old + k, states);
        _mm_store_sd(
            row->states[k],
            sparsereg_lanes_step(inverse, seed, states, _mm_load_sd(w + k), _mm_move_sd(_mm_setzero_pd(), g), &odd));
    }
    return _mm_movemask_ps(odd) == 0;
}

/* Lanes `first` and `first + 1` (or one alone) of states that are `stride` wide: add a row to their predictors with
 * (t) and without dropout (full), (stride,) each, and keep the coefficients, w, (n, stride). */
SPARSEREG_LANE void sparsereg_ftrl_weights(
    const sparsereg_ftrl *settings, const sparsereg_entries *row, int64_t first, int n_lanes, int64_t stride,
    double *restrict w, double *full, double *t)
{
    const sparsereg_lanes at = sparsereg_lanes_of(settings);
    __m128d whole, part;
    if (n_lanes < 2) {
        sparsereg_ftrl_weights_plain(settings, row, first, n_lanes, stride, w, full, t);
        return;
    }
    whole = sparsereg_lanes_join(full + first, full + first + 1);
    part = sparsereg_lanes_join(t + first, t + first + 1);
    for (int64_t k = 0; k < row->n; k++) {
        const __m128d both = sparsereg_lanes_weights(&at, _mm_loadu_pd(row->states[k] + first));
        _mm_storeu_pd(w + k * stride + first, both);
        whole = _mm_add_pd(whole, _mm_mul_pd(both, _mm_set1_pd(row->x[k])));
        part = _mm_add_pd(part, _mm_mul_pd(both, _mm_set1_pd(row->kept[k])));
    }
    _mm_storeu_pd(full + first, whole);
    _mm_storeu_pd(t + first, part);
}

/* Step the same lanes along their slopes, (stride,), keeping the old states, (n, stride); 0 where one is not finite:
 * all are to be put back. */
SPARSEREG_LANE int sparsereg_ftrl_steps(
    const sparsereg_ftrl *settings, const sparsereg_entries *row, int64_t first, int n_lanes, int64_t stride,
    uint64_t noise, const double *restrict w, const double *slope, double *restrict old)
{
    const __m128d inverse = _mm_loadu_pd(settings->inverse);
    const __m128i seed = _mm_set1_epi64x((long long)noise);
    __m128 odd = _mm_setzero_ps();
    __m128d slopes;
    if (n_lanes < 2)
        return sparsereg_ftrl_steps_plain(settings, row, first, n_lanes, stride, noise, w, slope, old);
    slopes = sparsereg_lanes_join(slope + first, slope + first + 1);
    for (int64_t k = 0; k < row->n; k++) {
        const __m128d states = _mm_loadu_pd(row->states[k] + first);
        const __m128d g = _mm_mul_pd(slopes, _mm_set1_pd(row->kept[k]));
        _mm_storeu_pd(old + k * stride + first, states);
        _mm_storeu_pd(
            row->states[k] + first,
            sparsereg_lanes_step(inverse, seed, states, _mm_loadu_pd(w + k * stride + first), g, &odd));
    }
    return _mm_movemask_ps(odd) == 0;
}

#else

#define sparsereg_ftrl_weights sparsereg_ftrl_weights_plain
#define sparsereg_ftrl_steps sparsereg_ftrl_steps_plain

SPARSEREG_LANE void sparsereg_ftrl_predict_row(
    const sparsereg_ftrl *settings, const sparsereg_entries *row, int has_dropout, double *w, double *full, double *t)
{
    (void)has_dropout;
    sparsereg_ftrl_weights_plain(settings, row, 0, 1, 1, w, full, t);
}

SPARSEREG_LANE int sparsereg_ftrl_step_row(
    const sparsereg_ftrl *settings, const sparsereg_entries *row, uint64_t noise, const double *w, double slope,
    double *old)
{
    return sparsereg_ftrl_steps_plain(settings, row, 0, 1, 1, noise, w, &slope, old);
}

#endif
#endif

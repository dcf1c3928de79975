/* Decimal digits of a text, sixteen letters at a time, in SSE2, which is part of x86-64.

   Digits are told apart by one comparison for all letters, so that their number comes without a branch that would often
   be guessed wrong; joined in pairs, fours and eights they take three multiplications. */
#ifndef SPARSEREG_SIXTEEN_DIGITS_H
#define SPARSEREG_SIXTEEN_DIGITS_H

#include <stdint.h>

#if defined(__SSE2__) && defined(__GNUC__)
#include <emmintrin.h>
#define SPARSEREG_HAS_SIXTEEN 1

static const uint8_t sparsereg_last[32] = {
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};

/* Read the digits from `cursor` on, up to sixteen, and return how many they are; sixteen letters before it and from it
   on must be there. */
static inline int sparsereg_sixteen_digits(const char *cursor, uint64_t *number) {
    const __m128i zero = _mm_set1_epi8('0');
    __m128i digits = _mm_sub_epi8(_mm_loadu_si128((const __m128i *) cursor), zero);
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    int n = __builtin_ctz(~(unsigned) _mm_movemask_epi8(is_digit));
    uint64_t halves;
    digits = _mm_sub_epi8(_mm_loadu_si128((const __m128i *) (cursor + n - 16)), zero);
    digits = _mm_and_si128(digits, _mm_loadu_si128((const __m128i *) (sparsereg_last + n)));
    /* The first of two digits is the lower byte of its pair. */
    digits = _mm_add_epi16(
        _mm_mullo_epi16(_mm_and_si128(digits, _mm_set1_epi16(255)), _mm_set1_epi16(10)), _mm_srli_epi16(digits, 8));
    digits = _mm_madd_epi16(digits, _mm_set1_epi32(100 | 1 << 16));
    digits = _mm_packs_epi32(digits, digits);
    digits = _mm_madd_epi16(digits, _mm_set1_epi32(10000 | 1 << 16));
    _mm_storel_epi64((__m128i *) &halves, digits);
    *number = (halves & UINT32_MAX) * 100000000 + (halves >> 32);
    return n;
}

#else
#define SPARSEREG_HAS_SIXTEEN 0

static inline int sparsereg_sixteen_digits(const char *cursor, uint64_t *number) {
    (void) cursor;
    (void) number;
    return 0;
}

#endif
#endif

/* A hash table of ids in lines of 64 bytes, which a cache fetches as one: eight ids of 32 bits and then their eight
 * indices, or five ids of 64 bits and then five indices of 32 bits. All ids of a line are compared at once, on the
 * vector registers that every x86-64 has, or one by one elsewhere: with the same result.
 *
 * A slot is empty where all bits of its id are set. Slots of a line are taken in order, and a search goes on with the
 * next line where a full one lacks the id.
 */
#ifndef SPARSEREG_KEY_LINES_H
#define SPARSEREG_KEY_LINES_H

#include <stdint.h>

#if defined(__SSE2__) && !defined(SPARSEREG_SCALAR)
#include <emmintrin.h>
#endif

enum { SPARSEREG_LINE = 64, SPARSEREG_NARROW_SLOTS = 8, SPARSEREG_WIDE_SLOTS = 5 };

/* Lines, and where they end; ids of 64 bits or of 32. */
typedef struct {
    unsigned char *lines, *end;
    uint64_t n_lines;
    int is_wide;
} sparsereg_keys;

/* The slots of a line that hold an id, a bit for each. */
static inline unsigned sparsereg_narrow_slots_scalar(const void *line, uint32_t id)
{
    const uint32_t *ids = (const uint32_t *)line;
    unsigned found = 0;
    for (int slot = 0; slot < SPARSEREG_NARROW_SLOTS; slot++)
        found |= (unsigned)(ids[slot] == id) << slot;
    return found;
}

static inline unsigned sparsereg_wide_slots_scalar(const void *line, uint64_t id)
{
    const uint64_t *ids = (const uint64_t *)line;
    unsigned found = 0;
    for (int slot = 0; slot < SPARSEREG_WIDE_SLOTS; slot++)
        found |= (unsigned)(ids[slot] == id) << slot;
    return found;
}

#if defined(__SSE2__) && !defined(SPARSEREG_SCALAR)
static inline unsigned sparsereg_narrow_slots(const void *line, uint32_t id)
{
    const __m128i *ids = (const __m128i *)line, wanted = _mm_set1_epi32((int)id);
    __m128 low = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(ids), wanted));
    __m128 high = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(ids + 1), wanted));
    return (unsigned)(_mm_movemask_ps(low) | _mm_movemask_ps(high) << 4);
}

static inline unsigned sparsereg_wide_slots(const void *line, uint64_t id)
{
    const __m128i *ids = (const __m128i *)line, wanted = _mm_set1_epi64x((long long)id);
    unsigned found = 0;
    for (int pair = 0; pair < 3; pair++) {
        /* Both halves of an id: SSE2 compares 32 bits at a time. */
        __m128i same = _mm_cmpeq_epi32(_mm_load_si128(ids + pair), wanted);
        same = _mm_and_si128(same, _mm_shuffle_epi32(same, _MM_SHUFFLE(2, 3, 0, 1)));
        found |= (unsigned)_mm_movemask_pd(_mm_castsi128_pd(same)) << (2 * pair);
    }
    /* The sixth word holds indices. */
    return found & 31u;
}
#else
#define sparsereg_narrow_slots sparsereg_narrow_slots_scalar
#define sparsereg_wide_slots sparsereg_wide_slots_scalar
#endif

static inline int sparsereg_lowest(unsigned bits)
{
#if defined(__GNUC__)
    return __builtin_ctz(bits);
#else
    int place = 0;
    while (!(bits & 1u)) {
        bits >>= 1;
        place++;
    }
    return place;
#endif
}

/* Where the search for an id begins: the high half of its hash, scaled to the number of lines, so that lines keep their
 * order when there are more of them. Steps of Steele and Vigna 2021 ("Computationally easy, spectrally good
 * multipliers") and of SplitMix64's increment: ids in a row, multiples and high bits alone all spread. */
static inline unsigned char *sparsereg_first_line(const sparsereg_keys *keys, int64_t id)
{
    uint64_t word = (uint64_t)id * 0x9E3779B97F4A7C15ULL;
    word = (word ^ (word >> 32)) * 0xD6E8FEB86659FD93ULL;
    return keys->lines + SPARSEREG_LINE * (((word >> 32) * keys->n_lines) >> 32);
}

/* The index of an id, looked for from the line on where the search begins. One that is not there is entered with the
 * index `fresh`, which is returned; where that is below 0, so is what is returned. Some slot must be empty. */
static inline int64_t sparsereg_find_narrow(const sparsereg_keys *keys, unsigned char *line, uint32_t id, int64_t fresh)
{
    for (;;) {
        uint32_t *ids = (uint32_t *)line;
        unsigned found = sparsereg_narrow_slots(line, id);
        if (found)
            return ids[SPARSEREG_NARROW_SLOTS + sparsereg_lowest(found)];
        found = sparsereg_narrow_slots(line, UINT32_MAX);
        if (found) {
            int slot = sparsereg_lowest(found);
            if (fresh >= 0) {
                ids[slot] = id;
                ids[SPARSEREG_NARROW_SLOTS + slot] = (uint32_t)fresh;
            }
            return fresh;
        }
        line += SPARSEREG_LINE;
        if (line == keys->end)
            line = keys->lines;
    }
}

static inline int64_t sparsereg_find_wide(const sparsereg_keys *keys, unsigned char *line, uint64_t id, int64_t fresh)
{
    for (;;) {
        uint64_t *ids = (uint64_t *)line;
        uint32_t *indices = (uint32_t *)(ids + SPARSEREG_WIDE_SLOTS);
        unsigned found = sparsereg_wide_slots(line, id);
        if (found)
            return indices[sparsereg_lowest(found)];
        found = sparsereg_wide_slots(line, UINT64_MAX);
        if (found) {
            int slot = sparsereg_lowest(found);
            if (fresh >= 0) {
                ids[slot] = id;
                indices[slot] = (uint32_t)fresh;
            }
            return fresh;
        }
        line += SPARSEREG_LINE;
        if (line == keys->end)
            line = keys->lines;
    }
}

static inline int64_t sparsereg_find(const sparsereg_keys *keys, unsigned char *line, int64_t id, int64_t fresh)
{
    if (keys->is_wide)
        return sparsereg_find_wide(keys, line, (uint64_t)id, fresh);
    return sparsereg_find_narrow(keys, line, (uint32_t)id, fresh);
}

/* The id in a slot of a line, and its index; -1 where the slot is empty. */
static inline int64_t sparsereg_slot(const sparsereg_keys *keys, const unsigned char *line, int slot, uint32_t *index)
{
    if (keys->is_wide) {
        const uint64_t *ids = (const uint64_t *)line;
        *index = ((const uint32_t *)(ids + SPARSEREG_WIDE_SLOTS))[slot];
        return (int64_t)ids[slot];
    }
    const uint32_t *ids = (const uint32_t *)line;
    *index = ids[SPARSEREG_NARROW_SLOTS + slot];
    return ids[slot] == UINT32_MAX ? -1 : (int64_t)ids[slot];
}

/* Take out the id that was entered last of those that are there. */
static inline void sparsereg_take_out(const sparsereg_keys *keys, int64_t id)
{
    unsigned char *line = sparsereg_first_line(keys, id);
    for (;;) {
        unsigned found =
            keys->is_wide ? sparsereg_wide_slots(line, (uint64_t)id) : sparsereg_narrow_slots(line, (uint32_t)id);
        if (found) {
            if (keys->is_wide)
                ((uint64_t *)line)[sparsereg_lowest(found)] = UINT64_MAX;
            else
                ((uint32_t *)line)[sparsereg_lowest(found)] = UINT32_MAX;
            return;
        }
        line += SPARSEREG_LINE;
        if (line == keys->end)
            line = keys->lines;
    }
}

#endif

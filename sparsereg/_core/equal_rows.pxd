# The hash of a row: its number of entries, then the id and the value of each are mixed in.
from libc.stdint cimport uint64_t


cdef inline uint64_t mix(uint64_t state, uint64_t word) noexcept nogil:
    """Absorb a word: multiply by 2**64 / golden ratio (Knuth, TAOCP 3, 6.4), fold the high half down."""
    state = (state ^ word) * 0x9E3779B97F4A7C15ULL
    return state ^ (state >> 32)


cdef inline uint64_t finished(uint64_t state) noexcept nogil:
    """Mix once more, by a constant of MurmurHash3's finaliser: high bits choose samples, low ones slots."""
    state = state * 0xC4CEB9FE1A85EC53ULL
    return state ^ (state >> 33)

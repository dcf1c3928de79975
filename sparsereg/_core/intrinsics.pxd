# What C compilers offer and C does not.
from libc.stdint cimport uint64_t


cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define SPARSEREG_PREFETCH(address) __builtin_prefetch(address)
    #else
    #define SPARSEREG_PREFETCH(address) ((void)(address))
    #endif
    """
    void prefetch "SPARSEREG_PREFETCH"(const void *address) noexcept nogil


cdef inline int popcount(uint64_t word) noexcept nogil:
    """Return the number of set bits; plain arithmetic, because the builtin is a table call without -mpopcnt."""
    word = word - ((word >> 1) & 0x5555555555555555ULL)
    word = (word & 0x3333333333333333ULL) + ((word >> 2) & 0x3333333333333333ULL)
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0FULL
    return <int> ((word * 0x0101010101010101ULL) >> 56)

# Flags of the entries of compressed rows, without a branch: whole numbers whose top bit answers a question for all.
from cython cimport floating
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from sparsereg._core.types cimport offset_t, wide_id

cdef enum:
    TOP = 63


cdef inline uint64_t bits_of(floating value) noexcept nogil:
    """Return the bits of a value, those of a float in the upper half: every sign is the top bit."""
    cdef uint64_t wide
    cdef uint32_t narrow
    if floating is double:
        memcpy(&wide, &value, sizeof(wide))
        return wide
    memcpy(&narrow, &value, sizeof(narrow))
    return <uint64_t> narrow << 32


cdef inline uint64_t scan_ids(
    const wide_id *ids, offset_t first, offset_t stop, offset_t n_features, uint64_t *falls
) noexcept nogil:
    """Add to `falls` how many ids are not above the one before them; return whether one is not in [0, n_features).

    From one number of [0, 2**63) to another the difference less one has the top bit where it falls or stays.
    """
    cdef offset_t k
    cdef uint64_t outside = 0, fallen = 0, last = <uint64_t> (n_features - 1), id_
    if first < stop and first == 0:
        id_ = <uint64_t> <int64_t> ids[0]
        outside = id_ | (last - id_)
        first = 1
    for k in range(first, stop):
        id_ = <uint64_t> <int64_t> ids[k]
        outside |= id_ | (last - id_)
        fallen += (id_ - <uint64_t> <int64_t> ids[k - 1] - 1) >> TOP
    falls[0] += fallen
    return outside >> TOP


cdef inline bint scan_ones(const floating *data, offset_t first, offset_t stop) noexcept nogil:
    """Return whether all values are 1."""
    cdef offset_t k
    cdef uint64_t one = bits_of(<floating> 1.0), others = 0
    for k in range(first, stop):
        others |= bits_of(data[k]) ^ one
    return others == 0


cdef inline uint64_t scan_values(
    const floating *data, offset_t first, offset_t stop, bint *has_zeros, bint *binary
) noexcept nogil:
    """Find whether some value is 0, and whether all others are 1; return whether one is not finite.

    Of a whole number and its negative one has the top bit unless it is 0. The bits are a sign, 11 of exponent and 52 of
    fraction, of a float 8 and 23; one more than an exponent of ones carries into the sign.
    """
    cdef offset_t k
    cdef uint64_t one = bits_of(<floating> 1.0)
    # The exponent of ones, which infinities and NaN have, and its lowest bit.
    cdef uint64_t unit = <uint64_t> 1 << (52 if floating is double else 55)
    cdef uint64_t exponent = ((<uint64_t> 1) << TOP) - unit
    cdef uint64_t bits, size, other, nonzero = ~<uint64_t> 0, fractions = 0, endless = 0
    for k in range(first, stop):
        bits = bits_of(data[k])
        size = bits << 1
        size |= 0 - size
        other = bits ^ one
        endless |= (bits & exponent) + unit
        nonzero &= size
        fractions |= (other | (0 - other)) & size
    has_zeros[0] |= not nonzero >> TOP
    binary[0] &= not fractions >> TOP
    return endless >> TOP

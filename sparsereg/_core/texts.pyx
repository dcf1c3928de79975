"""Columns of texts: made from integers and Python objects, hashed, told apart and looked up.

A column of n texts is `data`, all UTF-8 end to end, and `offsets`, n + 1 positions in it: the layout of Arrow. Every
kernel reads a text in its canonical form: a whole number that was written with ".0" without it, "True" and "False" in
small letters, and everything else as it is.
"""
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from sparsereg._core.mixing cimport mix

ctypedef fused integer_t:
    int64_t
    uint64_t

ctypedef const uint8_t *bytes_t

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    bint PyLong_CheckExact(object value)

cdef extern from *:
    """
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define SPARSEREG_LITTLE_ENDIAN(word) __builtin_bswap64(word)
    #define SPARSEREG_LITTLE_ENDIAN_HALF(word) __builtin_bswap32(word)
    #else
    #define SPARSEREG_LITTLE_ENDIAN(word) (word)
    #define SPARSEREG_LITTLE_ENDIAN_HALF(word) (word)
    #endif
    #if defined(__GNUC__)
    #define SPARSEREG_TRAILING_ZEROS(word) __builtin_ctzll(word)
    #else
    static int sparsereg_trailing_zeros(uint64_t word) {
        int zeros = 0;
        while (!(word & 1)) { word >>= 1; zeros++; }
        return zeros;
    }
    #define SPARSEREG_TRAILING_ZEROS(word) sparsereg_trailing_zeros(word)
    #endif
    #define SPARSEREG_GROUP UINT64_C(100000000)
    #define SPARSEREG_ZEROS UINT64_C(0x3030303030303030)
    """
    # Constants to the C compiler, which then divides by multiplying.
    const uint64_t GROUP "SPARSEREG_GROUP"
    const uint64_t ZEROS "SPARSEREG_ZEROS"  # eight letters "0"
    int trailing_zeros "SPARSEREG_TRAILING_ZEROS"(uint64_t word) noexcept nogil
    uint32_t little_endian_half "SPARSEREG_LITTLE_ENDIAN_HALF"(uint32_t word) noexcept nogil
    uint64_t little_endian "SPARSEREG_LITTLE_ENDIAN"(uint64_t word) noexcept nogil

cdef enum:
    LONGEST_NUMBER = 28  # letters of -2**63 and of 2**64 - 1, and 8 more

cdef bytes_t TRUE = <bytes_t> b"true"
cdef bytes_t FALSE = <bytes_t> b"false"
cdef bytes_t ZERO = <bytes_t> b"0"


cdef inline uint64_t eight_digits(uint64_t number) noexcept nogil:
    """Return the digits of a number below 10**8, one a byte, the first one lowest.

    Halves, quarters and eighths are divided side by side in one word; the factors are 100 and 10 upside down, exact for
    four and two digits.
    """
    cdef uint64_t halves = number // 10000 | (number % 10000) << 32
    cdef uint64_t above = ((halves * 10486) >> 20) & <uint64_t> 0x0000007F0000007F
    cdef uint64_t quarters = above | (halves - 100 * above) << 16
    above = ((quarters * 103) >> 10) & <uint64_t> 0x000F000F000F000F
    return above | (quarters - 10 * above) << 8


cdef inline void store(uint64_t word, char *out) noexcept nogil:
    word = little_endian(word)
    memcpy(out, &word, 8)


cdef inline int write_number(uint64_t size, bint negative, char *out) noexcept nogil:
    """Write a number in decimal and return how many letters it took; up to 8 more letters are overwritten."""
    cdef uint64_t first = size, digits
    cdef int groups = 0, used = 0, zeros
    if negative:
        out[0] = c"-"
        used = 1
    if size >= GROUP * GROUP:
        first = size // (GROUP * GROUP)
        groups = 2
    elif size >= GROUP:
        first = size // GROUP
        groups = 1
    digits = eight_digits(first)
    zeros = trailing_zeros(digits) >> 3 if digits else 7
    store((digits | ZEROS) >> (8 * zeros), out + used)
    used += 8 - zeros
    if groups == 2:
        store(eight_digits(size // GROUP % GROUP) | ZEROS, out + used)
        used += 8
    if groups:
        store(eight_digits(size % GROUP) | ZEROS, out + used)
        used += 8
    return used


cdef inline bint is_whole(bytes_t text, Py_ssize_t size) noexcept nogil:
    """Return whether a text is a whole number without needless zeros in front."""
    cdef Py_ssize_t k, first = 1 if size > 0 and text[0] == c"-" else 0
    if first == size or (text[first] == c"0" and size > first + 1):
        return False
    for k in range(first, size):
        if not c"0" <= text[k] <= c"9":
            return False
    return True


cdef inline bytes_t canonical(bytes_t text, Py_ssize_t *size) noexcept nogil:
    """Return the canonical form of a text, and set its size."""
    cdef Py_ssize_t n = size[0]
    if n >= 3 and text[n - 1] == c"0" and text[n - 2] == c"." and is_whole(text, n - 2):
        size[0] = n - 2
        if n == 4 and text[0] == c"-" and text[1] == c"0":
            size[0] = 1
            return ZERO
    elif n == 4 and memcmp(text, b"True", 4) == 0:
        return TRUE
    elif n == 5 and memcmp(text, b"False", 5) == 0:
        return FALSE
    return text


cdef inline bytes_t text_at(bytes_t data, const int64_t *offsets, Py_ssize_t i, Py_ssize_t *size) noexcept nogil:
    """Return text i in its canonical form, and set its size."""
    size[0] = offsets[i + 1] - offsets[i]
    return canonical(data + offsets[i], size)


cdef inline bint same(
    bytes_t data, const int64_t *offsets, Py_ssize_t i, bytes_t others, const int64_t *other_offsets, Py_ssize_t k
) noexcept nogil:
    """Return whether text i of a column is text k of another."""
    cdef Py_ssize_t size, other_size
    cdef bytes_t text = text_at(data, offsets, i, &size), other = text_at(others, other_offsets, k, &other_size)
    return size == other_size and memcmp(text, other, size) == 0


cdef inline uint64_t last_word(bytes_t text, Py_ssize_t size) noexcept nogil:
    """Return 1 to 7 bytes as a word: two halves that may overlap, or first, middle and last byte."""
    cdef uint32_t low, high
    if size >= 4:
        memcpy(&low, text, 4)
        memcpy(&high, text + size - 4, 4)
        return little_endian_half(low) | <uint64_t> little_endian_half(high) << (8 * (size - 4))
    return (text[0] | <uint64_t> text[size >> 1] << (8 * (size >> 1)) | <uint64_t> text[size - 1] << (8 * (size - 1)))


cdef inline uint64_t key_of(bytes_t text, Py_ssize_t size) noexcept nogil:
    """Return the 64-bit key of a text: its length, then its words of 8 bytes, each mixed in."""
    cdef uint64_t key = <uint64_t> size, word
    while size >= 8:
        memcpy(&word, text, 8)
        key = mix(key ^ little_endian(word))
        text += 8
        size -= 8
    return mix(key ^ last_word(text, size)) if size > 0 else key


def integer_texts(const integer_t[::1] values, uint8_t[::1] data, int64_t[::1] offsets):
    """Write integers in decimal.

    Parameters
    ----------
    values : (n,) int64 or uint64, in
    data : (20 * n + 8,) uint8, out
        Filled up to ``offsets[n]``.
    offsets : (n + 1,) int64, out

    Notes
    -----
    Cost: three multiplications for eight digits.
    """
    cdef Py_ssize_t i
    cdef int64_t used = 0
    cdef bint negative
    cdef uint64_t size
    cdef char *out = <char *> &data[0]
    with nogil:
        offsets[0] = 0
        for i in range(values.shape[0]):
            negative = values[i] < 0
            size = <uint64_t> values[i]
            used += write_number(0 - size if negative else size, negative, out + used)
            offsets[i + 1] = used


cdef inline int write_letter(uint32_t letter, uint8_t *out) noexcept nogil:
    """Write a letter in UTF-8; return how many bytes it took, 0 for a surrogate and what is no letter."""
    if letter < 0x80:
        out[0] = <uint8_t> letter
        return 1
    if letter < 0x800:
        out[0] = <uint8_t> (0xC0 | letter >> 6)
        out[1] = <uint8_t> (0x80 | (letter & 0x3F))
        return 2
    if letter > 0x10FFFF or 0xD800 <= letter < 0xE000:
        return 0
    if letter < 0x10000:
        out[0] = <uint8_t> (0xE0 | letter >> 12)
        out[1] = <uint8_t> (0x80 | (letter >> 6 & 0x3F))
        out[2] = <uint8_t> (0x80 | (letter & 0x3F))
        return 3
    out[0] = <uint8_t> (0xF0 | letter >> 18)
    out[1] = <uint8_t> (0x80 | (letter >> 12 & 0x3F))
    out[2] = <uint8_t> (0x80 | (letter >> 6 & 0x3F))
    out[3] = <uint8_t> (0x80 | (letter & 0x3F))
    return 4


def fixed_texts(const uint32_t[:, ::1] letters, uint8_t[::1] data, int64_t[::1] offsets):
    """Write strings of fixed width in UTF-8.

    Parameters
    ----------
    letters : (n, width) uint32, in
        Code points; zeros at the end of a row are no letters.
    data : (4 * n * width,) uint8, out
        Filled up to ``offsets[n]``.
    offsets : (n + 1,) int64, out

    Returns
    -------
    int
        First row with a surrogate, or a number that is no code point; n where there is none. What comes after it is
        not filled.
    """
    cdef Py_ssize_t i, k, n = letters.shape[0], width
    cdef int64_t used = 0
    cdef int written
    cdef uint8_t *out = &data[0] if data.shape[0] else NULL
    offsets[0] = 0
    with nogil:
        for i in range(n):
            width = letters.shape[1]
            while width > 0 and letters[i, width - 1] == 0:
                width -= 1
            for k in range(width):
                written = write_letter(letters[i, k], out + used)
                if written == 0:
                    break
                used += written
            else:
                offsets[i + 1] = used
                continue
            break
        else:
            i = n
    return i


def object_texts(list values, other, int64_t[::1] offsets, uint8_t[::1] missing):
    """Write Python objects as texts: strings as they are, integers in decimal, None and NaN as missing ones.

    Parameters
    ----------
    values : list of n objects, in
    other : function of one object that returns its text, or None for a missing one; asked about all other objects, in
    offsets : (n + 1,) int64, out
    missing : (n,) uint8, out

    Returns
    -------
    data : bytearray
        At least ``offsets[n]`` long.
    row : int
        First row whose value has no text, because `other` or UTF-8 refuses it; n where there is none. What comes after
        it is not filled.
    """
    cdef Py_ssize_t n = len(values), i = 0, size, room = 16 * n + LONGEST_NUMBER, used = 0
    cdef bytearray data = bytearray(room)
    cdef char number[LONGEST_NUMBER]
    cdef const char *text
    cdef int overflow
    cdef long long whole
    offsets[0] = 0
    try:
        for i in range(n):
            value = values[i]
            if not PyUnicode_Check(value):
                overflow = 1
                if PyLong_CheckExact(value):
                    whole = PyLong_AsLongLongAndOverflow(value, &overflow)
                elif PyFloat_CheckExact(value) and PyFloat_AS_DOUBLE(value) != PyFloat_AS_DOUBLE(value):
                    value = None
                if overflow and value is not None:
                    value = other(value)
            missing[i] = value is None
            text, size = number, 0
            if PyUnicode_Check(value):
                text = PyUnicode_AsUTF8AndSize(value, &size)
            elif value is not None:
                size = write_number(0 - <uint64_t> whole if whole < 0 else <uint64_t> whole, whole < 0, number)
            if used + size > room:
                room = 2 * (used + size)
                PyByteArray_Resize(data, room)
            memcpy(PyByteArray_AS_STRING(data) + used, text, size)
            used += size
            offsets[i + 1] = used
    except (TypeError, ValueError):
        return data, i
    return data, n


def hash_texts(const uint8_t[::1] data, const int64_t[::1] offsets, uint64_t[::1] keys):
    """Compute the key of each text: its length in bytes, into which each word of 8 bytes is mixed.

    Parameters
    ----------
    data, offsets : texts, in
    keys : (n,) uint64, out

    Notes
    -----
    Cost: two multiplications a word.
    """
    cdef Py_ssize_t i, size
    cdef bytes_t text, start = &data[0] if data.shape[0] else NULL
    with nogil:
        for i in range(keys.shape[0]):
            text = text_at(start, &offsets[0], i, &size)
            keys[i] = key_of(text, size)


cdef int64_t *empty_slots(Py_ssize_t size) except NULL:
    cdef int64_t *slots = <int64_t *> malloc(size * sizeof(int64_t))
    if slots == NULL:
        raise MemoryError
    memset(slots, 0xFF, size * sizeof(int64_t))  # -1
    return slots


cdef inline uint64_t free_slot(const int64_t *slots, uint64_t mask, uint64_t key) noexcept nogil:
    cdef uint64_t slot = key & mask
    while slots[slot] >= 0:
        slot = (slot + 1) & mask
    return slot


cdef inline uint64_t slot_of(
    const int64_t *slots, uint64_t mask, bytes_t data, const int64_t *offsets, Py_ssize_t i, uint64_t key,
    bytes_t known, const int64_t *known_offsets, const uint64_t[::1] known_keys
) noexcept nogil:
    """Return the slot of the known text that text i, of the given key, is; a free one, -1, where it is none of them."""
    cdef uint64_t slot = key & mask
    while slots[slot] >= 0:
        if known_keys[slots[slot]] == key and same(data, offsets, i, known, known_offsets, slots[slot]):
            break
        slot = (slot + 1) & mask
    return slot


def distinct_texts(
    const uint8_t[::1] data, const int64_t[::1] offsets, const uint8_t[::1] left_out, const uint64_t[::1] keys,
    int64_t[::1] firsts,
):
    """Find the first row of each distinct text.

    Parameters
    ----------
    data, offsets : texts, in
    left_out : (n,) uint8, in
        1 for rows to pass over.
    keys : (n,) uint64, in
        From `hash_texts`.
    firsts : (n,) int64, out
        First row of each distinct text, in ascending order.

    Returns
    -------
    int
        How many there are, the length to which `firsts` is filled.

    Notes
    -----
    Cost: one look-up a row, in a table that grows with the distinct texts.
    """
    cdef Py_ssize_t size = 1024, i, k, n_distinct = 0
    cdef bytes_t start = &data[0] if data.shape[0] else NULL
    cdef int64_t *slots = empty_slots(size)
    cdef uint64_t slot
    try:
        for i in range(left_out.shape[0]):
            if left_out[i]:
                continue
            slot = slot_of(slots, size - 1, start, &offsets[0], i, keys[i], start, &offsets[0], keys)
            if slots[slot] >= 0:
                continue
            slots[slot] = firsts[n_distinct] = i
            n_distinct += 1
            if 2 * n_distinct > size:
                free(slots)
                slots = NULL
                size *= 4
                slots = empty_slots(size)
                for k in range(n_distinct):
                    slots[free_slot(slots, size - 1, keys[firsts[k]])] = firsts[k]
    finally:
        free(slots)
    return n_distinct


def find_texts(
    const uint8_t[::1] data, const int64_t[::1] offsets, const uint8_t[::1] left_out, const uint64_t[::1] keys,
    const uint8_t[::1] known_data, const int64_t[::1] known_offsets, const uint64_t[::1] known_keys,
    int64_t[::1] codes,
):
    """Find the position of each text among known ones.

    Parameters
    ----------
    data, offsets : texts, in
    left_out : (n,) uint8, in
        1 for rows to pass over.
    keys : (n,) uint64, in
        From `hash_texts`.
    known_data, known_offsets, known_keys : distinct texts and their keys, in
    codes : (n,) int64, out
        Position of the text; -1 where it is not among them or left out.

    Notes
    -----
    Cost: one look-up a row.
    """
    cdef Py_ssize_t size = 2, i, n_known = known_keys.shape[0]
    cdef bytes_t start = &data[0] if data.shape[0] else NULL
    cdef bytes_t known = &known_data[0] if known_data.shape[0] else NULL
    while size < 2 * n_known:
        size *= 2
    cdef int64_t *slots = empty_slots(size)
    cdef uint64_t slot, mask = <uint64_t> (size - 1)
    with nogil:
        for i in range(n_known):
            slots[free_slot(slots, mask, known_keys[i])] = i
        for i in range(codes.shape[0]):
            codes[i] = -1
            if left_out[i]:
                continue
            slot = slot_of(slots, mask, start, &offsets[0], i, keys[i], known, &known_offsets[0], known_keys)
            codes[i] = slots[slot]
    free(slots)

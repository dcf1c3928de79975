"""Text in svmlight form -> labels and compressed rows.

    label [qid:number] id:value id:value ... [# comment]

Numbers are read to the nearest double, as Python's `float` reads them.
"""
from cpython.object cimport PyObject
from cython cimport floating
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcpy

# What stopped a run over the text.
cpdef enum:
    END = 0  # of the text
    ROWS_FULL, ENTRIES_FULL
    BAD_LABEL, NO_LABEL, SEVERAL_LABELS, BAD_QID, BAD_ID, ID_BELOW, ID_ABOVE, BAD_VALUE

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *start, char **end, PyObject *overflow_exception) except? -1.0

cdef extern from *:
    """
    #if defined(__SIZEOF_INT128__)
    #define SPARSEREG_HIGH(a, b) ((uint64_t) (((unsigned __int128) (a) * (b)) >> 64))
    #define SPARSEREG_LEADING_ZEROS(word) __builtin_clzll(word)
    #else
    /* What any compiler of C takes: products of halves, none of whose sums overflows. */
    static uint64_t sparsereg_high(uint64_t a, uint64_t b) {
        uint64_t a0 = (uint32_t) a, a1 = a >> 32, b0 = (uint32_t) b, b1 = b >> 32;
        uint64_t middle = a1 * b0 + ((a0 * b0) >> 32);
        uint64_t rest = a0 * b1 + (uint32_t) middle;
        return a1 * b1 + (middle >> 32) + (rest >> 32);
    }
    static int sparsereg_leading_zeros(uint64_t word) {
        int zeros = 0;
        while (!(word >> 63)) { word <<= 1; zeros++; }
        return zeros;
    }
    #define SPARSEREG_HIGH(a, b) sparsereg_high(a, b)
    #define SPARSEREG_LEADING_ZEROS(word) sparsereg_leading_zeros(word)
    #endif
    """
    uint64_t high_product "SPARSEREG_HIGH"(uint64_t a, uint64_t b) noexcept nogil
    int leading_zeros "SPARSEREG_LEADING_ZEROS"(uint64_t word) noexcept nogil

from sparsereg._core.types cimport wide_id

cdef extern from "sixteen_digits.h":
    const bint HAS_SIXTEEN "SPARSEREG_HAS_SIXTEEN"
    int sixteen_digits "sparsereg_sixteen_digits"(const char *cursor, uint64_t *number) noexcept nogil

# Where in a text all letters are there that are read at once.
cdef struct Bounds:
    const char *first
    const char *last

# Powers of ten between which 19 digits make a double that is neither subnormal nor infinite.
cdef enum:
    MIN_POWER = -307
    MAX_POWER = 288
    # Digits that a uint64 always holds.
    SAFE_DIGITS = 19
    # Beyond any power that matters, and far from overflow.
    HUGE_EXPONENT = 1 << 30
    # Letters that are read at once.
    SIXTEEN = 16

cdef uint64_t[SIXTEEN + 1] POWERS_OF_TEN

# 10**q is floor(significand) * 2**exponent with a significand of 64 bits, both at index q - MIN_POWER.
cdef uint64_t significands[MAX_POWER - MIN_POWER + 1]
cdef int exponents[MAX_POWER - MIN_POWER + 1]


def _fill_powers():
    for power in range(SIXTEEN + 1):
        POWERS_OF_TEN[power] = 10 ** power
    for power in range(MIN_POWER, MAX_POWER + 1):
        whole = 10 ** abs(power)
        if power < 0:
            shift = 63 + whole.bit_length()
            significands[power - MIN_POWER] = (1 << shift) // whole
            exponents[power - MIN_POWER] = -shift
        else:
            shift = whole.bit_length() - 64
            significands[power - MIN_POWER] = whole >> shift if shift >= 0 else whole << -shift
            exponents[power - MIN_POWER] = shift


_fill_powers()


cdef inline bint is_digit(char letter) noexcept nogil:
    return <uint8_t> (letter - c"0") <= 9


cdef inline bint is_blank(char letter) noexcept nogil:
    return letter == c" " or letter == c"\t" or letter == c"\r"


cdef inline bint ends_token(char letter) noexcept nogil:
    return is_blank(letter) or letter == c"\n" or letter == c"#"


cdef inline const char *skip_blanks(const char *cursor) noexcept nogil:
    while is_blank(cursor[0]):
        cursor += 1
    return cursor


cdef inline const char *read_digits(const char *cursor, const Bounds *bounds, uint64_t *number) noexcept nogil:
    """Append decimal digits to a number, modulo 2**64; return the first letter after them."""
    cdef uint64_t total = number[0], some = 0
    cdef int n_digits
    if HAS_SIXTEEN and bounds.first <= cursor <= bounds.last:
        n_digits = sixteen_digits(cursor, &some)
        total = total * POWERS_OF_TEN[n_digits] + some
        cursor += n_digits
    while is_digit(cursor[0]):
        total = 10 * total + <uint8_t> (cursor[0] - c"0")
        cursor += 1
    number[0] = total
    return cursor


cdef inline bint scale(uint64_t digits, int64_t power, double *value) noexcept nogil:
    """Set value to the double nearest to digits * 10**power, or return False where that takes more than 64 bits.

    The true significand times 2**-64 lies in [high, high + 2): one for the part of the product that is cut off, one for
    the part of the power. Both ends round to the same double unless the bits to be dropped are one below a half, or a
    half, which may be a tie.
    """
    cdef int zeros, drop
    cdef uint64_t high, rest, half, bits
    if power == 0 or digits == 0:
        value[0] = <double> digits
        return True
    if not MIN_POWER <= power <= MAX_POWER:
        return False
    zeros = leading_zeros(digits)
    high = high_product(digits << zeros, significands[power - MIN_POWER])
    drop = 10 + <int> (high >> 63)
    half = <uint64_t> 1 << (drop - 1)
    rest = high & (2 * half - 1)
    if rest == half or rest == half - 1:
        return False
    # Exponent bias 1023, and 52 bits after the point; the leading bit of the significand adds one to the exponent.
    bits = <uint64_t> (1074 + 64 + drop + exponents[power - MIN_POWER] - zeros) << 52
    bits += (high >> drop) + (rest > half)
    memcpy(value, &bits, sizeof(bits))
    return True


cdef double read_slowly(const char *start) except? -1.0 with gil:
    """Return the number at `start`, which is known to be one; infinite when it is too large."""
    cdef char *end
    return PyOS_string_to_double(start, &end, NULL)


cdef inline const char *read_exponent(const char *cursor, int64_t *power) noexcept nogil:
    """Add the exponent after the letter e to a power; return the first letter after it, or NULL without digits."""
    cdef bint negative = cursor[0] == c"-"
    cdef const char *first
    cdef int64_t exponent = 0
    if negative or cursor[0] == c"+":
        cursor += 1
    first = cursor
    while is_digit(cursor[0]):
        if exponent < HUGE_EXPONENT:
            exponent = 10 * exponent + cursor[0] - c"0"
        cursor += 1
    if cursor == first:
        return NULL
    power[0] += -exponent if negative else exponent
    return cursor


cdef inline const char *read_number(const char *start, const Bounds *bounds, double *value) except NULL nogil:
    """Read a finite decimal number that a blank, a comment or the line's end follows.

    Returns the first letter after it, or `start` where there is no such number.
    """
    # The values of most texts that are so sparse, and labels.
    if is_digit(start[0]) and ends_token(start[1]):
        value[0] = start[0] - c"0"
        return start + 1
    return read_long_number(start, bounds, value)


cdef const char *read_long_number(const char *start, const Bounds *bounds, double *value) except NULL nogil:
    """Read a number of any length; see `read_number`."""
    cdef const char *cursor = start + (start[0] == c"-" or start[0] == c"+")
    cdef const char *first = cursor
    cdef const char *point
    cdef uint64_t digits = 0
    cdef int64_t n_digits, power = 0
    cursor = read_digits(cursor, bounds, &digits)
    n_digits = cursor - first
    if cursor[0] == c".":
        point = cursor + 1
        cursor = read_digits(point, bounds, &digits)
        power = point - cursor
        n_digits -= power
    if n_digits == 0:
        return start
    if cursor[0] == c"e" or cursor[0] == c"E":
        cursor = read_exponent(cursor + 1, &power)
        if cursor == NULL:
            return start
    if n_digits > SAFE_DIGITS:
        while first[0] == c"0" or first[0] == c".":
            n_digits -= first[0] == c"0"
            first += 1
    if n_digits <= SAFE_DIGITS and scale(digits, power, value):
        if start[0] == c"-":
            value[0] = -value[0]
    else:
        value[0] = read_slowly(start)
        if not -INFINITY < value[0] < INFINITY:
            return start
    return cursor


cdef inline const char *read_id(
    const char *start, const Bounds *bounds, uint64_t first_id, uint64_t n_features, int64_t *id_, int *code
) noexcept nogil:
    """Read a column id and the colon after it; set `code` where there is none or it is out of range."""
    cdef const char *cursor = start
    cdef const char *first
    cdef uint64_t number = 0
    if start[0] == c"-" and is_digit(start[1]):
        code[0] = ID_BELOW
        return start
    while cursor[0] == c"0":
        cursor += 1
    first = cursor
    cursor = read_digits(cursor, bounds, &number)
    if cursor[0] != c":" or cursor == start:
        code[0] = BAD_ID
    elif number < first_id and cursor - first <= SAFE_DIGITS:
        code[0] = ID_BELOW
    elif number - first_id >= n_features or cursor - first > SAFE_DIGITS:
        code[0] = ID_ABOVE
    id_[0] = <int64_t> (number - first_id)
    return cursor + 1


cdef inline const char *read_label(
    const char *start, const Bounds *bounds, double *label, int *code
) except NULL nogil:
    """Read the label and a query id; set `code` where they are not as they should be. Returns where the row goes on."""
    cdef const char *cursor = read_number(start, bounds, label)
    cdef const char *query
    if cursor == start or not ends_token(cursor[0]):
        code[0] = NO_LABEL if cursor[0] == c":" else SEVERAL_LABELS if cursor[0] == c"," else BAD_LABEL
        return start
    cursor = skip_blanks(cursor)
    # The last letter of a text is the end of a line, so that this looks no further.
    if cursor[0] == c"q" and cursor[1] == c"i" and cursor[2] == c"d" and cursor[3] == c":":
        query = cursor + 4
        cursor = query
        while is_digit(cursor[0]):
            cursor += 1
        if cursor == query or not ends_token(cursor[0]):
            code[0] = BAD_QID
            return query - 4
        cursor = skip_blanks(cursor)
    return cursor


cdef inline const char *read_entries(
    const char *cursor, const Bounds *bounds, int64_t *n_entries, int64_t capacity, uint64_t first_id,
    uint64_t n_features, wide_id *indices, floating *data, int *code
) except NULL nogil:
    """Read the entries of a row; set `code` and return the culprit where one is not as it should be."""
    cdef const char *after
    cdef double value = 0.0
    cdef int64_t id_ = 0
    while cursor[0] != c"\n" and cursor[0] != c"#":
        if n_entries[0] == capacity:
            code[0] = ENTRIES_FULL
            return cursor
        after = read_id(cursor, bounds, first_id, n_features, &id_, code)
        if code[0]:
            return cursor
        indices[n_entries[0]] = <wide_id> id_
        cursor = read_number(after, bounds, &value)
        data[n_entries[0]] = <floating> value
        # A double may be too large for a float.
        if cursor == after or not ends_token(cursor[0]) or not -INFINITY < data[n_entries[0]] < INFINITY:
            code[0] = BAD_VALUE
            return after
        n_entries[0] += 1
        cursor = skip_blanks(cursor)
    return cursor


def parse(
    const uint8_t[::1] text, int64_t begin, bint zero_based, int64_t n_features, int64_t n_rows, int64_t n_entries,
    double[::1] labels, int64_t[::1] indptr, wide_id[::1] indices, floating[::1] data
):
    """Read rows behind those that are there, until the text ends, an array is full or a line is not as it should be.

    Parameters
    ----------
    text : (n_bytes,) uint8, in
        Whole lines: the last byte is the end of a line.
    begin : int, in
        Where to start, the first byte of a line, or n_bytes.
    zero_based : bool, in
        Ids in the text count from 0, else from 1.
    n_features : int, in
        Number of columns, at least 1.
    n_rows, n_entries : int, in
        Rows and entries that the arrays hold.
    labels : (max_rows,) float64, out
    indptr : (max_rows + 1,) int64, in-out
        ``indptr[n_rows] == n_entries``.
    indices : (capacity,) int32 or int64, out
        Column ids from 0, in the order of the text; n_features fits in their type.
    data : (capacity,) float32 or float64, out

    Returns
    -------
    code : int
        `END`, what is full, or what is wrong.
    consumed : int
        First byte of the line that was not read, or n_bytes.
    position : int
        First byte of what is wrong, else `consumed`.
    n_lines : int
        Lines read, those without a row included.
    n_rows, n_entries : int
        What the arrays hold now; nothing of a line that was not read to its end.

    Notes
    -----
    Cost: O(bytes).
    """
    cdef const char *start
    cdef const char *cursor
    cdef const char *line
    cdef const char *end
    cdef Bounds bounds
    cdef int64_t n_lines = 0, filled = n_entries, capacity = indices.shape[0], max_rows = labels.shape[0]
    cdef int code = END
    if begin == text.shape[0]:
        return END, begin, begin, 0, n_rows, n_entries
    start = <const char *> &text[0]
    line = start + begin
    cursor = line
    end = start + text.shape[0]
    # A short text has none: the first such place would come after the last.
    bounds = Bounds(start + min(SIXTEEN, text.shape[0]), end - min(SIXTEEN, text.shape[0]))
    with nogil:
        while line < end:
            cursor = skip_blanks(line)
            if cursor[0] != c"\n" and cursor[0] != c"#":
                if n_rows == max_rows:
                    code = ROWS_FULL
                    break
                cursor = read_label(cursor, &bounds, &labels[n_rows], &code)
                if code:
                    break
                cursor = read_entries(
                    cursor, &bounds, &filled, capacity, not zero_based, n_features, &indices[0], &data[0], &code
                )
                if code:
                    break
                n_rows += 1
                n_entries = filled
                indptr[n_rows] = n_entries
            if cursor[0] == c"#":
                cursor = <const char *> memchr(cursor, c"\n", end - cursor)
            cursor += 1
            line = cursor
            n_lines += 1
    return code, line - start, cursor - start, n_lines, n_rows, n_entries

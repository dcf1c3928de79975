# Dense rows, whatever the order and the type of their values, as kernels go through them.
from sparsereg._core.intrinsics cimport prefetch
from sparsereg._core.types cimport index_t, offset_t

cdef enum:
    # Cache lines of the next row asked for where rows are drawn: the processor sees to the rest.
    AHEAD_LINES = 4

ctypedef struct Matrix:
    const char *first
    offset_t row_stride, column_stride  # bytes
    offset_t n_columns
    offset_t n_rows
    bint is_narrow
    const index_t *order  # NULL: as rows lie

cdef inline Matrix matrix_of(const double[:, :] wide, const float[:, :] narrow, const index_t[::1] order) noexcept:
    """Take the values of one of two types, the other being of shape (0, 0); `order` of length 0: as they lie."""
    cdef Matrix matrix
    matrix.is_narrow = wide.shape[1] == 0
    if matrix.is_narrow:
        matrix.first = <const char *> &narrow[0, 0]
        matrix.row_stride, matrix.column_stride = narrow.strides[0], narrow.strides[1]
        matrix.n_rows, matrix.n_columns = narrow.shape[0], narrow.shape[1]
    else:
        matrix.first = <const char *> &wide[0, 0]
        matrix.row_stride, matrix.column_stride = wide.strides[0], wide.strides[1]
        matrix.n_rows, matrix.n_columns = wide.shape[0], wide.shape[1]
    matrix.order = NULL
    if order.shape[0] > 0:
        matrix.order = &order[0]
        matrix.n_rows = order.shape[0]
    return matrix


cdef inline const char *start_of(const Matrix *matrix, offset_t i) noexcept nogil:
    """Return where a row lies."""
    return matrix.first + (matrix.order[i] if matrix.order != NULL else i) * matrix.row_stride


cdef inline const double *row_of(const Matrix *matrix, offset_t i, double *room) noexcept nogil:
    """Return the values of a row, copied to `room` where they are not contiguous doubles; ask for the next one."""
    cdef const char *start = start_of(matrix, i)
    cdef const char *following
    cdef offset_t k
    if matrix.order != NULL and i + 1 < matrix.n_rows:
        following = start_of(matrix, i + 1)
        for k in range(AHEAD_LINES):
            prefetch(following + 64 * k)
    if matrix.is_narrow:
        for k in range(matrix.n_columns):
            room[k] = (<const float *> (start + k * matrix.column_stride))[0]
        return room
    if matrix.column_stride == sizeof(double):
        return <const double *> start
    for k in range(matrix.n_columns):
        room[k] = (<const double *> (start + k * matrix.column_stride))[0]
    return room

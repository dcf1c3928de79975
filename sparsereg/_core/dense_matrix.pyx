"""Dense matrices: rows into contiguous columns, products with a vector, and sparse columns that are made full."""
from cython cimport floating
from libc.string cimport memcpy, memset

from sparsereg._core.sparse_ops cimport dot_run, look_run
from sparsereg._core.types cimport index_t, offset_t

cdef enum:
    # Rows and columns of a tile: 8 KB, that both sides stay in the first cache while it is turned.
    TILE_ROWS = 64
    TILE_COLUMNS = 16


def transpose(
    const floating[:, :] rows, floating[:, ::1] columns, Py_ssize_t start, unsigned char[::1] filled
):
    """Read rows into contiguous columns, and look at their values.

    Arguments
    ---------
    rows : float32 or float64 (n_rows, n_columns), in any order of memory, in
    columns : the same type (n_columns, n_all_rows), its entries [start, start + n_rows) of each column, out
    start : where the rows belong
    filled : uint8 (n_columns,), 1 where a value is not 0, in-out

    Returns
    -------
    is_finite : bool

    Cost: one pass over the rows, in tiles that fit the first cache.
    """
    cdef Py_ssize_t n_rows = rows.shape[0], n_columns = rows.shape[1], i, j, row = 0, column, last_row, last_column
    cdef Py_ssize_t row_stride = rows.strides[0], column_stride = rows.strides[1]
    cdef const char *source = <const char *> &rows[0, 0]
    cdef const char *entry
    cdef floating *out
    cdef bint beyond = False
    with nogil:
        while row < n_rows:
            last_row = min(row + TILE_ROWS, n_rows)
            column = 0
            while column < n_columns:
                last_column = min(column + TILE_COLUMNS, n_columns)
                for j in range(column, last_column):
                    out = &columns[j, start + row]
                    entry = source + row * row_stride + j * column_stride
                    for i in range(last_row - row):
                        out[i] = (<const floating *> (entry + i * row_stride))[0]
                    beyond |= look_run(out, last_row - row, &filled[j])
                column = last_column
            row = last_row
    return not beyond


def look(const floating[:, ::1] columns, unsigned char[::1] filled):
    """Look at the values of contiguous columns, as `transpose` does.

    Arguments
    ---------
    columns : float32 or float64 (n_columns, n_rows), in
    filled : uint8 (n_columns,), 1 where a value is not 0, in-out

    Returns
    -------
    is_finite : bool

    Cost: one pass.
    """
    cdef bint beyond = False
    cdef Py_ssize_t j
    with nogil:
        for j in range(columns.shape[0]):
            beyond |= look_run(&columns[j, 0], columns.shape[1], &filled[j])
    return not beyond


def fill(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr, offset_t n_rows,
    floating[::1] out_data, index_t[::1] out_indices, const offset_t[::1] out_indptr
):
    """Copy compact columns, some of them with their zeros.

    Arguments
    ---------
    data, indices, indptr : compact columns (CSC), in
    n_rows : number of rows
    out_data, out_indices : (out_indptr[-1],), the columns, out
    out_indptr : int64 (n_columns + 1,), in: a column has as many entries as before, or `n_rows` of them

    Cost: one pass over both.
    """
    cdef Py_ssize_t j
    cdef offset_t k, n, to
    with nogil:
        for j in range(indptr.shape[0] - 1):
            n, to = indptr[j + 1] - indptr[j], out_indptr[j]
            if n == 0:
                continue
            if out_indptr[j + 1] - to == n:
                memcpy(&out_data[to], &data[indptr[j]], n * sizeof(floating))
                memcpy(&out_indices[to], &indices[indptr[j]], n * sizeof(index_t))
                continue
            memset(&out_data[to], 0, n_rows * sizeof(floating))
            for k in range(n_rows):
                out_indices[to + k] = <index_t> k
            for k in range(indptr[j], indptr[j + 1]):
                out_data[to + indices[k]] = data[k]


def decision(const floating[:, ::1] rows, const double[::1] w, double[::1] out):
    """Compute X @ w of dense rows.

    Arguments
    ---------
    rows : float32 or float64 (n_rows, n_columns), in
    w : float64 (n_columns,), in
    out : float64 (n_rows,), out; not finite where the row is not, even at a coefficient of 0

    Cost: one pass.
    """
    cdef Py_ssize_t i
    with nogil:
        for i in range(rows.shape[0]):
            out[i] = dot_run(&rows[i, 0], rows.shape[1], &w[0])

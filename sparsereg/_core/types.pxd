# The two index types that every kernel sees, whatever the caller's matrix used.
from libc.stdint cimport int32_t, int64_t

ctypedef int32_t index_t  # compact column id or row id
ctypedef int64_t offset_t  # position in `data`

# Only ingestion (compact) and prediction (coef_table) meet the caller's own index types.
ctypedef fused wide_id:  # a caller's column id
    int32_t
    int64_t

ctypedef fused wide_offset:  # a caller's position in `data`
    int32_t
    int64_t

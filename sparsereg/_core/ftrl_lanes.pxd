# FTRL with the elastic net on two coefficients at once, entries of a row or neighbours: see ftrl_lanes.h.
from libc.stdint cimport int64_t, uint64_t


cdef extern from "ftrl_lanes.h":
    enum:
        SPARSEREG_ONES, SPARSEREG_VALUES, SPARSEREG_DROPOUT
    ctypedef struct sparsereg_ftrl:
        double beta[2]
        double inverse[2]
        double t[2]
        double l1[2]
        double l2[2]
    ctypedef struct sparsereg_entries:
        int64_t n
        double **states
        const double *x
        const double *kept
    bint sparsereg_ftrl_step(double *state, double w, double g, double inverse, uint64_t noise) noexcept nogil
    void sparsereg_ftrl_predict_row(
        const sparsereg_ftrl *settings, const sparsereg_entries *row, int values, double *w, double *full, double *t
    ) noexcept nogil
    bint sparsereg_ftrl_step_row(
        const sparsereg_ftrl *settings, const sparsereg_entries *row, int values, uint64_t noise, const double *w,
        double slope, double *old
    ) noexcept nogil
    void sparsereg_ftrl_weights(
        const sparsereg_ftrl *settings, const sparsereg_entries *row, int64_t first, int n_lanes, int64_t stride,
        double *w, double *full, double *t
    ) noexcept nogil
    bint sparsereg_ftrl_steps(
        const sparsereg_ftrl *settings, const sparsereg_entries *row, int64_t first, int n_lanes, int64_t stride,
        uint64_t noise, const double *w, const double *slope, double *old
    ) noexcept nogil

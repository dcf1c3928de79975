"""Losses: names, parameters and the registry; the arithmetic is in losses.pxd."""
cimport cython


@cython.final
cdef class Squared:
    """Squared loss, (y - t)^2 / 2."""

    def __reduce__(self):
        return Squared, ()


LOSSES = {"squared": Squared}

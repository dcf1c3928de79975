"""Compiled kernels: they trust their caller and know nothing of the package above."""

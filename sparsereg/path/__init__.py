"""Regularisation paths: the grid of alphas, warm starts, the result."""

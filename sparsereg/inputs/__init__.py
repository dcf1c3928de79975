"""Checked input: matrices, targets, weights, settings. Knows no solver."""

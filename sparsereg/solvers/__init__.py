"""Solvers: a problem, an alpha and a warm start in; a certified point out."""

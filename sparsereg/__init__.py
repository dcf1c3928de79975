"""Regularised linear models for very wide sparse data."""

__version__ = "0.1.0"
__all__ = ["__version__"]

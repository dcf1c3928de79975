"""Regularised linear models for very wide sparse data."""

from sparsereg.crosses import FeatureCross, LatLongCross

__version__ = "0.1.0"
__all__ = ["FeatureCross", "LatLongCross", "__version__"]

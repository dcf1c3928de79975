"""Estimators: constructors, fit, predict, score. No arithmetic."""

"""Exports of fitted models: ONNX graphs, tables, JSON."""

from sparsereg.export.onnx import to_onnx

__all__ = ["to_onnx"]

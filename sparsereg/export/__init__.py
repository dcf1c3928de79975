"""Exports of fitted models: ONNX graphs, tables, JSON."""

"""Exports of fitted models: ONNX graphs, tables, JSON."""

from sparsereg.export.json_file import to_json
from sparsereg.export.onnx import to_onnx
from sparsereg.export.tables import to_parquet

__all__ = ["to_json", "to_onnx", "to_parquet"]

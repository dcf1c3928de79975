"""Transformers in model files."""

from __future__ import annotations

from sparsereg.model_files.values import Kind

TRANSFORMERS: tuple[Kind, ...] = ()

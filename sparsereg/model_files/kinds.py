"""Registry of everything that may travel in model files; each module gives the list of its own."""

from __future__ import annotations

from sparsereg.model_files.transformers import TRANSFORMERS
from sparsereg.model_files.values import Kind

KINDS: tuple[Kind, ...] = (*TRANSFORMERS,)

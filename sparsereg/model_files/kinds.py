"""Registry of everything that may travel in model files; each module gives the list of its own."""

from __future__ import annotations

from sparsereg.model_files.coefficients import COEFFICIENTS
from sparsereg.model_files.models import MODELS
from sparsereg.model_files.sklearn_composition import COMPOSITIONS
from sparsereg.model_files.sklearn_splitters import SPLITTERS
from sparsereg.model_files.sklearn_text import SKLEARN_TEXT
from sparsereg.model_files.sklearn_transformers import SKLEARN_TRANSFORMERS
from sparsereg.model_files.streams import STREAMS
from sparsereg.model_files.table_models import TABLE_MODELS
from sparsereg.model_files.transformers import TRANSFORMERS
from sparsereg.model_files.values import Kind

KINDS: tuple[Kind, ...] = (
    *COEFFICIENTS, *MODELS, *STREAMS, *TABLE_MODELS, *TRANSFORMERS, *SKLEARN_TRANSFORMERS, *SKLEARN_TEXT, *COMPOSITIONS,
    *SPLITTERS,
)

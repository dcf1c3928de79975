"""Compiled kernels: they trust their caller and know nothing of the package above."""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec(f"{__name__}.losses") is None:
    # Python started inside a checkout finds the sources first, and no compiled module beside them: those of the
    # installed copy serve. Without this, `pip install . && python -m sparsereg ...` would fail where it is typed.
    __path__ += [str(Path(folder, *__name__.split("."))) for folder in sys.path if folder]
    if find_spec(f"{__name__}.losses") is None:
        raise ImportError(f"the compiled modules of {__name__} are missing: run `pip install .` in the checkout")

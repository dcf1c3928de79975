"""Where the sources are, for tests that read them.

Beside the tests, unless these are a copy that is to test what was installed and nothing else; then the variable
`SPARSEREG_CHECKOUT` says where.
"""

import os
from pathlib import Path

ROOT = Path(os.environ.get("SPARSEREG_CHECKOUT") or Path(__file__).resolve().parents[2])
PACKAGE = ROOT / "sparsereg"

# Without sources there would be nothing to look at, and nothing would be found wrong.
if not (PACKAGE / "__init__.py").is_file():
    raise FileNotFoundError(f"{PACKAGE} holds no sources of sparsereg; SPARSEREG_CHECKOUT should name the checkout")

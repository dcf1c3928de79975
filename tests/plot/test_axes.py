"""matplotlib is imported late, and its absence explained."""

import subprocess
import sys

import numpy as np
import pytest

from sparsereg.plot import plot_weights


def test_without_matplotlib(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (path.plot, lambda: plot_weights({"w": np.ones(2)})):
        with pytest.raises(ImportError, match=r"pip install 'sparsereg-wide\[plot\]'"):
            draw()


def test_matplotlib_is_imported_late():
    code = "import sys, sparsereg, sparsereg.plot, sparsereg.cli.main; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0

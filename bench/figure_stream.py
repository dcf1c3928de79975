"""Learning curves of FTRL on a stream of lat/long crosses, at several alphas in one pass.

python bench/figure_stream.py OUT.png
"""

from __future__ import annotations

import sys

from stream_data import Stream, csr, n_columns

from sparsereg import Block, SGDClassifier
from sparsereg.plot import import_figure, plot_history

ALPHAS = (0.0, 3e-7, 3e-6, 3e-5)
ROWS = 2_000_000


def main(path):
    """Draw the curves into a file."""
    width = n_columns("latlong")
    blocks = [Block(csr(ids, width), y) for ids, y in Stream("latlong").blocks(ROWS)]
    model = SGDClassifier(alpha=ALPHAS).fit_stream(blocks, classes=[0, 1])
    figure = import_figure()(figsize=(8, 4), layout="constrained")
    plot_history({"": model.history_}, figure.add_subplot())
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main(sys.argv[1])

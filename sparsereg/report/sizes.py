"""How large a model is: in memory, in a file, compressed, and as dense weights would be."""

from __future__ import annotations

from sparsereg.model_files.api import COMPRESSIONS, model_size
from sparsereg.report.facts import Facts
from sparsereg.report.page import paragraph, table

FLOAT64 = 8  # bytes


def sizes(facts: Facts) -> str:
    """Make the section of sizes.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    html : str
    """
    subject = facts.subject
    try:
        plain, *packed = [model_size(subject.given, compress=kind) for kind in (None, *COMPRESSIONS)]
    except TypeError as error:
        return paragraph(f"The model cannot be saved as a file: {error}")
    n_fits = 1 if subject.path is None else subject.path.alphas.size
    dense = FLOAT64 * subject.n_features * facts.scorer.n_outputs * n_fits
    fits = "" if n_fits == 1 else f" of all {n_fits:,} fits"
    rows = [("in memory, what predictions are made of", f"{plain.memory:,}"), ("in a file", f"{plain.file:,}")]
    rows += [(f"in a file, weights as {kind}", f"{size.file:,}") for kind, size in zip(COMPRESSIONS, packed)]
    rows.append((f"weights{fits} with all their zeros, which are never made", f"{dense:,}"))
    ratio = dense / plain.file
    text = f"The file is {ratio:,.0f} times smaller than the weights{fits} with all their zeros would be."
    if ratio < 2.0:
        text = "So narrow a model takes little, with its zeros or without."
    return paragraph(text) + table("Bytes", ("what", "bytes"), rows)

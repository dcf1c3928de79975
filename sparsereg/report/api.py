"""Reports: a fitted model as one page of HTML, with tables, pictures and what to see in them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from sparsereg.archive import replace_file
from sparsereg.plot import import_figure
from sparsereg.report.facts import MEASURES, Facts, counted, number
from sparsereg.report.fitted import fitted
from sparsereg.report.judging import choose, judge, measure_rows, take_rows
from sparsereg.report.page import figure, page
from sparsereg.report.pictures import pictures
from sparsereg.report.quality import quality
from sparsereg.report.sizes import sizes
from sparsereg.report.subject import Subject
from sparsereg.report.weights import largest_weights


def write_report(model: Any, path: str | os.PathLike[str], *, data: Any = None) -> None:
    """Write what there is to know of a fitted model as one page of HTML, for a browser without network or scripts.

    Parameters
    ----------
    model : TableModel, fitted estimator, RegularizationPath or scikit-learn Pipeline
        Anything that `save_model` carries and that has weights; a Pipeline ends in one of these, and may be in a
        TransformedTargetRegressor. Names of columns are those of the table, of the steps before the model, or of the
        data frame that it was fitted to.
    path : str or path-like
        File to write. Whatever happens, it is there as a whole or as it was.
    data : (X, y) or (X, y, sample_weight), reader or other iterable of blocks, None, default=None
        Rows to judge the model by, as its `evaluate` or `evaluate_stream` takes them; of a Pipeline what goes into its
        first step. For a TableModel also a table, or the path of one (CSV, Parquet), with its target. None: the page
        has the measures that came with the model.

    Raises
    ------
    TypeError
        For what has no weights, as transformers, and for data of another kind.
    ValueError
        For a model that is not fitted (NotFittedError), for a path that no file can have, and for malformed data.
    ImportError
        Without matplotlib: ``pip install 'sparsereg-wide[plot]'``.
    OSError
        A folder that is missing, a disk that is full: the file that was there is untouched.

    Notes
    -----
    Of a path, the page is about the fit that is best on held-out rows, else on `data`, else by BIC, and of a
    cross-validated model about the one that it predicts with; it says which. Curves tell name, weight and alpha when
    pointed at. Whatever comes out of data is escaped, and what has no sign of its own, such as control characters, is
    spelled out. Files have about 0.3 to 1.5 MB; time is that of measuring `data`, and of drawing.
    """
    import_figure()
    facts = _facts(Subject.of(model), data)
    # Pictures come before the file: whatever fails, fails before anything is touched.
    html = _page(facts).encode()
    replace_file(path, lambda file: file.write(html))


def _facts(subject: Subject, data: Any) -> Facts:
    """Measure what there is to measure, and choose the fit that the report is about."""
    held_out = subject.held_out
    given = None if data is None else take_rows(subject, data)
    own, curve = (None, None) if given is None else measure_rows(subject, given)
    chosen = choose(subject, held_out, own)
    is_path = subject.path is subject.model
    rows = (
        judge(_title(held_out), held_out, held_out if is_path else None, chosen),
        judge("rows given to this report", own, curve, chosen),
    )
    return Facts.of(subject, chosen, [one for one in rows if one is not None], given)


def _title(held_out: Any) -> str:
    n_samples = None if held_out is None else held_out.get("n_samples")
    return "held-out rows" if n_samples is None else f"{counted(int(n_samples), 'held-out row')}"


def _page(facts: Facts) -> str:
    drawn = [figure(picture.title, picture.as_svg(), picture.reading) for picture in pictures(facts)]
    sections = [
        ("fitted", "What was fitted", fitted(facts)),
        ("quality", "How good it is", quality(facts)),
        ("weights", "The largest weights", largest_weights(facts)),
    ]
    if drawn:
        sections.append(("pictures", "Pictures", '<div class="pictures">\n' + "\n".join(drawn) + "\n</div>"))
    sections.append(("sizes", "How large it is", sizes(facts)))
    return page(facts.subject.title, _lead(facts), sections)


def _lead(facts: Facts) -> str:
    """Sum the page up in two sentences."""
    width = facts.subject.n_features * facts.scorer.n_outputs
    text = f"{facts.n_weights:,} of {counted(width, 'weight')} {'is' if facts.n_weights == 1 else 'are'} not zero."
    measures = [*((rows.title, rows.values) for rows in facts.judged), ("training rows", facts.training)]
    # What is listed last is what is easiest to read: a share.
    for name in reversed(facts.subject.loss.metrics):
        known = [f"{number(of[name])} on {title}" for title, of in measures if not np.isnan(of.get(name, np.nan))]
        if known:
            title = MEASURES[name]
            return f"{text} {title[0].upper()}{title[1:]}: {', '.join(known)}."
    return text

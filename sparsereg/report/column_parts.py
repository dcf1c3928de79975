"""Parts of the columns: what each transformer of a model makes, and how many weights it has."""

from __future__ import annotations

from typing import Any, NamedTuple

from sparsereg.estimators.table_model import TableModel
from sparsereg.features.buckets import BlockedColumns
from sparsereg.readers.table_columns import width_of
from sparsereg.report.subject import Subject


class Part(NamedTuple):
    """Neighbouring columns of a model that one thing makes.

    Attributes
    ----------
    name : str
    made_of : str
        Columns of the table.
    start, width : int
    maker : object
        A fitted transformer, None for numbers as they are.
    """

    name: str
    made_of: str
    start: int
    width: int
    maker: Any

    @property
    def blocks(self) -> list[Part]:
        """The blocks of a cross; the part itself, if it has none."""
        if not isinstance(self.maker, BlockedColumns):
            return [self]
        blocks = self.maker._blocks()
        return [Part(f"{self.name}: {name}", self.made_of, self.start + at, n, None) for name, at, n in blocks]


def column_parts(subject: Subject) -> list[Part]:
    """Say what makes the columns of a model, from the left to the right.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    parts : list of Part
        Empty where nothing is known.
    """
    if subject.table is not None:
        return _of_table(subject.table)
    if subject.pipeline is None:
        return []
    makers = [maker for _, maker in subject.pipeline.steps[:-1] if maker is not None and maker != "passthrough"]
    if len(makers) != 1:
        return []
    (maker,) = makers
    if hasattr(maker, "transformers_"):
        parts = []
        for label, inner, chosen in maker.transformers_:
            place = maker.output_indices_[label]
            if place.stop > place.start:
                inner = inner.steps[-1][1] if hasattr(inner, "steps") else inner
                parts.append(Part(label, _listed(maker, chosen), place.start, place.stop - place.start, inner))
        return parts
    return [Part(type(maker).__name__, "", 0, subject.n_features, maker)]


def _of_table(model: TableModel) -> list[Part]:
    """Go through what the columns of a table become; a transformer that does not say how wide it is ends the list."""
    parts, start, with_gaps = [], 0, model.missing == "indicator"
    for spec in model._parts:
        width = width_of(spec, with_gaps)
        if width is None:
            break
        name = "numbers" if spec.transformer is None else type(spec.transformer).__name__
        parts.append(Part(name, ", ".join(spec.used), start, width, spec.transformer))
        start += width
    return parts


def _listed(maker: Any, chosen: Any) -> str:
    """Name the columns of a data frame that a ColumnTransformer hands over."""
    names = getattr(maker, "feature_names_in_", None)
    if isinstance(chosen, slice):
        return ", ".join(names[chosen]) if names is not None and not isinstance(chosen.start, str) else ""
    chosen = [chosen] if isinstance(chosen, str) else [*chosen]
    if names is not None and not any(isinstance(column, str) for column in chosen):
        chosen = [*names[chosen]]
    return ", ".join(map(str, chosen))

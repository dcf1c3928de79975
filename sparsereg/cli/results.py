"""Results of the commands that fit: what was read, how good the fit is, its largest weights, and where it was saved."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sparsereg.cli.arguments import count
from sparsereg.cli.output import emit, facts, number, table
from sparsereg.cli.sources import Input
from sparsereg.cli.targets import check_place, file_name
from sparsereg.inputs.rows import OPEN_WIDTH
from sparsereg.metrics import GREATER_IS_BETTER

if TYPE_CHECKING:
    from sparsereg.coef import SparseCoef
    from sparsereg.reduction.reduced import Reduced

_NOT_MEASURES = ("alpha", "n_nonzero", "n_samples")


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Add what is shown of a fit, and where it goes.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--top", type=count(0), default=10, metavar="N", help="how many of the largest weights to print"
    )
    parser.add_argument("--save", type=file_name(".npz"), metavar="MODEL.npz", help="where to save the model")
    parser.add_argument(
        "--compress", choices=("float32", "float16"), help="what the saved weights are rounded to"
    )


def check_places(arguments: argparse.Namespace) -> None:
    """Check before the work that its files can be written, and replace none that it reads.

    Parameters
    ----------
    arguments : argparse.Namespace

    Raises
    ------
    ValueError, OSError
        As `check_place`.
    """
    read = [*arguments.data, *(getattr(arguments, "validation", None) or ())]
    written = [path for path in (arguments.save, getattr(arguments, "checkpoint", None)) if path is not None]
    for path in written:
        check_place(path, read)
    if len({os.path.realpath(path) for path in written}) < len(written):
        arguments.parser.error("argument --checkpoint: must be another file than --save")


def reading_facts(given: Input, reduced: Reduced) -> list[tuple[str, str]]:
    """Say what was read.

    Parameters
    ----------
    given : Input
    reduced : Reduced

    Returns
    -------
    facts : list of tuple of str and str
    """
    files = ", ".join(given.names)
    rows = f"{number(reduced.n_samples)}, {number(reduced.n_rows)} of them distinct"
    if reduced.held_out is not None:
        rows += f"; {number(reduced.held_out.n_samples)} more held out"
    occupied = reduced.entries.rows.active.size
    facts = [("Data", files), ("Rows", rows)]
    facts.append(("Columns", f"{number(occupied)} occupied{of_all(reduced.n_features)}"))
    if given.described:
        facts.append(("Features", given.described))
    if given.target is not None:
        facts.append(("Target", given.target + ("" if given.weight is None else f", weighted by {given.weight}")))
    if reduced.classes is not None:
        facts.append(("Classes", ", ".join(map(label_text, reduced.classes.tolist()))))
    return facts


def of_all(n_features: int) -> str:
    """Say of how many columns some are; nothing where there is no end of them.

    Parameters
    ----------
    n_features : int

    Returns
    -------
    text : str
    """
    return "" if n_features == OPEN_WIDTH else f" of {number(n_features)}"


def label_text(label: Any) -> str:
    """Write a label: whole numbers as such, whatever type files have them in.

    Parameters
    ----------
    label : object

    Returns
    -------
    text : str
    """
    return f"{label:g}" if isinstance(label, float) else str(label)


def reading_data(given: Input, reduced: Reduced) -> dict[str, Any]:
    """Say what was read, for programs.

    Parameters
    ----------
    given : Input
    reduced : Reduced

    Returns
    -------
    data : dict
    """
    return {
        "files": list(given.names), "format": given.kind, "target": given.target, "weight": given.weight,
        "n_samples": reduced.n_samples, "n_distinct": reduced.n_rows, "n_features": reduced.n_features,
        "n_occupied": int(reduced.entries.rows.active.size), "features": given.described or None,
        "classes": None if reduced.classes is None else reduced.classes.tolist(),
        "n_held_out": 0 if reduced.held_out is None else reduced.held_out.n_samples,
    }


def measures(train: Mapping[str, Any], held_out: Mapping[str, Any] | None) -> str:
    """Lay out how good a fit is on the rows that it was fitted to, and on others.

    Parameters
    ----------
    train : mapping from str to float
    held_out : mapping from str to float, or None

    Returns
    -------
    text : str
        The gap is by how much others fare worse.
    """
    names = [name for name in train if name not in _NOT_MEASURES]
    if held_out is None:
        return table(("measure", "training rows"), [(name, number(float(train[name]))) for name in names])
    rows = []
    for name in names:
        gap = float(train[name]) - float(held_out[name])
        gap = gap if name in GREATER_IS_BETTER else -gap
        rows.append((name, number(float(train[name])), number(float(held_out[name])), number(gap, 2)))
    return table(("measure", "training rows", "held out", "gap"), rows)


def largest(coef: SparseCoef, given: Input, n: int, classes: Sequence[Any] | None) -> list[dict[str, Any]]:
    """List the largest weights.

    Parameters
    ----------
    coef : SparseCoef
    given : Input
    n : int
        How many.
    classes : sequence or None
        Labels of the linear predictors, where there are several.

    Returns
    -------
    rows : list of dict
        With "name", "id", "weight", and "class" where there are several.
    """
    values = coef.values
    order = np.argsort(-np.abs(values.data), kind="stable")[:n]
    ids = coef.ids[values.indices[order]]
    names = [str(one) for one in ids] if given.features is None else given.reader.feature_name(ids).tolist()
    output = np.repeat(np.arange(coef.n_columns), np.diff(values.indptr))[order]
    rows = []
    for k, (name, weight) in enumerate(zip(names, values.data[order].tolist())):
        row = {"name": name, "id": int(ids[k]), "weight": weight}
        rows.append(row if classes is None else {**row, "class": classes[output[k]]})
    return rows


def weights_table(rows: list[dict[str, Any]], n_nonzero: int) -> str:
    """Lay out the largest weights.

    Parameters
    ----------
    rows : list of dict
        As `largest` gives them.
    n_nonzero : int
        How many columns have a weight.

    Returns
    -------
    text : str
    """
    if not rows:
        return f"{number(n_nonzero)} columns have a weight."
    has_class = "class" in rows[0]
    title = "id, from 0" if rows[0]["name"] == str(rows[0]["id"]) else f"largest of {number(n_nonzero)}"
    header = (title, *(("class",) if has_class else ()), "weight")
    cells = [(one["name"], *((label_text(one["class"]),) if has_class else ()), number(one["weight"])) for one in rows]
    return table(header, cells)


def save(
    arguments: argparse.Namespace, given: Input, model: Any, n_samples: int | None, held_out: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Save a model, with what makes its columns where it is one of a table.

    Parameters
    ----------
    arguments : argparse.Namespace
    given : Input
    model : fitted estimator or RegularizationPath
    n_samples : int or None
    held_out : mapping or None
        Measures of rows held out, and "n_samples".

    Returns
    -------
    saved : dict or None
        Path and bytes; None where nothing was to be saved.
    """
    if arguments.save is None:
        return None
    from sparsereg.estimators.table_model import TableModel
    from sparsereg.model_files.api import save_model

    if given.features is not None:
        model = TableModel(
            model, given.features, target=given.target, weight=given.weight, missing=given.missing, sources=given.names,
            n_samples=n_samples, held_out=held_out,
        )
    save_model(model, arguments.save, compress=arguments.compress)
    return {"path": arguments.save, "bytes": os.path.getsize(arguments.save)}


def saved_line(saved: Mapping[str, Any] | None) -> str:
    """Say where a model is.

    Parameters
    ----------
    saved : mapping or None
        As `save` returns it.

    Returns
    -------
    line : str
    """
    if saved is None:
        return "Not saved; --save MODEL.npz keeps the model."
    return f"Saved to {saved['path']}, {number(saved['bytes'])} bytes."


def report_fit(
    arguments: argparse.Namespace, given: Input, reduced: Any, model: Any, what: dict[str, str],
    parts: tuple[str, ...] = (), further: dict[str, Any] | None = None,
) -> None:
    """Save a fitted model, and print all that there is to say of it.

    Parameters
    ----------
    arguments : argparse.Namespace
    given : Input
    reduced : Reduced
    model : fitted estimator
    what : dict of str
        Further facts for people.
    parts : tuple of str
        Further parts of the text.
    further : dict or None
        Further data for programs.
    """
    train, held_out = model.evaluate(reduced), None
    if reduced.held_out is not None:
        held_out = {**model.evaluate(reduced.held_out), "n_samples": reduced.held_out.n_samples}
    saved = save(arguments, given, model, reduced.n_samples, held_out)
    classes = None if model._coef.n_columns == 1 else model.classes_.tolist()
    rows, n_nonzero = largest(model._coef, given, arguments.top, classes), int(train["n_nonzero"])
    text = [
        facts([*reading_facts(given, reduced), *what.items(), ("Certified", _certificate(model))]), *parts,
        measures(train, held_out), weights_table(rows, n_nonzero), saved_line(saved),
    ]
    data = {
        "command": arguments.command, "data": reading_data(given, reduced), "model": type(model).__name__,
        "alpha": float(model.alpha_ if hasattr(model, "alpha_") else model.alpha),
        "n_nonzero": n_nonzero, "intercept": model.intercept_, "dual_gap": model.dual_gap_,
        "objective": model.objective_, "train": train, "held_out": held_out, "largest": rows, "saved": saved,
        **(further or {}),
    }
    emit(arguments, "\n\n".join(text), data)


def _certificate(model: Any) -> str:
    """Say how far a fit can be from the best."""
    if model.dual_gap_ == model.dual_gap_:
        gap = f"{model.dual_gap_:.0e}" if model.dual_gap_ > 0.0 else "0"
        return f"at most {gap} above the least objective, relative to the model without features"
    return f"no coefficient alone can be better than by {model.violation_:.0e} (the penalty is not convex)"

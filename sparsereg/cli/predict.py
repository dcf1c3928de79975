"""``sparsereg predict``: predictions of a saved model for new rows, block by block."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, TextIO

import numpy as np

from sparsereg.archive import replace_file
from sparsereg.cli.arguments import nonnegative
from sparsereg.cli.output import add_output_options, emit
from sparsereg.cli.rows import add_data_options, read_rows
from sparsereg.cli.saved import Saved, load_saved
from sparsereg.cli.targets import check_place, file_name
from sparsereg.estimators.table_model import TableModel
from sparsereg.path.result import RegularizationPath
from sparsereg.readers.blocks import overlapped

NAME = "predict"
HELP = "predict new rows with a saved model"
DESCRIPTION = """\
Predict rows of a table, or of svmlight or npz files, with what fit, path, cv
or stream has saved, or save_model of Python. Rows are read block by block, and
predictions written as they come, in the order of the rows."""
EXAMPLES = (
    "sparsereg predict houses.npz houses-new.csv",
    "sparsereg predict houses.npz houses-new.csv --keep latitude longitude -o predictions.csv",
)

ENDINGS = (".csv", ".parquet", ".npz")
STDOUT = "-"
PREDICTION = "prediction"

Columns = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument("model", metavar="MODEL", help="file of the model")
    parser.add_argument(
        "data", metavar="DATA", nargs="+", help="files, folders or patterns: .csv (or packed), .parquet, .svm, .npz"
    )
    parser.add_argument(
        "-o", "--output", type=_output, metavar="FILE", default=STDOUT,
        help=f"where predictions go, {', '.join(ENDINGS)}; {STDOUT} is the standard output, as CSV",
    )
    parser.add_argument("--proba", action="store_true", help="the probability of each class in place of labels")
    parser.add_argument("--alpha", type=nonnegative, metavar="A", help="which fit of a path")
    parser.add_argument(
        "--keep", nargs="+", metavar="COLUMN", default=[], help="columns of the table to write in front of predictions"
    )
    add_data_options(parser)
    add_output_options(parser)


def _output(text: str) -> str:
    return text if text == STDOUT else file_name(*ENDINGS)(text)


def run(arguments: argparse.Namespace) -> int:
    """Predict.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    to_file = arguments.output != STDOUT
    if to_file:
        check_place(arguments.output, [arguments.model, *arguments.data])
    saved = load_saved(arguments.model)
    predict = predictor(saved, arguments.proba, arguments.alpha)
    columns = _predicted(saved, arguments, predict)
    if to_file:
        ending = next(ending for ending in ENDINGS if arguments.output.lower().endswith(ending))
        n_rows = replace_file(arguments.output, lambda file: WRITERS[ending](file, columns))
        emit(arguments, f"{n_rows:,} rows: {arguments.output}", {"output": arguments.output, "n_rows": n_rows})
    elif arguments.json:
        gathered = _gathered(columns)
        emit(arguments, "", {"n_rows": _n_rows(gathered), **gathered})
    else:
        _write_lines(sys.stdout, columns)
    return 0


def predictor(saved: Saved, proba: bool, alpha: float | None) -> Callable[[Any], Columns]:
    """Choose what predicts a block.

    Parameters
    ----------
    saved : Saved
    proba : bool
        Probabilities of classes are wanted, not labels.
    alpha : float or None
        Of a path.

    Returns
    -------
    predict : callable
        From a matrix, or a frame for what is composed, to columns of predictions by name.

    Raises
    ------
    ValueError
        For a path without alpha and the like, and for probabilities of what has none.
    """
    if isinstance(saved.model, RegularizationPath) or alpha is not None:
        return _of_path(saved, proba, alpha)
    model = saved.model if isinstance(saved.whole, TableModel) else saved.whole
    if not proba:
        return lambda X: {PREDICTION: model.predict(X)}
    if not hasattr(model, "predict_proba"):
        raise _no_probabilities(saved)
    names = _class_names(model.classes_)
    return lambda X: dict(zip(names, model.predict_proba(X).T))


def _of_path(saved: Saved, proba: bool, alpha: float | None) -> Callable[[Any], Columns]:
    path, alpha = saved.path_at(alpha)
    if saved.is_composed or "calibration_" in vars(saved.model):
        raise ValueError(f"--alpha: {saved.file} predicts with the alpha that was chosen, and no other")
    if not proba:
        method = path.predict_classes if hasattr(path, "labels") else path.predict
        return lambda X: {PREDICTION: method(X, alpha)}
    if not path.gives_probabilities:
        raise _no_probabilities(saved)
    names = _class_names(path.labels)

    def shares(X: Any) -> Columns:
        found = path.predict(X, alpha)
        return dict(zip(names, found.T if path.n_outputs > 1 else (1.0 - found, found)))

    return shares


def _no_probabilities(saved: Saved) -> ValueError:
    kind = type(saved.model).__name__
    if isinstance(saved.model, RegularizationPath):
        kind = f"path of {saved.model.loss} loss"
    return ValueError(f"--proba: {saved.file} holds a {kind}, which has no probabilities")


def _class_names(classes: Any) -> list[str]:
    return [f"probability_{as_text(label)}" for label in plain_labels(classes)]


def plain_labels(values: Any) -> list[Any]:
    """Return labels, whole numbers without a point where all are whole: files of text do not tell 1 from 1.0.

    Parameters
    ----------
    values : array-like of shape (n,)

    Returns
    -------
    labels : list
    """
    values = np.asarray(values)
    if values.dtype.kind == "f" and np.array_equal(values, np.rint(values)):
        values = values.astype(np.int64)
    return values.tolist()


def _predicted(saved: Saved, arguments: argparse.Namespace, predict: Callable[[Any], Columns]) -> Iterator[Columns]:
    """Yield columns to write, block by block: lists, and columns of Arrow, whose types are those of the table."""
    names_classes = hasattr(saved.model, "classes_") or hasattr(saved.path, "labels")
    for rows in overlapped(read_rows(saved, arguments, [*dict.fromkeys(arguments.keep)])):
        found = predict(rows.X)
        if names_classes and PREDICTION in found:
            found = {PREDICTION: plain_labels(found[PREDICTION])}
        if clash := sorted({*found} & {*rows.beside}):
            raise ValueError(f"--keep: the column {clash[0]!r} is not allowed, predictions are called so")
        yield {**rows.beside, **{name: np.asarray(values).tolist() for name, values in found.items()}}


def as_text(value: Any) -> str:
    """Write a value into a field: nothing for what is missing, true and false as readers take them.

    Parameters
    ----------
    value : object

    Returns
    -------
    text : str
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(values: Any) -> list[Any]:
    """Return a column of Arrow as a list; predictions are one."""
    return values if isinstance(values, list) else values.to_pylist()


def _write_lines(file: TextIO, blocks: Iterable[Columns]) -> int:
    writer, n_rows = csv.writer(file, lineterminator="\n"), 0
    for block in blocks:
        if n_rows == 0:
            writer.writerow(block)
        writer.writerows(zip(*([*map(as_text, _listed(values))] for values in block.values())))
        n_rows += _n_rows(block)
    return n_rows


def _write_csv(file: BinaryIO, blocks: Iterable[Columns]) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        return _write_lines(text, blocks)
    finally:
        # Whoever opened the file closes it.
        text.detach()


def _write_parquet(file: BinaryIO, blocks: Iterable[Columns]) -> int:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install 'sparsereg-wide[io]'") from None
    writer, n_rows = None, 0
    try:
        for block in blocks:
            table = pa.table(block) if writer is None else pa.table(block, schema=writer.schema)
            writer = parquet.ParquetWriter(file, table.schema) if writer is None else writer
            writer.write_table(table)
            n_rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return n_rows


def _write_npz(file: BinaryIO, blocks: Iterable[Columns]) -> int:
    columns = _gathered(blocks)
    texts = {name: values for name, values in columns.items() if not _are_numbers(values)}
    np.savez(file, **columns | {name: np.array([*map(as_text, values)]) for name, values in texts.items()})
    return _n_rows(columns)


def _are_numbers(values: list[Any]) -> bool:
    return np.asarray(values).dtype.kind in "biuf"


def _gathered(blocks: Iterable[Columns]) -> Columns:
    columns: Columns = {}
    for block in blocks:
        for name, values in block.items():
            columns.setdefault(name, []).extend(_listed(values))
    return columns


def _n_rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


WRITERS: dict[str, Callable[[BinaryIO, Iterable[Columns]], int]] = {
    ".csv": _write_csv, ".parquet": _write_parquet, ".npz": _write_npz,
}

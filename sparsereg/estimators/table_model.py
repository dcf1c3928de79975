"""Table models: a fitted model and what makes its columns of the columns of a table, as one thing that predicts."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.estimators.base import SparseLinearModel
from sparsereg.inputs.parameters import check_count
from sparsereg.inputs.rows import shown
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.path.frames import coefficient_frame
from sparsereg.path.result import RegularizationPath
from sparsereg.readers.arrow import ArrowReader
from sparsereg.readers.compression import unpacked_name
from sparsereg.readers.files import as_sources
from sparsereg.readers.table_columns import ColumnSpec, as_parts, cell_bounds, check_name, feature_names, width_of
from sparsereg.readers.table_reader import TableReader, check_missing
from sparsereg.readers.tables import CsvReader, ParquetReader

__all__ = ["TableModel"]

# By the end of a file's name, what packs it left out.
READERS: dict[str, type[TableReader]] = {".csv": CsvReader, ".parquet": ParquetReader}


class TableModel:
    """A fitted model of a table: it takes data frames and files, and makes the columns of the model of theirs.

    What `sparsereg fit` and its like save: numbers beside crosses, categories and latitude with longitude, in one file,
    so that whoever predicts needs to know nothing of how the columns were made.

    Parameters
    ----------
    model : fitted estimator, cross-validated or streaming estimator, or RegularizationPath
        Of this package, fitted to what `features` make.
    features : transformer, or list of column names and pairs (transformer, column names)
        What the columns of the model are made of, side by side in this order, as `CsvReader` takes it; transformers are
        fitted.
    target : str or None, default=None
        Column of the target; only `evaluate` needs it.
    weight : str or None, default=None
        Column of the sample weights; only `evaluate` looks at it.
    missing : "error", "indicator" or float, default="error"
        What stands where a column of numbers has none, as for `CsvReader`.
    sources : sequence of str, default=()
        Names of the files that it was fitted to, for those who look at it later.
    n_samples : int or None, default=None
        Rows that it was fitted to.
    held_out : dict or None, default=None
        Measures of rows that were held out, as `evaluate` of the model gives them (of a path arrays of shape
        (n_alphas,)), and "n_samples", how many these were.

    Raises
    ------
    TypeError
        For another model, features or measures.
    ValueError
        For a model that is not fitted, or has another number of columns than `features` make; for a target among the
        columns of `features`; for other words or numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from sparsereg import ArrowReader, FeatureCross, Lasso, TableModel
    >>> sales = pd.DataFrame({"city": ["Oslo", "Bergen", "Oslo"], "rooms": [2, 3, 4], "price": [5.0, 4.0, 9.0]})
    >>> features = [(FeatureCross(["city"]).fit(sales[["city"]]), ["city"]), "rooms"]
    >>> (block,) = ArrowReader(sales, target="price", features=features)
    >>> model = TableModel(Lasso(alpha=0.1).fit(block.X, block.y), features, target="price")
    >>> model.predict(sales).round(1).tolist()
    [5.2, 4.3, 8.5]
    """

    def __init__(
        self, model: Any, features: Any, *, target: str | None = None, weight: str | None = None,
        missing: str | float = "error", sources: Iterable[str] = (), n_samples: int | None = None,
        held_out: Mapping[str, Any] | None = None,
    ) -> None:
        _check_model(model)
        parts = as_parts(features)
        target = None if target is None else check_name(target, "target")
        weight = None if weight is None else check_name(weight, "weight")
        if any(target in part.used for part in parts):
            raise ValueError(f"features: {target!r} is not allowed, it is the target, which is not known of new rows")
        missing = check_missing(missing)
        _check_width(parts, missing, _width(model))
        sources = _check_sources(sources)
        n_samples = None if n_samples is None else check_count(n_samples, "n_samples")
        held_out = _check_held_out(held_out)
        self.model = model
        # Columns come as lists of many kinds, an Index of pandas among them.
        self.features = features if hasattr(features, "transform") else [*map(_plain_entry, features)]
        self.target = target
        self.weight = weight
        self.missing = missing
        self.sources = sources
        self.n_samples = n_samples
        self.held_out = held_out
        self._parts = parts

    def __repr__(self) -> str:
        """Name the model and the columns of the table that it looks at."""
        target = "" if self.target is None else f", target={self.target!r}"
        return f"TableModel({self.model!r}, columns={self.columns!r}{target})"

    @property
    def columns(self) -> list[str]:
        """The columns of a table that predictions are made of, each once; empty where a transformer takes all."""
        return [*dict.fromkeys(name for part in self._parts for name in part.columns)]

    @property
    def n_features(self) -> int:
        """Number of columns of the model, empty ones included."""
        return _width(self.model)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Labels of a classifier, (n_classes,)."""
        if isinstance(self.model, RegularizationPath):
            return self.model.labels
        return self.model.classes_

    def reader(self, source: Any, **options: Any) -> TableReader:
        """Return a reader that makes blocks for the model, with target and weights where the model names them.

        Parameters
        ----------
        source : path, list of paths, or table
            Paths, folders and patterns of files as `CsvReader` and `ParquetReader` take them, told apart by their ends:
            .csv, plain or packed (.csv.gz, .csv.bz2, .csv.xz, .csv.zst), and .parquet. Anything else goes to
            `ArrowReader`: data frames of pandas and polars, tables and record batches of Arrow, datasets.
        **options
            Of that reader: `block_rows`, `types`, `delimiter` and so on.

        Returns
        -------
        reader : TableReader
            For `predict_stream`, `evaluate_stream` and whatever else takes blocks.

        Raises
        ------
        ImportError
            Without pyarrow.
        ValueError
            For a file of another kind.
        """
        return _reader_class(source)(
            source, target=self.target, features=self.features, weight=self.weight, missing=self.missing, **options
        )

    def transform(self, table: Any) -> sparse.csr_matrix:
        """Make the columns of the model.

        Parameters
        ----------
        table : DataFrame of pandas or polars, pyarrow.Table, or whatever else `reader` takes
            Other columns than those of `features` are not looked at.

        Returns
        -------
        X : csr_matrix of shape (n_samples, n_features)
        """
        blocks = [block.X for block in self.reader(table)._with_features_alone()]
        return blocks[0] if len(blocks) == 1 else sparse.vstack(blocks, format="csr")

    def predict(self, table: Any, alpha: float | None = None) -> npt.NDArray[Any]:
        """Predict every row of a table, as the model predicts.

        Parameters
        ----------
        table : DataFrame of pandas or polars, pyarrow.Table, or whatever else `reader` takes
        alpha : float or None, default=None
            Of a path: one of its alphas, or between two of them; None: all of them, in a column each.

        Returns
        -------
        predictions : ndarray of shape (n_samples,), or (n_samples, n_alphas) for all alphas of a path

        Raises
        ------
        ValueError, TypeError
            For tables that lack columns, which are named beside those that are there, and for what is in them.
        """
        return self._of_table(table, "predict", alpha)

    @property
    def predict_proba(self) -> Any:
        """Compute the probability of every class: ``predict_proba(table, alpha=None)``.

        Where the model has probabilities; of a path of logistic loss at an alpha too. Returns an ndarray of float64 of
        shape (n_samples, n_classes), in the order of the classes.
        """
        model = self.model
        if isinstance(model, RegularizationPath) and model.gives_probabilities:
            return self._path_proba
        if not hasattr(model, "predict_proba"):
            raise AttributeError(f"a TableModel of {type(model).__name__} has no predict_proba here")
        return lambda table, alpha=None: self._of_table(table, "predict_proba", alpha)

    def predict_stream(
        self, source: Any, method: str = "predict", *, alpha: float | None = None
    ) -> Generator[npt.NDArray[Any], None, None]:
        """Predict rows that come in blocks, read ahead in a thread; memory holds a few blocks.

        Parameters
        ----------
        source : reader that `reader` made, or iterable of blocks
            Targets and weights are not read, and files may lack them.
        method : str, default="predict"
            Of the model: also "predict_proba", "predict_log_proba", "decision_function"; of a path "predict_classes".
        alpha : float or None, default=None
            Of a path, as in `predict`.

        Returns
        -------
        predictions : generator of ndarray
            What the method returns of each block.
        """
        if isinstance(self.model, RegularizationPath):
            return self.model.predict_stream(source, method, alpha=alpha)
        if alpha is not None:
            raise ValueError(f"alpha: {alpha!r} is not allowed with {type(self.model).__name__}; only a path needs one")
        return self.model.predict_stream(source, method)

    def evaluate(self, table: Any) -> dict[str, Any]:
        """Judge the model on a table with a target.

        Parameters
        ----------
        table : DataFrame of pandas or polars, pyarrow.Table, or whatever else `reader` takes
            With the columns of `features`, the target, and the weight where there is one.

        Returns
        -------
        values : dict
            As `evaluate` of the model: of a path arrays of shape (n_alphas,).

        Raises
        ------
        ValueError, TypeError
            Where the model knows no target, and for malformed tables.
        """
        return self.model.evaluate_stream(self.reader(table))

    def feature_name(self, ids: npt.ArrayLike) -> npt.NDArray[np.object_]:
        """Return a readable name for each given column of the model.

        Parameters
        ----------
        ids : array-like of int, any shape

        Returns
        -------
        names : object array of str, same shape
            As those of the reader.

        Raises
        ------
        ValueError
            For ids that are not integers or out of range.
        """
        return feature_names(self._parts, ids, self.missing == "indicator")

    def cell_bounds(self, ids: npt.ArrayLike) -> npt.NDArray[np.void]:
        """Return the cells that given columns of the model stand for.

        Parameters
        ----------
        ids : array-like of int of shape (n_ids,)

        Returns
        -------
        bounds : structured ndarray of shape (n_ids,)
            Fields south, west, north and east, in degrees; NaN for columns that are no cells.
        """
        return cell_bounds(self._parts, ids, self.missing == "indicator")

    @property
    def has_cells(self) -> bool:
        """Whether some columns of the model stand for cells of latitude and longitude."""
        return any(part.has_cells for part in self._parts)

    def to_frame(self, alpha: float | None = None) -> Any:
        """Return a pandas data frame with a row for each coefficient that is not zero, the largest in front.

        Parameters
        ----------
        alpha : float or None, default=None
            Of a path: the alpha whose coefficients are wanted; None: a row for each alpha, as `to_frame` of the path.

        Returns
        -------
        frame : pandas.DataFrame
            Columns "id", "name", "class" beyond two classes, "weight", and where a part of the columns are cells
            "south", "west", "north" and "east"; ``frame.attrs["intercept"]`` is the intercept.
        """
        model = self.model
        if isinstance(model, RegularizationPath):
            if alpha is None:
                return model.to_frame()
            coef, intercept = model.at(alpha)
            return coefficient_frame(coef, np.atleast_1d(intercept), self, model._labels)
        if alpha is not None:
            raise ValueError(f"alpha: {alpha!r} is not allowed with {type(model).__name__}; only a path needs one")
        return model.to_frame(self)

    def _of_table(self, table: Any, method: str, alpha: float | None) -> npt.NDArray[Any]:
        with closing(self.predict_stream(self.reader(table), method, alpha=alpha)) as blocks:
            return np.concatenate([*blocks])

    def _path_proba(self, table: Any, alpha: float | None = None) -> npt.NDArray[np.float64]:
        found = self._of_table(table, "predict", alpha)
        return found if self.model.n_outputs > 1 else np.stack([1.0 - found, found], axis=-1)


def _check_model(model: Any) -> None:
    if isinstance(model, RegularizationPath):
        return
    if not isinstance(model, SparseLinearModel):
        raise TypeError(
            f"model: an object of type {type(model).__name__} is not allowed, expected a fitted estimator of sparsereg "
            "or a RegularizationPath"
        )
    check_is_fitted(model)


def _plain_entry(entry: Any) -> Any:
    return entry if isinstance(entry, str) else (entry[0], [*entry[1]])


def _width(model: Any) -> int:
    return int(model.n_features if isinstance(model, RegularizationPath) else model.n_features_in_)


def _check_width(parts: list[ColumnSpec], missing: str | float, n_features: int) -> None:
    widths = [width_of(part, missing == "indicator") for part in parts]
    # Some transformers of scikit-learn do not say; predictions are refused where they give another number.
    known = [width for width in widths if width is not None]
    if sum(known) != n_features and len(known) == len(widths):
        raise ValueError(f"features: they make {sum(known)} columns, expected {n_features}, those of the model")


def _check_sources(sources: Any) -> tuple[str, ...]:
    if isinstance(sources, str) or not isinstance(sources, Iterable):
        raise TypeError(f"sources: {shown(sources)} is not allowed, expected names of files")
    listed = tuple(sources)
    strange = [name for name in listed if not isinstance(name, str)]
    if strange:
        raise TypeError(f"sources: {shown(strange[0])} is not allowed, expected names of files")
    return listed


def _check_held_out(measures: Any) -> dict[str, Any] | None:
    """Return measures as plain numbers and arrays of float64."""
    if measures is None:
        return None
    if not isinstance(measures, Mapping) or "n_samples" not in measures:
        raise TypeError(f"held_out: {shown(measures)} is not allowed, expected measures by name, with n_samples")
    checked: dict[str, Any] = {}
    for name, value in measures.items():
        array = np.asarray(value)
        if not isinstance(name, str) or array.ndim > 1 or array.dtype.kind not in "iuf":
            raise TypeError(f"held_out: {shown(value)} is not allowed as {shown(name)}, expected numbers by name")
        checked[name] = array.astype(np.float64) if array.ndim else float(array)
    checked["n_samples"] = check_count(measures["n_samples"], "held_out['n_samples']")
    return checked


def _reader_class(source: Any) -> type[TableReader]:
    """Choose the reader of files by the end of the first one's name; all else speaks Arrow."""
    first = source[0] if isinstance(source, (list, tuple)) and source else source
    if not isinstance(first, str) and not hasattr(first, "__fspath__"):
        return ArrowReader
    name = as_sources(source)[0].name
    for ending, reader in READERS.items():
        if unpacked_name(name).endswith(ending):
            return reader
    raise ValueError(f"source: {name!r} is not allowed, expected the name of a file that ends in .csv or .parquet")

"""Arrow tables -> numbers, labels and features; what is wrong with one is said with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sparsereg._core import compact
from sparsereg.features.buckets import BlockedColumns, index_dtype
from sparsereg.readers.blocks import located
from sparsereg.readers.table_columns import ColumnSpec

Vector = NDArray[np.float64]

# From here on not every whole number is a float64.
EXACT = 2**53


@dataclass(frozen=True, eq=False)
class TableRows:
    """Rows of a file.

    Attributes
    ----------
    name : str
        Of the file.
    first : int
        Number of the first row.
    table : pyarrow.Table
    no_number : collection of str or None
        The file is text: words that mean that there is no number. None: it has types, and text is not numbers.
    """

    name: str
    first: int
    table: Any
    no_number: Collection[str] | None = None

    def place(self, marked: NDArray[np.bool_]) -> str:
        """Say where the first of some rows is.

        Parameters
        ----------
        marked : ndarray of bool of shape (n_rows,)

        Returns
        -------
        place : str
        """
        return f"{self.name}, row {self.first + int(np.argmax(marked))}"

    def is_text(self, column: str) -> bool:
        """Say whether a column holds text.

        Parameters
        ----------
        column : str

        Returns
        -------
        is_text : bool
        """
        return str(self._values(column).type) in ("string", "large_string")

    def numbers(self, column: str, fill: float | None = None) -> Vector:
        """Return a column of finite numbers.

        Parameters
        ----------
        column : str
        fill : float or None, default=None
            Stands where there is no number, or NaN. None: there must be no gaps.

        Returns
        -------
        numbers : ndarray of float64 of shape (n_rows,)

        Raises
        ------
        ValueError
            With the row, for gaps, infinities and words.
        """
        values = self._numeric(column)
        if fill is None and values.null_count:
            raise ValueError(self._gap(values, column, "a number"))
        numbers = values.cast("float64", safe=False).to_numpy()
        if fill is not None:
            numbers = np.where(np.isnan(numbers), fill, numbers)
        infinite = ~np.isfinite(numbers)
        if infinite.any():
            found = numbers[infinite][0]
            raise ValueError(f"{self.place(infinite)}: column {column!r} has {found}, expected a finite number")
        return numbers

    def gaps(self, column: str) -> NDArray[np.bool_]:
        """Say where a column has no number.

        Parameters
        ----------
        column : str

        Returns
        -------
        gaps : ndarray of bool of shape (n_rows,)
        """
        return np.isnan(self._numeric(column).cast("float64", safe=False).to_numpy())

    def encoded(self, column: str) -> tuple[NDArray[np.intp], list[Any]]:
        """Return a column without gaps as positions in a list of its distinct values.

        Parameters
        ----------
        column : str

        Returns
        -------
        position : ndarray of intp of shape (n_rows,)
        distinct : list of str, bool, int, float or whatever else is in the column

        Raises
        ------
        ValueError
            With the row, for gaps.
        """
        values = self._values(column)
        if values.null_count:
            raise ValueError(self._gap(values, column, "a label"))
        coded = values.combine_chunks().dictionary_encode()
        return coded.indices.to_numpy().astype(np.intp), coded.dictionary.to_pylist()

    def features(self, parts: Iterable[ColumnSpec], missing: str | float) -> sparse.csr_matrix:
        """Return what the parts make, side by side.

        Parameters
        ----------
        parts : iterable of ColumnSpec
        missing : "error", "indicator" or float
            What stands where a column of numbers has none.

        Returns
        -------
        X : csr_matrix
        """
        parts = [*parts]
        made = [self._plain(part, missing) if part.transformer is None else self._transformed(part) for part in parts]
        if len(made) == 1:
            return sparse.csr_matrix(made[0])
        # What others make may be malformed.
        if all(part.transformer is None or isinstance(part.transformer, BlockedColumns) for part in parts):
            return side_by_side(made)
        return sparse.csr_matrix(sparse.hstack(made, format="csr"))

    def _plain(self, part: ColumnSpec, missing: str | float) -> sparse.csr_matrix:
        columns: list[NDArray[Any]] = []
        for name in part.columns:
            if missing == "indicator":
                columns += [self.numbers(name, 0.0), self.gaps(name)]
            else:
                columns.append(self.numbers(name, None if isinstance(missing, str) else missing))
        return sparse.csr_matrix(np.column_stack(columns))

    def _transformed(self, part: ColumnSpec) -> Any:
        with located(f"{self.name}, in the block from row {self.first} on"):
            made = part.transformer.transform(self._given_to(part))
        return made if sparse.issparse(made) else sparse.csr_matrix(np.asarray(made))

    def _given_to(self, part: ColumnSpec) -> Any:
        """Return the columns of a part in the form that its transformer takes."""
        if part.takes_tables:
            return self.table.select(part.columns)
        columns = _Columns(part.columns, [_as_array(self._values(name)) for name in part.columns])
        return columns if hasattr(part.transformer, "feature_names_in_") else np.asarray(columns)

    def _gap(self, values: Any, column: str, expected: str) -> str:
        return f"{self.place(values.is_null().to_numpy())}: column {column!r} has no value, expected {expected}"

    def _values(self, column: str) -> Any:
        """Return a column; text that is held in views, or as positions in a dictionary, is plain text."""
        import pyarrow as pa

        values = self.table.column(column)
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        return values.cast(pa.large_string()) if str(values.type) == "string_view" else values

    def _numeric(self, column: str) -> Any:
        """Return a column of numbers, some of which may be missing."""
        import pyarrow as pa

        kinds, values = pa.types, self.table.column(column)
        numeric = (kinds.is_integer, kinds.is_floating, kinds.is_decimal, kinds.is_boolean, kinds.is_null)
        if any(is_kind(values.type) for is_kind in numeric):
            return values
        if self.no_number is None or not self.is_text(column):
            raise ValueError(f"{self.name}: column {column!r} holds {values.type}, expected numbers")
        return self._read(column)

    def _read(self, column: str) -> Any:
        """Read numbers from text, as they are read from files of text."""
        import pyarrow as pa
        from pyarrow import compute

        text = compute.utf8_trim_whitespace(self._values(column))
        if self.no_number:
            none = compute.is_in(text, value_set=pa.array(list(self.no_number), text.type))
            text = compute.if_else(none, pa.scalar(None, text.type), text)
        try:
            return text.cast("float64")
        except pa.ArrowInvalid:
            strange = np.array([not _is_number(word) for word in text.to_pylist()])
            word = text[int(np.argmax(strange))].as_py()
            raise ValueError(f"{self.place(strange)}: column {column!r} has {word!r}, expected a number") from None


def side_by_side(made: list[sparse.csr_matrix]) -> sparse.csr_matrix:
    """Join rows, as `scipy.sparse.hstack` does in ten times the time.

    Parameters
    ----------
    made : list of csr_matrix of shape (n_rows, width)
        Well-formed; values of float32 or float64.

    Returns
    -------
    X : csr_matrix
        Of ids of int32 where all fit, and values of float64.
    """
    n_rows, n_features = made[0].shape[0], sum(part.shape[1] for part in made)
    indptr = sum((part.indptr for part in made), np.zeros(n_rows + 1, dtype=np.int64))
    nnz = int(indptr[-1])
    ids, values = np.empty(nnz, dtype=index_dtype(n_features, nnz)), np.empty(nnz)
    places, first = indptr[:-1].copy(), 0
    for part in made:
        compact.put_beside(part.indptr, part.indices, part.data, first, places, ids, values)
        first += part.shape[1]
    return sparse.csr_matrix((values, ids, indptr.astype(ids.dtype)), shape=(n_rows, n_features))


class _Columns:
    """The least that counts as a data frame with names, for transformers that were fitted on one."""

    def __init__(self, names: list[str], arrays: list[NDArray[Any]]) -> None:
        self.columns = names
        self.shape = (arrays[0].size, len(arrays))
        self._arrays = dict(zip(names, arrays))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        arrays = [self._arrays[name] for name in self.columns]
        # Numbers beside words would become words, and whole numbers beside fractions lose digits.
        is_plain = all(array.dtype.kind in "biuf" for array in arrays)
        if not is_plain or (np.result_type(*arrays).kind == "f" and not all(map(_is_exact, arrays))):
            arrays = [array.astype(object) for array in arrays]
        table = np.column_stack(arrays)
        return table if dtype is None else table.astype(dtype)


def _is_exact(numbers: NDArray[Any]) -> bool:
    """Say whether numbers are the same as float64."""
    if numbers.dtype.kind not in "iu" or numbers.size == 0:
        return True
    return bool(numbers.min() >= -EXACT and numbers.max() <= EXACT)


def _as_array(column: Any) -> NDArray[Any]:
    """Return a column as an array; missing numbers are NaN, other missing values None.

    Whole numbers beside a missing one stay whole where a float64 could not tell them apart, and None is missing.
    """
    import pyarrow as pa

    if column.null_count and pa.types.is_integer(column.type) and not _is_exact(column.drop_null().to_numpy()):
        whole = np.empty(len(column), dtype=object)
        whole[:] = column.to_pylist()
        return whole
    return column.to_numpy()


def _is_number(word: str | None) -> bool:
    import pyarrow as pa

    try:
        pa.scalar(word, pa.string()).cast("float64")
    except pa.ArrowInvalid:
        return False
    return True

"""Single columns of categories and their crosses, exact or hashed."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from sparsereg._core.crosses import hashed_ids, mixed_radix_ids
from sparsereg.features.buckets import (
    MAX_FEATURES,
    BlockedColumns,
    ColumnBlock,
    block_of,
    check_dtype,
    index_dtype,
    layout,
)
from sparsereg.features.categories import Column, encode, hash_column, learn_categories, more_categories, text_key
from sparsereg.features.frames import table_columns
from sparsereg.features.text_columns import as_column
from sparsereg.inputs.sklearn import HAS_SKLEARN, BaseEstimator, TransformerMixin, check_feature_names, check_is_fitted
from sparsereg.inputs.versions import Versioned

MAX_BITS = 62  # ids stay addable in int64

# Fewer values of a column may well all be new ones.
_MANY = 10
_SHOWN = 3


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class FeatureCross(BlockedColumns, TransformerMixin, Versioned, BaseEstimator):
    """One column per category, and one per combination of categories of crossed columns.

    A category is a text, which does not depend on what its value came in: 7, 7.0 and "7" are one, "007" is another, in
    lists, arrays, frames of all kinds and files. `sparsereg.features.categories` has the whole table.

    Exact crosses learn the categories in `fit`. A combination's id is its block's first id plus the mixed-radix number
    of its category codes, first column most significant, so it needs no table and need not be seen in `fit`.
    Hashed crosses learn nothing and put everything into 2**`hashed` columns.

    Parameters
    ----------
    crosses : list of columns and tuples of columns, optional
        A column is a name (of a data frame) or a position. A tuple is a cross, and a column for itself gets a block of
        its own: ``["device", ("city", "hour"), ("city", "kind")]``. Without any tuple nothing is crossed:
        ``["city", "hour"]``, or ``list(frame.columns)`` for all. None: all columns in one cross.
    main_effects : bool, default True
        Whether each column that takes part in a cross has a block of its own too.
    hashed : int, optional
        Bits of the hashed ids, 1 to 62. None: exact.
    handle_unknown : {"ignore", "error"}, default "ignore"
        What a missing value, or one not seen in `fit`, does to its row: the blocks it takes part in have no entry, or
        ValueError. For hashed crosses only missing values are unknown.
    dtype : float32 or float64, default float64
        Type of the ones.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.
    blocks_ : tuple of ColumnBlock(name, start, count)
        Single columns in the order of the columns, then crosses as given, like ``"city"`` and ``"city x hour"``; for
        hashed crosses the one block ``"hash"``.
    categories_ : dict of {position of column: (n_categories,) object array of str}
        Texts of the categories of the columns that take part: numbers in their order, then other texts in the order of
        their letters. Empty for hashed crosses.
    n_features_in_ : int
    feature_names_in_ : object array of str
        Only when fitted on a table with string column names.

    Notes
    -----
    The hashed id of a block is the top bits of h: h starts as the key of the block's name and an equals sign
    (``"city x hour="``), and the key k of each column's text turns it into mix(h ^ mix(k)). Keys and mix are those of
    `sparsereg.features.categories`; no part depends on the process, so models can be moved, and
    ``sparsereg/features/hashing.md`` has all of it in 30 lines of Python and in JavaScript. Because a block's name
    alone seeds it, adding a cross does not move the others. Two blocks of a row that collide are added up (a 2).

    Missing values (None, NaN, NaT, pandas.NA, nulls, masked entries) are never a category.

    Frames other than those of pandas, such as those of polars, need narwhals and pyarrow, which the extra ``frames``
    brings. Tables and record batches of pyarrow are taken as they are.

    Examples
    --------
    >>> clicks = [["phone", "Oslo"], ["phone", None], ["desk", "Rome"]]
    >>> FeatureCross([0, (0, 1)]).fit(clicks).blocks_[-1]
    ColumnBlock(name='x0 x x1', start=4, count=4)
    >>> FeatureCross([0, 1], hashed=24).fit_transform(clicks).shape
    (3, 16777216)
    """

    _takes_tables = True  # a pyarrow.Table as it is: readers need not make arrays of it
    _takes_text = True  # columns of files without types are read as text

    crosses: Any = field(default=None, kw_only=False)
    main_effects: bool = True
    hashed: int | None = None
    handle_unknown: str = "ignore"
    dtype: DTypeLike = np.float64

    def fit(self, X: Any, y: Any = None) -> FeatureCross:
        """Learn the categories of the columns that take part; keep nothing else of `X`.

        Parameters
        ----------
        X : data frame, pyarrow.Table or array-like, (n_samples, n_columns)
            Numbers, strings, truth values, dates and times.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters out of range, unknown columns, two of one name among those that are used, values that cannot
            be categories, or more than 2**62 columns.
        TypeError
            For a sparse matrix or a lazy frame.
        ImportError
            For a frame that is not of pandas, where narwhals or pyarrow is not installed.
        """
        self._check_params()
        columns = table_columns(X)
        check_feature_names(self, X, reset=True)
        names, members = self._columns()
        self.categories_: dict[int, NDArray[np.object_]] = {}
        if self.hashed is None:
            for j in used_columns(members):
                self.categories_[j] = learn_categories(as_column(columns[j], names[j]), names[j])
        self._lay_out(names, members, self.categories_)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> FeatureCross:
        """Learn the categories of some more rows; any division of rows into calls ends where `fit` of them all does.

        Categories stay in the order of `fit`, so that new ones move the columns of those that come after them:
        transform nothing before all rows have been seen. A column without values so far makes no columns.

        Parameters
        ----------
        X : data frame, pyarrow.Table or array-like, (n_samples, n_columns)
            With the columns of the first call.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError, ImportError
            As `fit`, but for columns that have no value; what was learned before stays.
        """
        self._check_params()
        columns = table_columns(X)
        check_feature_names(self, X, reset=not hasattr(self, "categories_"))
        names, members = self._columns()
        learned: dict[int, NDArray[np.object_]] = {}
        before = getattr(self, "categories_", {})
        for j in used_columns(members) if self.hashed is None else ():
            known = before.get(j, np.empty(0, dtype=object))
            learned[j] = more_categories(as_column(columns[j], names[j]), known)
        if not hasattr(self, "blocks_") or any(learned[j] is not before.get(j) for j in learned):
            self._lay_out(names, members, learned)
        self.categories_ = learned
        return self

    def transform(self, X: Any) -> sparse.csr_matrix:
        """Return the columns of each row.

        Parameters
        ----------
        X : data frame, pyarrow.Table or array-like, (n_samples, n_columns)

        Returns
        -------
        CSR matrix, (n_samples, n_features_out_)
            Ones, with sorted ids: int32 where they fit, else int64.

        Raises
        ------
        ValueError
            When columns differ from those at fit, for a value that cannot be a category, or for an unknown one with
            ``handle_unknown="error"``.
        TypeError
            For a sparse matrix or a lazy frame.
        ImportError
            For a frame that is not of pandas, where narwhals or pyarrow is not installed.

        Warns
        -----
        UserWarning
            When not one of many values of a column was seen in `fit`.
        """
        check_is_fitted(self)
        dtype = self._check_params()
        columns = table_columns(X)
        check_feature_names(self, X, reset=False)
        n_samples = len(columns[0])
        capacity = n_samples * len(self._members)
        index = index_dtype(self.n_features_out_, capacity)
        indptr, indices = np.empty(n_samples + 1, dtype=index), np.empty(capacity, dtype=index)
        data = np.ones(capacity, dtype=dtype) if self._bits is None else np.empty(capacity, dtype=dtype)
        used = [as_column(columns[j], self._names[j]) for j in used_columns(self._members)]
        if self._bits is None:
            self._write_exact(used, indptr, indices)
        else:
            self._write_hashed(used, int(self._bits), indptr, indices, data)
        n_entries = int(indptr[-1])
        entries = (data[:n_entries], indices[:n_entries], indptr)
        out = sparse.csr_matrix(entries, shape=(n_samples, self.n_features_out_))
        out.has_canonical_format = True
        return out

    def feature_name(self, ids: ArrayLike) -> NDArray[np.object_]:
        """Return a readable name for each given column, like ``city=Oslo & hour=7``, or ``hash_123``.

        Parameters
        ----------
        ids : array-like of int, any shape

        Returns
        -------
        object array of str, same shape

        Raises
        ------
        ValueError
            For ids that are not integers or out of range.
        """
        check_is_fitted(self)
        known, position = block_of(ids, self.blocks_)
        out = np.empty(known.shape, dtype=object)
        for where in np.ndindex(known.shape):
            rest = int(known[where]) - self.blocks_[position[where]].start
            if self._bits is not None:
                out[where] = f"hash_{rest}"
                continue
            parts = []
            for j in reversed(self._members[position[where]]):
                rest, code = divmod(rest, len(self.categories_[j]))
                parts.append(f"{self._names[j]}={self.categories_[j][code]}")
            out[where] = " & ".join(reversed(parts))
        return out

    def _blocks(self) -> tuple[ColumnBlock, ...]:
        check_is_fitted(self)
        return self.blocks_

    def _check_params(self) -> np.dtype[Any]:
        """Refuse parameters that are out of range; return the type of the ones."""
        if self.handle_unknown not in ("ignore", "error"):
            raise ValueError(f'handle_unknown must be "ignore" or "error", got {self.handle_unknown!r}')
        if self.hashed is not None and (
            not isinstance(self.hashed, Integral) or isinstance(self.hashed, bool) or not 1 <= self.hashed <= MAX_BITS
        ):
            raise ValueError(f"hashed must be None or a number of bits from 1 to {MAX_BITS}, got {self.hashed!r}")
        return check_dtype(self.dtype)

    def _columns(self) -> tuple[list[str], list[tuple[int, ...]]]:
        """Return the names of the columns, and the columns of each block by position."""
        numbered = [f"x{j}" for j in range(self.n_features_in_)]
        names = [str(name) for name in getattr(self, "feature_names_in_", numbered)]
        return names, self._resolve(names)

    def _lay_out(
        self, names: list[str], members: list[tuple[int, ...]], categories: Mapping[int, NDArray[np.object_]]
    ) -> None:
        """Set all that follows from the columns and their categories."""
        if self.hashed is None:
            blocks = layout([(_block_name(m, names), _n_combinations(m, names, categories)) for m in members])
        else:
            blocks = (ColumnBlock("hash", 0, 2**self.hashed),)
        self._names, self._members, self._bits, self.blocks_ = names, members, self.hashed, blocks
        self.n_features_out_ = blocks[-1].stop

    def _resolve(self, names: list[str]) -> list[tuple[int, ...]]:
        """Return the columns of each block by position: single ones first, then crosses."""
        named = list(getattr(self, "feature_names_in_", []))
        blocks = []
        for entry in [tuple(range(len(names)))] if self.crosses is None else _entries(self.crosses):
            members = tuple(_position(column, named, len(names)) for column in entry)
            if len(set(members)) != len(members) or not members:
                raise ValueError(f"a cross needs at least two different columns, got {entry!r}")
            blocks.append(members)
        if len(set(blocks)) != len(blocks):
            raise ValueError(f"crosses names a cross twice: {self.crosses!r}")
        crosses = [members for members in blocks if len(members) > 1]
        singles = {j for members in blocks for j in members if self.main_effects or len(members) == 1}
        blocks = [(j,) for j in sorted(singles)] + crosses
        _check_distinct(blocks, names)
        return blocks

    def _write_exact(self, columns: list[Column], indptr: NDArray[Any], indices: NDArray[Any]) -> None:
        codes = np.empty((len(columns), len(indptr) - 1), dtype=np.int64)
        for k, (j, categories) in enumerate(self.categories_.items()):
            codes[k] = encode(columns[k], categories)
            self._refuse_unknown(codes[k] < 0, columns[k], self._names[j])
        self._warn_of_strangers(codes, columns)
        sizes = np.array([len(categories) for categories in self.categories_.values()], dtype=np.int64)
        starts = np.array([block.start for block in self.blocks_], dtype=np.int64)
        mixed_radix_ids(codes, sizes, *self._flat_members(), starts, indptr, indices)

    def _write_hashed(
        self, columns: list[Column], bits: int, indptr: NDArray[Any], indices: NDArray[Any], data: NDArray[Any]
    ) -> None:
        keys = np.empty((len(columns), len(indptr) - 1), dtype=np.uint64)
        missing = np.empty(keys.shape, dtype=np.uint8)
        for k, j in enumerate(used_columns(self._members)):
            keys[k], missing[k] = hash_column(columns[k])
            self._refuse_unknown(missing[k] > 0, columns[k], self._names[j])
        seeds = [text_key(_block_name(members, self._names) + "=") for members in self._members]
        hashed_ids(keys, missing, *self._flat_members(), np.array(seeds, dtype=np.uint64), bits, indptr, indices, data)

    def _refuse_unknown(self, unknown: NDArray[np.bool_], column: Column, name: str) -> None:
        if self.handle_unknown == "error" and unknown.any():
            row = int(unknown.argmax())
            text = column.text(row)
            kind = "a missing" if text is None else "an unknown"
            raise ValueError(f"row {row}: column {name!r} has {kind} value: {text!r}")

    def _warn_of_strangers(self, codes: NDArray[np.int64], columns: list[Column]) -> None:
        """Warn of columns in which nothing is known, which is how a table in other words, or another table, looks."""
        found = []
        for k, (j, categories) in enumerate(self.categories_.items()):
            if codes.shape[1] < _MANY or codes[k].max() >= 0:
                continue
            rows = np.flatnonzero(columns[k].is_missing == 0)
            if len(rows) >= _MANY:
                new = dict.fromkeys(columns[k].text(row) for row in rows[:_MANY].tolist())
                found.append(f"column {self._names[j]!r} has {_examples([*new])}, fit saw {_examples(categories)}")
        if found:
            message = f"not one of {codes.shape[1]} rows has a category that fit saw: {'; '.join(found)}"
            # scikit-learn wraps transform.
            warnings.warn(message, UserWarning, stacklevel=4 + HAS_SKLEARN)

    def _flat_members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the columns of all blocks, numbered among those that take part, and where each block begins."""
        position = {j: k for k, j in enumerate(used_columns(self._members))}
        flat = np.array([position[j] for members in self._members for j in members], dtype=np.int64)
        return flat, np.cumsum([0] + [len(members) for members in self._members], dtype=np.int64)


def used_columns(members: list[tuple[int, ...]]) -> list[int]:
    """Return the columns that take part in blocks, in their order.

    Parameters
    ----------
    members : list of tuple of int
        Of each block.

    Returns
    -------
    list of int
    """
    return sorted({j for columns in members for j in columns})


def _entries(crosses: Any) -> list[tuple[Any, ...]]:
    """Return what `crosses` lists, single columns as tuples of one."""
    if not isinstance(crosses, Iterable) or isinstance(crosses, (str, bytes, Mapping, Set, Iterator)):
        raise ValueError(f"crosses must be a list of columns and tuples of columns, got {crosses!r}")
    entries: list[tuple[Any, ...]] = []
    for entry in crosses:
        single = isinstance(entry, (str, Integral))
        if single and isinstance(crosses, tuple):
            raise ValueError(f"crosses: {crosses!r} could be one cross or several columns, expected a list")
        if not single and not isinstance(entry, (tuple, list)):
            raise ValueError(f"crosses: expected columns and tuples of columns, got the element {entry!r}")
        entries.append((entry,) if single else tuple(entry))
    if not entries:
        raise ValueError("crosses must name at least one cross or column, got none")
    return entries


def _examples(texts: Any) -> str:
    return ", ".join(map(repr, texts[:_SHOWN])) + (", ..." if len(texts) > _SHOWN else "")


def _n_combinations(members: tuple[int, ...], names: list[str], categories: Mapping[int, NDArray[np.object_]]) -> int:
    count = math.prod(len(categories[j]) for j in members)
    if count > MAX_FEATURES:
        raise ValueError(
            f"the cross {_block_name(members, names)!r} has {count} columns, more than the limit "
            f"2**62 = {MAX_FEATURES}; hashed=bits maps them to 2**bits"
        )
    return count


def _block_name(members: tuple[int, ...], names: list[str]) -> str:
    return " x ".join(names[j] for j in members)


def _check_distinct(blocks: list[tuple[int, ...]], names: list[str]) -> None:
    """Refuse columns and blocks of one name: their ids would be hashed alike, and nobody could tell their names apart.

    Of columns that take no part in any block two may share a name.
    """
    for what, used in (
        ("columns", [names[j] for j in used_columns(blocks)]),
        ("blocks", [_block_name(members, names) for members in blocks]),
    ):
        twice = [name for name, count in Counter(used).items() if count > 1]
        if twice:
            raise ValueError(f"X: two {what} {twice[0]!r}, expected each name once among those used")


def _position(column: Any, named: list[Any], n_columns: int) -> int:
    """Return the position of a column given by name or position."""
    if isinstance(column, str):
        if column not in named:
            raise ValueError(f"crosses: there is no column {column!r}; the columns are {named or n_columns}")
        if named.count(column) > 1:
            raise ValueError(f"crosses: X has two columns {column!r}, expected each name once among those used")
        return named.index(column)
    if not isinstance(column, Integral) or isinstance(column, bool) or not 0 <= int(column) < n_columns:
        raise ValueError(f"crosses: columns must be names or positions below {n_columns}, got {column!r}")
    return int(column)

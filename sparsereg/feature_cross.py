"""Crosses of categorical columns, exact or hashed."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from sparsereg._core.crosses import hashed_ids, mixed_radix_ids
from sparsereg._sklearn import BaseEstimator, TransformerMixin, check_feature_names, check_is_fitted
from sparsereg._versioned import Versioned
from sparsereg.categories import encode, hash_column, is_missing, learn_categories, table_columns, text_key
from sparsereg.grid import MAX_FEATURES, Block, NamedBlocks, check_dtype, index_dtype, lay_out, locate

MAX_BITS = 62  # ids stay addable in int64


class FeatureCross(NamedBlocks, TransformerMixin, Versioned, BaseEstimator):
    """One column per category, and one per combination of categories of crossed columns.

    Exact crosses learn the categories in `fit`. A combination's id is its block's first id plus the mixed-radix number
    of its category codes, first column most significant, so it needs no table and need not be seen in `fit`.
    Hashed crosses learn nothing and put everything into 2**`hashed` columns.

    Parameters
    ----------
    crosses : list of tuples, optional
        Columns to cross, by name (data frames) or position: ``[("city", "hour"), ("city", "kind")]``. None: all columns
        in one cross.
    main_effects : bool, default True
        Whether each column that takes part in a cross also has a block of its own.
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
    blocks_ : tuple of Block(name, start, count)
        Main effects in the order of the columns, then crosses as given, like ``"city"`` and ``"city x hour"``; for
        hashed crosses the one block ``"hash"``.
    categories_ : dict of {position of column: (n_categories,) array}
        Sorted categories of the columns that take part; empty for hashed crosses.
    n_features_in_ : int
    feature_names_in_ : object array of str
        Only when fitted on a data frame with string column names.

    Notes
    -----
    The hashed id of a block is the top bits of h: h starts as the 64-bit BLAKE2b of the block's name, and each column's
    key k turns it into mix(h ^ mix(k)) with mix the SplitMix64 output function (Steele, Lea and Flood 2014). Keys are
    those of `sparsereg.categories.hash_column`; no part depends on the process, so models can be moved. Because a
    block's name alone seeds it, adding a cross does not move the others. Two blocks of a row that
    collide are added up (a 2).

    Missing values (None, NaN, pandas.NA) are never a category.
    """

    n_features_out_: int
    blocks_: tuple[Block, ...]

    def __init__(
        self,
        crosses: Any = None,
        *,
        main_effects: bool = True,
        hashed: int | None = None,
        handle_unknown: str = "ignore",
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.crosses = crosses
        self.main_effects = main_effects
        self.hashed = hashed
        self.handle_unknown = handle_unknown
        self.dtype = dtype

    def fit(self, X: Any, y: Any = None) -> FeatureCross:
        """Learn the categories of the columns that take part; keep nothing else of `X`.

        Parameters
        ----------
        X : data frame or array-like, (n_samples, n_columns)
            Numbers, strings or other values that can be hashed.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters out of range, unknown columns, values that cannot be categories, or more than 2**62 columns.
        """
        self._check_params()
        columns = table_columns(X)
        check_feature_names(self, X, reset=True)
        names = [str(name) for name in getattr(self, "feature_names_in_", [f"x{j}" for j in range(len(columns))])]
        members = self._resolve(names)
        self.categories_: dict[int, NDArray[Any]] = {}
        if self.hashed is None:
            self.categories_ = {j: learn_categories(columns[j], names[j]) for j in _used(members)}
            blocks = lay_out([(_block_name(m, names), self._n_combinations(m, names)) for m in members])
        else:
            blocks = (Block("hash", 0, 2**self.hashed),)
        self._names, self._members, self._bits, self.blocks_ = names, members, self.hashed, blocks
        self.n_features_out_ = blocks[-1].start + blocks[-1].count
        return self

    def transform(self, X: Any) -> sparse.csr_matrix:
        """Return the columns of each row.

        Parameters
        ----------
        X : data frame or array-like, (n_samples, n_columns)

        Returns
        -------
        CSR matrix, (n_samples, n_features_out_)
            Ones, with sorted ids: int32 where they fit, else int64.

        Raises
        ------
        ValueError
            When columns differ from those at fit, or for an unknown value with ``handle_unknown="error"``.
        """
        check_is_fitted(self)
        self._check_params()
        columns = table_columns(X)
        check_feature_names(self, X, reset=False)
        dtype = check_dtype(self.dtype)
        n_samples = len(columns[0])
        capacity = n_samples * len(self._members)
        index = index_dtype(self.n_features_out_, capacity)
        indptr, indices = np.empty(n_samples + 1, dtype=index), np.empty(capacity, dtype=index)
        data = np.ones(capacity, dtype=dtype)
        if self._bits is None:
            self._write_exact(columns, indptr, indices)
        else:
            self._write_hashed(columns, int(self._bits), indptr, indices, data)
        n_entries = int(indptr[-1])
        out = sparse.csr_matrix(
            (data[:n_entries], indices[:n_entries], indptr), shape=(n_samples, self.n_features_out_)
        )
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
        known, position = locate(ids, self.blocks_)
        out = np.empty(known.shape, dtype=object)
        for at in np.ndindex(known.shape):
            rest = int(known[at]) - self.blocks_[position[at]].start
            if self._bits is not None:
                out[at] = f"hash_{rest}"
                continue
            parts = []
            for j in reversed(self._members[position[at]]):
                rest, code = divmod(rest, len(self.categories_[j]))
                parts.append(f"{self._names[j]}={self.categories_[j][code]}")
            out[at] = " & ".join(reversed(parts))
        return out

    def _blocks(self) -> tuple[Block, ...]:
        check_is_fitted(self)
        return self.blocks_

    def _check_params(self) -> None:
        if self.handle_unknown not in ("ignore", "error"):
            raise ValueError(f'handle_unknown must be "ignore" or "error", got {self.handle_unknown!r}')
        if self.hashed is not None and (
            not isinstance(self.hashed, Integral) or isinstance(self.hashed, bool) or not 1 <= self.hashed <= MAX_BITS
        ):
            raise ValueError(f"hashed must be None or a number of bits from 1 to {MAX_BITS}, got {self.hashed!r}")
        check_dtype(self.dtype)

    def _resolve(self, names: list[str]) -> list[tuple[int, ...]]:
        """Return the columns of each block by position: main effects first, then crosses."""
        named = list(getattr(self, "feature_names_in_", []))
        wanted = [range(len(names))] if self.crosses is None else list(self.crosses)
        crosses = []
        for cross in wanted:
            if isinstance(cross, (str, Integral)):
                raise ValueError(f"crosses must be a list of tuples of columns, got the element {cross!r}")
            members = tuple(_position(column, named, len(names)) for column in cross)
            if len(set(members)) != len(members) or len(members) < 2:
                raise ValueError(f"a cross needs at least two different columns, got {tuple(cross)!r}")
            crosses.append(members)
        if not crosses:
            raise ValueError("crosses must name at least one cross, got none")
        if len(set(crosses)) != len(crosses):
            raise ValueError(f"crosses names a cross twice: {self.crosses!r}")
        singles = [(j,) for j in _used(crosses)] if self.main_effects else []
        return singles + crosses

    def _n_combinations(self, members: tuple[int, ...], names: list[str]) -> int:
        count = math.prod(len(self.categories_[j]) for j in members)
        if count > MAX_FEATURES:
            raise ValueError(
                f"the cross {_block_name(members, names)!r} has {count} columns, more than the limit "
                f"2**62 = {MAX_FEATURES}; hashed=bits maps them to 2**bits"
            )
        return count

    def _write_exact(self, columns: list[NDArray[Any]], indptr: NDArray[Any], indices: NDArray[Any]) -> None:
        codes = np.full((len(columns), len(columns[0])), -1, dtype=np.int64)
        sizes = np.ones(len(columns), dtype=np.int64)
        for j, categories in self.categories_.items():
            codes[j] = encode(columns[j], categories, self._names[j])
            sizes[j] = len(categories)
            self._refuse_unknown(codes[j] < 0, columns[j], self._names[j])
        starts = np.array([block.start for block in self.blocks_], dtype=np.int64)
        mixed_radix_ids(codes, sizes, *self._flat_members(), starts, indptr, indices)

    def _write_hashed(
        self, columns: list[NDArray[Any]], bits: int, indptr: NDArray[Any], indices: NDArray[Any], data: NDArray[Any]
    ) -> None:
        keys = np.zeros((len(columns), len(columns[0])), dtype=np.uint64)
        missing = np.ones(keys.shape, dtype=np.uint8)
        for j in _used(self._members):
            keys[j], missing[j] = hash_column(columns[j], self._names[j])
            self._refuse_unknown(missing[j] > 0, columns[j], self._names[j])
        seeds = np.array([text_key(_block_name(members, self._names)) for members in self._members], dtype=np.uint64)
        hashed_ids(keys, missing, *self._flat_members(), seeds, bits, indptr, indices, data)

    def _refuse_unknown(self, unknown: NDArray[np.bool_], column: NDArray[Any], name: str) -> None:
        if self.handle_unknown == "error" and unknown.any():
            row = int(unknown.argmax())
            kind = "a missing" if is_missing(column[row]) else "an unknown"
            raise ValueError(f"row {row}: column {name!r} has {kind} value: {column[row]!r}")

    def _flat_members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        flat = np.array([j for members in self._members for j in members], dtype=np.int64)
        return flat, np.cumsum([0] + [len(members) for members in self._members], dtype=np.int64)


def _used(crosses: list[tuple[int, ...]]) -> list[int]:
    return sorted({j for members in crosses for j in members})


def _block_name(members: tuple[int, ...], names: list[str]) -> str:
    return " x ".join(names[j] for j in members)


def _position(column: Any, named: list[Any], n_columns: int) -> int:
    """Return the position of a column given by name or position."""
    if isinstance(column, str):
        if column not in named:
            raise ValueError(f"crosses: there is no column {column!r}; the columns are {named or n_columns}")
        return named.index(column)
    if not isinstance(column, Integral) or isinstance(column, bool) or not 0 <= int(column) < n_columns:
        raise ValueError(f"crosses: columns must be names or positions below {n_columns}, got {column!r}")
    return int(column)

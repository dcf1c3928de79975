"""Names and cells of given columns, asked of whatever made them; names of all columns are never made to find a few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsereg.features.buckets import BlockedColumns
from sparsereg.inputs.sklearn import NotFittedError, check_is_fitted

Ids = NDArray[np.int64]
Names = NDArray[np.object_]

SIDES = ("south", "west", "north", "east")
# A step that can only list all its names is asked for at most so many; columns of a wider one are called step__123.
MAX_LISTED = 10_000_000


def printable(text: str) -> str:
    """Spell out what would break a line, steer a terminal or spoil a file of XML: names come from data.

    Parameters
    ----------
    text : str

    Returns
    -------
    text : str
        With Python's escapes, of a tab the one with a t.
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class _Columns(NamedTuple):
    """The columns that a transformer gives: how many, and what those asked for are called.

    Attributes
    ----------
    width : int or None
        None: as many as whoever asks has.
    name : callable
        Takes ids, (n,) int64; returns names, (n,) object array of str.
    bounds : callable or None
        Takes ids, returns their cells as `LatLongCross.cell_bounds` does.
    is_named : bool
        False where names are mere numbers, which need the name of the step before them.
    """

    width: int | None
    name: Callable[[Ids], Names]
    bounds: Callable[[Ids], NDArray[np.void]] | None = None
    is_named: bool = True


def name_columns(names: Any, ids: Any, n_features: int) -> tuple[Names, NDArray[np.void] | None]:
    """Return the names of some columns, and the cells that they stand for.

    Parameters
    ----------
    names : transformer, Pipeline, ColumnTransformer, FeatureUnion, reader, array-like of str, mapping, callable or None
        What made the columns, fitted: a `LatLongCross` or `FeatureCross`, or a transformer of scikit-learn; of a
        Pipeline the steps before its estimator; a reader of tables, such as `CsvReader`. Or the names of all columns,
        names by id, or a function that takes an array of ids and returns as many names. None: the ids themselves.
    ids : array-like of int of shape (n_ids,)
        In [0, n_features).
    n_features : int
        Width of the model, which `names` must have too.

    Returns
    -------
    names : ndarray of str of shape (n_ids,)
        Those of scikit-learn's `get_feature_names_out`, which is not called for more than ten million columns: beyond
        that, and where there is no such method, columns are numbered, step__123.
    bounds : structured ndarray of shape (n_ids,) or None
        Fields south, west, north and east, in degrees; NaN for columns that are no cells. None where nothing knows of
        cells.

    Raises
    ------
    ValueError
        For ids that are none of a column; for what has not been fitted, or has another width; a mapping that lacks an
        id; a function that returns another number of names.
    TypeError
        For anything else.
    """
    ids = _check_ids(ids, n_features)
    columns = _find(names, n_features)
    found = _as_names(columns.name(ids), ids.size)
    if not columns.is_named:
        found = _prefixed(f"{type(names).__name__.lower()}__", found)
    return found, None if columns.bounds is None else columns.bounds(ids)


def find_cells(names: Any, ids: Any, n_features: int) -> NDArray[np.void] | None:
    """Return the cells that some columns stand for, without their names, which take longer.

    Parameters
    ----------
    names, ids, n_features
        As `name_columns` takes them, and whatever else has a method `cell_bounds` of ids.

    Returns
    -------
    bounds : structured ndarray of shape (n_ids,) or None
        As `name_columns` returns them.

    Raises
    ------
    ValueError, TypeError
        As `name_columns`.
    """
    ids = _check_ids(ids, n_features)
    if hasattr(names, "cell_bounds") and not isinstance(names, BlockedColumns):
        bounds: NDArray[np.void] = names.cell_bounds(ids)
        return bounds
    columns = _find(names, n_features)
    return None if columns.bounds is None else columns.bounds(ids)


def _find(names: Any, n_features: int) -> _Columns:
    """Take or ask for columns that must be as many as those of the model."""
    columns = _given(names, n_features) or _made_by(names, _unnamed(names))
    if columns.width is not None and columns.width != n_features:
        raise ValueError(
            f"names: this {type(names).__name__} is of {columns.width} columns, expected {n_features}, those of the "
            "model"
        )
    return columns


def _check_ids(ids: Any, n_features: int) -> Ids:
    """Check ids that users bring: indexing would count negative ones from the end, and cut fractions off."""
    given = np.asarray(ids)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ValueError(f"ids: {given.dtype} of shape {given.shape} is not allowed, expected a row of whole numbers")
    outside = (given < 0) | (given >= n_features)
    if outside.any():
        raise ValueError(f"ids: {given[outside][0]} is outside [0, {n_features}), the columns of the model")
    return given.astype(np.int64, copy=False)


def _given(names: Any, n_features: int) -> _Columns | None:
    """Take names that are there already; None for what makes columns."""
    if names is None:
        return _Columns(None, _numbers)
    if isinstance(names, (str, bytes)):
        raise TypeError(f"names: {names!r} is not allowed, expected what made the columns, or a name for each")
    if isinstance(names, Mapping):
        return _Columns(None, partial(_looked_up, names))
    if isinstance(names, (Sequence, np.ndarray)) or (hasattr(names, "__array__") and not hasattr(names, "fit")):
        listed = np.asarray(names, dtype=object)
        if listed.ndim != 1:
            raise ValueError(f"names: shape {listed.shape} is not allowed, expected ({n_features},)")
        return _Columns(listed.size, listed.__getitem__)
    if callable(names) and not hasattr(names, "fit"):
        return _Columns(None, names)
    if hasattr(names, "feature_name") and not hasattr(names, "fit"):
        return _of_reader(names, n_features)
    return None


def _of_reader(reader: Any, n_features: int) -> _Columns:
    """Ask a reader of tables, which refuses ids that are none of its columns, and does not say how many these are."""
    for k, is_there in ((n_features - 1, True), (n_features, False)):
        try:
            reader.feature_name([k])
        except ValueError:
            found = False
        else:
            found = True
        if found is not is_there:
            raise ValueError(
                f"names: this {type(reader).__name__} is of {'fewer' if is_there else 'more'} columns, expected "
                f"{n_features}, those of the model"
            )
    return _Columns(None, reader.feature_name, reader.cell_bounds if getattr(reader, "has_cells", False) else None)


def _numbers(ids: Ids) -> Names:
    return _object_array([str(k) for k in ids.tolist()])


def _looked_up(names: Mapping[Any, Any], ids: Ids) -> Names:
    missing = [k for k in ids.tolist() if k not in names]
    if missing:
        raise ValueError(f"names: there is no name for column {missing[0]}, expected one for each that has a weight")
    return _object_array([names[k] for k in ids.tolist()])


def _as_names(names: Any, n_ids: int) -> Names:
    """Check what a function has returned; other things than text are shown as text."""
    names = _object_array(list(names))
    if names.size != n_ids:
        raise ValueError(f"names: {names.size} names for {n_ids} columns, expected one for each")
    return _object_array([name if isinstance(name, str) else str(name) for name in names])


def _object_array(items: list[Any]) -> Names:
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


def _prefixed(prefix: str, names: Names) -> Names:
    return _object_array([prefix + name for name in names])


def _made_by(maker: Any, before: _Columns, width: int | None = None) -> _Columns:
    """Ask a transformer about its columns, made of those of `before`; `width` is how many they are, where known."""
    if _passes(maker):
        return before
    if isinstance(maker, BlockedColumns):
        return _of_blocks(maker)
    if hasattr(maker, "steps"):
        return _of_pipeline(maker, before)
    if hasattr(maker, "transformers"):
        return _of_column_transformer(maker, before)
    if hasattr(maker, "transformer_list"):
        return _of_union(maker, before)
    if not hasattr(maker, "transform"):
        raise TypeError(
            f"names: {type(maker).__name__} is not allowed, expected what made the columns (a transformer, a Pipeline, "
            "a ColumnTransformer), a list of names, a mapping from ids or a function of ids"
        )
    _check_fitted(maker)
    if hasattr(maker, "get_support"):
        return _picked(before, np.asarray(maker.get_support(indices=True), dtype=np.int64))
    if _keeps_columns(maker):
        return before._replace(width=getattr(maker, "n_features_in_", before.width))
    return _listed(maker, before, width)


def _passes(maker: Any) -> bool:
    return maker is None or (isinstance(maker, str) and maker == "passthrough")


def _of_blocks(maker: BlockedColumns) -> _Columns:
    try:
        width = maker._blocks()[-1].stop
    except NotFittedError:
        raise _not_fitted(maker) from None
    return _Columns(width, maker.feature_name, getattr(maker, "cell_bounds", None))


def _picked(before: _Columns, kept: Ids) -> _Columns:
    bounds = before.bounds
    return _Columns(
        kept.size, lambda ids: before.name(kept[ids]), None if bounds is None else lambda ids: bounds(kept[ids]),
        before.is_named,
    )


def _check_fitted(maker: Any) -> None:
    try:
        check_is_fitted(maker)
    except NotFittedError:
        raise _not_fitted(maker) from None


def _not_fitted(maker: Any) -> ValueError:
    return ValueError(f"names: this {type(maker).__name__} is not fitted, expected the one that made X")


def _keeps_columns(maker: Any) -> bool:
    """Say whether a transformer of scikit-learn gives a column for each that it takes, under the same name."""
    if getattr(maker, "feature_names_out", None) == "one-to-one":
        return True
    return any(cls.__name__ == "OneToOneFeatureMixin" for cls in type(maker).__mro__)


def _unnamed(maker: Any) -> _Columns:
    """Name the columns that go into something: as they were at its fit, or x0, x1, ... as scikit-learn does."""
    fitted = getattr(maker, "feature_names_in_", None)
    if fitted is not None:
        return _Columns(len(fitted), np.asarray(fitted, dtype=object).__getitem__)
    return _Columns(None, lambda ids: _object_array([f"x{k}" for k in ids.tolist()]))


def _listed(maker: Any, before: _Columns, width: int | None) -> _Columns:
    """Ask for all names of a transformer, once, when the first is wanted."""
    lists = hasattr(maker, "get_feature_names_out")
    if width is None:
        # `n_features` is what hashers of scikit-learn, which have no list, call the number of columns they give.
        known = ("n_features_out_", "_n_features_out") if lists else ("n_features_out_", "n_features")
        width = next((int(getattr(maker, name)) for name in known if hasattr(maker, name)), None)
    if not lists or (width is not None and width > MAX_LISTED):
        return _Columns(width, _numbers, is_named=False)

    @cache
    def names() -> Names:
        own = hasattr(maker, "feature_names_in_") or before.width is None or before.width > MAX_LISTED
        given = () if own else (before.name(np.arange(before.width, dtype=np.int64)),)
        return np.asarray(maker.get_feature_names_out(*given), dtype=object)

    return _Columns(len(names()) if width is None else width, lambda ids: names()[ids])


def _of_pipeline(pipeline: Any, before: _Columns) -> _Columns:
    """Go through the steps; the last counts if it makes columns, else it is the model."""
    makers = [maker for _, maker in pipeline.steps]
    if makers and not _passes(makers[-1]) and not hasattr(makers[-1], "transform"):
        del makers[-1]
    label = next((name for name, maker in reversed(pipeline.steps[: len(makers)]) if not _passes(maker)), "")
    for maker in makers:
        before = _made_by(maker, before)
    if not before.is_named:
        name = before.name
        before = before._replace(name=lambda ids: _prefixed(f"{label}__", name(ids)), is_named=True)
    return before


class _Part(NamedTuple):
    """Consecutive columns of one of several transformers side by side."""

    columns: _Columns
    label: str
    start: int
    stop: int


def _side_by_side(parts: Sequence[_Part], verbose: Any) -> _Columns:
    """Join columns, named with their transformer in front as `verbose_feature_names_out` says."""
    parts = [part for part in parts if part.stop > part.start]
    starts = np.array([part.start for part in parts], dtype=np.int64)

    def each(ids: Ids) -> Iterator[tuple[_Part, Ids, Ids]]:
        position = np.searchsorted(starts, ids, side="right") - 1
        for k in np.unique(position).tolist():
            inside = np.flatnonzero(position == k)
            yield parts[k], inside, ids[inside] - parts[k].start

    def name(ids: Ids) -> Names:
        out = np.empty(ids.size, dtype=object)
        for part, inside, local in each(ids):
            names = _as_names(part.columns.name(local), local.size)
            out[inside] = _with_label(part.label, names, verbose if part.columns.is_named else True)
        return out

    def bounds(ids: Ids) -> NDArray[np.void]:
        out = np.full(ids.size, np.nan, dtype=[(side, np.float64) for side in SIDES])
        for part, inside, local in each(ids):
            if part.columns.bounds is not None:
                out[inside] = part.columns.bounds(local)
        return out

    has_bounds = any(part.columns.bounds is not None for part in parts)
    return _Columns(parts[-1].stop if parts else 0, name, bounds if has_bounds else None)


def _with_label(label: str, names: Names, verbose: Any) -> Names:
    if callable(verbose):
        return _object_array([verbose(label, name) for name in names])
    if isinstance(verbose, str):
        return _object_array([verbose.format(transformer_name=label, feature_name=name) for name in names])
    return _prefixed(f"{label}__", names) if verbose else names


def _of_column_transformer(maker: Any, before: _Columns) -> _Columns:
    _check_fitted(maker)
    n_in, parts = int(maker.n_features_in_), []
    own = _unnamed(maker)
    before = own if own.width is not None else before
    for label, inner, chosen in maker.transformers_:
        place = maker.output_indices_[label]
        if place.stop == place.start or (isinstance(inner, str) and inner == "drop"):
            continue
        width = place.stop - place.start
        columns = _made_by(inner, _chosen(chosen, before, n_in), width)
        if columns.width not in (None, width):
            raise ValueError(f"names: {label!r} has {columns.width} columns now, {width} when the model was fitted")
        parts.append(_Part(columns, label, place.start, place.stop))
    return _side_by_side(parts, maker.verbose_feature_names_out)


def _chosen(chosen: Any, before: _Columns, n_in: int) -> _Columns:
    """Name the columns that a ColumnTransformer hands to one of its transformers."""
    every = np.arange(n_in, dtype=np.int64)
    if isinstance(chosen, slice):
        if isinstance(chosen.start, str) or isinstance(chosen.stop, str):
            # Slices by name have their end in them.
            names = before.name(every).tolist()
            first = None if chosen.start is None else names.index(chosen.start)
            chosen = slice(first, None if chosen.stop is None else names.index(chosen.stop) + 1)
        return _picked(before, every[chosen])._replace(bounds=None)
    chosen = np.atleast_1d(chosen)
    if chosen.dtype.kind not in "biu":
        return _Columns(chosen.size, chosen.astype(object).__getitem__)
    return _picked(before, every[chosen])._replace(bounds=None)


def _of_union(maker: Any, before: _Columns) -> _Columns:
    parts, start = [], 0
    for label, inner in maker.transformer_list:
        if isinstance(inner, str) and inner == "drop":
            continue
        columns = _made_by(inner, before)
        if columns.width is None:
            raise ValueError(f"names: the FeatureUnion does not know how many columns its {label!r} gives")
        parts.append(_Part(columns, label, start, start + columns.width))
        start += columns.width
    return _side_by_side(parts, getattr(maker, "verbose_feature_names_out", True))

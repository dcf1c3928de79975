"""Serialization of values as JSON and plain arrays, by tables of what may travel: no file ever names code.

None, truth values, numbers, text and lists are JSON as they are. All else is a dictionary with a "type":

=============  =========================================================================================================
``tuple``      ``items``
``dict``       ``items``: pairs of a key and a value
``scalar``     a NumPy scalar: ``dtype`` and ``value``
``array``      ``name`` among the arrays of the file
``texts``      an object array of many texts: their UTF-8 end to end, ``data``, where each begins and ends, ``offsets``
               (names of arrays both), and ``shape``
``objects``    any other object array, of plain values: ``items`` and ``shape``
``dtype``      ``name``, as NumPy has it
``class``      a class of Python or NumPy that stands for a type of numbers: ``name``
``slice``      ``start``, ``stop`` and ``step``
``object``     ``kind``, one of a table, and ``state``: what that kind says of itself
=============  =========================================================================================================
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.contents import Malformed, check_entries, within
from sparsereg.inputs.rows import shown
from sparsereg.model_files.plain_values import (
    checked_array,
    is_plain,
    may_travel,
    object_array,
    pack_class,
    pack_dtype,
    pack_scalar,
    unpack_class,
    unpack_dtype,
    unpack_scalar,
)

# Nested values: a pipeline in a pipeline takes four. Python allows some thousand calls, of which each takes a few.
MAX_DEPTH = 40
# Beyond, texts are cheaper and quicker as arrays, which take half a kilobyte of their own.
MAX_TEXTS = 64
# Whole numbers that NumPy has a type for.
MIN_INT, MAX_INT = -(2**63), 2**64 - 1
# Of letters in the name of an array; further ones are told apart by numbers.
MAX_NAME = 80


@dataclass(frozen=True)
class Kind:
    """How objects of one class travel.

    Parameters
    ----------
    name : str
        In files. Its last part, behind the last dot, must be the name of the class.
    find : callable
        Returns the class, imported only then. ImportError says what to install.
    pack : callable
        Takes an object, the `Packer` and where in the whole it is; returns its state, a dict of JSON.
    unpack : callable
        Takes that state, the `Unpacker` and where; returns the object. ValueError for whatever cannot be.
    """

    name: str
    find: Callable[[], type]
    pack: Callable[[Any, Packer, str], dict[str, Any]]
    unpack: Callable[[Mapping[str, Any], Unpacker, str], Any]


class Packer:
    """Turns values into JSON and arrays.

    Parameters
    ----------
    kinds : iterable of Kind
        Whatever else than plain values may travel.

    Attributes
    ----------
    arrays : dict of str to ndarray
        What the JSON refers to, by names of letters, digits and `_.-`.
    """

    def __init__(self, kinds: Iterable[Kind]):
        self.arrays: dict[str, npt.NDArray[Any]] = {}
        self._kinds = tuple(kinds)
        self._depth = 0

    def pack(self, value: Any, where: str) -> Any:
        """Return what stands for a value in JSON.

        Parameters
        ----------
        value : object
        where : str
            In the whole, for messages and names of arrays.

        Returns
        -------
        packed : None, bool, int, float, str, list or dict

        Raises
        ------
        TypeError
            For what cannot travel.
        """
        if self._depth >= MAX_DEPTH:
            raise TypeError(f"{where}: nested more than {MAX_DEPTH} deep, which cannot be saved")
        self._depth += 1
        try:
            return self._pack(value, where)
        finally:
            self._depth -= 1

    def pack_all(self, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return what stands for named values: parameters, attributes.

        Parameters
        ----------
        values : mapping of str to object
        where : str

        Returns
        -------
        packed : dict of str to JSON
        """
        return {name: self.pack(value, f"{where}.{name}") for name, value in values.items()}

    def _pack(self, value: Any, where: str) -> Any:
        exact = type(value)
        if value is None or exact in (bool, float, str):
            return value
        if exact is int:
            if not MIN_INT <= value <= MAX_INT:
                raise TypeError(f"{where}: {shown(value)} has more than 64 bits, which cannot be saved")
            return value
        if exact is list:
            return self._pack_items(value, where)
        if exact is tuple:
            return {"type": "tuple", "items": self._pack_items(value, where)}
        if exact is dict:
            items = [[self._pack_key(key, where), self.pack(v, f"{where}[{shown(key)}]")] for key, v in value.items()]
            return {"type": "dict", "items": items}
        if exact is slice:
            parts = {name: getattr(value, name) for name in ("start", "stop", "step")}
            return {"type": "slice", **self.pack_all(parts, where)}
        if isinstance(value, np.generic):
            return pack_scalar(value, where)
        if isinstance(value, np.dtype):
            return pack_dtype(value, where)
        if isinstance(value, type):
            return pack_class(value, where)
        if exact in (np.ndarray, np.memmap):
            return self._pack_objects(value, where) if value.dtype.kind == "O" else self._pack_array(value, where)
        return self._pack_object(value, where)

    def _pack_items(self, items: Iterable[Any], where: str) -> list[Any]:
        return [self.pack(item, f"{where}[{_label(i, item)}]") for i, item in enumerate(items)]

    def _pack_key(self, key: Any, where: str) -> Any:
        if not is_plain(key):
            raise TypeError(f"{where}: the key {shown(key)} of type {type(key).__name__} cannot be saved")
        return self.pack(key, f"{where}: key")

    def _pack_array(self, array: npt.NDArray[Any], where: str) -> dict[str, Any]:
        if not may_travel(array.dtype):
            raise TypeError(f"{where}: an array of {array.dtype} cannot be saved, expected numbers, text or times")
        return {"type": "array", "name": self._store(array, where)}

    def _store(self, array: npt.NDArray[Any], where: str) -> str:
        stem = re.sub(r"[^A-Za-z0-9_.]+", "-", where)[:MAX_NAME].strip("-.") or "array"
        # "metadata" is the archive's own.
        name, number = stem, 2
        while name in self.arrays or name == "metadata":
            name, number = f"{stem}-{number}", number + 1
        self.arrays[name] = np.asarray(array)
        return name

    def _pack_objects(self, array: npt.NDArray[np.object_], where: str) -> dict[str, Any]:
        items = array.ravel().tolist()
        if len(items) > MAX_TEXTS and all(type(item) is str for item in items):
            encoded = [text.encode("utf-8", "surrogatepass") for text in items]
            offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
            data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
            names = {"data": self._store(data, where), "offsets": self._store(offsets, f"{where}.offsets")}
            return {"type": "texts", **names, "shape": list(array.shape)}
        for i, item in enumerate(items):
            if not is_plain(item):
                raise TypeError(f"{where}[{i}]: an element of type {type(item).__name__} cannot be saved")
        return {"type": "objects", "items": self._pack_items(items, where), "shape": list(array.shape)}

    def _pack_object(self, value: Any, where: str) -> dict[str, Any]:
        cls = type(value)
        for kind in self._kinds:
            # Classes are looked for, and imported, only by their names.
            if kind.name.rpartition(".")[2] == cls.__name__ and _found(kind) is cls:
                return {"type": "object", "kind": kind.name, "state": kind.pack(value, self, where)}
        raise TypeError(
            f"{where}: {shown(value)} of type {cls.__module__}.{cls.__qualname__} cannot be saved, expected plain "
            "values, arrays or one of the classes that help(save_model) names"
        )


class Unpacker:
    """Turns JSON and arrays into values, and trusts neither.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of the file. Each is taken once.
    kinds : iterable of Kind
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], kinds: Iterable[Kind]):
        self._left = dict(arrays)
        self._taken: set[str] = set()
        self._kinds = {kind.name: kind for kind in kinds}
        self._depth = 0
        self._warnings: dict[str, type[Warning]] = {}

    def unpack(self, packed: Any, where: str) -> Any:
        """Return the value that JSON stands for.

        Parameters
        ----------
        packed : None, bool, int, float, str, list or dict
        where : str
            In the whole, for messages.

        Returns
        -------
        value : object

        Raises
        ------
        ValueError
            For whatever `Packer` does not write.
        ImportError
            For an object whose library is not installed.
        """
        if self._depth >= MAX_DEPTH:
            raise Malformed(f"{where}: nested more than {MAX_DEPTH} deep")
        self._depth += 1
        try:
            with within(where):
                return self._unpack(packed, where)
        finally:
            self._depth -= 1

    def unpack_all(
        self, packed: Mapping[str, Any], where: str, required: Iterable[str], optional: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return named values, after checking that these are the names.

        Parameters
        ----------
        packed : mapping of str to JSON
        where : str
        required, optional : iterable of str

        Returns
        -------
        values : dict of str to object
            In the order of the file.
        """
        with within(where):
            check_entries(packed, required, optional)
        return {name: self.unpack(value, f"{where}.{name}") for name, value in packed.items()}

    def warn(self, message: str, category: type[Warning]) -> None:
        """Keep a warning for the end, once, whatever it is said of.

        Parameters
        ----------
        message : str
        category : type
        """
        self._warnings[message] = category

    def finish(self, stacklevel: int = 2) -> None:
        """Check that every array has been taken.

        Parameters
        ----------
        stacklevel : int, default=2
            Of warnings; 2 points to the caller.

        Raises
        ------
        ValueError

        Warns
        -----
        Warning
            Whatever `warn` was told.
        """
        if self._left:
            raise Malformed(f"the array {shown(min(self._left))} is not allowed, nothing refers to it")
        for message, category in self._warnings.items():
            warnings.warn(message, category, stacklevel=stacklevel)

    def _unpack(self, packed: Any, where: str) -> Any:
        exact = type(packed)
        if packed is None or exact in (bool, float, str):
            return packed
        if exact is int:
            if not MIN_INT <= packed <= MAX_INT:
                raise ValueError(f"{shown(packed)} is not allowed, expected at most 64 bits")
            return packed
        if exact is list:
            return self._unpack_items(packed, where)
        if exact is not dict:
            raise ValueError(f"{shown(packed)} is not allowed, expected what JSON holds")
        name = packed.get("type")
        if not isinstance(name, str) or name not in _READERS:
            raise ValueError(f"the type {shown(name)} is not allowed, expected one of {', '.join(sorted(_READERS))}")
        entries, read = _READERS[name]
        check_entries(packed, ("type", *entries))
        return read(self, packed, where)

    def _unpack_items(self, items: Any, where: str) -> list[Any]:
        if type(items) is not list:
            raise ValueError(f"items: {shown(items)} is not allowed, expected a list")
        return [self.unpack(item, f"{where}[{i}]") for i, item in enumerate(items)]

    def _unpack_tuple(self, packed: dict[str, Any], where: str) -> tuple[Any, ...]:
        return tuple(self._unpack_items(packed["items"], where))

    def _unpack_dict(self, packed: dict[str, Any], where: str) -> dict[Any, Any]:
        items = packed["items"]
        if type(items) is not list or not all(type(item) is list and len(item) == 2 for item in items):
            raise ValueError(f"items: {shown(items)} is not allowed, expected pairs of a key and a value")
        values: dict[Any, Any] = {}
        for key, value in items:
            known = self.unpack(key, f"{where}: key")
            if not is_plain(known):
                raise ValueError(f"the key {shown(known)} is not allowed, expected a number or text")
            if known in values:
                raise ValueError(f"the key {shown(known)} is there twice, expected each once")
            values[known] = self.unpack(value, f"{where}[{shown(known)}]")
        return values

    def _unpack_slice(self, packed: dict[str, Any], where: str) -> slice:
        parts = [self.unpack(packed[name], f"{where}.{name}") for name in ("start", "stop", "step")]
        if not all(is_plain(part) for part in parts):
            raise ValueError(f"{shown(parts)} is not allowed, expected the start, stop and step of a slice")
        return slice(*parts)

    def _unpack_array(self, packed: dict[str, Any], where: str) -> npt.NDArray[Any]:
        return self._take(packed["name"])

    def _take(self, name: Any) -> npt.NDArray[Any]:
        if not isinstance(name, str) or name not in self._left:
            again = isinstance(name, str) and name in self._taken
            reason = "there already, expected each once" if again else "missing"
            raise ValueError(f"the array {shown(name)} is {reason}")
        self._taken.add(name)
        return checked_array(self._left.pop(name), name)

    def _unpack_texts(self, packed: dict[str, Any], where: str) -> npt.NDArray[np.object_]:
        data, offsets = self._take(packed["data"]), self._take(packed["offsets"])
        if data.dtype != np.uint8 or data.ndim != 1 or offsets.dtype != np.int64 or offsets.ndim != 1:
            raise ValueError("texts are not allowed as these arrays, expected data of uint8 and offsets of int64")
        if offsets.size == 0 or offsets[0] != 0 or offsets[-1] != data.size or (offsets[1:] < offsets[:-1]).any():
            raise ValueError(f"the offsets of texts are not allowed, expected 0 ascending to {data.size}")
        content, ends = data.tobytes(), offsets.tolist()
        try:
            texts = [content[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(ends)]
        except UnicodeDecodeError as error:
            raise ValueError(f"a text is not UTF-8: {error.reason}") from None
        return object_array(texts, packed["shape"])

    def _unpack_objects(self, packed: dict[str, Any], where: str) -> npt.NDArray[np.object_]:
        items = self._unpack_items(packed["items"], where)
        if not all(map(is_plain, items)):
            raise ValueError("an element is not allowed, expected numbers and text")
        return object_array(items, packed["shape"])

    def _unpack_object(self, packed: dict[str, Any], where: str) -> Any:
        name, state = packed["kind"], packed["state"]
        if not isinstance(name, str) or name not in self._kinds:
            raise ValueError(f"the kind {shown(name)} is not known to this version")
        if type(state) is not dict:
            raise ValueError(f"state: {shown(state)} is not allowed, expected named values")
        self._kinds[name].find()
        return self._kinds[name].unpack(state, self, where)


def _found(kind: Kind) -> type | None:
    """Return the class of a kind, None where its library is not installed: then nobody has such objects."""
    try:
        return kind.find()
    except ImportError:
        return None


def _label(i: int, item: Any) -> str:
    """Return the name of an item among its like: steps of pipelines have one, and it comes first."""
    return repr(item[0]) if type(item) is tuple and len(item) > 1 and type(item[0]) is str else str(i)


# By the type: what else is there, and how it is read.
_READERS: dict[str, tuple[tuple[str, ...], Callable[[Unpacker, dict[str, Any], str], Any]]] = {
    "tuple": (("items",), Unpacker._unpack_tuple),
    "dict": (("items",), Unpacker._unpack_dict),
    "scalar": (("dtype", "value"), lambda unpacker, packed, where: unpack_scalar(packed)),
    "array": (("name",), Unpacker._unpack_array),
    "texts": (("data", "offsets", "shape"), Unpacker._unpack_texts),
    "objects": (("items", "shape"), Unpacker._unpack_objects),
    "dtype": (("name",), lambda unpacker, packed, where: unpack_dtype(packed)),
    "class": (("name",), lambda unpacker, packed, where: unpack_class(packed)),
    "slice": (("start", "stop", "step"), Unpacker._unpack_slice),
    "object": (("kind", "state"), Unpacker._unpack_object),
}

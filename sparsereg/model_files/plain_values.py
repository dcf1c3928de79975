"""Scalars, dtypes and arrays in model files: the plain values that JSON has no word for, from tables and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.contents import check_entries
from sparsereg.inputs.rows import shown

# Without long doubles, whose form differs between machines, and complex numbers, which nothing here has.
NUMBERS = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)
# Arrays of objects are never read; that something makes them is harmless.
DTYPES = (*NUMBERS, "object")
CLASSES: dict[str, type] = {
    "bool": bool, "int": int, "float": float, "str": str, "object": object,
    **{f"numpy.{name}": np.dtype(name).type for name in NUMBERS},
    # By which columns of frames are chosen.
    "numpy.number": np.number, "numpy.integer": np.integer, "numpy.floating": np.floating, "numpy.object": np.object_,
}
# Those of them that are no type of an array of numbers.
ABSTRACT = (str, np.number, np.integer, np.floating)
# What parameters call the types of numbers. NumPy reads far more, and raises what it likes for some.
WORDS = {
    *DTYPES, "float", "int", "single", "double", "f", "d", "f4", "f8", "<f4", "<f8", "=f4", "=f8", "i4", "i8",
}

# Functions of numbers that scale columns and targets. A file has their names alone, and this table what they are.
UFUNCS: dict[str, np.ufunc] = {
    name: getattr(np, name) for name in (
        *("log", "log1p", "log2", "log10", "exp", "expm1", "exp2", "sqrt", "cbrt", "square", "absolute", "fabs"),
        *("negative", "positive", "reciprocal", "sign", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh"),
        *("cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg", "radians", "degrees", "floor"),
        *("ceil", "trunc", "rint"),
    )
}


def is_plain(value: Any) -> bool:
    """Return whether a value may be a key, or an element of an object array."""
    if type(value) is tuple:
        return all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, str) or isinstance(value, np.generic)


def may_travel(dtype: np.dtype[Any]) -> bool:
    """Return whether arrays may be of a type: numbers, text, bytes and times, without fields."""
    return dtype.name in NUMBERS or dtype.kind in "USMm"


def check_dtype_word(value: Any) -> None:
    """Check a parameter that stands for a type of numbers, before NumPy reads it.

    Parameters
    ----------
    value : object
        A dtype, a class or text.

    Raises
    ------
    ValueError
    """
    is_class = isinstance(value, type) and value in CLASSES.values() and value not in ABSTRACT
    if not is_class and not isinstance(value, np.dtype) and not (isinstance(value, str) and value in WORDS):
        raise ValueError(f"dtype: {shown(value)} is not allowed, expected a type of numbers")


def pack_scalar(value: np.generic, where: str) -> dict[str, Any]:
    """Return what stands for a NumPy scalar; TypeError for what is no number or text."""
    if type(value) is np.str_:
        return {"type": "scalar", "dtype": "str", "value": str(value)}
    name = value.dtype.name
    if name not in NUMBERS or type(value) is not np.dtype(name).type:
        raise TypeError(f"{where}: a NumPy scalar of {value.dtype} cannot be saved, expected a number or text")
    return {"type": "scalar", "dtype": name, "value": value.item()}


def unpack_scalar(packed: Mapping[str, Any]) -> np.generic:
    """Return a NumPy scalar; ValueError for a value that none of its type has."""
    name, value = packed["dtype"], packed["value"]
    if name == "str" and isinstance(value, str):
        return np.str_(value)
    if isinstance(name, str) and name in NUMBERS:
        cls: Any = np.dtype(name).type
        expected: Any = {"b": bool, "f": float}.get(np.dtype(name).kind, int)
        # Written from such a scalar, it comes back as it is: 300 is no int8, and 0.1 no float32.
        if type(value) is expected and (expected is not int or np.iinfo(cls).min <= value <= np.iinfo(cls).max):
            with np.errstate(over="ignore"):
                scalar: np.generic = cls(value)
            if scalar.item() == value or value != value:
                return scalar
    raise ValueError(f"{shown(value)} is not allowed as a NumPy scalar of {shown(name)}")


def pack_class(value: type, where: str) -> dict[str, Any]:
    """Return what stands for a type of numbers; TypeError for any other class."""
    for name, known in CLASSES.items():
        if value is known:
            return {"type": "class", "name": name}
    raise TypeError(f"{where}: the class {value.__module__}.{value.__qualname__} cannot be saved")


def unpack_class(packed: Mapping[str, Any]) -> type:
    """Return a type of numbers; ValueError for a name that none has."""
    name = packed["name"]
    if not isinstance(name, str) or name not in CLASSES:
        raise ValueError(f"the class {shown(name)} is not allowed, expected one of {', '.join(CLASSES)}")
    return CLASSES[name]


def pack_dtype(value: np.dtype[Any], where: str) -> dict[str, Any]:
    """Return what stands for a dtype; TypeError for what is none of numbers or objects."""
    if value.name not in DTYPES or not value.isnative:
        raise TypeError(f"{where}: dtype {value} cannot be saved, expected one of {', '.join(DTYPES)}")
    return {"type": "dtype", "name": value.name}


def unpack_dtype(packed: Mapping[str, Any]) -> np.dtype[Any]:
    """Return a dtype; ValueError for a name that none has."""
    name = packed["name"]
    if not isinstance(name, str) or name not in DTYPES:
        raise ValueError(f"the dtype {shown(name)} is not allowed, expected one of {', '.join(DTYPES)}")
    return np.dtype(name)


def pack_ufunc(value: np.ufunc, where: str) -> dict[str, Any]:
    """Return what stands for one of `UFUNCS`; TypeError for any other."""
    for name, known in UFUNCS.items():
        if value is known:
            return {"type": "ufunc", "name": name}
    raise TypeError(f"{where}: {shown(value)} cannot be saved, expected one of {', '.join(UFUNCS)} of NumPy")


def unpack_ufunc(packed: Mapping[str, Any]) -> np.ufunc:
    """Return one of `UFUNCS`; ValueError for a name that none has."""
    check_entries(packed, ("type", "name"))
    name = packed["name"]
    if not isinstance(name, str) or name not in UFUNCS:
        raise ValueError(f"the ufunc {shown(name)} is not allowed, expected one of {', '.join(UFUNCS)}")
    return UFUNCS[name]


def checked_array(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Return an array that kernels and Python can read: of this machine's byte order, aligned, without odd bits.

    Parameters
    ----------
    array : object
    name : str

    Returns
    -------
    array : ndarray
        The same one where it can be.

    Raises
    ------
    ValueError
    """
    if type(array) is not np.ndarray or not may_travel(array.dtype):
        raise ValueError(f"the array {name!r} is of {getattr(array, 'dtype', None)}, expected numbers, text or times")
    native = np.require(array, array.dtype.newbyteorder("="), "A")
    if native.dtype.kind == "b" and native.size and np.ascontiguousarray(native).view(np.uint8).max() > 1:
        raise ValueError(f"the array {name!r} has truth values other than 0 and 1")
    if native.dtype.kind == "U" and native.size and native.dtype.itemsize:
        letters = np.ascontiguousarray(native).reshape(-1).view(np.uint32)
        if letters.max() > 0x10FFFF:
            raise ValueError(f"the array {name!r} has letters that are none of Unicode's")
    return native


def object_array(items: list[Any], shape: Any) -> npt.NDArray[np.object_]:
    """Return an object array, whose shape must be that of so many elements.

    Parameters
    ----------
    items : list
    shape : object

    Returns
    -------
    array : ndarray

    Raises
    ------
    ValueError
    """
    if type(shape) is not list or not all(type(n) is int and n >= 0 for n in shape) or math.prod(shape) != len(items):
        raise ValueError(f"shape: {shown(shape)} is not allowed for {len(items)} elements")
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    try:
        return array.reshape(shape)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"shape: {shown(shape)} is not allowed: {error}") from None

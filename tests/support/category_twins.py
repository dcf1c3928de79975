"""Slow twins of keys and hashed ids, from their documentation alone, and the containers of a column."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

WORD = 2**64


def mix(z):
    z = (z + 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def canonical(text):
    """Return a string as the category that it is."""
    if re.fullmatch(r"-?(0|[1-9][0-9]*)\.0", text):
        return "0" if text == "-0.0" else text[:-2]
    return {"True": "true", "False": "false"}.get(text, text)


def key(text):
    """Return the 64-bit key of a string."""
    data = canonical(text).encode()
    out = len(data)
    for at in range(0, len(data), 8):
        out = mix(out ^ int.from_bytes(data[at : at + 8], "little"))
    return out


def hashed_id(block, texts, bits):
    """Return the id of a block's texts, None where one is missing."""
    if None in texts:
        return None
    h = key(f"{block}=")
    for text in texts:
        h = mix(h ^ mix(key(text)))
    return h >> (64 - bits)


def with_gaps(values, dtype, filler):
    """Return an array of the values, a filler in the place of None, and where that is."""
    gaps = np.array([value is None for value in values], dtype=bool)
    return np.array([filler if value is None else value for value in values], dtype=dtype), gaps


def containers(values, kind):
    """Return {name: column} with the values, None among them, in all that can hold them without loss.

    `kind` is "integer", "float", "string", "boolean" or "moment" (naive datetimes to the microsecond).
    """
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    arrow = pa.array(values, type={
        "integer": pa.int64(), "float": pa.float64(), "string": pa.string(), "boolean": pa.bool_(),
        "moment": pa.timestamp("us"),
    }[kind])  # fmt: skip
    out = {
        "list": objects,
        "pandas object": pd.Series(objects, dtype=object),
        "pandas category": pd.Series(pd.Categorical(objects)),
        "pandas arrow": pd.Series(pd.array(arrow, dtype=pd.ArrowDtype(arrow.type))),
        "arrow": arrow,
        "arrow chunks": pa.chunked_array([arrow[:1], arrow[1:]]),
        "arrow dictionary": arrow.dictionary_encode(),
        "arrow chunks of dictionaries": pa.chunked_array([arrow[1:].dictionary_encode(), arrow[:1].dictionary_encode()])
        if len(values) == 1
        else pa.chunked_array([arrow[:1].dictionary_encode(), arrow[1:].dictionary_encode()]),
        "polars": pl.DataFrame({"x": pl.Series(values, dtype=getattr(pl, POLARS[kind]))}),
    }
    if kind == "integer":
        filled, gaps = with_gaps(values, np.int64, 0)
        out["pandas masked"] = pd.Series(pd.arrays.IntegerArray(filled, gaps))
        if not gaps.any():
            out["numpy"] = out["pandas numpy"] = filled
    elif kind == "boolean":
        filled, gaps = with_gaps(values, bool, False)
        out["pandas masked"] = pd.Series(pd.arrays.BooleanArray(filled, gaps))
        if not gaps.any():
            out["numpy"] = filled
    elif kind == "float":
        out["numpy"] = with_gaps(values, np.float64, np.nan)[0]
        out["pandas masked"] = pd.Series(pd.arrays.FloatingArray(*with_gaps(values, np.float64, 1.0)))
    elif kind == "string":
        out["pandas string"] = pd.Series(objects, dtype="string[python]")
        out["pandas str"] = pd.Series(objects, dtype="str")
        out["arrow large"] = arrow.cast(pa.large_string())
        out["arrow view"] = arrow.cast(pa.string_view())
        out["polars category"] = pl.DataFrame({"x": pl.Series(values, dtype=pl.Categorical)})
        if None not in values:
            out["numpy variable"] = np.array(values, dtype=np.dtypes.StringDType())
            if not any(value.endswith("\0") for value in values):  # which numpy's fixed width cannot tell
                out["numpy fixed"] = np.array(values, dtype=f"U{max(map(len, values)) or 1}")
    else:
        out["numpy"] = np.array(values, dtype="M8[us]")
        out["pandas"] = pd.Series(out["numpy"])
    return out


POLARS = {"integer": "Int64", "float": "Float64", "string": "String", "boolean": "Boolean", "moment": "Datetime"}

"""Parameters and fitted attributes of estimators, in the form that scikit-learn gave them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.contents import check_entries, within
from sparsereg.inputs.rows import shown
from sparsereg.model_files.values import Packer, Unpacker

# Where scikit-learn keeps what `set_output` was told.
OUTPUT = "_sklearn_output_config"
OUTPUTS = (None, "default", "pandas", "polars")


def pack_attributes(
    estimator: Any, parameters: Collection[str], fitted: Collection[str], packer: Packer, where: str,
    follows: Collection[str] = (),
) -> dict[str, Any]:
    """Return the state of an estimator, and refuse whatever else it holds.

    Parameters
    ----------
    estimator : object
        An attribute for each parameter; those that end in `_` and the like are there once it is fitted.
    parameters, fitted : collection of str
        What there may be.
    packer : Packer
    where : str
    follows : collection of str, default=()
        What there may be besides, and follows from these.

    Returns
    -------
    state : dict of JSON

    Raises
    ------
    TypeError
        For another attribute: what reads the file could not know what it means.
    """
    attributes = vars(estimator)
    strange = sorted(set(attributes) - {*parameters, *fitted, *follows, OUTPUT})
    if strange:
        raise TypeError(
            f"{where}: the attribute {strange[0]!r} of a {type(estimator).__name__} cannot be saved, expected its "
            f"parameters and {', '.join(sorted(fitted)) or 'nothing else'}"
        )
    state: dict[str, Any] = {
        "parameters": packer.pack_all({name: attributes[name] for name in parameters}, where),
        "fitted": packer.pack_all({name: attributes[name] for name in fitted if name in attributes}, where),
    }
    if OUTPUT in attributes:
        state["output"] = packer.pack(attributes[OUTPUT], f"{where}.set_output")
    return state


def unpack_attributes(
    state: Mapping[str, Any], parameters: Collection[str], fitted: Collection[str], unpacker: Unpacker, where: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what `pack_attributes` wrote: names are checked, values are not.

    Parameters
    ----------
    state : mapping of str to JSON
    parameters, fitted : collection of str
        What there may be.
    unpacker : Unpacker
    where : str

    Returns
    -------
    parameters, fitted : dict of str to object
    output : dict of str to object
        What `set_output` was told, as the attribute that it is; often empty.
    """
    with within(where):
        check_entries(state, ("parameters", "fitted"), ("output",))
    given = unpacker.unpack_all(state["parameters"], where, (), parameters)
    known = unpacker.unpack_all(state["fitted"], where, (), fitted)
    if "output" not in state:
        return given, known, {}
    output = unpacker.unpack(state["output"], f"{where}.set_output")
    with within(f"{where}.set_output"):
        if not isinstance(output, dict) or not all(
            key == "transform" and (value is None or isinstance(value, str)) and value in OUTPUTS
            for key, value in output.items()
        ):
            raise ValueError(f"{shown(output)} is not allowed, expected what the output of transform is")
    return given, known, {OUTPUT: output}


def names_of(values: Mapping[str, Any], name: str, n_names: int) -> npt.NDArray[np.object_]:
    """Return column names.

    Parameters
    ----------
    values : mapping of str to object
    name : str
    n_names : int

    Returns
    -------
    names : object array of str of shape (n_names,)
    """
    names = values[name]
    if not isinstance(names, np.ndarray) or names.dtype != object or names.shape != (n_names,):
        raise ValueError(f"{name}: {shown(names)} is not allowed, expected {n_names} column names")
    if not all(isinstance(text, str) for text in names.tolist()):
        raise ValueError(f"{name}: {shown(names)} is not allowed, expected column names")
    return names

"""ONNX graphs, put together node by node. The package onnx is imported when a graph is begun."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 18  # of February 2023
ML_OPSET = 4  # the first whose LabelEncoder keeps doubles
IR_VERSION = 9  # of the release of that one


def import_onnx() -> ModuleType:
    """Return the package onnx.

    Raises
    ------
    ImportError
        Where it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ImportError:
        raise ImportError("to_onnx needs onnx: pip install 'sparsereg-wide[onnx]'") from None


class Graph:
    """A graph that grows: every method adds something and returns the name of what that computes."""

    def __init__(self) -> None:
        self._onnx = import_onnx()
        self._helper = importlib.import_module("onnx.helper")
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._named: set[str] = set()
        self._count = 0

    def input(self, name: str, dtype: Any, shape: Sequence[str | int]) -> str:
        """Add an input; a dimension that is text may have any size, the same wherever it has that text."""
        self._inputs.append(self._value_info(name, dtype, shape))
        self._named.add(name)
        return name

    def output(self, tensor: str, name: str, dtype: Any, shape: Sequence[str | int]) -> None:
        """Give a tensor out under a name of its own."""
        self._nodes.append(self._helper.make_node("Identity", [tensor], [name]))
        self._outputs.append(self._value_info(name, dtype, shape))

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add a tensor that stays as it is."""
        name = self._fresh()
        self._constants.append(self._tensor(np.asarray(values, dtype=dtype), name))
        return name

    def node(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Add an operation of the standard domain; an input that is no name becomes a constant."""
        names = [given if isinstance(given, str) else self.constant(given) for given in inputs]
        name = self._fresh()
        self._nodes.append(self._helper.make_node(operator, names, [name], **attributes))
        return name

    def cast(self, tensor: str, dtype: Any) -> str:
        """Change the type of a tensor."""
        return self.node("Cast", tensor, to=self._type(dtype))

    def look_up(self, tensor: str, keys: npt.NDArray[Any], values: npt.NDArray[Any], default: Any) -> str:
        """Replace each key by its value, and all else by the default: a LabelEncoder.

        Parameters
        ----------
        tensor : str
        keys : ndarray of int64, or object array of str, of shape (n,)
            Not empty, each of them once.
        values : ndarray of shape (n,)
        default : scalar
        """
        name = self._fresh()
        tables = {"keys": keys, "values": values, "default": np.array([default], dtype=values.dtype)}
        attributes = {f"{table}_tensor": self._tensor(array, table) for table, array in tables.items()}
        node = self._helper.make_node("LabelEncoder", [tensor], [name], domain="ai.onnx.ml", **attributes)
        self._nodes.append(node)
        return name

    def serialized(self, version: str, facts: dict[str, str]) -> bytes:
        """Return the model file of all that was added.

        Parameters
        ----------
        version : str
            Of this library.
        facts : dict of str
            Metadata of the model.
        """
        graph = self._helper.make_graph(self._nodes, "sparsereg", self._inputs, self._outputs, self._constants)
        opsets = [self._helper.make_opsetid("", OPSET), self._helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = self._helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="sparsereg", producer_version=version
        )
        self._helper.set_model_props(model, facts)
        return bytes(model.SerializeToString())

    def _fresh(self) -> str:
        self._count += 1
        while f"/{self._count}" in self._named:
            self._count += 1
        return f"/{self._count}"

    def _type(self, dtype: Any) -> Any:
        return self._helper.np_dtype_to_tensor_dtype(np.dtype(object if dtype is str else dtype))

    def _value_info(self, name: str, dtype: Any, shape: Sequence[str | int]) -> Any:
        return self._helper.make_tensor_value_info(name, self._type(dtype), list(shape))

    def _tensor(self, array: npt.NDArray[Any], name: str) -> Any:
        if array.dtype == np.int64 and _n_bytes(array) < array.nbytes:
            short = self._onnx.TensorProto(name=name, data_type=self._type(np.int64), dims=array.shape)
            short.int64_data.extend(array.ravel().tolist())
            return short
        if array.dtype.kind in "OU":
            return self._helper.make_tensor(
                name, self._type(str), array.shape, [text.encode() for text in array.ravel().tolist()]
            )
        return importlib.import_module("onnx.numpy_helper").from_array(np.asarray(array, order="C"), name)


def _n_bytes(integers: npt.NDArray[np.int64]) -> int:
    """Return how many bytes the field for integers takes: seven bits a byte, and ten bytes for a negative one."""
    longer = sum(np.count_nonzero(integers >= 1 << 7 * k) for k in range(1, 9))
    return int(integers.size + longer + 9 * np.count_nonzero(integers < 0))

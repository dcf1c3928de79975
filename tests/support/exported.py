"""Exports in the hands of others: graphs in onnxruntime, and the programs that pages of the tree show."""

import re

import numpy as np
import onnx
import onnxruntime
from py_mini_racer import MiniRacer
from support.checkout import PACKAGE

HASHING = PACKAGE / "features" / "hashing.md"
EXPORTS = PACKAGE / "export" / "exports.md"


def session(path):
    """Return a graph, checked in full, in a runtime of one thread."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(path, **inputs):
    """Return {name: output} of a graph."""
    graph = session(path)
    assert {given.name for given in graph.get_inputs()} == {*inputs}
    return dict(zip((output.name for output in graph.get_outputs()), graph.run(None, inputs)))


def padded(X, values=False):
    """Return the ids of the rows of a CSR matrix, filled up with -1, and with `values` these too."""
    lengths = np.diff(X.indptr)
    where = np.arange(lengths.max(initial=0)) < lengths[:, None]
    ids = np.full(where.shape, -1, dtype=np.int64)
    ids[where] = X.indices
    if not values:
        return {"ids": ids}
    data = np.zeros(where.shape)
    data[where] = X.data
    return {"ids": ids, "values": data}


def blocks(page, language):
    """Return the programs of a page that are in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def javascript(call, *arguments, pages=(HASHING, EXPORTS)):
    """Return what a function gives, with all JavaScript of the pages before it."""
    program = "\n".join(block for page in pages for block in blocks(page, "javascript"))
    with MiniRacer() as context:
        context.eval(program)
        context.eval(f"var call = {call};")
        return context.call("call", *arguments)

"""Table models in model files: a model, what makes its columns, and the columns of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparsereg.estimators.table_model import TableModel
from sparsereg.inputs.contents import within
from sparsereg.model_files.values import Kind, Packer, Unpacker

ATTRIBUTES = ("model", "features", "target", "weight", "missing", "sources", "n_samples", "held_out")


def _pack(model: TableModel, packer: Packer, where: str) -> dict[str, Any]:
    return packer.pack_all({name: getattr(model, name) for name in ATTRIBUTES}, where)


def _unpack(state: Mapping[str, Any], unpacker: Unpacker, where: str) -> TableModel:
    given = unpacker.unpack_all(state, where, ATTRIBUTES)
    with within(where):
        try:
            return TableModel(given.pop("model"), given.pop("features"), **given)
        except TypeError as error:
            raise ValueError(str(error)) from error


TABLE_MODELS: tuple[Kind, ...] = (Kind("sparsereg.TableModel", lambda: TableModel, _pack, _unpack),)

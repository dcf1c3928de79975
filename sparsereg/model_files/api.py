"""Serialization of models: sealed files of non-zeros and parameters, read without running any code.

A file is an uncompressed `.npz` (`sparsereg.archive`), of format "sparsereg model". The entry "model" of its metadata
is JSON that refers to the arrays (`sparsereg.model_files.values`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparsereg.archive import Arrays, load_archive, save_archive, size_of_archive
from sparsereg.inputs.contents import reading
from sparsereg.inputs.parameters import check_choice, check_flag

# What may travel is a dozen modules, which only those who save and load need: an import of the package stays quick.
if TYPE_CHECKING:
    from sparsereg.model_files.coefficients import Saving

__all__ = ["ModelSize", "SavedModel", "load_model", "model_size", "save_model"]

FORMAT = ("sparsereg model", 1)
COMPRESSIONS = ("float32", "float16")


@dataclass(frozen=True)
class SavedModel:
    """What saving a model came to.

    Attributes
    ----------
    nbytes : int
        Size of the file.
    n_nonzero : int
        Coefficients in it, of all classes and alphas.
    n_dropped : int
        Coefficients that compression would have rounded to zero, and that are left out for that.
    max_absolute_change : float
        The largest change of a coefficient, those left out included.
    max_relative_change : float
        The largest change of one that is kept, as a share of it.
    """

    nbytes: int
    n_nonzero: int
    n_dropped: int
    max_absolute_change: float
    max_relative_change: float

    def __str__(self) -> str:
        """Say it in words."""
        text = f"{self.nbytes:,} bytes, {self.n_nonzero:,} non-zeros"
        if self.max_absolute_change == 0.0:
            return f"{text}, none changed"
        return (
            f"{text}, {self.n_dropped:,} more rounded to zero; coefficients changed by at most "
            f"{self.max_absolute_change:.2g}, those kept by {self.max_relative_change:.2g} of themselves"
        )


@dataclass(frozen=True)
class ModelSize:
    """Size of a model.

    Attributes
    ----------
    memory : int
        Bytes in memory of what linear predictors are made of: ids and values of the non-zeros, the hash table that
        finds them, intercepts.
    file : int
        Bytes of the file that `save_model` writes.
    """

    memory: int
    file: int

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.memory:,} bytes in memory, {self.file:,} bytes in a file"


def save_model(
    model: Any, path: str | os.PathLike[str], *, compress: str | None = None, state: bool = False
) -> SavedModel:
    """Write a model to a file that holds its non-zeros alone, and no code.

    Parameters
    ----------
    model : estimator, RegularizationPath, transformer or Pipeline
        Any of this package, fitted or not. Of scikit-learn Pipeline, ColumnTransformer, FeatureUnion and
        TransformedTargetRegressor of these, and of StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler,
        Normalizer, Binarizer, OneHotEncoder, SimpleImputer, MissingIndicator, FunctionTransformer, CountVectorizer,
        TfidfVectorizer, TfidfTransformer, HashingVectorizer, FeatureHasher and DictVectorizer; and as `cv` its
        splitters. Functions of targets and columns may be those of NumPy, such as ``np.log1p``. What a
        cross-validation keeps of every row, `cv_folds_` and `cv_predictions_`, stays behind: they are None in the
        loaded model. A vector of fold numbers given as `cv` is a parameter, and goes along as it is: 8 bytes a row, or
        1 where it was given as int8. Of `sparsereg.dask` what `to_local` returns is saved.
    path : str or path-like
        Its folder must exist. A file that is there is replaced once the new one is complete.
    compress : None, "float32" or "float16", default=None
        What coefficients are rounded to; intercepts are not, nor what describes the fit. Vectors that reach beyond the
        range of these floats are scaled by a power of two, and what is still rounded to zero is left out.
    state : bool, default=False
        Keep the state of the optimiser of `SGDClassifier` and `SGDRegressor`, so that `partial_fit` of the loaded model
        goes on with the same bits: 16 to 32 bytes for every coefficient touched. Without it loaded models predict.

    Returns
    -------
    saved : SavedModel
        Size of the file, and what the compression has changed.

    Raises
    ------
    TypeError
        For what cannot be saved, which is named: functions, classes that this package does not know.
    ValueError
        For another `compress`; for state=True of other models and beside `compress`; for a model whose attributes were
        changed to what no fit gives.
    OSError
        A folder that is missing, a disk that is full: a file that was there is untouched.

    See Also
    --------
    load_model, model_size
    """
    arrays, meta, saving = _packed(model, compress, state)
    n_bytes = save_archive(path, arrays, meta, FORMAT)
    return SavedModel(n_bytes, saving.n_nonzero, saving.n_dropped, saving.absolute, saving.relative)


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save_model` wrote; every byte is checked before it is used, and no code is run.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    model : object
        Of the class that was saved, with the same parameters, attributes and predictions. A streaming model that was
        saved without its state predicts, and gives other fits their start: ``fit(..., coef_init=model)``.

    Raises
    ------
    ValueError
        A file that was cut short, altered, written by a newer version, or is something else; one that was sealed with
        contents that no model has.
    FileNotFoundError
    ImportError
        Parts of a model are of scikit-learn, which is not installed.

    See Also
    --------
    save_model
    """
    arrays, meta = load_archive(path, FORMAT)
    with reading(path, FORMAT[0]):
        return _unpacked(arrays, meta)


def model_size(model: Any, *, compress: str | None = None) -> ModelSize:
    """Measure a model, in memory and as a file; nothing is written.

    Parameters
    ----------
    model : object
        As `save_model` takes it. Transformers count in the file alone.
    compress : None, "float32" or "float16", default=None
        As `save_model` takes it; in memory coefficients are in double precision all the same.

    Returns
    -------
    size : ModelSize

    Raises
    ------
    TypeError, ValueError
        As `save_model`.
    """
    arrays, meta, saving = _packed(model, compress, False)
    return ModelSize(saving.memory, size_of_archive(arrays, meta, FORMAT))


def _packed(model: Any, compress: Any, state: Any) -> tuple[Arrays, dict[str, Any], Saving]:
    """Turn a model into arrays and JSON, and make sure that it can be read back."""
    from sparsereg.model_files.coefficients import ModelPacker, Saving
    from sparsereg.model_files.kinds import KINDS

    saving = Saving(
        None if compress is None else check_choice(compress, "compress", COMPRESSIONS), check_flag(state, "state")
    )
    if saving.state and saving.compress is not None:
        raise ValueError(f"compress: {compress!r} is not allowed with state=True, whose bits stay; expected None")
    packer = ModelPacker(KINDS, saving)
    # Those of a cluster say what they are on one machine.
    packed = packer.pack(model.to_local() if hasattr(model, "to_local") else model, "model")
    if not isinstance(packed, dict) or packed["type"] != "object":
        raise TypeError(f"model: a {type(model).__name__} is not allowed, expected a model, path or transformer")
    if saving.state and not saving.n_states:
        if hasattr(model, "partial_fit"):
            raise ValueError(f"state: True is not allowed for a {type(model).__name__} that is not fitted, it has none")
        raise ValueError(
            f"state: True is not allowed for a {type(model).__name__}, expected False: only SGDClassifier and "
            "SGDRegressor that are fitted have a state that goes on"
        )
    meta = {"model": packed}
    try:
        _unpacked(packer.arrays, meta)
    except ValueError as error:
        raise ValueError(f"model: it holds what no fit gives, and no file may: {error}") from error
    return packer.arrays, meta, saving


def _unpacked(arrays: Arrays, meta: dict[str, Any]) -> Any:
    """Turn arrays and JSON into a model."""
    from sparsereg.model_files.kinds import KINDS
    from sparsereg.model_files.values import Unpacker

    packed = meta.get("model")
    if not isinstance(packed, dict) or packed.get("type") != "object" or len(meta) != 1:
        raise ValueError("its metadata are not what this library writes")
    unpacker = Unpacker(arrays, KINDS)
    model = unpacker.unpack(packed, "model")
    unpacker.finish()
    return model

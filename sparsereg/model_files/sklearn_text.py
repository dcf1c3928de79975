"""Vectorizers of scikit-learn in model files: a vocabulary is its texts in the order of their columns."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from sparsereg.inputs.contents import within
from sparsereg.inputs.rows import shown
from sparsereg.model_files.plain_values import check_dtype_word
from sparsereg.model_files.sklearn_state import FittedState, is_flag, is_vector, is_whole, sklearn_class
from sparsereg.model_files.values import Kind, Packer, Unpacker


class _VocabularyState(FittedState):
    """Vectorizers that have learned which columns texts get."""

    def pack(self, estimator: Any, packer: Packer, where: str) -> dict[str, Any]:
        """Return the state of a vectorizer."""
        same = copy.copy(estimator)
        if "vocabulary_" in vars(same):
            with within(where):
                same.vocabulary_ = _in_order(estimator.vocabulary_)
        # These are the same texts once more.
        vars(same).pop("feature_names_", None)
        return super().pack(same, packer, where)

    def unpack(self, state: Mapping[str, Any], unpacker: Unpacker, where: str) -> Any:
        """Return the vectorizer."""
        vectorizer = super().unpack(state, unpacker, where)
        if "vocabulary_" in vars(vectorizer):
            texts = vectorizer.vocabulary_.tolist()
            vectorizer.vocabulary_ = {text: i for i, text in enumerate(texts)}
            if self.name == "DictVectorizer":
                vectorizer.feature_names_ = texts
        return vectorizer


def _in_order(vocabulary: Any) -> Any:
    """Return the texts of a vocabulary, by column."""
    if not isinstance(vocabulary, dict) or not all(map(is_whole, vocabulary.values())):
        raise ValueError(f"vocabulary_: {shown(vocabulary)} cannot be saved, expected the column of each text")
    if sorted(vocabulary.values()) != [*range(len(vocabulary))]:
        raise ValueError("vocabulary_: its columns cannot be saved, expected each once, from 0 on")
    texts = np.empty(len(vocabulary), dtype=object)
    for text, column in vocabulary.items():
        texts[column] = text
    return texts


def _is_vocabulary(texts: Any, _: int) -> bool:
    """Return whether these are distinct texts."""
    return (
        isinstance(texts, np.ndarray) and texts.ndim == 1
        and all(type(text) is str for text in texts.tolist()) and len({*texts.tolist()}) == texts.size
    )


def _check_vectorizer(vectorizer: Any) -> None:
    check_dtype_word(vectorizer.dtype)
    # The others would read files, wherever the texts say.
    if getattr(vectorizer, "input", "content") != "content":
        raise ValueError(f"input: {shown(vectorizer.input)} cannot be saved, expected 'content'")


def _check_tfidf(vectorizer: Any) -> None:
    _check_vectorizer(vectorizer)
    weights = getattr(vectorizer, "_tfidf", None)
    if weights is None:
        return
    if type(weights) is not sklearn_class("feature_extraction.text", "TfidfTransformer"):
        raise ValueError(f"_tfidf: {shown(weights)} is not allowed, expected a TfidfTransformer")
    n_texts = len(vectorizer.vocabulary_) if hasattr(vectorizer, "vocabulary_") else None
    if getattr(weights, "n_features_in_", n_texts) != n_texts:
        raise ValueError(f"_tfidf: a fit on {weights.n_features_in_} columns is not allowed for {n_texts} texts")


def _is_any(value: Any, _: int) -> bool:
    return True


VOCABULARY = {"vocabulary_": _is_vocabulary, "fixed_vocabulary_": is_flag}
SKLEARN_TEXT: tuple[Kind, ...] = tuple(
    state.kind()
    for state in (
        _VocabularyState(
            "feature_extraction.text", "CountVectorizer", {}, VOCABULARY, has_columns=False, check=_check_vectorizer
        ),
        _VocabularyState(
            "feature_extraction.text", "TfidfVectorizer", {}, {**VOCABULARY, "_tfidf": _is_any}, has_columns=False,
            check=_check_tfidf,
        ),
        FittedState("feature_extraction.text", "TfidfTransformer", {}, {"idf_": is_vector("f")}),
        FittedState("feature_extraction.text", "HashingVectorizer", has_columns=False, check=_check_vectorizer),
        FittedState("feature_extraction", "FeatureHasher", has_columns=False, check=_check_vectorizer),
        _VocabularyState(
            "feature_extraction", "DictVectorizer", {}, {"vocabulary_": _is_vocabulary}, has_columns=False,
            check=_check_vectorizer,
        ),
    )
)

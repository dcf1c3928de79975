"""Vectorizers of scikit-learn in model files: the same columns for the same texts."""

import json

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from support.packed_values import read, same, same_matrix, there_and_back, written

TEXTS = ["a cat sat on the mat", "the dog barks", "Åse's dog, the cat", *(f"word{i} cat" for i in range(200))]
ROWS = [{"city": "Oslo", "n": 1.5}, {"city": "Rome"}, {"n": 2, "new": True}]

VECTORIZERS = [
    (CountVectorizer(), TEXTS), (CountVectorizer(stop_words="english", ngram_range=(1, 2), min_df=1), TEXTS),
    (CountVectorizer(vocabulary=["dog", "cat"]), TEXTS), (CountVectorizer(analyzer="char", binary=True), TEXTS),
    (CountVectorizer(vocabulary={"dog": 1, "cat": 0}, dtype=np.float32), TEXTS), (TfidfVectorizer(), TEXTS),
    (TfidfVectorizer(sublinear_tf=True, norm=None, max_features=10, dtype=np.float32), TEXTS),
    (TfidfVectorizer(use_idf=False), TEXTS), (HashingVectorizer(n_features=2**20, alternate_sign=False), TEXTS),
    (make_pipeline(CountVectorizer(), TfidfTransformer(smooth_idf=False)), TEXTS), (DictVectorizer(sort=False), ROWS),
    (DictVectorizer(separator=":"), ROWS), (FeatureHasher(64), ROWS),
]  # fmt: skip


@pytest.mark.parametrize(("vectorizer", "rows"), VECTORIZERS, ids=lambda x: repr(x)[:60] if hasattr(x, "fit") else "")
def test_vectorizers_come_back(vectorizer, rows):
    assert same(there_and_back(vectorizer), vectorizer)
    matrix = vectorizer.fit(rows).transform(rows)
    back = there_and_back(vectorizer)
    assert same_matrix(back.transform(rows), matrix)
    assert written(back)[0] == written(vectorizer)[0]
    if hasattr(vectorizer, "get_feature_names_out"):
        assert same(back.get_feature_names_out(), vectorizer.get_feature_names_out())


def test_a_vocabulary_is_two_arrays():
    text, arrays = written(CountVectorizer().fit(TEXTS))
    assert len(text) < 1200
    assert sorted(arrays) == ["model.vocabulary_", "model.vocabulary_.offsets"]


def test_without_a_fit_there_is_no_vocabulary():
    with pytest.raises(NotFittedError):
        there_and_back(CountVectorizer()).transform(TEXTS)


@pytest.mark.parametrize(
    ("vectorizer", "error", "message"), [
        (CountVectorizer(analyzer=str.split), TypeError, r"^model.analyzer: <method 'split'"),
        (TfidfVectorizer(tokenizer=str.split), TypeError, r"^model.tokenizer: <method 'split'"),
        (CountVectorizer(input="filename"), ValueError, r"^model: input: 'filename' cannot be saved, expected"),
        (CountVectorizer(dtype="i4,f8"), ValueError, r"^model: dtype: 'i4,f8' is not allowed"),
    ],
)  # fmt: skip
def test_what_cannot_travel_is_refused(vectorizer, error, message):
    with pytest.raises(error, match=message):
        written(vectorizer)


@pytest.mark.parametrize("columns", [{"cat": 0, "dog": 2}, {"cat": 0, "dog": 0}, {"cat": 0.0}, ["cat"]])
def test_a_vocabulary_with_gaps_is_refused(columns):
    vectorizer = CountVectorizer().fit(TEXTS)
    vectorizer.vocabulary_ = columns
    with pytest.raises(ValueError, match=r"^model: vocabulary_: .* cannot be saved"):
        written(vectorizer)


@pytest.mark.parametrize(
    ("name", "value"), [
        ("vocabulary_", {"type": "objects", "items": ["cat", "cat"], "shape": [2]}), ("vocabulary_", ["cat", "dog"]),
        ("vocabulary_", {"type": "objects", "items": ["cat", 1], "shape": [2]}), ("fixed_vocabulary_", 1),
        ("vocabulary_", {"type": "objects", "items": ["cat"], "shape": [1]}), ("_tfidf", "l2"),
        ("vocabulary_", {"type": "objects", "items": ["cat", "dog"], "shape": [1, 2]}), ("more", 1),
    ],
)  # fmt: skip
def test_what_is_no_vectorizer_is_refused(name, value):
    text, arrays = written(TfidfVectorizer().fit(["cat", "dog"]))
    packed = json.loads(text)
    packed["state"]["fitted"][name] = value
    with pytest.raises(ValueError, match=r"^(model|the array)"):
        read(json.dumps(packed), arrays)

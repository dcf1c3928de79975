"""Targets of streams: labels of any kind from files of any kind, known or learned, and nothing else in their place."""

import io

import numpy as np
import pytest

from sparsereg import ArrowReader, CsvReader, ParquetReader, SGDClassifier, SGDRegressor, SvmlightReader
from sparsereg.readers.labels import MAX_LEARNED, with_labels

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

X = [1.5, -1.0, 0.5, -2.0, 2.5, -0.5]


class Once(io.RawIOBase):
    """A file that can only be read onwards."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, room):
        return self._content.readinto(room)


def from_csv(y, **settings):
    lines = [f"{label},{x},1" for label, x in zip(y, X)]
    return CsvReader(
        io.BytesIO("\n".join(["y,x,w", *lines]).encode()), **{"target": "y", "features": ["x"], **settings}
    )


def from_parquet(y, **settings):
    file = io.BytesIO()
    parquet.write_table(pa.table({"y": y, "x": X}), file)
    return ParquetReader(file, target="y", features=["x"], **settings)


def from_arrow(y):
    return ArrowReader(pa.table({"y": y, "x": X}), target="y", features=["x"])


def fitted(reader, classes=None):
    return SGDClassifier(random_state=0).fit_stream(reader, classes=classes)


def read(reader, classes=None):
    """Return the classes, and the labels of all blocks."""
    source, known = with_labels(reader, classes)
    return known.tolist(), np.concatenate([block.y for block in source]).tolist()


TYPED = {
    "text": (["yes", "no", "yes", "no", "yes", "no"], ["no", "yes"]),
    "booleans": ([True, False, True, False, True, False], [False, True]),
    "numbers": ([7, -3, 7, -3, 7, -3], [-3, 7]),
    "fractions": ([7.0, 0.0, 7.0, 0.0, 7.0, 0.0], [0, 7]),
}


@pytest.mark.parametrize("kind", TYPED)
@pytest.mark.parametrize("make", [from_csv, from_parquet, from_arrow])
@pytest.mark.parametrize("given", [True, False])
def test_the_model_is_that_of_the_labels_in_memory(kind, make, given):
    y, classes = TYPED[kind]
    model = fitted(make(y), classes[::-1] if given else None)
    expected = SGDClassifier(random_state=0).partial_fit(np.array(X)[:, None], np.array(y), classes=classes)
    assert model.classes_.tolist() == classes
    assert [type(label) for label in model.classes_.tolist()] == [type(label) for label in classes]
    np.testing.assert_array_equal(model.coef_, expected.coef_)
    assert model.predict(np.array([[3.0], [-3.0]])).tolist() == classes[::-1]


@pytest.mark.parametrize(
    ("y", "classes", "expected"),
    [
        # Text in files of text, where classes say what it is.
        (["0", "1", "1.0", "+1", "1e0", "00"], [0, 1], [0, 1, 1, 1, 1, 0]),
        (["0", "1", "0", "1", "0", "1"], [False, True], [False, True] * 3),
        (["true", "False", "TRUE", "0", "1", "1.0"], [False, True], [True, False, True, False, True, True]),
        (["true", "False", "TRUE", "0", "1", "1.0"], [0, 1], [1, 0, 1, 0, 1, 1]),
        (["0", "1", "1", "1", "0", "0"], ["0", "1"], ["0", "1", "1", "1", "0", "0"]),
        (["007", "7", "7", "007", "7", "7"], ["007", "7"], ["007", "7", "7", "007", "7", "7"]),
        (["NA", "DE", "NA", "DE", "NA", "DE"], ["NA", "DE"], ["NA", "DE"] * 3),
        (["é", "e"] * 3, ["e", "é"], ["é", "e"] * 3),
    ],
)
def test_labels_in_text(y, classes, expected):
    assert read(from_csv(y), classes) == (sorted(classes), expected)


@pytest.mark.parametrize(
    ("y", "classes", "expected"),
    [
        ([0, 1, 0, 1, 0, 1], [False, True], [False, True] * 3),
        ([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], ["0", "1"], ["0", "1"] * 3),
        ([0, 1, 0, 1, 0, 1], ["0", "1"], ["0", "1"] * 3),
        ([False, True] * 3, ["False", "True"], ["False", "True"] * 3),
        ([False, True] * 3, ["false", "true"], ["false", "true"] * 3),
        ([False, True] * 3, [0, 1], [0, 1] * 3),
        (["0", "1"] * 3, [0, 1], [0, 1] * 3),
        (["0", "1"] * 3, None, ["0", "1"] * 3),
        (pa.array(["b", "a"] * 3).dictionary_encode(), None, ["b", "a"] * 3),
        (pa.array(["b", "a"] * 3, pa.string_view()), None, ["b", "a"] * 3),
        (pa.array([2**60 + 1, 2**60] * 3), None, [2**60 + 1, 2**60] * 3),
    ],
)
def test_labels_with_a_type(y, classes, expected):
    assert read(from_arrow(y), classes)[1] == expected
    if not pa.types.is_string_view(pa.array(y).type):
        assert read(from_parquet(y), classes)[1] == expected


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["0", "1", "1.0", "0", "0", "1"], [0, 1]),
        (["true", "False", "TRUE", "true", "False", "TRUE"], [False, True]),
        # Neither all numbers nor all truth values, so text.
        (["0", "1", "true", "0", "1", "true"], ["0", "1", "true"]),
        (["0", "1", "A", "1", "0", "A"], ["0", "1", "A"]),
        (["1_0", "2", "1_0", "2", "2", "2"], ["1_0", "2"]),
    ],
)
def test_what_is_learned_from_text(y, classes):
    assert read(from_csv(y))[0] == classes


def test_the_type_that_a_user_names_is_kept():
    assert read(from_csv(["0", "1", "007", "1", "0", "1"], types={"y": "string"}))[0] == ["0", "007", "1"]
    assert [block.y.tolist() for block in from_csv(TYPED["text"][0], types={"y": "string"})] == [TYPED["text"][0]]


def test_text_of_typed_files_is_text_in_blocks():
    for make in (from_parquet, from_arrow):
        assert [block.y.tolist() for block in make(TYPED["text"][0])] == [TYPED["text"][0]]


def test_labels_of_several_files_are_learned_of_all(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"y,x\n1,0.5\n2,1.5\n")
    (tmp_path / "b.csv").write_bytes(b"y,x\nA,2.5\n1,3.5\n")
    model = fitted(CsvReader(tmp_path, target="y", features=["x"]))
    assert model.classes_.tolist() == ["1", "2", "A"]


def test_svmlight():
    reader = SvmlightReader(io.BytesIO(b"1 1:1\n-1 2:1\n1 1:2\n"), block_rows=1, n_features=3)
    assert fitted(reader).classes_.tolist() == [-1, 1]
    assert reader.n_rows_ == 3


def test_probabilities_stay_what_they_are():
    for y in ([0.25, 1.0, 0.0, 0.5, 0.75, 0.0], [0.25, 0.25, 0.25, 0.25, 0.25, 1.0]):
        for make in (from_csv, from_parquet):
            assert read(make(y), [0, 1])[1] == y
            with pytest.raises(ValueError, match=r"classes: None is not allowed with targets like 0\.25"):
                read(make(y))


# What is wrong is said with its place.


@pytest.mark.parametrize("make", [from_csv, from_parquet])
@pytest.mark.parametrize(
    ("wrong", "classes"), [("maybe", ["no", "yes"]), ("Yes", ["no", "yes"]), ("yes", [0, 1]), ("yes", [False, True])]
)
def test_a_label_of_no_class(make, wrong, classes):
    y = [str(classes[0])] * 6
    y[4] = wrong
    with pytest.raises(ValueError) as caught:
        fitted(make(y, block_rows=2), classes)
    assert str(caught.value) == f"<BytesIO>, row 5: column 'y' has {wrong!r}, expected one of the classes {classes}"


def test_numbers_of_no_class():
    for y in ([0, 1, 2, 1, 0, 1], [0.0, 1.0, 2.0, 1.0, 0.0, 0.5], [0, 1, 2**60 + 1, 0, 1, 0]):
        with pytest.raises(ValueError, match=r"<BytesIO>, row 3: column 'y' has .* expected one of the classes \["):
            read(from_parquet(y), [0, 1, 2**60] if y[2] > 2 else [0, 1])


def test_rows_of_no_weight_may_be_of_no_class():
    text = b"y,x,w\nyes,1,1\nno,2,1\n?,3,0\n"
    for classes in (["no", "yes"], [0, 1]):
        words = text.replace(b"yes", b"1").replace(b"no", b"0") if classes == [0, 1] else text
        reader = CsvReader(io.BytesIO(words), target="y", features=["x"], weight="w")
        assert read(reader, classes)[1][:2] == [classes[1], classes[0]]


@pytest.mark.parametrize("gap", ["", '""'])
def test_a_label_that_is_missing(gap):
    for classes in (["no", "yes"], None):
        with pytest.raises(ValueError, match=r"<BytesIO>, row 2: column 'y' has no value, expected a label"):
            fitted(from_csv(["yes", gap, "no"]), classes)
    with pytest.raises(ValueError, match=r"<BytesIO>, row 2: column 'y' has no value, expected a label"):
        fitted(from_parquet(["yes", None, *["no"] * 4]), ["no", "yes"])


def test_a_regression_of_words():
    for text in (["1", "many", "3"], ["many", "1", "2"]):
        row = text.index("many") + 1
        with pytest.raises(ValueError, match=rf"<BytesIO>, row {row}: column 'y': .*invalid value 'many'$"):
            SGDRegressor().fit_stream(from_csv(text))
        with pytest.raises(ValueError, match=rf"<BytesIO>, row {row}: column 'y' has 'many', expected a number"):
            SGDRegressor().fit_stream(from_csv(text, types={"y": "string"}))
    with pytest.raises(ValueError, match=r"<BytesIO>: column 'y' holds string, expected numbers"):
        SGDRegressor().fit_stream(from_parquet(TYPED["text"][0]))


def test_words_that_a_user_reads_by_hand():
    with pytest.raises(ValueError, match=r"row 1: column 'y': .*; `types` says that labels are text"):
        list(from_csv(TYPED["text"][0]))


def test_what_cannot_be_read_twice_needs_classes():
    batches = pa.table({"y": [0, 1], "x": [1.0, 2.0]}).to_reader()
    for source in (
        iter([([[1.0]], [0])]),
        [([[1.0]], [0])],
        SvmlightReader(Once(b"1 1:1\n0 1:2\n")),
        ArrowReader(batches, target="y", features=["x"]),
    ):
        with pytest.raises(ValueError, match="classes: None is not allowed with a stream, expected all labels"):
            fitted(source)
        if not isinstance(source, list):
            with pytest.raises(ValueError, match="n_passes: 2 is not allowed with a source that can be iterated"):
                SGDClassifier().fit_stream(source, classes=[0, 1], n_passes=2)
    assert fitted(ArrowReader(batches, target="y", features=["x"]), [0, 1]).t_ == 3


def test_too_many_labels_to_be_some():
    y = np.arange(MAX_LEARNED + 1)
    reader = ArrowReader(pa.table({"y": y, "x": y}), target="y", features=["x"])
    with pytest.raises(ValueError, match="classes: None is not allowed with more than 1000 labels, like 0, 1, 2, exp"):
        fitted(reader)


def test_one_label_is_no_classification():
    with pytest.raises(ValueError, match=r"classes: \['a'\] is not allowed, expected at least two labels"):
        fitted(from_csv("aaaaaa"))

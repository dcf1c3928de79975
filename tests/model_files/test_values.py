"""Values as JSON and arrays: what goes out comes back, what cannot is refused, and nothing in a file is trusted."""

import functools
import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.packed_values import same, there_and_back

from sparsereg.model_files.plain_values import CLASSES, NUMBERS
from sparsereg.model_files.values import MAX_DEPTH, MAX_TEXTS, Kind, Packer, Unpacker


@dataclass(eq=True)
class Point:
    """Some class of users."""

    x: float
    y: list


def unpack_point(state, unpacker, where):
    return Point(**unpacker.unpack_all(state, where, ("x", "y")))


KINDS = (Kind("tests.Point", lambda: Point, lambda p, packer, where: packer.pack_all(vars(p), where), unpack_point),)


def unpack(packed, arrays=None):
    unpacker = Unpacker(arrays or {}, KINDS)
    value = unpacker.unpack(json.loads(json.dumps(packed)), "value")
    unpacker.finish()
    return value


INTEGERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats()
SCALARS = st.one_of(
    *(hnp.from_dtype(np.dtype(name)).filter(lambda x: x == x) for name in NUMBERS), st.text().map(np.str_)
)
PLAIN = st.one_of(st.none(), st.booleans(), INTEGERS, FLOATS, st.text(), SCALARS)
ARRAYS = st.one_of(
    hnp.arrays(
        st.one_of(
            hnp.boolean_dtypes(), hnp.integer_dtypes(endianness="="), hnp.unsigned_integer_dtypes(endianness="="),
            hnp.floating_dtypes(endianness="=", sizes=(16, 32, 64)), hnp.unicode_string_dtypes(endianness="="),
            hnp.datetime64_dtypes(endianness="="),
        ),
        hnp.array_shapes(min_dims=0, min_side=0, max_dims=3),
    ),
    hnp.arrays(object, hnp.array_shapes(min_dims=0, min_side=0), elements=PLAIN),
)
VALUES = st.recursive(
    st.one_of(PLAIN, ARRAYS, st.sampled_from([*CLASSES.values(), *map(np.dtype, NUMBERS)])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(), INTEGERS, st.tuples(st.text(), INTEGERS)), inner, max_size=3),
        st.builds(Point, FLOATS, st.lists(inner, max_size=2)),
        st.builds(slice, INTEGERS, st.one_of(st.none(), st.text()), st.none()),
    ),
    max_leaves=10,
)


@given(VALUES)
def test_what_goes_out_comes_back(value):
    assert same(there_and_back(value, KINDS), value)


@pytest.mark.parametrize("n", [0, 1, MAX_TEXTS, MAX_TEXTS + 1, 1000])
def test_many_texts_come_back_whatever_they_are(n):
    texts = np.empty((n, 1), dtype=object)
    texts[:, 0] = [chr(33 + i * 7) * (i % 4) for i in range(n)]
    assert same(there_and_back(texts, ()), texts)
    if n > 1:
        texts[1, 0] = "\ud800"
        assert same(there_and_back(texts, ()), texts)


def test_arrays_keep_their_names_where_they_are_distinct():
    packer = Packer(())
    for where in ("model.coef", "model.coef", "model[('a', 1)]", "metadata", "...", "é" * 500, "é" * 499):
        packer.pack(np.arange(3), where)
    names = [*packer.arrays]
    assert names[:4] == ["model.coef", "model.coef-2", "model-a-1", "metadata-2"]
    assert len(names) == 7
    assert max(map(len, names)) < 100


def test_arrays_of_another_machine():
    array = np.arange(5, dtype=">i4")
    back = there_and_back(array, ())
    assert back.dtype == np.dtype("=i4")
    assert back.tolist() == [0, 1, 2, 3, 4]


# What cannot travel.


class Number(int):
    """A number of one's own."""


LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value", [
        lambda x: x, print, np.random.RandomState(0), np.random.default_rng(0), object(), Point, Number(3), 1j, b"x",
        {1}, 2**64, -(2**63) - 1, functools.partial(int), np.longdouble(1), np.complex64(1), np.datetime64("2024"),
        np.zeros(2, dtype=complex), np.zeros(2, dtype="i4,f8"), np.array([1, [2]], dtype=object), np.ma.array([1]),
        np.array([print]), np.dtype("i4,f8"), np.dtype("M8[s]"), type, {b"x": 1}, {(1, b"x"): 1},
    ],
)  # fmt: skip
def test_what_cannot_travel_is_refused_with_its_place(value):
    for whole, where in ((value, "model"), ([1, value], r"model\[1\]"), ({"a": value}, r"model\['a'\]")):
        with pytest.raises(TypeError, match=rf"(?s)^{where}.*cannot be saved"):
            Packer(KINDS).pack(whole, "model")


def test_a_list_in_itself_is_refused():
    with pytest.raises(TypeError, match=f"nested more than {MAX_DEPTH} deep"):
        Packer(()).pack(LOOP, "model")


def test_a_class_of_the_same_name_is_another():
    class Point(int):
        pass

    with pytest.raises(TypeError, match=r"^model: 0 of type .*<locals>.Point cannot be saved, expected plain"):
        Packer(KINDS).pack(Point(), "model")


# What files may not say.


def tagged(name, /, **entries):
    return {"type": name, **entries}


MALFORMED = [
    {}, {"type": 3}, {"type": ["tuple"]}, {"kind": "tests.Point"}, tagged("tuples", items=[]), tagged("tuple"),
    tagged("tuple", items={}), tagged("tuple", items="ab"), tagged("tuple", items=[], more=1),
    tagged("dict", items=[1]), tagged("dict", items=[[1, 2, 3]]), tagged("dict", items=[[1, 2], [1, 2]]),
    tagged("dict", items=[[1, 2], [True, 2]]),
    tagged("dict", items=[[[1], 2]]), tagged("dict", items=[[tagged("array", name="a"), 2]]),
    tagged("scalar", dtype="int8", value=300), tagged("scalar", dtype="int8", value=True),
    tagged("scalar", dtype="int8", value=1.0), tagged("scalar", dtype="float32", value=0.1),
    tagged("scalar", dtype="float16", value=1e9), tagged("scalar", dtype="float64", value=1),
    tagged("scalar", dtype="object", value=1), tagged("scalar", dtype="O", value=1), tagged("scalar", dtype=1, value=1),
    tagged("scalar", dtype="bool", value=1), tagged("scalar", dtype="str", value=1), tagged("array", name="b"),
    tagged("array", name=1), tagged("array", name=["a"]), tagged("array"), tagged("array", name="a", dtype="O"),
    tagged("texts", data="a", offsets="a", shape=[1]), tagged("texts", data="a", offsets="b", shape=[1]),
    tagged("objects", items=[1], shape=[2]), tagged("objects", items=[], shape=[0, -1]),
    tagged("objects", items=[1], shape=[True]), tagged("objects", items=[1], shape=1),
    tagged("objects", items=[[1]], shape=[1]), tagged("objects", items=[], shape=[0, 2**70]),
    tagged("objects", items=[], shape=[0] * 100), tagged("objects", items=[], shape=[10**12, 0, 10**12]),
    tagged("dtype", name="O"), tagged("dtype", name="i4,f8"), tagged("dtype", name={"names": [], "formats": []}),
    tagged("class", name="eval"), tagged("class", name="numpy.memmap"), tagged("class", name=None),
    tagged("slice", start=1, stop=2), tagged("slice", start=[1], stop=2, step=None),
    tagged("object", kind="tests.Line", state={}), tagged("object", kind="os.system", state={"command": "true"}),
    tagged("object", kind=["tests.Point"], state={}), tagged("object", kind="tests.Point", state=[]),
    tagged("object", kind="tests.Point", state={"x": 1.0}),
    tagged("object", kind="tests.Point", state={"x": 1.0, "y": [], "__class__": 1}), 2**64, -(2**63) - 1,
]  # fmt: skip


@pytest.mark.parametrize("packed", MALFORMED, ids=str)
def test_malformed_values_are_refused_with_their_place(packed):
    arrays = {"a": np.arange(3, dtype=np.uint8)}
    for whole, where in ((packed, "value"), ([1, packed], r"value\[1\]")):
        with pytest.raises(ValueError, match=rf"^{where}"):
            unpack(whole, arrays)


def test_deep_nesting_is_refused():
    packed = []
    for _ in range(MAX_DEPTH - 1):
        packed = [packed]
    unpack(packed)
    with pytest.raises(ValueError, match=f"nested more than {MAX_DEPTH} deep"):
        unpack([packed])


def test_arrays_are_there_once():
    a = {"a": np.arange(3)}
    with pytest.raises(ValueError, match=r"^value\[1\]: the array 'a' is there already, expected each once"):
        unpack([tagged("array", name="a")] * 2, a)
    with pytest.raises(ValueError, match=r"^the array 'a' is not allowed, nothing refers to it"):
        unpack([], a)


@pytest.mark.parametrize(
    "array", [
        np.zeros(2, dtype=complex), np.zeros(2, dtype="i4,f8"), np.zeros(2, dtype=np.longdouble), np.array([print]),
        np.array([2], dtype=np.uint8).view(bool), np.array([0x110000], dtype=np.uint32).view("U1"), [1], None,
        np.zeros(2, dtype="V4"),
    ],
)  # fmt: skip
def test_arrays_that_nobody_should_read_are_refused(array):
    with pytest.raises(ValueError, match=r"^value: the array 'a' "):
        unpack(tagged("array", name="a"), {"a": array})


def test_arrays_become_aligned():
    odd = np.zeros(33, dtype=np.uint8)[1:].view(np.float64)
    assert not odd.flags.aligned
    assert unpack(tagged("array", name="a"), {"a": odd}).flags.aligned


@pytest.mark.parametrize(
    ("data", "offsets"), [
        (np.array([65, 66], np.uint8), np.array([0, 2, 1])), (np.array([65, 66], np.uint8), np.array([0, -1, 2])),
        (np.array([65, 66], np.uint8), np.array([0, 1])), (np.array([65, 66], np.uint8), np.array([1, 2])),
        (np.array([65, 66], np.uint8), np.array([0, 3])), (np.array([65, 66], np.uint8), np.array([], dtype=int)),
        (np.array([65, 66], np.int8), np.array([0, 2])), (np.array([65, 66], np.uint8), np.array([0.0, 2.0])),
        (np.array([[65, 66]], np.uint8), np.array([0, 2])), (np.array([0xC3, 0xA9], np.uint8), np.array([0, 1, 2])),
        (np.array([255], np.uint8), np.array([0, 1])), (np.array([65, 66], np.uint8), np.array([0, 1, 2, 2])),
    ],
)  # fmt: skip
def test_texts_that_do_not_fit_are_refused(data, offsets):
    with pytest.raises(ValueError, match=r"^value: "):
        unpack(tagged("texts", data="a", offsets="b", shape=[2]), {"a": data, "b": offsets})

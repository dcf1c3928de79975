"""Patterns and folders: which files they stand for, in which order, and what folders say."""

import pytest

from sparsereg.readers.folders import expanded


@pytest.fixture
def tree(tmp_path):
    for name in (
        "b.csv", "a.csv", "_SUCCESS", ".hidden", "year=2024/part-1.csv", "year=2023/part-2.csv", "_delta/log.csv"
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def listed(root, found):
    return [(path.removeprefix(f"{root}/"), said) for path, said in found]


def test_a_folder_is_all_its_files(tree):
    assert listed(tree, expanded(str(tree))) == [
        ("a.csv", {}), ("b.csv", {}), ("year=2023/part-2.csv", {"year": 2023}), ("year=2024/part-1.csv", {"year": 2024})
    ]


def test_patterns(tree):
    assert listed(tree, expanded(f"{tree}/?.csv")) == [("a.csv", {}), ("b.csv", {})]
    expected = [("year=2023/part-2.csv", {"year": 2023}), ("year=2024/part-1.csv", {"year": 2024})]
    assert listed(tree, expanded(f"{tree}/year=*/part-*.csv")) == expected
    assert listed(tree, expanded(f"{tree}/**/part-*.csv")) == expected
    # What the user names is no choice among several, and says nothing of a row.
    assert listed(tree, expanded(f"{tree}/year=2024/*.csv")) == [("year=2024/part-1.csv", {})]


def test_a_file_may_be_called_like_a_pattern(tree):
    (tree / "[1].csv").write_bytes(b"")
    assert listed(tree, expanded(f"{tree}/[1].csv")) == [("[1].csv", {})]
    assert expanded("no/such/file.csv") == [("no/such/file.csv", {})]


def test_what_folders_say(tmp_path):
    for name in ("day=1/city=S%C3%A3o%20Paulo", "day=02/city=__HIVE_DEFAULT_PARTITION__", "day=-3/city=7", "plain"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x").write_bytes(b"")
    assert [said for _, said in expanded(str(tmp_path))] == [
        {"day": -3, "city": "7"}, {"day": 2, "city": None}, {"day": 1, "city": "São Paulo"}, {}
    ]


def test_as_pyarrow_reads_them(tmp_path):
    pa = pytest.importorskip("pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset")
    table = pa.table({"x": [1, 2, 3], "year": [2023, 2024, 2024], "kind": ["a b", "c=d", "ü"]})
    dataset.write_dataset(table, tmp_path, format="parquet", partitioning=["year", "kind"], partitioning_flavor="hive")
    found = dataset.dataset(tmp_path, partitioning="hive")
    theirs = {one.path: dataset.get_partition_keys(one.partition_expression) for one in found.get_fragments()}
    assert dict(expanded(str(tmp_path))) == theirs


@pytest.mark.parametrize("name", ["*.parquet", "empty"])
def test_nothing_is_found(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"source: no file in .*, expected at least one"):
        expanded(f"{tmp_path}/{name}")

"""Scratch files: what is written comes back, and nothing stays behind."""

import gc
import signal
import sys

import numpy as np
import pytest

from sparsereg.reduction.scratch import Scratch, mapping_of, release_pages

ARRAYS = {"a": np.arange(10, dtype=np.int32), "b": np.linspace(0, 1, 7), "none": np.empty(0), "c": np.ones(3, "u2")}


def test_arrays_come_back(tmp_path):
    with Scratch(str(tmp_path)) as scratch:
        sections = {name: scratch.append(array) for name, array in ARRAYS.items()}
        joined = scratch.append_all([ARRAYS["a"], ARRAYS["a"][:2]], np.int64)
        mapped = scratch.mapped(sections)
        for name, array in ARRAYS.items():
            for found in (scratch.read(sections[name]), mapped[name]):
                assert found.dtype == array.dtype
                np.testing.assert_array_equal(found, array)
        np.testing.assert_array_equal(scratch.read(sections["a"], 3, 8), np.arange(3, 8))
        np.testing.assert_array_equal(scratch.read(joined), [*range(10), 0, 1])
        assert all(section.offset % 64 == 0 for section in sections.values())


def test_mapped_arrays_live_on_and_nothing_stays(tmp_path):
    with Scratch(str(tmp_path)) as scratch:
        mapped = scratch.mapped({"a": scratch.append(np.arange(100_000))})["a"]
    part = mapped[50:]
    del mapped
    release_pages(part, None, np.ones(3))
    assert part[-1] == 99_999
    assert not part.flags.writeable
    assert mapping_of(part) is not None
    assert mapping_of(np.ones(3)) is mapping_of(None) is None
    # The file has no name, and no descriptor or mapping keeps it when its arrays are gone.
    assert not any(tmp_path.iterdir())
    del part
    gc.collect()
    if sys.platform == "linux":
        with open("/proc/self/maps", encoding="utf-8") as maps:
            assert str(tmp_path) not in maps.read()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of what a process may write here")
def test_a_disk_that_is_full_says_how_much_was_wanted(tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with Scratch(str(tmp_path)) as scratch:
            scratch.append(np.zeros(1000))
            message = rf"spill_folder: '{tmp_path}' has no room for 800 kB more after 8 kB of a scratch file"
            with pytest.raises(OSError, match=message):
                scratch.append(np.zeros(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_gone(tmp_path):
    with pytest.raises(FileNotFoundError, match="spill_folder: no file can be made in"):
        Scratch(str(tmp_path / "gone"))

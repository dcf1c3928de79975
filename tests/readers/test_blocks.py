"""Blocks of any accepted form, and reading them ahead: order, faults, bounded memory, and a thread that always ends."""

import contextlib
import gc
import subprocess
import sys
import threading
import time
import traceback
import weakref

import numpy as np
import pytest

from sparsereg.readers.blocks import Block, as_blocks, overlapped

PATIENCE = 20.0  # seconds after which a thread counts as stuck


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "sparsereg-reader"]


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    gc.collect()
    wait_until(lambda: not readers())


# Blocks.


def test_every_form_of_block():
    X, y, weight = np.eye(2), np.arange(2.0), np.ones(2)
    given = Block(X, y, weight)
    first, second, third = as_blocks(iter([given, (X, y), (X, y, weight)]))
    assert first is given
    assert second.X is X and second.y is y and second.sample_weight is None
    assert third.X is X and third.y is y and third.sample_weight is weight


def test_blocks_are_taken_when_they_are_asked_for():
    taken = []

    def source():
        for k in range(3):
            taken.append(k)
            yield k, k

    blocks = as_blocks(source())
    assert taken == []
    assert next(blocks).X == 0
    assert taken == [0]


@pytest.mark.parametrize(
    ("item", "form"),
    [(np.eye(2), "ndarray"), ([1, 2], "list"), ((1,), "tuple of length 1"), ((1, 2, 3, 4), "tuple of length 4")],
)
def test_another_form_is_refused_where_it_comes(item, form):
    blocks = as_blocks([(1, 2), item])
    next(blocks)
    with pytest.raises(TypeError, match=f"source: block 1 is a {form}, expected a Block, a tuple"):
        next(blocks)


@pytest.mark.parametrize("source", [3, None, Block(1, 2)])
def test_a_source_that_is_none_is_refused_at_once(source):
    with pytest.raises(TypeError, match=f"source: {type(source).__name__} is not allowed"):
        as_blocks(source)


# Reading ahead.


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_same_blocks_in_the_same_order(depth):
    assert list(overlapped(iter(range(50)), depth)) == list(range(50))
    assert list(overlapped([], depth)) == []


def test_a_source_that_can_be_read_again():
    blocks = [1, 2, 3]
    assert [list(overlapped(blocks)) for _ in range(2)] == [blocks, blocks]


def test_the_source_runs_in_another_thread_while_the_consumer_works():
    """The second block is finished while the first is in use: without a thread this would wait for ever."""
    finished = threading.Event()

    def source():
        yield threading.get_ident()
        finished.set()
        yield threading.get_ident()

    with contextlib.closing(overlapped(source())) as blocks:
        first = next(blocks)
        assert finished.wait(PATIENCE)
        assert first != threading.get_ident()
        assert list(blocks) == [first]


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_never_more_than_depth_blocks_ahead(depth):
    begun = []

    def source():
        for k in range(30):
            begun.append(k)
            yield k

    for taken in overlapped(source(), depth):
        wait_until(lambda taken=taken: len(begun) == min(30, taken + 1 + depth))
        time.sleep(0.005)
        assert len(begun) <= taken + 1 + depth


def test_a_block_that_was_used_is_let_go():
    class Data:
        pass

    alive = weakref.WeakSet()

    def source():
        for _ in range(6):
            data = Data()
            alive.add(data)
            yield data
            del data

    for data in overlapped(source(), depth=2):
        # This one and two ahead.
        assert len(alive) <= 3
        del data


def test_what_the_source_raises_comes_after_the_blocks_before_it_with_its_traceback():
    def broken_source():
        yield 1
        raise OSError("the disk is gone")

    blocks = overlapped(broken_source())
    assert next(blocks) == 1
    with pytest.raises(OSError, match="the disk is gone") as caught:
        next(blocks)
    assert "broken_source" in {frame.name for frame in traceback.extract_tb(caught.value.__traceback__)}
    assert list(blocks) == []


def test_a_source_that_cannot_be_iterated_over():
    with pytest.raises(TypeError, match="not iterable"):
        list(overlapped(3))


def endless(closed):
    try:
        while True:
            yield 0
    finally:
        closed.set()


def test_closing_stops_the_thread_and_closes_the_source():
    closed = threading.Event()
    blocks = overlapped(endless(closed))
    next(blocks)
    assert len(readers()) == 1
    blocks.close()
    assert closed.wait(PATIENCE)


def test_leaving_the_loop_stops_the_thread():
    closed = threading.Event()
    for _ in overlapped(endless(closed)):
        break
    assert closed.wait(PATIENCE)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_of_the_consumer_stops_the_thread(error):
    closed = threading.Event()
    with pytest.raises(error), contextlib.closing(overlapped(endless(closed))) as blocks:
        for _ in blocks:
            raise error
    assert closed.wait(PATIENCE)


def test_nothing_starts_before_the_first_block_is_asked_for():
    overlapped(endless(threading.Event()))
    assert readers() == []


def test_closing_does_not_wait_for_a_block_that_is_being_read():
    may_go_on = threading.Event()

    def slow():
        yield 0
        may_go_on.wait(PATIENCE)
        yield 1

    blocks = overlapped(slow())
    next(blocks)
    blocks.close()
    # Still at it; who waits for the thread finds it gone.
    assert len(readers()) == 1
    may_go_on.set()


def test_an_interrupt_while_waiting_for_a_block_is_heard():
    """In a process of its own: a real signal, a source that never answers, and an exit that does not wait for it."""
    code = (
        "import os, signal, threading\n"
        "from sparsereg.readers.blocks import overlapped\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background inherits to ignore it
        "def silent():\n"
        "    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    threading.Event().wait()\n"
        "    yield\n"
        "try:\n"
        "    next(overlapped(silent()))\n"
        "except KeyboardInterrupt:\n"
        "    print('heard')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_the_end_of_the_process_stops_the_thread():
    """Compiled code in a thread that is cut off may crash; a generator that nobody closed must not leave it running."""
    code = (
        "from sparsereg.readers.blocks import overlapped\n"
        "def source():\n"
        "    try:\n"
        "        while True:\n"
        "            yield 0\n"
        "    finally:\n"
        "        print('closed', flush=True)\n"
        "blocks = overlapped(source())\n"
        "next(blocks)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "closed\n"), done.stderr


@pytest.mark.parametrize(("depth", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_depth_is_checked_at_once(depth, error):
    with pytest.raises(error, match="depth"):
        overlapped([], depth)

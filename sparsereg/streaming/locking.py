"""Locking: one fit of an estimator at a time; what threads share, they change in turn."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Method = TypeVar("Method", bound=Callable[..., Any])

# Beside the estimators, which are copied, cloned and pickled; locks are not.
_locks: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_guard = threading.Lock()


def synchronized(method: Method) -> Method:
    """Make calls of a method, and of all others so made, wait for each other where they are of the same object.

    Parameters
    ----------
    method : function
        Its first argument can be a key.

    Returns
    -------
    method : function
    """

    @functools.wraps(method)
    def waiting(self: Any, *arguments: Any, **named: Any) -> Any:
        with _guard:
            lock = _locks.setdefault(self, threading.RLock())
        with lock:
            return method(self, *arguments, **named)

    return waiting  # type: ignore[return-value]

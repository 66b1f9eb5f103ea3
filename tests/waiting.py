"""Waiting for a condition: the only place in the tests that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.005


def wait_until(predicate: Callable[[], T], timeout: float = 30.0, what: str = "the condition") -> T:
    """Call `predicate` until it returns something true.

    Args:
        predicate: What to ask; its errors pass through.
        timeout: Seconds after which to give up.
        what: What is waited for, in words, for the failure message.

    Returns:
        The true value.

    Raises:
        AssertionError: It stayed false; the message names `what` and the last value.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; last seen: {value!r}")
        time.sleep(INTERVAL)

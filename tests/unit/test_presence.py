"""What a process is known by: a name of its own after a fork, one for all its threads."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shiftboss.store import presence
from shiftboss.store.presence import Presence

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


def in_a_fork(work: Any) -> str:
    """What a function returns in a forked process."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write_end, str(work()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as told:
        return told.read()


def test_threads_of_a_forked_process_have_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Presence()
    parent, make = here.identity(), presence.new_identity
    monkeypatch.setattr(presence, "new_identity", lambda: (time.sleep(0.05), make())[1])

    def names() -> str:
        start = threading.Barrier(4)
        with ThreadPoolExecutor(4) as threads:
            return " ".join(set(threads.map(lambda _: (start.wait(), here.identity())[1], range(4))))

    (name,) = in_a_fork(names).split()
    assert name != parent
    assert here.identity() == parent


def test_a_forked_process_leaves_the_subscriptions_of_its_parent_alone() -> None:
    closed = []

    class Line:
        def close(self) -> None:
            closed.append(self)

    here = Presence()
    here._here().lines["node"] = (Line(), 0.0)  # type: ignore[assignment]
    assert in_a_fork(lambda: (here.close(), len(closed))[1]) == "0"
    here.close()
    assert len(closed) == 1

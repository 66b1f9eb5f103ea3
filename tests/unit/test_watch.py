"""The watch of a client: one in each process, whoever asks for it first."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from shiftboss import Shiftboss
from shiftboss.watch import Watch, watch_of


@pytest.fixture
def client() -> Shiftboss:
    return Shiftboss(f"fake://watch-{uuid4()}")


@pytest.mark.parametrize("before", [False, True], ids=["at first", "after a stop"])
def test_threads_that_ask_together_get_the_same(
    client: Shiftboss, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    if before:
        watch_of(client).stop()
    made, start = Watch.__init__, threading.Barrier(4)
    monkeypatch.setattr(Watch, "__init__", lambda *args: (time.sleep(0.05), made(*args))[1])

    def ask(_: int) -> Any:
        start.wait()
        return watch_of(client)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(4)))
    assert found == [watch_of(client)] * 4
    assert not found[0].stopping


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_has_one_of_its_own(client: Shiftboss) -> None:
    watch = watch_of(client)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, b"same" if watch_of(client) is watch else b"another")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read_end, 10) == b"another"
    os.close(read_end)
    os.close(write_end)

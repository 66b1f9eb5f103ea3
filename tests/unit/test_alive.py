"""Being alive: what others see of a process that runs members."""

from __future__ import annotations

import gc
import threading
from uuid import uuid4

import pytest

from shiftboss import Shiftboss, keys
from shiftboss.alive import _alive, is_alive, process_of
from shiftboss.scripts import command
from tests.waiting import wait_until


@pytest.fixture
def url() -> str:
    return f"fake://alive-{uuid4()}"


def test_a_process_is_seen_for_a_minute_after_it_last_showed_itself(url: str) -> None:
    client = Shiftboss(url)
    identity = process_of(client)
    wait_until(lambda: client.store.run(is_alive(client, identity)), what="it to show itself")
    assert 0 < client.store.run(command("TTL", [keys.alive("sb", identity)], [], int)) <= 60
    assert not client.store.run(is_alive(client, "somebody else"))


def test_one_thread_does_it_and_ends_with_the_client(url: str) -> None:
    client = Shiftboss(url)
    threads = [threading.Thread(target=process_of, args=(client,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (renewing,) = _alive[client].values()
    assert renewing.running
    del client, threads, thread
    gc.collect()
    wait_until(lambda: not renewing.running, what="the thread to end")

"""Being alive: what others see of a process that runs members."""

from __future__ import annotations

import gc
import threading
from uuid import uuid4

import pytest

from shiftboss import Shiftboss, keys
from shiftboss.alive import Alive, _alive, is_alive, process_of
from shiftboss.batches.extension import BatchExtension
from shiftboss.jobs import Member, Message
from shiftboss.plan import Plan
from shiftboss.reporting import starting
from shiftboss.scripts import command
from tests.waiting import wait_until


@pytest.fixture
def url() -> str:
    return f"fake://alive-{uuid4()}"


def test_a_process_is_seen_for_a_minute_after_it_last_showed_itself(url: str) -> None:
    client = Shiftboss(url)
    identity = client.perform(process_of(client))
    assert client.store.run(is_alive(client, identity))
    assert 0 < client.store.run(command("TTL", [keys.alive("sb", identity)], [], int)) <= 60
    assert not client.store.run(is_alive(client, "somebody else"))


def test_a_process_is_seen_before_it_is_noted_that_it_runs_a_member(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Alive, "start", lambda self: None)
    client = Shiftboss(url)
    identity = client.store.identity
    seen = []
    monkeypatch.setattr(
        BatchExtension, "starting", lambda *_: seen.append(client.store.run(is_alive(client, identity))) or nothing()
    )
    client.perform(starting(client, Message("x", (), "low", "j0")))
    assert seen == [], "of what has no place in a batch nobody takes note"
    client.perform(starting(client, Message("x", (), "low", "j1", batch=Member("e2abcdefghijklmn", 0))))
    assert seen == [True]


def nothing() -> Plan[bool]:
    yield from ()
    return True


def show(client: Shiftboss) -> None:
    client.perform(process_of(client))


def test_one_thread_does_it_and_ends_with_the_client(url: str) -> None:
    client = Shiftboss(url)
    threads = [threading.Thread(target=show, args=(client,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (renewing,) = _alive[client].values()
    assert renewing.running
    del client, threads, thread
    gc.collect()
    wait_until(lambda: not renewing.running, what="the thread to end")

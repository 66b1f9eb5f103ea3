"""The thread that reports and reaps in the processes of engines that publish themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shiftboss import outbox, watch
from shiftboss.batches import Batch
from shiftboss.client import Shiftboss
from shiftboss.jobs import Member, Message, Outcome
from shiftboss.plan import Plan
from tests.integration.batches.crew import Crew
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded")


@pytest.fixture
def client(new_client: Callable[..., Shiftboss]) -> Shiftboss:
    return new_client(engine=Crew())


def test_it_reports_what_it_is_given(client: Shiftboss) -> None:
    batch = Batch(client=client)
    with batch.jobs():
        client.perform(client.push([Message("job", (), "low", "a" * 24)]))
    watching = watch.Watch(client)
    watching.put(Message("job", (), "low", "a" * 24, batch=Member(batch.bid, 0)), Outcome.DIED, ValueError("no"))
    try:
        wait_until(lambda: batch.status().dead == 1, what="the death")
    finally:
        watching.stop()


def test_no_error_ends_it(client: Shiftboss, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    errors = [ZeroDivisionError("by nothing")]

    def reap(*args: Any) -> Plan[int]:
        if errors:
            raise errors.pop()
        return (yield from outbox.reap(*args))

    monkeypatch.setattr(watch, "reap", reap)
    monkeypatch.setattr(watch, "FIRST_PAUSE", 0.001)
    watching = watch.Watch(client)
    reaped = watching.reaped.listen()
    watching.serve()
    try:
        assert reaped(20) == 0
    finally:
        watching.stop()
    assert "it goes on" in caplog.text

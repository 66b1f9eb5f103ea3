"""What is due much later, and its promoter."""

from __future__ import annotations

import logging
import time
from uuid import uuid4

import pytest

from shiftboss import Shiftboss, keys
from shiftboss.later import PAGE, Promoter, put_off
from shiftboss.scripts import command
from tests.waiting import wait_until


@pytest.fixture
def client() -> Shiftboss:
    return Shiftboss(f"fake://later-{uuid4()}")


def waiting(client: Shiftboss) -> list[bytes]:
    return client.store.run(command("ZRANGE", [keys.later("sb", "crew")], [0, -1], list))


def test_what_is_due_is_sent_and_what_is_not_waits(client: Shiftboss) -> None:
    sent: list[str] = []
    client.store.run(put_off(client, "crew", "due", time.time() - 1))
    client.store.run(put_off(client, "crew", "not yet", time.time() + 60))
    promoter = Promoter(client, "crew", sent.append, 0.01)
    promoter.start()
    wait_until(lambda: waiting(client) == [b"not yet"])
    promoter.stop()
    assert sent == ["due"]


def test_more_than_a_page_is_sent_at_once(client: Shiftboss) -> None:
    sent: list[str] = []
    for n in range(PAGE + 5):
        client.store.run(put_off(client, "crew", str(n), n))
    promoter = Promoter(client, "crew", sent.append, 3600)
    promoter.start()
    wait_until(lambda: len(sent) == PAGE + 5)
    promoter.stop()
    assert sent == [str(n) for n in range(PAGE + 5)]


def test_one_that_cannot_be_sent_holds_up_no_other(client: Shiftboss, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[str] = []

    def send(text: str) -> None:
        if text == "bad":
            raise ValueError("cannot be read")
        sent.append(text)

    for n, text in enumerate(("bad", "good")):
        client.store.run(put_off(client, "crew", text, n))
    with caplog.at_level(logging.ERROR):
        promoter = Promoter(client, "crew", send, 0.01)
        promoter.start()
        wait_until(lambda: waiting(client) == [b"bad"])
        promoter.stop()
    assert sent == ["good"]
    assert "it is tried again in 30 s" in caplog.text
    score = client.store.run(command("ZSCORE", [keys.later("sb", "crew")], ["bad"], float))
    assert score / 1000 > time.time() + 20

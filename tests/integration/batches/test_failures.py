"""What a batch keeps of failed runs, and how fast it goes."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shiftboss.batches import Batch
from shiftboss.jobs import Message, Outcome
from tests.integration.batches.crew import Site


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def fail(
    site: Site, message: Message, error: BaseException, attempt: int = 0, outcome: Outcome = Outcome.FAILED
) -> None:
    """End a run as an engine does that tells batches of it."""
    tried = replace(message, attempt=attempt)
    site.client.perform(site.client.extensions["batch"].finished(tried, outcome, error))


def batch_of(site: Site, n: int) -> Batch:
    batch = Batch()
    with batch.jobs():
        for number in range(n):
            site.push(number)
    return batch


def test_a_failure_is_kept_with_job_class_and_message(site: Site) -> None:
    batch = batch_of(site, 2)
    first, second = site.crew.members
    fail(site, first, ValueError("no such file"))
    fail(site, second, ConnectionError("refused"), outcome=Outcome.DIED)
    status = batch.status()
    newest, oldest = status.failures
    assert (oldest.jid, oldest.error, oldest.message, oldest.attempt) == (first.id, "ValueError", "no such file", 0)
    assert (newest.jid, newest.error) == (second.id, "ConnectionError")
    assert datetime.now(UTC) - newest.at < timedelta(minutes=1)
    assert (status.failed, status.failing, status.dead) == (2, 1, 1)
    assert status.to_dict()["failures"][1]["message"] == "no such file"


def test_each_failure_of_a_job_is_one_and_a_repeat_of_the_call_is_none(site: Site) -> None:
    batch = batch_of(site, 1)
    (message,) = site.crew.members
    for attempt in (0, 0, 1, 1, 2):
        fail(site, message, ValueError("again"), attempt)
    assert [failure.attempt for failure in batch.status().failures] == [2, 1, 0]
    assert batch.status().failed == 3


def test_the_newest_hundred_are_kept_and_all_are_counted(site: Site) -> None:
    batch = batch_of(site, 1)
    (message,) = site.crew.members
    for attempt in range(103):
        fail(site, message, ValueError(str(attempt)), attempt)
    status = batch.status()
    assert len(status.failures) == 100
    assert {failure.attempt for failure in status.failures} == set(range(3, 103))
    assert status.failed == 103


def test_a_long_message_is_cut_and_a_strange_one_does_no_harm(site: Site) -> None:
    batch = batch_of(site, 3)
    first, second, third = site.crew.members
    fail(site, first, ValueError("x" * 10_000_000))
    fail(site, second, Unprintable())
    fail(site, third, ValueError("half a pair: \ud800"))
    messages = {failure.jid: failure.message for failure in batch.status().failures}
    assert messages == {
        first.id: "x" * 500,
        second.id: "no message: its __str__ raised RuntimeError",
        third.id: "half a pair: ?",
    }


def test_the_rate_is_that_of_the_last_minute_and_tells_how_long_the_rest_takes(site: Site) -> None:
    batch = batch_of(site, 4)
    assert (batch.status().rate, batch.status().eta) == (0.0, None)
    for message in site.crew.members[:2]:
        site.end(message)
    status = batch.status()
    assert status.rate > 0
    assert status.eta is not None
    assert status.eta == timedelta(seconds=2 / status.rate)
    site.end_all()
    assert batch.status().eta is None


@pytest.mark.backends("fake")
def test_the_rate_agrees_with_a_steady_pace(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import time_machine

    begin = time.time()
    with time_machine.travel(begin, tick=False) as clock:
        batch = batch_of(site, 300)
        for message in list(site.crew.members):
            clock.shift(0.5)
            site.end(message)
        assert batch.status().rate == pytest.approx(2.0, rel=0.1)
        clock.shift(60)
        assert batch.status().rate == pytest.approx(2.0 / 2.718, rel=0.15)

"""What a process tells of itself, where somebody listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from shiftboss import events, job, limiters
from shiftboss.batches import Batch
from shiftboss.client import Shiftboss
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.errors import OverLimit
from tests.waiting import wait_until


@job(name="telling.ends", retry=False)
def ends(how: str) -> None:
    if how == "dies":
        raise ValueError(how)


@job(name="telling.retries", retry=1)
def retries() -> None:
    raise KeyError("again")


@job(name="telling.limited")
def limited() -> None:
    with limiters.concurrent("telling", 1, wait_timeout=0).within_limit():
        pass


@pytest.fixture
def heard() -> Iterator[list[events.Event]]:
    """All events from here on."""
    told: list[events.Event] = []
    end = events.subscribe(told.append)
    yield told
    end()


def names(told: list[events.Event], prefix: str) -> list[str]:
    assert events.flush()
    return [event.name for event in told if event.name.startswith(prefix)]


@pytest.fixture
def worker(client: Shiftboss) -> Iterator[Worker]:
    with Worker(client, concurrency=1, timeout=2.0) as worker:
        yield worker


@pytest.mark.backends("fake", "redis")
def test_batches_tell_what_came_to_pass_each_once(worker: Worker, heard: list[events.Event]) -> None:
    batch = Batch(description="two")
    with batch.jobs():
        ends.perform_async("well")
        ends.perform_async("dies")
    wait_until(lambda: "batch.finished" in names(heard, "batch."), what="the end")
    assert sorted(names(heard, "batch.")) == ["batch.complete", "batch.created", "batch.death", "batch.finished"]
    assert {event.data["bid"] for event in heard if event.name.startswith("batch.")} == {batch.bid}


@pytest.mark.backends("fake", "redis")
def test_a_batch_that_succeeds_says_so(worker: Worker, heard: list[events.Event]) -> None:
    with Batch().jobs():
        ends.perform_async("well")
    wait_until(lambda: "batch.success" in names(heard, "batch."), what="success")
    assert "batch.death" not in names(heard, "batch.")


@pytest.mark.backends("fake", "redis")
def test_jobs_tell_how_they_ran(worker: Worker, heard: list[events.Event]) -> None:
    ends.perform_async("well")
    wait_until(lambda: names(heard, "job.") == ["job.started", "job.done"], what="done")
    jid = ends.perform_async("dies")
    wait_until(lambda: len(names(heard, "job.")) == 4, what="death")
    died = heard[-1]
    assert (died.name, died.data["name"], died.data["jid"]) == ("job.died", "telling.ends", jid)
    assert (died.data["queue"], died.data["error"]) == ("default", "ValueError")
    assert died.data["seconds"] >= 0
    retries.perform_async()
    wait_until(lambda: names(heard, "job.")[-1] == "job.failed", what="a failure")


@pytest.mark.backends("fake", "redis")
def test_limiters_tell_of_refusals_and_jobs_that_they_put_back(worker: Worker, heard: list[events.Event]) -> None:
    with limiters.concurrent("telling", 1).within_limit():
        limited.perform_async()
        wait_until(lambda: "job.put_back" in names(heard, "job."), what="the job is put back")
    (refused,) = [event for event in heard if event.name == "limiter.over_limit"]
    assert (refused.data["limiter"], refused.data["kind"]) == ("telling", "concurrent")
    assert heard[-1].data["reason"] == "rescheduled"


@pytest.mark.parametrize(
    "make",
    [
        lambda: limiters.concurrent("waiting", 1, lock_timeout=0.2, wait_timeout=5),
        lambda: limiters.leaky("waiting", 1, 0.2, wait_timeout=5),
        lambda: limiters.window("waiting", 1, 0.2, wait_timeout=5),
    ],
)
def test_limiters_tell_of_waits(
    client: Shiftboss, heard: list[events.Event], make: Callable[[], limiters.Limiter]
) -> None:
    limiter = make()
    limiter.acquire()
    limiter.acquire()
    assert names(heard, "limiter.waited") == ["limiter.waited"]
    assert heard[-1].data["limiter"] == "waiting"
    assert 0.1 < heard[-1].data["seconds"] < 5
    with suppress(OverLimit):
        limiter.try_acquire()
    assert names(heard, "limiter.over_limit") == ["limiter.over_limit"]


@pytest.mark.backends("fake")
def test_limiters_tell_that_they_decide_without_redis(
    client: Shiftboss, heard: list[events.Event], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftboss.limiters.outage.EVERY", 3600)
    with Shiftboss("redis://127.0.0.1:1/0"):
        limiters.bucket("api", 5, 60, on_outage="allow").acquire()
        assert limiters.concurrent("erp", 5, wait_timeout=0, on_outage="deny").try_acquire() is None
    assert names(heard, "limiter.outage") == ["limiter.outage"] * 2
    told = [event.data for event in heard if event.name == "limiter.outage"]
    assert [(one["limiter"], one["kind"], one["answer"]) for one in told] == [
        ("api", "bucket", "allowed"),
        ("erp", "concurrent", "denied"),
    ]
    assert told[0]["error"] == "ConnectionError"
    assert caplog.text.count("because Redis could not be asked") <= 1

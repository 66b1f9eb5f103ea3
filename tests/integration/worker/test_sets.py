"""What workers leave in the sets that operators look at: failures, processes, running jobs, counts; signals from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shiftboss import Failures, ProcessSet, Queue, Shiftboss, Stats, Workers
from shiftboss.batches import Batch
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "acl")


def test_failed_runs_are_kept_newest_first(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    jid = jobs.fail.perform_async("first")
    start()
    wait_until(lambda: len(Failures()) == 1, what="the failure")
    with Batch().jobs():
        jobs.fail.set(retry=0).perform_async("second")
    wait_until(lambda: len(Failures()) == 2, what="both failures")
    newest, oldest = Failures()
    assert (oldest.jid, oldest.name, oldest.queue, oldest.error, oldest.message) == (
        jid,
        "fail",
        "default",
        "ValueError",
        "first",
    )
    assert (oldest.attempt, oldest.became, newest.message, newest.became) == (0, "retry", "second", "dead")
    assert oldest.backtrace[-1].endswith("in fail")
    assert oldest.host
    assert abs(oldest.at - datetime.now(UTC)) < timedelta(minutes=5)
    Failures().clear()
    assert list(Failures()) == []


def test_a_thousand_failures_are_kept(client: Shiftboss, start: Callable[..., Worker]) -> None:
    jobs.fail.set(retry=False).perform_bulk([(str(n),) for n in range(1_050)])
    start()
    wait_until(lambda: Stats.read().failed == 1_050, timeout=30, what="all failures")
    assert len(Failures()) == 1_000


def test_an_unreadable_payload_is_a_failure_too(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    backend.raw.lpush("queue:default", "not json{")
    start()
    wait_until(lambda: len(Failures()) == 1, what="the failure")
    (failure,) = Failures()
    assert (failure.name, failure.error, failure.became) == ("", "shiftboss.errors.JobError", "dead")
    assert "not JSON" in failure.message


def test_processes_and_what_they_run_are_seen(client: Shiftboss, start: Callable[..., Worker]) -> None:
    worker = start(("default", 3), "low")
    (process,) = ProcessSet()
    assert (process.identity, process.concurrency, process.queues, process.quiet) == (
        worker.identity,
        4,
        ("default", "low"),
        False,
    )
    assert process.to_dict()["labels"] == ["python"]
    jid = jobs.hold.perform_async("x")
    wait_until(lambda: "x" in jobs.seen)
    worker.heartbeat.nudge()
    (work,) = wait_until(lambda: list(Workers()), what="the running job")
    assert work.payload is not None
    assert (work.process, work.queue, work.payload.message.id) == (worker.identity, "default", jid)
    assert len(ProcessSet()) == len(Workers()) == 1
    assert Stats.read().busy == 1
    assert ProcessSet().find("nobody") is None


def test_a_process_is_quieted_and_stopped_from_elsewhere(client: Shiftboss, start: Callable[..., Worker]) -> None:
    worker = start()
    (process,) = ProcessSet()
    process.ask_to_quiet()
    worker.heartbeat.nudge()
    wait_until(lambda: [one.quiet for one in ProcessSet()] == [True], what="the process to rest")
    jobs.note.perform_async(1)
    process.ask_to_stop()
    worker.heartbeat.nudge()
    wait_until(lambda: len(ProcessSet()) == 0, what="the process to leave")
    assert len(Queue()) == 1


def test_stats_count_everything(client: Shiftboss, start: Callable[..., Worker]) -> None:
    jobs.note.set(queue="low").perform_bulk([(1,), (2,)])
    jobs.note.perform_in(60, 1)
    Queue("low").pause()
    jobs.note.perform_async(3)
    jobs.fail.perform_async("x")
    start()
    stats = wait_until(lambda: (s := Stats.read()).processed == 2 and s, what="two runs")
    assert (stats.processed, stats.failed, stats.scheduled, stats.retries, stats.dead, stats.processes) == (
        2,
        1,
        1,
        1,
        0,
        1,
    )
    assert [(queue.name, queue.size, queue.paused) for queue in stats.queues] == [
        ("default", 0, False),
        ("low", 2, True),
    ]
    assert stats.enqueued == 2
    assert Stats.history(2)[datetime.now(UTC).date()] == (2, 1)
    Stats.reset()
    assert Stats.read().processed == 0
    assert Stats.history(1)[datetime.now(UTC).date()] == (2, 1)

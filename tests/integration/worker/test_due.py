"""Jobs that become due start soon, once, and unharmed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from shiftboss import Shiftboss, on_death
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "acl")
BIG = 123456789012345678901234567890


def test_a_scheduled_job_starts_within_a_second(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start()
    due = time.time() + 0.7
    jobs.note.perform_at(due, "now")
    wait_until(lambda: seen == ["now"], timeout=20)
    assert time.time() >= due
    # How long it may take until the poller looks again; by the clock a slow machine would be measured.
    assert worker.poller.interval() < 1
    assert not backend.raw.exists("schedule")


def test_a_job_pushed_for_soon_is_not_forgotten_behind_one_for_much_later(
    client: Shiftboss, start: Callable[..., Worker]
) -> None:
    jobs.note.perform_in(3600, "much later")
    start()
    jobs.note.perform_in(0.5, "soon")
    wait_until(lambda: seen == ["soon"], timeout=20)


def test_many_due_jobs_move_once_between_two_workers(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    at = time.time() - 5
    entries = [
        {
            "class": "note",
            "args": [
                n,
            ],
            "jid": f"j{n}",
            "queue": "default",
        }
        for n in range(350)
    ]
    backend.raw.zadd("schedule", {json.dumps(entry): at for entry in entries})
    start(), start()
    wait_until(lambda: len(seen) >= 350)
    wait_until(lambda: backend.raw.get("stat:processed") == "350")
    assert sorted(seen) == list(range(350))


def test_a_waiting_job_keeps_big_numbers_and_unknown_fields(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = Worker(client)
    job = {
        "class": "note",
        "args": [BIG],
        "jid": "ab",
        "queue": "quiet",
        "cattr": {"n": BIG},
        "created_at": 1700000000000,
    }
    backend.raw.zadd("schedule", {json.dumps(job): 1})
    worker.poller.round()
    (raw,) = backend.raw.lrange("queue:quiet", 0, -1)
    moved = json.loads(raw)
    assert moved.pop("enqueued_at") == pytest.approx(time.time() * 1000, abs=10_000)
    assert moved == job
    assert backend.raw.smembers("queues") == {"quiet"}


def test_a_waiting_job_that_cannot_be_read_goes_to_the_dead(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    told = on_death(lambda job, error: seen.append((job, "not JSON" in str(error))))
    try:
        backend.raw.zadd("retry", {"not json{": 1})
        start()
        wait_until(lambda: seen == [(None, True)], what="the death")
        jobs.note.perform_in(0.01, "fine")
        wait_until(lambda: seen[1:] == ["fine"])
    finally:
        on_death.remove(told)
    wait_until(lambda: backend.raw.zscore("dead", "not json{") == pytest.approx(time.time(), abs=10))
    assert not backend.raw.exists("retry")

"""Jobs that run after others, with a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shiftboss import Shiftboss, job
from shiftboss.batches import Batch, enqueue_after
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis")


@job(name="tracked_note", track=True, retry=0)
def tracked_note(what: Any) -> None:
    if what == "no":
        raise ValueError(what)
    seen.append(what)


def test_a_job_runs_after_calls_batches_and_tracked_jobs(client: Shiftboss, start: Callable[..., Worker]) -> None:
    batch = Batch()
    with batch.jobs():
        jobs.note.perform_bulk([(n,) for n in range(10)])
    tracked = tracked_note.perform_async("tracked")
    waiting = enqueue_after([jobs.note.call("called"), batch, tracked], jobs.note, "last")
    start()
    waiting.join(timeout=20)
    wait_until(lambda: len(seen) == 13)
    assert seen[-1] == "last"
    assert set(seen[:-1]) == {*range(10), "tracked", "called"}


def test_a_tracked_member_is_both(client: Shiftboss, start: Callable[..., Worker]) -> None:
    start()
    batch = Batch()
    with batch.jobs():
        jid = tracked_note.perform_async("member")
    enqueue_after([jid], jobs.note, "after it").join(timeout=20)
    assert batch.join(timeout=20).done == 1
    wait_until(lambda: seen == ["member", "after it"])


def test_the_waiting_job_dies_with_its_prerequisite_and_can_be_run_by_hand(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start()
    waiting = enqueue_after([tracked_note.call("no"), jobs.note.call("fine")], jobs.note, "last")
    wait_until(lambda: backend.raw.zcard("dead") == 2, what="both in the dead set")
    dead = {decode(raw.encode()).message.args: decode(raw.encode()) for raw in backend.raw.zrange("dead", 0, -1)}
    assert dead["last",].error_class == "shiftboss.errors.PrerequisiteDied"
    assert dead["last",].error_message == f"a job that this one was to run after has died, see batch {waiting.bid}"
    assert "last" not in seen
    raw = next(raw for raw in backend.raw.zrange("dead", 0, -1) if '"last"' in raw)
    backend.raw.zrem("dead", raw)
    backend.raw.lpush("queue:default", raw)
    wait_until(lambda: "last" in seen, what="the job, run by hand")


def test_a_tracked_job_that_died_before_kills_too(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start()
    jid = tracked_note.perform_async("no")
    wait_until(lambda: backend.raw.zcard("dead") == 1)
    enqueue_after([jid], jobs.note, "last")
    wait_until(lambda: backend.raw.zcard("dead") == 2)
    enqueue_after([jid], jobs.note, "anyway", on_death="run").join(timeout=20, event="finished")
    wait_until(lambda: seen == ["anyway"])

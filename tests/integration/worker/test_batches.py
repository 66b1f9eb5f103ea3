"""Members of batches: settled by the script that acknowledges them, so that each counts once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shiftboss import Shiftboss
from shiftboss.batches import Batch, Status
from shiftboss.engines.sidekiq.joined import settle_members
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.errors import JobError
from shiftboss.jobs import Member
from shiftboss.keys import SidekiqKeys
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "acl")


def called_back(status: Status, options: dict[str, Any]) -> None:
    seen.append((options["event"], status.bid))


def new_batch(*events: str) -> Batch:
    batch = Batch()
    for event in events:
        batch.on(event, called_back, {"event": event})
    return batch


def test_a_batch_succeeds_when_all_members_have(client: Shiftboss, start: Callable[..., Worker]) -> None:
    start()
    batch = new_batch("success", "complete")
    with batch.jobs():
        jobs.note.perform_bulk([(n,) for n in range(250)])
    wait_until(lambda: len(seen) == 252, what="members and callbacks")
    assert set(seen) == {*range(250), ("success", batch.bid), ("complete", batch.bid)}
    status = batch.status()
    assert (status.total, status.done, status.dead) == (250, 250, 0)


def test_a_member_that_will_run_again_completes_the_batch_but_no_more(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start()
    batch = new_batch("success", "complete", "death")
    with batch.jobs():
        jobs.note.perform_async("fine")
        jobs.fail.perform_async("no")
    wait_until(lambda: ("complete", batch.bid) in seen)
    assert ("success", batch.bid) not in seen
    assert ("death", batch.bid) not in seen


def test_a_job_as_a_callback_keeps_its_queue_and_its_retries(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    batch = Batch().on("success", jobs.take_over, {"n": 1})
    with batch.jobs():
        pass
    (raw,) = backend.raw.lrange("queue:takeovers", 0, -1)
    payload = decode(raw.encode())
    assert payload.message.args == (batch.bid, {"n": 1})
    assert payload.message.options == {"retry": 3}
    start("takeovers")
    wait_until(lambda: seen == [(batch.bid, {"n": 1})])
    wait_until(lambda: batch.status().callbacks[0].state == "done")


def test_a_job_that_does_not_take_what_a_callback_is_given_is_refused() -> None:
    with pytest.raises(JobError, match="about"):
        Batch().on("success", jobs.about)


def test_a_member_that_dies_brings_death(client: Shiftboss, start: Callable[..., Worker]) -> None:
    start()
    batch = new_batch("death", "finished")
    with batch.jobs():
        jobs.fail.set(retry=0).perform_async("no")
    wait_until(lambda: {("death", batch.bid), ("finished", batch.bid)} <= set(seen))


def test_an_interrupted_member_has_not_run(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    worker = start(timeout=0.1)
    batch = new_batch("complete")
    with batch.jobs():
        jobs.ahold.perform_async("waits")
    wait_until(lambda: seen)
    worker.stop()
    assert batch.status().pending == 1
    assert backend.raw.llen("queue:default") == 1
    jobs.gate.set()
    start()
    wait_until(lambda: ("complete", batch.bid) in seen)


def test_a_member_that_kills_its_processes_brings_death(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    batch = new_batch("death")
    batch_queue = jobs.note.set(queue="poison")
    with batch.jobs():
        jid = batch_queue.perform_async("poison")
    backend.raw.set(f"sb:recovered:{jid}", 2, ex=60)
    backend.raw.sadd("sb:workers", "host:1:dead")
    backend.raw.lmove("queue:poison", "sb:inflight:host:1:dead", "RIGHT", "LEFT")
    # The callback goes to the queue of the member that brought it about.
    start("poison")
    wait_until(lambda: ("death", batch.bid) in seen)
    assert batch.status().dead == 1


def test_what_a_crash_left_in_the_outbox_is_delivered(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    batch = new_batch("success")
    with batch.jobs():
        jobs.note.perform_async("fine")
    # A process that settles its job and dies before it performs what that brought about.
    (raw,) = backend.raw.lrange("queue:default", 0, -1)
    backend.raw.lmove("queue:default", "sb:inflight:host:1:dead", "RIGHT", "LEFT")
    member = decode(raw.encode()).message.batch
    assert isinstance(member, Member)
    keys, batch_keys = SidekiqKeys("sb"), client.batch_keys(batch.bid)
    ack = [raw, "done", "", 0, "", member.position, "s", ""]
    call = settle_members(keys, batch_keys, "host:1:dead", "2026-01-01", batch.bid, "default", 0, ack)
    assert client.store.run(call)[1]
    start()
    wait_until(lambda: ("success", batch.bid) in seen)

"""Limiters on jobs and in jobs: what is over a limit runs later, with the same id, and has not failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import exceptions

from shiftboss import ConfigError, Shiftboss, job
from shiftboss.batches import Batch
from shiftboss.engines.sidekiq.payload import Payload, decode
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.engines.sidekiq.worker.failure import refused
from shiftboss.errors import OverLimit
from shiftboss.jobs import Message
from shiftboss.scripts import command
from tests.backends import Backend
from tests.integration.worker import limited_jobs as jobs
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    jobs.seen.clear()
    jobs.most = jobs.now = 0
    jobs.go.clear()
    yield
    jobs.go.set()


@pytest.mark.parametrize("job", [jobs.limited, jobs.alimited], ids=["function", "coroutine"])
def test_a_limited_job_never_runs_more_often_at_once_than_its_limiter_admits(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], job: object
) -> None:
    start(concurrency=8)
    batch = Batch()
    with batch.jobs():
        job.perform_bulk([(n,) for n in range(30)])  # type: ignore[attr-defined]
    status = batch.join(timeout=40)
    assert sorted(jobs.seen) == list(range(30))
    assert jobs.most <= 2
    assert (status.done, status.failing, status.dead) == (30, 0, 0)
    assert int(backend.raw.get("stat:failed") or 0) == 0
    assert jobs.two_at_once.peek().used == 0


def test_one_that_is_over_the_limit_is_put_back_with_the_same_id_and_no_retry_used(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start()
    batch = Batch()
    with batch.jobs():
        jid = jobs.over.perform_async(2)
    batch.join(timeout=40)
    assert jobs.seen == [(jid, 0, 0), (jid, 0, 1), (jid, 0, 2)]
    assert int(backend.raw.get("stat:failed") or 0) == 0
    wait_until(lambda: backend.raw.get("stat:processed") == "1", what="only the run that got through counts")


def test_in_a_batch_it_has_not_run_yet(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    start()
    held = jobs.one_at_once.acquire()
    batch = Batch()
    with batch.jobs():
        jobs.within.perform_async(1)
    wait_until(lambda: backend.raw.zcard("schedule") == 1, what="it was put back")
    status = batch.status()
    assert (status.complete_at, status.failing, status.done) == (None, 0, 0)
    held.release()
    backend.raw.zadd("schedule", {backend.raw.zrange("schedule", 0, 0)[0]: 1})
    batch.join(timeout=20)
    assert jobs.seen == [1]


def test_after_twenty_times_being_over_the_limit_is_a_failure_like_others(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    extension = client.extensions["limiter"]
    error = OverLimit("no", "api", 1.0)
    message = Message("over", (), "low", "x", options={"overrated": 19})
    reschedule = extension.raised(message, error)
    assert reschedule is not None
    assert 1.0 <= reschedule.delay <= 3.0
    assert reschedule.options == {"overrated": 20}
    assert extension.raised(Message("over", (), "low", "x", options={"overrated": 20}), error) is None
    assert extension.raised(message, ValueError()) is None


def test_without_knowing_when_it_admits_again_the_delay_grows_by_five_minutes_each_time(client: Shiftboss) -> None:
    extension = client.extensions["limiter"]
    for times in (0, 1, 5):
        message = Message("over", (), "low", "x", options={"overrated": times})
        reschedule = extension.raised(message, OverLimit("no", "api", None))
        assert reschedule is not None
        assert 300 * (times + 1) <= reschedule.delay <= 330 * (times + 1)


@pytest.mark.parametrize("job", [jobs.runs_impatiently, jobs.aruns_impatiently], ids=["function", "coroutine"])
def test_a_limiter_that_reschedules_nothing_has_its_job_fail_like_others(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], job: Any
) -> None:
    with jobs.impatient.within_limit():
        start()
        job.perform_async(1)
        wait_until(lambda: backend.raw.zcard("retry") == 1, 20, "an ordinary failure")
    payload = decode(client.store.run(command("ZRANGE", ["retry"], [0, -1], list))[0])
    assert payload.error_class == "shiftboss.errors.OverLimit"
    assert "overrated" not in payload.message.options


@pytest.mark.parametrize("which", ["backoff", "retry_after"])
def test_a_job_that_found_no_room_is_put_back_for_as_long_as_its_limiter_says(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], which: str
) -> None:
    limiter: Any = jobs.wished if which == "backoff" else jobs.by_the_day
    held = limiter.acquire()
    left = 77.0 if which == "backoff" else limiter.peek().reset_after

    def delay() -> float:
        later = client.store.run(command("ZRANGE", ["schedule"], [0, -1, "WITHSCORES"], list))
        if not later or decode(later[0]).message.options.get("overrated") != 1:
            return 0
        return float(later[1]) - time.time()

    start()
    (jobs.runs_as_wished if which == "backoff" else jobs.runs_by_the_day).perform_async(1)
    assert wait_until(delay, 20, "it was over the limit") == pytest.approx(left, rel=0.11, abs=5)
    held.release()


def test_how_often_it_was_over_the_limit_counts_on_while_it_tries() -> None:
    payload = Payload(Message("over", (), "low", "x", options={"overrated": 3, "tags": ["a"]}))
    reschedule = refused(payload, jobs.slow_slots, OverLimit("no", "slow-slots", 1.0))
    assert reschedule.options == {"overrated": 3, "limited_since": reschedule.options["limited_since"]}


def test_a_limiter_is_given_where_the_job_is_defined(client: Shiftboss) -> None:
    with pytest.raises(ConfigError, match=r"@job\(limiter=...\), not with set\(\)"):
        jobs.limited.set(limiter=jobs.one_at_once)


@pytest.mark.parametrize(
    "waiting", [jobs.waits_for_slot, jobs.awaits_slot, jobs.waits_for_unit], ids=["slot", "slot-async", "unit"]
)
def test_a_job_that_waits_for_a_limiter_leaves_a_worker_that_stops_and_is_put_back_once(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], waiting: Any
) -> None:
    held = jobs.slow_slots.acquire()
    jobs.slow_units.acquire()
    worker = start(timeout=30)
    batch = Batch()
    with batch.jobs():
        jid = waiting.perform_async(7)
    wait_until(lambda: jobs.seen == ["waits"])
    worker.stop()
    assert jobs.seen == ["waits"]
    assert [decode(raw).message.id for raw in client.store.run(command("ZRANGE", ["schedule"], [0, -1], list))] == [jid]
    assert backend.raw.llen("queue:default") == backend.raw.zcard("retry") == backend.raw.zcard("dead") == 0
    status = batch.status()
    assert (status.pending, status.done, status.failing) == (1, 0, 0)
    assert jobs.slow_slots.peek().waiting == 0
    held.release()
    jobs.slow_units.reset()
    start()
    batch.join(timeout=40)
    assert jobs.seen == ["waits", "waits", 7]
    assert int(backend.raw.get("stat:failed") or 0) == 0


class Moody:
    """A gate whose server is away at the first try."""

    name, wait_timeout = "moody", 0.0

    def __init__(self) -> None:
        self.asked = self.released = 0

    def enter(self) -> Moody:
        self.asked += 1
        if self.asked == 1:
            raise exceptions.ConnectionError("away")
        return self

    async def aenter(self) -> Moody:
        return self.enter()

    def release(self) -> bool:
        self.released += 1
        raise ValueError("cannot be given back")

    async def arelease(self) -> bool:
        return self.release()


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
def test_a_job_whose_limiter_cannot_be_asked_is_put_back_and_has_not_failed(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], is_async: bool
) -> None:
    gate, seen = Moody(), list[str]()

    def note() -> None:
        seen.append("ran")

    async def anote() -> None:
        seen.append("ran")

    def one() -> Any:
        return job(name=f"limits.moody.{is_async}", retry=False, expires_in=60, limiter=gate)(  # type: ignore[arg-type]
            anote if is_async else note
        )

    one().perform_async()
    start()
    (raw,) = wait_until(lambda: backend.raw.zrange("schedule", 0, -1), what="it was put back")
    assert decode(raw.encode()).message.options["expiry"] > 0
    assert seen == []
    backend.raw.zadd("schedule", {raw: 1})
    wait_until(lambda: backend.raw.get("stat:processed") == "1", what="its run")
    assert (seen, gate.released, int(backend.raw.get("stat:failed") or 0)) == (["ran"], 1, 0)

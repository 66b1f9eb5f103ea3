"""What a worker does with jobs: it runs them, each in a context of its own, as many at once as it may."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from redis import exceptions

from shiftboss import Shiftboss, job, keys, on_startup
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.errors import ConfigError
from shiftboss.layout import layout
from shiftboss.scripts import command
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "acl")
left_over: contextvars.ContextVar[str] = contextvars.ContextVar("left_over", default="")


@job(name="leaves_something")
def leaves_something() -> None:
    seen.append(left_over.get())
    left_over.set("this")


def settled(backend: Backend, worker: Worker, jobs_run: int) -> bool:
    """Whether so many runs are counted, and nothing is in flight."""
    count = int(backend.raw.get("stat:processed") or 0)
    return count == jobs_run and not backend.raw.exists(f"sb:inflight:{worker.identity}")


def test_functions_and_coroutines_are_run_and_counted(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start()
    jobs.note.perform_bulk([(n,) for n in range(30)])
    jobs.anote.perform_bulk([(n,) for n in range(30, 60)])
    wait_until(lambda: sorted(seen) == list(range(60)), what="all jobs")
    wait_until(lambda: settled(backend, worker, 60), what="all acknowledgements")
    assert backend.raw.get("stat:failed") is None
    (day,) = backend.raw.keys("stat:processed:*")
    assert backend.raw.get(day) == "60"
    assert 0 < backend.raw.ttl(day) <= 5 * 365 * 86400


def test_a_job_knows_itself_and_its_client(client: Shiftboss, start: Callable[..., Worker]) -> None:
    start("low")
    jid = jobs.about.set(queue="low").perform_async()
    (facts,) = wait_until(lambda: list(seen))
    assert facts == (jid, "low", 0, client)


def test_each_job_runs_in_a_context_of_its_own(client: Shiftboss, start: Callable[..., Worker]) -> None:
    start(concurrency=1)
    leaves_something.perform_bulk([()] * 3)
    wait_until(lambda: len(seen) == 3)
    assert seen == ["", "", ""]


def test_threads_and_coroutines_share_the_slots(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start(concurrency=3)
    jobs.hold.perform_bulk([("thread",)] * 2)
    jobs.ahold.perform_bulk([("loop",)] * 2)
    wait_until(lambda: len(seen) == 3)
    assert backend.raw.llen("queue:default") == 1
    assert backend.raw.llen(f"sb:inflight:{worker.identity}") == 3
    jobs.gate.set()
    wait_until(lambda: settled(backend, worker, 4))


def test_queues_without_weights_are_served_strictly_in_order(client: Shiftboss, start: Callable[..., Worker]) -> None:
    for queue in ("low", "high"):
        jobs.note.set(queue=queue).perform_bulk([(queue,)] * 3)
    start("high", "low", concurrency=1)
    wait_until(lambda: len(seen) == 6)
    assert seen == ["high"] * 3 + ["low"] * 3


def test_a_job_that_leaves_the_program_is_a_failure(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start(concurrency=1)
    jobs.leave.perform_async()
    jobs.note.perform_async("still here")
    wait_until(lambda: settled(backend, worker, 2))
    assert seen == ["still here"]
    ((raw, _),) = backend.raw.zrange("retry", 0, -1, withscores=True)
    assert json.loads(raw)["error_class"] == "SystemExit"


def test_a_worker_shows_itself_as_sidekiq_does(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start("default", concurrency=3)
    jobs.hold.perform_async(1)
    wait_until(lambda: seen)
    worker.heartbeat.nudge()
    work: dict[str, Any] = wait_until(lambda: backend.raw.hgetall(f"{worker.identity}:work"))
    assert backend.raw.smembers("processes") == {worker.identity}
    facts = backend.raw.hgetall(worker.identity)
    assert (facts["concurrency"], facts["busy"], facts["quiet"]) == ("3", "1", "false")
    assert json.loads(facts["info"])["queues"] == ["default"]
    (shown,) = map(json.loads, work.values())
    assert shown["queue"] == "default"
    assert json.loads(shown["payload"])["class"] == "hold"
    jobs.gate.set()
    worker.stop()
    assert not backend.raw.exists("processes", worker.identity, f"{worker.identity}:work")


def test_stopping_twice_or_without_a_start_is_harmless(client: Shiftboss) -> None:
    worker = Worker(client)
    worker.stop()
    with Worker(client) as other:
        other.stop()


def test_a_worker_that_was_stopped_does_not_start_again(client: Shiftboss) -> None:
    worker = Worker(client)
    with worker:
        worker.start()
    for begin in (worker.start, worker.run):
        with pytest.raises(ConfigError, match="this worker was stopped, and a worker runs once; make another one"):
            begin()


def test_a_stop_in_the_midst_of_a_start_is_not_forgotten(client: Shiftboss, backend: Backend) -> None:
    worker = Worker(client)
    stopper = threading.Thread(target=worker.stop)
    with_thread = on_startup(stopper.start)
    here = on_startup(worker.stop)
    try:
        worker.start()
    finally:
        on_startup.remove(with_thread)
        on_startup.remove(here)
    stopper.join(20)
    assert not worker.fetcher.running
    assert not backend.raw.exists("processes", worker.identity)


def test_a_start_that_failed_can_be_tried_again(client: Shiftboss, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(client, concurrency=1)

    def fail() -> None:
        raise exceptions.ConnectionError("away")

    with monkeypatch.context() as patched:
        patched.setattr(worker.heartbeat, "beat", fail)
        with pytest.raises(exceptions.ConnectionError):
            worker.start()
    jobs.note.perform_async("served")
    with worker:
        wait_until(lambda: seen == ["served"], what="the job")


def test_it_does_not_start_where_a_newer_release_has_written(client: Shiftboss, start: Callable[..., Worker]) -> None:
    start().stop()
    assert client.store.run(layout(client)) == keys.LAYOUT
    client.store.run(command("SET", [keys.layout(client.namespace)], [keys.LAYOUT + 1], bool))
    with pytest.raises(
        ConfigError, match=r"is in layout 2, written by a newer release .* upgrade it, or give it another"
    ):
        start()

"""An idle worker notices a push at once, whoever pushes, and does next to nothing while there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from threading import Event

import pytest

from shiftboss import Shiftboss
from shiftboss.engines.sidekiq.worker import Worker, fetcher, lookout
from shiftboss.engines.sidekiq.worker.fetcher import Fetcher
from shiftboss.engines.sidekiq.worker.hold import Hold, Run
from shiftboss.engines.sidekiq.worker.outage import Outage
from shiftboss.engines.sidekiq.worker.queues import Queues
from shiftboss.keys import SidekiqKeys
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.waiting import wait_until

REAL = pytest.mark.backends("embedded", "redis")


def by_hand(backend: Backend, queue: str, what: str) -> None:
    """Push as Ruby does: a plain LPUSH."""
    job = {"class": "note", "args": [what], "jid": "ab12", "queue": queue, "retry": True}
    backend.raw.lpush(f"queue:{queue}", json.dumps(job))


def scripts_run(backend: Backend) -> int:
    return int(backend.raw.info("commandstats").get("cmdstat_rpop", {}).get("calls", 0))


def blocked(backend: Backend) -> int:
    return int(backend.raw.info("clients")["blocked_clients"])


@REAL
def test_a_push_by_hand_wakes_an_idle_worker_on_each_queue(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start("high", "middle", "low")
    for queue in ("low", "high", "middle", "low", "low"):
        wait_until(lambda: blocked(backend) == 3, what="the worker to block")
        by_hand(backend, queue, queue)
        # An idle worker asks by itself only after much longer.
        wait_until(lambda: seen == [queue], timeout=2)  # noqa: B023
        seen.clear()


@REAL
def test_two_workers_share_what_wakes_both(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    start(), start()
    wait_until(lambda: blocked(backend) == 2)
    jobs.note.perform_bulk([(n,) for n in range(100)])
    wait_until(lambda: sorted(seen) == list(range(100)))
    wait_until(lambda: blocked(backend) == 2, what="both to be idle again")


@REAL
def test_more_queues_than_connections_are_polled(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    queues = [f"q{n}" for n in range(lookout.MOST_CONNECTIONS + 1)]
    start(*queues)
    assert "9 queues: more than 8 are polled" in caplog.text
    by_hand(backend, "q8", "found")
    wait_until(lambda: seen == ["found"], timeout=2)
    assert blocked(backend) == 0


@pytest.mark.backends("fake", "embedded", "redis", "acl")
def test_a_paused_queue_rests_and_nobody_spins(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    backend.raw.sadd("paused", "default")
    worker = start("default", "low")
    fetched = worker.fetcher.fetched.listen()
    by_hand(backend, "default", "paused")
    fetched(5)
    by_hand(backend, "low", "low")
    wait_until(lambda: seen == ["low"], timeout=3)
    backend.raw.srem("paused", "default")
    wait_until(lambda: seen == ["low", "paused"], timeout=3)


@REAL
def test_a_worker_whose_queues_are_all_paused_asks_once_a_second(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    backend.raw.sadd("paused", "default")
    by_hand(backend, "default", "paused")
    worker = start()
    asked = worker.fetcher.fetched.listen()
    first, second, third = asked(5), asked(5), asked(5)
    assert second - first > 0.9
    assert third - second > 0.9
    assert blocked(backend) == 0


@REAL
def test_a_full_server_is_emptied(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    for n in range(50):
        by_hand(backend, "default", str(n))
    backend.raw.config_set("maxmemory", 1)
    try:
        worker = Worker(client, concurrency=2)
        worker.settler.start()
        worker.fetcher.start()
        wait_until(lambda: len(seen) == 50, what="all jobs")
        wait_until(lambda: backend.raw.get("stat:processed") == "50", what="all acknowledgements")
        worker.fetcher.stop()
        worker.settler.finish(1)
    finally:
        backend.raw.config_set("maxmemory", 0)
        backend.raw.srem("processes", worker.identity)


def fetcher_of(client: Shiftboss, size: int, waiting: Callable[[], int], taken: list[int]) -> Fetcher:
    """A fetcher for so many slots that notes how many jobs each fetch took."""

    def hand_on(runs: Sequence[Run], sign: str | None) -> None:
        taken.append(len(runs))

    keys, queues = SidekiqKeys(client.namespace), Queues.parse(["default"])
    return Fetcher(client.store, keys, "me", queues, Hold(size), hand_on, waiting, lambda: None, Outage("here"))


@pytest.mark.backends("fake", "embedded", "redis")
def test_nothing_is_taken_while_what_was_just_taken_waits_to_begin(
    client: Shiftboss, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "MOMENT", 60.0)
    waiting, taken = [2], list[int]()
    one = fetcher_of(client, 4, lambda: waiting[0], taken)
    jobs.note.perform_async(0)
    one.start()
    try:
        wait_until(lambda: taken == [1], what="the first job")
        jobs.note.perform_bulk([(n,) for n in range(1, 7)])
        wait_until(lambda: one._held_up, what="the fetcher to hold back")
        one.room()
        assert backend.raw.llen("queue:default") == 6
        waiting[0] = 0
        one.room()
        wait_until(lambda: taken == [1, 3], what="as many as there are slots")
    finally:
        one.stop()


@pytest.mark.backends("fake", "embedded", "redis")
def test_what_cannot_begin_holds_up_the_others_for_a_moment_only(client: Shiftboss) -> None:
    taken: list[int] = []
    one = fetcher_of(client, 2, lambda: 1, taken)
    one.start()
    try:
        for n in range(2):
            jobs.note.perform_async(n)
            wait_until(lambda n=n: len(taken) == n + 1, what="the job")  # type: ignore[misc]
    finally:
        one.stop()


@REAL
def test_it_rests_only_once_nothing_more_is_taken(client: Shiftboss, backend: Backend) -> None:
    taken, go_on, rested = Event(), Event(), Event()

    def hand_on(*_: object) -> None:
        taken.set()
        go_on.wait(20)

    keys, queues = SidekiqKeys(client.namespace), Queues.parse(["default"])
    one = Fetcher(client.store, keys, "me", queues, Hold(1), hand_on, lambda: 0, rested.set, Outage("here"))
    jobs.note.perform_async(1)
    one.start()
    try:
        assert taken.wait(20)
        one.ask_to_stop()
        assert not rested.wait(0.05)
        go_on.set()
        assert rested.wait(20)
    finally:
        go_on.set()
        one.stop()

"""A primary is replaced under load: what its replica had is neither lost nor stuck."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shiftboss import Shiftboss, limiters
from shiftboss.batches import Batch
from shiftboss.engines.sidekiq.worker import Worker
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.sentinel import SentinelGroup, start_sentinel
from tests.servers import embedded_binary
from tests.waiting import wait_until


@pytest.fixture
def sentinels() -> Iterator[SentinelGroup]:
    with start_sentinel(embedded_binary()) as group:
        yield group


@pytest.fixture
def client(sentinels: SentinelGroup) -> Iterator[Shiftboss]:
    with Shiftboss(sentinels.url, timeout=20) as client:
        yield client
    client.close()


def caught_up(sentinels: SentinelGroup) -> None:
    """Wait until the replica has what the primary has."""
    written = sentinels.primary.command("ROLE")[1]
    wait_until(lambda: sentinels.replica.command("ROLE")[4] >= written, what="the replica to catch up")


@pytest.fixture(params=["told", "killed"])
def fail_over(request: pytest.FixtureRequest, sentinels: SentinelGroup) -> Callable[[], None]:
    """Has the replica take over from a primary that lives, or from one that was killed."""

    def told() -> None:
        sentinels.failover()

    def killed() -> None:
        sentinels.primary.kill()
        sentinels.wait_for_promotion()

    return told if request.param == "told" else killed


# Told to, the old primary serves its clients for ten more seconds.
@pytest.mark.parametrize("fail_over", [pytest.param("told", marks=pytest.mark.stress), "killed"], indirect=True)
def test_w11_every_job_of_a_batch_runs_and_it_succeeds_once_though_the_primary_is_replaced_meanwhile(
    client: Shiftboss, sentinels: SentinelGroup, fail_over: Callable[[], None]
) -> None:
    batch = Batch().on("success", jobs.take_over)
    with batch.jobs():
        jobs.pause.perform_bulk([(n,) for n in range(400)])
    caught_up(sentinels)
    worker = Worker(client, ["default", "takeovers"], concurrency=4, timeout=5.0)
    worker.start()
    try:
        wait_until(lambda: len(seen) > 40, what="jobs before the failover")
        fail_over()
        # For some seconds the worker may still be with the old primary, of whose answers nothing will be left.
        there = Batch.open(batch.bid, client=Shiftboss(sentinels.primary.url))
        wait_until(lambda: there.status().state == "succeeded", 60, "the batch to succeed on the new primary")
        with sentinels.primary.client() as raw:
            wait_until(lambda: not raw.llen(f"sb:inflight:{worker.identity}"), 20, "the in-flight list to be empty")
        wait_until(lambda: (batch.bid, {}) in seen, what="its callback")
    finally:
        worker.stop()
    ran = Counter(one for one in seen if isinstance(one, int))
    assert set(ran) == set(range(400))


def test_a_concurrent_limiter_admits_and_takes_back_through_a_failover(
    client: Shiftboss, sentinels: SentinelGroup, fail_over: Callable[[], None]
) -> None:
    limiter = limiters.concurrent("failing-over", 3, wait_timeout=30, lock_timeout=5)
    over, done = time.monotonic() + 60, Counter[int]()

    def work(thread: int) -> None:
        with client:
            while time.monotonic() < over:
                with limiter.within_limit():
                    done[thread] += 1

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(work, thread) for thread in range(8)]
        wait_until(lambda: min(done[thread] for thread in range(8)) > 5, what="everybody to be admitted before it")
        fail_over()
        before = Counter(done)
        wait_until(lambda: min(done[t] - before[t] for t in range(8)) > 5, 30, "everybody to be admitted after it")
        over = 0
        for one in running:
            one.result()
    # What the replica lacked of a give-back is held until its lease ends, and not longer.
    wait_until(lambda: limiter.peek().used == 0, 10, "all slots to be free")


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky", "points"])
def test_a_limit_on_time_goes_on_through_a_failover(client: Shiftboss, sentinels: SentinelGroup, kind: str) -> None:
    made = {
        "bucket": limiters.bucket("b", 1000, "hour", wait_timeout=0),
        "window": limiters.window("w", 1000, "hour", wait_timeout=0),
        "leaky": limiters.leaky("l", 1000, "hour", wait_timeout=0),
        "points": limiters.points("p", 1000, refill_per_second=0.01, wait_timeout=0),
    }
    limiter = made[kind]
    given = sum(limiter.try_acquire() is not None for _ in range(600))
    caught_up(sentinels)
    sentinels.failover()
    given += sum(limiter.try_acquire() is not None for _ in range(600))
    assert 1000 <= given <= 1001

"""What is particular to RQ: its transactions, its ways to end, its synchronous queues, its dependencies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as ConnectionLost
from rq import Queue, Retry, exceptions
from rq.command import send_stop_job_command
from rq.job import Job
from rq.serializers import JSONSerializer

from shiftboss import BatchNotFound, Shiftboss
from shiftboss.batches import Batch
from shiftboss.batches.doctor import bury, examine
from shiftboss.engine import NotPublished
from shiftboss.engines.rq import RqEngine, ShiftbossJob, ShiftbossQueue, ShiftbossSimpleWorker, install
from shiftboss.errors import ConfigError
from tests.engines.actions import notes, open_gate
from tests.engines.app_rq import RqDriver
from tests.engines.conftest import Url
from tests.engines.driver import QUEUE, Worker
from tests.engines.rq_actions import asks_for_retry, fail, note, polite, waits
from tests.waiting import wait_until

NewBatch = Callable[..., Batch]


@pytest.fixture
def here(url: Url) -> Iterator[RqDriver]:
    """RQ without a worker; the test's own bursts run what is there."""
    driver = RqDriver(url(4))
    driver.connection.flushdb()
    yield driver
    driver.connection.close()


def burst(driver: RqDriver) -> None:
    ShiftbossSimpleWorker([QUEUE, "default"], connection=driver.connection).work(burst=True, logging_level="ERROR")


def test_the_end_of_a_job_and_its_count_in_the_batch_are_one_transaction(
    here: RqDriver, new_batch: NewBatch, key: str
) -> None:
    batch = new_batch(here)
    with batch.jobs():
        here.queue.enqueue(note, key)
    sent: list[list[str]] = []
    with here.connection.monitor() as monitor:
        burst(here)
        here.connection.echo("end")
        for seen in monitor.listen():
            sent.append(str(seen["command"]).split())
            if sent[-1][0] == "ECHO":
                break
    words = [command[0].upper() for command in sent]
    ended = words.index("EVAL")
    assert "MULTI" in words[:ended]
    last = len(words[:ended]) - words[:ended][::-1].index("MULTI") - 1
    between = sent[last : words.index("EXEC", ended)]
    assert any("finished" in " ".join(command) for command in between)
    assert batch.status().done == 1


def test_a_result_that_is_not_kept_counts_too(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(here)
    with batch.jobs():
        here.queue.enqueue(note, key, result_ttl=0)
    burst(here)
    assert batch.status().done == 1


def test_a_job_that_returns_retry_has_not_succeeded_yet(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(here)
    with batch.jobs():
        here.queue.enqueue(asks_for_retry, key)
    burst(here)
    assert notes(key) == ["asked", "asked"]
    assert (batch.status().done, batch.status().complete_at is not None) == (0, True)


def test_a_job_puts_itself_back(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(here)
    with batch.jobs():
        here.queue.enqueue(polite, key)
    burst(here)
    assert notes(key) == [0, 1]
    assert (batch.status().done, batch.status().failing) == (1, 0)


def test_a_cancelled_job_has_died(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(here)
    with batch.jobs():
        job = here.queue.enqueue(note, key)
    job.cancel()
    job.settle()  # type: ignore[attr-defined]
    status = batch.status()
    assert (status.dead, status.failures[0].message) == (1, f"job {job.id} was canceled")


def test_a_synchronous_queue_runs_what_a_block_collected_at_its_end(
    here: RqDriver, new_batch: NewBatch, key: str
) -> None:
    queue = ShiftbossQueue(QUEUE, connection=here.connection, is_async=False)
    batch = new_batch(here)
    with batch.jobs():
        queue.enqueue(note, key, 1)
        assert notes(key) == []
        queue.enqueue(fail, f"{key}:fails")
    status = batch.status()
    assert (notes(key), status.done, status.dead) == ([1], 1, 1)


def test_what_a_synchronous_queue_cannot_put_back_has_failed(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    queue = ShiftbossQueue(QUEUE, connection=here.connection, is_async=False)
    batch = new_batch(here)
    with batch.jobs():
        queue.enqueue(polite, key)
    assert (notes(key), batch.status().done, batch.status().dead) == ([0], 0, 1)


def test_jobs_of_a_block_wait_for_one_another(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(here)
    with batch.jobs():
        first = here.queue.enqueue(note, key, "first")
        here.queue.enqueue(note, key, "second", depends_on=first)
    assert batch.status().total == 2
    burst(here)
    assert notes(key) == ["first", "second"]
    assert batch.status().done == 2


def test_many_jobs_are_one_transaction(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    with new_batch(here).jobs():
        here.queue.enqueue_many([Queue.prepare_data(note, args=(key, n)) for n in range(50)])
        assert len(here.queue) == 0
    assert len(here.queue) == 50


def test_a_job_goes_to_the_redis_of_its_queue(here: RqDriver, url: Url, new_batch: NewBatch, key: str) -> None:
    there = Redis.from_url(url(62))
    install(there, here.client)
    elsewhere = ShiftbossQueue(QUEUE, connection=there)
    with new_batch(here).jobs():
        here.queue.enqueue(note, key)
        elsewhere.enqueue(note, key)
    assert (len(here.queue), len(elsewhere)) == (1, 1)
    there.flushdb()


def test_what_cannot_be_published_is_no_member(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(here)
    queue = ShiftbossQueue(QUEUE, connection=here.connection, serializer=JSONSerializer)
    with pytest.raises(NotPublished, match="2 of 2 jobs were not enqueued") as raised, batch.jobs() as added:
        queue.enqueue(note, key)
        queue.enqueue(note, object())
    assert isinstance(raised.value.__cause__, TypeError)
    assert raised.value.ids == set(added.ids)
    assert len(queue) == 0
    with pytest.raises(BatchNotFound):
        batch.status()


@pytest.mark.skipif(not hasattr(exceptions, "DuplicateJobError"), reason="this RQ has no unique jobs")
def test_a_job_that_rq_refuses_is_no_member_and_the_others_are(here: RqDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(here)
    here.queue.enqueue(note, f"{key}:other", job_id=key)
    with pytest.raises(NotPublished, match="1 of 2 jobs were not enqueued") as raised, batch.jobs() as added:
        here.queue.enqueue(note, key)
        here.queue.enqueue(note, key, job_id=key, unique=True)
    assert isinstance(raised.value.__cause__, exceptions.DuplicateJobError)
    assert raised.value.ids == {added.ids[1]}
    status = batch.status()
    assert (status.total, status.broken) == (1, True)


def test_a_redis_of_rqs_that_is_away_leaves_no_member(url: Url) -> None:
    redis = Redis.from_url("redis://127.0.0.1:1/0")
    client = install(redis, Shiftboss(url(4), engine=RqEngine(redis)))
    batch = Batch(client=client)
    with pytest.raises(NotPublished, match=r"1 of 1 jobs were not enqueued: .*refused"), batch.jobs():
        ShiftbossQueue(QUEUE, connection=redis).enqueue(note, "never")
    with pytest.raises(BatchNotFound):
        batch.status()


def test_of_a_transaction_whose_reply_is_lost_nobody_knows(
    here: RqDriver, new_batch: NewBatch, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Any, *args: Any) -> None:
        raise ConnectionLost("the reply is lost")

    monkeypatch.setattr(Pipeline, "execute", lost)
    batch = new_batch(here)
    with pytest.raises(ConnectionLost), batch.jobs():
        here.queue.enqueue(note, key)
    assert batch.status().total == 1


def test_outside_of_a_block_nothing_is_kept(here: RqDriver, key: str) -> None:
    job = here.queue.enqueue(note, key, "alone")
    assert isinstance(job, ShiftbossJob)
    burst(here)
    assert notes(key) == ["alone"]


def test_a_client_with_another_engine_is_refused(url: Url) -> None:
    with pytest.raises(ConfigError, match=r"does not run its jobs on RQ; call install\(redis\) at start-up"):
        install(Redis.from_url(url(12)), Shiftboss(url(12)))
    redis = Redis.from_url(url(8))
    client = install(redis, Shiftboss(url(8), engine=RqEngine(redis)))
    assert install(redis) is client
    with pytest.raises(ConfigError, match=r"belongs to .* already"):
        install(redis, Shiftboss(url(8), engine=RqEngine(redis)))


def test_threads_that_come_first_together_find_one_client(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RqEngine, "__init__", slowly(RqEngine.__init__))
    start, redis = threading.Barrier(4), Redis.from_url(url(61))

    def first_use(_: int) -> Shiftboss:
        start.wait()
        client = install(redis)
        with Batch().jobs():
            ShiftbossQueue(QUEUE, connection=redis).enqueue(note, "nobody")
        return client

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(first_use, range(4)))) == 1
    redis.flushdb()


def slowly(make: Callable[..., None]) -> Callable[..., None]:
    def made(*args: Any) -> None:
        time.sleep(0.05)
        make(*args)

    return made


@pytest.fixture
def mortal(url: Url, tmp_path: Path) -> Iterator[tuple[RqDriver, Callable[[], Worker]]]:
    driver, workers = RqDriver(url(6)), list[Worker]()

    def start() -> Worker:
        workers.append(driver.start(tmp_path / f"worker-{len(workers)}"))
        return workers[-1]

    yield driver, start
    for worker in workers:
        worker.kill()
    driver.connection.close()


def test_a_killed_worker_fails_its_job_which_runs_again_if_it_may(
    mortal: tuple[RqDriver, Callable[[], Worker]], new_batch: NewBatch, key: str
) -> None:
    driver, start = mortal
    batch = new_batch(driver)
    first = start()
    with batch.jobs():
        driver.queue.enqueue(waits, key, retry=Retry(max=1))
        driver.queue.enqueue(waits, f"{key}:once")
    wait_until(lambda: notes(key) and notes(f"{key}:once"), 20, what="both jobs to run")
    first.kill()
    driver.bury()
    start()
    wait_until(lambda: len(notes(key)) == 2, 20, "the job to run again")
    open_gate(key)
    status = batch.join(timeout=20, event="finished")
    assert (status.done, status.dead) == (1, 1)
    assert len(notes(f"{key}:once")) == 1
    wait_until(lambda: sorted(notes(f"{key}:events")) == ["complete", "death", "finished"], what="the callbacks")


def test_a_killed_horse_and_a_stopped_job_have_died(
    mortal: tuple[RqDriver, Callable[[], Worker]], new_batch: NewBatch, key: str
) -> None:
    driver, start = mortal
    start()
    batch = new_batch(driver)
    with batch.jobs():
        driver.queue.enqueue(waits, key)
        stopped = driver.queue.enqueue(waits, f"{key}:stopped")
    wait_until(lambda: notes(key) and notes(f"{key}:stopped"), 20, what="both jobs to run")
    os.kill(notes(key)[0], signal.SIGKILL)
    send_stop_job_command(driver.connection, stopped.id)
    status = batch.join(timeout=20, event="finished")
    assert status.dead == 2
    assert {failure.jid for failure in status.failures} >= {stopped.id}
    assert Job.fetch(stopped.id, connection=driver.connection).get_status() == "stopped"


def test_the_doctor_finds_a_job_that_was_deleted(here: RqDriver) -> None:
    queue = ShiftbossQueue(QUEUE, connection=here.connection)
    batch = Batch(client=here.client)
    with here.client, batch.jobs() as added:
        for number in range(4):
            queue.enqueue(note, "deleted", number)
        queue.enqueue_in(timedelta(hours=1), note, "deleted", 4)
    Job.fetch(added.ids[2], connection=here.connection).delete()
    (finding,) = examine(batch.bid, client=here.client)
    assert (finding.kind, finding.positions) == ("lost", (2,))
    bury(batch.bid, finding.positions, client=here.client)
    assert examine(batch.bid, client=here.client) == []

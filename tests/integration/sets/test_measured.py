"""How often each job ran, and how long that took."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shiftboss import ConfigError, JobStats, Shiftboss, job
from shiftboss.engines.sidekiq.durations import BUCKETS, ENDS, quantile, unpack
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.engines.sidekiq.worker.measuring import MOST, Measures, Row, telling
from shiftboss.jobs import Outcome
from shiftboss.keys import SidekiqKeys
from tests.backends import Backend
from tests.waiting import wait_until

KEYS = SidekiqKeys("sb")
pytestmark = pytest.mark.backends("embedded", "redis")


@job(name="measured")
def measured(seconds: float) -> None:
    time.sleep(seconds)


@job(name="measured.fails", retry=0)
def fails() -> None:
    raise ValueError


@pytest.fixture
def run(client: Shiftboss, backend: Backend) -> Callable[[int], None]:
    """Has a worker run what was pushed, and stop."""

    def until(count: int) -> None:
        with Worker(client, concurrency=4):
            wait_until(lambda: backend.raw.get("stat:processed") == str(count))

    return until


def test_runs_failures_and_durations_are_counted_by_job(client: Shiftboss, run: Callable[[int], None]) -> None:
    for seconds in (0.0, 0.0, 0.0, 0.12):
        measured.perform_async(seconds)
    fails.perform_async()
    run(5)
    often, seldom = JobStats.all()
    assert (often.name, often.runs, often.failed) == ("measured", 4, 0)
    assert (seldom.name, seldom.runs, seldom.failed, seldom.mean) == ("measured.fails", 1, 1, None)
    assert sum(minute.runs for minute in often.minutes) == 4
    assert often.mean is not None
    assert often.mean >= 0.03
    (read,) = JobStats.read(["measured"])
    assert sum(read.buckets) == 4
    assert read.quantile(0.99) is not None
    assert read.quantile(0.99) > 0.1  # type: ignore[operator]
    assert seldom.quantile(0.5) is None


def test_they_are_where_sidekiq_has_them(client: Shiftboss, backend: Backend) -> None:
    at = datetime(2026, 3, 5, 7, 4, tzinfo=UTC)
    client.store.run(telling(KEYS, at, {"Ruby::Job": Row(3, 1, 250, {0: 1, 4: 1})}))
    assert backend.raw.hgetall("j|260305|7:04") == {"Ruby::Job|p": "3", "Ruby::Job|f": "1", "Ruby::Job|ms": "250"}
    assert backend.raw.hgetall("j|260305|7:0") == backend.raw.hgetall("j|260305|7:04")
    fetched = backend.raw.bitfield("h|Ruby::Job-5-7:4").get("u16", "#0").get("u16", "#1").get("u16", "#4").execute()
    assert fetched == [1, 0, 1]
    assert all(backend.raw.ttl(key) > 0 for key in backend.raw.keys("*|*"))


def test_a_full_bucket_stays_full(client: Shiftboss) -> None:
    at = datetime.now(UTC)
    for _ in range(2):
        client.store.run(telling(KEYS, at, {"busy": Row(40_000, 0, 1, {2: 40_000})}))
    (busy,) = JobStats.read(["busy"], 2)
    assert busy.buckets[2] == 65_535


def test_what_no_worker_has_said_is_nothing(client: Shiftboss) -> None:
    assert JobStats.all() == []
    (nobody,) = JobStats.read(["nobody"])
    assert (nobody.runs, nobody.minutes, sum(nobody.buckets)) == (0, (), 0)


@pytest.mark.parametrize("minutes", [0, 481, -1, True, 1.5])
def test_minutes_that_cannot_be_are_refused(client: Shiftboss, minutes: int) -> None:
    with pytest.raises(ConfigError, match="expected minutes to be a number from 1 to 480"):
        JobStats.all(minutes)


@pytest.mark.asyncio
async def test_coroutines_can_ask_too(client: Shiftboss) -> None:
    assert await JobStats.aall(client=client) == []
    assert [one.name for one in await JobStats.aread(["a", "b"], client=client)] == ["a", "b"]
    await client.aclose()


def test_names_without_end_are_counted_together() -> None:
    measures = Measures()
    for number in range(MOST + 20):
        made_up = {"class": f"made-up-{number}", "args": [], "queue": "default", "jid": f"{number:024x}"}
        raw = json.dumps(made_up).encode()
        measures.end(Ended(Run(number, "default", raw, decode(raw)), "done", Outcome.SUCCEEDED))
    rows = measures.take()
    assert len(rows) == MOST + 1
    assert rows["(other)"].runs == 20
    assert measures.take() == {}


def test_a_quantile_is_the_end_of_the_bucket_that_it_lies_in() -> None:
    empty = [0] * BUCKETS
    assert quantile(empty, 0.5) == 0
    assert quantile([10, *empty[1:]], 0.5) == quantile([10, *empty[1:]], 1.0) == 0.02
    assert quantile([0, 0, 4, *empty[3:]], 0.01) == 0.045
    assert [quantile([19, 0, 1, *empty[3:]], part) for part in (0.5, 0.95, 0.96)] == [0.02, 0.02, 0.045]
    assert quantile([*empty[:-2], 1, 0], 0.5) == ENDS[-1] / 1000
    assert quantile([*empty[:-1], 1], 0.5) == math.inf
    assert unpack(b"\0\1") == [1, *empty[1:]]

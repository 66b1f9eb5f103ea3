"""Limiters that count by time, on every server: real waits, many processes' worth of threads, outages."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.exceptions import RedisError

from shiftboss import ConfigError, Shiftboss, limiters
from shiftboss.limiters import Limiter, OverLimit, patience
from shiftboss.plan import Plan
from shiftboss.store import command
from tests.backends import Backend

KINDS = ["bucket", "window", "leaky", "points"]
# Intervals in which nothing comes back while a test runs, however slow the machine.
HOUR, DAY = 3600, 86400


def make(kind: str, size: int = 5, interval: float = 60, **options: Any) -> Limiter:
    """One of each kind, whose units come back in so many seconds."""
    if kind == "points":
        return limiters.points("x", size, refill_per_second=size / interval, **options)
    return getattr(limiters, kind)("x", size, interval, **options)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_it_admits_its_size_and_refuses_the_next(client: Shiftboss, kind: str) -> None:
    limiter = make(kind, interval=DAY, wait_timeout=0)
    assert sum(limiter.try_acquire() is not None for _ in range(9)) == 5
    state = limiter.peek()
    assert (state.used, state.remaining, state.waiting) == (5, 0, 0)
    assert state.reset_after is not None
    assert 0 < state.reset_after <= DAY
    with pytest.raises(OverLimit) as refused:
        limiter.acquire()
    assert refused.value.limiter == "x"
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= DAY


@pytest.mark.backends("embedded", "redis")
def test_periods_of_a_bucket_stay_those_of_the_clock_however_many_reserve(client: Shiftboss, backend: Backend) -> None:
    limiter = limiters.bucket("x", 1000, HOUR)
    key, period = limiter.key(client), HOUR * 1000
    for _ in range(5):
        client.store.run_many([limiter.taking(key, 1, DAY)] * 1000, 60)
    text = "local time = redis.call('TIME') return {time[1], time[2], redis.call('PTTL', KEYS[1])}"
    seconds, micros, left = map(int, backend.raw.eval(text, 1, key))
    # It ends a millisecond before the border; and between the two questions a moment may have passed.
    late = (seconds * 1000 + micros // 1000 + left + 1 + period // 2) % period - period // 2
    assert -1000 < late <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_reset_makes_it_as_if_nothing_had_been_taken(client: Shiftboss, kind: str) -> None:
    limiter = make(kind, wait_timeout=0)
    limiter.acquire(5)
    limiter.reset()
    assert limiter.peek().used == 0
    assert limiter.try_acquire(5) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_waiter_gets_in_once_there_is_room(client: Shiftboss, kind: str) -> None:
    limiter = make(kind, 1, 0.2, wait_timeout=5)
    began = time.monotonic()
    for _ in range(3):
        with limiter.within_limit():
            pass
    assert time.monotonic() - began >= (0.2 if kind == "bucket" else 0.4) - 0.002


@pytest.mark.backends("embedded", "redis")
@pytest.mark.parametrize("kind", ["window", "leaky"])
def test_many_threads_are_admitted_evenly_and_none_is_lost(client: Shiftboss, kind: str) -> None:
    """By the notes of those who got in, no stretch of the interval holds more than the limit."""
    limiter, interval = make(kind, 5, 0.2, wait_timeout=30), 0.2
    admitted: list[float] = []

    def enter() -> None:
        with client, limiter.within_limit():
            admitted.append(time.monotonic())

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(enter) for _ in range(30)]:
            future.result()
    admitted.sort()
    assert len(admitted) == 30
    most = 5 if kind == "window" else 10  # a burst and what has come since
    # A thread notes a little after it was admitted; so a stretch is taken a little shorter.
    crowded = [n for n in range(30 - most) if admitted[n + most] - admitted[n] < interval * 0.5]
    assert len(crowded) <= 2
    assert admitted[-1] - admitted[0] >= 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_a_decorated_function_is_limited_and_may_be_skipped(client: Shiftboss, kind: str) -> None:
    @make(kind, 2, wait_timeout=0, policy="skip").limit
    def double(n: int) -> int:
        return 2 * n

    assert [double(n) for n in range(4)] == [0, 2, None, None]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_coroutines_are_limited_from_the_same_definition(aclient: Shiftboss, kind: str) -> None:
    limiter = make(kind, 2, 0.2, wait_timeout=5)
    inside = 0

    @limiter.limit
    async def enter() -> None:
        nonlocal inside
        inside += 1

    await asyncio.gather(*(enter() for _ in range(5)))
    assert inside == 5
    strict = make(kind, 2, 60, wait_timeout=0)
    await strict.areset()
    async with strict.within_limit():
        assert (await strict.apeek()).used == 1
    assert await strict.atry_acquire() is not None
    assert await strict.atry_acquire() is None
    with pytest.raises(OverLimit):
        await strict.aacquire()


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["bucket", "window", "leaky"])
async def test_a_cancelled_waiter_gives_its_units_back(
    aclient: Shiftboss, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    resting: list[float] = []

    def rest(seconds: float) -> Plan[None]:
        resting.append(seconds)
        yield from patience.rest(seconds)

    monkeypatch.setattr("shiftboss.limiters.timed.rest", rest)
    limiter = make(kind, 1, DAY, wait_timeout=5 * DAY)
    await limiter.aacquire()
    waiters = []
    for number in range(1, 4):
        waiters.append(asyncio.create_task(limiter.aacquire()))
        while len(resting) < number:  # noqa: ASYNC110  the server knows of it before its waiter does
            await asyncio.sleep(0.01)
    assert (await limiter.apeek()).waiting == 3
    for waiter in reversed(waiters):
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    assert (await limiter.apeek()).waiting == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["bucket", "leaky"])
async def test_nobody_overtakes_who_waits_though_others_were_cancelled(aclient: Shiftboss, kind: str) -> None:
    """What a cancelled one had reserved stays taken where others have reserved after it."""
    limiter, entered, waiters = make(kind, 1, 0.3, wait_timeout=30), list[int](), list[asyncio.Task[None]]()

    async def enter(number: int) -> None:
        await limiter.aacquire()
        entered.append(number)

    async def come(number: int) -> None:
        before = (await limiter.apeek()).waiting
        waiters.append(asyncio.create_task(enter(number)))
        while number not in entered and (await limiter.apeek()).waiting == before:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    for number in range(7):
        await come(number)
    for waiter in waiters[2:5]:
        waiter.cancel()
    await asyncio.gather(*waiters[2:5], return_exceptions=True)
    for number in range(7, 10):
        await come(number)
    await asyncio.gather(*waiters, return_exceptions=True)
    # On a slow machine one of those may have entered before it could be cancelled.
    assert entered == sorted(set(entered))
    assert [number for number in entered if number not in (2, 3, 4)] == [0, 1, 5, 6, 7, 8, 9]


@pytest.mark.asyncio
@pytest.mark.backends("fake", "embedded", "redis", "cluster")
async def test_a_budget_is_kept_while_some_wait_and_others_correct(aclient: Shiftboss) -> None:
    budget, spent = limiters.points("x", 50, refill_per_second=500, wait_timeout=30), 0
    began = time.monotonic()

    async def spend() -> None:
        nonlocal spent
        while time.monotonic() - began < 1:
            async with budget.within_limit(cost=10) as grant:
                spent += 10
                await grant.acorrect(10)

    await asyncio.gather(*(spend() for _ in range(20)))
    assert 50 < spent <= 50 + 500 * (time.monotonic() - began) + 1


@pytest.mark.backends("embedded", "redis", "cluster")
def test_small_units_come_no_faster_than_they_should(client: Shiftboss) -> None:
    limiter = limiters.leaky("x", 5, "second", drain=2000, wait_timeout=0)
    limiter.acquire()  # which writes it down
    began, admitted = time.monotonic(), 1
    while time.monotonic() - began < 0.5:
        admitted += limiter.try_acquire() is not None
    assert admitted <= 5 + 2000 * (time.monotonic() - began + 0.001)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickled_limiter_is_its_definition(client: Shiftboss, kind: str) -> None:
    limiter = make(kind, wait_timeout=0, client=client)
    limiter.acquire(5)
    same = pickle.loads(pickle.dumps(limiter))
    assert (same, same.client) == (limiter, None)
    assert same.try_acquire() is None


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_one_key_that_ends(client: Shiftboss, kind: str) -> None:
    limiter = make(kind, 1000, 60, wait_timeout=0)
    for _ in range(10):
        limiter.acquire()
    key = limiter.key(client)  # type: ignore[attr-defined]
    life = client.store.run(command("PTTL", [key], [], int))
    assert 0 < life <= 60_001


@pytest.mark.backends("embedded", "redis")
def test_a_window_takes_at_most_twenty_bytes_an_entry(client: Shiftboss, backend: Backend) -> None:
    limiter = limiters.window("x", 10_000, 600, wait_timeout=0)
    for _ in range(10):
        limiter.acquire(1000)
    used = backend.raw.memory_usage(limiter.key(client), samples=0)
    assert used is not None
    assert used / 10_000 <= 20


def test_the_same_name_of_another_kind_is_refused(client: Shiftboss, new_client: Callable[..., Shiftboss]) -> None:
    make("bucket").acquire()
    with new_client(), pytest.raises(ConfigError, match="the name 'x' stands for a bucket limiter already"):
        make("leaky").acquire()


@pytest.mark.parametrize("kind", [*KINDS, "concurrent"])
def test_while_redis_is_away_it_raises_allows_or_denies_as_told(
    kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftboss.limiters.outage.EVERY", 0)
    with Shiftboss("redis://127.0.0.1:1/0"):
        interval: Any = () if kind == "concurrent" else (60,)

        def of(on_outage: Any) -> Any:
            if kind == "points":
                return limiters.points("x", 5, refill_per_second=1, wait_timeout=0, on_outage=on_outage)
            return getattr(limiters, kind)("x", 5, *interval, wait_timeout=0, on_outage=on_outage)

        began = time.monotonic()
        with pytest.raises(RedisError):
            of("raise").acquire()
        with of("allow").within_limit():
            pass
        with pytest.raises(OverLimit, match="limiter 'x': Redis could not be asked"):
            of("deny").acquire()
        assert of("deny").try_acquire() is None
        assert caplog.text.count("limiter 'x': allowed, because Redis could not be asked") == 1
        assert caplog.text.count("limiter 'x': denied, because Redis could not be asked") == 2
        assert time.monotonic() - began < 20


@pytest.mark.backends("embedded")
def test_a_limiter_may_have_a_client_of_its_own(client: Shiftboss, new_client: Callable[..., Shiftboss]) -> None:
    other = new_client(namespace="other")
    here, there = make("bucket", wait_timeout=0), make("bucket", wait_timeout=0, client=other)
    here.acquire(5)
    assert there.try_acquire(5) is not None


@pytest.mark.backends("embedded", "redis")
def test_script_flush_is_invisible(client: Shiftboss, backend: Backend) -> None:
    limiter = make("window", wait_timeout=0)
    limiter.acquire()
    backend.raw.script_flush()
    limiter.acquire()
    assert limiter.peek().used == 2


@pytest.mark.backends("embedded", "redis")
def test_threads_share_one_object(client: Shiftboss) -> None:
    limiter, admitted = make("bucket", 50, 3600, wait_timeout=0), []
    lock = threading.Lock()

    def enter() -> None:
        with client:
            for _ in range(20):
                if limiter.try_acquire() is not None:
                    with lock:
                        admitted.append(1)

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 50

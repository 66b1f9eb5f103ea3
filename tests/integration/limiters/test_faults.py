"""Rows of faults that limiters outlive: lost replies, clocks that differ or jump, servers that go away, errors on the way out."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from redis.exceptions import RedisError

from shiftboss import Shiftboss, limiters
from shiftboss.limiters import Limiter, OverLimit
from shiftboss.limiters.unheard import teller_of
from shiftboss.scripts import script
from tests.backends import Backend
from tests.faketime import ClockedServer, faketime_library
from tests.proxy import FaultProxy
from tests.servers import ServerProcess, embedded_binary
from tests.waiting import wait_until

HOUR = 3600
SCRIPTS = {"concurrent": "acquire", "bucket": "bucket", "window": "window", "leaky": "drip", "points": "drip"}
real = pytest.mark.backends("embedded", "redis")


def make(kind: str, size: int = 5, **options: Any) -> Limiter:
    """One of each kind, of which nothing comes back while the test runs."""
    options = {"wait_timeout": 5, **options}
    if kind == "concurrent":
        return limiters.concurrent("x", size, lock_timeout=60, **options)
    if kind == "points":
        return limiters.points("x", size, refill_per_second=size / HOUR, **options)
    return getattr(limiters, kind)("x", size, HOUR, **options)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def unhurried() -> None:
    """Here the time for a decision is the one that users have."""


@pytest.fixture
def far(proxy: FaultProxy) -> Iterator[Shiftboss]:
    """A client that reaches the backend through the proxy."""
    client = Shiftboss(proxy.url, timeout=2)
    yield client
    teller_of(client).stop()
    client.close()


# Lost replies.


@real
@pytest.mark.parametrize("kind", SCRIPTS)
def test_l2_who_asks_again_because_the_reply_was_lost_is_given_once(
    client: Shiftboss, proxy: FaultProxy, far: Shiftboss, kind: str
) -> None:
    limiter = make(kind, client=far)
    make(kind).acquire()  # so that the server knows the script
    fault = proxy.drop_reply(script(f"limiters/{SCRIPTS[kind]}").sha.encode())
    with suppress(RedisError):
        limiter.acquire()
    assert fault.hits == 1
    assert make(kind).peek().used == 2


@real
def test_l2_a_slot_is_given_back_although_the_reply_is_lost(
    client: Shiftboss, proxy: FaultProxy, far: Shiftboss
) -> None:
    grant = make("concurrent", client=far).acquire()
    proxy.drop_reply(script("limiters/release").sha.encode())
    grant.release()
    assert make("concurrent").peek().used == 0


@real
def test_a_slot_that_could_not_be_given_back_can_be_given_back_again(
    client: Shiftboss, proxy: FaultProxy, far: Shiftboss
) -> None:
    limiter = make("concurrent", client=far, wait_timeout=0)
    grant = limiter.acquire()
    proxy.refuse()
    proxy.rst_all()
    with pytest.raises(RedisError):
        grant.release()
    assert not grant.remaining
    assert make("concurrent").peek().used == 1
    proxy.heal()
    assert grant.release()
    assert not grant.release()
    assert make("concurrent").peek().used == 0


# Clocks.


@pytest.mark.backends("embedded")
@pytest.mark.parametrize("kind", SCRIPTS)
def test_l5_processes_whose_clocks_are_a_minute_apart_agree(client: Shiftboss, backend: Backend, kind: str) -> None:
    limiter = make(kind, 6, wait_timeout=0)
    text = (
        "import sys, time\n"
        "from tests.integration.limiters.test_faults import make\n"
        "from shiftboss import Shiftboss\n"
        "with Shiftboss(sys.argv[1]):\n"
        "    print(time.time(), *(make(sys.argv[2], 6, wait_timeout=0).acquire() for _ in range(2)), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    there = []
    for offset in (-30, 30):
        env = {**os.environ, "LD_PRELOAD": str(faketime_library()), "FAKETIME": f"{offset:+d}s"}
        env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        process = subprocess.Popen(
            [sys.executable, "-c", text, backend.url, kind], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        there.append(process)
    told = [float(process.stdout.readline().split()[0]) for process in there]  # type: ignore[union-attr]
    assert told[1] - told[0] > 50, "their clocks are apart"
    admitted = sum(limiter.try_acquire() is not None for _ in range(4))
    for process in there:
        process.communicate(timeout=20)
    assert admitted == 2


@pytest.fixture
def clocked() -> Iterator[ClockedServer]:
    with ClockedServer(embedded_binary()) as server:
        yield server


def test_l6_a_lease_lasts_no_longer_because_the_servers_clock_was_set_back(clocked: ClockedServer) -> None:
    client = Shiftboss(clocked.url)
    limiter = limiters.concurrent("x", 2, lock_timeout=2, wait_timeout=0, client=client)
    for _ in range(2):
        limiter.acquire()
    clocked.set_clock(-24 * HOUR)
    with pytest.raises(OverLimit) as refusal:
        limiter.acquire()
    assert refusal.value.retry_after is not None
    assert refusal.value.retry_after <= 2
    wait_until(limiter.try_acquire, 10, "the end of a lease")
    client.close()


def test_l6_set_forward_the_clock_ends_leases_at_once_and_no_more(clocked: ClockedServer) -> None:
    client = Shiftboss(clocked.url)
    limiter = limiters.concurrent("x", 1, lock_timeout=60, wait_timeout=0, client=client)
    before = limiter.acquire()
    clocked.set_clock(HOUR)
    after = wait_until(limiter.try_acquire, what="the server to know the time")
    assert not before.release()
    assert limiter.try_acquire() is None
    assert after.release()
    client.close()


# Servers.


@pytest.fixture
def mortal() -> Iterator[ServerProcess]:
    with ServerProcess(embedded_binary(), "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.mark.parametrize("kind", SCRIPTS)
def test_l7_while_the_server_is_frozen_the_caller_has_its_decision(mortal: ServerProcess, kind: str) -> None:
    client = Shiftboss(mortal.url)
    allowed = make(kind, client=client, on_outage="allow", wait_timeout=0)
    denied = make(kind, client=client, on_outage="deny", wait_timeout=0)
    raised = make(kind, client=client, wait_timeout=0)
    allowed.acquire().release()
    mortal.freeze()
    try:
        allowed.acquire().release()
        with pytest.raises(OverLimit, match="could not be asked"):
            denied.acquire()
        with pytest.raises(RedisError):
            raised.acquire()
    finally:
        mortal.thaw()
        client.close()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_l7_the_decision_comes_in_half_a_second_also_for_a_new_name_and_with_counts_to_send(
    mortal: ServerProcess, kind: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Shiftboss(mortal.url)
    limiter = make(kind, client=client, wait_timeout=0)
    if known:
        limiter.acquire()
        monkeypatch.setattr("shiftboss.limiters.counting.EVERY", -1.0)
    mortal.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(RedisError):
            limiter.acquire()
        assert time.monotonic() - began < 1.5
    finally:
        mortal.thaw()
        client.close()


@pytest.mark.parametrize("on_outage", ["allow", "deny", "raise"])
@pytest.mark.parametrize("kind", ["concurrent", "points"])
def test_l7_what_redis_cannot_be_told_at_the_end_of_a_block_is_logged_unless_it_should_raise(
    mortal: ServerProcess, kind: str, on_outage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = Shiftboss(mortal.url)
    grant = make(kind, client=client, wait_timeout=0, on_outage=on_outage).acquire()
    end = grant.release if kind == "concurrent" else lambda: grant.correct(3)
    mortal.freeze()
    try:
        began = time.monotonic()
        if on_outage == "raise":
            with pytest.raises(RedisError):
                end()
        else:
            assert end() == (0 if kind == "concurrent" or on_outage == "deny" else 5)
            assert "limiter 'x': " in caplog.text
        assert time.monotonic() - began < 1.5
    finally:
        mortal.thaw()
        client.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", SCRIPTS)
async def test_l7_what_is_allowed_in_an_outage_has_all_that_a_grant_has(kind: str) -> None:
    limiter = make(kind, client=Shiftboss("redis://127.0.0.1:1/0"), wait_timeout=0, on_outage="allow")
    for free in (limiter.acquire(), await limiter.aacquire(), limiters.unlimited().acquire()):
        assert (free.fence, bool(free.lost), free.remaining, free.lease) == (0, False, math.inf, math.inf)
        assert (free.renew(), await free.arenew(), free.release(), await free.arelease()) == (True, True, False, False)
        assert free.correct(3) == await free.acorrect(3) > 10**9


@pytest.mark.parametrize("seconds", [0.55, 1.0])
def test_l7_a_server_that_goes_on_gives_no_slot_to_those_who_have_left(mortal: ServerProcess, seconds: float) -> None:
    """It carries out what it was asked while it was frozen, in any order; and who has left may not have been able to say so."""
    client = Shiftboss(mortal.url)
    limiter = limiters.concurrent("x", 40, lock_timeout=60, wait_timeout=0, client=client)
    limiter.acquire().release()

    def try_it() -> Any:
        with suppress(RedisError):
            return limiter.acquire()

    with ThreadPoolExecutor(16) as pool:
        for warm in [pool.submit(lambda: [limiter.peek() for _ in range(30)]) for _ in range(16)]:
            warm.result()
        mortal.freeze()
        given = [pool.submit(try_it) for _ in range(16)]
        time.sleep(seconds)
        mortal.thaw()
        held = [one.result() for one in given if one.result() is not None]
    wait_until(lambda: limiter.peek().used == len(held), 10, "all others to have left")
    client.close()


def test_l8_a_server_that_is_killed_and_comes_back_keeps_who_holds_and_who_waits(mortal: ServerProcess) -> None:
    client = Shiftboss(mortal.url, timeout=20)
    limiter = limiters.concurrent("x", 1, lock_timeout=60, wait_timeout=20, client=client)
    held = limiter.acquire()

    async def wait_through_it() -> int:
        waiting = asyncio.create_task(limiter.aacquire())
        await asyncio.to_thread(wait_until, lambda: limiter.peek().waiting == 1)
        await asyncio.to_thread(mortal.kill)
        await asyncio.to_thread(mortal.start)
        await asyncio.to_thread(held.release)
        grant = await waiting
        await grant.arelease()
        await client.aclose()
        return int(grant.fence)

    assert asyncio.run(wait_through_it()) > held.fence
    assert limiter.peek().used == 0


# Nesting, and ways out.


def test_l11_a_limiter_within_itself_is_refused_in_time_and_gives_all_back(client: Shiftboss) -> None:
    limiter = limiters.concurrent("x", 1, lock_timeout=60, wait_timeout=0.1)
    with pytest.raises(OverLimit, match="all 1 slots are taken"), limiter.within_limit(), limiter.within_limit():
        pass
    assert limiter.peek().used == 0


class Unexpected(BaseException):
    """As KeyboardInterrupt is one."""


@real
@pytest.mark.parametrize("way", ["block", "decorated"])
def test_an_error_in_a_block_is_not_replaced_by_one_of_redis(
    client: Shiftboss, proxy: FaultProxy, far: Shiftboss, way: str
) -> None:
    limiter = make("concurrent", client=far)

    def fail() -> None:
        proxy.refuse()
        proxy.rst_all()
        raise Unexpected

    with pytest.raises(Unexpected):
        if way == "decorated":
            limiter.limit(fail)()
        with limiter.within_limit():
            fail()


@real
@pytest.mark.asyncio
@pytest.mark.parametrize("when", ["waiting", "holding"])
async def test_a_cancellation_is_one_although_redis_has_gone(
    client: Shiftboss, backend: Backend, proxy: FaultProxy, far: Shiftboss, when: str
) -> None:
    limiter, near = make("concurrent", 1, client=far), make("concurrent", 1)
    held = await near.aacquire() if when == "waiting" else None

    async def work() -> None:
        async with limiter.within_limit():
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    there: Callable[[], bool] = lambda: near.peek().waiting == 1 if held else near.peek().used == 1  # noqa: E731
    await asyncio.to_thread(wait_until, there)
    proxy.refuse()
    task.cancel()
    proxy.rst_all()
    with pytest.raises(asyncio.CancelledError):
        await task
    await far.aclose()


@real
def test_who_is_interrupted_from_the_keyboard_while_it_waits_leaves_the_queue(
    client: Shiftboss, backend: Backend
) -> None:
    limiter = make("concurrent", 1, wait_timeout=60)
    held = limiter.acquire()
    text = (
        "import signal, sys\n"
        "from tests.integration.limiters.test_faults import make\n"
        "from shiftboss import Shiftboss\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell may have it ignored for what runs behind it
        "with Shiftboss(sys.argv[1]):\n"
        "    make('concurrent', 1, wait_timeout=60).acquire()\n"
    )
    waiter = subprocess.Popen([sys.executable, "-c", text, backend.url], stderr=subprocess.PIPE)
    wait_until(lambda: limiter.peek().waiting == 1, 20, "a waiter")
    waiter.send_signal(2)
    _, error = waiter.communicate(timeout=20)
    assert b"KeyboardInterrupt" in error
    assert limiter.peek().waiting == 0
    held.release()
    assert limiter.peek().used == 0


def test_l9_names_of_all_kinds_leave_keys_that_end(client: Shiftboss, backend: Backend) -> None:
    for number in range(100):
        limiters.window(f"user-{number}", 5, "minute", ttl=100).acquire()
    assert [key for key in backend.raw.scan_iter() if backend.raw.pttl(key) == -1] == []

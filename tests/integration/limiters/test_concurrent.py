"""The concurrent limiter: never more than its size, first come first served, and nothing is lost with who held it."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from shiftboss import limiters
from shiftboss.client import Shiftboss
from shiftboss.config import ConfigError
from shiftboss.keys import presence_channel
from shiftboss.limiters import OverLimit, calls, concurrent
from shiftboss.store import command
from tests.backends import Backend
from tests.waiting import wait_until


class Gauge:
    """How many are inside at once, and how many ever were."""

    def __init__(self) -> None:
        self.now = self.most = self.entered = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.entered += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def leases(client: Shiftboss, name: str) -> int:
    return client.store.run(command("ZCARD", [client_keys(client, name).leases], [], int))


def client_keys(client: Shiftboss, name: str):  # type: ignore[no-untyped-def]
    return concurrent(name, 1).keys(client)


def test_it_admits_its_size_and_refuses_the_next(client: Shiftboss) -> None:
    erp = concurrent("erp", 2, wait_timeout=0)
    first, second = erp.acquire(), erp.acquire()
    assert erp.try_acquire() is None
    with pytest.raises(OverLimit, match=r"limiter 'erp': all 2 slots are taken$") as refused:
        erp.acquire()
    assert refused.value.limiter == "erp"
    assert 29 < refused.value.retry_after <= 30  # type: ignore[operator]
    first.release()
    assert erp.try_acquire() is not None
    second.release()


def test_within_limit_gives_the_slot_back_whatever_happens(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=0)
    with erp.within_limit() as grant:
        assert grant.remaining > 29
        assert erp.peek().used == 1
    with pytest.raises(ZeroDivisionError), erp.within_limit():
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), erp.within_limit():
        raise KeyboardInterrupt
    assert erp.peek().used == 0


def test_a_block_object_is_used_once(client: Shiftboss) -> None:
    block = concurrent("erp", 2).within_limit()
    with block, pytest.raises(ConfigError, match="call within_limit"):
        block.__enter__()


def test_threads_never_exceed_it(client: Shiftboss) -> None:
    erp, gauge = concurrent("erp", 3, wait_timeout=30), Gauge()

    def work(_: int) -> None:
        with client, erp.within_limit(), gauge:
            pass

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(150)))
    assert gauge.entered == 150
    assert gauge.most <= 3
    assert erp.peek().used == 0


def test_a_freed_slot_goes_to_the_longest_waiter(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=20)
    held, order = erp.acquire(), []

    def wait(number: int) -> None:
        with client, erp.within_limit():
            order.append(number)

    threads = []
    for number in range(6):
        thread = threading.Thread(target=wait, args=[number])
        thread.start()
        threads.append(thread)
        wait_until(lambda n=number: erp.peek().waiting == n + 1, what="the next one waits")
    held.release()
    for thread in threads:
        thread.join(20)
    assert order == [0, 1, 2, 3, 4, 5]


def test_waiters_keep_their_places_for_longer_than_the_limiter_is_remembered_unused(client: Shiftboss) -> None:
    limiter = concurrent("x", 1, ttl=0.2, lock_timeout=0.1, wait_timeout=30, client=client)
    held = concurrent("x", 1, lock_timeout=30).acquire()
    waiter = threading.Thread(target=lambda: limiter.acquire().release())
    waiter.start()
    wait_until(lambda: limiter.peek().waiting == 1)
    time.sleep(0.5)
    assert limiter.peek().waiting == 1
    assert held.release()
    waiter.join(10)
    assert not waiter.is_alive()


def test_nobody_who_comes_later_overtakes_those_who_wait(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=20)
    held = erp.acquire()
    served = threading.Event()

    def wait() -> None:
        with client, erp.within_limit():
            served.set()

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: erp.peek().waiting == 1, what="one waits")
    held.release()
    assert concurrent("erp", 1, wait_timeout=0).try_acquire() is None or served.is_set()
    thread.join(20)
    assert served.is_set()


def test_waiting_ends_in_time_and_leaves_the_queue(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=0.15)
    with erp.within_limit():
        with pytest.raises(OverLimit, match=r"none came free in 0.15 s"):
            erp.acquire()
        assert erp.peek().waiting == 0


def test_who_is_refused_is_told_how_many_others_wait(client: Shiftboss) -> None:
    limiter = limiters.concurrent("x", 1, wait_timeout=30, client=client)
    with ThreadPoolExecutor() as pool:
        grant = limiter.acquire()
        waiter = pool.submit(limiter.acquire)
        wait_until(lambda: limiter.peek().waiting == 1)
        for impatient in (replace(limiter, wait_timeout=0), replace(limiter, wait_timeout=0.05)):
            with pytest.raises(OverLimit) as refused:
                impatient.acquire()
            state = refused.value.state
            assert state is not None
            assert (state.used, state.remaining, state.waiting) == (1, 0, 1)
            assert 0 < (state.reset_after or 0) <= 30
        grant.release()
        waiter.result().release()


def test_the_slot_of_a_holder_that_outlives_its_lease_is_taken_and_its_late_release_frees_nothing(
    client: Shiftboss,
) -> None:
    short = concurrent("erp", 1, lock_timeout=0.2, wait_timeout=10)
    late = short.acquire()
    taken = short.acquire()
    assert late.release() is False
    assert taken.fence > late.fence
    assert short.peek().used == 1
    assert late.remaining == 0
    taken.release()


def test_a_waiter_has_a_dead_holders_slot_when_its_lease_ends(client: Shiftboss) -> None:
    concurrent("erp", 1, lock_timeout=0.3).acquire()
    grant = concurrent("erp", 1, wait_timeout=10).acquire()
    assert grant.release()


def test_a_slot_that_was_long_waited_for_has_all_of_its_lease_yet(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, lock_timeout=0.8, wait_timeout=10)
    erp.acquire()
    grant = erp.acquire()
    assert grant.remaining > 0.5
    assert grant.release()


def test_renewing_keeps_a_lease_and_tells_when_it_is_lost(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, lock_timeout=0.3, wait_timeout=10)
    held = erp.acquire()
    assert held.renew()
    other = erp.acquire()
    assert held.renew() is False
    assert held.remaining == 0
    other.release()


def test_the_fence_only_grows_also_after_the_limiter_was_forgotten(client: Shiftboss) -> None:
    erp = concurrent("erp", 1)
    fences = []
    for round_ in range(4):
        with erp.within_limit() as grant:
            fences.append(grant.fence)
        if round_ == 2:
            client.store.run(command("DEL", [erp.keys(client).meta], [], int))
    assert fences == sorted(set(fences))


def test_releasing_twice_does_nothing(client: Shiftboss) -> None:
    erp = concurrent("erp", 2)
    first, second = erp.acquire(), erp.acquire()
    assert [first.release(), first.release()] == [True, False]
    assert erp.peek().used == 1
    second.release()


def test_a_size_that_changes_counts_from_the_next_decision_on(client: Shiftboss) -> None:
    small, large = concurrent("erp", 1, wait_timeout=0), concurrent("erp", 3, wait_timeout=0)
    grants = [small.acquire()]
    assert small.try_acquire() is None
    grants += [large.acquire(), large.acquire()]
    assert large.try_acquire() is None
    assert small.peek().remaining == 0
    for grant in grants[:2]:
        grant.release()
    assert small.try_acquire() is None
    grants[2].release()
    assert small.try_acquire() is not None


def test_asking_again_with_the_same_ticket_takes_one_slot(client: Shiftboss) -> None:
    keys = client_keys(client, "erp")
    process = client.store.identity

    def ask(ticket: str) -> int:
        channel = "sb:present:"
        answer = client.store.run(
            calls.acquire(keys, 2, f"{process}.{ticket}.5000", process, 5000, 0, 60_000, keys.wake, channel)
        )
        return answer if isinstance(answer, int) else answer[0]

    assert all(ask("1") > 0 for _ in range(3))
    assert leases(client, "erp") == 1
    assert ask("2") > 0
    assert all(ask(ticket) > 0 for ticket in "12")
    assert ask("3") < 0


@pytest.mark.parametrize("waits", [False, True])
def test_a_call_that_comes_after_its_sender_has_left_takes_nothing(client: Shiftboss, waits: bool) -> None:
    limiter = concurrent("late", 1)
    keys, channel = limiter.keys(client), presence_channel(client.namespace)
    ticket, later = f"{client.store.identity}.{10**6}.30000", f"{client.store.identity}.{10**6 + 1}.30000"
    if waits:
        held = limiter.acquire()
    client.store.appear(keys.leases, channel)

    def ask(ticket: str) -> Any:
        asking = calls.acquire(
            keys, 1, ticket, client.store.identity, 30_000, 1000 * waits, limiter.ttl_ms, keys.wake, channel
        )
        return client.store.run(asking)

    assert not client.store.run(calls.release(keys, 1, ticket, 2, limiter.ttl_ms, keys.wake, channel))
    assert ask(ticket) == -1
    assert (limiter.peek().used, limiter.peek().waiting) == (waits, 0)
    if waits:
        held.release()
    assert ask(later) > 0
    assert client.store.run(calls.release(keys, 1, later, 0, limiter.ttl_ms, keys.wake, channel))


def test_holders_are_those_whose_lease_has_not_ended(client: Shiftboss) -> None:
    early, late = concurrent("x", 3, lock_timeout=0.2), concurrent("x", 3, lock_timeout=60)
    early.acquire()
    kept = late.acquire()
    assert len(late.holders()) == 2
    wait_until(lambda: len(late.holders()) == 1, what="the end of a lease")
    (holder,) = late.holders()
    assert holder.process == client.store.identity
    assert (holder.ends - holder.since).total_seconds() == 60
    kept.release()


def test_reset_frees_all(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=0)
    held = erp.acquire()
    erp.reset()
    assert erp.peek().used == 0
    assert held.release() is False


def test_a_pickled_one_is_its_definition(client: Shiftboss) -> None:
    erp = concurrent("erp", 3, wait_timeout=1, policy="skip", client=client)
    copy = pickle.loads(pickle.dumps(erp))
    assert copy == erp
    assert copy.client is None


def test_two_clients_with_namespaces_of_their_own_share_nothing(
    client: Shiftboss, new_client: Callable[..., Shiftboss]
) -> None:
    here = concurrent("erp", 1, wait_timeout=0, client=client)
    there = concurrent("erp", 1, wait_timeout=0, client=new_client(namespace="other"))
    assert here.acquire().fence
    assert there.acquire().fence


def test_the_decorator_limits_each_call(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=0)

    @erp.limit
    def double(number: int) -> int:
        assert erp.peek().used == 1
        return number * 2

    assert double(4) == 8
    with erp.within_limit(), pytest.raises(OverLimit):
        double(4)


def test_policy_skip_leaves_a_decorated_call_out(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=0, policy="skip")
    called = []
    with erp.within_limit():
        assert erp.limit(called.append)(1) is None
        with suppress(OverLimit), erp.within_limit():
            called.append(2)
    assert called == []


@pytest.mark.asyncio
async def test_asyncio_tasks_never_exceed_it(aclient: Shiftboss) -> None:
    erp, gauge = concurrent("erp", 3, wait_timeout=30), Gauge()

    async def work() -> None:
        async with erp.within_limit():
            with gauge:
                await asyncio.sleep(0.001)

    await asyncio.gather(*(work() for _ in range(60)))
    assert (gauge.entered, gauge.most) == (60, 3)
    assert (await erp.apeek()).used == 0


@pytest.mark.asyncio
async def test_async_twins(aclient: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=0)

    @erp.limit
    async def double(number: int) -> int:
        return number * 2

    assert await double(4) == 8
    grant = await erp.aacquire()
    assert await erp.atry_acquire() is None
    with pytest.raises(OverLimit):
        await double(4)
    assert await grant.arenew()
    assert await grant.arelease()
    await erp.areset()


@pytest.mark.asyncio
async def test_waiting_in_a_running_event_loop_warns(aclient: Shiftboss) -> None:
    erp = concurrent("erp", 1)
    with pytest.warns(RuntimeWarning, match="async with limiter.within_limit"), erp.within_limit():
        pass


@pytest.mark.asyncio
async def test_cancelled_waiters_lose_no_slot(aclient: Shiftboss) -> None:
    erp = concurrent("erp", 2, wait_timeout=30, lock_timeout=120)

    async def work() -> None:
        async with erp.within_limit():
            await asyncio.sleep(0.002)

    for round_ in range(12):
        tasks = [asyncio.create_task(work()) for _ in range(8)]
        await asyncio.sleep(0.001 * round_)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    state = await erp.apeek()
    assert (state.used, state.waiting) == (0, 0)


HOLD = """
import sys
from shiftboss import Shiftboss
from shiftboss.limiters import concurrent
with Shiftboss(sys.argv[1]):
    erp = concurrent("erp", 1, lock_timeout=float(sys.argv[2]), wait_timeout=30)
    print("start", flush=True)
    erp.acquire()
    print("held", flush=True)
    sys.stdin.read()
"""


def other_process(backend: Backend, lock_timeout: float) -> subprocess.Popen[str]:
    command_ = [sys.executable, "-c", HOLD, backend.url, str(lock_timeout)]
    process = subprocess.Popen(command_, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "start\n"
    return process


@pytest.mark.backends("embedded", "redis")
def test_a_killed_holders_slot_comes_back_after_lock_timeout_and_not_before(
    backend: Backend, client: Shiftboss
) -> None:
    with other_process(backend, 1.0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        os.kill(process.pid, signal.SIGKILL)
        erp = concurrent("erp", 1, wait_timeout=10)
        assert erp.try_acquire() is None
        assert erp.acquire().release()


@pytest.mark.backends("embedded", "redis")
def test_a_killed_waiter_is_passed_over_at_once(backend: Backend, client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=10, lock_timeout=60)
    held = erp.acquire()
    with other_process(backend, 60) as process:
        wait_until(lambda: erp.peek().waiting == 1, what="the other waits")
        os.kill(process.pid, signal.SIGKILL)
    taken: list[bool] = []
    thread = threading.Thread(
        target=lambda: taken.append(concurrent("erp", 1, wait_timeout=10, client=client).acquire().release())
    )
    thread.start()
    wait_until(lambda: erp.peek().waiting == 2, what="both wait")
    held.release()
    thread.join(10)
    assert taken == [True]


@pytest.mark.backends("embedded", "redis")
def test_script_flush_while_waiting_is_not_noticed(client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=10)
    held = erp.acquire()
    threading.Timer(0.2, held.release).start()
    client.store.run(command("SCRIPT", [], ["FLUSH"], bytes))
    assert erp.acquire().release()


@pytest.mark.backends("embedded", "redis")
def test_connections_killed_while_waiting_lose_no_place(backend: Backend, client: Shiftboss) -> None:
    erp = concurrent("erp", 1, wait_timeout=20)
    held = erp.acquire()
    got = threading.Event()

    def wait() -> None:
        with client, erp.within_limit():
            got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: erp.peek().waiting == 1, what="one waits")
    for kind in ("normal", "pubsub"):
        backend.raw.client_kill_filter(_type=kind, skipme=True)
    held.release()
    thread.join(20)
    assert got.is_set()


# Together with others.


def test_all_of_gives_a_slot_whose_lease_has_not_ended_while_another_limiter_was_waited_for(client: Shiftboss) -> None:
    slots, units = (
        limiters.concurrent("x", 1, lock_timeout=0.5, wait_timeout=0),
        limiters.leaky("y", 1, 1, wait_timeout=5),
    )
    units.acquire()
    grant = limiters.all_of(slots, units).acquire()
    assert grant.parts[0].remaining > 0.25
    assert slots.try_acquire() is None
    assert grant.release()


def test_all_of_waits_anew_for_a_slot_that_another_took_meanwhile(client: Shiftboss) -> None:
    slots, units = (
        limiters.concurrent("x", 1, lock_timeout=0.3, wait_timeout=5),
        limiters.leaky("y", 1, 1, wait_timeout=5),
    )
    units.acquire()
    other: list[Any] = []
    thief = threading.Timer(
        0.6, lambda: other.append(limiters.concurrent("x", 1, lock_timeout=1.5, client=client).acquire())
    )
    thief.start()
    began = time.monotonic()
    grant = limiters.all_of(slots, units).acquire()
    assert time.monotonic() - began > 1.9
    assert not other[0].release()
    assert grant.parts[0].remaining > 0
    assert grant.release()

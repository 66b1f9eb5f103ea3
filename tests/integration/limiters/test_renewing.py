"""`renew=True`: a lease that lasts as long as its block, and the holder who lost one all the same."""

from __future__ import annotations

import asyncio
import gc
import os
import threading

import pytest

from shiftboss import ConfigError, Shiftboss
from shiftboss.limiters import concurrent, renewing
from shiftboss.limiters.renewing import renewer_of
from tests.backends import Backend
from tests.proxy import FaultProxy
from tests.waiting import wait_until


def test_a_block_that_lasts_longer_than_the_lease_keeps_its_slot(client: Shiftboss) -> None:
    limiter = concurrent("backup", 1, lock_timeout=0.6, wait_timeout=0, renew=True)
    with limiter.within_limit() as grant:
        first = grant._ends
        wait_until(lambda: grant._ends > first + 0.6, what="a renewal beyond the first lease")
        assert limiter.try_acquire() is None
        assert not grant.lost
    assert limiter.peek().used == 0
    assert not grant.lost


def test_without_it_the_lease_ends(client: Shiftboss) -> None:
    limiter = concurrent("backup", 1, lock_timeout=0.2, wait_timeout=20)
    grant = limiter.acquire()
    limiter.acquire().release()
    assert not grant.release()
    assert grant.lost.is_set()


@pytest.mark.asyncio
async def test_in_a_coroutine_too(aclient: Shiftboss) -> None:
    limiter = concurrent("backup", 1, lock_timeout=0.6, renew=True)
    async with limiter.within_limit() as grant:
        first = grant._ends
        await asyncio.to_thread(wait_until, lambda: grant._ends > first + 0.6)
        assert (await limiter.apeek()).used == 1
    assert (await limiter.apeek()).used == 0


def test_a_slot_that_was_taken_away_is_told_to_a_thread_that_waits(client: Shiftboss) -> None:
    limiter = concurrent("backup", 1, lock_timeout=0.6, renew=True)
    grant = limiter.acquire()
    heard: list[bool] = []
    waiting = threading.Thread(target=lambda: heard.append(grant.lost.wait(20)))
    waiting.start()
    limiter.reset()
    waiting.join(20)
    assert heard == [True]
    assert (bool(grant.lost), grant.remaining, grant.lost.wait(0)) == (True, 0.0, True)
    assert not grant.release()


@pytest.mark.asyncio
async def test_a_slot_that_was_taken_away_is_told_to_a_coroutine_that_awaits(aclient: Shiftboss) -> None:
    limiter = concurrent("backup", 1, lock_timeout=0.6, renew=True)
    grant = await limiter.aacquire()
    await limiter.areset()
    await asyncio.wait_for(grant.lost, 20)  # type: ignore[arg-type]
    await grant.lost
    assert not await grant.arelease()


@pytest.mark.backends("embedded")
def test_while_redis_cannot_be_reached_the_holder_is_told_once_its_lease_may_have_ended(backend: Backend) -> None:
    assert backend.process is not None
    with FaultProxy(backend.process.address) as proxy, Shiftboss(proxy.url, timeout=1.0) as client:
        grant = concurrent("backup", 1, lock_timeout=0.6, renew=True).acquire()
        proxy.refuse()
        proxy.rst_all()
        assert grant.lost.wait(20)
        proxy.heal()
        grant.release()
        client.close()


def test_what_is_dropped_or_released_is_not_renewed(client: Shiftboss) -> None:
    limiter = concurrent("backup", 2, lock_timeout=0.6, renew=True)
    released, dropped = limiter.acquire(), limiter.acquire()
    released.release()
    del dropped
    gc.collect()
    wait_until(lambda: limiter.peek().used == 0, what="the end of the lease of the one that was dropped")
    assert not released.lost
    renewer_of(client).nudge()
    wait_until(lambda: not renewer_of(client)._grants)


@pytest.mark.asyncio
@pytest.mark.backends("fake")
async def test_a_wait_that_is_over_leaves_nothing_behind(aclient: Shiftboss) -> None:
    grant = await concurrent("backup", 1).aacquire()
    for _ in range(5):
        assert not grant.lost.wait(0.001)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_awaited(grant.lost), 0.001)
    assert grant.lost._waiting == []
    await grant.arelease()


async def _awaited(lost: renewing.Lost) -> None:
    await lost


def test_many_leases_are_renewed_by_one_thread(client: Shiftboss) -> None:
    limiter = concurrent("backup", 50, lock_timeout=3, renew=True)  # of which a slow machine takes a part to take all
    grants = [limiter.acquire() for _ in range(50)]
    firsts = [grant._ends for grant in grants]
    wait_until(lambda: all(g._ends > first + 3 for g, first in zip(grants, firsts, strict=True)), 30)
    assert sum(thread.name == "shiftboss-renewer" for thread in threading.enumerate()) >= 1
    assert limiter.peek().used == 50
    for grant in grants:
        assert grant.release()


@pytest.mark.backends("embedded")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_does_not_renew_what_its_parent_holds(client: Shiftboss) -> None:
    limiter = concurrent("backup", 1, lock_timeout=0.6, renew=True)
    with limiter.within_limit() as grant:
        child = os.fork()
        if child == 0:
            os._exit(len(renewing._renewers))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        first = grant._ends
        wait_until(lambda: grant._ends > first, what="the parent to go on")


@pytest.mark.parametrize("renew", ["yes", 1.5, None])
@pytest.mark.backends("fake")
def test_whether_to_renew_is_yes_or_no(client: Shiftboss, renew: object) -> None:
    with pytest.raises(ConfigError, match="renew"):
        concurrent("backup", 1, renew=renew)  # type: ignore[arg-type]

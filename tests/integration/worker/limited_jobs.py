"""Jobs that run inside limiters, and what they saw."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from shiftboss import OverLimit, current_job, job, limiters

two_at_once = limiters.concurrent("two-at-once", 2, wait_timeout=60)
one_at_once = limiters.concurrent("one-at-once", 1, wait_timeout=0)

seen: list[Any] = []
now = most = 0
lock = threading.Lock()
go = threading.Event()


def enter() -> None:
    global now, most
    with lock:
        now += 1
        most = max(most, now)


def leave(what: Any) -> None:
    global now
    with lock:
        now -= 1
        seen.append(what)


@job(name="limited", limiter=two_at_once)
def limited(number: int) -> None:
    enter()
    go.wait(0.01)
    leave(number)


@job(name="alimited", limiter=two_at_once)
async def alimited(number: int) -> None:
    enter()
    await asyncio.sleep(0.01)
    leave(number)


@job(name="over", retry=1)
def over(times: int) -> None:
    """Is over a limit so many times, and then gets through."""
    current = current_job()
    assert current is not None
    seen.append((current.jid, current.retry_count, current.message.options.get("overrated", 0)))
    if len(seen) <= times:
        raise OverLimit("limiter 'api': no more now", "api", 0.0)


impatient = limiters.concurrent("impatient", 1, wait_timeout=0, lock_timeout=60, reschedule=0, backoff=lambda *_: 7.0)
wished = limiters.concurrent("wished", 1, wait_timeout=0, lock_timeout=60, backoff=lambda *_: 77.0)
by_the_day = limiters.bucket("by-the-day", 1, 86400, wait_timeout=0)


@job(name="impatient.function", limiter=impatient)
def runs_impatiently(number: int) -> None:
    seen.append(number)


@job(name="impatient.coroutine", limiter=impatient)
async def aruns_impatiently(number: int) -> None:
    seen.append(number)


@job(name="wished", limiter=wished)
def runs_as_wished(number: int) -> None:
    seen.append(number)


@job(name="by_the_day", limiter=by_the_day)
def runs_by_the_day(number: int) -> None:
    seen.append(number)


slow_slots = limiters.concurrent("slow-slots", 1, wait_timeout=60, lock_timeout=60)
slow_units = limiters.leaky("slow-units", 1, 60, wait_timeout=60)


@job(name="waits.slot", max_requeues=0)
def waits_for_slot(number: int) -> None:
    seen.append("waits")
    with slow_slots.within_limit():
        seen.append(number)


@job(name="awaits.slot", max_requeues=0)
async def awaits_slot(number: int) -> None:
    seen.append("waits")
    async with slow_slots.within_limit():
        seen.append(number)


@job(name="waits.unit", max_requeues=0)
def waits_for_unit(number: int) -> None:
    seen.append("waits")
    with slow_units.within_limit():
        seen.append(number)


@job(name="within")
def within(number: int) -> None:
    with one_at_once.within_limit():
        seen.append(number)

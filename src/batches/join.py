"""Waiting for a batch. Its events are published as they are decided; the status tells what was missed."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shiftboss.config import check_seconds
from shiftboss.errors import BatchError, WaitTimeout
from shiftboss.loops import warn_in_event_loop

from .progress import Bar
from .status import Status

if TYPE_CHECKING:
    from .handle import BatchHandle

# Seconds between looks at the status while nothing is heard: a connection may be lost without a word.
LOOK = 10.0
REDRAW = 0.2
# Seconds between attempts to reach a Redis that was there when the wait began.
AWAY = 0.5


def join(batch: BatchHandle, timeout: float | None, event: str, progress: bool) -> Status:
    """Wait from a thread. See `Batch.join`."""
    warn_in_event_loop("join()", "await batch.ajoin()")
    deadline, status = _deadline(timeout), batch.status()
    with Bar(progress) as bar:
        while True:
            try:
                with batch.client.store.subscribe(batch.keys.record) as events:
                    while True:
                        status = batch.status()
                        bar.show(status)
                        if is_over(batch, status, event):
                            return status
                        events.wait(_pause(batch, status, event, deadline, progress))
            except (RedisConnectionError, RedisTimeoutError):
                time.sleep(min(AWAY, _pause(batch, status, event, deadline, progress)))


async def ajoin(batch: BatchHandle, timeout: float | None, event: str, progress: bool) -> Status:
    """Wait from a coroutine. See `Batch.join`."""
    deadline, status = _deadline(timeout), await batch.astatus()
    with Bar(progress) as bar:
        while True:
            try:
                async with batch.client.astore.subscribe(batch.keys.record) as events:
                    while True:
                        status = await batch.astatus()
                        bar.show(status)
                        if is_over(batch, status, event):
                            return status
                        await events.wait(_pause(batch, status, event, deadline, progress))
            except (RedisConnectionError, RedisTimeoutError):
                await asyncio.sleep(min(AWAY, _pause(batch, status, event, deadline, progress)))


def is_over(batch: BatchHandle, status: Status, event: str) -> bool:
    """Whether the event has happened.

    Raises:
        BatchError: It has not and cannot, by itself.
    """
    if status.happened(event):
        return True
    if status.broken:
        raise BatchError(
            f"batch {batch.bid} is broken: a block of it never closed, so that {event} will not come by itself"
        )
    # Of a child, that it is dead may be told before all its complete callbacks have run.
    if status.finished_at is not None and event != "complete":
        raise BatchError(
            f"batch {batch.bid} finished without {event}: {status.done} of {status.total} jobs succeeded, {status.dead} died"
        )
    return False


def _deadline(timeout: float | None) -> float:
    return math.inf if timeout is None else time.monotonic() + check_seconds("timeout", timeout, zero=True)


def _pause(batch: BatchHandle, status: Status, event: str, deadline: float, progress: bool) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise WaitTimeout(f"batch {batch.bid}: no {event} in time; {status.done} of {status.total} jobs have succeeded")
    return min(left, REDRAW if progress else LOOK)

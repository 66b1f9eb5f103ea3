"""Taking and giving back a slot of a concurrent limiter, as plans: the same for threads and event loops."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shiftboss import events
from shiftboss.endings import leave_if_stopping
from shiftboss.errors import OverLimit
from shiftboss.keys import presence_channel
from shiftboss.plan import Plan, appear, at_last, block, carry, identity

from . import calls
from .counting import Counting, counting
from .grant import Grant, release_call
from .patience import at_a_time, rest, within
from .renewing import renewer_of
from .unheard import teller_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.keys import ConcurrentKeys

    from .concurrent import ConcurrentLimiter

_numbers = count(1)
# The shortest wait that is sent: Redis takes zero for ever, and rounds a millisecond down to it.
SHORTEST = 0.01
# Of the time for a decision, what is kept for leaving a server that does not answer.
LEAVING = 0.1
# How an attempt is cancelled: one all of whose calls were answered, and one of which a call may come yet.
CANCEL, CANCEL_UNHEARD = 1, 2


def acquire(limiter: ConcurrentLimiter, client: Shiftboss, wait: float) -> Plan[Grant]:
    """A slot, within `wait` seconds.

    The attempt has a ticket, which it keeps through every error: asking again with it changes nothing, and leaving, for
    whatever reason, gives back what it may have been given.

    Raises:
        OverLimit: There was none in time.
    """
    keys, lock = limiter.keys(client), round(limiter.lock_timeout * 1000)
    channel, process = presence_channel(client.namespace), (yield from identity())
    ticket = f"{process}.{next(_numbers)}.{lock}"
    counted, began = counting(client), time.monotonic()
    deadline = began + wait
    queued, waited = True, False
    try:
        while True:
            asked = time.monotonic()
            left = deadline - asked
            counts = [] if waited else counted.due(limiter)
            wait_ms = round(left * 1000) if left > 0.001 else 0
            asking = calls.acquire(
                keys, limiter.size, ticket, process, lock, wait_ms, limiter.ttl_ms, keys.wake, channel
            )
            patience = within(left) - LEAVING
            answer = yield from carry(asking, counts, patience)
            if not isinstance(answer, int):
                queued = wait > 0
                raise _refusal(limiter, wait, *answer)
            if answer > 0:
                _tell(counted, limiter, began, waited=waited)
                return _given(limiter, client, ticket, answer, asked)
            if answer == 0:
                try:
                    yield from appear(keys.leases, channel)
                except (RedisConnectionError, RedisTimeoutError):
                    if left <= SHORTEST:
                        raise
                    yield from rest(SHORTEST)
                continue
            waited = True
            leave_if_stopping()
            fence = yield from _wait(keys, ticket, at_a_time(min(left, -answer / 1000)))
            # The lease began at some instant of the wait. After a long one, asking again renews it, or tells that it ended.
            if fence is not None and time.monotonic() < asked + limiter.lock_timeout / 2:
                _tell(counted, limiter, began, waited=True)
                return _given(limiter, client, ticket, fence, asked)
    except BaseException as error:
        if queued:
            patience = LEAVING if isinstance(error, (RedisError, OSError)) else within(0)
            # What interrupted it may have left a call on its way.
            cancel = CANCEL if isinstance(error, OverLimit) else CANCEL_UNHEARD
            leaving = release_call(limiter, client, ticket, cancel)
            try:
                yield from at_last(leaving, seconds=patience)
            except (RedisError, OSError):
                teller_of(client).add(leaving, limiter.lock_timeout)
        raise


def _refusal(limiter: ConcurrentLimiter, wait: float, after: int, used: int, others: int) -> OverLimit:
    """What is said to who was refused after so many seconds; the first lease ends minus `after` milliseconds from now."""
    reason = f"limiter {limiter.name!r}: all {limiter.size} slots are taken"
    reason += f", and none came free in {wait:g} s" if wait else ""
    return OverLimit(reason, limiter.name, -after / 1000, limiter, limiter.state(used, others, -after))


def _given(limiter: ConcurrentLimiter, client: Shiftboss, ticket: str, fence: int, asked: float) -> Grant:
    """The slot, whose lease lasts at least from when it was asked for."""
    grant = Grant(limiter, client, ticket, fence, asked + limiter.lock_timeout)
    if limiter.renew:
        renewer_of(client).add(grant)
    return grant


def _tell(counted: Counting, limiter: ConcurrentLimiter, began: float, *, waited: bool) -> None:
    """Count and say that it was given a slot."""
    seconds = time.monotonic() - began if waited else 0.0
    counted.admit(limiter, seconds)
    if waited:
        events.emit("limiter.waited", limiter=limiter.name, kind=limiter.kind, seconds=seconds)


def _wait(keys: ConcurrentKeys, ticket: str, seconds: float) -> Plan[int | None]:
    """Wait for a slot to be handed over. A wait that is cut short is no matter: asking again tells."""
    seconds = max(SHORTEST, seconds)
    try:
        return (yield from block(calls.wait(keys, ticket, seconds), seconds))
    except (RedisConnectionError, RedisTimeoutError):
        return None

"""`Grant`: a slot that is held."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss.keys import presence_channel
from shiftboss.plan import Plan, at_last, carry, elsewhere, undo

from . import calls
from .counting import counting
from .patience import telling, within
from .renewing import Lost

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import Call

    from .concurrent import ConcurrentLimiter


log = logging.getLogger("shiftboss.limiters")


class Grant:
    """A slot of a limiter, until it is released or its lease ends.

    Args:
        fence: A number that only grows. Pass it on to what the limiter protects, which can refuse a smaller one than it
            has seen: the only defence against a holder that was paused for longer than its lease.
        lost: Whether the lease is known to have ended before it was released, as an event: ``if grant.lost``,
            ``grant.lost.wait(timeout)`` in a thread, ``await grant.lost`` in a coroutine. A limiter with ``renew=True`` finds
            out by itself; others when they renew or release.
    """

    __slots__ = (
        "__weakref__",
        "_client",
        "_ends",
        "_limiter",
        "_over",
        "_released",
        "_since",
        "fence",
        "lost",
        "ticket",
    )

    def __init__(self, limiter: ConcurrentLimiter, client: Shiftboss, ticket: str, fence: int, ends: float) -> None:
        self._limiter = limiter
        self._client = client
        self.ticket = ticket
        self.fence = fence
        self.lost = Lost()
        self._ends = ends
        self._released = self._over = False
        self._since = time.monotonic()

    @property
    def lease(self) -> float:
        """Seconds for which it is held, from each renewal on."""
        return self._limiter.lock_timeout

    @property
    def remaining(self) -> float:
        """Seconds for which the lease surely lasts yet; 0 if it may have ended. No round trip."""
        return 0.0 if self._released else max(0.0, self._ends - time.monotonic())

    def release(self) -> bool:
        """Give the slot back; the longest waiter has it at once. Whether it was still held. One round trip.

        A second release does nothing, unless the first one could not reach Redis, and so does one after the lease has ended:
        the slot is somebody else's then.
        """
        return not self._over and self._client.perform(self._settle())

    async def arelease(self) -> bool:
        """As `release`, for coroutines."""
        return not self._over and await self._client.aperform(self._settle())

    def renew(self) -> bool:
        """Extend the lease by the limiter's lock_timeout from now; False if it had ended. One round trip."""
        asked = time.monotonic()
        return self.renewed(asked, renewed=self._client.store.run(self.renewal()))

    async def arenew(self) -> bool:
        """As `renew`, for coroutines."""
        asked = time.monotonic()
        return self.renewed(asked, renewed=await self._client.astore.run(self.renewal()))

    def give_back(self) -> Plan[None]:
        """Give the slot back unused, as a plan for any client."""
        if not self._over:
            yield from elsewhere(self._client, self._settle())

    def keep(self) -> Plan[bool]:
        """Extend the lease, as a plan for any client; False if it had ended, or may have: then it is given back."""
        asked = time.monotonic()
        try:
            renewed = yield from elsewhere(self._client, carry(self.renewal(), (), within(0)))
        except (RedisError, OSError):
            yield from undo(self.give_back())
            return False
        return self.renewed(asked, renewed=renewed)

    def _settle(self) -> Plan[bool]:
        counted = counting(self._client)
        if not self._released:
            counted.end(self._limiter, time.monotonic() - self._since)
        self._released = self._over = True
        try:
            patience = telling(self._limiter, self._client)
            held = yield from at_last(self._release(), counted.due(self._limiter), patience)
        except (RedisError, OSError) as error:
            self._over = False
            if self._limiter.on_outage == "raise":
                raise
            log.warning("limiter %r: a slot is not given back before its lease ends: %s", self._limiter.name, error)
            return False
        if not held:
            counted.exceed(self._limiter)
            self.lost.tell()
        return held

    def _release(self) -> Call[bool]:
        return release_call(self._limiter, self._client, self.ticket)

    def renewal(self) -> Call[bool]:
        """The call that extends the lease; False if it had ended."""
        lock = round(self._limiter.lock_timeout * 1000)
        return calls.renew(self._limiter.keys(self._client), self.ticket, lock)

    def renewed(self, asked: float, *, renewed: bool) -> bool:
        """Take note of how an attempt to renew ended that began at this monotonic second."""
        self._ends = asked + self._limiter.lock_timeout if renewed else 0.0
        if not renewed and not self._released:
            self.lost.tell()
        return renewed

    def __repr__(self) -> str:
        return f"Grant({self._limiter.name!r}, fence={self.fence})"


def release_call(limiter: ConcurrentLimiter, client: Shiftboss, ticket: str, cancel: int = 0) -> Call[bool]:
    """The call that gives a slot back; whether it was held."""
    keys = limiter.keys(client)
    channel = presence_channel(client.namespace)
    return calls.release(keys, limiter.size, ticket, cancel, limiter.ttl_ms, keys.wake, channel)

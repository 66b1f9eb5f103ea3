"""`concurrent`: at most so many at once, across all processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, Literal, ParamSpec, TypeVar, cast

from shiftboss.client import Shiftboss, current_client
from shiftboss.config import check_seconds
from shiftboss.errors import ConfigError, OverLimit
from shiftboss.keys import ConcurrentKeys
from shiftboss.loops import warn_in_event_loop
from shiftboss.plan import Plan, run

from . import calls
from .calls import LimiterState
from .grant import Grant
from .slots import acquire

P = ParamSpec("P")
R = TypeVar("R")
Policy = Literal["raise", "skip"]
Duration = timedelta | float
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
LARGEST = 1_000_000
YEAR = 365 * 86400.0


@dataclass(frozen=True)
class ConcurrentLimiter:
    """At most `size` holders at once. Make one with `concurrent`.

    It is its definition: cheap, immutable, and picklable without its client. A slot that comes free goes to the longest
    waiter within milliseconds; a holder that dies or outlives `lock_timeout` loses its slot, and its late release frees nothing.
    """

    name: str
    size: int
    wait_timeout: float = 5.0
    lock_timeout: float = 30.0
    policy: Policy = "raise"
    ttl: float = 90 * 86400.0
    client: Shiftboss | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"expected a limiter's name to be 1 to 128 letters, digits or any of - _ . :, got {self.name!r}"
            )
        if not isinstance(self.size, int) or isinstance(self.size, bool) or not 1 <= self.size <= LARGEST:
            raise ConfigError(f"expected size to be a number of slots from 1 to {LARGEST:,}, got {self.size!r}")
        if self.policy not in ("raise", "skip"):
            raise ConfigError(f"expected policy to be 'raise' or 'skip', got {self.policy!r}")
        check_seconds("wait_timeout", self.wait_timeout, zero=True, at_most=YEAR)
        if check_seconds("lock_timeout", self.lock_timeout, at_most=YEAR) < 0.001:
            raise ConfigError(f"expected lock_timeout to be at least 0.001 seconds, got {self.lock_timeout!r}")
        check_seconds("ttl", self.ttl, at_most=10 * YEAR)

    @property
    def ttl_ms(self) -> int:
        """Milliseconds for which it is remembered unused; longer than any lease."""
        return round(max(self.ttl, 2 * self.lock_timeout) * 1000)

    def keys(self, client: Shiftboss) -> ConcurrentKeys:
        return ConcurrentKeys(client.namespace, self.name)

    def within_limit(self) -> Within:
        """A block that holds a slot, for ``with`` and ``async with``; it gives the `Grant`.

        Raises:
            OverLimit: At its beginning, if no slot came free within `wait_timeout`.
        """
        return Within(self)

    def acquire(self) -> Grant:
        """A slot, waiting for at most `wait_timeout`. One round trip if one is free.

        Raises:
            OverLimit: None came free in time.
        """
        if self.wait_timeout:
            warn_in_event_loop("waiting for a slot", "async with limiter.within_limit()")
        client = self._client()
        return client.perform(acquire(self, client, self.wait_timeout))

    async def aacquire(self) -> Grant:
        """As `acquire`, for coroutines."""
        client = self._client()
        return await client.aperform(acquire(self, client, self.wait_timeout))

    def try_acquire(self) -> Grant | None:
        """A slot if one is free now, else None. One round trip."""
        client = self._client()
        return client.perform(_or_none(acquire(self, client, 0.0)))

    async def atry_acquire(self) -> Grant | None:
        """As `try_acquire`, for coroutines."""
        client = self._client()
        return await client.aperform(_or_none(acquire(self, client, 0.0)))

    def peek(self) -> LimiterState:
        """How it is used now. One round trip; it changes nothing."""
        return self._client().perform(self._peek())

    async def apeek(self) -> LimiterState:
        """As `peek`, for coroutines."""
        return await self._client().aperform(self._peek())

    def reset(self) -> None:
        """Take all slots from their holders and send waiters to the end of the queue. One round trip."""
        client = self._client()
        client.store.run(calls.forget(self.keys(client)))

    async def areset(self) -> None:
        """As `reset`, for coroutines."""
        client = self._client()
        await client.astore.run(calls.forget(self.keys(client)))

    def limit(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function or a coroutine function: each call holds a slot.

        With ``policy="skip"`` a call that finds none returns None and the function is not called.
        """
        if iscoroutinefunction(function):
            return cast("Callable[P, R]", self._limit_coroutine(function))

        @wraps(function)
        def limited(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                grant = self.acquire()
            except OverLimit:
                if self.policy == "skip":
                    return cast("R", None)
                raise
            try:
                return function(*args, **kwargs)
            finally:
                grant.release()

        return limited

    def _limit_coroutine(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @wraps(function)
        async def limited(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                grant = await self.aacquire()
            except OverLimit:
                if self.policy == "skip":
                    return cast("R", None)
                raise
            try:
                return await function(*args, **kwargs)
            finally:
                await grant.arelease()

        return limited

    def _client(self) -> Shiftboss:
        return self.client or current_client()

    def _peek(self) -> Plan[LimiterState]:
        used, waiting, first = yield from run(calls.peek(self.keys(self._client())))
        return LimiterState(used, max(0, self.size - used), waiting, None if first < 0 else first / 1000)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.name, self.size, self.wait_timeout, self.lock_timeout, self.policy, self.ttl)
        return ConcurrentLimiter, fields


class Within:
    """One block that holds a slot; `ConcurrentLimiter.within_limit` makes a new one for each."""

    def __init__(self, limiter: ConcurrentLimiter) -> None:
        self._limiter = limiter
        self._grant: Grant | None = None

    def __enter__(self) -> Grant:
        self._check()
        self._grant = self._limiter.acquire()
        return self._grant

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._grant is not None:
            self._grant.release()

    async def __aenter__(self) -> Grant:
        self._check()
        self._grant = await self._limiter.aacquire()
        return self._grant

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._grant is not None:
            await self._grant.arelease()

    def _check(self) -> None:
        if self._grant is not None:
            raise ConfigError(f"limiter {self._limiter.name!r}: call within_limit() anew for each block")


def concurrent(
    name: str,
    size: int,
    *,
    wait_timeout: Duration = 5.0,
    lock_timeout: Duration = 30.0,
    policy: Policy = "raise",
    ttl: Duration = timedelta(days=90),
    client: Shiftboss | None = None,
) -> ConcurrentLimiter:
    """A limiter of how many may do something at once, across processes and hosts; 1 makes a mutex. No round trip.

    Args:
        name: What it is known by; processes that use the same name share it.
        size: Slots. The newest definition wins at the next decision; holders finish.
        wait_timeout: Seconds, or a timedelta, to wait for a slot; 0 does not wait.
        lock_timeout: Seconds after which a holder that did not give its slot back loses it. Longer than the block takes.
        policy: ``raise`` OverLimit, or ``skip`` a decorated call.
        ttl: How long it is remembered unused.
        client: Whose Redis; default the current client when it is used.

    Raises:
        ConfigError: A value that cannot be right.

    Example:
        >>> from shiftboss import Shiftboss, limiters
        >>> erp = limiters.concurrent("erp", 50, wait_timeout=2, lock_timeout=60)
        >>> with Shiftboss("fake://"), erp.within_limit():
        ...     erp.peek().used
        1
    """
    return ConcurrentLimiter(
        name, size, _seconds(wait_timeout), _seconds(lock_timeout), policy, _seconds(ttl), client=client
    )


def _seconds(duration: Duration) -> float:
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def _or_none(plan: Plan[Grant]) -> Plan[Grant | None]:
    try:
        return (yield from plan)
    except OverLimit:
        return None

"""`unlimited`: the interface of a limiter, without a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Never

from shiftboss.client import current_client
from shiftboss.plan import Plan

from .base import HISTORY
from .counters import Minute, Totals
from .limits import Limits, Policy
from .state import LimiterState
from .within import NOTHING, Free

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


class UnlimitedLimiter(Limits[Free, Never]):
    """Admits everything at once, and never talks to Redis. Make one with `unlimited`."""

    name = "unlimited"
    policy: Policy = "raise"
    wait_timeout = 0.0
    reschedule = 0
    backoff = None

    def acquire(self, cost: int = 1) -> Free:  # noqa: ARG002
        """Room. No round trip."""
        return NOTHING

    async def aacquire(self, cost: int = 1) -> Free:  # noqa: ARG002
        """As `acquire`, for coroutines."""
        return NOTHING

    def try_acquire(self, cost: int = 1) -> Free:  # noqa: ARG002
        """Room. No round trip."""
        return NOTHING

    async def atry_acquire(self, cost: int = 1) -> Free:  # noqa: ARG002
        """As `try_acquire`, for coroutines."""
        return NOTHING

    def peek(self) -> LimiterState:
        """Nothing is taken. No round trip."""
        return LimiterState(0, 1, 0, None)

    async def apeek(self) -> LimiterState:
        """As `peek`, for coroutines."""
        return self.peek()

    def reset(self) -> None:
        """There is nothing to reset."""

    async def areset(self) -> None:
        """As `reset`, for coroutines."""

    def counters(self) -> Totals:
        """Nothing is counted. No round trip."""
        return Totals()

    async def acounters(self) -> Totals:
        """As `counters`, for coroutines."""
        return Totals()

    def history(self, minutes: int = HISTORY) -> list[Minute]:  # noqa: ARG002
        """Nothing is counted. No round trip."""
        return []

    async def ahistory(self, minutes: int = HISTORY) -> list[Minute]:  # noqa: ARG002
        """As `history`, for coroutines."""
        return []

    def take(self, client: Shiftboss, cost: int, wait: float) -> Plan[Free]:  # noqa: ARG002
        """What `acquire` does, as a plan."""
        yield from ()
        return NOTHING

    def _client(self) -> Shiftboss:
        return current_client()

    def __repr__(self) -> str:
        return "limiters.unlimited()"


def unlimited(*_: Any, **__: Any) -> UnlimitedLimiter:
    """A limiter that admits everything, for those who are exempt and for tests. It takes any arguments, and needs no Redis.

    Example:
        >>> from shiftboss import limiters
        >>> free = limiters.unlimited("github", 5000, "hour")
        >>> with free.within_limit():
        ...     pass
    """
    return UnlimitedLimiter()

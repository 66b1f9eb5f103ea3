"""`concurrent`: at most so many at once, across all processes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Never, Unpack, overload

from shiftboss.config import check_seconds, to_seconds
from shiftboss.errors import ConfigError
from shiftboss.keys import ConcurrentKeys
from shiftboss.plan import Plan, run

from . import calls
from .base import Duration, Limiter
from .common import Common, Options, Raise, Skip, common
from .counters import Totals
from .definition import YEAR, check_count
from .grant import Grant
from .limits import Skipped_co
from .slots import acquire
from .state import LimiterState

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


MOST_HOLDERS = 1_000


@dataclass(frozen=True, slots=True)
class Holder:
    """One who holds a slot.

    Args:
        process: The process or event loop: what its connections are known by.
        since: When the lease began, or was last renewed.
        ends: When it ends.
    """

    process: str
    since: datetime
    ends: datetime

    @classmethod
    def read(cls, ticket: str, ends: int) -> Holder:
        """A holder, from a ticket and the millisecond at which its lease ends."""
        process, _, lock = ticket.rsplit(".", 2)
        until = datetime.fromtimestamp(ends / 1000, UTC)
        return cls(process, until - timedelta(milliseconds=int(lock)), until)


@dataclass(frozen=True, kw_only=True)
class ConcurrentLimiter(Limiter[Grant, Skipped_co]):
    """At most `slots` holders at once. Make one with `concurrent`.

    A slot that comes free goes to the longest waiter within milliseconds; a holder that dies or outlives `lock_timeout` loses
    its slot, and its late release frees nothing.
    """

    slots: int
    lock_timeout: float = 30.0
    renew: bool = False

    kind: ClassVar[str] = "concurrent"

    def __post_init__(self) -> None:
        Limiter.__post_init__(self)
        check_count("size", self.slots)
        if check_seconds("lock_timeout", self.lock_timeout, at_most=YEAR) < 0.001:
            raise ConfigError(f"expected lock_timeout to be at least 0.001 seconds, got {self.lock_timeout!r}")
        if not isinstance(self.renew, bool):
            raise ConfigError(f"expected renew to be True or False, got {self.renew!r}")

    @property
    def size(self) -> int:
        """Slots."""
        return self.slots

    @property
    def ttl_ms(self) -> int:
        """Milliseconds for which it is remembered unused; longer than any lease, and than anybody waits."""
        return round(max(self.ttl, 2 * self.lock_timeout, 2 * self.wait_timeout) * 1000)

    def keys(self, client: Shiftboss) -> ConcurrentKeys:
        return ConcurrentKeys(client.namespace, self.name)

    def check_cost(self, cost: int) -> None:
        """A block takes one slot.

        Raises:
            ConfigError: Another cost.
        """
        if cost != 1 or isinstance(cost, bool):
            raise ConfigError(f"limiter {self.name!r}: a block takes one slot, got a cost of {cost!r}")

    def ask(self, client: Shiftboss, cost: int, wait: float) -> Plan[Grant]:  # noqa: ARG002
        """A slot within `wait` seconds."""
        return (yield from acquire(self, client, wait))

    def look(self, client: Shiftboss) -> Plan[LimiterState]:
        """How many slots are taken at this instant."""
        used, waiting, first = yield from run(calls.peek(self.keys(client)))
        return self.state(used, waiting, first)

    def state(self, used: int, waiting: int, first: int) -> LimiterState:
        """How it is used, whose first lease ends in so many milliseconds; below 0: none does."""
        return LimiterState(used, max(0, self.size - used), waiting, None if first < 0 else first / 1000)

    def holders(self) -> list[Holder]:
        """Who holds its slots, the lease that ends first first; at most 1,000. One round trip."""
        client = self._client()
        return [
            Holder.read(ticket, ends)
            for ticket, ends in client.store.run(calls.holders(self.keys(client), MOST_HOLDERS))
        ]

    async def aholders(self) -> list[Holder]:
        """As `holders`, for coroutines."""
        client = self._client()
        return [
            Holder.read(ticket, ends)
            for ticket, ends in await client.astore.run(calls.holders(self.keys(client), MOST_HOLDERS))
        ]

    def counted(self, client: Shiftboss) -> Plan[Totals]:
        """What was counted of it, in all processes; also how many slots were reclaimed."""
        totals = yield from Limiter.counted(self, client)
        return replace(totals, reclaimed=(yield from run(calls.reclaimed(self.keys(client)))))

    def forget(self, client: Shiftboss) -> Plan[None]:
        """Take all slots from their holders and send waiters to the end of the queue."""
        yield from run(calls.forget(self.keys(client)))


@overload
def concurrent(
    name: str,
    size: int,
    *,
    lock_timeout: Duration = ...,
    renew: bool = ...,
    policy: Raise = ...,
    **options: Unpack[Common],
) -> ConcurrentLimiter[Never]: ...
@overload
def concurrent(
    name: str, size: int, *, lock_timeout: Duration = ..., renew: bool = ..., policy: Skip, **options: Unpack[Common]
) -> ConcurrentLimiter[None]: ...
def concurrent(
    name: str,
    size: int,
    *,
    lock_timeout: Duration = 30.0,
    renew: bool = False,
    **options: Unpack[Options],
) -> ConcurrentLimiter:
    """A limiter of how many may do something at once, across processes and hosts; 1 makes a mutex. No round trip.

    Args:
        name: What it is known by; processes that use the same name share it.
        size: Slots. The newest definition wins at the next decision; holders finish.
        lock_timeout: Seconds after which a holder that did not give its slot back loses it. Longer than the block takes.
        renew: Whether a thread of this process renews the leases of its holders while they hold them, so that a block may
            last as long as it likes; ``grant.lost`` tells if that failed. A process that dies loses its slots all the same.
        options: See `Limiter`.

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
        name=name, slots=size, lock_timeout=to_seconds(lock_timeout), renew=renew, **common(options)
    )

"""`leaky` and `points`: what refills evenly, drop by drop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Never, Unpack, overload

from redis.exceptions import RedisError

from shiftboss.config import check_seconds
from shiftboss.errors import ConfigError
from shiftboss.plan import Plan, carry
from shiftboss.scripts import Call

from . import calls
from .base import Duration, Limiter
from .common import Common, Options, Raise, Skip, common
from .definition import check_count, to_interval
from .limits import Given_co, Skipped_co
from .patience import telling
from .state import Answer, LimiterState
from .timed import Permit, Taken, TimedLimiter

log = logging.getLogger("shiftboss.limiters")
SLOWEST = 366 * 86400.0


@dataclass(frozen=True, kw_only=True)
class DrippingLimiter(TimedLimiter[Given_co, Skipped_co]):
    """Holds `count` units, of which one comes back every `unit` seconds."""

    count: int
    unit: float

    def __post_init__(self) -> None:
        Limiter.__post_init__(self)
        check_count("size", self.count)
        if self.unit < 1e-6 or self.unit * self.count > SLOWEST:
            raise ConfigError(
                f"limiter {self.name!r}: expected a unit to come back in 0.000001 seconds or more and all of them within a "
                f"year, got {self.unit:g} seconds for a unit"
            )

    @property
    def size(self) -> int:
        """Units that it holds."""
        return self.count

    def taking(self, key: str, cost: int, wait: float) -> Call[Answer]:
        """The call that takes units."""
        return calls.drip(key, self._unit, self.count, cost, round(wait * 1e6))

    def returning(self, key: str, taken: Taken) -> Call[Any]:
        """The call that gives units back, as far as they have not come again and nobody has reserved after them."""
        since = math.ceil((time.monotonic() - taken.asked) * 1e6)
        return calls.undrip(key, self._unit, self.count, taken.cost, since, taken.answer.mark or 0)

    def looking(self, key: str) -> Call[Sequence[int]]:
        """The call that looks at it."""
        return calls.drip_state(key, self._unit)

    def state(self, found: Sequence[int]) -> LimiterState:
        """How much of it is taken at this instant."""
        taken, micros = found
        used = min(self.count, taken)
        return LimiterState(used, self.count - used, taken - used, micros / 1e6 or None)

    @cached_property
    def _unit(self) -> float:
        """Microseconds in which one unit comes back."""
        return round(self.unit * 1e6, 6)


@dataclass(frozen=True, kw_only=True)
class LeakyLimiter(DrippingLimiter[Permit, Skipped_co]):
    """A burst of `count`, then one every `unit` seconds. Make one with `leaky`.

    Each waiter has its own drip, and sleeps until that: they come evenly, first come first served.
    """

    kind: ClassVar[str] = "leaky"


class PointsGrant(Permit):
    """Points that were taken, by estimate; `correct` says what it was."""

    __slots__ = ()

    def correct(self, cost: int) -> int:
        """Say what it has cost after all. The next callers wait longer or less. One round trip.

        Args:
            cost: Points, 0 or more.

        Returns:
            Points that are left. While Redis is away and `on_outage` allows, all of them; where it denies, none.

        Raises:
            ConfigError: No number of points.
            RedisError: Redis could not be told in time, unless `on_outage` says what that means.
        """
        return self._client.perform(self._correct(cost))

    async def acorrect(self, cost: int) -> int:
        """As `correct`, for coroutines."""
        return await self._client.aperform(self._correct(cost))

    def _correct(self, cost: int) -> Plan[int]:
        check_count("cost", cost, least=0)
        limiter: Any = self._limiter
        more = cost - self.taken.cost
        correcting = calls.correct(limiter.key(self._client), limiter._unit, limiter.count, more)
        try:
            left = yield from carry(correcting, (), telling(limiter, self._client))
        except (RedisError, OSError) as error:
            if limiter.on_outage == "raise":
                raise
            log.warning("limiter %r: what it has cost after all could not be said: %s", limiter.name, error)
            return limiter.size if limiter.on_outage == "allow" else 0
        self.taken = replace(self.taken, cost=cost)
        return left


@dataclass(frozen=True, kw_only=True)
class PointsLimiter(DrippingLimiter[PointsGrant, Skipped_co]):
    """A budget of points that refills evenly. Make one with `points`."""

    kind: ClassVar[str] = "points"
    permit: ClassVar[type[Permit]] = PointsGrant


@overload
def leaky(
    name: str,
    size: int,
    interval: str | Duration,
    *,
    drain: float | None = ...,
    policy: Raise = ...,
    **options: Unpack[Common],
) -> LeakyLimiter[Never]: ...
@overload
def leaky(
    name: str,
    size: int,
    interval: str | Duration,
    *,
    drain: float | None = ...,
    policy: Skip,
    **options: Unpack[Common],
) -> LeakyLimiter[None]: ...
def leaky(
    name: str, size: int, interval: str | Duration, *, drain: float | None = None, **options: Unpack[Options]
) -> LeakyLimiter:
    """A limiter that admits a burst, and then evenly: a bucket that holds so many and leaks.

    Args:
        name: What it is known by; processes that use the same name share it.
        size: Units that it holds: the largest burst.
        interval: ``second``, ``minute``, ``hour``, ``day``, or seconds or a timedelta.
        drain: Units that leak in an interval; default all of them.
        options: See `Limiter`.

    Raises:
        ConfigError: A value that cannot be right.

    Example:
        >>> from shiftboss import Shiftboss, limiters
        >>> shopify = limiters.leaky("shopify", 40, "second", drain=2)
        >>> with Shiftboss("fake://"), shopify.within_limit():
        ...     pass
    """
    check_count("size", size)
    if drain is not None and (isinstance(drain, bool) or not isinstance(drain, (int, float)) or not drain > 0):
        raise ConfigError(f"expected drain to be a positive number of units an interval, got {drain!r}")
    unit = to_interval("interval", interval) / (drain or size)
    return LeakyLimiter(name=name, count=size, unit=unit, **common(options))


@overload
def points(
    name: str, size: int, *, refill_per_second: float, policy: Raise = ..., **options: Unpack[Common]
) -> PointsLimiter[Never]: ...
@overload
def points(
    name: str, size: int, *, refill_per_second: float, policy: Skip, **options: Unpack[Common]
) -> PointsLimiter[None]: ...
def points(name: str, size: int, *, refill_per_second: float, **options: Unpack[Options]) -> PointsLimiter:
    """A limiter of a budget: each use costs points, which refill evenly.

    Take what it may cost, ``within_limit(cost=120)``, and correct that afterwards.

    Args:
        name: What it is known by; processes that use the same name share it.
        size: Points in a whole budget.
        refill_per_second: Points that come back in a second.
        options: See `Limiter`.

    Raises:
        ConfigError: A value that cannot be right.

    Example:
        >>> from shiftboss import Shiftboss, limiters
        >>> graphql = limiters.points("graphql", 1000, refill_per_second=50)
        >>> with Shiftboss("fake://"), graphql.within_limit(cost=120) as grant:
        ...     left = grant.correct(87)
    """
    check_count("size", size)
    if check_seconds("refill_per_second", refill_per_second) > 1e6:
        raise ConfigError(f"expected refill_per_second to be at most 1,000,000, got {refill_per_second!r}")
    return PointsLimiter(name=name, count=size, unit=1 / refill_per_second, **common(options))

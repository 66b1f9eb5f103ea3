"""`bucket`: so many in each period of the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Never, Unpack, overload

from shiftboss.scripts import Call

from . import calls
from .base import Duration, Limiter
from .common import Common, Options, Raise, Skip, common
from .definition import check_count, to_interval
from .limits import Skipped_co
from .state import Answer, LimiterState
from .timed import Permit, Taken, TimedLimiter


@dataclass(frozen=True, kw_only=True)
class BucketLimiter(TimedLimiter[Permit, Skipped_co]):
    """At most `count` in each period that the server's clock is divided into. Make one with `bucket`.

    At the border of two periods up to twice as many may come close together; `window` does not allow that.
    """

    count: int
    interval: float

    kind: ClassVar[str] = "bucket"

    def __post_init__(self) -> None:
        Limiter.__post_init__(self)
        check_count("count", self.count)

    @property
    def size(self) -> int:
        """Units a period."""
        return self.count

    def taking(self, key: str, cost: int, wait: float) -> Call[Answer]:
        """The call that takes units."""
        return calls.bucket(key, self.count, round(self.interval * 1000), cost, round(wait * 1000))

    def returning(self, key: str, taken: Taken) -> Call[Any]:
        """The call that gives units back, unless their period has ended or a later one is reserved of."""
        since = math.ceil((time.monotonic() - taken.asked) * 1000)
        return calls.untake(key, round(self.interval * 1000), taken.cost, since, taken.answer.mark or 0)

    def looking(self, key: str) -> Call[Sequence[int]]:
        """The call that looks at it."""
        return calls.bucket_state(key, self.count, round(self.interval * 1000))

    def state(self, found: Sequence[int]) -> LimiterState:
        """How it is used in this period."""
        used, reserved, ends = found
        return LimiterState(used, max(0, self.count - used), reserved, ends / 1000 if used else None)


@overload
def bucket(
    name: str, count: int, interval: str | Duration, *, policy: Raise = ..., **options: Unpack[Common]
) -> BucketLimiter[Never]: ...
@overload
def bucket(
    name: str, count: int, interval: str | Duration, *, policy: Skip, **options: Unpack[Common]
) -> BucketLimiter[None]: ...
def bucket(name: str, count: int, interval: str | Duration, **options: Unpack[Options]) -> BucketLimiter:
    """A limiter of how many may come in each second, minute, hour or day of the clock, or in any other period.

    Args:
        name: What it is known by; processes that use the same name share it.
        count: Units a period.
        interval: ``second``, ``minute``, ``hour``, ``day``, or seconds or a timedelta; periods begin at whole multiples of it
            since 1970, UTC, by the server's clock.
        options: See `Limiter`.

    Raises:
        ConfigError: A value that cannot be right.

    Example:
        >>> from shiftboss import Shiftboss, limiters
        >>> github = limiters.bucket("github", 5000, "hour")
        >>> with Shiftboss("fake://"), github.within_limit():
        ...     github.peek().remaining
        4999
    """
    return BucketLimiter(name=name, count=count, interval=to_interval("interval", interval), **common(options))

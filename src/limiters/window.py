"""`window`: never more than so many in any stretch of time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Never, Unpack, overload

from shiftboss.errors import ConfigError
from shiftboss.plan import Plan, at_last, carry
from shiftboss.scripts import Call

from . import calls
from .base import Duration, Limiter
from .common import Common, Options, Raise, Skip, common
from .counting import counting
from .definition import check_count, to_interval
from .limits import Skipped_co
from .patience import within
from .prefetch import Block, Shelf, shelf_of
from .state import Answer, LimiterState
from .timed import Permit, Taken, TimedLimiter

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

# Units that one call can take: each is an entry.
MOST_AT_ONCE = 1_000
# The part of its interval for which a process may keep a block of units; each counts for longer by that.
HELD_PART = 0.01


@dataclass(frozen=True, kw_only=True)
class WindowLimiter(TimedLimiter[Permit, Skipped_co]):
    """At most `count` in any stretch of `interval` seconds, exactly. Make one with `window`.

    It remembers when each unit was taken: about 11 bytes for each.
    """

    count: int
    interval: float
    prefetch: int = 0

    kind: ClassVar[str] = "window"

    def __post_init__(self) -> None:
        Limiter.__post_init__(self)
        check_count("count", self.count)
        check_count("prefetch", self.prefetch, least=0, most=min(self.count, MOST_AT_ONCE))

    @property
    def size(self) -> int:
        """Units in the window."""
        return self.count

    def check_cost(self, cost: int) -> None:
        """Refuse a cost that could never be admitted, or not in one call."""
        Limiter.check_cost(self, cost)
        if cost > MOST_AT_ONCE:
            raise ConfigError(
                f"limiter {self.name!r}: a window admits at most {MOST_AT_ONCE:,} units in one call, got {cost:,}; "
                "points can more"
            )

    def ask(self, client: Shiftboss, cost: int, wait: float) -> Plan[Permit]:
        """Take units of this process's block, if there is one; else of the window, now or within `wait` seconds."""
        if not self.prefetch:
            return (yield from TimedLimiter.ask(self, client, cost, wait))
        key = self.key(client)
        shelf = shelf_of(client, key)
        answer = shelf.spend(cost)
        if answer is None:
            with shelf.refilling() as mine:
                if mine:
                    yield from self._refill(shelf, key, cost)
                    answer = shelf.spend(cost)
        if answer is None:
            permit = yield from TimedLimiter.ask(self, client, cost, wait)
            shelf.count(cost)
            return permit
        counting(client).admit(self)
        return Permit(self, client, Taken(cost, 0.0, answer))

    def _refill(self, shelf: Shelf, key: str, cost: int) -> Plan[None]:
        """Put the next block in the place of the last, whose rest goes back. None where the window has not so much."""
        rest, wish = shelf.clear(), shelf.wish(self.prefetch)
        if rest is not None:
            yield from at_last(calls.unstamp(key, rest.left, rest.answer.mark), seconds=within(0))
        if wish <= cost:
            return
        asked = time.monotonic()
        hold = math.floor(self.interval * HELD_PART * 1e6)
        answer = yield from carry(calls.window(key, self.count, self._micros, wish, 0, hold), (), within(0))
        if answer.seconds == 0:
            shelf.put(Block(answer, wish, asked + hold / 1e6))

    @property
    def _micros(self) -> int:
        """Microseconds of the interval."""
        return round(self.interval * 1e6)

    def taking(self, key: str, cost: int, wait: float) -> Call[Answer]:
        """The call that takes units for use at once."""
        return calls.window(key, self.count, self._micros, cost, round(wait * 1e6), 0)

    def returning(self, key: str, taken: Taken) -> Call[Any]:
        """The call that gives units back."""
        return calls.unstamp(key, taken.cost, taken.answer.mark)

    def forget(self, client: Shiftboss) -> Plan[None]:
        """Make it as if nothing had been taken."""
        shelf_of(client, self.key(client)).clear()
        yield from TimedLimiter.forget(self, client)

    def looking(self, key: str) -> Call[Sequence[int]]:
        """The call that looks at it."""
        return calls.window_state(key, self._micros)

    def state(self, found: Sequence[int]) -> LimiterState:
        """How it is used at this instant."""
        used, reserved, first = found
        return LimiterState(used, max(0, self.count - used), reserved, first / 1e6 if used else None)


@overload
def window(
    name: str,
    count: int,
    interval: str | Duration,
    *,
    prefetch: int = ...,
    policy: Raise = ...,
    **options: Unpack[Common],
) -> WindowLimiter[Never]: ...
@overload
def window(
    name: str, count: int, interval: str | Duration, *, prefetch: int = ..., policy: Skip, **options: Unpack[Common]
) -> WindowLimiter[None]: ...
def window(
    name: str, count: int, interval: str | Duration, *, prefetch: int = 0, **options: Unpack[Options]
) -> WindowLimiter:
    """A limiter of how many may come in any second, minute, hour or day, wherever it begins.

    Args:
        name: What it is known by; processes that use the same name share it.
        count: Units in the window.
        interval: ``second``, ``minute``, ``hour``, ``day``, or seconds or a timedelta.
        prefetch: Units that a busy process takes in one call, and then spends without asking; 0 to ask for each. What it
            has not spent within a hundredth of the interval goes back at its next call, or at exit.
        options: See `Limiter`.

    Raises:
        ConfigError: A value that cannot be right.

    Example:
        >>> from shiftboss import Shiftboss, limiters
        >>> sms = limiters.window("sms-7", 5, "minute", wait_timeout=0)
        >>> with Shiftboss("fake://"):
        ...     [sms.try_acquire() is not None for _ in range(6)]
        [True, True, True, True, True, False]
    """
    interval = to_interval("interval", interval)
    return WindowLimiter(name=name, count=count, interval=interval, prefetch=prefetch, **common(options))

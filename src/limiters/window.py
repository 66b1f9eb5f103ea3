"""`window`: never more than so many in any stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from shiftboss.errors import ConfigError
from shiftboss.plan import Plan, run
from shiftboss.scripts import Call

from . import calls
from .base import Duration, Limiter
from .common import Common, common
from .definition import check_count, to_interval
from .state import Answer, LimiterState
from .timed import Taken, TimedLimiter

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

# Units that one call can take: each is an entry.
MOST_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class WindowLimiter(TimedLimiter):
    """At most `count` in any stretch of `interval` seconds, exactly. Make one with `window`.

    It remembers when each unit was taken: about 11 bytes for each.
    """

    count: int
    interval: float

    kind: ClassVar[str] = "window"

    def __post_init__(self) -> None:
        Limiter.__post_init__(self)
        check_count("count", self.count)

    @property
    def size(self) -> int:
        """Units in the window."""
        return self.count

    def check_cost(self, cost: int) -> None:
        """Refuse a cost that could never be admitted, or not in one call."""
        Limiter.check_cost(self, cost)
        if cost > MOST_AT_ONCE:
            raise ConfigError(
                f"limiter {self.name!r}: a window admits at most {MOST_AT_ONCE:,} units in one call, got {cost:,}; points can more"
            )

    def taking(self, key: str, cost: int, wait: float, hold: float = 0.0) -> Call[Answer]:
        """The call that takes units; `hold` is for how many seconds the caller may put off spending them."""
        micros = round(self.interval * 1e6), cost, round(wait * 1e6), round(hold * 1e6)
        return calls.window(key, self.count, *micros)

    def returning(self, key: str, taken: Taken) -> Call[Any]:
        """The call that gives units back."""
        return calls.unstamp(key, taken.cost, taken.answer.mark)

    def look(self, client: Shiftboss) -> Plan[LimiterState]:
        """How it is used at this instant."""
        used, reserved, first = yield from run(calls.window_state(self.key(client), round(self.interval * 1e6)))
        return LimiterState(used, max(0, self.count - used), reserved, first / 1e6 if used else None)


def window(name: str, count: int, interval: str | Duration, **options: Unpack[Common]) -> WindowLimiter:
    """A limiter of how many may come in any second, minute, hour or day, wherever it begins.

    Args:
        name: What it is known by; processes that use the same name share it.
        count: Units in the window.
        interval: ``second``, ``minute``, ``hour``, ``day``, or seconds or a timedelta.
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
    return WindowLimiter(name=name, count=count, interval=to_interval("interval", interval), **common(options))

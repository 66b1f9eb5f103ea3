"""`Clock`: time in a test, which stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from shiftboss.errors import ConfigError

if TYPE_CHECKING:
    from types import TracebackType


class Clock:
    """Stops the clock of this process, also for the in-process server of a `Sandbox`, for a ``with`` block.

    Args:
        now: What it shows at first, a datetime with a time zone; default the time it is.

    Raises:
        ConfigError: The package time-machine is missing, or a datetime has no time zone.

    Example:
        >>> from datetime import UTC, datetime
        >>> from shiftboss.testing import Clock
        >>> with Clock(datetime(2026, 3, 1, 12, tzinfo=UTC)) as clock:
        ...     clock.move(90)
        ...     datetime.now(UTC).isoformat()
        '2026-03-01T12:01:30+00:00'
    """

    _running: ClassVar[list[Clock]] = []

    def __init__(self, now: datetime | None = None) -> None:
        try:
            import time_machine
        except ImportError:
            raise ConfigError("Clock needs the package time-machine; pip install 'shiftboss[testing]'") from None
        self._travel = time_machine.travel(_checked(now or datetime.now(UTC)), tick=False)
        self._traveller: Any = None

    def move(self, by: timedelta | float) -> None:
        """Let time pass, in seconds or as a timedelta."""
        self._traveller.shift(by)

    def move_to(self, when: datetime) -> None:
        """Set it to a moment, a datetime with a time zone."""
        self._traveller.move_to(_checked(when), tick=False)

    @classmethod
    def reach(cls, seconds: float) -> None:
        """Set the clock that runs, if one does, to an instant in epoch seconds, unless that is past."""
        for clock in cls._running[-1:]:
            when = datetime.fromtimestamp(seconds, UTC)
            if when > datetime.now(UTC):
                clock.move_to(when)

    def __enter__(self) -> Self:
        self._traveller = self._travel.start()
        self._running.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.remove(self)
        self._travel.stop()


def _checked(when: datetime) -> datetime:
    if when.utcoffset() is None:
        raise ConfigError(f"expected a datetime with a time zone, got {when!r}; say which, as in .astimezone()")
    return when

"""When a job is due: seconds from now or a moment, made into epoch seconds, or None for at once."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from shiftboss.config import to_seconds
from shiftboss.errors import JobError

# The end of the year 9999, after which no datetime can say when a job is due.
_LATEST = 253_402_300_799


def due_in(name: str, delay: float | timedelta) -> float | None:
    """Epoch seconds of a moment after so many seconds; None if it is not in the future.

    Args:
        name: The job's, for messages.
        delay: Seconds, or a timedelta.

    Raises:
        JobError: Not a number of seconds, or later than the year 9999.
    """
    seconds = _number(to_seconds(delay))
    if seconds is None:
        raise JobError(f"{name}: expected a delay in seconds or a timedelta, got {delay!r:.100}")
    return _future(name, time.time() + seconds, delay)


def due_at(name: str, when: datetime | float) -> float | None:
    """Epoch seconds of a moment; None if it is not in the future.

    Args:
        name: The job's, for messages.
        when: A datetime with a time zone, or epoch seconds.

    Raises:
        JobError: A datetime without a time zone, not a moment at all, or later than the year 9999.
    """
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise JobError(
                f"{name}: expected a datetime with a time zone, got {when!r}; say which, as in .astimezone()"
            )
        return _future(name, when.timestamp(), when)
    seconds = _number(when)
    if seconds is None:
        raise JobError(f"{name}: expected a datetime with a time zone or epoch seconds, got {when!r:.100}")
    return _future(name, seconds, when)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124  NaN
        return None
    return float(max(-_LATEST, min(value, _LATEST + 1)))


def _future(name: str, seconds: float, given: object) -> float | None:
    if seconds > _LATEST:
        raise JobError(f"{name}: due after the year 9999; expected seconds, not milliseconds, got {given!r:.100}")
    return seconds if seconds > time.time() else None

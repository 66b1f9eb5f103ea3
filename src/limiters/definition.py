"""Checking what is said of a limiter, without a round trip."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shiftboss.config import check_seconds, to_seconds
from shiftboss.errors import ConfigError

LARGEST = 1_000_000
INTERVALS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
YEAR = 365 * 86400.0
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def check_name(name: object) -> None:
    """Refuse what cannot be in a key."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"expected a limiter's name to be 1 to 128 letters, digits or any of - _ . :, got {name!r}")


def check_count(what: str, value: object, *, least: int = 1, most: int = LARGEST) -> None:
    """Refuse what is no number of that size."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ConfigError(f"expected {what} to be a whole number from {least} to {most:,}, got {value!r}")


def check_choice(what: str, value: object, choices: Sequence[str]) -> None:
    """Refuse what is none of the choices."""
    if value not in choices:
        raise ConfigError(f"expected {what} to be {' or '.join(map(repr, choices))}, got {value!r}")


def to_interval(what: str, interval: object) -> float:
    """Seconds of an interval: a word, a number of seconds, or a timedelta; at least a millisecond."""
    if isinstance(interval, str):
        if interval not in INTERVALS:
            raise ConfigError(f"expected {what} to be one of {', '.join(INTERVALS)}, or seconds, got {interval!r}")
        return INTERVALS[interval]
    seconds = check_seconds(what, to_seconds(interval), at_most=YEAR)
    if seconds < 0.001:
        raise ConfigError(f"expected {what} to be at least 0.001 seconds, got {interval!r}")
    return seconds

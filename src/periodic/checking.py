"""Making entries of what is said in a file, in code, or at run time. All that is wrong is found, not only the first of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from shiftboss.config import check_known, to_seconds
from shiftboss.errors import ConfigError, ScheduleError

from .cron import parse, zone_of
from .entry import Entry, Source

NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
NAMES = "1 to 128 letters, digits or any of - _ . :"
_QUEUE = re.compile(r"[^\s,]{1,128}")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)")
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
LONGEST = 366 * 86_400_000
SHORTEST_EVERY = 1_000
# What may be said of an entry, and what of all of them.
OPTIONS = ("retry", "retry_queue", "dead", "tags")
FIELDS = (
    "cron", "every", "job", "queue", "timezone", "catch_up", "catch_up_window", "overlap", "jitter", "timeout", "enabled",
    "description", *OPTIONS,
)  # fmt: skip
DEFAULTS = tuple(field for field in FIELDS if field not in {"cron", "every", "job", "description"})


def make_entry(name: object, said: Mapping[str, Any], *, timezone: str = "UTC", source: Source) -> Entry:
    """The entry, if all that is said of it can be.

    Args:
        name: Its name.
        said: By the names of the schedule file.
        timezone: What holds where none is said.
        source: Who says it.

    Raises:
        ScheduleError: Its lines say all that is wrong.
    """
    wrong: list[str] = []
    for key in said:
        try:
            check_known("key", [key], FIELDS)
        except ConfigError as error:
            wrong.append(str(error))
    if not isinstance(name, str) or not NAME.fullmatch(name):
        wrong.append(f"expected a name of {NAMES}, got {name!r:.100}")
    if ("cron" in said) == ("every" in said):
        wrong.append("expected either cron or every" + (", got both" if "cron" in said else ""))
    values: dict[str, Any] = {"timezone": timezone}
    for what in FIELDS:
        if what in said:
            try:
                values[what] = read_value(what, said[what], str(name))
            except ScheduleError as error:
                wrong.append(str(error))
    if "job" not in said:
        wrong.append("expected job: the name of what is to be enqueued")
    if wrong:
        raise ScheduleError("\n".join(wrong))
    options = {what: values.pop(what) for what in OPTIONS if what in values}
    return Entry(name=str(name), options=options, source=source, **values)


def read_value(what: str, value: Any, name: str = "") -> Any:
    """What a key of an entry says.

    Args:
        what: The key.
        value: What the schedule file or code has there.
        name: The entry's, which `cron` may depend on.

    Raises:
        ScheduleError: It cannot be.
    """
    return parse(value, name).text if what == "cron" else _READERS[what](value)


def check_schedule_name(name: object) -> str:
    """The name of a schedule.

    Raises:
        ScheduleError: It cannot be one.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ScheduleError(f"expected schedule to be a name of {NAMES}, got {name!r:.100}")
    return name


def _span(what: str, value: object, *, least: int = 0) -> int:
    """Milliseconds of a duration: seconds as a number, a timedelta, or text like 90s, 1h or 1h 30m."""
    value = to_seconds(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value and abs(value) < LONGEST:  # noqa: PLR0124  NaN
        milliseconds = round(value * 1000)
    elif isinstance(value, str) and value.strip() and not _SPAN.sub("", value).strip():
        milliseconds = round(sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(value)))
    else:
        raise ScheduleError(f"expected {what} to be a duration like 90s, 5m or 1h 30m, got {value!r:.100}")
    if not least <= milliseconds <= LONGEST:
        smallest = f"at least {least / 1000:g} s" if least else "not negative"
        raise ScheduleError(f"expected {what} to be {smallest} and at most a year, got {value!r:.100}")
    return milliseconds


def _text(what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > 1_000:
            raise ScheduleError(f"expected {what} to be a text of 1 to 1,000 characters, got {value!r:.100}")
        return value.strip()

    return read


def _queue(what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not _QUEUE.fullmatch(value):
            raise ScheduleError(
                f"expected {what} to be 1 to 128 characters without spaces or commas, got {value!r:.100}"
            )
        return value

    return read


def _choice(what: str, *choices: object) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        if not any(value is choice or (isinstance(choice, str) and value == choice) for choice in choices):
            said = " or ".join("true" if c is True else "false" if c is False else str(c) for c in choices)
            raise ScheduleError(f"expected {what} to be {said}, got {value!r:.100}")
        return value

    return read


def _times(value: object) -> int | bool:
    if not isinstance(value, int) or value < 0:
        raise ScheduleError(f"expected retry to be a number of times, 0 or more, or true or false, got {value!r:.100}")
    return value


def _words(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) for word in value):
        raise ScheduleError(f"expected tags to be a list of words, got {value!r:.100}")
    return list(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "every": lambda span: _span("every", span, least=SHORTEST_EVERY),
    "job": _text("job"),
    "queue": _queue("queue"),
    "timezone": lambda zone: zone_of(zone).key,
    "catch_up": _choice("catch_up", "none", "one", "all"),
    "catch_up_window": lambda span: _span("catch_up_window", span),
    "overlap": _choice("overlap", "allow", "skip", "queue_one"),
    "jitter": lambda span: _span("jitter", span),
    "timeout": lambda span: _span("timeout", span, least=1),
    "enabled": _choice("enabled", True, False),
    "description": _text("description"),
    "retry": _times,
    "retry_queue": _queue("retry_queue"),
    "dead": _choice("dead", True, False),
    "tags": _words,
}

"""Making entries of what is said in a file, in code, or at run time. All that is wrong is found, not only the first of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from shiftboss.config import check_known
from shiftboss.errors import ConfigError, ScheduleError

from .cron import parse, zone_of
from .entry import Entry, Source

NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d|w)")
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

    def read(what: str, reader: Callable[[Any], Any], default: Any) -> Any:
        if what not in said:
            return default
        try:
            return reader(said[what])
        except (ScheduleError, ConfigError) as error:
            wrong.append(str(error))
            return default

    try:
        check_known("key", said, FIELDS)
    except ConfigError as error:
        wrong.append(str(error))
    if not isinstance(name, str) or not NAME.fullmatch(name):
        wrong.append(f"expected a name of 1 to 128 letters, digits or any of - _ . :, got {name!r}")
    if ("cron" in said) == ("every" in said):
        wrong.append("expected either cron or every" + (", got both" if "cron" in said else ""))
    entry = Entry(
        name=str(name),
        job=read("job", _text("job"), ""),
        cron=read("cron", lambda text: parse(text, str(name)).text, ""),
        every=read("every", lambda span: _span("every", span, least=SHORTEST_EVERY), 0),
        timezone=read("timezone", lambda zone: zone_of(zone).key, timezone),
        queue=read("queue", _text("queue"), ""),
        options={what: said[what] for what in OPTIONS if what in said},
        catch_up=read("catch_up", _choice("catch_up", "none", "one", "all"), "one"),
        catch_up_window=read("catch_up_window", lambda span: _span("catch_up_window", span), None),
        overlap=read("overlap", _choice("overlap", "allow", "skip", "queue_one"), "allow"),
        jitter=read("jitter", lambda span: _span("jitter", span), 0),
        timeout=read("timeout", lambda span: _span("timeout", span, least=1), 3_600_000),
        enabled=read("enabled", _choice("enabled", True, False), True),
        description=read("description", _text("description"), ""),
        source=source,
    )
    if "job" not in said:
        wrong.append("expected job: the name of what is to be enqueued")
    if wrong:
        raise ScheduleError("\n".join(wrong))
    return entry


def _span(what: str, value: object, *, least: int = 0) -> int:
    """Milliseconds of a duration: seconds as a number, a timedelta, or text like 90s, 1h or 1h 30m."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value and abs(value) < LONGEST:  # noqa: PLR0124  NaN
        milliseconds = round(value * 1000)
    elif isinstance(value, str) and value.strip() and not _SPAN.sub("", value).strip():
        milliseconds = round(sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(value)))
    else:
        raise ScheduleError(f"expected {what} to be a duration like 90s, 5m or 1h 30m, got {value!r}")
    if not least <= milliseconds <= LONGEST:
        smallest = f"at least {least / 1000:g} s" if least else "not negative"
        raise ScheduleError(f"expected {what} to be {smallest} and at most a year, got {value!r}")
    return milliseconds


def _text(what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > 1_000:
            raise ScheduleError(f"expected {what} to be a text of 1 to 1,000 characters, got {value!r:.100}")
        return value.strip()

    return read


def _choice(what: str, *choices: object) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        if not any(value is choice or (isinstance(choice, str) and value == choice) for choice in choices):
            said = " or ".join("true" if c is True else "false" if c is False else str(c) for c in choices)
            raise ScheduleError(f"expected {what} to be {said}, got {value!r}")
        return value

    return read

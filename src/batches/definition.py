"""What can be said of a batch: checked without a round trip, and written down as the fields of its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from shiftboss.config import check_seconds
from shiftboss.engine import BUILT_IN
from shiftboss.errors import ConfigError

from .callbacks import Callback

DESCRIPTION_LIMIT = 10_000


def check_description(description: object) -> str:
    """The description, if it is a text of at most 10 kB."""
    if not isinstance(description, str):
        raise ConfigError(f"expected description to be a string, got {description!r}")
    size = len(description.encode("utf-8", "surrogatepass"))
    if size > DESCRIPTION_LIMIT:
        raise ConfigError(f"expected description to be at most {DESCRIPTION_LIMIT:,} bytes, got {size:,}")
    return description


def check_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags, if they are words."""
    if isinstance(tags, str) or not all(isinstance(tag, str) and 0 < len(tag) <= 128 for tag in tags):
        raise ConfigError(f"expected tags to be a list of strings of at most 128 characters, got {tags!r}")
    return tuple(tags)


def check_flag(name: str, value: object) -> bool:
    """The value, if it is True or False."""
    if not isinstance(value, bool):
        raise ConfigError(f"expected {name} to be True or False, got {value!r}")
    return value


def to_milliseconds(name: str, value: timedelta | float) -> int:
    """A life of at least a minute and at most a year."""
    seconds = check_seconds(name, to_seconds(value), at_most=365 * 86400)
    if seconds < 60:
        raise ConfigError(f"expected {name} to be at least 60 seconds, got {value!r}")
    return int(seconds * 1000)


def to_seconds(value: timedelta | float | None) -> Any:
    """The same, a timedelta as seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def record_of(
    *,
    linger: int,
    queue: str,
    description: str,
    tags: Sequence[str],
    callback_queue: str | None,
    results: bool,
    engine: str,
    callbacks: Mapping[str, Sequence[Callback]],
) -> tuple[str | int, ...]:
    """A new batch's record, names and values alternating; what is not said is left out."""
    fields: list[str | int] = ["linger", linger, "queue", queue]
    if description:
        fields += ["description", description]
    if tags:
        fields += ["tags", msgspec.json.encode(tags).decode()]
    if callback_queue:
        fields += ["callback_queue", callback_queue]
    if engine != BUILT_IN:
        fields += ["engine", engine]
    if results:
        fields += ["results", 1]
    for event, called in callbacks.items():
        if called:
            fields += [f"callbacks:{event}", len(called)]
        for index, callback in enumerate(called):
            fields += [f"call:{event}:{index}", callback.to_json()]
    return tuple(fields)

"""What can be said of a batch: checked without a round trip, and written down as the fields of its record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from shiftboss.config import check_seconds, to_seconds
from shiftboss.engine import BUILT_IN
from shiftboss.errors import ConfigError

from .callbacks import Callback

DESCRIPTION_LIMIT = 10_000
NAME_LIMIT = 128


def check_description(description: object) -> str:
    """The description, if it is a text of at most 10 kB."""
    if not isinstance(description, str):
        raise ConfigError(f"expected description to be a string, got {description!r}")
    size = len(_utf8("description", description))
    if size > DESCRIPTION_LIMIT:
        raise ConfigError(f"expected description to be at most {DESCRIPTION_LIMIT:,} bytes, got {size:,}")
    return description


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags, if they are words."""
    listed = isinstance(tags, Iterable) and not isinstance(tags, str | bytes)
    words = tuple(tags) if listed else ()
    if not listed or not all(isinstance(word, str) and 0 < len(word) <= NAME_LIMIT for word in words):
        raise ConfigError(f"expected tags to be a list of strings of at most {NAME_LIMIT} characters, got {tags!r}")
    for word in words:
        _utf8("tags", word)
    return words


def check_queue(queue: object) -> str | None:
    """The name of the queue that callbacks go to, if there is one."""
    if queue is None or (isinstance(queue, str) and 0 < len(queue) <= NAME_LIMIT and queue.isprintable()):
        return queue
    raise ConfigError(f"expected callback_queue to be a queue's name of 1 to {NAME_LIMIT} characters, got {queue!r}")


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


def _utf8(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"expected {name} to be text that UTF-8 can hold, got {text!r}") from None


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

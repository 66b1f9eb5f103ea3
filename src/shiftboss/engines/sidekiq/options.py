"""What can be said of a job beside its arguments: where it waits and what becomes of it when it fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, TypedDict

from shiftboss.config import check_known, to_seconds
from shiftboss.engine import Gate
from shiftboss.errors import ConfigError
from shiftboss.jobs import TRACK

RETRIES = 25
Seconds = float | timedelta
Errors = type[BaseException] | tuple[type[BaseException], ...]
NAME_LIMIT = 128


class OptionNames(TypedDict, total=False):
    """The keyword arguments of `job`, of ``class ...(Job)`` and of ``.set()``; see `JobOptions`."""

    name: str
    queue: str
    retry: int | bool
    retry_for: Seconds | None
    retry_queue: str | None
    retry_on: Mapping[type[BaseException], int]
    discard_on: Errors
    dead: bool
    backtrace: int | bool
    tags: Iterable[str]
    expires_in: Seconds | None
    timeout: Seconds | None
    limiter: Gate | None
    track: bool
    max_requeues: int | None
    after_commit: bool


@dataclass(frozen=True)
class JobOptions:
    """How a job is pushed and what becomes of it when it fails.

    Args:
        name: What payloads call it; empty means ``module.QualName``.
        queue: Where it waits.
        retry: How often a failed run is repeated; True means 25 times, False not at all and not kept either.
        retry_for: For how long after its first failure it is repeated, in seconds or as a timedelta, instead of how often.
        retry_queue: Where repeats wait, if elsewhere.
        retry_on: Errors, and how often a run that raises one of them is repeated, whatever `retry` says, which counts only
            the others.
        discard_on: Errors that end the job as `Discard` does.
        dead: Whether it is kept in the dead set when it will not run again.
        backtrace: How many lines of a failure's traceback are kept in the job; True all, False none.
        tags: Words for people, shown by dashboards.
        expires_in: How long after it was pushed, or was due, it may begin to run, in seconds or as a timedelta; later it is left
            out, which counts as success.
        timeout: How long a run may take, in seconds or as a timedelta, before `JobTimeout` is raised in it. A function that sits
            in one call that does not return goes on until that does.
        limiter: What it runs inside of, such as `limiters.concurrent`. A worker tries without waiting: a job that finds no
            slot goes back for a moment, for up to the limiter's ``wait_timeout``; after that it is over the limit.
        track: Whether it is remembered what becomes of each, so that its id can be a prerequisite of `enqueue_after`. It costs a
            round trip when it is pushed and one when it has ended.
        max_requeues: How often it may call `requeue`; once more is a failure. None sets no limit.
        after_commit: Whether a push waits for the open database transaction to be committed, where `shiftboss.contrib.django`
            is in use. Inside a batch's jobs block it does not.

    Raises:
        ConfigError: A value that cannot be right.

    Example:
        >>> JobOptions(queue="critical", retry=5).wire
        {'retry': 5}
    """

    name: str = ""
    queue: str = "default"
    retry: int | bool = RETRIES
    retry_for: float | None = None
    retry_queue: str | None = None
    retry_on: Mapping[type[BaseException], int] = field(default_factory=dict)
    discard_on: tuple[type[BaseException], ...] = ()
    dead: bool = True
    backtrace: int | bool = False
    tags: tuple[str, ...] = ()
    expires_in: float | None = None
    timeout: float | None = None
    limiter: Gate | None = None
    track: bool = False
    max_requeues: int | None = None
    after_commit: bool = False

    def __post_init__(self) -> None:
        for option, is_right, wanted in _RULES:
            value = getattr(self, option)
            if not is_right(value):
                raise ConfigError(f"expected {option} to be {wanted}, got {value!r}")

    @classmethod
    def load(cls, base: JobOptions | None = None, /, **given: Any) -> JobOptions:
        """Options as given, the rest as in `base`.

        Args:
            base: What is not given comes from here; default the defaults.
            given: Any field of `JobOptions`.

        Raises:
            ConfigError: An unknown name, with the nearest known one, or a value that cannot be right.
        """
        check_known("job option", given, [field.name for field in fields(cls)])
        tags = given.get("tags")
        if tags is not None and not isinstance(tags, (str, bytes)) and isinstance(tags, Iterable):
            given["tags"] = tuple(tags)
        if isinstance(given.get("discard_on"), type):
            given["discard_on"] = (given["discard_on"],)
        for name in ("retry_for", "expires_in", "timeout"):
            if name in given:
                given[name] = to_seconds(given[name])
        return replace(base or cls(), **given)

    @cached_property
    def wire(self) -> Mapping[str, Any]:
        """The options that travel with the job, as Sidekiq spells them. Always the same object."""
        options: dict[str, Any] = {"retry": True if self.retry is True or self.retry == RETRIES else self.retry}
        for name in ("retry_for", "retry_queue", "expires_in", "timeout", "max_requeues"):
            if getattr(self, name) is not None:
                options[name] = getattr(self, name)
        if self.backtrace:
            options["backtrace"] = self.backtrace
        if not self.dead:
            options["dead"] = False
        if self.tags:
            options["tags"] = list(self.tags)
        if self.track:
            options[TRACK] = True
        return options


def is_word(value: object) -> bool:
    """Whether it can name a job or a queue: on a command line, in a key, in a log."""
    return (
        isinstance(value, str) and 0 < len(value) <= NAME_LIMIT and value.isprintable() and not set(value) & {" ", ","}
    )


def _is_duration(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


_DURATION = "None, a positive number of seconds or a timedelta"
WORD = f"1 to {NAME_LIMIT} characters without spaces or commas"
_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("name", lambda value: value == "" or is_word(value), WORD),
    ("queue", is_word, WORD),
    ("retry", lambda value: isinstance(value, int) and value >= 0, "True, False or a number of times, 0 or more"),
    ("retry_for", _is_duration, _DURATION),
    ("expires_in", _is_duration, _DURATION),
    ("timeout", _is_duration, _DURATION),
    (
        "retry_on",
        lambda value: isinstance(value, Mapping) and all(_is_error(e) and _is_count(n) for e, n in value.items()),
        "a dict of error classes and numbers of times, such as {Deadlock: 5}",
    ),
    (
        "discard_on",
        lambda value: isinstance(value, tuple) and all(map(_is_error, value)),
        "an error class or a tuple of some",
    ),
    ("backtrace", lambda value: isinstance(value, int) and value >= 0, "True, False or a number of lines"),
    ("max_requeues", lambda value: value is None or _is_count(value), "None or a number of times, 0 or more"),
    ("after_commit", lambda value: isinstance(value, bool), "True or False"),
    ("retry_queue", lambda value: value is None or is_word(value), f"None or {WORD}"),
    ("dead", lambda value: isinstance(value, bool), "True or False"),
    ("track", lambda value: isinstance(value, bool), "True or False"),
    (
        "tags",
        lambda value: isinstance(value, tuple) and all(isinstance(tag, str) and tag.isprintable() for tag in value),
        "a list of words",
    ),
    (
        "limiter",
        lambda value: value is None or hasattr(value, "enter"),
        "a limiter, such as limiters.concurrent(...)",
    ),
)

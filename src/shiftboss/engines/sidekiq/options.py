"""What can be said of a job beside its arguments: where it waits and what becomes of it when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypedDict

from shiftboss.config import check_known
from shiftboss.errors import ConfigError
from shiftboss.jobs import TRACK, Gate

RETRIES = 25
NAME_LIMIT = 128


class OptionNames(TypedDict, total=False):
    """The keyword arguments of `job`, of ``class ...(Job)`` and of ``.set()``; see `JobOptions`."""

    name: str
    queue: str
    retry: int | bool
    retry_queue: str | None
    dead: bool
    tags: Iterable[str]
    limiter: Gate | None
    track: bool


@dataclass(frozen=True)
class JobOptions:
    """How a job is pushed and what becomes of it when it fails.

    Args:
        name: What payloads call it; empty means ``module.QualName``.
        queue: Where it waits.
        retry: How often a failed run is repeated; True means 25 times, False not at all and not kept either.
        retry_queue: Where repeats wait, if elsewhere.
        dead: Whether it is kept in the dead set when it will not run again.
        tags: Words for people, shown by dashboards.
        limiter: What it runs inside of, such as `limiters.concurrent`. A worker tries without waiting: a job that finds no
            slot goes back for a moment, for up to the limiter's ``wait_timeout``; after that it is over the limit.
        track: Whether it is remembered what becomes of each, so that its id can be a prerequisite of `enqueue_after`. It costs a
            round trip when it is pushed and one when it has ended.

    Raises:
        ConfigError: A value that cannot be right.

    Example:
        >>> JobOptions(queue="critical", retry=5).wire
        {'retry': 5}
    """

    name: str = ""
    queue: str = "default"
    retry: int | bool = RETRIES
    retry_queue: str | None = None
    dead: bool = True
    tags: tuple[str, ...] = ()
    limiter: Gate | None = None
    track: bool = False

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
        return replace(base or cls(), **given)

    @cached_property
    def wire(self) -> Mapping[str, Any]:
        """The options that travel with the job, as Sidekiq spells them. Always the same object."""
        options: dict[str, Any] = {"retry": True if self.retry is True or self.retry == RETRIES else self.retry}
        if self.retry_queue is not None:
            options["retry_queue"] = self.retry_queue
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


_WORD = f"1 to {NAME_LIMIT} characters without spaces or commas"
_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("name", lambda value: value == "" or is_word(value), _WORD),
    ("queue", is_word, _WORD),
    ("retry", lambda value: isinstance(value, int) and value >= 0, "True, False or a number of times, 0 or more"),
    ("retry_queue", lambda value: value is None or is_word(value), f"None or {_WORD}"),
    ("dead", lambda value: isinstance(value, bool), "True or False"),
    ("track", lambda value: isinstance(value, bool), "True or False"),
    (
        "tags",
        lambda value: isinstance(value, tuple) and all(isinstance(tag, str) and tag.isprintable() for tag in value),
        "a list of words",
    ),
    (
        "limiter",
        lambda value: value is None or hasattr(value, "try_acquire"),
        "a limiter, such as limiters.concurrent(...)",
    ),
)

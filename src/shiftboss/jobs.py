"""Jobs as every engine and every feature sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from shiftboss.text import storable

# The option of a message by which a feature says that it wants to hear of the job's end, though it is no callback.
TOLD = "sbt"
# Characters that are kept of an error's message.
FAILURE_LIMIT = 500

# Options of a message: its outcome is remembered; it dies at once, for a job of the batch that is named has died; how often
# in a row it was put back because it was over a limit; how often because it asked for it.
TRACK = "track"
PREREQUISITE_DIED = "prerequisite_died"
OVERRATED = "overrated"
REQUEUES = "requeues"

# What an engine keeps with a message beside its own: the message's place, and its options.
PLACE = "sbm"
OPTIONS = "sbo"


@dataclass(frozen=True, slots=True)
class Member:
    """A job's place in a batch: its bit."""

    bid: str
    position: int


@dataclass(frozen=True, slots=True)
class CallbackOf:
    """Which callback of which batch a job is."""

    bid: str
    event: str
    index: int


def place_to(batch: Member | CallbackOf) -> list[str | int]:
    """A place as it travels with a job."""
    if isinstance(batch, Member):
        return [batch.bid, batch.position]
    return [batch.bid, batch.event, batch.index]


def place_from(value: object) -> Member | CallbackOf | None:
    """The place that a job carries. What is no place is none: options of a message come from anywhere."""
    match value:
        case [str(bid), int(position)]:
            return Member(bid, position)
        case [str(bid), str(event), int(index)]:
            return CallbackOf(bid, event, index)
    return None


@dataclass(frozen=True, slots=True)
class Message:
    """A job on its way.

    Args:
        name: What the engine knows the job by.
        args: Positional arguments, JSON values.
        queue: Where it waits.
        id: Chosen by who pushes it, so that it is known at once and a repeat can be told.
        at: When it is due, as epoch seconds; None means now.
        batch: Its place in a batch, or which callback it is.
        options: What else the engine keeps with it (retry, tags, ...).
        attempt: How often it had failed before this run, where the engine tells.
    """

    name: str
    args: tuple[Any, ...]
    queue: str
    id: str
    at: float | None = None
    batch: Member | CallbackOf | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 0


class Outcome(Enum):
    """How a run ended. The last two mean that it did not count as one."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # will run again
    DIED = "died"  # will not
    RESCHEDULED = "rescheduled"
    INTERRUPTED = "interrupted"


# What counted as a run, as lua/lib/members.lua has it.
RUNS = {Outcome.SUCCEEDED: "s", Outcome.FAILED: "f", Outcome.DIED: "d"}


def failure_of(message: Message, error: BaseException | None, attempt: int) -> str:
    """What a batch keeps of a failed run, as JSON: no more than people need to know what went wrong.

    Args:
        message: The job.
        error: What it raised.
        attempt: How often it had failed before, which tells one failure from the next.
    """
    name, text = ("", "") if error is None else (error_name(error), error_text(error)[:FAILURE_LIMIT])
    kept = {"jid": message.id, "error": name, "message": text, "attempt": attempt}
    return msgspec.json.encode(kept).decode()


def error_name(error: BaseException) -> str:
    """The full name of an error's class; a built-in one's without its module."""
    kind = type(error)
    return storable(kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}")


def error_text(error: BaseException) -> str:
    """What an error says, as text that can be stored."""
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001  a user's __str__ may do anything
        text = f"no message: its __str__ raised {type(second).__name__}"
    return storable(text)


@dataclass(frozen=True, slots=True)
class CurrentJob:
    """The job that is running here.

    Args:
        jid: Its id.
        queue: The queue it came from.
        message: All that is known of it.
        retry_count: How often it has failed before.
    """

    jid: str
    queue: str
    message: Message
    retry_count: int = 0

    @property
    def overrated(self) -> int:
        """How often in a row it was put back because it was over a limit."""
        return int(self.message.options.get(OVERRATED, 0))

    @property
    def requeues(self) -> int:
        """How often it was put back because it called `requeue`."""
        return int(self.message.options.get(REQUEUES, 0))


_current: ContextVar[CurrentJob | None] = ContextVar("shiftboss_job", default=None)


def current_job() -> CurrentJob | None:
    """The job that runs in this thread or task, or None outside of one. No round trip."""
    return _current.get()


@contextmanager
def running(job: CurrentJob) -> Iterator[None]:
    """Make a job the current one for the block."""
    token = _current.set(job)
    try:
        yield
    finally:
        _current.reset(token)

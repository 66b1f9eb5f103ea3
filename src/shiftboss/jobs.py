"""Jobs as every engine and every feature sees them, and what an engine is.

An engine knows no feature and a feature knows no engine: an `Engine` is asked to enqueue messages, an `Extension`
(``shiftboss.extension``) is told what happens to them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from shiftboss.errors import JobError

if TYPE_CHECKING:
    from shiftboss.keys import BatchKeys
    from shiftboss.plan import Plan
    from shiftboss.scripts import Call


# The option of a message by which a feature says that it wants to hear of the job's end, though it is no callback.
TOLD = "sbt"
# Characters that are kept of an error's message.
FAILURE_LIMIT = 500


# Options of a message: its outcome is remembered; and it is to die at once, for a prerequisite of it died (which batch says).
TRACK = "track"
PREREQUISITE_DIED = "prerequisite_died"


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


@dataclass(frozen=True, slots=True)
class Block:
    """What an engine needs to know of a batch to push members in the same script that registers them.

    Args:
        keys: The batch's keys.
        bid: Its id.
        token: Names this flush: the same one sent twice pushes once.
        record: Field and value, alternating, of a batch that is to be created; empty for one that exists.
        ttl: Milliseconds an inactive batch is kept.
        inside: Whether a member or a callback adds, who may do so when others may not any more.
    """

    keys: BatchKeys
    bid: str
    token: str
    record: tuple[str | int, ...]
    ttl: int
    inside: bool


@dataclass(frozen=True, slots=True)
class Reserved:
    """What became of a request for positions: ``ok``, or why not (``missing``, ``closed``), and what it set off."""

    status: str
    base: int = 0
    items: tuple[str, ...] = ()


class NotPublished(JobError):
    """An engine that publishes messages one by one could not publish some. The cause is the engine's own error.

    Args:
        message: What happened, in words.
        ids: The messages that were not published; all others of the same `Engine.enqueue` were.
    """

    def __init__(self, message: str, ids: Sequence[str] = ()) -> None:
        super().__init__(message, tuple(ids))
        self.ids = frozenset(ids)

    def __str__(self) -> str:
        return str(self.args[0])


# The name of the built-in engine.
BUILT_IN = "sidekiq"


class Engine(Protocol):
    """What runs jobs. Implemented by each adapter and by the built-in worker's client side.

    `name` is the same in every process: a batch keeps it, so that nobody else's engine is given its callbacks. `joins_batches` says that it settles members itself, in the script that acknowledges the job; then it has `flush`
    and `hand_over` too (see `JoiningEngine`).
    """

    @property
    def name(self) -> str: ...

    @property
    def joins_batches(self) -> bool: ...

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Publish messages, those with `at` for later.

        Raises:
            NotPublished: Those that it names were not; batches give their places up. After any other error nobody knows.
        """


@runtime_checkable
class JoiningEngine(Engine, Protocol):
    """An engine whose queues live beside the batches, so that one script can change both."""

    def flush(self, messages: Sequence[Message], block: Block) -> Call[Reserved]:
        """Register members (without `batch` yet) and push them, in one script; at most 1,000."""

    def enqueue_members(self, messages: Sequence[Message], bid: str, base: int) -> Plan[None]:
        """As `enqueue`, of messages without `batch` that take the places of a batch from `base` on."""

    def hand_over(self, message: Message, out: str, item: str) -> Call[bool]:
        """Push a message and strike its outbox item off, in one script; False if somebody already did."""


@dataclass(frozen=True, slots=True)
class KnownJob:
    """What an engine knows of a job by its name.

    Args:
        queue: Where it waits, unless said otherwise.
        options: What its messages carry, unless said otherwise.
        problem: Why it cannot be enqueued without arguments; empty if it can.
    """

    queue: str
    options: Mapping[str, Any]
    problem: str = ""

    @classmethod
    def of(cls, name: str, function: Callable[..., Any], queue: str) -> KnownJob:
        """What a function tells of the job that it is."""
        try:
            signature(function).bind()
        except TypeError as error:
            return cls(queue, {}, f"{name}() {error}")
        return cls(queue, {})


@runtime_checkable
class KnowingEngine(Engine, Protocol):
    """An engine that knows jobs by name in this process."""

    def known(self, name: str) -> KnownJob | None:
        """What it knows of a job; None if nothing that was imported here defines it."""


@runtime_checkable
class TracingEngine(Engine, Protocol):
    """An engine that can say where jobs are."""

    def whereabouts(self, bids: frozenset[str]) -> Plan[dict[str, set[int]]]:
        """The positions of all members of some batches whose job waits, runs, or is kept among the dead."""


def joining(engine: Engine) -> JoiningEngine | None:
    """The engine, if one script can change its queues and batches together here."""
    return engine if engine.joins_batches and isinstance(engine, JoiningEngine) else None


class Slot(Protocol):
    """Leave to run, until it is given back."""

    def release(self) -> bool:
        """Give it back."""

    async def arelease(self) -> bool:
        """As `release`, for coroutines."""


class Gate(Protocol):
    """What lets a job run or not: a limiter, to an engine.

    `wait_timeout` is for how many seconds after its first try a job is put back before being refused counts as `OverLimit`.
    """

    @property
    def name(self) -> str: ...

    @property
    def wait_timeout(self) -> float: ...

    def try_acquire(self) -> Slot | None:
        """Leave to run now, or None."""

    async def atry_acquire(self) -> Slot | None:
        """As `try_acquire`, for coroutines."""


def failure_of(message: Message, error: BaseException | None, attempt: int) -> str:
    """What a batch keeps of a failed run, as JSON: no more than people need to know what went wrong.

    Args:
        message: The job.
        error: What it raised.
        attempt: How often it had failed before, which tells one failure from the next.
    """
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001  a user's __str__ may do anything
        text = f"no message: its __str__ raised {type(second).__name__}"
    text = text.encode("utf-8", "replace").decode()[:FAILURE_LIMIT]
    kept = {"jid": message.id, "error": name if error else "", "message": text if error else "", "attempt": attempt}
    return msgspec.json.encode(kept).decode()


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
        return int(self.message.options.get("overrated", 0))

    @property
    def requeues(self) -> int:
        """How often it was put back because it called `requeue`."""
        return int(self.message.options.get("requeues", 0))


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


ANY = "*"
_trusted: set[str] = set()


def trust(module: str) -> None:
    """Let callbacks be called that live in this module's top-level package. Importing a job from it, and a worker's
    ``--require``, do so: a string in Redis can name only code that was chosen at start-up.
    """
    _trusted.add(module.partition(".")[0])


def trust_any() -> None:
    """Let callbacks be called of whatever module, which is imported for them: for an engine that imports what a job names."""
    _trusted.add(ANY)


def is_trusted(module: str) -> bool:
    """Whether callbacks of this module may be called here."""
    return (module in sys.modules and module.partition(".")[0] in _trusted) or ANY in _trusted

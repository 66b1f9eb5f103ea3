"""What an engine is to the features.

An engine knows no feature and a feature knows no engine: an `Engine` is asked to enqueue messages, an `Extension`
(``shiftboss.extension``) is told what happens to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from shiftboss.errors import JobError

if TYPE_CHECKING:
    from shiftboss.jobs import Message
    from shiftboss.keys import BatchKeys
    from shiftboss.plan import Plan
    from shiftboss.scripts import Call

# The name of the built-in engine.
BUILT_IN = "sidekiq"


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


class Engine(Protocol):
    """What runs jobs. Implemented by each adapter and by the built-in worker's client side.

    `name` is the same in every process: a batch keeps it, so that nobody else's engine is given its callbacks.
    `joins_batches` says that the engine settles members itself, in the script that acknowledges the job; it then is a
    `JoiningEngine`.
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

    def enter(self) -> Slot:
        """Leave to run now; else `OverLimit`, with when there may be some."""

    async def aenter(self) -> Slot:
        """As `enter`, for coroutines."""

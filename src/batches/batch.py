"""`Batch`: a set of jobs that is counted, and what to do when it comes to something."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from datetime import timedelta
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from shiftboss import events, jobs
from shiftboss.client import Shiftboss
from shiftboss.errors import BatchError, BatchNotFound, ConfigError
from shiftboss.keys import shard_of
from shiftboss.plan import Plan

from .bids import is_bid, new_bid
from .block import JobsBlock, current_block
from .callbacks import EVENTS, Callback, callback_of, check_event
from .definition import check_description, check_flag, check_queue, check_tags, record_of, to_milliseconds
from .handle import BatchHandle
from .hold import Hold

P = ParamSpec("P")
R = TypeVar("R")
DAY = timedelta(days=1)
# Stands for "the batch whose block this is made in".
AROUND: Any = object()


class Batch(BatchHandle):
    """A batch. Making one costs nothing; Redis hears of it when its first block ends.

    Args:
        description: What people see it by, at most 10 kB.
        tags: Words to find it by.
        callback_queue: Where its callbacks go; default the queue of the job that brought the event about.
        results: Whether it keeps what its members `report`.
        expires_in: How long it is kept without activity; default 30 days.
        linger: How long it is kept after it succeeded, at least 60 seconds; default 1 day.
        parent: Whose child it is; default the batch whose block it is made in, if any. None makes it nobody's.
        client: Whose Redis and engine; default the parent's, else the current client. A batch of another client than that of the
            block is nobody's.

    Raises:
        ConfigError: A value that cannot be right; a parent of another client.

    Example:
        >>> from shiftboss import Shiftboss
        >>> with Shiftboss("fake://"):
        ...     batch = Batch(description="Nothing to do")
        ...     with batch.jobs():
        ...         pass
        ...     batch.status().state
        'succeeded'
    """

    def __init__(
        self,
        *,
        description: str = "",
        tags: Iterable[str] = (),
        callback_queue: str | None = None,
        results: bool = False,
        expires_in: timedelta | float = 30 * DAY,
        linger: timedelta | float = DAY,
        parent: Batch | None = AROUND,
        client: Shiftboss | None = None,
    ) -> None:
        self.born_in, self.parent = _family(parent, client)
        bid = new_bid(shard_of(self.parent.bid) if self.parent else None)
        super().__init__(bid, client or (self.parent.client if self.parent else None), known=False)
        self.description = check_description(description)
        self.tags = check_tags(tags)
        self.callback_queue = check_queue(callback_queue)
        self.keeps_results = check_flag("results", results)
        self.ttl = to_milliseconds("expires_in", expires_in)
        self.linger = to_milliseconds("linger", linger)
        self._callbacks: dict[str, list[Callback]] = {event: [] for event in EVENTS}
        # While ``with Batch() as batch`` holds it open, from its first block on.
        self.hold: Hold | None = None
        self._resumes = False

    def on(self, event: str, target: object, options: dict[str, Any] | None = None, *, check: bool = True) -> Self:
        """Call something back when an event happens. Any number for each event; each is a job of its own.

        Args:
            event: ``complete`` (every job has run at least once), ``success`` (every job succeeded), ``death`` (the
                first job died) or ``finished`` (every job succeeded or died).
            target: ``"module:Class"`` (its ``on_<event>``), ``"module:Class.method"``, ``"module:function"``, such an object
                itself, or a job; called with a `Status` and the options, a job with the batch's id and the options. A job with
                arguments of its own is ``job.call(...)``.
            options: A JSON object.
            check: Whether a name must be importable here.

        Returns:
            The batch itself. No round trip.

        Raises:
            ConfigError: An unknown event, something that cannot be found by name, a class without the event's method, or options
                that are not JSON.
            BatchError: The batch was flushed before.
        """
        check_event(event)
        callback = callback_of(event, target, {} if options is None else options, self.bid, check=check)
        if self._known:
            raise BatchError(f"batch {self.bid} was flushed already; add callbacks before its first jobs block")
        self._callbacks[event].append(callback)
        return self

    def jobs(self, *, autoflush: int | None = None) -> JobsBlock:
        """A block: jobs that are pushed inside become members, and are pushed when it ends, all or nothing.

        For ``with`` and ``async with``. An exception inside pushes nothing. Up to 1,000 jobs cost one round trip.

        Args:
            autoflush: Push whenever so many jobs have come together, for bounded memory; then an exception leaves what
                was pushed, in a batch that is marked broken.

        Raises:
            BatchNotFound, BatchClosed: At its end, where the batch takes no more jobs.
        """
        return JobsBlock(self, autoflush)

    @classmethod
    def open(cls, bid: str, *, client: Shiftboss | None = None) -> Self:
        """The batch of that id. One round trip.

        Raises:
            BatchNotFound: There is none, or it has expired.
        """
        batch = cls.known(bid, client=client)
        return batch.client.perform(batch._check_exists())

    @classmethod
    async def aopen(cls, bid: str, *, client: Shiftboss | None = None) -> Self:
        """As `open`, for coroutines."""
        batch = cls.known(bid, client=client)
        return await batch.client.aperform(batch._check_exists())

    @classmethod
    def known(cls, bid: str, *, client: Shiftboss | None = None) -> Self:
        """The batch of an id that is known to be one. No round trip.

        Raises:
            BatchNotFound: It is no batch's id.
        """
        if not is_bid(bid):
            raise BatchNotFound(
                f"no batch {str(bid)[:40]!r}: an id is 16 letters, digits, - or _, beginning with two hex digits"
            )
        batch = cls(parent=None, client=client)
        batch.bid, batch._known = bid, True
        return batch

    @classmethod
    def resume(cls, bid: str, *, client: Shiftboss | None = None) -> Self:
        """A batch that is broken, to go on with it: ``with Batch.resume(bid) as batch`` opens it again, and what had been
        added before, in the order in which it came, is ``batch.status().total``. No round trip before its first block.

        Raises:
            BatchNotFound: It is no batch's id; at the first block, there is none.
            BatchClosed: At the first block, that it has finished.
        """
        batch = cls.known(bid, client=client)
        batch._resumes = True
        return batch

    def bind(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function, bound to the block that is open here: for thread pools, whose threads know no context."""
        context = copy_context()

        @wraps(function)
        def bound(*args: P.args, **kwargs: P.kwargs) -> R:
            return context.copy().run(function, *args, **kwargs)

        return bound

    def record(self, queue: str) -> tuple[str | int, ...]:
        """What a new batch is written down as, names and values alternating; nothing for one that is known."""
        if self._known:
            return ()
        return record_of(
            linger=self.linger,
            queue=queue,
            description=self.description,
            tags=self.tags,
            callback_queue=self.callback_queue,
            results=self.keeps_results,
            engine=self.client.engine.name,
            callbacks=self._callbacks,
        )

    @property
    def is_known(self) -> bool:
        """Whether Redis has heard of it."""
        return self._known

    def mark_flushed(self) -> None:
        """Redis has heard of it."""
        if not self._known:
            events.emit("batch.created", bid=self.bid, description=self.description)
        self._known = True

    def open_scope(self) -> Plan[None]:
        """Inside ``with Batch() as batch``: hold it open from its first block on."""
        if self.hold is not None:
            yield from self.hold.open()

    def _close_scope(self, failed: bool) -> Plan[None]:
        hold = self.hold
        if hold is None or not hold.is_mine:
            return
        try:
            if not failed:
                yield from self.open_scope()
        finally:
            self.hold = None
        if hold.is_open:
            yield from hold.abandon() if failed else hold.close()

    def __enter__(self) -> Self:
        """Hold the batch open over any number of blocks; its events fire only after the end.

        An exception leaves what was pushed, in a batch that is marked broken.

        Raises:
            BatchError: It is held open already, by a ``with`` of the same object.
        """
        if self.hold is not None:
            raise BatchError(f"batch {self.bid} is held open already; use its jobs blocks inside the one `with`")
        self.hold = Hold(self, resume=self._resumes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.perform(self._close_scope(error is not None))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aperform(self._close_scope(error is not None))

    def __repr__(self) -> str:
        return f"Batch({self.bid!r}{f', description={self.description!r}' if self.description else ''})"


def _family(parent: Any, client: Shiftboss | None) -> tuple[JobsBlock | None, Batch | None]:
    """The block that a batch is made in, if it becomes a child there, and its parent."""
    around = current_block()
    if parent is AROUND:
        if around is None or client not in (None, around.batch.client):
            return None, None
        return around, around.batch
    if parent is None:
        return None, None
    if not isinstance(parent, Batch):
        raise ConfigError(
            f"expected parent to be a Batch or None, got {parent!r:.200}; Batch.open(id) gives the batch of an id"
        )
    if client not in (None, parent.client):
        raise ConfigError(f"a batch has the client of its parent, {parent!r}; leave client out")
    return (around if around is not None and around.batch is parent else None), parent


def current_batch() -> Batch | None:
    """The batch that the running job is a member or a callback of; None outside of one. No round trip."""
    job = jobs.current_job()
    if job is None or job.message.batch is None:
        return None
    return Batch.known(job.message.batch.bid)

"""``with batch.jobs():``: what is pushed inside belongs to the batch, and is pushed at the end, all or nothing."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Sequence
from contextvars import ContextVar, Token
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shiftboss.engine import Block, JoiningEngine, NotPublished, joining
from shiftboss.errors import BatchClosed, BatchError, ConfigError
from shiftboss.jobs import Member, Message
from shiftboss.outbox import settle
from shiftboss.plan import Plan, deliver

from .cancelling import cancel, undo
from .hold import Hold
from .refusals import check_added
from .tracking import track
from .waiting import Awaited, wait_for

if TYPE_CHECKING:
    from .batch import Batch

AT_ONCE = 1_000
LARGEST = 1_000_000
_current: ContextVar[JobsBlock | None] = ContextVar("shiftboss_batch_block", default=None)


def current_block() -> JobsBlock | None:
    """The innermost open block of this thread or task."""
    return _current.get()


class JobsBlock:
    """An open block. It collects, and pushes when it ends; with `autoflush`, also whenever so many jobs have come together.

    The blocks of child batches, which were made inside, are pushed with it: parent first, children after.

    Args:
        batch: What the jobs become members of.
        autoflush: Jobs to collect at most before pushing; None collects all of them.
    """

    def __init__(self, batch: Batch, autoflush: int | None = None) -> None:
        if autoflush is not None and (type(autoflush) is not int or not 1 <= autoflush <= LARGEST):
            raise ConfigError(f"expected autoflush to be a number of jobs from 1 to {LARGEST:,}, got {autoflush!r}")
        self.batch = batch
        self.ended = False
        self._autoflush = autoflush
        self._ids: list[str] = []
        self._messages: list[Message] = []
        self._awaited: list[Awaited] = []
        self._children: dict[Batch, list[JobsBlock]] = {}
        self._hold = Hold(batch)
        self._pushed = False
        self._flushing = False
        self._ending = threading.Lock()
        self._process = os.getpid()
        self._token: Token[JobsBlock | None] | None = None

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs added so far, in order."""
        return list(self._ids)

    def collect(self, messages: Sequence[Message]) -> Plan[None]:
        """Take jobs in.

        Raises:
            BatchClosed: The block has ended: a thread or task that was started in it came too late. Or this process was forked
                in it, and only the other one will push.
        """
        ids = [message.id for message in messages]
        if self._is_forked():
            raise BatchClosed(
                f"the jobs block of batch {self.batch.bid} is open in the process that this one was forked from; push there, "
                f"or open the batch here once it is pushed: Batch.open({self.batch.bid!r})"
            )
        # Another thread may end the block right now: what comes too late must not be taken for pushed.
        with self._ending:
            if self.ended:
                raise BatchClosed(
                    f"the jobs block of batch {self.batch.bid} has ended; push inside it, or wait for your tasks before its end"
                )
            self._ids += ids
            self._messages += messages
        if self._autoflush is None:
            if len(self._messages) > LARGEST:
                raise BatchError(f"a block takes at most {LARGEST:,} jobs; use batch.jobs(autoflush=10_000) for more")
            return
        if self._flushing:
            return
        self._flushing = True
        try:
            while len(self._messages) >= self._autoflush:
                taken, self._messages = self._messages[: self._autoflush], self._messages[self._autoflush :]
                hold, self._pushed = (yield from self.hold_open()), True
                yield from self._push(hold, taken)
        finally:
            self._flushing = False

    def wait_for(self, awaited: Sequence[Awaited]) -> None:
        """Have the batch wait for others too."""
        self._awaited += awaited

    def hold_open(self) -> Plan[Hold]:
        """Hold the batch open until this block ends, if nothing does yet."""
        hold = self._hold if self._hold.is_open or self.batch.hold is None else self.batch.hold
        yield from hold.open(self._messages[0].queue if self._messages else "")
        return hold

    def _is_forked(self) -> bool:
        """Whether this is a copy, in a process that was forked while the block was open."""
        return os.getpid() != self._process

    def _close(self) -> None:
        with self._ending:
            self.ended = True

    def _end(self) -> Plan[None]:
        if self._is_forked():
            return
        self._close()
        outer = self.batch.born_in
        if outer is not None and not outer.ended and not self._is_held():
            outer._children.setdefault(self.batch, []).append(self)
            return
        engine = joining(self.batch.client.engine)
        plain = not self._hold.is_open and self.batch.parent is None and not (self._children or self._awaited)
        if engine is not None and plain and len(self._messages) <= AT_ONCE:
            yield from self._push_at_once(engine)
            return
        known, held = self.batch.is_known, self._hold.is_open
        hold = yield from self.hold_open()
        try:
            yield from self._flush(hold)
        except NotPublished:
            # Their places were given up, so that whoever else holds the batch open may go on.
            if hold is self._hold and not held and not self._children:
                yield from undo(hold, known)
            elif hold is self._hold:
                hold.let_go()
            raise
        except BaseException:
            hold.let_go()
            raise
        if hold is self._hold:
            yield from hold.close()

    def _fail(self) -> Plan[None]:
        """An exception left the block: nothing is pushed. What autoflush pushed before stays, in a broken batch."""
        if self._is_forked():
            return
        self._close()
        if self._hold.is_open:
            yield from self._hold.abandon()
        elif self._pushed and self.batch.hold is not None:
            yield from self.batch.hold.abandon()

    def _is_held(self) -> bool:
        """Whether the batch is open in Redis already."""
        return self._hold.is_open or self.batch.hold is not None

    def _push_at_once(self, engine: JoiningEngine) -> Plan[None]:
        batch, messages = self.batch, self._messages
        record = batch.record(messages[0].queue if messages else "")
        yield from track(batch.client, messages)
        inside = yield from batch.is_inside()
        block = Block(batch.keys, batch.bid, secrets.token_hex(8), record, batch.ttl, inside)
        sent = yield from deliver(engine.flush(messages, block))
        check_added(batch.bid, sent.result.status)
        batch.mark_flushed()
        yield from settle(batch.client, batch.keys.out, sent.result.items, resent=sent.resent)

    def _flush(self, hold: Hold) -> Plan[None]:
        yield from self._push(hold, self._messages)
        yield from wait_for(self.batch, hold, self._awaited)
        for child, blocks in self._children.items():
            child_hold = Hold(child)
            yield from child_hold.open(next((b._messages[0].queue for b in blocks if b._messages), ""))
            try:
                for block in blocks:
                    yield from block._flush(child_hold)
            except BaseException:
                child_hold.let_go()
                raise
            yield from child_hold.close()

    def _push(self, hold: Hold, messages: Sequence[Message]) -> Plan[None]:
        if not messages:
            return
        yield from track(self.batch.client, messages)
        base, bid = (yield from hold.reserve(len(messages))), self.batch.bid
        engine = joining(self.batch.client.engine)
        if engine is not None:
            yield from engine.enqueue_members(messages, bid, base)
            return
        members = [replace(message, batch=Member(bid, base + i)) for i, message in enumerate(messages)]
        try:
            yield from self.batch.client.engine.enqueue(members)
        except NotPublished as error:
            yield from cancel(self.batch, [base + i for i, message in enumerate(members) if message.id in error.ids])
            raise

    def _enter(self) -> Self:
        if self._token is not None or self.ended:
            raise BatchError("a jobs block is entered once; call batch.jobs() again for another")
        self._token = _current.set(self)
        self.batch.client.__enter__()
        return self

    def _leave(self) -> None:
        self.batch.client.__exit__()
        if self._token is not None:
            _current.reset(self._token)

    def __enter__(self) -> Self:
        self.batch.client.perform(self.batch.open_scope())
        return self._enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        self.batch.client.perform(self._end() if error is None else self._fail())

    async def __aenter__(self) -> Self:
        await self.batch.client.aperform(self.batch.open_scope())
        return self._enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        await self.batch.client.aperform(self._end() if error is None else self._fail())

"""``with batch.jobs():``: what is pushed inside belongs to the batch, and is pushed at the end, all or nothing."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextvars import ContextVar, Token
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shiftboss.errors import BatchClosed, BatchError, ConfigError
from shiftboss.jobs import Block, JoiningEngine, Member, Message, joining
from shiftboss.outbox import settle
from shiftboss.plan import Plan, deliver

from .hold import Hold
from .refusals import check_added

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

    Args:
        batch: What the jobs become members of.
        autoflush: Jobs to collect at most before pushing; None collects all of them.
    """

    def __init__(self, batch: Batch, autoflush: int | None = None) -> None:
        if autoflush is not None and (not isinstance(autoflush, int) or not 1 <= autoflush <= LARGEST):
            raise ConfigError(f"expected autoflush to be a number of jobs from 1 to {LARGEST:,}, got {autoflush!r}")
        self.batch = batch
        self._autoflush = autoflush
        self._ids: list[str] = []
        self._messages: list[Message] = []
        self._hold: Hold | None = None
        self._flushing = self._ended = False
        self._token: Token[JobsBlock | None] | None = None

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs added so far, in order."""
        return list(self._ids)

    def collect(self, messages: Sequence[Message]) -> Plan[None]:
        """Take jobs in.

        Raises:
            BatchClosed: The block has ended; a thread or task that was started in it came too late.
        """
        if self._ended:
            raise BatchClosed(
                f"the jobs block of batch {self.batch.bid} has ended; push inside it, or wait for your tasks before its end"
            )
        self._ids += [message.id for message in messages]
        self._messages += messages
        if self._autoflush is None:
            if len(self._messages) > LARGEST:
                raise BatchError(
                    f"a jobs block takes at most {LARGEST:,} jobs; use batch.jobs(autoflush=10_000) for more"
                )
            return
        if self._flushing:
            return
        self._flushing = True
        try:
            while len(self._messages) >= self._autoflush:
                taken, self._messages = self._messages[: self._autoflush], self._messages[self._autoflush :]
                yield from self._push_in_steps(taken)
        finally:
            self._flushing = False

    def _end(self) -> Plan[None]:
        self._ended = True
        batch, messages = self.batch, self._messages
        engine = joining(batch.client.engine)
        if self._hold is None and engine is not None and len(messages) <= AT_ONCE:
            yield from self._push_at_once(engine, messages)
            return
        yield from self._push_in_steps(messages)
        hold = self._hold
        if hold is not None:
            self._hold = None
            yield from hold.close()

    def _fail(self) -> Plan[None]:
        """An exception left the block: nothing is pushed. What autoflush pushed before stays, in a broken batch."""
        self._ended = True
        hold, self._hold = self._hold, None
        if hold is not None:
            yield from hold.abandon()

    def _push_at_once(self, engine: JoiningEngine, messages: Sequence[Message]) -> Plan[None]:
        batch = self.batch
        queue = messages[0].queue if messages else ""
        block = Block(batch.keys, batch.bid, secrets.token_hex(8), batch.record(queue), batch.ttl, batch.is_inside())
        sent = yield from deliver(engine.flush(messages, block))
        check_added(batch.bid, sent.result.status)
        batch.mark_flushed()
        yield from settle(batch.client, batch.keys.out, sent.result.items, resent=sent.resent)

    def _push_in_steps(self, messages: Sequence[Message]) -> Plan[None]:
        batch = self.batch
        hold = self._hold or batch.hold
        if hold is None:
            self._hold = hold = yield from Hold.open(batch, messages[0].queue if messages else "")
        if not messages:
            return
        base = yield from hold.reserve(len(messages))
        members = [replace(message, batch=Member(batch.bid, base + i)) for i, message in enumerate(messages)]
        yield from batch.client.engine.enqueue(members)

    def _enter(self) -> Self:
        if self._token is not None or self._ended:
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

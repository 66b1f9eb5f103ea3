"""`AsyncLane`: one node's one connection in an event loop, shared by all calls to it."""

from __future__ import annotations

import asyncio
import math
import select
from functools import partial
from typing import Any

from redis.exceptions import BusyLoadingError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shiftboss.scripts import Call
from shiftboss.store.apart import without_limits
from shiftboss.store.lane import as_redis_error, pack, untraced
from shiftboss.store.line import AsyncLine
from shiftboss.store.nodes import Maker
from shiftboss.store.policy import Attempts
from shiftboss.store.replies import LATE, Replies

# So many commands of one round of the event loop go out in one piece; more would leave the server without work meanwhile.
TOGETHER = 16


class AsyncLane:
    """The one connection to a node: commands in the order they come, replies in the same order."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.reached = False
        self.connection: Any = None
        self._transport: asyncio.WriteTransport | None = None  # fakeredis' connections have none to speak of
        self.lines: list[AsyncLine] = []  # idle ones, for calls that block
        self._replies = Replies()
        self._corked: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: asyncio.Task[None] | None = None  # one for all who wait; a lock would keep the event loop alive

    def ready(self) -> bool:
        """Whether a command can be written now. A connection that was lost is left to its reader, which may not know yet."""
        if self._transport is not None and self._transport.is_closing():
            self._leave()
        return self.connection is not None

    def begin(self, call: Call[Any], attempts: Attempts) -> asyncio.Future[Any]:
        """Write a command; its reply will be the future's result. Not a coroutine: nothing may come between the two."""
        connection, replies = self.connection, self._replies
        packed = pack([(call, attempts)])
        if attempts.redirect is not None:
            replies.expect(attempts.deadline)
        reply = replies.expect(attempts.deadline)
        if len(replies) == 1:
            # Never on a transport that is closing: CPython 3.12's would leave the selector with a file that is gone.
            connection._writer.writelines(packed)
        else:
            # Others are under way: what comes in this round of the loop goes out together.
            if not self._corked:
                asyncio.get_running_loop().call_soon(self._uncork, connection, self._corked)
            self._corked += packed
            if len(self._corked) >= TOGETHER:
                self._uncork(connection, self._corked)
        return reply

    def _uncork(self, connection: Any, corked: list[bytes]) -> None:
        """Write what was kept back, unless the connection was lost meanwhile; whoever waits for a reply is told by others."""
        packed = list(corked)
        corked.clear()
        transport = getattr(connection._writer, "transport", None)
        if packed and connection._writer is not None and not (transport is not None and transport.is_closing()):
            connection._writer.writelines(packed)

    async def open_and_begin(self, call: Call[Any], attempts: Attempts) -> asyncio.Future[Any]:
        """As `begin`, on a connection that has to be made first."""
        opening = self._opening
        if opening is None:
            opening = self._opening = asyncio.create_task(self._open(), name="shiftboss-store-open")
            opening.add_done_callback(self._opened)
        await asyncio.wait([opening], timeout=attempts.left)
        if not opening.done():
            raise RedisTimeoutError("Timeout connecting to server")
        if not opening.cancelled() and (error := opening.exception()):
            raise error
        if not self.ready():
            raise RedisConnectionError("the connection was closed")
        return self.begin(call, attempts)

    async def reply(self, reply: asyncio.Future[Any]) -> Any:
        """Wait for a reply until its deadline."""
        outcome = await reply
        if outcome is LATE:
            raise RedisTimeoutError("Timeout reading from the server")
        if isinstance(outcome, Exception):
            try:
                raise untraced(outcome)
            finally:
                del outcome, reply  # else they would hold this frame, which holds them
        return outcome

    async def close(self) -> None:
        """Drop the connection; whoever waits for a reply gets a connection error."""
        while self.lines:
            await self.lines.pop().close()
        connection, replies, transport = self.connection, self._replies, self._transport
        self._leave()
        if transport is not None:
            transport.abort()  # what it has not sent yet, a frozen server would never take
        tasks = [*self._tasks, *([self._opening] if self._opening else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if connection is not None:
            # A reader that was cancelled before its first step has done none of this.
            await connection.disconnect(nowait=True)
            replies.end(RedisConnectionError("the connection was closed"))

    async def close_if_gone(self) -> None:
        """Notice that an idle connection was closed at the other end, before a call is lost on it that cannot be resent."""
        if self.connection is not None and not self._replies and is_gone(self.connection):
            await self.close()

    def retire(self, connection: Any) -> None:
        """Make the next call open a fresh connection; this one still hands out the replies that are due on it."""
        if connection is None or connection is not self.connection:
            return
        if not self._replies:
            connection._writer.close()  # its reader sees that and ends
        self._leave()

    def _give_up(self, connection: Any, transport: asyncio.WriteTransport | None) -> None:
        """Drop a connection on which nothing comes any more: its reader notices, and tells whoever still waits on it."""
        if connection is self.connection:
            self._leave()
            lines, self.lines = self.lines, []
            for line in lines:
                self._keep(asyncio.create_task(line.close(), name="shiftboss-store-close"))
        if transport is not None:
            transport.abort()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _leave(self) -> None:
        self.connection, self._transport, self._replies, self._corked = None, None, Replies(), []

    async def _open(self) -> None:
        connection = without_limits(self.maker.make())
        try:
            async with asyncio.timeout(self.maker.options["socket_timeout"]):
                await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await self.maker.aclose()  # sentinels are asked once in a while; nothing stays open behind a loop that ends
        self.reached = True
        self.connection = connection
        transport = getattr(connection._writer, "transport", None)
        self._transport = transport if hasattr(transport, "abort") else None
        self._replies.on_silence = partial(self._give_up, connection, self._transport)
        self._keep(asyncio.create_task(self._read(connection, self._replies), name="shiftboss-store"))

    def _opened(self, opening: asyncio.Task[None]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # seen, even if all who waited for it have gone

    async def _read(self, connection: Any, replies: Replies) -> None:
        error: Exception = RedisConnectionError("the connection was closed")
        try:
            while replies or self.connection is connection:
                try:
                    outcome = await connection.read_response(disable_decoding=True, timeout=math.inf)
                except ResponseError as refusal:
                    outcome = refusal
                replies.hand_out(outcome)
        except BusyLoadingError as refusal:
            # An answer, though redis-py closes the connection on it: what was sent after it may well run.
            error = RedisConnectionError(f"the connection was closed: {refusal}")
            if replies:
                replies.hand_out(refusal)
        except (OSError, RedisError) as lost:
            error = as_redis_error(lost)
        finally:
            if self.connection is connection:
                self._leave()
            await connection.disconnect(nowait=True)
            replies.end(error)


_GONE = getattr(select, "POLLHUP", 0) | getattr(select, "POLLERR", 0) | getattr(select, "POLLRDHUP", 0)


def is_gone(connection: Any) -> bool:
    """Whether the other end has closed it, which the event loop may not have had a chance to see yet."""
    writer = connection._writer
    if not _GONE or not hasattr(writer, "get_extra_info"):  # Windows; fakeredis
        return False
    file = writer.get_extra_info("socket")
    if file is None or file.fileno() < 0:  # the loop has seen it, the connection's reader has not
        return True
    poll = select.poll()
    poll.register(file, _GONE)
    return any(seen & _GONE for _, seen in poll.poll(0))

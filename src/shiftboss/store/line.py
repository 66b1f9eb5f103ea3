"""A connection of one's own, for commands that block and for hearing what is published."""

from __future__ import annotations

import asyncio
import math
from typing import Any, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shiftboss.scripts import Call
from shiftboss.store.apart import apart, without_limits

T = TypeVar("T")
# A server answers a blocking command a little after its time is over; only then is it silent.
GRACE = 1.0


class Line:
    """One connection, used by one thread. Nothing on it is ever sent twice: a blocking move that lost its reply may have
    moved something, and only its owner knows how to find out.
    """

    def __init__(self, connection: Any, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._closed = False

    def run(self, call: Call[T], wait: float = 0.0) -> T:
        """Run a call that may block for `wait` seconds. One round trip.

        Raises:
            redis.RedisError: Whatever happened; the connection is made anew at the next call.
        """
        self.check_open()
        connection = self._connection
        try:
            if not connection.is_connected:
                connection.connect()
            connection.send_command(*call.words(whole=True), check_health=False)
            # Closed in between, it was connected again just now, and nobody would end the wait.
            self.check_open()
            reply = connection.read_response(disable_decoding=True, timeout=wait + GRACE + self._timeout)
        except BaseException:
            connection.disconnect()
            raise
        return call.decode(reply)

    def check_open(self) -> None:
        if self._closed:
            raise RedisConnectionError("this connection was closed")

    def close(self) -> None:
        """Close it. From another thread this ends a wait at once, with a `redis.ConnectionError`."""
        self._closed = True
        self._connection.disconnect()


class Subscription:
    """What is published on one channel."""

    def __init__(self, line: Line, channel: str) -> None:
        self._line = line
        self._connection = line._connection
        self._connection.connect()
        self._connection.send_command("SUBSCRIBE", channel)
        self._connection.read_response(disable_decoding=True)

    def wait(self, seconds: float) -> bytes | None:
        """The next message, or None after that many seconds.

        Raises:
            redis.RedisError: The connection is gone; what was published since may be lost.
        """
        if not self._connection.is_connected:  # redis-py would connect again, without subscribing
            raise RedisConnectionError("this subscription has lost its connection")
        try:
            if not self._connection.can_read(seconds):
                return None
            _, _, message = self._connection.read_response(disable_decoding=True)
        except (AttributeError, TypeError, ValueError):
            self._line.check_open()  # redis-py stumbles over a connection that another thread has closed
            raise
        return bytes(message)

    def close(self) -> None:
        """Close it. From another thread this ends a wait at once, with a `redis.ConnectionError`."""
        self._line.close()


class AsyncLine:
    """The asyncio twin of `Line`, used by one task."""

    def __init__(self, connection: Any, timeout: float) -> None:
        self._connection = without_limits(connection)
        self._timeout = timeout
        self._closed = False

    async def run(self, call: Call[T], wait: float = 0.0) -> T:
        """Run a call that may block for `wait` seconds. One round trip. See `Line.run`."""
        connection = self._connection
        try:
            async with asyncio.timeout(wait + GRACE + self._timeout):
                await self.connect()
                await connection.send_command(*call.words(whole=True), check_health=False)
                reply = await connection.read_response(disable_decoding=True, timeout=math.inf)
        except TimeoutError:
            await connection.disconnect(nowait=True)
            raise RedisTimeoutError("Timeout reading from the server") from None
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return call.decode(reply)

    async def connect(self) -> None:
        """Connect, unless it is. Closed meanwhile, it does not stay open: nobody would close it."""
        if not (self._closed or self._connection.is_connected):
            await apart(self._connection.connect())
        if self._closed:
            await self._connection.disconnect(nowait=True)
            raise RedisConnectionError("this connection was closed")

    async def close(self) -> None:
        """Close it. A task that waits gets a `redis.ConnectionError` at once."""
        self._closed = True
        await self._connection.disconnect(nowait=True)


class AsyncSubscription:
    """The asyncio twin of `Subscription`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def on(cls, line: AsyncLine, channel: str) -> AsyncSubscription:
        connection = line._connection
        try:
            async with asyncio.timeout(line._timeout):
                await line.connect()
                await connection.send_command("SUBSCRIBE", channel)
                await connection.read_response(disable_decoding=True)
        except TimeoutError:
            await connection.disconnect(nowait=True)
            raise RedisTimeoutError("Timeout reading from the server") from None
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return cls(connection)

    async def wait(self, seconds: float) -> bytes | None:
        """The next message, or None after that many seconds. See `Subscription.wait`."""
        received = await self._connection.read_response(disable_decoding=True, timeout=seconds)
        return None if received is None else bytes(received[2])

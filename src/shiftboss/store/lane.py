"""`Lane`: one node's connections for threads, and what one exchange on them comes to."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hiredis import pack_command
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shiftboss.scripts import Call
from shiftboss.store.nodes import Maker
from shiftboss.store.policy import Attempts


@dataclass(frozen=True, slots=True)
class Failure:
    """An error instead of a reply, and whether the server may have seen the command."""

    error: Exception
    sent: bool


class Lane:
    """The connections to one node: taken by one call at a time, kept for the next."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.reached = False
        self._idle: deque[Any] = deque()
        self._pid = os.getpid()

    def exchange(self, batch: Sequence[tuple[Call[Any], Attempts]]) -> list[Any]:
        """Send commands together and read their replies; a `Failure` stands where one has none."""
        connection = self._take()
        sent = False
        outcomes: list[Any] = []
        try:
            if not connection.is_connected:
                connection.socket_timeout = connection.socket_connect_timeout = batch[0][1].left
                connection.connect()
                self.reached = True
            elif not all(attempts.resend for _, attempts in batch) and connection.can_read(0):
                raise ConnectionResetError("the server has closed this connection")
            packed = pack(batch)
            limit = set_limit(connection, batch[0][1].left)
            sent = True
            connection.send_packed_command(packed, check_health=False)
            for _, attempts in batch:
                if attempts.redirect is not None:
                    connection.read_response(disable_decoding=True, **limit)
                try:
                    outcomes.append(connection.read_response(disable_decoding=True, **limit))
                except ResponseError as error:
                    outcomes.append(Failure(untraced(error), sent=False))
        except BaseException as error:
            connection.disconnect()
            if not isinstance(error, Exception):
                raise
            lost = untraced(as_redis_error(error))
            if isinstance(lost, BusyLoadingError):
                # An answer, though redis-py closes the connection on it: what was sent after it may well run.
                outcomes.append(Failure(lost, sent=False))
                lost = RedisConnectionError(f"the connection was closed: {lost}")
            outcomes.extend([Failure(lost, sent)] * (len(batch) - len(outcomes)))
            return outcomes
        self._give(connection)
        return outcomes

    def drop(self) -> None:
        """Close the idle connections, so that the next call makes a fresh one."""
        while self._idle:
            try:
                self._idle.pop().disconnect()
            except IndexError:
                return

    def _take(self) -> Any:
        if self._pid != os.getpid():
            # A forked child must neither use nor shut down its parent's sockets.
            self._idle, self._pid = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self.maker.make()

    def _give(self, connection: Any) -> None:
        if self._pid == os.getpid():
            self._idle.append(connection)


def set_limit(connection: Any, seconds: float) -> dict[str, float]:
    """Make reads and writes fail after about so many seconds; returns what `read_response` must be given for that.
    Changing a socket's limit takes two system calls, so one that is nearly right stays.
    """
    if not hasattr(connection._sock, "settimeout"):  # fakeredis'
        return {"timeout": seconds}
    if not seconds * 0.9 <= connection.socket_timeout <= seconds + 0.01:
        connection.socket_timeout = connection._parser._socket_timeout = seconds
        connection._sock.settimeout(seconds)
    return {}


def pack(batch: Sequence[tuple[Call[Any], Attempts]]) -> list[bytes]:
    """The commands as bytes. A node that is still importing the slot takes them after an ASKING, which has a reply too."""
    packed: list[bytes] = []
    for call, attempts in batch:
        if attempts.redirect is not None:
            packed.append(pack_command(("ASKING",)))
        packed.append(pack_command(call.words(whole=attempts.whole)))  # type: ignore[arg-type]  # it is typed as a tuple of one
    return packed


def untraced(error: Exception) -> Exception:
    """The error without the frames that it and its causes came through. They hold what it is kept in, and so everything that
    the callers hold would stay until the next run of the collector, for an error that nobody may ever see.
    """
    one: BaseException | None = error
    while one is not None:
        one.__traceback__ = None
        one = one.__cause__ or one.__context__
    return error


def unreachable(error: RedisClusterException) -> RedisError:
    """What kept redis-py from learning a cluster's slots; its own error is not of the family that callers know."""
    cause = error.__cause__
    return cause if isinstance(cause, AuthenticationError) else RedisConnectionError(str(error))


def as_redis_error(error: Exception) -> Exception:
    """A socket's own error as the redis-py class of it; callers know those."""
    if isinstance(error, TimeoutError):
        return RedisTimeoutError(str(error) or "no answer within the deadline")
    if isinstance(error, OSError):
        return RedisConnectionError(str(error))
    return error

"""`Store`: runs calls on Redis from threads.

Hot calls go over connections of our own, one per thread that is calling at this moment, kept for the next: a third of the
time of redis-py's ``client.evalsha``. A connection is never shared by two calls, and never outlives a fork.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redis.exceptions import RedisClusterException, RedisError, ResponseError

from shiftboss.scripts import Call
from shiftboss.store.line import Line, Subscription
from shiftboss.store.nodes import Maker, SlotMap, is_move, single_node
from shiftboss.store.policy import Attempts
from shiftboss.store.servers import Server

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery(Generic[T]):
    """What a call returned, and whether it had to be sent again.

    After a resend the reply may be that of the second run, and what the first one had to say is lost: who writes
    consequences into an outbox looks there.
    """

    result: T
    resent: bool


class Store:
    """Runs calls on one Redis, from any thread, before and after a fork.

    Args:
        server: Where Redis is; see `shiftboss.store.server_of`.
        timeout: Seconds within which a call is answered or its error raised.

    Example:
        >>> from shiftboss.store import Store, command, server_of
        >>> Store(server_of("fake://doc")).run(command("PING", [], [], bytes.decode))
        'PONG'
    """

    def __init__(self, server: Server, timeout: float = 5.0) -> None:
        self.server = server
        self.timeout = timeout
        self._lanes: dict[str, Lane] = {}
        self._slots: SlotMap | None = None
        self._cluster: Any = None

    def run(self, call: Call[T], timeout: float | None = None) -> T:
        """Run a call and return what it returns. One round trip.

        Args:
            call: What to run.
            timeout: Seconds for this call; default the store's.

        Raises:
            redis.RedisError: Redis' own error, once it is certain that the call cannot be answered in time.
        """
        return self.deliver(call, timeout).result

    def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]:
        """As `run`, and say whether the call had to be sent again."""
        reply, resent = self._send([call], timeout)[0]
        return Delivery(call.decode(reply), resent)

    def run_many(self, calls: Sequence[Call[T]], timeout: float | None = None) -> list[T]:
        """Run independent calls, all those of one node in one round trip. Not a transaction.

        Raises:
            redis.RedisError: The first call's error that cannot be mended; others may have run.
        """
        return [call.decode(reply) for call, (reply, _) in zip(calls, self._send(calls, timeout), strict=True)]

    @contextmanager
    def line(self, key: str) -> Iterator[Line]:
        """A connection of its own to the key's node, for commands that block; never resent, closed at the end."""
        line = Line(self._lane_of(key).maker.make(), self.timeout)
        try:
            yield line
        finally:
            line.close()

    @contextmanager
    def subscribe(self, channel: str) -> Iterator[Subscription]:
        """Hear what is published on a channel, from the moment the block begins."""
        with self.line(channel) as line:
            yield Subscription(line, channel)

    def close(self) -> None:
        """Close idle connections. The store may be used again."""
        for lane in self._lanes.values():
            lane.drop()
        if self._cluster is not None:
            self._cluster.close()
            self._cluster, self._slots = None, None

    def _send(self, calls: Sequence[Call[Any]], timeout: float | None) -> list[tuple[Any, bool]]:
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        replies: list[tuple[Any, bool]] = [(None, False)] * len(calls)
        waiting = {index: Attempts(call.resend, deadline, time.monotonic) for index, call in enumerate(calls)}
        while waiting:
            pause = 0.0
            for lane, indexes in self._by_lane(calls, waiting):
                batch = [(calls[i], waiting[i]) for i in indexes]
                outcomes = lane.exchange(batch)
                for index, outcome in zip(indexes, outcomes, strict=True):
                    attempts = waiting[index]
                    if isinstance(outcome, Failure):
                        attempts.reached = lane.reached
                        pause = max(pause, attempts.after(outcome.error, sent=outcome.sent))
                        self._heal(attempts, lane)
                    else:
                        replies[index] = (outcome, attempts.resent)
                        del waiting[index]
            if pause:
                time.sleep(pause)
        return replies

    def _by_lane(self, calls: Sequence[Call[Any]], waiting: dict[int, Attempts]) -> list[tuple[Lane, list[int]]]:
        if len(waiting) == 1 or self.server.kind != "cluster":
            index = next(iter(waiting))
            return [(self._lane_for(calls[index], waiting[index]), list(waiting))]
        groups: dict[Lane, list[int]] = {}
        for index, attempts in waiting.items():
            groups.setdefault(self._lane_for(calls[index], attempts), []).append(index)
        return list(groups.items())

    def _lane_for(self, call: Call[Any], attempts: Attempts) -> Lane:
        if attempts.redirect is not None and self._slots is not None:
            return self._node_lane(self._slots.redirected(attempts.redirect))
        return self._lane_of(call.keys[0] if call.keys else "")

    def _lane_of(self, key: str) -> Lane:
        if self.server.kind == "cluster":
            return self._node_lane(self._slot_map().node_of(key))
        lane = self._lanes.get("")
        if lane is None:
            lane = self._lanes.setdefault("", Lane(single_node(self.server, self.timeout, asyncio=False)))
        return lane

    def _node_lane(self, node: Any) -> Lane:
        lane = self._lanes.get(node.name)
        if lane is None:
            pool = self._cluster.get_redis_connection(node).connection_pool
            lane = self._lanes.setdefault(node.name, Lane(Maker(pool.connection_class, dict(pool.connection_kwargs), pool)))
        return lane

    def _slot_map(self) -> SlotMap:
        if self._slots is None:
            from redis.cluster import ClusterNode, RedisCluster

            options = self.server.connection_options(self.timeout)
            self._cluster = RedisCluster(startup_nodes=[ClusterNode(*host) for host in self.server.hosts], **options)
            self._slots = SlotMap(self._cluster.nodes_manager)
        return self._slots

    def _heal(self, attempts: Attempts, lane: Lane) -> None:
        if attempts.stale:
            lane.drop()
        if self._slots is None:
            return
        if attempts.redirect is not None and is_move(attempts.redirect):
            self._slots.nodes.move_slot(attempts.redirect)
            attempts.redirect = None
        elif attempts.stale:
            with suppress(RedisError, RedisClusterException):
                self._slots.nodes.initialize()


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
            if not all(attempts.resend for _, attempts in batch) and connection.can_read(0):
                raise ConnectionResetError("the server has closed this connection")
            packed = pack(connection, batch)
            sent = True
            connection.send_packed_command(packed, check_health=False)
            for _, attempts in batch:
                if attempts.redirect is not None:
                    connection.read_response(disable_decoding=True, timeout=attempts.left)
                try:
                    outcomes.append(connection.read_response(disable_decoding=True, timeout=attempts.left))
                except ResponseError as error:
                    outcomes.append(Failure(error, sent=False))
        except BaseException as error:
            connection.disconnect()
            if not isinstance(error, Exception):
                raise
            failure = Failure(as_redis_error(error), sent)
            outcomes.extend([failure] * (len(batch) - len(outcomes)))
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


def pack(connection: Any, batch: Sequence[tuple[Call[Any], Attempts]]) -> list[bytes]:
    """The commands as bytes. A node that is still importing the slot takes them after an ASKING, which has a reply too."""
    packed: list[bytes] = []
    for call, attempts in batch:
        if attempts.redirect is not None:
            packed += connection.pack_command("ASKING")
        packed += connection.pack_command(*call.words(whole=attempts.whole))
    return packed


def as_redis_error(error: Exception) -> Exception:
    """A socket's own error as the redis-py class of it; callers know those."""
    from redis import exceptions

    if isinstance(error, TimeoutError):
        return exceptions.TimeoutError(str(error))
    if isinstance(error, OSError):
        return exceptions.ConnectionError(str(error))
    return error

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

from redis.exceptions import AuthenticationError, BusyLoadingError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from shiftboss.scripts import Call
from shiftboss.store.line import GRACE, Line, Subscription
from shiftboss.store.nodes import Maker, SlotMap, is_move, single_node
from shiftboss.store.policy import Attempts
from shiftboss.store.presence import Presence
from shiftboss.store.servers import Server

T = TypeVar("T")
# Bytes that a socket takes at once even if the server is frozen; more may block, and must not do so beyond the deadline.
FITS_SOCKET = 16_384


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
        self._cluster: tuple[Any, SlotMap] | None = None
        self._presence = Presence()

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

    def block(self, call: Call[T], seconds: float) -> T:
        """Run a call that waits at the server for up to so many seconds. It is never resent.

        Raises:
            redis.RedisError: Whatever happened; the call may have been carried out.
        """
        return self.run(call, seconds + GRACE)

    @property
    def identity(self) -> str:
        """What this process is known by; another one after a fork."""
        return self._presence.identity()

    def appear(self, key: str, prefix: str) -> None:
        """Show on the key's node that this process is there: subscribe to the prefix and its identity.

        Raises:
            redis.RedisError: It cannot be reached.
        """
        lane = self._lane_of(key)
        self._presence.show(lane, lane.maker, prefix, self.timeout)

    def close(self) -> None:
        """Close idle connections. The store may be used again."""
        self._presence.close()
        for lane in self._lanes.values():
            lane.drop()
            lane.maker.close()
        if self._cluster is not None:
            self._cluster[0].close()
            self._cluster = None

    def _send(self, calls: Sequence[Call[Any]], timeout: float | None) -> list[tuple[Any, bool]]:
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        replies: list[tuple[Any, bool]] = [(None, False)] * len(calls)
        waiting = {index: Attempts(call.resend, deadline, time.monotonic) for index, call in enumerate(calls)}
        while waiting:
            pause = 0.0
            for lane, indexes in self._by_lane(calls, waiting):
                if isinstance(lane, Lane):
                    outcomes = lane.exchange([(calls[i], waiting[i]) for i in indexes])
                    reached = lane.reached
                else:
                    outcomes, reached = [Failure(lane, sent=False)], self._cluster is not None
                for index, outcome in zip(indexes, outcomes, strict=True):
                    attempts = waiting[index]
                    if isinstance(outcome, Failure):
                        attempts.reached = reached
                        pause = max(pause, attempts.after(outcome.error, sent=outcome.sent))
                        self._heal(attempts, lane)
                    else:
                        replies[index] = (outcome, attempts.resent)
                        del waiting[index]
            if pause:
                time.sleep(pause)
        return replies

    def _by_lane(
        self, calls: Sequence[Call[Any]], waiting: dict[int, Attempts]
    ) -> list[tuple[Lane | Exception, list[int]]]:
        """Which calls go over which lane, or why none can be found."""
        if self.server.kind != "cluster":
            return [(self._lane_of(""), list(waiting))]
        groups: dict[Lane | Exception, list[int]] = {}
        for index, attempts in waiting.items():
            try:
                lane: Lane | Exception = self._lane_for(calls[index], attempts)
            except (RedisError, OSError) as error:
                lane = as_redis_error(error)
            groups.setdefault(lane, []).append(index)
        return list(groups.items())

    def _lane_for(self, call: Call[Any], attempts: Attempts) -> Lane:
        cluster, slots = self._topology()
        if attempts.redirect is not None:
            return self._node_lane(cluster, slots.redirected(attempts.redirect))
        return self._node_lane(cluster, slots.node_of(call.keys[0] if call.keys else ""))

    def _lane_of(self, key: str) -> Lane:
        if self.server.kind == "cluster":
            cluster, slots = self._topology()
            return self._node_lane(cluster, slots.node_of(key))
        lane = self._lanes.get("")
        if lane is None:
            lane = self._lanes.setdefault("", Lane(single_node(self.server, self.timeout, asyncio=False)))
        return lane

    def _node_lane(self, cluster: Any, node: Any) -> Lane:
        lane = self._lanes.get(node.name)
        if lane is None:
            pool = cluster.get_redis_connection(node).connection_pool
            lane = self._lanes.setdefault(
                node.name, Lane(Maker(pool.connection_class, dict(pool.connection_kwargs), pool))
            )
        return lane

    def _topology(self) -> tuple[Any, SlotMap]:
        if self._cluster is None:
            from redis.cluster import ClusterNode, RedisCluster

            options = self.server.connection_options(self.timeout, asyncio=False)
            nodes = [ClusterNode(*host) for host in self.server.hosts]
            try:
                cluster = RedisCluster(startup_nodes=nodes, **options)
            except RedisClusterException as error:
                raise unreachable(error) from error
            self._cluster = cluster, SlotMap(cluster.nodes_manager)
        return self._cluster

    def _heal(self, attempts: Attempts, lane: Lane | Exception) -> None:
        if attempts.stale and isinstance(lane, Lane):
            lane.drop()
        if self._cluster is None:
            if attempts.redirect is not None:
                raise attempts.redirect
            return
        nodes = self._cluster[1].nodes
        if attempts.redirect is not None and is_move(attempts.redirect):
            nodes.move_slot(attempts.redirect)
            attempts.redirect = None
        elif attempts.stale:
            with suppress(RedisError, RedisClusterException):
                nodes.initialize()


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
            packed = pack(connection, batch)
            if sum(map(len, packed)) > FITS_SOCKET and hasattr(connection._sock, "settimeout"):  # fakeredis' has none
                connection._sock.settimeout(batch[0][1].left)
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
            lost = as_redis_error(error)
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


def pack(connection: Any, batch: Sequence[tuple[Call[Any], Attempts]]) -> list[bytes]:
    """The commands as bytes. A node that is still importing the slot takes them after an ASKING, which has a reply too."""
    packed: list[bytes] = []
    for call, attempts in batch:
        if attempts.redirect is not None:
            packed += connection.pack_command("ASKING")
        packed += connection.pack_command(*call.words(whole=attempts.whole))
    return packed


def unreachable(error: RedisClusterException) -> RedisError:
    """What kept redis-py from learning a cluster's slots; its own error is not of the family that callers know."""
    cause = error.__cause__
    return cause if isinstance(cause, AuthenticationError) else RedisConnectionError(str(error))


def as_redis_error(error: Exception) -> Exception:
    """A socket's own error as the redis-py class of it; callers know those."""
    from redis import exceptions

    if isinstance(error, TimeoutError):
        return exceptions.TimeoutError(str(error) or "no answer within the deadline")
    if isinstance(error, OSError):
        return exceptions.ConnectionError(str(error))
    return error

"""`Store`: runs calls on Redis from threads.

Hot calls go over connections of our own, one per thread that is calling at this moment, kept for the next: a third of the
time of redis-py's ``client.evalsha``. A connection is never shared by two calls, and never outlives a fork.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redis.exceptions import RedisClusterException, RedisError

from shiftboss.scripts import Call
from shiftboss.store.lane import Failure, Lane, as_redis_error, unreachable
from shiftboss.store.line import GRACE, Line, Subscription
from shiftboss.store.nodes import Maker, SlotMap, is_move, single_node
from shiftboss.store.policy import Attempts
from shiftboss.store.presence import Presence
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
